"""Money that a process has reserved in advance, so that most reservations need not wait for the
file.

Where reservations follow each other quickly, one that goes to the file takes a lease along: what
the next few like it may need, and a small part of what the budgets have left. The following ones of
the same model and tags, under the same budgets, draw on it in memory; their entries are written
later, and take as much off the lease. A lease counts as spent for everyone. So a process that is
killed leaves too much reserved, never too little, and close to a cap there are no leases: every
reservation is exact.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from time import monotonic

from fmsdk.budget import Budget, Reservation

__all__ = ["LEASE_SECONDS", "Lease", "Leases", "hour_of", "kind_of"]

_MOST_KINDS = 1000

LEASE_SECONDS = 1.0
"""How long a lease that nobody draws on is kept, and how soon reservations have to follow each
other for a lease."""

Key = tuple[str, tuple[tuple[str, str], ...], tuple[int, ...]]


@dataclass(slots=True)
class Lease:
    """A lease. origin: the reservation that took it along. units: what is left of it, in 10⁻¹²
    dollars. hour: that of the reservations that may draw on it, since no budget's period begins
    within one."""

    id: str
    origin: Reservation
    budgets: tuple[Budget, ...]
    units: int
    last_use: float
    hour: int


class Leases:
    """The leases of one ledger in this process. Safe from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._leases: dict[Key, Lease] = {}
        self._last_request: dict[Key, float] = {}

    def __len__(self) -> int:
        return len(self._leases)

    def draw(self, reservation: Reservation, budgets: Sequence[Budget], units: int) -> Lease | None:
        """The lease that pays for a reservation; None: there is none with so much left."""
        lease = self._leases.get(kind_of(reservation, budgets))
        if lease is None or lease.hour != hour_of(reservation.time):
            return None
        with self._lock:
            if lease.units < units:
                return None
            lease.units -= units
            lease.last_use = monotonic()
            return lease

    def is_worthwhile(self, reservation: Reservation, budgets: Sequence[Budget]) -> bool:
        """Whether reservations of this kind follow each other quickly."""
        key, now = kind_of(reservation, budgets), monotonic()
        last = self._last_request.get(key, 0.0)
        if len(self._last_request) > _MOST_KINDS:
            self._last_request.clear()
        self._last_request[key] = now
        return now - last < LEASE_SECONDS

    def add(self, lease: Lease) -> list[tuple[Lease, int]]:
        """Take up a lease that is in the file, and return the one in whose place it is, if any,
        with what was left of it."""
        key = kind_of(lease.origin, lease.budgets)
        with self._lock:
            last, self._leases[key] = self._leases.get(key), lease
            if last is None:
                return []
            units, last.units = last.units, 0
            return [(last, units)]

    def take_back(self, *, unused_since: float | None = None) -> list[tuple[Lease, int]]:
        """End all leases, or those that nobody has drawn on since a moment of `monotonic`, and
        return what was left of each."""
        with self._lock:
            old_leases: list[tuple[Lease, int]] = []
            for key, lease in [*self._leases.items()]:
                if unused_since is None or lease.last_use < unused_since:
                    old_leases.append((lease, lease.units))
                    lease.units = 0
                    del self._leases[key]
            return old_leases


def hour_of(time: datetime) -> int:
    """The number of an hour, which is in one period of every budget."""
    return int(time.timestamp()) // 3600


def kind_of(reservation: Reservation, budgets: Sequence[Budget]) -> Key:
    """What reservations on one lease have in common. Budgets are told apart by identity, which is
    quick; a lease keeps its own alive."""
    return reservation.model, reservation.tags, tuple([id(budget) for budget in budgets])
