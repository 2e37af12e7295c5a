"""Reserved and settled money in a ledger's file, as entries that are only ever appended.

What stands for a reservation is the sum of its entries: `reserve` adds the amount, `settle` adds
what makes the sum equal the bill, `hold` adds nothing and says why the reservation stays. So a
process that dies loses nothing and doubles nothing, and an entry that is written twice changes
nothing. Every entry has the time of its reservation, and counts in the period of that.

All functions run within a transaction of the caller, who holds the file's write lock: between
reading a sum and adding to it nobody else writes.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from time import time_ns
from typing import Any

import msgspec

from fmsdk.budget import Budget, Reservation, Shortfall
from fmsdk.errors import LedgerError
from fmsdk.ledger.schema import from_units, to_microseconds, to_units

__all__ = ["BY_HAND", "SpendingTable"]

BY_HAND = "by hand"
"""The note of a settlement that a person made."""

_MOST_TOTALS = 1000
_INSERT = """
    INSERT INTO spending (reservation, call_id, kind, time_us, written_us, delta_units, model,
        tags, note) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
# In two halves, since SQLite's sum of integers fails beyond 64 bits.
_SUM_GROUPS = """
    SELECT model, tags, sum(delta_units / 1000000), sum(delta_units % 1000000) FROM spending
    WHERE id >= ? AND time_us >= ? GROUP BY model, tags
"""
_NEW_ENTRIES = """
    SELECT id, reservation, kind, time_us, delta_units, model, tags FROM spending
    WHERE id > ? ORDER BY id
"""
_BALANCE = "SELECT sum(delta_units) FROM spending WHERE reservation = ?"
_LAST = "SELECT ifnull(max(id), 0) FROM spending"
_WRITTEN = "SELECT id, written_us FROM spending WHERE id >= ? ORDER BY id LIMIT 1"
_MOST_UNITS = 2**62
_NO_START = -(2**62)
_CLOCK_SLACK = 24 * 3600 * 10**6
"""Microseconds by which a machine's clock may have been set back between two entries."""


class SpendingTable:
    """The table `spending` through one connection. `begin` comes first in each transaction.

    It remembers the sum for each budget and the open reservations, and reads only entries that are
    newer: those of other processes. So neither a reservation nor its settlement takes longer in a
    long table, which needs no index: every entry goes to the table's last page. After a transaction
    that was rolled back, make a new one.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._execute = connection.execute
        self._totals: dict[Budget, tuple[int, int]] = {}
        self._open: dict[str, int] = {}
        self._last_id: int | None = None

    def begin(self) -> None:
        """Read what others have written."""
        if self._last_id is None or len(self._totals) > _MOST_TOTALS:
            self.forget()
            (self._last_id,) = self._execute(_LAST).fetchone()
            return
        for number, *entry in self._execute(_NEW_ENTRIES, (self._last_id,)):
            self._add(*entry)
            self._last_id = number

    def forget(self) -> None:
        """Read everything anew at the next `begin`."""
        self._totals.clear()
        self._open.clear()
        self._last_id = None

    def reserve(self, reservation: Reservation, budgets: Sequence[Budget]) -> Shortfall | None:
        """As `fmsdk.budget.Spending.reserve`."""
        units = to_units(reservation.amount, ROUND_CEILING)
        if units > _MOST_UNITS:
            raise LedgerError(f"a ledger reserves no more than $9 million: {reservation.amount}")
        for budget in budgets:
            total = self._total(budget, reservation.time)
            if total + units > to_units(budget.limit, ROUND_FLOOR):
                return Shortfall(budget, from_units(total))
        self._append(reservation, "reserve", units)
        return None

    def settle(self, reservation: Reservation, amount: Decimal, note: str | None = None) -> None:
        """As `fmsdk.budget.Spending.settle`. The last of several bills counts."""
        balance = self._balance(reservation)
        if balance is not None:
            units = to_units(amount, ROUND_CEILING)
            self._append(reservation, "settle", units - balance, note)

    def hold(self, reservation: Reservation, reason: str) -> None:
        """As `fmsdk.budget.Spending.hold`."""
        if self._balance(reservation) is not None:
            self._append(reservation, "hold", 0, reason)

    def _balance(self, reservation: Reservation) -> int | None:
        """What stands for the reservation; None: it was refused, or is unknown."""
        balance = self._open.get(reservation.id)
        if balance is None:  # of another process, or settled before
            (balance,) = self._execute(_BALANCE, (reservation.id,)).fetchone()
        return balance

    def _append(
        self, reservation: Reservation, kind: str, delta: int, note: str | None = None
    ) -> None:
        time = to_microseconds(reservation.time)
        tags = _encode_tags(reservation.tags)
        cursor = self._execute(
            _INSERT,
            (
                reservation.id,
                reservation.call_id,
                kind,
                time,
                time_ns() // 1000,
                delta,
                reservation.model,
                tags,
                note,
            ),
        )
        self._add(reservation.id, kind, time, delta, reservation.model, tags)
        self._last_id = cursor.lastrowid

    def _add(
        self, reservation: str, kind: str, time: int, delta: int, model: str, tags: str
    ) -> None:
        """Add an entry to what is remembered."""
        if kind == "reserve":
            self._open[reservation] = delta
        else:
            self._open.pop(reservation, None)
        if not delta:
            return
        pairs = _read_tags(tags)
        for budget, (start, total) in self._totals.items():
            if time >= start and budget.covers(model, pairs):
                self._totals[budget] = start, total + delta

    def _total(self, budget: Budget, when: datetime) -> int:
        """What is spent and reserved in the budget's period, in 10⁻¹² dollars."""
        window = budget.window_start(when)
        start = _NO_START if window is None else to_microseconds(window)
        known = self._totals.get(budget)
        if known is not None and known[0] == start:
            return known[1]
        total = 0
        first = 0 if window is None else self._first_written(start - _CLOCK_SLACK)
        for model, tags, millions, rest in self._execute(_SUM_GROUPS, (first, start)):
            if budget.covers(model, _read_tags(tags)):
                total += millions * 1_000_000 + rest
        self._totals[budget] = start, total
        return total

    def _first_written(self, start: int) -> int:
        """The id of the first entry that was written at `start` or later, by bisection: an entry is
        written after its reservation's time, and behind all that were written before."""
        low, high = 0, (self._last_id or 0) + 1
        while low < high:
            middle = (low + high) // 2
            row = self._execute(_WRITTEN, (middle,)).fetchone()
            if row is None or row[1] >= start:
                high = middle
            else:
                low = row[0] + 1
        return low


def _encode_tags(tags: tuple[tuple[str, str], ...]) -> str:
    return msgspec.json.encode(dict(tags)).decode() if tags else "{}"


def _read_tags(text: str) -> tuple[tuple[str, str], ...]:
    tags: dict[str, Any] = {} if text == "{}" else msgspec.json.decode(text)
    return tuple(tags.items())
