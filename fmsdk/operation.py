"""An operation is one verb, as the pipeline runs it and as observers know it.

A new verb is one Protocol in `fmsdk.provider`, one request, one result, one operation, and one
method of `fmsdk.AsyncClient`. Nothing else has to know it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

from fmsdk.errors import BadRequestError
from fmsdk.provider import Capabilities, EventStream, Provider, Transcribes
from fmsdk.request import Request
from fmsdk.response import Response
from fmsdk.transcription import TranscribeRequest, Transcription

__all__ = ["GENERATE", "STREAM", "TRANSCRIBE", "Operation"]

Q = TypeVar("Q", bound=Request)
A = TypeVar("A")


@dataclass(frozen=True, kw_only=True)
class Operation(Generic[Q, A]):
    """One verb.

    verb: the client's method. semantic_name: `gen_ai.operation.name` in OpenTelemetry's semantic
    conventions. ask: asks the provider once, with a request of the verb; gives the result to
    await, or an `EventStream`. protocol: what a provider that has the verb is an instance of.
    purpose: what the verb is for, as a provider that lacks it is said to have none of.
    capabilities: what every model of the verb takes; None asks the provider for each model.
    """

    verb: str
    semantic_name: str
    ask: Callable[[Provider, Q], A]
    protocol: type[Any] = Provider
    purpose: str = "answers"
    capabilities: Capabilities | None = None
    is_streamed: bool = False

    def check_support(self, provider: Provider, request: Request) -> None:
        """Raise BadRequestError where the provider lacks the verb."""
        if not isinstance(provider, self.protocol):
            raise BadRequestError(
                f"{request.provider} has no {self.purpose}",
                provider=request.provider,
                model=request.model,
            )


def _ask_to_generate(provider: Provider, request: Request) -> Awaitable[Response[Any]]:
    return provider.generate(request)


def _ask_to_stream(provider: Provider, request: Request) -> EventStream:
    return provider.stream(request)


def _ask_to_transcribe(provider: Provider, request: TranscribeRequest) -> Awaitable[Transcription]:
    return cast("Transcribes", provider).transcribe(request)


GENERATE = Operation(verb="generate", semantic_name="chat", ask=_ask_to_generate)
STREAM = Operation(verb="stream", semantic_name="chat", ask=_ask_to_stream, is_streamed=True)
TRANSCRIBE = Operation(
    verb="transcribe",
    semantic_name="transcribe",
    ask=_ask_to_transcribe,
    protocol=Transcribes,
    purpose="speech to text here; local:demo-audio has",
)
