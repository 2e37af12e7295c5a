"""The calls that run on one event loop, so that a client that is closed can end them."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Protocol

from fmsdk.errors import ClientClosed

__all__ = ["RunningCalls", "closed_error"]

_LEAVE_SECONDS = 1.0


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
        self._interrupted: set[_Interruptible] = set()
        self._ended: asyncio.Event | None = None

    def check_open(self) -> None:
        """Raise ClientClosed if the client was closed."""
        if self.is_closed:
            raise closed_error()

    def add(self, call: _Interruptible) -> None:
        """A call begins. Raises ClientClosed."""
        self.check_open()
        self._calls.add(call)

    def remove(self, call: _Interruptible) -> None:
        """A call has ended."""
        self._calls.discard(call)
        self._interrupted.discard(call)
        if self._ended is not None and not self._interrupted:
            self._ended.set()

    async def close(self) -> None:
        """End all calls with ClientClosed, and wait a moment until they have left their
        connections."""
        self.is_closed = True
        self._interrupted = {call for call in self._calls if call.interrupt()}
        if self._interrupted:
            self._ended = asyncio.Event()
            with suppress(TimeoutError):
                async with asyncio.timeout(_LEAVE_SECONDS):
                    await self._ended.wait()


def closed_error() -> ClientClosed:
    """The error of a call whose client was closed."""
    return ClientClosed("the client was closed while this call waited for its answer")
