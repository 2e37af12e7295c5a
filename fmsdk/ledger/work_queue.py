"""The queue between event loops and the one thread that writes: any thread puts, one takes.

Urgent work wakes the writer at once, and takes along the other work that waits, but no records:
those wait up to `LINGER` seconds for company, so that a busy client writes many rows in one
transaction, and the transaction that a reservation waits for is as small as it can be.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from threading import Lock
from time import monotonic
from typing import Generic, TypeVar

__all__ = ["LINGER", "WorkQueue"]

T = TypeVar("T")
R = TypeVar("R")

LINGER = 0.1
"""Seconds. What a process that is killed may not have written of finished calls."""


class WorkQueue(Generic[T, R]):
    """Work and records, each in their order. A lock serves as a flag that can be waited for:
    `threading.Event` and `Condition` take ten times as long."""

    def __init__(self) -> None:
        self._work = deque[T]()
        self._records = deque[R]()
        self._has_urgent = self._is_idle = self._wants_records = False
        self._records_taken = 0.0
        self._signal = Lock()
        self._signal.acquire()

    def __len__(self) -> int:
        return len(self._work) + len(self._records)

    def put(self, item: T, *, urgent: bool = False, with_records: bool = False) -> None:
        """Add work.

        Args:
            with_records: the records of before are to be taken with it.
        """
        self._work.append(item)
        if with_records:
            self._wants_records = True
        if urgent:
            self._has_urgent = True
        self._wake(urgent=urgent)

    def put_record(self, record: R) -> None:
        """Add a record."""
        self._records.append(record)
        self._wake(urgent=False)

    def _wake(self, *, urgent: bool) -> None:
        if urgent or self._is_idle:
            with suppress(RuntimeError):  # it is signalled already
                self._signal.release()

    def take_unhurried(self) -> list[T] | None:
        """All work, for any thread; None: somebody waits for some of it."""
        if self._has_urgent:
            return None
        taken: list[T] = []
        with suppress(IndexError):  # the other thread took some
            while True:
                taken.append(self._work.popleft())
        return taken

    def put_back(self, work: Sequence[T], records: Sequence[R]) -> None:
        """Put items at the front again. For a thread that took them."""
        self._work.extendleft(reversed(work))
        self._records.extendleft(reversed(records))

    def take(
        self, idle_timeout: float, pause: float | None = None
    ) -> tuple[list[T], list[R]] | None:
        """Work and records, in their order; None: there was none for `idle_timeout` seconds.

        Args:
            pause: seconds for which only urgent items count, after a failure; None: no pause.
        """
        self._signal.acquire(blocking=False)  # of what is there to be taken already
        if pause is None:
            # In this order: a `put` in between sees the flag, or its item is seen here.
            self._is_idle = True
            is_over = not len(self) and not self._signal.acquire(timeout=idle_timeout)
            self._is_idle = False
            if is_over:
                return None
            pause = LINGER
        if len(self) and not self._has_urgent:
            self._signal.acquire(timeout=pause)
        is_due = not self._has_urgent or self._wants_records
        self._has_urgent = self._wants_records = False
        now = monotonic()
        if is_due or now - self._records_taken >= LINGER:
            self._records_taken = now
            records = [self._records.popleft() for _ in range(len(self._records))]
        else:
            records = []
        return [self._work.popleft() for _ in range(len(self._work))], records
