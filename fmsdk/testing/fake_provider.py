"""A provider that answers from a script, for users' own tests.

client = fmsdk.Client(providers={"fake": FakeProvider(["Hello!"])})
client.generate("fake:any", "Hi").text
"""

from __future__ import annotations

import asyncio
import json
import math
from array import array
from collections.abc import AsyncGenerator, Iterable, Sequence, Set
from dataclasses import replace
from random import Random
from typing import Any, ClassVar, Literal, cast

from fmsdk.catalog import narrow
from fmsdk.content import Audio, Image, Part, Reasoning, Text, ToolCall
from fmsdk.embedding import Embeddings, EmbedLimits, EmbedRequest, Vectors
from fmsdk.errors import BadRequestError, FmsdkError
from fmsdk.hosted.provider import HostedProvider
from fmsdk.provider import CONTRACT_VERSION, Capabilities, Embeds, Estimate, EventStream, Provider
from fmsdk.registry import Registry
from fmsdk.request import Request, split_model
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
    Warning,
)
from fmsdk.token_count import TokenCount
from fmsdk.transcription import Segment, TranscribeRequest, Transcription
from fmsdk.usage import InputUsage, OutputUsage, Range, Usage
from fmsdk.validation import check_list, check_number

__all__ = ["FakeProvider"]

_EVERYTHING = Capabilities(
    input=frozenset({"text", "image", "audio", "video", "document"}),
    output=frozenset({"text", "audio", "image"}),
    remote=frozenset({"image", "audio", "video", "document"}),
)
_DIMENSIONS = 8
_ANSWER_PARTS = (Text, Reasoning, ToolCall, Audio, Image)
_RESULTS = (Response, Transcription, Embeddings)
_Piece = str | Text | Reasoning | ToolCall | Audio | Image | FmsdkError
Reply = _Piece | Sequence[_Piece] | Response[Any] | Transcription | Embeddings


