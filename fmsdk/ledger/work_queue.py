"""The queue between event loops and the one thread that writes: any thread puts, one takes.

Urgent work wakes the writer at once. Other work waits up to `LINGER` seconds for company, so that
a busy client costs one transaction for many calls, and an idle one no wake-ups.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from threading import Lock
from typing import Generic, TypeVar

__all__ = ["LINGER", "WorkQueue"]

T = TypeVar("T")

LINGER = 0.05
"""Seconds. What a process that is killed may not have written of finished calls."""


class WorkQueue(Generic[T]):
    """Items in their order. A lock serves as a flag that can be waited for: `threading.Event` and
    `Condition` take ten times as long."""

    def __init__(self) -> None:
        self._items = deque[T]()
        self._has_urgent = self._is_idle = False
        self._signal = Lock()
        self._signal.acquire()

    def __len__(self) -> int:
        return len(self._items)

    def add(self, item: T, *, urgent: bool = False) -> None:
        """Add an item."""
        self._items.append(item)
        if urgent:
            self._has_urgent = True
        if urgent or self._is_idle:
            with suppress(RuntimeError):  # it is signalled already
                self._signal.release()

    def put_back(self, items: Sequence[T]) -> None:
        """Put items at the front again. Only for the thread that took them."""
        self._items.extendleft(reversed(items))

    def take_all(self, idle_timeout: float, pause: float | None = None) -> list[T] | None:
        """All items, in their order; None: there was none for `idle_timeout` seconds.

        Args:
            pause: seconds for which only urgent items count, after a failure; None: no pause.
        """
        if pause is None:
            # In this order: a `add` in between sees the flag, or its item is seen here.
            self._is_idle = True
            is_over = not self._items and not self._signal.acquire(timeout=idle_timeout)
            self._is_idle = False
            if is_over:
                return None
            pause = LINGER
        if self._items and not self._has_urgent:
            self._signal.acquire(timeout=pause)
        self._has_urgent = False
        return [self._items.popleft() for _ in range(len(self._items))]
