"""`AsyncClient`: every verb, written once. `fmsdk.sync_client.Client` has the same without `await`.

Nothing is opened, read or imported before the first call.
"""

from __future__ import annotations

import asyncio
import os
import weakref
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar, Unpack, cast, overload

from fmsdk import pricing
from fmsdk.budget import BudgetOption, MemorySpending, read_budgets
from fmsdk.catalog.lifecycle import Clock
from fmsdk.content import Audio, Text
from fmsdk.embedding import Embeddings, build_embed_request
from fmsdk.errors import BadRequestError
from fmsdk.generate_options import GenerateOptions, show_keywords
from fmsdk.keyword_hints import refuse_unknown_keywords
from fmsdk.media.limits import DEFAULT_FETCH, FetchLimits
from fmsdk.observe.call_observer import Observers
from fmsdk.observe.expenses import Expenses
from fmsdk.observe.hooks import OnRequest, OnResponse
from fmsdk.operation import COUNT_TOKENS, GENERATE, TRANSCRIBE, Operation
from fmsdk.pipeline.batched_embedding import embed_operation
from fmsdk.pipeline.call import Call, Policy
from fmsdk.pipeline.running_calls import RunningCalls
from fmsdk.pipeline.stream import StreamedCall
from fmsdk.provider import Provider
from fmsdk.quoting.history import apply_history
from fmsdk.quoting.offline import offline_quote
from fmsdk.quoting.quote import Quote
from fmsdk.quoting.quoted_request import QuotedVerb, build_quoted_request
from fmsdk.registry import Registry
from fmsdk.request import Prompt, Request, build, convert_request, split_model
from fmsdk.response import Response
from fmsdk.result import Result
from fmsdk.streams import AsyncStream
from fmsdk.threads import run_in_thread
from fmsdk.token_count import TokenCount
from fmsdk.transcription import TranscribeRequest, Transcription
from fmsdk.validation import check_integer, check_number

if TYPE_CHECKING:
    from typing_extensions import TypeVar as _TypeVar

    from fmsdk.ledger import Ledger
    from fmsdk.telemetry import Telemetry

    T = _TypeVar("T", default=Any)
else:
    T = TypeVar("T")

__all__ = ["AsyncClient"]

Q = TypeVar("Q", bound=Request)
ResultT = TypeVar("ResultT", bound=Result)


