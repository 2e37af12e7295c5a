"""Chat Completions: https://platform.openai.com/docs/api-reference/chat/create

And what compatible servers have in other places: Mistral (https://docs.mistral.ai/api), OpenRouter
(https://openrouter.ai/docs/features/prompt-caching), DeepSeek's `thinking`
(https://api-docs.deepseek.com/guides/thinking_mode).
"""

from __future__ import annotations

import base64
import json
import re
from dataclasses import replace
from typing import Any

from fmsdk.content import Audio, Document, FileRef, Image, Reasoning, Text, ToolResult
from fmsdk.request import Message, Tool
from tests.matrix.facts import Asked
from tests.matrix.readback import call_of, extra_headers, result_of, text_or_pieces, unwrapped
from tests.support.scripted_server import ReceivedRequest

__all__ = ["read"]

_SETTINGS = {
    "model": "model",
    "max_completion_tokens": "max_output_tokens",
    "max_tokens": "max_output_tokens",
    "temperature": "temperature",
    "top_p": "top_p",
    "stop": "stop",
    "seed": "seed",
    "random_seed": "seed",
    "reasoning_effort": "reasoning",
    "n": "choices",
    "modalities": "modalities",
    "metadata": "tags",
    **{
        name: f"options.{name}"
        for name in [
            "service_tier",
            "store",
            "prompt_cache_key",
            "verbosity",
            "user",
            "safety_identifier",
            "parallel_tool_calls",
        ]
    },
}
_REST = frozenset(
    [
        "messages",
        "tools",
        "tool_choice",
        "response_format",
        "audio",
        "stream",
        "stream_options",
        "logprobs",
        "top_logprobs",
    ]
)
_MOVED = re.compile(
    r"The next (?:picture is|(?P<number>\d+) pictures are) of the result of the tool call "
    r"(?P<id>.*):"
)
_PLACEHOLDER = Text("The result is in the next user message.")
_AUDIO = {"wav": "audio/wav", "mp3": "audio/mpeg"}


def read(seen: ReceivedRequest) -> Asked:
    """What a Chat Completions request asks."""
    body = seen.body
    settings = {_SETTINGS[name]: value for name, value in body.items() if name in _SETTINGS}
    if unknown := {k: v for k, v in body.items() if k not in _SETTINGS and k not in _REST}:
        settings["options.extra_body"] = unknown
    if headers := extra_headers(seen):
        settings["options.extra_headers"] = headers
    for name, option in (("voice", "options.voice"), ("format", "options.audio_format")):
        if name in body.get("audio", {}):
            settings[option] = body["audio"][name]
    if body.get("thinking") == {"type": "disabled"}:
        settings["reasoning"] = "none"
    if body.get("logprobs"):
        settings["logprobs"] = body.get("top_logprobs", 0)
    if "tool_choice" in body:
        settings["tool_choice"] = _choice(body["tool_choice"])
    asked = body.get("response_format", {})
    form = asked["json_schema"] if asked.get("type") == "json_schema" else {}
    return Asked(
        messages=_messages(body["messages"]),
        settings=settings,
        tools=tuple(_tool(tool["function"]) for tool in body.get("tools", ())),
        output=form.get("schema"),
        held=form.get("strict", False),
    )


def _messages(messages: list[dict[str, Any]]) -> tuple[Message, ...]:
    """The messages, with pictures of tool results back in their results."""
    read: list[Message] = []
    for one in messages:
        pieces = text_or_pieces(one.get("content"))
        while one["role"] == "user" and pieces and (label := _MOVED.fullmatch(_label(pieces[0]))):
            end = 1 + int(label["number"] or 1)
            _put_back(read, label["id"], [_piece(piece) for piece in pieces[1:end]])
            pieces = pieces[end:]
            one = {**one, "content": pieces}
            if not pieces:
                break
        else:
            read.append(_message(one))
    return tuple(read)


