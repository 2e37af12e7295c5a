"""Chat Completions: a whole body as a `Response`, and what it has in common with a stream.

Reads OpenAI's dialect and what compatible servers add to it: `reasoning_content`, `reasoning` and
`reasoning_details` (DeepSeek, vLLM, Ollama, OpenRouter), content lists (Mistral), `images`
(OpenRouter), and `extra_content` (Gemini's compatible endpoint).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal, cast

import msgspec

from fmsdk.content import Audio, Image, Part, Reasoning, Text, ToolCall
from fmsdk.errors import FmsdkError, ServerError
from fmsdk.hosted.decoding import (
    base64_bytes,
    call_id,
    fewer_choices,
    opaque_of,
    read,
    unfinished,
    with_partial,
    word,
)
from fmsdk.http.error_mapper import ErrorMapper
from fmsdk.response import Choice, Finish, Response, Warning, malformed_call, tool_call
from fmsdk_openai.decode.chat_shapes import BODY, ECHOED, NOTHING, Candidate, Chunk, Delta
from fmsdk_openai.decode.context import OpenAIDecodeContext, json_text, token_logprobs

__all__ = [
    "broken_off",
    "chat_response",
    "echoed",
    "failure_of",
    "finish_of",
    "pictures",
    "pieces",
    "thoughts",
]

_FINISHES: dict[str, Finish] = {
    "stop": "stop",
    "eos": "stop",  # Together
    "length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
    "model_length": "length",  # Mistral
}
_BROKEN_OFF = frozenset({"error", "abort", "insufficient_system_resource"})
"""OpenRouter and Mistral; vLLM and SGLang; DeepSeek."""
_ANY = msgspec.json.Decoder()
_DATA_URL = re.compile(r"data:([^;,]*)(?:;[^;,]*)*;base64,")


def chat_response(context: OpenAIDecodeContext, body: bytes) -> Response[Any]:
    """The response of a whole body. Raises InvalidResponse, or the error that the body reports."""
    chunk = read(BODY, body, context.error_mapper)
    failure = failure_of(chunk, body, context.error_mapper)
    for candidate in () if failure else chunk.choices or ():
        failure = failure or broken_off(candidate, context.error_mapper)
    if failure is not None:
        raise with_partial(failure, lambda: _response(context, chunk, body))
    return _response(context, chunk, body)


def _response(context: OpenAIDecodeContext, chunk: Chunk, body: bytes) -> Response[Any]:
    request, id = context.request, word(chunk.id)
    warnings = list(context.warnings)
    # GitHub Copilot gives a text and the calls after it as choices of the same number.
    found: dict[int, list[Candidate]] = {}
    for candidate in chunk.choices or ():
        found.setdefault(candidate.index or 0, []).append(candidate)
    if not found:
        raise context.error_mapper.invalid("a completion without choices")
    choices = tuple(_choice(context, found[index], id, warnings) for index in sorted(found))
    warnings += fewer_choices(request, len(choices))
    return Response(
        provider=request.provider,
        model=request.model,
        choices=choices,
        served_model=word(chunk.model),
        request_id=context.request_id or id,
        usage=context.usage(chunk.used, word(chunk.service_tier)),
        warnings=tuple(warnings),
        raw_body=body,
        output_type=request.output,
    )


def _choice(
    context: OpenAIDecodeContext,
    candidates: list[Candidate],
    id: str | None,
    warnings: list[Warning],
) -> Choice:
    messages = [candidate.message or NOTHING for candidate in candidates]
    parts = tuple(part for one in messages for part in _parts(context, one, id, warnings))
    reason = next((one.finish_reason for one in reversed(candidates) if one.finish_reason), None)
    calls = [part for part in parts if isinstance(part, ToolCall)]
    warnings += (malformed_call(call) for call in calls if call.raw is not None)
    if reason is None:
        warnings.append(unfinished(context.error_mapper, is_empty=not parts))
    logprobs = tuple(token for one in candidates for token in token_logprobs(one.tokens))
    return Choice(parts, finish_of(reason, bool(calls)), reason, logprobs)


def _parts(
    context: OpenAIDecodeContext, message: Delta, id: str | None, warnings: list[Warning]
) -> Iterator[Part]:
    provider = context.request.provider
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
            data = base64_bytes(message.audio.data, context.error_mapper)
            yield Audio(data, mime_type=context.audio_mime)
    for data, mime in pictures(message, context, warnings):
        yield Image(data, mime_type=mime)
    for number, call in enumerate(message.calls):
        extra = opaque_of({"extra_content": call.extra_content}) if call.extra_content else None
        yield tool_call(
            call_id(call.own_id, number, id),
            call.name,
            json_text(call.arguments),
            provider=extra and provider,
            opaque=extra,
        )


def thoughts(message: Delta) -> str:
    """The readable reasoning of a message or a piece of one."""
    said = message.reasoning_content or message.reasoning or message.reasoning_text
    return said if isinstance(said, str) else ""


def echoed(messages: Sequence[Delta]) -> dict[str, Any]:
    """The fields of a message, whole or in pieces, that its server wants back: reasoning, and
    what it cites."""
    fields: dict[str, Any] = {}
    for name in ECHOED:
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
            warning = Warning("content_skipped", message, str(kind))
            warnings += [] if warning in warnings else [warning]


def pictures(
    message: Delta, context: OpenAIDecodeContext, warnings: list[Warning]
) -> Iterator[tuple[bytes, str]]:
    """The pictures of a message, whole or a piece of one, with their media types. One that is not
    in the answer itself is left out with a warning."""
    for entry in message.images or ():
        found = _DATA_URL.match(_image_url(entry))
        if found is None:
            why = "a picture that the answer only points to was left out; see response.raw"
            warnings.append(Warning("content_skipped", why, "image"))
        else:
            yield (
                base64_bytes(found.string[found.end() :], context.error_mapper),
                found[1] or "image/png",
            )


def _image_url(entry: object) -> str:
    """The URL of `{"type": "image_url", "image_url": {"url": …}}`; "" where there is none."""
    for name in ("image_url", "url"):
        if isinstance(entry, dict):
            entry = cast("dict[str, object]", entry).get(name)
    return entry if isinstance(entry, str) else ""


def _thought(told: object) -> str:
    if isinstance(told, list):
        return "".join(_thought(inner) for inner in cast("list[object]", told))
    if isinstance(told, dict):
        return str(cast("dict[str, object]", told).get("text") or "")
    return told if isinstance(told, str) else ""


def failure_of(chunk: Chunk, payload: bytes, error_mapper: ErrorMapper) -> FmsdkError | None:
    """What a body or an event reports instead of an answer, or beside a part of one."""
    if chunk.failure:
        return error_mapper.from_response(chunk.failure)
    if chunk.object == "error":  # vLLM, SGLang: the error's own fields
        return error_mapper.from_response(read(_ANY, payload, error_mapper))
    return None


def broken_off(candidate: Candidate, error_mapper: ErrorMapper) -> FmsdkError | None:
    """The error of a choice that the server broke off."""
    if candidate.error:
        return error_mapper.from_response(candidate.error)
    if candidate.finish_reason not in _BROKEN_OFF:
        return None
    message = f"{error_mapper.provider} broke the answer off: {candidate.finish_reason}"
    return ServerError(message, provider=error_mapper.provider)


def finish_of(reason: str | None, has_calls: bool) -> Finish:
    """The normalised finish; some servers say "stop" where they made calls."""
    word = (reason or "").partition(":")[0]  # Gemini's compatible endpoint explains after a colon
    finish = _FINISHES.get(word, "other")
    return "tool_calls" if finish == "stop" and has_calls else finish
