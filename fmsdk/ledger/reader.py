"""Reading a ledger: which rows, and which columns of them. What they mean is in `summary`.

`SqliteReader` reads while others write. Another store needs the same three methods.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal, Protocol, Self

import msgspec

from fmsdk.budget import Reservation
from fmsdk.errors import BadRequestError, LedgerError
from fmsdk.files import expand_home
from fmsdk.ledger.schema import (
    from_units,
    open_for_reading,
    open_for_writing,
    to_microseconds,
    to_time,
)
from fmsdk.ledger.spending import BY_HAND, SpendingTable

__all__ = ["EVERYTHING", "Filter", "LedgerReader", "OpenReservation", "SqliteReader"]

Table = Literal["calls", "attempts", "spending"]
_OPEN = """
    SELECT max(reservation), max(call_id), max(time_us), max(model), max(tags), sum(delta_units),
        max(CASE kind WHEN 'hold' THEN note WHEN 'lease' THEN '{lease}' END)
    FROM spending {where}
    GROUP BY reservation HAVING sum(kind = 'settle') = 0 AND (max(kind = 'lease') = 0
        OR (sum(delta_units) > 0 AND max(written_us) < {recently}))
    ORDER BY max(time_us)
"""
_LEASE_REASON = "a process reserved it in advance, and ended"
_LIFE_OF_A_LEASE = timedelta(minutes=1)
_SETTLEMENTS = """
    SELECT reservation, max(call_id), max(time_us), max(model), max(tags), sum(delta_units)
    FROM spending {where}
    GROUP BY reservation HAVING max(kind = 'settle' AND note = '{note}') = 1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which calls are meant: all that match everything given.

    since, until: aware times; `until` is not included. model: "provider:model", or a model's name
    alone; `*` stands for any text. tag: a name, and a value or None for any.
    """

    since: datetime | None = None
    until: datetime | None = None
    model: str | None = None
    tag: tuple[str, str | None] | None = None

    def to_sql(self, table: Table) -> tuple[str, list[Any]]:
        """A clause with its values; "" where everything is meant."""
        terms: list[str] = []
        values: list[Any] = []
        for sign, time in ((">=", self.since), ("<", self.until)):
            if time is not None:
                terms.append(f"time_us {sign} ?")
                values.append(to_microseconds(time))
        if self.model is not None:
            name = "model" if table == "spending" else "provider || ':' || model"
            # A name alone is that of any provider's model.
            terms.append(f"{name} GLOB ?")
            values.append(self.model if ":" in self.model else f"*:{self.model}")
        if self.tag is not None:
            name, value = self.tag
            same = "" if value is None else "AND value = ?"
            terms.append(f"EXISTS (SELECT 1 FROM json_each(tags) WHERE key = ? {same})")  # noqa: S608
            values += [name] if value is None else [name, value]
        return f"WHERE {' AND '.join(terms)}" if terms else "", values


EVERYTHING = Filter()


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenReservation:
    """Money of an attempt that is not settled. reason: why it may have been billed; None: nobody
    said, since the attempt runs, or since its process died."""

    reservation: Reservation
    reason: str | None = None


class LedgerReader(Protocol):
    """Reads what a `Ledger` wrote."""

    def rows(
        self, table: Table, columns: Sequence[str], where: Filter = EVERYTHING
    ) -> Iterator[tuple[Any, ...]]:
        """The columns of a table's rows, in the order in which they were written."""
        ...

    def open_reservations(self, where: Filter = EVERYTHING) -> list[OpenReservation]:
        """Those that nobody has settled, the oldest first."""
        ...

    def settled_by_hand(self, where: Filter = EVERYTHING) -> dict[str, Reservation]:
        """Reservations that a person has settled, by id; their amounts are the bills."""
        ...


class SqliteReader:
    """Reads a ledger's file. A context manager.

    Raises:
        LedgerError: there is no such file, or it cannot be read.
        BadRequestError: a path that no file can have.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = expand_home(os.fspath(path))
        if not self.path or "\0" in self.path:
            raise BadRequestError(f"a ledger is a file's path, such as 'fmsdk.db', not {path!r}")
        self._connection = open_for_reading(self.path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def columns(self, table: Table) -> dict[str, str]:
        """A table's columns, and SQLite's type of each."""
        return dict(self._execute("SELECT name, type FROM pragma_table_info(?)", (table,)))

    def rows(
        self, table: Table, columns: Sequence[str], where: Filter = EVERYTHING
    ) -> Iterator[tuple[Any, ...]]:
        """As `LedgerReader.rows`."""
        clause, values = where.to_sql(table)
        sql = f"SELECT {', '.join(columns)} FROM {table} {clause} ORDER BY id"  # noqa: S608
        return self._execute(sql, values)

    def open_reservations(self, where: Filter = EVERYTHING) -> list[OpenReservation]:
        """As `LedgerReader.open_reservations`."""
        clause, values = where.to_sql("spending")
        recently = to_microseconds(datetime.now(UTC) - _LIFE_OF_A_LEASE)
        sql = _OPEN.format(where=clause, lease=_LEASE_REASON, recently=recently)
        return [
            OpenReservation(reservation=_read_reservation(*values), reason=reason)
            for *values, reason in self._execute(sql, values)
        ]

    def settled_by_hand(self, where: Filter = EVERYTHING) -> dict[str, Reservation]:
        """As `LedgerReader.settled_by_hand`."""
        clause, values = where.to_sql("spending")
        sql = _SETTLEMENTS.format(where=clause, note=BY_HAND)
        settled = [_read_reservation(*row) for row in self._execute(sql, values)]
        return {reservation.id: reservation for reservation in settled}

    def settle(self, reservations: Sequence[Reservation], amount: Decimal | None) -> None:
        """Settle reservations by hand.

        Args:
            amount: US dollars of each; None: what it reserved.

        Raises:
            LedgerError: the file cannot be written.
        """
        try:
            connection = open_for_writing(self.path, 10.0)
            try:
                connection.execute("BEGIN IMMEDIATE")
                table = SpendingTable(connection)
                for one in reservations:
                    table.settle(one, one.amount if amount is None else amount, BY_HAND)
                connection.execute("COMMIT")
            finally:
                connection.close()
        except OverflowError as error:
            raise LedgerError("a ledger holds no more than $9 million of one attempt") from error
        except sqlite3.Error as error:
            raise LedgerError(f"the ledger {self.path} cannot be written: {error}") from error

    def _execute(self, sql: str, values: Sequence[Any] = ()) -> Iterator[Any]:
        try:
            yield from self._connection.execute(sql, values)
        except sqlite3.Error as error:
            raise LedgerError(f"cannot read the ledger {self.path}: {error}") from error


def _read_reservation(
    id: str, call_id: str, time: int, model: str, tags: str, units: int
) -> Reservation:
    return Reservation(
        id=id,
        call_id=call_id,
        time=to_time(time),
        model=model,
        tags=tuple(msgspec.json.decode(tags).items()),
        amount=from_units(units),
    )
