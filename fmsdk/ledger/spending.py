"""Reserved and settled money in a ledger's file, as entries that are only ever appended.

What stands for a reservation is the sum of its entries: `reserve` adds the amount, `settle` adds
what makes the sum equal the bill, `hold` adds nothing and says why the reservation stays; `lease`
is money that a process reserved in advance (`leases`), or what was drawn on it. So a
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
from functools import lru_cache
from time import monotonic, time_ns

import msgspec

from fmsdk.budget import Budget, Reservation, Shortfall
from fmsdk.errors import LedgerError
from fmsdk.ledger.leases import Lease, hour_of
from fmsdk.ledger.schema import from_units, to_microseconds, to_units

__all__ = ["BY_HAND", "SpendingTable", "encode_tags"]

BY_HAND = "by hand"
"""The note of a settlement that a person made."""

_MOST_TOTALS = 1000
_INSERT = """
    INSERT INTO spending (reservation, call_id, kind, time_us, written_us, delta_units, model,
        tags, note) SELECT ?1, ?2, ?3, ?4, ?5, {delta}, ?7, ?8, ?9 FROM
        (SELECT sum(delta_units) AS balance FROM spending WHERE reservation = ?1) WHERE {condition}
"""
_ALWAYS = _INSERT.format(delta="?6", condition="true")
_IF_NEW = _INSERT.format(delta="?6", condition="balance IS NULL")
_IF_KNOWN = _INSERT.format(delta="?6", condition="balance IS NOT NULL")
_MAKE_BALANCE = _INSERT.format(delta="?6 - balance", condition="balance IS NOT NULL")
# In two halves, since SQLite's sum of integers fails beyond 64 bits.
_SUM_GROUPS = """
    SELECT model, tags, sum(delta_units / 1000000), sum(delta_units % 1000000) FROM spending
    WHERE time_us >= ? GROUP BY model, tags
"""
_NEW_ENTRIES = "SELECT id, time_us, delta_units, model, tags FROM spending WHERE id > ? ORDER BY id"
_IS_RETURNED = "SELECT 1 FROM spending WHERE reservation = ? AND note = ?"
_RETURN_NOTE = "returned"
_MOST_UNITS = 2**62
# A lease is worth up to 64 reservations, at least 4, and at most a 64th of what a budget has left.
_MOST_IN_ADVANCE, _LEAST_IN_ADVANCE, _LEASE_PART = 64, 4, 64
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
        self._draws: dict[str, tuple[Lease, int]] = {}

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

    def lease(self, origin: Reservation, budgets: Sequence[Budget]) -> Lease | None:
        """Reserve in advance for reservations like one that was just made; None: the budgets have
        too little left for that."""
        units = to_units(origin.amount, ROUND_CEILING)
        self._read_new_entries()
        remainders = [
            to_units(budget.limit, ROUND_FLOOR) - self._total(budget, origin.time)
            for budget in budgets
        ]
        lease_units = min(_MOST_IN_ADVANCE * units, min(remainders) // _LEASE_PART)
        if lease_units < _LEAST_IN_ADVANCE * units or not units:
            return None
        hour, now = hour_of(origin.time), monotonic()
        lease = Lease(f"lease-{origin.id}", origin, tuple(budgets), lease_units, now, hour)
        self._append(origin, "lease", lease_units, name=lease.id)
        return lease

    def draw(self, reservation: Reservation, lease: Lease | None) -> None:
        """Write a reservation that was made in memory, on a lease or without any budget. Nothing
        happens if a transaction whose end was not heard of has written it."""
        units = to_units(reservation.amount, ROUND_CEILING)
        if self._append(reservation, "reserve", units, sql=_IF_NEW) and lease is not None:
            _, drawn_units = self._draws.get(lease.id, (lease, 0))
            self._draws[lease.id] = lease, drawn_units + units

    def finish(self) -> None:
        """Write what was drawn on leases: the last step of a transaction."""
        for lease, units in self._draws.values():
            self._append(lease.origin, "lease", -units, name=lease.id)
        self._draws.clear()

    def give_back(self, lease: Lease, units: int) -> None:
        """Write that a lease has ended, of which so much was left."""
        if not self._execute(_IS_RETURNED, (lease.id, _RETURN_NOTE)).fetchone():
            self._append(lease.origin, "lease", -units, _RETURN_NOTE, name=lease.id)

    def settle(self, reservation: Reservation, amount: Decimal, note: str | None = None) -> None:
        """As `fmsdk.budget.Spending.settle`. The last of several bills counts."""
        units = to_units(amount, ROUND_CEILING)
        self._append(reservation, "settle", units, note, sql=_MAKE_BALANCE)

    def hold(self, reservation: Reservation, reason: str) -> None:
        """As `fmsdk.budget.Spending.hold`."""
        self._append(reservation, "hold", 0, reason, sql=_IF_KNOWN)

    def _append(
        self,
        reservation: Reservation,
        kind: str,
        units: int,
        note: str | None = None,
        *,
        name: str | None = None,
        sql: str = _ALWAYS,
    ) -> bool:
        """Append an entry, and return whether the condition of the statement was met."""
        values = (
            name or reservation.id,
            reservation.call_id,
            kind,
            to_microseconds(reservation.time),
            time_ns() // 1000,
            units,
            reservation.model,
            encode_tags(reservation.tags),
            note,
        )
        return self._execute(sql, values).rowcount == 1

    def _read_new_entries(self) -> None:
        self.finish()
        if self._last_id is None or len(self._totals) > _MOST_TOTALS:
            self._totals.clear()
            (self._last_id,) = self._execute("SELECT ifnull(max(id), 0) FROM spending").fetchone()
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


@lru_cache(maxsize=256)
def encode_tags(tags: tuple[tuple[str, str], ...]) -> str:
    """Tags as the text of a JSON object."""
    return msgspec.json.encode(dict(tags)).decode()


@lru_cache(maxsize=256)
def _read_tags(text: str) -> tuple[tuple[str, str], ...]:
    tags: dict[str, str] = msgspec.json.decode(text)
    return tuple(tags.items())
