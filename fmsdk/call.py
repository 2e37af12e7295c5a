"""One call: check, load, queue, attempt and retry, time, price. The same way for every verb.

A provider is asked once per attempt and never retries itself; what its answer cost and how
long it took is worked out here.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import Any, TypeVar, cast

from fmsdk import pricing, registry, remote
from fmsdk.check import check
from fmsdk.content import Audio, Text
from fmsdk.errors import BadRequestError, FmsdkError, IncompleteStream, Timeout, UnsupportedContent
from fmsdk.fit import fit_images
from fmsdk.lifecycle import Clock, known_capabilities, refuse_retired, unless_known
from fmsdk.media.limits import DEFAULT_FETCH, FetchLimits
from fmsdk.observe.observers import Observed, Observers
from fmsdk.observe.watch import Verb
from fmsdk.provider import Capabilities, Loads, Provider, Transcribes, Transcription
from fmsdk.quote import estimated_usage
from fmsdk.request import Request
from fmsdk.response import Event, Fold, Response, Warning
from fmsdk.retry import delay_before_retry
from fmsdk.usage import Attempt, Cost, Latency, Timings, Usage

__all__ = ["Call", "Policy", "StreamedCall"]

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Policy:
    """How a client treats its calls: retries after the first attempt, seconds for all of them
    together, the gate that limits how many run at once (None: no limit), who hears of them,
    the clock by which models are retired (None: the machine's), and what a fetch may take."""

    retries: int = 2
    timeout: float | None = None
    gate: asyncio.Semaphore | None = None
    observers: Observers = field(default_factory=Observers)
    clock: Clock | None = None
    fetch: FetchLimits = DEFAULT_FETCH


class Call:
    """One call on its way: the provider asked, the request as sent, and the clock."""

    def __init__(self, provider: Provider, request: Request, policy: Policy) -> None:
        self.provider = provider
        self.request = request
        self.policy = policy
        self.attempts: list[Attempt] = []
        self._warnings: tuple[Warning, ...] = ()
        self._started = perf_counter()
        self._attempt_began = self._started
        self._waited = 0.0
        self._queue = 0.0
        self._load: float | None = None
        self._gated = False
        self._deadline: float | None = None
        self._first: float | None = None
        self._observed = Observed(request)

    async def generate(self) -> Response[Any]:
        """Ask, and return the answer with its latency and cost."""
        with self._observe("generate") as observed, observed.current():
            response = await self._run(lambda: self.provider.generate(self.request))
            return observed.done(self.settle(response))

    async def transcribe(self, language: str | None, prompt: str | None) -> Transcription:
        """Turn the request's one recording into text, with latency and cost."""
        request = self.request
        if not hasattr(self.provider, "transcribe"):
            raise BadRequestError(
                f"{request.provider} has no speech to text here; local:demo-audio has",
                provider=request.provider,
                model=request.model,
            )
        speech = cast("Transcribes", self.provider)

        def attempt() -> Awaitable[Transcription]:
            audio = next(part for part in self.request.media() if isinstance(part, Audio))
            return speech.transcribe(request.model, audio, language=language, prompt=prompt)

        with self._observe("transcribe") as observed, observed.current():
            done = await self._run(attempt)
            settled = replace(
                done,
                latency=self.latency(done.timings, done.usage),
                cost=self.cost(done.timings, done.served_model, done.usage),
                warnings=self._warnings + done.warnings,
            )
            return observed.done(settled)

    def _observe(self, verb: Verb) -> Observed:
        self._observed = self.policy.observers.begin(verb, self.provider, self.request)
        return self._observed

    def settle(self, response: Response[Any], first_token: float | None = None) -> Response[Any]:
        """Add latency, cost and the warnings of the way there."""
        usage, timings = response.usage, response.timings
        return replace(
            response,
            latency=self.latency(timings, usage, first_token),
            cost=self.cost(timings, response.served_model, usage),
            warnings=self._warnings + response.warnings,
            tags=self.request.tags,
        )

    def cost(self, timings: Timings | None, served_model: str | None, usage: Usage) -> Cost | None:
        """Device time at the device's price, or tokens at the served model's; None if unknown."""
        if timings is not None and timings.device is not None:
            bill = pricing.device_cost(timings)
            if bill is not None and usage.source == "estimated":
                return replace(bill, source="estimated")
            return bill
        return pricing.price(self.provider.price_id, served_model or self.request.model, usage)

    def latency(
        self, timings: Timings | None, usage: Usage, first_token: float | None = None
    ) -> Latency:
        """The clock's account up to now; `first_token` is the moment a stream's first came."""
        now = perf_counter()
        known = timings or Timings()
        to_first = None if first_token is None else first_token - self._started
        if to_first is None and known.time_to_first_token is not None:
            to_first = known.time_to_first_token + self._attempt_began - self._started
        return Latency(
            total=now - self._started,
            time_to_first_token=to_first,
            queue=self._queue + known.queue,
            load=self._load if known.load is None else known.load,
            prefill=known.prefill,
            decode=known.decode,
            output_tokens_per_second=self._rate(usage.output.total, now, to_first),
            attempts=tuple(self.attempts),
        )

    def _rate(self, tokens: int | None, now: float, to_first: float | None) -> float | None:
        if not tokens:
            return None
        if to_first is not None and tokens > 1:
            after_first = now - self._started - to_first
            return (tokens - 1) / after_first if after_first > 0 else None
        return tokens / max(now - self._attempt_began, 1e-9)

    async def prepare(self) -> None:
        """Check, load the model, start the deadline, fetch what the vendor cannot, make pictures
        fit, queue."""
        if self.provider.price_id is not None:
            pricing.warm_up(self.provider.price_id)
        vendor: str | None = getattr(self.provider, "vendor", None)
        noted = refuse_retired(self.request, vendor, self.policy.clock)
        can = await known_capabilities(self.provider, self.request.model)
        try:
            self.request, lost = await self._checked(can)
        except UnsupportedContent as error:
            raise _with_alternatives(error, self.request) from None
        if hasattr(self.provider, "load"):
            self._load = await cast("Loads", self.provider).load(self.request.model)
            can = self.provider.capabilities(self.request.model)  # a loaded model tells more
        self._warnings = (*noted, *unless_known(can, self.request), *lost)
        timeout = self.request.timeout or self.policy.timeout
        if timeout is not None:
            self._deadline = asyncio.get_running_loop().time() + timeout
        try:
            async with asyncio.timeout_at(self._deadline):
                self.request = await remote.bring(self.request, can, self.policy.fetch)
                self.request, smaller = await fit_images(self.request, can)
                self._warnings += smaller
                await self._pass_gate()
        except TimeoutError as error:
            raise self.too_late() from error
        self._attempt_began = perf_counter()

    async def _checked(self, can: Capabilities) -> tuple[Request, tuple[Warning, ...]]:
        if all(part.url or part.file for part in self.request.media()):
            return check(self.request, can)
        # Files are read, and a hostile one can take seconds to look through.
        return await asyncio.to_thread(check, self.request, can)

    async def _pass_gate(self) -> None:
        if self.policy.gate is not None:
            began = perf_counter()
            await self.policy.gate.acquire()
            self._gated = True
            self._queue = perf_counter() - began

    def release(self) -> None:
        """Let the next call through the client's gate."""
        if self._gated and self.policy.gate is not None:
            self._gated = False
            self.policy.gate.release()

    async def _run(self, ask: Callable[[], Awaitable[R]]) -> R:
        try:
            await self.prepare()
            while True:
                try:
                    async with asyncio.timeout_at(self._deadline):
                        result = await ask()
                    self.attempted()
                    return result
                except (FmsdkError, TimeoutError) as error:
                    await self.failed(error)
        except FmsdkError as error:
            self.name(error)
            raise
        except asyncio.CancelledError:
            self.left()
            nothing = Fold().response(self.request.provider, self.request.model)
            self._observed.done(self.settle(nothing))
            raise
        finally:
            self.release()

    def left(self) -> None:
        """Write down an attempt that the caller broke off."""
        self.attempts.append(Attempt(self._seconds(), self._waited, "Cancelled"))

    def attempted(self, error: FmsdkError | None = None) -> None:
        """Write down an attempt that just ended."""
        kind = type(error).__name__ if error else None
        status = error.status if error else None
        self.attempts.append(Attempt(self._seconds(), self._waited, kind, status))

    def _seconds(self) -> float:
        return perf_counter() - self._attempt_began

    async def failed(self, error: FmsdkError | TimeoutError, *, final: bool = False) -> None:
        """Wait before the next attempt, or raise, where there is none (or `final`)."""
        typed = error if isinstance(error, FmsdkError) else self.too_late()
        self.attempted(typed)
        loop_time = asyncio.get_running_loop().time()
        remaining = None if self._deadline is None else self._deadline - loop_time
        delay = delay_before_retry(
            typed, len(self.attempts), retries=self.policy.retries, remaining=remaining
        )
        if final or delay is None or typed is not error:
            raise typed from (None if typed is error else error)
        self._observed.retrying(typed, self.attempts[-1], delay)
        await asyncio.sleep(delay)
        self._waited = delay
        self._attempt_began = perf_counter()

    def too_late(self) -> Timeout:
        """The error of a deadline that ran out."""
        timeout = self.request.timeout or self.policy.timeout
        return Timeout(f"no full answer within {timeout:g} s; pass a longer timeout=")

    def name(self, error: FmsdkError) -> None:
        """Tell the error who was asked, what was tried, and what of it the bill is."""
        error.provider = error.provider or self.request.provider
        error.model = error.model or self.request.model
        error.attempts = tuple(self.attempts)
        partial: object = error.partial
        if isinstance(partial, Response):
            error.partial = self.settle(cast("Response[Any]", partial), self._first)


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
        usage = None if fold.finished else self._estimate()
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


def _kinds(request: Request) -> set[str]:
    media = {part.kind for part in request.media()}
    has_text = any(isinstance(part, Text) for part in request.parts())
    return {*media, "text"} if has_text else {*media}


def _with_alternatives(error: UnsupportedContent, request: Request) -> UnsupportedContent:
    kinds = _kinds(request)
    usable = registry.usable_models()
    names = tuple(model.name for model in usable if model.usable and kinds <= model.input)
    hint = f"; usable models that do: {', '.join(names)}" if names else ""
    return UnsupportedContent(
        error.message + hint,
        part=error.part,
        alternatives=names,
        provider=error.provider,
        model=error.model,
    )
