"""The clock of one call: when it began, waited, asked and got its first token, and the latency
that follows. Knows no provider and no request."""

from __future__ import annotations

from collections.abc import Awaitable
from time import perf_counter
from typing import TypeVar

from fmsdk.pipeline.running_calls import RunningCalls
from fmsdk.usage import Attempt, Latency, Timings, Usage

__all__ = ["CallClock"]

T = TypeVar("T")

_FEWEST_TOKENS, _SHORTEST_SECONDS = 8, 0.05
"""Of which a rate is computed: fewer come in a burst, whose rate is nobody's speed."""
_LEAST_QUEUE = 0.01
"""Seconds; less is the timers' own inaccuracy."""


class CallClock:
    """Begins when it is made. Seconds in which nobody was asked are no part of an answer's speed:
    the queue, loading, and the lag of the event loop, which `running_calls` measures.

    first_token: when a stream's first token came; None before.
    """

    def __init__(self, running_calls: RunningCalls) -> None:
        self._running_calls = running_calls
        self._start = self._attempt_start = perf_counter()
        # The loop's lag counts from here; what is part of other seconds is added to it.
        self._lag_start = running_calls.lag()
        self._queue = 0.0
        self._load: float | None = None
        self._attempt_waiting = 0.0
        self._first_waiting = 0.0
        self.first_token: float | None = None

    async def measure_queue(self, step: Awaitable[T]) -> T:
        """A step in which nobody is asked: its seconds are queue."""
        result, seconds = await self._measure(step)
        self._queue += seconds
        return result

    async def measure_load(self, step: Awaitable[float | None]) -> float | None:
        """Loading, as `Provider.load` returns it. Returns the seconds of the step, those of waiting
        for another call to load the model included; None: there is nothing to load."""
        load, seconds = await self._measure(step)
        if load is None:
            return None
        self._load = seconds if load else 0.0
        return seconds

    async def _measure(self, step: Awaitable[T]) -> tuple[T, float]:
        start, lag = perf_counter(), self._running_calls.lag()
        result = await step
        self._lag_start += self._running_calls.lag() - lag
        return result, perf_counter() - start

    def begin_attempt(self) -> None:
        """An attempt begins."""
        self._attempt_start, self._attempt_waiting = perf_counter(), self._waiting_seconds()

    def attempt_seconds(self) -> float:
        """Seconds since the attempt began."""
        return perf_counter() - self._attempt_start

    def record_first_token(self) -> None:
        """A stream's first token is here."""
        self.first_token, self._first_waiting = perf_counter(), self._waiting_seconds()

    def latency(
        self, timings: Timings | None, usage: Usage, attempts: tuple[Attempt, ...]
    ) -> Latency:
        """The latency up to now. `timings`: what only the provider could measure."""
        total, waiting = perf_counter() - self._start, self._waiting_seconds()
        timings = timings or Timings()
        before_attempt = self._attempt_start - self._start - self._attempt_waiting
        to_first = None
        if self.first_token is not None:
            to_first = self.first_token - self._start - self._first_waiting
        elif timings.time_to_first_token is not None:
            to_first = timings.time_to_first_token + before_attempt
        tokens, seconds = usage.output.total or 0, total - waiting
        if to_first is None:
            seconds -= before_attempt
        else:
            tokens, seconds = tokens - 1, seconds - to_first
            to_first = max(0.0, to_first - timings.queue - (timings.load or 0.0))
        is_measurable = tokens >= _FEWEST_TOKENS and seconds >= _SHORTEST_SECONDS
        return Latency(
            total=total,
            time_to_first_token=to_first,
            queue=waiting - (self._load or 0.0) + timings.queue,
            load=self._load if timings.load is None else timings.load + (self._load or 0.0),
            prefill=timings.prefill,
            decode=timings.decode,
            output_tokens_per_second=tokens / seconds if is_measurable else None,
            attempts=attempts,
        )

    def _waiting_seconds(self) -> float:
        """Seconds since the begin in which nobody was asked."""
        queue = self._queue + self._running_calls.lag() - self._lag_start
        return (self._load or 0.0) + (queue if queue >= _LEAST_QUEUE else 0.0)
