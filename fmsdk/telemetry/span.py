"""One call as a span, with its share of the metrics."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AbstractContextManager, aclosing
from time import perf_counter
from typing import TYPE_CHECKING, Any

from fmsdk.errors import FmsdkError
from fmsdk.observe.observer import AttemptReport, Outcome, result_of
from fmsdk.operation import Operation
from fmsdk.provider import Provider
from fmsdk.request import Request
from fmsdk.response import Event, Finished
from fmsdk.telemetry import attributes, content, names

if TYPE_CHECKING:
    from fmsdk.telemetry.instruments import Instruments

__all__ = ["SpanObserver"]


class SpanObserver:
    """The span of one call, from the constructor to `call_ended`."""

    def __init__(
        self,
        instruments: Instruments,
        operation: Operation[Any, Any],
        provider: Provider,
        request: Request,
    ) -> None:
        self._instruments = instruments
        self._is_streamed = operation.is_streamed
        self._call = attributes.of_call(operation, provider, request)
        self._provider_name = self._call[names.PROVIDER]
        self._span = instruments.start_span(
            f"{self._call[names.OPERATION]} {request.model}",
            {**self._call, **attributes.of_request(operation, request, self._provider_name)},
            in_process=provider.is_local,
        )
        if instruments.captures_content and self._span.is_recording():
            self._span.set_attributes(content.of_request(request))
        self._start_time = perf_counter()

    def current(self) -> AbstractContextManager[object]:
        """Make this the current span."""
        return self._instruments.current(self._span)

    async def steps(self, source: AsyncGenerator[Event, None]) -> AsyncGenerator[Event, None]:
        """The events of `source`. This span is current while each one is produced.

        A generator runs in its consumer's context. So the span is current only during each step;
        otherwise it would be the parent of everything that the consumer does between two events.
        """
        previous: float | None = None
        async with aclosing(source):
            while True:
                try:
                    with self.current():
                        event = await anext(source)
                except StopAsyncIteration:
                    return
                now = perf_counter()
                if previous is not None and not isinstance(event, Finished):
                    self._instruments.output_chunk.record(now - previous, self._call)
                previous = now
                yield event

    def attempt_ended(self, report: AttemptReport) -> None:
        """Add an event to the span, if another attempt follows."""
        error = report.error
        if error is None or report.delay is None:
            return
        values: dict[str, Any] = {
            names.ERROR_TYPE: attributes.error_type(error),
            names.RETRY_DELAY: report.delay,
        }
        if error.status is not None:
            values[names.HTTP_STATUS] = error.status
        self._span.add_event(names.RETRY_EVENT, values)

    def call_ended(self, outcome: Outcome) -> None:
        """End the span, and record the metrics."""
        seconds = perf_counter() - self._start_time
        error = outcome if isinstance(outcome, Exception) else None
        error_values = {} if error is None else {names.ERROR_TYPE: attributes.error_type(error)}
        if self._span.is_recording():
            self._set_outcome(outcome, error_values)
        self._span.end()
        self._record_metrics(outcome, seconds, error_values)

    def _set_outcome(self, outcome: Outcome, error_values: dict[str, str]) -> None:
        span, captures_content = self._span, self._instruments.captures_content
        span.set_attributes({**attributes.of_answer(outcome, self._provider_name), **error_values})
        answer = result_of(outcome)
        if answer is not None:
            first = answer.latency.time_to_first_token
            if self._is_streamed and first is not None:
                span.set_attribute(names.RESPONSE_FIRST_CHUNK, first)
            if captures_content:
                span.set_attributes(content.of_answer(answer))
        if not isinstance(outcome, Exception):
            return
        # Error messages are content, since vendors quote the request in theirs.
        description = str(outcome) if captures_content else type(outcome).__name__
        if not captures_content and isinstance(outcome, FmsdkError) and outcome.status is not None:
            description += f" ({outcome.status})"
        self._instruments.set_failed(span, description)

    def _record_metrics(
        self, outcome: Outcome, seconds: float, error_values: dict[str, str]
    ) -> None:
        instruments, answer = self._instruments, result_of(outcome)
        served_model = None if answer is None else answer.served_model
        call = (
            self._call
            if served_model is None
            else {**self._call, names.RESPONSE_MODEL: served_model}
        )
        instruments.duration.record(seconds, {**call, **error_values})
        if answer is None:
            return
        first = answer.latency.time_to_first_token
        if self._is_streamed and first is not None:
            instruments.first_chunk.record(first, call)
        if answer.cost is not None:
            instruments.cost.add(float(answer.cost.total), call)
        if answer.usage.source != "measured":
            return
        for kind, tokens in (("input", answer.usage.input), ("output", answer.usage.output)):
            if tokens.total is not None:
                instruments.tokens.record(tokens.total, {**call, names.TOKEN_TYPE: kind})
