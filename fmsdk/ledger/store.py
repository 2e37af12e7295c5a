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
from time import monotonic, sleep
from typing import Any, NamedTuple

from fmsdk.budget import Budget, Reservation, Shortfall
from fmsdk.errors import LedgerError
from fmsdk.ledger.schema import open_for_writing
from fmsdk.ledger.spending import SpendingTable

__all__ = ["Flush", "Hold", "Reserve", "Row", "Settle", "Store", "Work"]


@dataclass(slots=True)
class Reserve:
    """A reservation, and the future of the event loop that waits for it; None: nobody does.
    shortfall, error: the answer, once the transaction has ended."""

    reservation: Reservation
    budgets: Sequence[Budget]
    future: asyncio.Future[Shortfall | None] | None
    shortfall: Shortfall | None = None
    error: LedgerError | None = None


@dataclass(frozen=True, slots=True)
class Settle:
    """The bill of a reservation."""

    reservation: Reservation
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Hold:
    """Why a reservation stays."""

    reservation: Reservation
    reason: str


@dataclass(frozen=True, slots=True)
class Flush:
    """Somebody waits for what was put before. is_last: what cannot be written then is lost."""

    future: Future[None]
    is_last: bool


Work = Reserve | Settle | Hold | Flush
_BUSY_SECONDS = 0.002
_WAL_BYTES = 4 * 2**20


class Row(NamedTuple):
    """A row that waits to be written: the statement, and the values of its columns."""

    statement: str
    values: tuple[Any, ...]


class Store:
    """The file, opened at the first batch. For one thread at a time."""

    def __init__(self, path: str, timeout: float) -> None:
        self._path = path
        self._timeout = timeout
        self._connection: sqlite3.Connection | None = None
        self._spending: SpendingTable | None = None

    @property
    def is_open(self) -> bool:
        """Whether a batch can be written without opening the file."""
        return self._connection is not None

    def write(
        self, batch: Sequence[Work], rows: Sequence[Row] = (), *, waits: bool = True
    ) -> list[tuple[Work | Row, Exception]]:
        """Write all of a batch, or nothing. Answers of reservations are in their items.

        Args:
            waits: wait while another process writes.

        Returns:
            Items that were left out, since no column can hold them, and why.

        Raises:
            sqlite3.Error, LedgerError: nothing was written.
        """
        refusals: list[tuple[Work | Row, Exception]] = []
        if not rows and all(isinstance(work, Flush) for work in batch):
            return refusals
        connection, spending = self._connection, self._spending
        if connection is None or spending is None:
            connection = self._connection = open_for_writing(self._path, self._timeout)
            connection.execute("PRAGMA busy_timeout = 0")
            spending = self._spending = SpendingTable(connection)
        self._begin(connection, self._timeout if waits else 0)
        try:
            if batch:
                spending.begin()
            for item in (*batch, *rows):
                try:
                    _apply(item, connection, spending)
                except sqlite3.Error as error:
                    # Others concern the file, not this item.
                    if isinstance(error, (sqlite3.OperationalError, sqlite3.InternalError)):
                        raise
                    if type(error) is sqlite3.DatabaseError:
                        raise
                    _refuse(item, error, refusals)
                except Exception as error:
                    _refuse(item, error, refusals)
            connection.execute("COMMIT")
        except BaseException:
            self.close()  # rolls back; the sums that were read are dropped with it
            raise
        return refusals

    def _begin(self, connection: sqlite3.Connection, seconds: float) -> None:
        """Take the file's write lock, for which `seconds` may be waited."""
        deadline = monotonic() + seconds
        while True:
            try:
                connection.execute("BEGIN IMMEDIATE")
                return
            except sqlite3.OperationalError as error:
                name = getattr(error, "sqlite_errorname", "")
                if not name.startswith("SQLITE_BUSY"):
                    self.close()
                    raise
                if monotonic() >= deadline:
                    raise
            sleep(_BUSY_SECONDS)

    def checkpoint(self) -> None:
        """Copy what is written into the file itself, which waits for the disk, if that is due."""
        with suppress(OSError, sqlite3.Error):
            if self._connection and os.path.getsize(f"{self._path}-wal") >= _WAL_BYTES:
                self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

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


def _apply(item: Work | Row, connection: sqlite3.Connection, spending: SpendingTable) -> None:
    match item:
        case Reserve():
            item.shortfall = spending.reserve(item.reservation, item.budgets)
        case Settle():
            spending.settle(item.reservation, item.amount)
        case Hold():
            spending.hold(item.reservation, item.reason)
        case Row():
            connection.execute(*item)
        case Flush():
            pass


def _refuse(
    item: Work | Row, error: Exception, refusals: list[tuple[Work | Row, Exception]]
) -> None:
    if isinstance(item, Reserve) and item.future is not None:
        item.error = LedgerError(f"the ledger cannot hold this reservation: {error}")
    else:
        refusals.append((item, error))
