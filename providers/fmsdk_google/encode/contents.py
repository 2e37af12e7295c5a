"""The conversation as `contents` and `systemInstruction`.

Signatures of thoughts have to come back in the part they came with. A part's signature is kept
beside it (see `fmsdk_google.decode.parts`), and put back here.
"""

from __future__ import annotations

from typing import Any, assert_never, cast

from fmsdk.content import Audio, Document, Image, Reasoning, Text, ToolCall, ToolResult, Video
from fmsdk.request import Message
from fmsdk_google.encode.request_builder import THINKS_IN_LEVELS, GoogleRequestBuilder

__all__ = ["conversation"]

# Gemini 3 refuses a step's first function call without a signature; this, documented for calls
# that Gemini did not make, has it not check: https://ai.google.dev/gemini-api/docs/thought-signatures
_UNCHECKED = "skip_thought_signature_validator"
_SIGNATURE = "thoughtSignature"

Piece = dict[str, Any]


def conversation(builder: GoogleRequestBuilder) -> dict[str, Any]:
    """The fields of the conversation. Raises UnsupportedContent, BadRequestError."""
    system = [{"text": builder.request.system}] if builder.request.system is not None else []
    contents: list[Piece] = []
    names: dict[str, str] = {}
    for message in builder.request.messages:
        builder.check_role(message)
        if message.role == "system":
            if contents:
                why = "Gemini takes system messages before all others; put it first, or in system="
                raise builder.invalid(why)
            system += [builder.piece(part) for part in message.parts if isinstance(part, Text)]
        elif message.role == "assistant":
            names |= {part.id: part.name for part in message.parts if isinstance(part, ToolCall)}
            _append(contents, "model", _answered(builder, message))
        else:
            _append(contents, "user", _asked(builder, message, names))
    return {
        "contents": contents,
        "systemInstruction": {"parts": system} if system else None,
    }


def _append(contents: list[Piece], role: str, parts: list[Piece]) -> None:
    """Add a turn. Results in messages of their own become one turn, as the calls were one."""
    if not parts:
        return
    if contents and _are_results(contents[-1]["parts"]) and _are_results(parts):
        contents[-1]["parts"] += parts
    else:
        contents.append({"role": role, "parts": parts})


def _are_results(parts: list[Piece]) -> bool:
    return all("functionResponse" in part for part in parts)


def _asked(builder: GoogleRequestBuilder, message: Message, names: dict[str, str]) -> list[Piece]:
    """A turn that is not the model's. Tool results come first: they answer the turn before."""
    results = [part for part in message.parts if isinstance(part, ToolResult)]
    rest = [part for part in message.parts if not isinstance(part, ToolResult)]
    pieces = [_result(builder, result, names) for result in results]
    return pieces + [builder.piece(cast("Any", part)) for part in rest]


def _result(builder: GoogleRequestBuilder, result: ToolResult, names: dict[str, str]) -> Piece:
    name = result.name or names.get(result.call_id)
    if name is None:
        why = f"no call before this result has the id {result.call_id!r}; give ToolResult a name="
        raise builder.invalid(why)
    if result.cache:
        builder.cache_ignored()
    texts: list[str] = []
    media: list[Piece] = []
    for part in result.content:
        if isinstance(part, Text):
            texts.append(cast("str", builder.piece(part)["text"]))
        else:
            media.append(builder.result_piece(part))
    said = texts[0] if len(texts) == 1 else texts
    response: Piece = {
        "id": result.call_id,
        "name": name,
        "response": {"error" if result.is_error else "output": said or ""},
    }
    return {"functionResponse": response | ({"parts": media} if media else {})}


def _answered(builder: GoogleRequestBuilder, message: Message) -> list[Piece]:
    """The model's own turn, part by part as it came."""
    pieces: list[Piece] = []
    for part in message.parts:
        match part:
            case Text() | Image() | Audio() | Video() | Document():
                if isinstance(part, Text) and part.refusal:
                    builder.refusal_as_text()
                pieces.append(builder.piece(part))
            case Reasoning():
                _think(builder, part, pieces)
            case ToolCall():
                pieces.append(_call(builder, part))
            case ToolResult():  # `check_role` let none through
                continue
            case _:
                assert_never(part)
    _sign(builder, pieces)
    return pieces


def _think(builder: GoogleRequestBuilder, part: Reasoning, pieces: list[Piece]) -> None:
    """Give back what Google wants back: a part of its own, or the signature of the one before."""
    fields = builder.opaque(part)
    if not fields:
        builder.reasoning_dropped()
    elif fields.keys() != {_SIGNATURE}:
        pieces.append({"text": part.text, **fields} if part.text else fields)
    elif pieces and _SIGNATURE not in pieces[-1]:
        pieces[-1] |= fields
    else:
        pieces.append({"text": "", **fields})


def _call(builder: GoogleRequestBuilder, call: ToolCall) -> Piece:
    if call.raw is not None:
        why = f"the arguments of the call of {call.name!r} are no JSON object, as Gemini wants them"
        raise builder.invalid(f"{why}; leave the call out, or give it arguments")
    sent = {"id": call.id, "name": call.name, "args": dict(call.arguments)}
    return {"functionCall": sent, **builder.opaque(call)}


def _sign(builder: GoogleRequestBuilder, pieces: list[Piece]) -> None:
    first = next((piece for piece in pieces if "functionCall" in piece), None)
    if first is None or _SIGNATURE in first or builder.generation < THINKS_IN_LEVELS:
        return
    first[_SIGNATURE] = _UNCHECKED
    builder.note(
        "thought_signature_missing",
        "calls that Gemini did not make have no thought signatures; it was told not to check them",
        "tool_calls",
    )
