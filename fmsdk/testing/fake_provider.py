"""A provider that answers from a script, for users' own tests.

client = fmsdk.Client(providers={"fake": FakeProvider(["Hello!"])})
client.generate("fake:any", "Hi").text
"""

from __future__ import annotations

import asyncio
import json
import math
from array import array
from collections.abc import AsyncGenerator, Iterable
from random import Random
from typing import Any, ClassVar

from fmsdk.content import Audio, Image, Part, Reasoning, Text, ToolCall
from fmsdk.embedding import Embeddings, EmbedLimits, EmbedRequest, Vectors
from fmsdk.errors import FmsdkError
from fmsdk.provider import CONTRACT_VERSION, Capabilities, Estimate, EventStream, Provider
from fmsdk.request import Request
from fmsdk.response import (
    Choice,
    Event,
    Finish,
    Finished,
    MediaDelta,
    ReasoningDelta,
    Response,
    TextDelta,
    ToolCallDelta,
)
from fmsdk.usage import InputUsage, OutputUsage, Range, Usage

__all__ = ["FakeProvider"]

_EVERYTHING = Capabilities(
    input=frozenset({"text", "image", "audio", "video", "document"}),
    output=frozenset({"text", "audio", "image"}),
    remote=frozenset({"image", "audio", "video", "document"}),
)
_DIMENSIONS = 8
Reply = str | ToolCall | Response[Any] | FmsdkError


class FakeProvider(Provider):
    """Gives `replies` in turn: a text, a `ToolCall`, a `Response`, or an error to raise.

    Without replies, or after the last one, it repeats the last message. `requests` has every
    request that it received. Its tokens are words, which it counts, so usage is measured.

    Args:
        capabilities: what its models take; by default everything.
        delay: seconds before an answer, and between the pieces of a streamed one.
        price_id: the vendor whose prices apply; None: no price.
        vendor: the vendor whose dates of retirement apply; None: no dates.
    """

    contract_version: ClassVar[int] = CONTRACT_VERSION

    def __init__(
        self,
        replies: Iterable[Reply] = (),
        *,
        name: str = "fake",
        capabilities: Capabilities = _EVERYTHING,
        delay: float = 0.0,
        price_id: str | None = None,
        vendor: str | None = None,
    ) -> None:
        self.name = name
        self.price_id = price_id
        self.vendor = vendor
        self.requests: list[Request] = []
        self.closed = False
        self._replies = list(replies)
        self._capabilities = capabilities
        self._delay = delay

    def capabilities(self, model: str) -> Capabilities:
        return self._capabilities

    async def generate(self, request: Request) -> Response[Any]:
        reply = self._next(request)
        await asyncio.sleep(self._delay)
        return reply

    def stream(self, request: Request) -> EventStream:
        return EventStream(self.events(request))

    async def events(self, request: Request) -> AsyncGenerator[Event, None]:
        """The events of a streamed answer. A subclass may override it, for instance to break
        off."""
        reply = self._next(request)
        for number, choice in enumerate(reply.choices):
            for index, part in enumerate(choice.parts):
                for event in _split_part(part, index, number):
                    await asyncio.sleep(self._delay)
                    yield event
        yield Finished(
            finishes=tuple((choice.finish, choice.finish_raw) for choice in reply.choices),
            usage=reply.usage,
            served_model=reply.served_model,
            request_id=reply.request_id,
            timings=reply.timings,
            warnings=reply.warnings,
            raw_body=reply.raw_body,
        )

    def estimate(self, request: Request) -> Estimate:
        words = _words(request)
        return Estimate(input=Range(words, words, words), exact=True)

    async def aclose(self) -> None:
        self.closed = True

    def embed_limits(self, model: str) -> EmbedLimits:
        return EmbedLimits()

    async def embed(self, request: EmbedRequest) -> Embeddings:
        """Unit vectors that depend only on the text. Similar texts do not get similar vectors."""
        self.requests.append(request)
        await asyncio.sleep(self._delay)
        width = request.dimensions or _DIMENSIONS
        values = array("f")
        for text in request.inputs:
            random = Random(text)  # noqa: S311 - the same numbers each time, no secret
            row = [random.gauss(0.0, 1.0) for _ in range(width)]
            length = math.hypot(*row)
            values.extend(number / length for number in row)
        return Embeddings(
            provider=request.provider,
            model=request.model,
            served_model=request.model,
            request_id=f"fake-{len(self.requests)}",
            vectors=Vectors(values, width),
            normalized=True,
            usage=Usage(
                input=InputUsage(total=_words(request)),
                output=OutputUsage(total=0),
                source="measured",
            ),
        )

    def _next(self, request: Request) -> Response[Any]:
        self.requests.append(request)
        reply = self._replies.pop(0) if self._replies else request.messages[-1].text
        if isinstance(reply, FmsdkError):
            raise reply
        if isinstance(reply, Response):
            return reply
        finish: Finish = "tool_calls" if isinstance(reply, ToolCall) else "stop"
        part = Text(reply) if isinstance(reply, str) else reply
        words = len(reply.split()) if isinstance(reply, str) else 1
        return Response(
            provider=request.provider,
            model=request.model,
            choices=(Choice((part,), finish, finish),),
            served_model=request.model,
            request_id=f"fake-{len(self.requests)}",
            usage=Usage(
                input=InputUsage(total=_words(request)),
                output=OutputUsage(total=words),
                source="measured",
            ),
            output_type=request.output,
        )


def _words(request: Request) -> int:
    texts = [part.text for part in request.parts() if isinstance(part, Text)]
    return sum(len(text.split()) for text in (*texts, request.system or ""))


def _split_part(part: Part, index: int, choice: int) -> list[Event]:
    """The events in which a part is streamed."""
    if isinstance(part, Text):
        words = part.text.split(" ")
        last = len(words) - 1
        return [
            TextDelta(word if n == last else f"{word} ", index, choice, part.refusal)
            for n, word in enumerate(words)
        ]
    if isinstance(part, Reasoning):
        return [ReasoningDelta(part.text, index, choice, part.provider, part.opaque)]
    if isinstance(part, ToolCall):
        text = json.dumps(dict(part.arguments)) if part.raw is None else part.raw
        half = len(text) // 2
        return [
            ToolCallDelta(index, part.id, part.name, "", choice, part.provider, part.opaque),
            ToolCallDelta(index, arguments=text[:half], choice=choice),
            ToolCallDelta(index, arguments=text[half:], choice=choice),
        ]
    if isinstance(part, Audio | Image):
        return [MediaDelta(part.kind, part.read(), part.mime or "", index, choice)]
    raise TypeError(f"an answer has no {type(part).__name__}")