def _label(piece: dict[str, Any]) -> str:
    return piece.get("text", "")


def _put_back(read: list[Message], call_id: str, images: list[Any]) -> None:
    for place, message in enumerate(read):
        results = [part for part in message.parts if isinstance(part, ToolResult)]
        if results and results[0].call_id == call_id:
            texts = [part for part in results[0].content if part != _PLACEHOLDER]
            read[place] = Message("tool", replace(results[0], content=(*texts, *images)))
            return
    raise AssertionError(f"pictures of {call_id}, which is no call")


def _choice(choice: Any) -> str:
    if not isinstance(choice, str):
        return choice["function"]["name"]
    return "required" if choice == "any" else choice


def _tool(function: dict[str, Any]) -> Tool:
    strict = function.get("strict", False)
    return Tool(function["name"], function.get("description", ""), function["parameters"], strict)


def _message(one: dict[str, Any]) -> Message:
    pieces = text_or_pieces(one.get("content"))
    match one["role"]:
        case "system" | "developer":
            return Message("system", [_piece(piece) for piece in pieces])
        case "user":
            return Message("user", [_piece(piece) for piece in pieces])
        case "tool":
            parts = [_piece(piece) for piece in pieces]
            return Message("tool", result_of(one["tool_call_id"], parts))
        case role:
            assert role == "assistant", role
            return Message("assistant", _said(one, pieces))


def _said(one: dict[str, Any], pieces: list[dict[str, Any]]) -> list[Any]:
    # DeepSeek's, OpenRouter's and vLLM's fields for reasoning that goes back.
    fields = {k: v for k, v in one.items() if k.startswith("reasoning")}
    parts: list[Any] = [Reasoning(_thought(fields), opaque=json.dumps(fields))] if fields else []
    parts += [_piece(piece) for piece in pieces]
    for call in one.get("tool_calls", ()):
        function = call["function"]
        parts.append(call_of(call["id"], function["name"], function["arguments"]))
    return parts


def _thought(fields: dict[str, Any]) -> str:
    return fields.get("reasoning_content") or fields.get("reasoning") or ""


def _piece(piece: dict[str, Any]) -> Any:
    cache = (
        piece.get("cache_control", {}).get("ttl", True)
        if "cache_control" in piece
        else ("prompt_cache_breakpoint" in piece)
    )
    match piece["type"]:
        case "text":
            return Text(piece["text"], cache)
        case "refusal":
            return Text(piece["refusal"], cache, refusal=True)
        case "image_url":
            image = piece["image_url"]
            return _image(image["url"], image.get("detail"), cache)
        case "input_audio":
            return _audio(piece["input_audio"], cache)
        case "document_url":
            return _linked(piece["document_url"], cache)
        case kind:
            assert kind == "file", kind
            return document(piece["file"], cache)


def _audio(audio: Any, cache: Any) -> Audio:
    if isinstance(audio, str):
        return Audio(base64.b64decode(audio, validate=True), cache=cache)
    data = base64.b64decode(audio["data"], validate=True)
    return Audio(data, mime_type=_AUDIO[audio["format"]], cache=cache)


def _linked(url: str, cache: Any) -> Document:
    if not url.startswith("data:"):
        return Document(url, cache=cache)
    data, mime = unwrapped(url)
    return Document(data, mime_type=mime, cache=cache)


def _image(url: str, detail: Any, cache: Any) -> Image:
    if not url.startswith("data:"):
        return Image(url, detail, cache=cache)
    data, mime = unwrapped(url)
    return Image(data, detail, mime_type=mime, cache=cache)


def document(file: dict[str, Any], cache: Any) -> Document:
    """A file by its id, or its bytes and name, as both of OpenAI's APIs have it."""
    if "file_id" in file:
        return Document(FileRef("openai", file["file_id"]), cache=cache)
    data, mime = unwrapped(file["file_data"])
    return Document(data, file.get("filename"), mime_type=mime, cache=cache)
