"""One call whose answer comes in events. What it has in common with others is in `call`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from time import perf_counter
from typing import Any, cast

from fmsdk.errors import FmsdkError, IncompleteStream
from fmsdk.pipeline.call import Call, Policy
from fmsdk.provider import Provider
from fmsdk.quoting.quote import estimated_usage
from fmsdk.request import Request
from fmsdk.response import Event, Response, ResponseAccumulator
from fmsdk.usage import Timings, Usage

__all__ = ["StreamedCall"]


class StreamedCall(Call):
    """A call whose answer comes in events. Retried only until the first piece of content."""

    def __init__(self, provider: Provider, request: Request, policy: Policy) -> None:
        super().__init__(provider, request, policy)
        self._accumulator = ResponseAccumulator()
        self._final_response: Response[Any] | None = None
        self._source: object = None

    def response(self) -> Response[Any]:
        """The answer; of a stream that was left or broke, what arrived, with estimated usage."""
        if self._final_response is not None:
            return self._final_response
        asked, fold = self.request, self._accumulator
        usage = None if fold.finished or not self._is_billed else self._estimate()
        answer = fold.response(asked.provider, asked.model, output_type=asked.output, usage=usage)
        if fold.finished is None:
            source = self._source
            answer = replace(
                answer,
                timings=self._occupied(),
                served_model=getattr(source, "served_model", None),
                request_id=getattr(source, "request_id", None),
            )
        return self.with_latency_and_cost(answer, self._first)

    def record_cancelled_attempt(self) -> None:
        """As `Call.left`; whoever has the last event in hand broke nothing off."""
        if self._asking and self._accumulator.finished is not None:
            self.record_attempt()
        else:
            super().record_cancelled_attempt()

    @property
    def _is_billed(self) -> bool:
        """Whether a vendor may charge for what was asked: not before, nor where it refused."""
        return self._asking or self._accumulator.started or self._told() is not None

    async def events(self) -> AsyncGenerator[Event, None]:
        """The provider's events, one attempt after the other until one brings content."""
        with self._observe("stream") as observed:
            try:
                with observed.current():
                    await self.prepare()
                while True:
                    try:
                        async with self._attempt() as events:
                            take = self._accumulator.add
                            async for event in events:
                                take(event)
                                if self._first is None and self._accumulator.started:
                                    self._first = perf_counter()
                                yield event
                        self._complete()
                        return
                    except (FmsdkError, TimeoutError) as error:
                        await self.retry_or_raise(error, final=self._accumulator.started)
                        self._accumulator = ResponseAccumulator()
            except FmsdkError as error:
                self.name(error)
                if error.partial is not None:
                    self._final_response = error.partial
                elif self._accumulator.started or self._told() is not None:
                    error.partial = self._stop()
                raise
            except (GeneratorExit, asyncio.CancelledError):
                self.record_cancelled_attempt()
                raise
            finally:
                observed.done(self._stop())
                self.release()

    @asynccontextmanager
    async def _attempt(self) -> AsyncGenerator[AsyncIterator[Event]]:
        """The events of one attempt; leaving closes the connection."""
        source = cast("AsyncGenerator[Event, None]", self.provider.stream(self.request))
        self._source = source
        source = self._call_observer.steps(source)
        async with aclosing(source), aclosing(self._until_deadline(source)) as events:
            yield events

    def _complete(self) -> None:
        if self._accumulator.finished is None:
            raise IncompleteStream(f"{self.request.provider} ended the stream without a finish")
        self.record_attempt()

    def _until_deadline(self, source: AsyncGenerator[Event, None]) -> AsyncGenerator[Event, None]:
        return source if self._deadline is None else _each_by(source, self._deadline)

    def _stop(self) -> Response[Any]:
        """Stop the clock: the response as it stands is the last."""
        self._final_response = self.response()
        return self._final_response

    def _occupied(self) -> Timings | None:
        """What a local engine gave to a stream that was left."""
        told = getattr(self._source, "timings", None)
        return None if told is None else told()

    def _estimate(self) -> Usage:
        partial = self._accumulator.response(self.request.provider, self.request.model)
        return estimated_usage(self.provider, self.request, partial, self._told())

    def _told(self) -> Usage | None:
        """What the vendor had reported of a stream that broke or was left."""
        reported = getattr(self._source, "usage", None)
        return None if reported is None else reported()


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
