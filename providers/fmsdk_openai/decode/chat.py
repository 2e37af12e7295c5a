"""Chat Completions bodies: the shapes that are read, and a whole body as a `Response`.

Reads OpenAI's dialect and what compatible servers add to it: `reasoning_content`, `reasoning` and
`reasoning_details` (DeepSeek, vLLM, Ollama, OpenRouter), content lists (Mistral), and
`extra_content` (Gemini's compatible endpoint).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal, cast

import msgspec

from fmsdk.content import Audio, Part, Reasoning, Text, ToolCall
from fmsdk.errors import ServerError
from fmsdk.response import Choice, Finish, Response, Warning, malformed_call, tool_call
from fmsdk.wire.blame import Blame
from fmsdk.wire.read import base64_bytes, fewer_choices, opaque_of, read
from fmsdk_openai.decode.answer import Logprob, OpenAIAnswer, token_logprobs

__all__ = [
    "Call",
    "Candidate",
    "Chunk",
    "Delta",
    "Spoken",
    "arguments_text",
    "chat_response",
    "echoed",
    "finish_of",
    "pieces",
    "thoughts",
]

_FINISHES: dict[str | None, Finish] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
    "model_length": "length",  # Mistral
}


class _Function(msgspec.Struct):
    name: str | None = None
    arguments: Any = None


class Call(msgspec.Struct):
    """A tool call, or a piece of one."""

    index: int | None = None
    id: str | None = None
    function: _Function | None = None
    extra_content: Any = None


class Spoken(msgspec.Struct):
    """Sound as base64, and its transcript; in a stream a piece of either."""

    data: str | None = None
    transcript: str | None = None


class Delta(msgspec.Struct, frozen=True):
    """A message, or a piece of one."""

    content: str | list[dict[str, Any]] | None = None
    refusal: str | None = None
    reasoning_content: Any = None
    reasoning: Any = None
    reasoning_details: list[Any] | None = None
    tool_calls: list[Call] | None = None
    audio: Spoken | None = None
    extra_content: Any = None


class _Logprobs(msgspec.Struct):
    content: list[Logprob] | None = None


_NOTHING = Delta()


class Candidate(msgspec.Struct):
    """One choice; it has a `message` in a body, a `delta` in a stream."""

    index: int = 0
    message: Delta = _NOTHING
    delta: Delta = _NOTHING
    finish_reason: str | None = None
    logprobs: _Logprobs | None = None


class Chunk(msgspec.Struct):
    """A body, or one event of a stream."""

    choices: list[Candidate] | None = None
    id: str | None = None
    model: str | None = None
    usage: Any = None
    service_tier: str | None = None
    error: Any = None


_BODY = msgspec.json.Decoder(Chunk)


def chat_response(answer: OpenAIAnswer, body: bytes) -> Response[Any]:
    """The response of a whole body. Raises InvalidResponse, or the error that the body reports."""
    chunk = read(_BODY, body, answer.blame)
    if chunk.error:
        raise answer.blame.of_body(chunk.error)
    if not chunk.choices:
        raise answer.blame.invalid("a completion without choices")
    request = answer.request
    warnings = list(answer.warnings)
    found = sorted(chunk.choices, key=lambda candidate: candidate.index)
    choices = tuple(_choice(answer, candidate, warnings) for candidate in found)
    warnings += fewer_choices(request, len(choices))
    return Response(
        provider=request.provider,
        model=request.model,
        choices=choices,
        served_model=chunk.model,
        request_id=answer.request_id or chunk.id,
        usage=answer.usage(chunk.usage, chunk.service_tier),
        warnings=tuple(warnings),
        raw_body=body,
        output_type=request.output,
    )


def _choice(answer: OpenAIAnswer, candidate: Candidate, warnings: list[Warning]) -> Choice:
    parts = tuple(_parts(answer, candidate.message, warnings))
    calls = [part for part in parts if isinstance(part, ToolCall)]
    warnings += (malformed_call(call) for call in calls if call.raw is not None)
    logprobs = candidate.logprobs
    return Choice(
        parts,
        finish_of(candidate.finish_reason, bool(calls), answer.blame),
        candidate.finish_reason,
        token_logprobs(logprobs.content) if logprobs else (),
    )


def _parts(answer: OpenAIAnswer, message: Delta, warnings: list[Warning]) -> Iterator[Part]:
    provider = answer.request.provider
    text, thought = message.content, thoughts(message)
    if isinstance(text, list):
        found = list(pieces(text, warnings))
        text = "".join(piece for kind, piece in found if kind == "text")
        thought += "".join(piece for kind, piece in found if kind == "reasoning")
    echo = echoed([message])
    if thought or echo:
        yield Reasoning(thought, provider, opaque_of(echo) if echo else None)
    if text:
        yield Text(text)
    if message.refusal:
        yield Text(message.refusal, refusal=True)
    if message.audio is not None:
        if message.audio.transcript:
            yield Text(message.audio.transcript)
        if message.audio.data:
            data = base64_bytes(message.audio.data, answer.blame)
            yield Audio(data, mime_type=answer.audio_mime)
    for call in message.tool_calls or ():
        extra = opaque_of({"extra_content": call.extra_content}) if call.extra_content else None
        name = (call.function and call.function.name) or ""
        yield tool_call(
            call.id or "", name, arguments_text(call), provider=extra and provider, opaque=extra
        )


def thoughts(message: Delta) -> str:
    """The readable reasoning of a message or a piece of one."""
    said = message.reasoning_content or message.reasoning
    return said if isinstance(said, str) else ""


def echoed(messages: Sequence[Delta]) -> dict[str, Any]:
    """The reasoning fields of a message, whole or in pieces, as its server wants them back."""
    fields: dict[str, Any] = {}
    for name in ("reasoning_content", "reasoning", "reasoning_details", "extra_content"):
        values = [value for message in messages if (value := getattr(message, name))]
        if not values:
            continue
        if all(isinstance(value, str) for value in values):
            fields[name] = "".join(values)
        elif all(isinstance(value, list) for value in values):
            fields[name] = [item for value in values for item in value]
        else:
            fields[name] = values[-1]
    return fields


def pieces(
    content: Iterable[dict[str, Any]], warnings: list[Warning]
) -> Iterator[tuple[Literal["text", "reasoning"], str]]:
    """Mistral's content lists: text, and thinking, which is a list of text itself. Other kinds
    are left out with a warning."""
    for piece in content:
        kind = piece.get("type")
        if kind == "text":
            yield "text", str(piece.get("text") or "")
        elif kind == "thinking":
            yield "reasoning", _thought(piece.get("thinking"))
        else:
            message = f"a {kind!r} piece of the answer has no place in fmsdk and was left out"
            warnings.append(Warning("content_skipped", message, str(kind)))


def _thought(told: object) -> str:
    if isinstance(told, list):
        return "".join(_thought(inner) for inner in cast("list[object]", told))
    if isinstance(told, dict):
        return str(cast("dict[str, object]", told).get("text") or "")
    return told if isinstance(told, str) else ""


def arguments_text(call: Call) -> str:
    """A call's arguments as JSON text, which is how most servers send them."""
    arguments = call.function.arguments if call.function else None
    if isinstance(arguments, str):
        return arguments
    return "" if arguments is None else msgspec.json.encode(arguments).decode()


def finish_of(reason: str | None, has_calls: bool, blame: Blame) -> Finish:
    """The normalised finish; some servers say "stop" where they made calls.

    Raises:
        ServerError: the server says that it broke off (OpenRouter's and Mistral's "error").
    """
    if reason == "error":
        raise ServerError(f"{blame.provider} broke off with an error", provider=blame.provider)
    finish = _FINISHES.get(reason, "other")
    return "tool_calls" if finish == "stop" and has_calls else finish