class FakeProvider(Provider):
    """Gives `replies` in turn: a text, a part such as a `ToolCall`, an error to raise, or a result
    (`Response`, `Transcription`, `Embeddings`). A list of texts and parts is one reply; an error at
    its end breaks the answer off there, in the middle of a stream.

    Without replies, or after the last one, it repeats the last message, or names the recording.
    `embed` gives vectors that depend only on the text, unless the next reply is an error or
    `Embeddings`. `requests` has every request that it received. Its tokens are words, which it
    counts, so usage is measured.

    Args:
        capabilities: what its models take; by default everything.
        delay: seconds before an answer, and between the pieces of a streamed one.
        price_id: the vendor whose prices apply; None: no price.
        vendor: the vendor whose dates of retirement apply; None: no dates.
        like: a model ("openai:gpt-5.6-sol") whose capabilities, price and dates apply unless they
            are given here. What its vendor's encoder refuses is refused, and its warnings are
            given. Nothing is sent.
        on_end: what follows the last reply: "echo", or "error", which raises.
        backoff: wait before a retry as for a real provider. Without it, retries are immediate.

    Raises:
        BadRequestError: a reply that is none of these, or another argument that is wrong.
        FmsdkError: the provider of `like` is not usable.
    """

    contract_version: ClassVar[int] = CONTRACT_VERSION

    def __init__(
        self,
        replies: Iterable[Reply] = (),
        *,
        name: str = "fake",
        capabilities: Capabilities | None = None,
        delay: float = 0.0,
        price_id: str | None = None,
        vendor: str | None = None,
        like: str | None = None,
        on_end: Literal["echo", "error"] = "echo",
        backoff: bool = False,
    ) -> None:
        if isinstance(replies, (*_ANSWER_PARTS, *_RESULTS, Set)):
            raise BadRequestError(
                f"replies is a list, not {type(replies).__name__}: FakeProvider([…])"
            )
        if capabilities is not None and not isinstance(cast("object", capabilities), Capabilities):
            raise BadRequestError(
                "capabilities are fmsdk.provider.Capabilities(input=frozenset({…})), not "
                f"{type(capabilities).__name__}"
            )
        if on_end not in ("echo", "error"):
            raise BadRequestError(f"on_end is 'echo' or 'error', not {on_end!r}")
        self.name = name
        self.requests: list[Request] = []
        self.closed = False
        self.backoff = backoff
        self._replies = [
            _check_reply(reply, number)
            for number, reply in enumerate(check_list("FakeProvider([…]): replies", replies))
        ]
        self._reply_count = len(self._replies)
        self._on_end = on_end
        self._delay = check_number("delay", delay, "not negative", lambda seconds: seconds >= 0)
        self._like: Provider | None = None
        self._like_model: str | None = None
        if like is not None:
            provider_name, model = split_model(like)
            self._like_model = model
            self._like = Registry({}, timeout=None, idle_timeout=None).create(provider_name)
            # By name, since the environment may name another server (OPENAI_BASE_URL).
            self.options_class = self._like.options_class
            narrowed = narrow(self._like.capabilities(model), provider_name, model)
            capabilities = capabilities or narrowed
            price_id = price_id or self._like.price_id
            vendor = vendor or self._like.vendor or (provider_name if narrowed.known else None)
        self.price_id = price_id
        self.vendor = vendor
        self._capabilities = capabilities or _EVERYTHING

    def capabilities(self, model: str) -> Capabilities:
        return self._capabilities

    async def generate(self, request: Request) -> Response[Any]:
        reply, error = self._next(request)
        await asyncio.sleep(self._delay)
        if error is not None:
            raise error
        return reply

    def stream(self, request: Request) -> EventStream:
        return EventStream(self.events(request))

    async def events(self, request: Request) -> AsyncGenerator[Event, None]:
        """The events of a streamed answer. A subclass may override it, for instance to break
        off."""
        reply, error = self._next(request, stream=True)
        for number, choice in enumerate(reply.choices):
            for index, part in enumerate(choice.parts):
                for event in _split_part(part, index, number):
                    await asyncio.sleep(self._delay)
                    yield event
        if error is not None:
            raise error
        yield Finished(
            finishes=tuple((choice.finish, choice.finish_raw) for choice in reply.choices),
            usage=reply.usage,
            served_model=reply.served_model,
            request_id=reply.request_id,
            timings=reply.timings,
            warnings=reply.warnings,
            raw_body=reply.raw_body,
        )

    async def transcribe(self, request: TranscribeRequest) -> Transcription:
        """The next reply as the text of one segment."""
        reply = self._take_reply(request, Transcription)
        await asyncio.sleep(self._delay)
        if isinstance(reply, Transcription):
            return replace(reply, provider=request.provider, model=request.model)
        texts = (reply,) if isinstance(reply, str) else cast("Sequence[object]", reply)
        if reply is None:
            texts = (f"transcript of {request.audio.describe()}",)
        if any(not isinstance(text, str) for text in texts):
            raise BadRequestError("a scripted transcription is a text or a Transcription")
        text, duration = "".join(cast("Sequence[str]", texts)), request.audio.duration
        return Transcription(
            provider=request.provider,
            model=request.model,
            served_model=self._like_model or request.model,
            request_id=f"fake-{len(self.requests)}",
            text=text,
            segments=(Segment(0.0, duration or 0.0, text),),
            language=request.language,
            duration=duration,
            usage=Usage(
                input=InputUsage(audio_seconds=duration),
                output=OutputUsage(total=len(text.split())),
                source="measured",
            ),
        )

    def estimate(self, request: Request) -> Estimate:
        words = _words(request)
        return Estimate(input=Range(words, words, words), exact=True)

    async def count_tokens(self, request: Request) -> TokenCount:
        """The words of the request."""
        self.requests.append(request)
        words = _words(request)
        return TokenCount(provider=request.provider, model=request.model, tokens=words)

    async def aclose(self) -> None:
        self.closed = True

    def embed_limits(self, model: str) -> EmbedLimits:
        if self._like is not None and self._like_model is not None:
            if not isinstance(self._like, Embeds):
                raise BadRequestError(f"{self._like.name} has no embeddings")
            return self._like.embed_limits(self._like_model)
        return EmbedLimits()

    async def embed(self, request: EmbedRequest) -> Embeddings:
        """Unit vectors that depend only on the text. Similar texts do not get similar vectors."""
        reply: Reply | None = None
        if self._replies and isinstance(self._replies[0], (FmsdkError, Embeddings)):
            reply = self._take_reply(request, Embeddings)
        else:
            self.requests.append(request)
        await asyncio.sleep(self._delay)
        if isinstance(reply, Embeddings):
            return replace(reply, provider=request.provider, model=request.model)
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
            served_model=self._like_model or request.model,
            request_id=f"fake-{len(self.requests)}",
            vectors=Vectors(values, width),
            normalized=True,
            usage=Usage(
                input=InputUsage(total=_words(request)),
                output=OutputUsage(total=0),
                source="measured",
            ),
        )

    def _next(
        self, request: Request, *, stream: bool = False
    ) -> tuple[Response[Any], FmsdkError | None]:
        """The next answer, and the error that breaks it off."""
        reply = self._take_reply(request, Response)
        warnings: tuple[Warning, ...] = ()
        if issubclass(type(self._like), HostedProvider):
            like = cast("HostedProvider[Any, Any]", self._like)
            encoded = like.encode(replace(request, model=self._like_model), stream=stream)
            warnings = encoded.warnings
        if isinstance(reply, Response):
            return replace(
                reply,
                provider=request.provider,
                model=request.model,
                warnings=(*warnings, *reply.warnings),
                output_type=request.output if reply.output_type is None else reply.output_type,
            ), None
        pieces = [reply] if isinstance(reply, (str, *_ANSWER_PARTS)) else reply
        pieces = (
            [request.messages[-1].text] if pieces is None else list(cast("Sequence[Any]", pieces))
        )
        error: Any = pieces.pop() if pieces and isinstance(pieces[-1], FmsdkError) else None
        parts = tuple(Text(piece) if isinstance(piece, str) else piece for piece in pieces)
        calls = any(isinstance(part, ToolCall) for part in parts)
        finish: Finish = "tool_calls" if calls else "stop"
        words = (len(part.text.split()) if isinstance(part, Text) else 1 for part in parts)
        return Response(
            provider=request.provider,
            model=request.model,
            choices=(Choice(parts, finish, finish),),
            served_model=self._like_model or request.model,
            request_id=f"fake-{len(self.requests)}",
            usage=Usage(
                input=InputUsage(total=_words(request)),
                output=OutputUsage(total=sum(words)),
                source="measured",
            ),
            warnings=warnings,
            output_type=request.output,
        ), error

    def _take_reply(self, request: Request, result: type[Any]) -> Reply | None:
        """The next reply to a verb with this result. None: there is none. Raises a scripted
        error."""
        self.requests.append(request)
        if not self._replies:
            if self._on_end == "error":
                raise BadRequestError(
                    f"FakeProvider has no reply left: it had {self._reply_count}, and this is "
                    f"request {len(self.requests)}; script more replies, or pass on_end='echo'"
                )
            return None
        reply = self._replies.pop(0)
        if isinstance(reply, FmsdkError):
            raise reply
        if isinstance(reply, _RESULTS) and not isinstance(reply, result):
            raise BadRequestError(
                f"the next reply of FakeProvider is {type(reply).__name__}, and this request asks "
                f"for {result.__name__}; the replies come in the order of the requests"
            )
        return reply


