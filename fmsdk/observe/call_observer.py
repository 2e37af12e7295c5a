"""All observers of a client (`Observers`), and of one call (`CallObserver`).

`fmsdk.pipeline.call` reports to one `CallObserver` for each call and knows none of the observers
behind it.
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
from fmsdk.observe.expenses import ExpenseObserver, Expenses, ExpenseTotal
from fmsdk.observe.hooks import Hooks, OnRequest, OnResponse
from fmsdk.observe.log import LoggedWarning, LogObserver
from fmsdk.observe.observer import AttemptReport, Observer, Outcome
from fmsdk.operation import Operation
from fmsdk.provider import Provider
from fmsdk.request import Request
from fmsdk.response import Event, ResponseAccumulator
from fmsdk.result import Result
from fmsdk.usage import Latency

if TYPE_CHECKING:
    from fmsdk.ledger import Ledger
    from fmsdk.telemetry import SpanObserver, Telemetry

__all__ = ["CallObserver", "Observers"]

R = TypeVar("R", bound=Result)
_NO_SPAN = nullcontext()
_TELEMETRY_SDKS = ("opentelemetry.sdk.trace", "opentelemetry.sdk.metrics")


class CallObserver:
    """Passes what happens to one call on to its observers: a context manager around the call.

    The code that runs the call passes the result to `set_result`. If an exception leaves the
    context instead, it is the outcome.
    """

    __slots__ = ("_observers", "_outcome", "_request", "_span", "_start_time")

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
        self._start_time = perf_counter()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        # A BaseException that is no Exception cancels the call: it ended with the answer so far.
        outcome = error if isinstance(error, Exception) else self._outcome
        if outcome is None:
            request = self._request
            outcome = replace(
                ResponseAccumulator().response(request.provider, request.model),
                latency=Latency(total=perf_counter() - self._start_time),
                tags=request.tags,
            )
        with self.current():
            for observer in self._observers:
                observer.call_ended(outcome)

    def current(self) -> AbstractContextManager[object]:
        """Make the call's span the current one, so that the provider's own spans nest under it."""
        return _NO_SPAN if self._span is None else self._span.current()

    def steps(self, source: AsyncGenerator[Event, None]) -> AsyncGenerator[Event, None]:
        """The events of `source`. The call's span is current for the provider, and not for the
        consumer. Closing the result closes `source`."""
        return source if self._span is None else self._span.steps(source)

    def attempt_ended(self, report: AttemptReport) -> None:
        """An attempt has ended."""
        for observer in self._observers:
            observer.attempt_ended(report)

    def set_result(self, result: R) -> R:
        """Take the result of the call, and return it."""
        self._outcome = result
        return result


class Observers:
    """All observers of a client's calls: the log, the total spent, the ledger, hooks,
    OpenTelemetry.

    Args:
        tracing: see `fmsdk.AsyncClient`.
        ledger: where calls are recorded.

    Raises:
        MissingExtra: `tracing=True` without OpenTelemetry.
        BadRequestError: a hook that is no plain function, or a wrong value of `tracing`.
    """

    def __init__(
        self,
        on_request: OnRequest | None = None,
        on_response: OnResponse | None = None,
        tracing: bool | Telemetry | None = None,
        ledger: Ledger | None = None,
    ) -> None:
        self._ledger = ledger
        self._expenses = ExpenseTotal()
        has_hooks = on_request is not None or on_response is not None
        self._hooks = Hooks(on_request, on_response) if has_hooks else None
        self._known_warnings: set[LoggedWarning] = set()
        self._awaits_sdk = tracing is None
        self._telemetry: Telemetry | None = None
        if tracing is not None and tracing is not False:
            self._telemetry = _create_telemetry(tracing)

    def expenses(self) -> Expenses:
        """What the calls that have ended cost."""
        return self._expenses.value()

    def observe_call(
        self,
        operation: Operation[Any, Any],
        provider: Provider,
        request: Request,
        call_id: str,
    ) -> CallObserver:
        """Report the begin of a call, and return what observes the rest of it."""
        observers: list[Observer] = [
            LogObserver(operation.verb, request, self._known_warnings),
            ExpenseObserver(self._expenses),
        ]
        if self._ledger is not None:
            from fmsdk.ledger.observer import LedgerObserver

            observers.append(LedgerObserver(self._ledger, operation.verb, request, call_id))
        # A program that wants spans has imported OpenTelemetry's SDK by now, perhaps after it made
        # this client. OpenTelemetry's API alone shows nothing, since vendors' SDKs import it.
        if self._awaits_sdk and not sys.modules.keys().isdisjoint(_TELEMETRY_SDKS):
            self._telemetry, self._awaits_sdk = _create_telemetry(True), False
        telemetry = self._telemetry
        span = None if telemetry is None else telemetry.start_span(operation, provider, request)
        call_observer = CallObserver(request, observers, span)
        if self._hooks is not None:
            with call_observer.current():
                observers += self._hooks.call_on_request(request)
        if span is not None:
            observers.append(span)  # last, since hooks may still add to it
        return call_observer


def _create_telemetry(tracing: object) -> Telemetry:
    from fmsdk.telemetry import Telemetry

    if tracing is True:
        return Telemetry()
    if isinstance(tracing, Telemetry):
        return tracing
    kind = type(tracing).__name__
    raise BadRequestError(
        f"tracing must be True, False, None or a fmsdk.telemetry.Telemetry, not {kind}"
    )
