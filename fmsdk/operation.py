"""An `Operation` is one verb, as the pipeline runs it and as observers see it.

A new verb is one Protocol in `fmsdk.provider`, one request, one result, one operation, and one
method of `fmsdk.AsyncClient`. Nothing else changes.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Generic, TypeVar, cast

from fmsdk.errors import BadRequestError
from fmsdk.provider import Capabilities, CountsTokens, EventStream, Provider, Transcribes
from fmsdk.request import Request
from fmsdk.response import Response
from fmsdk.token_count import TokenCount
from fmsdk.transcription import TranscribeRequest, Transcription
from fmsdk.usage import Cost, Usage

__all__ = ["COUNT_TOKENS", "GENERATE", "STREAM", "TRANSCRIBE", "Operation"]

Q = TypeVar("Q", bound=Request)
A = TypeVar("A")


@dataclass(frozen=True, kw_only=True)
class Operation(Generic[Q, A]):
    """One verb.

    verb: the client's method. semantic_name: `gen_ai.operation.name` in OpenTelemetry's semantic
    conventions. ask: asks the provider once, with a request of the verb, and returns the result to
    await or an `EventStream`. protocol: a provider that has the verb is an instance of it.
    purpose: what a provider without the verb lacks, for its error message. capabilities: what
    every model of the verb takes; None: as the provider says for each model. fixed_cost: what it
    costs, whatever is asked; None: what was used, by its price. attempt_usage: what the last
    attempt alone used, by the usage of its result, where that includes earlier attempts; None:
    there was nothing new.
    """

    verb: str
    semantic_name: str
    ask: Callable[[Provider, Q], A]
    protocol: type[Any] = Provider
    purpose: str = "answers"
    capabilities: Capabilities | None = None
    is_streamed: bool = False
    fixed_cost: Cost | None = None
    attempt_usage: Callable[[Usage], Usage | None] = lambda usage: usage

    def check_support(self, provider: Provider, request: Request) -> None:
        """Raise BadRequestError if the provider lacks the verb."""
        if not isinstance(provider, self.protocol):
            raise BadRequestError(
                f"{request.provider} has no {self.purpose}",
                provider=request.provider,
                model=request.model,
            )


GENERATE: Operation[Request, Awaitable[Response[Any]]] = Operation(
    verb="generate",
    semantic_name="chat",
    ask=lambda provider, request: provider.generate(request),
)
STREAM: Operation[Request, EventStream] = Operation(
    verb="stream",
    semantic_name="chat",
    ask=lambda provider, request: provider.stream(request),
    is_streamed=True,
)
TRANSCRIBE: Operation[TranscribeRequest, Awaitable[Transcription]] = Operation(
    verb="transcribe",
    semantic_name="transcribe",
    ask=lambda provider, request: cast("Transcribes", provider).transcribe(request),
    protocol=Transcribes,
    purpose="speech to text here; local:demo-audio has",
)
COUNT_TOKENS: Operation[Request, Awaitable[TokenCount]] = Operation(
    verb="count_tokens",
    semantic_name="count_tokens",
    ask=lambda provider, request: cast("CountsTokens", provider).count_tokens(request),
    protocol=CountsTokens,
    purpose="endpoint that counts tokens; quote estimates them",
    fixed_cost=Cost(total=Decimal(0), lines=(), price_source="counting tokens is free"),
)
