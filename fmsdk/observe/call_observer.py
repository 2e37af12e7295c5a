"""Everyone who hears of a client's calls, and one call as they hear it.

`fmsdk.pipeline.call` speaks to one `CallObserver` for each call and knows none of those behind it.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from time import perf_counter
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from fmsdk.errors import BadRequestError
from fmsdk.observe.hooks import Hooks, OnRequest, OnResponse
from fmsdk.observe.log import LoggedWarning, LogObserver
from fmsdk.observe.observer import AttemptReport, Observer, Outcome
from fmsdk.operation import Operation
from fmsdk.provider import Provider
from fmsdk.request import Request
from fmsdk.response import Event, Response, ResponseAccumulator
from fmsdk.result import Result
from fmsdk.usage import Latency

if TYPE_CHECKING:
    from fmsdk.telemetry import SpanObserver, Telemetry

__all__ = ["CallObserver", "Observers"]

R = TypeVar("R", bound=Result)
_NO_SPAN = nullcontext()
_TELEMETRY_SDKS = ("opentelemetry.sdk.trace", "opentelemetry.sdk.metrics")


class CallObserver:
    """One call as its observers hear it: a context manager around it.

    Whoever runs the call gives it the result (`set_result`); an exception that passes is the
    outcome instead.
    """

    __slots__ = ("_began", "_observers", "_outcome", "_request", "_span")

    def __init__(
        self,
        request: Request,
        observers: Sequence[Observer] = (),
        span: SpanObserver | None = None,
    ) -> None:
        self._request = request
        self._observers = observers
        self._span = span
        self._outcome: Outcome | None = None
        self._began = perf_counter()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        # A BaseException that is no Exception cancels the call: it ended with the answer so far.
        outcome = (
            error if isinstance(error, Exception) else self._outcome or self._cancelled_response()
        )
        with self.current():
            for observer in self._observers:
                observer.ended(outcome)

    def current(self) -> AbstractContextManager[object]:
        """Make the call's span the current one: what the provider does nests under it."""
        return _NO_SPAN if self._span is None else self._span.current()

    def steps(self, source: AsyncGenerator[Event, None]) -> AsyncGenerator[Event, None]:
        """A stream whose provider works under the call's span, and its consumer does not.
        Closing it closes `source`."""
        return source if self._span is None else self._span.steps(source)

    def attempt_ended(self, report: AttemptReport) -> None:
        """An attempt has ended."""
        for observer in self._observers:
            observer.attempt_ended(report)

    def set_result(self, result: R) -> R:
        """Take the result of the call, and return it."""
        self._outcome = result
        return result

    def _cancelled_response(self) -> Response[Any]:
        request = self._request
        nothing = ResponseAccumulator().response(request.provider, request.model)
        latency = Latency(total=perf_counter() - self._began)
        return replace(nothing, latency=latency, tags=request.tags)


class Observers:
    """Everyone who hears of a client's calls: the log, its hooks, OpenTelemetry.

    Args:
        tracing: see `fmsdk.AsyncClient`.

    Raises:
        MissingExtra: `tracing=True` without OpenTelemetry.
        BadRequestError: a hook that is no plain function, or `tracing` that is something else.
    """

    def __init__(
        self,
        on_request: OnRequest | None = None,
        on_response: OnResponse | None = None,
        tracing: bool | Telemetry | None = None,
    ) -> None:
        has_hooks = on_request is not None or on_response is not None
        self._hooks = Hooks(on_request, on_response) if has_hooks else None
        self._known_warnings: set[LoggedWarning] = set()
        self._awaits_sdk = tracing is None
        self._telemetry: Telemetry | None = None
        if tracing is True:
            self._telemetry = _new_telemetry()
        elif not isinstance(tracing, bool) and tracing is not None:
            self._telemetry = _check_telemetry(tracing)

    def begin(
        self, operation: Operation[Any, Any], provider: Provider, request: Request
    ) -> CallObserver:
        """A call begins."""
        observers: list[Observer] = [LogObserver(operation.verb, request, self._known_warnings)]
        # Whoever wants spans has imported OpenTelemetry's SDK by now, perhaps after making this
        # client. Its interface alone says nothing: vendors' SDKs import that.
        if self._awaits_sdk and not sys.modules.keys().isdisjoint(_TELEMETRY_SDKS):
            self._telemetry, self._awaits_sdk = _new_telemetry(), False
        telemetry = self._telemetry
        span = None if telemetry is None else telemetry.begin(operation, provider, request)
        call_observer = CallObserver(request, observers, span)
        if self._hooks is not None:
            with call_observer.current():
                observers += self._hooks.begin(request)
        if span is not None:
            observers.append(span)  # the last: hooks may still add to it
        return call_observer


def _new_telemetry() -> Telemetry:
    from fmsdk.telemetry import Telemetry

    return Telemetry()


def _check_telemetry(tracing: object) -> Telemetry:
    from fmsdk.telemetry import Telemetry

    if isinstance(tracing, Telemetry):
        return tracing
    raise BadRequestError(
        f"tracing is True, False, None or a fmsdk.telemetry.Telemetry, not {type(tracing).__name__}"
    )