class AsyncClient:
    """One typed interface to every model.

    Args:
        providers: by name, a provider's options (`{"openai": {"base_url": …}}`), or a ready
            provider.
        retries: how many times a call is repeated after a retryable error.
        max_concurrency: how many calls may run at once; the others wait.
        timeout: seconds for a whole call, without the loading of a local model.
        idle_timeout: the longest time in seconds between two events or comments of a stream, and
            for the body of an error. (A vendor's client that you pass reads the bodies of errors
            itself; only `timeout` limits those.)
        fetch: limits for URLs that fmsdk fetches for a vendor.
        clock: returns the date (or an aware datetime) by which models count as retired; None: now.
        budget: a cap on what this client's calls cost, in US dollars ("5.00"), or a
            `fmsdk.Budget`, or several: each attempt reserves what it may cost before it is sent.
        ledger: where every call and attempt is recorded, and what is spent under the budgets: a
            SQLite file ("fmsdk.db"), which several processes can share, or a `fmsdk.ledger.Ledger`.
            None: the file that the variable FMSDK_LEDGER names, if any; False: none.
        on_request, on_response: plain functions that are called once before and once after each
            call, with the request, and with the result or error. They get no keys and no bytes of
            media. What they raise is logged and stops nothing.
        tracing: OpenTelemetry's spans and metrics. True: on; False: off; None: on as soon as the
            program has imported OpenTelemetry's SDK; or a `fmsdk.telemetry.Telemetry`.
    """

    @refuse_unknown_keywords
    def __init__(
        self,
        *,
        providers: Mapping[str, Mapping[str, Any] | Provider] | None = None,
        retries: int = 2,
        max_concurrency: int | None = None,
        timeout: float | None = None,
        idle_timeout: float | None = 60.0,
        fetch: FetchLimits = DEFAULT_FETCH,
        budget: BudgetOption = None,
        ledger: str | os.PathLike[str] | Ledger | Literal[False] | None = None,
        on_request: OnRequest | None = None,
        on_response: OnResponse | None = None,
        tracing: bool | Telemetry | None = None,
        clock: Clock | None = None,
    ) -> None:
        if providers is not None and not isinstance(cast("object", providers), Mapping):
            raise BadRequestError(
                "providers is a mapping of names to options, such as "
                f"{{'openai': {{'base_url': …}}}}, not {type(providers).__name__}"
            )
        if not isinstance(cast("object", fetch), FetchLimits):
            raise BadRequestError(f"fetch is FetchLimits(…), not {type(fetch).__name__}")
        if clock is not None and not callable(clock):
            raise BadRequestError(f"clock is a function, not {type(clock).__name__}")
        max_concurrency = check_integer("max_concurrency", max_concurrency, 1)
        retries = check_integer("retries", retries, 0) or 0
        requirement = "of seconds, above 0, or None for no limit"
        timeout = check_number("timeout", timeout, requirement, lambda number: number > 0)
        idle_timeout = check_number(
            "idle_timeout", idle_timeout, requirement, lambda number: number > 0
        )
        self._registry = Registry(providers or {}, timeout=timeout, idle_timeout=idle_timeout)
        budgets = read_budgets(budget)
        self._ledger, self._owns_ledger = _open_ledger(ledger)
        self._observers = Observers(on_request, on_response, tracing, self._ledger)
        self._policy = Policy(
            retries,
            timeout,
            observers=self._observers,
            clock=clock,
            fetch=fetch,
            budgets=budgets,
            spending=self._ledger or (MemorySpending() if budgets else None),
        )
        self._max_concurrency = max_concurrency
        self._policies: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Policy] = (
            weakref.WeakKeyDictionary()
        )

    @overload
    async def generate(
        self, model: str, prompt: Prompt, *, output: type[T], **settings: Unpack[GenerateOptions]
    ) -> Response[T]: ...

    @overload
    async def generate(
        self,
        model: str,
        prompt: Prompt,
        *,
        output: Mapping[str, Any] | None = None,
        **settings: Unpack[GenerateOptions],
    ) -> Response[Any]: ...

    @show_keywords
    async def generate(
        self,
        model: str,
        prompt: Prompt | None = None,
        *,
        output: type[Any] | Mapping[str, Any] | None = None,
        **settings: Unpack[GenerateOptions],
    ) -> Response[Any]:
        """Ask `model` ("provider:model") and wait for the whole answer.

        Args:
            prompt: text, a part, a list of both, messages, or a `Request`.
            output: a type (dataclass, pydantic model, TypedDict, …) or a JSON Schema for the
                answer, which is then `response.output`.
            settings: see `GenerateOptions`.

        Raises:
            FmsdkError: one of `fmsdk.errors`.
        """
        request = build(model, prompt, output=output, **settings)
        return await self._run(GENERATE, request)

    @overload
    def stream(
        self, model: str, prompt: Prompt, *, output: type[T], **settings: Unpack[GenerateOptions]
    ) -> AsyncStream[T]: ...

    @overload
    def stream(
        self,
        model: str,
        prompt: Prompt,
        *,
        output: Mapping[str, Any] | None = None,
        **settings: Unpack[GenerateOptions],
    ) -> AsyncStream[Any]: ...

    @show_keywords
    def stream(
        self,
        model: str,
        prompt: Prompt | None = None,
        *,
        output: type[Any] | Mapping[str, Any] | None = None,
        **settings: Unpack[GenerateOptions],
    ) -> AsyncStream[Any]:
        """Like `generate`, but gives events as they arrive: `async with client.stream(…) as
        stream`."""
        request = build(model, prompt, output=output, **settings)

        def start(request: Request) -> StreamedCall:
            provider = self._registry.get(request.provider)
            return StreamedCall(provider, request, self._loop_policy())

        return AsyncStream(start, request, self._import_provider)

    @refuse_unknown_keywords
    async def transcribe(
        self,
        model: str,
        audio: Any,
        *,
        language: str | None = None,
        prompt: str | None = None,
        timeout: float | None = None,
        tags: Mapping[str, str] | Iterable[tuple[str, str]] = (),
        max_cost: Decimal | str | float | None = None,
    ) -> Transcription:
        """Turn speech into text.

        Args:
            audio: an `Audio`, or anything `Audio` takes (path, bytes, samples with rate, …).
            language: two-letter code of the spoken language; None lets the model detect it.
            prompt: words that the recording may contain (names, terms).
            timeout, tags, max_cost: see `GenerateOptions`.
        """
        part = audio if isinstance(audio, Audio) else Audio(audio)
        request = build(model, part, timeout=timeout, tags=tags, max_cost=max_cost)
        return await self._run(
            TRANSCRIBE,
            convert_request(request, TranscribeRequest, language=language, prompt=prompt),
        )

    @refuse_unknown_keywords
    async def embed(
        self,
        model: str,
        inputs: str | Text | Sequence[str | Text],
        *,
        dimensions: int | None = None,
        timeout: float | None = None,
        tags: Mapping[str, str] | Iterable[tuple[str, str]] = (),
        max_cost: Decimal | str | float | None = None,
        lenient: bool = False,
        allow_retired: bool = False,
        options: Any = None,
    ) -> Embeddings:
        """Turn texts into vectors, one for each text. If there are more texts than the vendor takes
        at once, they are sent in several requests. The vectors are in the order of the texts.

        Args:
            inputs: a text or a list of texts, none of them empty. A text that is longer than the
                model takes is an error, if the server can be told not to cut it off.
            dimensions: the length of the vectors, for models that offer several.
            timeout, tags, max_cost, lenient, allow_retired, options: see `GenerateOptions`.

        Raises:
            FmsdkError: one of `fmsdk.errors`. If several requests were sent, `partial` has the
                vectors of the first texts, and the usage of all requests.
        """
        request = build_embed_request(
            model,
            inputs,
            dimensions=dimensions,
            timeout=timeout,
            tags=tags,
            max_cost=max_cost,
            lenient=lenient,
            allow_retired=allow_retired,
            options=options,
        )
        return await self._run(embed_operation(), request)

    @refuse_unknown_keywords
    @show_keywords
    def quote(
        self,
        model: str,
        prompt: Prompt,
        *,
        verb: QuotedVerb = "generate",
        output: type[Any] | Mapping[str, Any] | None = None,
        **settings: Unpack[GenerateOptions],
    ) -> Quote:
        """Estimate what the request would use and cost, without a network. If the ledger has calls
        like it, they tell the length and the time of the answer.

        Args:
            verb: "embed" quotes `embed` of a text or a list of texts, "transcribe" quotes
                `transcribe` of an `Audio`, by token or by second, as its model is billed.

        Raises:
            QuoteUnavailable: the size of a medium is unknown before it is sent.
        """
        request = build_quoted_request(verb, model, prompt, output=output, **settings)
        quote = offline_quote(request, self._registry, self._policy.clock)
        return apply_history(quote, self._ledger, request, self._registry)

    @refuse_unknown_keywords
    @show_keywords
    async def count_tokens(
        self,
        model: str,
        prompt: Prompt,
        *,
        output: type[Any] | Mapping[str, Any] | None = None,
        **settings: Unpack[GenerateOptions],
    ) -> TokenCount:
        """Count the input tokens of the request exactly: by the vendor's endpoint (OpenAI,
        Anthropic, Gemini), which gets the whole request and bills nothing, or by the processor of a
        local model, which is loaded. `quote` estimates them without a network.

        Raises:
            BadRequestError: the server has no such endpoint.
        """
        return await self._run(COUNT_TOKENS, build(model, prompt, output=output, **settings))

    async def load(self, *models: str) -> None:
        """Load what the first call of each model would wait for: the imports, the price table, and
        the weights of a local model. Nothing is sent to any vendor.

        Raises:
            FmsdkError: of the first model that cannot be loaded.
        """
        for model in models:
            provider_name, name = split_model(model)
            await self._import_provider(provider_name)
            provider = self._registry.get(provider_name)
            await provider.warm_up()
            if provider.price_id is not None:
                await run_in_thread(pricing.context_window, provider.price_id, name)
            await provider.load(name)

    def spent(self) -> Expenses:
        """What this client's calls that have ended cost, with a ledger or without. Other clients'
        and yesterday's are in the ledger: see `fmsdk.ledger.summarize`."""
        return self._observers.expenses()

    async def aclose(self) -> None:
        """Close the connections that this client opened on the running loop. Calls that run there
        end with `ClientClosed`. A later call opens new connections. What the ledger holds back is
        written."""
        policy = self._policies.pop(asyncio.get_running_loop(), None)
        providers = self._registry.release()
        if policy is not None:
            await policy.running_calls.close()
        for provider in providers:
            await provider.aclose()
        if self._ledger is not None:
            await (self._ledger.aclose() if self._owns_ledger else self._ledger.flush())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def _run(self, operation: Operation[Q, Awaitable[ResultT]], request: Q) -> ResultT:
        await self._import_provider(request.provider)
        provider = self._registry.get(request.provider)
        return await Call(operation, provider, request, self._loop_policy()).run()

    async def _import_provider(self, name: str) -> None:
        running_calls = self._loop_policy().running_calls
        await self._registry.import_provider(name)
        running_calls.check_open()

    def _loop_policy(self) -> Policy:
        # A semaphore belongs to the loop in which it is awaited, as connections do.
        loop = asyncio.get_running_loop()
        policy = self._policies.get(loop)
        if policy is None:
            limit = self._max_concurrency
            gate = None if limit is None else asyncio.Semaphore(limit)
            policy = replace(self._policy, gate=gate, running_calls=RunningCalls())
            self._policies[loop] = policy
        return policy


def _open_ledger(option: object) -> tuple[Ledger | None, bool]:
    """The ledger, and whether it is the client's own."""
    if option is None:
        option = os.environ.get("FMSDK_LEDGER") or False
    if option is False:
        return None, False
    if isinstance(option, (str, os.PathLike)):
        from fmsdk.ledger import SqliteLedger

        return SqliteLedger(cast("str", option)), True
    if not callable(getattr(option, "record_call", None)):
        raise BadRequestError(
            f"ledger is a file such as 'fmsdk.db', or a fmsdk.ledger.Ledger, not {option!r}"
        )
    return cast("Ledger", option), False
