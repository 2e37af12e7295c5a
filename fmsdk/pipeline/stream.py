"""One call whose answer comes in events. What it has in common with others is in `call`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from time import perf_counter
from typing import Any

from fmsdk.errors import FmsdkError, IncompleteStream
from fmsdk.operation import STREAM
from fmsdk.pipeline.call import Call, Policy
from fmsdk.provider import EventStream, Provider
from fmsdk.quoting.quote import estimated_usage
from fmsdk.request import Request
from fmsdk.response import Event, Response, ResponseAccumulator
from fmsdk.usage import Usage

__all__ = ["StreamedCall"]


class StreamedCall(Call[Request, EventStream]):
    """A call whose answer comes in events. Retried only until the first piece of content."""

    def __init__(self, provider: Provider, request: Request, policy: Policy) -> None:
        super().__init__(STREAM, provider, request, policy)
        self._accumulator = ResponseAccumulator()
        self._final_response: Response[Any] | None = None
        self._stream: EventStream | None = None

    def response(self) -> Response[Any]:
        """The answer; of a stream that was left or broke, what arrived, with estimated usage."""
        if self._final_response is not None:
            return self._final_response
        request, accumulator, stream = self.request, self._accumulator, self._stream
        usage = None if accumulator.finished or not self._is_billed else self._estimate()
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
        return self.with_latency_and_cost(answer, self._first)

    def record_cancelled_attempt(self) -> None:
        """As in `Call`; a caller who has the last event broke nothing off."""
        if self._asking and self._accumulator.finished is not None:
            self.record_attempt()
        else:
            super().record_cancelled_attempt()

    @property
    def _is_billed(self) -> bool:
        """Whether a vendor may charge for what was asked: not before, nor where it refused."""
        return self._asking or self._accumulator.started or self._reported_usage() is not None

    async def events(self) -> AsyncGenerator[Event, None]:
        """The provider's events, one attempt after the other until one brings content."""
        with self.begin() as call_observer:
            outcome: Response[Any] | FmsdkError | None = None
            try:
                with call_observer.current():
                    await self.prepare()
                while True:
                    try:
                        async with self._attempt() as events:
                            add = self._accumulator.add
                            async for event in events:
                                add(event)
                                if self._first is None and self._accumulator.started:
                                    self._first = perf_counter()
                                yield event
                        self._complete()
                        return
                    except (FmsdkError, TimeoutError) as error:
                        await self.retry_or_raise(error, final=self._accumulator.started)
                        self._accumulator = ResponseAccumulator()
            except FmsdkError as error:
                self.attach_context(error)
                if error.partial is not None:
                    self._final_response = error.partial
                elif self._accumulator.started or self._reported_usage() is not None:
                    error.partial = self._stop_clock()
                outcome = error
                raise
            except (GeneratorExit, asyncio.CancelledError):
                self.record_cancelled_attempt()
                raise
            finally:
                response = call_observer.set_result(self._stop_clock())
                self.report_attempt(outcome or response)
                self.release()

    @asynccontextmanager
    async def _attempt(self) -> AsyncGenerator[AsyncIterator[Event]]:
        """The events of one attempt; leaving closes the connection."""
        self._stream = stream = self.operation.ask(self.provider, self.request)
        events = self._call_observer.steps(aiter(stream))
        async with (
            aclosing(stream),
            aclosing(events),
            aclosing(self._until_deadline(events)) as stream_events,
        ):
            yield stream_events

    def _complete(self) -> None:
        if self._accumulator.finished is None:
            raise IncompleteStream(f"{self.request.provider} ended the stream without a finish")
        self.record_attempt()

    def _until_deadline(self, events: AsyncGenerator[Event, None]) -> AsyncGenerator[Event, None]:
        return events if self._deadline is None else _each_by(events, self._deadline)

    def _stop_clock(self) -> Response[Any]:
        """The response as it stands is the last, with the latency up to now."""
        self._final_response = self.response()
        return self._final_response

    def _estimate(self) -> Usage:
        partial = self._accumulator.response(self.request.provider, self.request.model)
        return estimated_usage(self.provider, self.request, partial, self._reported_usage())

    def _reported_usage(self) -> Usage | None:
        """What the vendor had reported of a stream that broke or was left."""
        return None if self._stream is None else self._stream.usage()


async def _each_by(
    source: AsyncGenerator[Event, None], deadline: float
) -> AsyncGenerator[Event, None]:
    # One timeout around the whole loop would also cancel the consumer between two events.
    while True:
        try:
            async with asyncio.timeout_at(deadline):
                event = await anext(source)
        except StopAsyncIteration:
            return
        yield event
