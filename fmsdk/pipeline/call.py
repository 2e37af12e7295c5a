"""One call of any verb: check, load, wait for a slot, attempt, retry, measure, price. Streamed
answers go the same way in `fmsdk.pipeline.stream`. A provider is asked once for each attempt and
never retries itself. The cost and the latency of its answer are computed here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar

from fmsdk import pricing, registry
from fmsdk.budget import Budget, Spending
from fmsdk.catalog.lifecycle import (
    Clock,
    known_capabilities,
    refuse_retired,
    unknown_model_warnings,
)
from fmsdk.content import Text
from fmsdk.errors import BudgetExceeded, FmsdkError, Timeout, UnsupportedContent
from fmsdk.media.limits import DEFAULT_FETCH, FetchLimits
from fmsdk.observe.call_observer import CallObserver, Observers
from fmsdk.observe.observer import AttemptReport, create_id, result_of
from fmsdk.operation import Operation
from fmsdk.pipeline import media_fetch
from fmsdk.pipeline.call_clock import CallClock
from fmsdk.pipeline.capability_check import check_media_bytes, check_request
from fmsdk.pipeline.image_limits import fit_image_limits
from fmsdk.pipeline.media_memory import MediaMemory, Reservation
from fmsdk.pipeline.retry import delay_before_retry
from fmsdk.pipeline.running_calls import RunningCalls, closed_error
from fmsdk.pipeline.spending import CallSpending
from fmsdk.provider import Capabilities, PartialResponse, Provider
from fmsdk.quoting.missing_usage import estimated_usage
from fmsdk.request import Request
from fmsdk.request_options import with_typed_options
from fmsdk.response import ResponseAccumulator
from fmsdk.result import Result, Warning
from fmsdk.threads import run_in_thread
from fmsdk.usage import Attempt, Cost, Timings, Usage, without_false_zeros

__all__ = ["Call", "Policy"]

Q = TypeVar("Q", bound=Request)
T = TypeVar("T")
A = TypeVar("A")
R = TypeVar("R", bound=Result)


@dataclass(frozen=True, slots=True)
class Policy:
    """How a client treats its calls.

    retries: attempts after the first one. timeout: seconds for all attempts together. gate: limits
    how many calls run at once; None: no limit. observers: follow the calls. clock: decides which
    models are retired; None: the machine's clock. fetch: limits of a fetch of media. media_memory:
    what fetched media take. running_calls: the client's calls on this event loop, which end when
    it is closed. budgets: caps on what calls cost. spending: keeps the sums of the budgets; None:
    there are no budgets and no ledger."""

    retries: int = 2
    timeout: float | None = None
    gate: asyncio.Semaphore | None = None
    observers: Observers = field(default_factory=Observers)
    clock: Clock | None = None
    fetch: FetchLimits = DEFAULT_FETCH
    running_calls: RunningCalls = field(default_factory=RunningCalls)
    media_memory: MediaMemory = field(default_factory=MediaMemory)
    budgets: tuple[Budget, ...] = ()
    spending: Spending | None = None


class Call(Generic[Q, A]):
    """One running call: its operation, its provider, the request as it is sent, and the clock."""

    def __init__(
        self, operation: Operation[Q, A], provider: Provider, request: Q, policy: Policy
    ) -> None:
        self.operation = operation
        self.provider = provider
        self.request: Q = with_typed_options(request, provider.options_class)
        self.policy = policy
        self.attempts: list[Attempt] = []
        self._reported_attempts = 0
        self._warnings: tuple[Warning, ...] = ()
        self.clock = CallClock(policy.running_calls)
        self._delay = 0.0
        self._holds_gate = False
        self._reservation = Reservation(policy.media_memory)
        self._asking = False
        self._deadline: float | None = None
        self._call_observer = CallObserver(self.request)
        self._task: asyncio.Task[Any] | None = None
        self._interrupted_task: asyncio.Task[Any] | None = None
        self._spending: CallSpending | None = None
        self._id = create_id()
        is_billed = operation.fixed_cost is None
        if is_billed and (policy.spending is not None or request.max_cost is not None):
            self._spending = CallSpending(
                self.request, provider, policy.budgets, policy.spending, self._id
            )

    async def run(self: Call[Q, Awaitable[R]]) -> R:
        """Ask, and return the result with its latency and cost."""
        self.operation.check_support(self.provider, self.request)
        with self.observe() as call_observer, call_observer.current():
            try:
                with self.until_closed():
                    result = await self._priced_result()
                self.report_attempt(result)
                return call_observer.set_result(result)
            except FmsdkError as error:
                await self.attach_context(error)
                self.report_attempt(error)
                raise
            except asyncio.CancelledError:
                self.record_cancelled_attempt()
                empty = ResponseAccumulator().response(self.request.provider, self.request.model)
                self.report_attempt(call_observer.set_result(self.with_latency_and_cost(empty)))
                raise
            finally:
                self.release()

    async def _priced_result(self: Call[Q, Awaitable[R]]) -> R:
        await self.prepare()
        while True:
            try:
                async with asyncio.timeout_at(self._deadline):
                    result = await self.operation.ask(self.provider, self.request)
                self.record_attempt()
                return self.with_latency_and_cost(result)
            except (FmsdkError, TimeoutError) as error:
                await self.retry_or_raise(error)

    @contextmanager
    def until_closed(self) -> Generator[None]:
        """The context in which the call ends with ClientClosed when its client is closed."""
        self.policy.running_calls.add(self)
        self._task = asyncio.current_task()
        try:
            yield
        except asyncio.CancelledError as error:
            task = self._interrupted_task
            if task is None or task.cancelling() > 1:  # cancelled by the caller, too
                raise
            client_closed = closed_error()
            if self._asking:
                self.record_attempt(client_closed)
            raise client_closed from error
        finally:
            self.policy.running_calls.remove(self)
            if self._interrupted_task is not None:
                self._interrupted_task.uncancel()

    def interrupt(self) -> bool:
        """Cancel what the call waits for; False where it waits for nothing that could be: a
        stream's consumer is at work, this very task closes the client, or cancels it anyway."""
        task = self._task
        if task is None or task.cancelling() or task is asyncio.current_task():
            return False
        self._interrupted_task = task
        return task.cancel()

    def observe(self) -> CallObserver:
        """Report the begin of the call to its observers."""
        self._call_observer = self.policy.observers.observe_call(
            self.operation, self.provider, self.request, self._id
        )
        return self._call_observer

    def with_latency_and_cost(self, result: R) -> R:
        """Add latency, cost, the request's tags and the warnings of the checks."""
        has_output = any(message.parts for message in result.messages)
        usage = without_false_zeros(result.usage, has_output=has_output)
        cost = self.operation.fixed_cost
        is_whole = "cancelled" not in result.finishes
        if cost is None and is_whole and not self.provider.is_local:
            usage = estimated_usage(self.provider, self.request, result, usage)
        timings = result.timings
        cost = cost or self.cost(timings, result.served_model, usage)
        warnings = self._warnings + result.warnings
        if cost is not None and self._spending is not None:
            warnings += self._spending.overrun(cost.total)
        return replace(
            result,
            usage=usage,
            latency=self.clock.latency(timings, usage, tuple(self.attempts)),
            cost=cost,
            warnings=warnings,
            tags=self.request.tags,
        )

    def cost(self, timings: Timings | None, served_model: str | None, usage: Usage) -> Cost | None:
        """The price of the device's time, or of the served model's tokens; None: unknown."""
        if timings is not None and timings.device is not None:
            bill = pricing.device_cost(timings)
            if bill is not None and usage.source == "estimated":
                return replace(bill, source="estimated")
            return bill
        price_id = self.provider.price_id
        model, base_url = served_model or self.request.model, self.provider.base_url
        cost = pricing.price(price_id, model, usage, base_url=base_url)
        if cost is None or usage.charged is not None:
            return cost
        source = pricing.name_price_source(cost.price_source, self.provider)
        return cost if source == cost.price_source else replace(cost, price_source=source)

    async def prepare(self) -> None:
        """Start the deadline, check the request, load the model, fetch media for the vendor, shrink
        pictures to the vendor's limits, and wait for a slot."""
        timeout = self.request.timeout or self.policy.timeout
        if timeout is not None:
            self._deadline = asyncio.get_running_loop().time() + timeout
        try:
            async with asyncio.timeout_at(self._deadline):
                capabilities = await self._check_request()
                await self.clock.measure_queue(self.provider.warm_up())
            seconds = await self.clock.measure_load(self.provider.load(self.request.model))
            if seconds is not None:
                if self._deadline is not None:  # loading does not count
                    self._deadline += seconds
                if self.operation.capabilities is None:  # a model that is loaded says more
                    capabilities = self.provider.capabilities(self.request.model)
            self._warnings = (*unknown_model_warnings(capabilities, self.request), *self._warnings)
            async with asyncio.timeout_at(self._deadline):
                self.request = await media_fetch.fetch_media(
                    self.request, capabilities, self.policy.fetch, self._reservation
                )
                self.request, smaller = await fit_image_limits(self.request, capabilities)
                check_media_bytes(self.request, capabilities)
                self._warnings += smaller
                if self._spending is not None:
                    left = self._deadline and self._deadline - asyncio.get_running_loop().time()
                    await self._spending.make_quote(self.request, left)
                if self.policy.gate is not None:
                    acquisition = self.policy.gate.acquire()
                    self._holds_gate = await self.clock.measure_queue(acquisition)
                await self._begin_attempt()
        except TimeoutError as error:
            raise self.deadline_error(error) from error

    async def _check_request(self) -> Capabilities:
        """Check the request against what the model takes, and return the latter."""
        retirement_warnings = refuse_retired(self.request, self.provider, self.policy.clock)
        capabilities = self.operation.capabilities
        if capabilities is None:
            capabilities = await self.clock.measure_queue(
                known_capabilities(self.provider, self.request.model)
            )
        try:
            if all(part.url or part.file for part in self.request.media()):
                self.request, warnings = check_request(self.request, capabilities)
            else:  # files are read, and to check a hostile one can take seconds
                self.request, warnings = await run_in_thread(
                    check_request, self.request, capabilities
                )
        except UnsupportedContent as error:
            await self._name_alternatives(error)
            raise error from None
        self._warnings = (*retirement_warnings, *warnings)
        return capabilities

    async def _name_alternatives(self, error: UnsupportedContent) -> None:
        media: set[str] = {part.kind for part in self.request.media()}
        if error.part == "media" and len(media) == 1:  # what the server did not name
            (error.part,) = media
        has_text = any(isinstance(part, Text) for part in self.request.parts())
        kinds = media | {"text"} if has_text else media
        names = tuple(
            model.name
            for model in await run_in_thread(registry.usable_models)
            if model.usable and kinds <= model.input and model.name != self.request.name
        )
        error.alternatives = names
        if names:
            error.message += f"; usable models that do: {', '.join(names)}"
            error.args = (error.message,)

    def release(self) -> None:
        """Let the next call pass the client's gate, and have what this one's media took."""
        self._reservation.shrink(0)
        if self._spending is not None:  # of an attempt that nobody reported
            self._spending.hold("it ended in an unexpected way")
        if self._holds_gate and self.policy.gate is not None:
            self._holds_gate = False
            self.policy.gate.release()

    async def _begin_attempt(self) -> None:
        if self._spending is not None:
            await self.clock.measure_queue(self._spending.reserve())
        self.clock.begin_attempt()
        self._asking = True

    def record_cancelled_attempt(self) -> None:
        """Record the attempt that the caller cancelled, if one was running."""
        if self._asking:
            self.attempts.append(Attempt(self.clock.attempt_seconds(), self._delay, "Cancelled"))

    def record_attempt(self, error: FmsdkError | None = None) -> None:
        """Record the attempt that has just ended."""
        self._asking = False
        kind = type(error).__name__ if error else None
        status = error and error.status
        self.attempts.append(Attempt(self.clock.attempt_seconds(), self._delay, kind, status))

    def report_attempt(self, outcome: Result | FmsdkError, delay: float | None = None) -> None:
        """Report the last attempt to the observers, unless it was reported already.

        Args:
            outcome: its result, with latency and cost, or its error.
            delay: seconds until the next attempt; None: there is no next one.
        """
        if len(self.attempts) == self._reported_attempts:
            return
        self._reported_attempts = len(self.attempts)
        result = result_of(outcome)
        usage, cost = (result.usage, result.cost) if result else (None, None)
        if result and usage and usage is not (own := self.operation.attempt_usage(usage)):
            usage, cost = own, own and self.cost(result.timings, result.served_model, own)
        spending, held_reservation = self._spending, None
        if spending is not None:
            is_failed = self.attempts[-1].error is not None
            held_reservation = spending.settle(outcome, cost, is_failed=is_failed)
        error = outcome if isinstance(outcome, FmsdkError) else None
        self._call_observer.attempt_ended(
            AttemptReport(
                attempt=self.attempts[-1],
                error=error,
                usage=usage,
                cost=cost,
                served_model=result.served_model if result else None,
                request_id=outcome.request_id,
                delay=delay,
                quote=None if spending is None else spending.quote,
                is_unbilled=self.provider.is_local
                or (error is not None and error.is_unbilled and result is None),
                held_reservation=held_reservation,
            )
        )

    async def retry_or_raise(
        self, error: FmsdkError | TimeoutError, *, final: bool = False
    ) -> None:
        """Wait for the next attempt. Raise if there is none, or if this one is `final`."""
        fmsdk_error = error if isinstance(error, FmsdkError) else self.deadline_error(error)
        if self.policy.running_calls.is_closed:  # which broke the connection
            fmsdk_error = closed_error()
        self.record_attempt(fmsdk_error)
        remaining = self._deadline and self._deadline - asyncio.get_running_loop().time()
        delay = delay_before_retry(
            fmsdk_error, len(self.attempts), retries=self.policy.retries, remaining=remaining
        )
        try:
            if fmsdk_error is not error:
                raise fmsdk_error from error
            if final or delay is None:
                raise fmsdk_error  # with the cause that it came with
        except FmsdkError:
            del error, fmsdk_error  # which would be a cycle with its traceback
            raise
        delay = delay if self.provider.backoff else 0.0
        await self.attach_context(fmsdk_error)
        self.report_attempt(fmsdk_error, delay)
        await asyncio.sleep(delay)
        self._delay = delay
        try:
            async with asyncio.timeout_at(self._deadline):
                await self._begin_attempt()
        except TimeoutError as late:
            raise self.deadline_error(late) from late
        except BudgetExceeded as refusal:
            raise refusal from fmsdk_error

    def deadline_error(self, error: TimeoutError) -> Timeout:
        """The error for a missed deadline, with what is known of the interrupted answer."""
        timeout = self.request.timeout or self.policy.timeout
        if timeout is None:
            return Timeout(f"{self.request.provider} stopped waiting before any deadline: {error}")
        partial = PartialResponse.of(error.__cause__)
        return Timeout(
            f"no full answer within {timeout:g} s; pass a longer timeout=",
            status=partial.status,
            request_id=partial.request_id,
        )

    async def attach_context(self, error: FmsdkError) -> None:
        """Add provider, model and attempts to the error, latency and cost to its partial result."""
        error.provider = error.provider or self.request.provider
        error.model = error.model or self.request.model
        error.attempts = tuple(self.attempts)
        if isinstance(error, UnsupportedContent) and not error.alternatives:
            await self._name_alternatives(error)
        if (partial := result_of(error)) is not None:
            error.partial = self.with_latency_and_cost(partial)
