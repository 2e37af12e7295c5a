"""One call whose answer comes in events. `fmsdk.pipeline.call` has what all calls share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from typing import Any

from fmsdk.errors import FmsdkError, IncompleteStream
from fmsdk.operation import STREAM
from fmsdk.pipeline.call import Call, Policy
from fmsdk.provider import EventStream, Provider
from fmsdk.quoting.missing_usage import estimated_usage
from fmsdk.request import Request
from fmsdk.response import Event, Response, ResponseAccumulator
from fmsdk.usage import Usage, without_false_zeros

__all__ = ["StreamedCall"]


class StreamedCall(Call[Request, EventStream]):
    """A call whose answer comes in events. It is retried only until the first piece of content."""

    def __init__(self, provider: Provider, request: Request, policy: Policy) -> None:
        super().__init__(STREAM, provider, request, policy)
        self._accumulator = ResponseAccumulator()
        self._final_response: Response[Any] | None = None
        self._stream: EventStream | None = None

    def response(self) -> Response[Any]:
        """The answer. Of a stream that was left or broke: what arrived, with estimated usage."""
        if self._final_response is not None:
            return self._final_response
        request, accumulator, stream = self.request, self._accumulator, self._stream
        usage, reported_usage = None, self._reported_usage()
        # A vendor may bill what it was asked; not what was never sent, nor what it refused.
        is_billed = self._asking or accumulator.has_content or reported_usage is not None
        if accumulator.finished is None and is_billed:
            partial = accumulator.response(request.provider, request.model)
            usage = estimated_usage(self.provider, request, partial, reported_usage)
        answer = accumulator.response(
            request.provider, request.model, output_type=request.output, usage=usage
        )
        if accumulator.finished is None and stream is not None:
            answer = replace(
                answer,
                timings=stream.timings(),
                served_model=stream.served_model,
                request_id=stream.request_id,
            )
        return self.with_latency_and_cost(answer)

    def record_cancelled_attempt(self) -> None:
        """As in `Call`, but an attempt whose last event has arrived was not cancelled."""
        if self._asking and self._accumulator.finished is not None:
            self.record_attempt()
        else:
            super().record_cancelled_attempt()

    async def events(self) -> AsyncGenerator[Event, None]:
        """The provider's events. An attempt that fails before any content can be retried."""
        running_calls, clock = self.policy.running_calls, self.clock
        with self.observe() as call_observer:
            outcome: Response[Any] | FmsdkError | None = None
            try:
                with self.until_closed():
                    with call_observer.current():
                        await self.prepare()
                    while True:
                        try:
                            async with self._attempt_events() as events:
                                add = self._accumulator.add
                                async for event in events:
                                    add(event)
                                    if clock.first_token is None and self._accumulator.has_content:
                                        clock.record_first_token()
                                    self._task = None  # the consumer is at work
                                    yield event
                                    self._task = asyncio.current_task()
                                    if running_calls.is_closed:
                                        break
                            if self._accumulator.finished is None:
                                raise IncompleteStream(
                                    f"{self.request.provider} ended the stream without a finish"
                                )
                            self.record_attempt()
                            return
                        except (FmsdkError, TimeoutError) as error:
                            await self.retry_or_raise(error, final=self._accumulator.has_content)
                            self._accumulator = ResponseAccumulator()
            except FmsdkError as error:
                await self.attach_context(error)
                if error.partial is not None:
                    self._final_response = error.partial
                elif self._accumulator.has_content or self._reported_usage() is not None:
                    error.partial = self._stop_clock()
                outcome = error
                raise
            except (GeneratorExit, asyncio.CancelledError):
                self.record_cancelled_attempt()
                raise
            finally:
                response = call_observer.set_result(self._stop_clock())
                self.report_attempt(outcome or response)
                outcome = None  # which would be a cycle with its traceback
                self.release()

    @asynccontextmanager
    async def _attempt_events(self) -> AsyncGenerator[AsyncIterator[Event]]:
        """The events of one attempt. Leaving the context closes the connection."""
        self._stream = stream = self.operation.ask(self.provider, self.request)
        events = self._call_observer.steps(aiter(stream))
        deadline = self._deadline
        in_time = events if deadline is None else _stop_at_deadline(events, deadline)
        async with aclosing(stream), aclosing(events), aclosing(in_time):
            yield in_time

    def _stop_clock(self) -> Response[Any]:
        """Keep the present response as the final one, with the latency up to now."""
        self._final_response = self.response()
        return self._final_response

    def _reported_usage(self) -> Usage | None:
        """The usage that the vendor has reported so far."""
        usage = None if self._stream is None else self._stream.usage()
        if usage is None:
            return None
        usage = without_false_zeros(usage, has_output=self._accumulator.has_content)
        return None if usage.source == "unknown" else usage


async def _stop_at_deadline(
    source: AsyncGenerator[Event, None], deadline: float
) -> AsyncGenerator[Event, None]:
    # A single timeout around the loop would also cancel the consumer between two events.
    while True:
        try:
            async with asyncio.timeout_at(deadline):
                event = await anext(source)
        except StopAsyncIteration:
            return
        yield event