def _check_reply(reply: object, number: int) -> Reply:
    """The reply. Raises BadRequestError for what is none."""
    is_list = isinstance(reply, (list, tuple)) and not isinstance(reply, _RESULTS)
    pieces = cast("Sequence[object]", reply if is_list else (reply,))
    for place, piece in enumerate(pieces):
        if isinstance(piece, FmsdkError):
            if place < len(pieces) - 1:
                raise BadRequestError(f"replies[{number}]: an error ends the list that it is in")
        elif not isinstance(piece, (str, *_ANSWER_PARTS) if is_list else _ALL):
            kind = piece.__name__ if isinstance(piece, type) else type(piece).__name__
            way_out = "a text, a part, a list of these, an FmsdkError, or a result"
            if isinstance(piece, dict):
                way_out = "json.dumps(…) of it, the text that the model would write"
            elif isinstance(piece, type) and issubclass(piece, FmsdkError):
                way_out = f"an instance: fmsdk.{kind}('…')"
            elif isinstance(piece, BaseException):
                way_out = "an FmsdkError, such as fmsdk.ServerError('…'): providers raise no others"
            elif callable(cast("object", piece)):
                way_out = "a reply itself; to compute it, override FakeProvider.generate"
            raise BadRequestError(f"replies[{number}] is {kind}; give {way_out}")
    if is_list and not pieces:
        raise BadRequestError(f"replies[{number}] is an empty list; give '' for an empty answer")
    return cast("Reply", tuple(pieces) if is_list else reply)


_ALL = (str, *_ANSWER_PARTS, *_RESULTS)


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
