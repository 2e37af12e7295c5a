"""Time limits that count no lag of this program's own as the server's silence."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

__all__ = ["PatientTimer"]

_STEPS = 8


class PatientTimer:
    """Calls a function after some seconds, of which this event loop was free to hear of an answer.

    The seconds pass in steps, each begun when the one before has ended. A loop that is held for
    however long so loses one step, and what has arrived meanwhile is read before the next.
    """

    __slots__ = ("_callback", "_handle", "_loop", "_remaining", "_step")

    def __init__(
        self, loop: asyncio.AbstractEventLoop, seconds: float, callback: Callable[[], object]
    ) -> None:
        self._loop = loop
        self._step = seconds / _STEPS
        self._remaining = _STEPS
        self._callback = callback
        self._handle = loop.call_later(self._step, self._end_step)

    def restart(self) -> None:
        """Count anew from now."""
        self._remaining = _STEPS + 1  # the present step may have begun long ago

    def cancel(self) -> None:
        """Call nothing."""
        self._handle.cancel()

    def _end_step(self) -> None:
        self._remaining -= 1
        if self._remaining > 0:
            self._handle = self._loop.call_later(self._step, self._end_step)
        else:
            self._callback()
