"""The calls that run on one event loop: a client that is closed ends them, and while there are any
the lag of the loop is measured."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from time import perf_counter
from typing import Protocol

from fmsdk.errors import ClientClosed

__all__ = ["RunningCalls", "closed_error"]

_LEAVE_SECONDS = 1.0
_TICK_SECONDS = 0.02


class _Interruptible(Protocol):
    def interrupt(self) -> bool:
        """End the call, if it waits for something. Returns whether it does."""
        ...


class RunningCalls:
    """The calls of one client on one event loop, from its first call until it is closed. What is
    called afterwards belongs to another object."""

    def __init__(self) -> None:
        self.is_closed = False
        self._calls: set[_Interruptible] = set()
        self._interrupted_calls: set[_Interruptible] = set()
        self._all_left: asyncio.Event | None = None
        self._lag = 0.0
        self._next_tick: float | None = None

    def check_open(self) -> None:
        """Raise ClientClosed if the client was closed."""
        if self.is_closed:
            raise closed_error()

    def add(self, call: _Interruptible) -> None:
        """A call begins. Raises ClientClosed."""
        self.check_open()
        self._calls.add(call)
        if self._next_tick is None:
            self._schedule_tick()

    def lag(self) -> float:
        """Seconds by which this event loop has been late so far, while calls ran: it did other
        work, or another thread held the interpreter. Only differences mean something."""
        pending = 0.0 if self._next_tick is None else perf_counter() - self._next_tick
        return self._lag + max(0.0, pending)

    def _schedule_tick(self) -> None:
        self._next_tick = perf_counter() + _TICK_SECONDS
        asyncio.get_running_loop().call_later(_TICK_SECONDS, self._tick)

    def _tick(self) -> None:
        self._lag, self._next_tick = self.lag(), None
        if self._calls:
            self._schedule_tick()

    def remove(self, call: _Interruptible) -> None:
        """A call has ended."""
        self._calls.discard(call)
        self._interrupted_calls.discard(call)
        if self._all_left is not None and not self._interrupted_calls:
            self._all_left.set()

    async def close(self) -> None:
        """End all calls with ClientClosed, and wait a moment until they have left their
        connections."""
        self.is_closed = True
        self._interrupted_calls = {call for call in self._calls if call.interrupt()}
        if self._interrupted_calls:
            self._all_left = asyncio.Event()
            with suppress(TimeoutError):
                async with asyncio.timeout(_LEAVE_SECONDS):
                    await self._all_left.wait()


def closed_error() -> ClientClosed:
    """The error of a call whose client was closed."""
    return ClientClosed("the client was closed while this call waited for its answer")
