"""One request in an engine's queue, and its way from the inference thread to the event loop."""

from __future__ import annotations

import asyncio
from collections import deque
from time import perf_counter
from typing import Any

__all__ = ["Job"]


class Job:
    """One request in the engine.

    Attributes:
        task: what the runner needs, prepared off the inference thread.
        is_cancelled: nobody waits for the rest; a runner checks it at each decode step.
        submitted_at, started_at, ended_at: `time.perf_counter()` when the job was queued, started
            and ended; None: not yet.
    """

    def __init__(self, task: Any, loop: asyncio.AbstractEventLoop) -> None:
        self.task = task
        self.is_cancelled = False
        self.submitted_at = perf_counter()
        self.started_at: float | None = None
        self.ended_at: float | None = None
        self._loop = loop
        self._items: deque[object] = deque()
        self._wake_scheduled = False
        self._waiter: asyncio.Future[None] | None = None

    @property
    def queue_seconds(self) -> float:
        """Seconds in the queue so far."""
        return (self.started_at or self.ended_at or perf_counter()) - self.submitted_at

    @property
    def device_seconds(self) -> float:
        """Seconds on the device so far."""
        if self.started_at is None:
            return 0.0
        return (self.ended_at or perf_counter()) - self.started_at

    def emit(self, item: object) -> None:
        """Send `item` to the coroutine that waits; callable from any thread."""
        self._items.append(item)
        # One wake-up serves all items that arrive before it runs, so bursts cost the loop little.
        if not self._wake_scheduled:
            self._wake_scheduled = True
            try:
                self._loop.call_soon_threadsafe(self._wake)
            except RuntimeError:  # the loop was closed while the request ran
                self.is_cancelled = True

    def _wake(self) -> None:
        self._wake_scheduled = False
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def next_item(self) -> object:
        """The next emitted item; waits for it."""
        # An item that is emitted after this check of the queue schedules its wake-up on this same
        # loop, so it cannot be missed. A wake-up may find that its items were consumed already.
        while not self._items:
            self._waiter = self._loop.create_future()
            await self._waiter
        return self._items.popleft()
