"""Messages bodies: the shapes that are read, and a whole body as a `Response`.

Text, thinking and calls of the caller's tools become parts. Whatever else the vendor puts into
`content` (tools it ran itself, their results, compactions, …) is kept as an opaque `Reasoning` in
its place, so that it goes back with the next turn; it is never a call of the caller's tools.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from fmsdk.content import Part, Reasoning, Text, ToolCall
from fmsdk.hosted.decoding import DecodeContext, kept, opaque_of, read, unfinished
from fmsdk.response import Choice, Finish, Response, Warning, malformed_call, tool_call
from fmsdk_anthropic.decode.usage import elsewhere, usage_of

__all__ = ["Block", "StopDetails", "called_by", "cited", "finish_of", "message_response", "refused"]

_FINISHES: dict[str | None, Finish] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "refusal",
}


class Block(msgspec.Struct):
    """One element of `content`, as far as it is read: text, thinking, a call."""

    type: str = ""
    text: str | None = None
    citations: list[Any] | None = None
    thinking: str | None = None
    id: str | None = None
    name: str | None = None
    input: Any = None
    caller: Any = None
    toolset_name: str | None = None


class _Kind(msgspec.Struct):
    type: str = ""


class StopDetails(msgspec.Struct):
    """Why the model's maker refused to answer."""

    category: str | None = None
    explanation: str | None = None


class _Body(msgspec.Struct):
    content: list[msgspec.Raw] | None = None
    error: Any = None
    type: str = ""
    id: str | None = None
    model: str | None = None
    stop_reason: str | None = None
    stop_details: StopDetails | None = None
    usage: Any = None


_BODY = msgspec.json.Decoder(_Body)
_BLOCK = msgspec.json.Decoder(Block)
_KIND = msgspec.json.Decoder(_Kind)
_ANY = msgspec.json.Decoder()
_READ = frozenset({"text", "thinking", "tool_use"})


def message_response(context: DecodeContext, body: bytes) -> Response[Any]:
    """The response of a whole body. Raises InvalidResponse, or the error that the body reports."""
    found = read(_BODY, body, context.error_mapper)
    if found.error or found.type == "error":
        raise context.error_mapper.from_response(read(_ANY, body, context.error_mapper))
    if found.content is None:
        raise context.error_mapper.invalid("a message without content")
    parts = [part for raw in found.content for part in _parts(context, raw)]
    malformed = tuple(
        malformed_call(part)
        for part in parts
        if isinstance(part, ToolCall) and part.raw is not None
    )
    request = context.request
    return Response(
        provider=request.provider,
        model=request.model,
        choices=(Choice(tuple(parts), finish_of(found.stop_reason), found.stop_reason),),
        served_model=found.model,
        request_id=context.request_id or found.id,
        usage=usage_of(found.usage),
        warnings=(
            *context.warnings,
            *malformed,
            *(() if found.stop_reason else (unfinished(context.error_mapper, is_empty=not parts),)),
            *refused(found.stop_details),
            *elsewhere(found.usage),
        ),
        raw_body=body,
        output_type=request.output,
    )


def _parts(context: DecodeContext, raw: msgspec.Raw) -> Iterator[Part]:
    provider = context.request.provider
    kind = read(_KIND, raw, context.error_mapper).type
    if kind not in _READ:
        yield Reasoning("", provider, kept(raw, context.error_mapper))
        return
    block = read(_BLOCK, raw, context.error_mapper)
    if kind == "thinking":
        yield Reasoning(block.thinking or "", provider, kept(raw, context.error_mapper))
    elif kind == "tool_use":
        arguments = "" if block.input is None else msgspec.json.encode(block.input).decode()
        caller = called_by(block)
        yield tool_call(
            block.id or "",
            block.name or "",
            arguments,
            provider=caller and provider,
            opaque=caller,
        )
    else:
        if block.citations:
            yield Reasoning("", provider, cited(block.citations))
        if block.text:
            yield Text(block.text)


def called_by(block: Block) -> str | None:
    """What has to go back with a call besides its name and input: the code or the toolset that
    it came from. None where the model itself called."""
    fields: dict[str, Any] = {}
    if block.caller and block.caller != {"type": "direct"}:
        fields["caller"] = block.caller
    if block.toolset_name is not None:
        fields["toolset_name"] = block.toolset_name
    return opaque_of(fields) if fields else None


def cited(citations: list[Any]) -> str:
    """What a text cites: the shell that its block goes back in."""
    return opaque_of({"type": "text", "citations": citations})


def finish_of(reason: str | None) -> Finish:
    """The normalised finish. A paused turn goes on when it is sent back, and is "other"."""
    return _FINISHES.get(reason, "other")


def refused(details: StopDetails | None) -> tuple[Warning, ...]:
    """The reason that a refusal came with, which is not the model's own text."""
    if details is None or not (details.explanation or details.category):
        return ()
    message = details.explanation or f"refused as {details.category}"
    return (Warning("refused", message, details.category or ""),)
