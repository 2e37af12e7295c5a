"""What the writer's thread does with a batch of work: one transaction on one connection."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal

import msgspec

from fmsdk.budget import Budget, Reservation, Shortfall
from fmsdk.errors import LedgerError
from fmsdk.ledger.leases import Lease, Leases, kind_of
from fmsdk.ledger.records import AttemptRecord, CallRecord
from fmsdk.ledger.rows import attempt_row, call_row
from fmsdk.ledger.schema import open_for_writing
from fmsdk.ledger.spending import SpendingTable

__all__ = ["Flush", "GiveBack", "Hold", "Reserve", "Settle", "Store", "Work"]


class Reserve(msgspec.Struct, gc=False):
    """A reservation, and the future of the event loop that waits for it; None: it was made in
    memory, on `lease`, or without budgets. shortfall, error: the answer, once the transaction has
    ended."""

    reservation: Reservation
    budgets: Sequence[Budget]
    future: asyncio.Future[Shortfall | None] | None
    lease: Lease | None = None
    shortfall: Shortfall | None = None
    error: LedgerError | None = None


class Settle(msgspec.Struct, frozen=True, gc=False):
    """The bill of a reservation."""

    reservation: Reservation
    amount: Decimal


class Hold(msgspec.Struct, frozen=True, gc=False):
    """Why a reservation stays."""

    reservation: Reservation
    reason: str


@dataclass(frozen=True, slots=True)
class GiveBack:
    """A lease that has ended, and what was left of it."""

    lease: Lease
    units: int


@dataclass(frozen=True, slots=True)
class Flush:
    """Somebody waits for what was put before. is_last: what cannot be written then is lost."""

    future: Future[None]
    is_last: bool


Work = Reserve | Settle | Hold | GiveBack | Flush | AttemptRecord | CallRecord


class Store:
    """The file, opened at the first batch. For one thread at a time."""

    def __init__(self, path: str, timeout: float, leases: Leases) -> None:
        self._path = path
        self._leases = leases
        self._timeout = timeout
        self.ended_leases: list[tuple[Lease, int]] = []
        self._connection: sqlite3.Connection | None = None
        self._spending: SpendingTable | None = None
        self._identity: tuple[int, int] | None = None

    def write(self, batch: list[Work]) -> list[tuple[Work, Exception]]:
        """Write all of a batch, or nothing. Answers of reservations are in their items. Leases that
        were ended for them are added to the batch.

        Returns:
            Items that were left out, since no column can hold them, and why.

        Raises:
            sqlite3.Error, LedgerError: nothing was written.
        """
        refusals: list[tuple[Work, Exception]] = []
        if all(isinstance(work, Flush) for work in batch):
            return refusals
        connection, spending = self._open()
        try:
            connection.execute("BEGIN IMMEDIATE")
            for work in [*batch]:
                try:
                    _apply(work, connection, spending)
                    if isinstance(work, Reserve) and work.shortfall and len(self._leases):
                        # What this process holds in advance must not refuse its own request.
                        old_leases = [GiveBack(*lease) for lease in self._leases.take_back()]
                        batch += old_leases
                        for item in (*old_leases, work):
                            _apply(item, connection, spending)
                except sqlite3.Error as error:
                    # Others concern the file, not this item.
                    if isinstance(error, (sqlite3.OperationalError, sqlite3.InternalError)):
                        raise
                    if type(error) is sqlite3.DatabaseError:
                        raise
                    _refuse(work, error, refusals)
                except Exception as error:
                    _refuse(work, error, refusals)
            kinds = {
                kind_of(work.reservation, work.budgets): work
                for work in batch
                if isinstance(work, Reserve)
                and work.future
                and not (work.shortfall or work.error)
                and self._leases.is_worthwhile(work.reservation, work.budgets)
            }
            leases = [spending.lease(work.reservation, work.budgets) for work in kinds.values()]
            spending.finish()
            connection.execute("COMMIT")
        except BaseException:
            self.close()  # rolls back; the sums that were read are dropped with it
            raise
        self.ended_leases += [
            old_lease
            for lease in leases
            if lease is not None
            for old_lease in self._leases.add(lease)
        ]
        return refusals

    def _open(self) -> tuple[sqlite3.Connection, SpendingTable]:
        """The file that was opened first. SQLite would go on in one that was deleted, while other
        processes count in a new one."""
        try:
            status = os.stat(self._path)
            identity = status.st_dev, status.st_ino
        except OSError:
            identity = None
        if self._identity is not None and self._identity != identity:
            self.close()
            raise LedgerError(
                "it was deleted, moved or replaced while in use; put it back, or begin another "
                "with a new client"
            )
        connection, spending = self._connection, self._spending
        if connection is None or spending is None:
            connection = self._connection = open_for_writing(self._path, self._timeout)
            spending = self._spending = SpendingTable(connection)
            status = os.stat(self._path)
            self._identity = status.st_dev, status.st_ino
        return connection, spending

    def close(self) -> None:
        """Close the file, without waiting for others that write."""
        connection, self._connection, self._spending = self._connection, None, None
        if connection is not None:
            with suppress(sqlite3.Error):
                connection.close()

    def abandon(self) -> sqlite3.Connection | None:
        """The connection, which the child of a fork must neither use nor close."""
        connection, self._connection, self._spending = self._connection, None, None
        return connection


def _apply(work: Work, connection: sqlite3.Connection, spending: SpendingTable) -> None:
    match work:
        case CallRecord():
            connection.execute(*call_row(work))
        case AttemptRecord():
            connection.execute(*attempt_row(work))
        case Reserve() if work.future is None:
            spending.draw(work.reservation, work.lease)
        case Reserve():
            work.shortfall = spending.reserve(work.reservation, work.budgets)
        case GiveBack():
            spending.give_back(work.lease, work.units)
        case Settle():
            spending.settle(work.reservation, work.amount)
        case Hold():
            spending.hold(work.reservation, work.reason)
        case Flush():
            pass


def _refuse(work: Work, error: Exception, refusals: list[tuple[Work, Exception]]) -> None:
    if isinstance(work, Reserve) and work.future is not None:
        work.error = LedgerError(f"the ledger cannot hold this reservation: {error}")
    else:
        refusals.append((work, error))
