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
from datetime import UTC, datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
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
    WHERE time_us >= ? GROUP BY model, tags
"""
_NEW_ENTRIES = "SELECT id, time_us, delta_units, model, tags FROM spending WHERE id > ? ORDER BY id"
_BALANCE = "SELECT sum(delta_units) FROM spending WHERE reservation = ?"
_MOST_UNITS = 2**62
_NO_START = -(2**62)


class SpendingTable:
    """The table `spending` through one connection.

    It remembers the sum for each budget, and reads only entries that are newer: those of other
    processes, too. After a transaction that was rolled back, `forget` drops the sums.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._execute = connection.execute
        self._totals: dict[Budget, tuple[int, int]] = {}
        self._last_id: int | None = None

    def forget(self) -> None:
        """Read the sums anew."""
        self._totals.clear()
        self._last_id = None

    def reserve(self, reservation: Reservation, budgets: Sequence[Budget]) -> Shortfall | None:
        """As `fmsdk.budget.Spending.reserve`."""
        units = to_units(reservation.amount, ROUND_CEILING)
        if units > _MOST_UNITS:
            raise LedgerError(f"a ledger reserves no more than $9 million: {reservation.amount}")
        self._read_new_entries()
        for budget in budgets:
            total = self._total(budget, reservation.time)
            if total + units > to_units(budget.limit, ROUND_FLOOR):
                return Shortfall(budget, from_units(total))
        self._append(reservation, "reserve", units)
        return None

    def settle(self, reservation: Reservation, amount: Decimal, note: str | None = None) -> None:
        """As `fmsdk.budget.Spending.settle`. The last of several bills counts."""
        (balance,) = self._execute(_BALANCE, (reservation.id,)).fetchone()
        if balance is not None:
            units = to_units(amount, ROUND_CEILING)
            self._append(reservation, "settle", units - balance, note)

    def hold(self, reservation: Reservation, reason: str) -> None:
        """As `fmsdk.budget.Spending.hold`."""
        (balance,) = self._execute(_BALANCE, (reservation.id,)).fetchone()
        if balance is not None:
            self._append(reservation, "hold", 0, reason)

    def _append(
        self, reservation: Reservation, kind: str, delta: int, note: str | None = None
    ) -> None:
        self._execute(
            _INSERT,
            (
                reservation.id,
                reservation.call_id,
                kind,
                to_microseconds(reservation.time),
                to_microseconds(datetime.now(UTC)),
                delta,
                reservation.model,
                msgspec.json.encode(dict(reservation.tags)).decode(),
                note,
            ),
        )

    def _read_new_entries(self) -> None:
        if self._last_id is None or len(self._totals) > _MOST_TOTALS:
            self._totals.clear()
            (self._last_id,) = self._execute("SELECT ifnull(max(id), 0) FROM spending").fetchone()
            return
        for number, time, delta, model, tags in self._execute(_NEW_ENTRIES, (self._last_id,)):
            pairs = _read_tags(tags)
            for budget, (start, total) in self._totals.items():
                if time >= start and budget.covers(model, pairs):
                    self._totals[budget] = start, total + delta
            self._last_id = number

    def _total(self, budget: Budget, when: datetime) -> int:
        """What is spent and reserved in the budget's period, in 10⁻¹² dollars."""
        window = budget.window_start(when)
        start = _NO_START if window is None else to_microseconds(window)
        known = self._totals.get(budget)
        if known is not None and known[0] == start:
            return known[1]
        total = 0
        for model, tags, millions, rest in self._execute(_SUM_GROUPS, (start,)):
            if budget.covers(model, _read_tags(tags)):
                total += millions * 1_000_000 + rest
        self._totals[budget] = start, total
        return total


def _read_tags(text: str) -> tuple[tuple[str, str], ...]:
    tags: dict[str, Any] = {} if text == "{}" else msgspec.json.decode(text)
    return tuple(tags.items())
