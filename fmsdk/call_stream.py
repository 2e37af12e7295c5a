"""One call whose answer comes in events. What it has in common with others is in `call`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from time import perf_counter
from typing import Any, cast

from fmsdk.call import Call, Policy
from fmsdk.errors import FmsdkError, IncompleteStream
from fmsdk.provider import Provider
from fmsdk.quote import estimated_usage
from fmsdk.request import Request
from fmsdk.response import Event, Fold, Response
from fmsdk.usage import Timings, Usage

__all__ = ["StreamedCall"]


class StreamedCall(Call):
    """A call whose answer comes in events. Retried only until the first piece of content."""

    def __init__(self, provider: Provider, request: Request, policy: Policy) -> None:
        super().__init__(provider, request, policy)
        self._fold = Fold()
        self._settled: Response[Any] | None = None
        self._source: object = None

    def response(self) -> Response[Any]:
        """The answer; of a stream that was left or broke, what arrived, with estimated usage."""
        if self._settled is not None:
            return self._settled
        asked, fold = self.request, self._fold
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
        return self.settle(answer, self._first)

    def left(self) -> None:
        """As `Call.left`; whoever has the last event in hand broke nothing off."""
        if self._asking and self._fold.finished is not None:
            self.attempted()
        else:
            super().left()

    @property
    def _is_billed(self) -> bool:
        """Whether a vendor may charge for what was asked: not before, nor where it refused."""
        return self._asking or self._fold.started or self._told() is not None

    async def events(self) -> AsyncGenerator[Event, None]:
        """The provider's events, one attempt after the other until one brings content."""
        with self._observe("stream") as observed:
            try:
                with observed.current():
                    await self.prepare()
                while True:
                    try:
                        async with self._attempt() as events:
                            take = self._fold.add
                            async for event in events:
                                take(event)
                                if self._first is None and self._fold.started:
                                    self._first = perf_counter()
                                yield event
                        self._complete()
                        return
                    except (FmsdkError, TimeoutError) as error:
                        await self.failed(error, final=self._fold.started)
                        self._fold = Fold()
            except FmsdkError as error:
                self.name(error)
                if error.partial is not None:
                    self._settled = error.partial
                elif self._fold.started or self._told() is not None:
                    error.partial = self._stop()
                raise
            except (GeneratorExit, asyncio.CancelledError):
                self.left()
                raise
            finally:
                observed.done(self._stop())
                self.release()

    @asynccontextmanager
    async def _attempt(self) -> AsyncGenerator[AsyncIterator[Event]]:
        """The events of one attempt; leaving closes the connection."""
        source = cast("AsyncGenerator[Event, None]", self.provider.stream(self.request))
        self._source = source
        source = self._observed.steps(source)
        async with aclosing(source), aclosing(self._until_deadline(source)) as events:
            yield events

    def _complete(self) -> None:
        if self._fold.finished is None:
            raise IncompleteStream(f"{self.request.provider} ended the stream without a finish")
        self.attempted()

    def _until_deadline(self, source: AsyncGenerator[Event, None]) -> AsyncGenerator[Event, None]:
        return source if self._deadline is None else _each_by(source, self._deadline)

    def _stop(self) -> Response[Any]:
        """Stop the clock: the response as it stands is the last."""
        self._settled = self.response()
        return self._settled

    def _occupied(self) -> Timings | None:
        """What a local engine gave to a stream that was left."""
        told = getattr(self._source, "timings", None)
        return None if told is None else told()

    def _estimate(self) -> Usage:
        partial = self._fold.response(self.request.provider, self.request.model)
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
