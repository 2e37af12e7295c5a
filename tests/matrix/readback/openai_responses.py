"""Responses: https://platform.openai.com/docs/api-reference/responses/create"""

from __future__ import annotations

import json
from typing import Any

from fmsdk.content import Document, FileRef, Image, Reasoning, Text
from fmsdk.request import Message, Tool
from tests.matrix.facts import Asked
from tests.matrix.readback import call_of, extra_headers, result_of, text_or_pieces, unwrapped
from tests.matrix.readback.openai_chat import document
from tests.support.scripted_server import ReceivedRequest

__all__ = ["read"]

_SETTINGS = {
    "model": "model",
    "max_output_tokens": "max_output_tokens",
    "temperature": "temperature",
    "top_p": "top_p",
    "top_logprobs": "logprobs",
    "metadata": "tags",
    **{
        name: f"options.{name}"
        for name in [
            "service_tier",
            "store",
            "prompt_cache_key",
            "user",
            "safety_identifier",
            "parallel_tool_calls",
            "previous_response_id",
        ]
    },
}
_REST = frozenset(
    ["input", "instructions", "tools", "tool_choice", "text", "reasoning", "include", "stream"]
)


def read(seen: ReceivedRequest) -> Asked:
    """What a Responses request asks."""
    body = seen.body
    settings = {_SETTINGS[name]: value for name, value in body.items() if name in _SETTINGS}
    if unknown := {k: v for k, v in body.items() if k not in _SETTINGS and k not in _REST}:
        settings["options.extra_body"] = unknown
    if headers := extra_headers(seen):
        settings["options.extra_headers"] = headers
    reasoning, text = body.get("reasoning", {}), body.get("text", {})
    inner = {
        "reasoning": reasoning.get("effort"),
        "options.reasoning_summary": reasoning.get("summary"),
        "options.verbosity": text.get("verbosity"),
        "tool_choice": _choice(body.get("tool_choice")),
    }
    settings |= {name: value for name, value in inner.items() if value is not None}
    form = text.get("format", {})
    instructions = body.get("instructions")
    system = [] if instructions is None else [Message("system", instructions)]
    return Asked(
        messages=(*system, *(_item(item) for item in body["input"])),
        settings=settings,
        tools=tuple(_tool(tool) for tool in body.get("tools", ())),
        output=form.get("schema"),
        held=form.get("strict", False),
    )


def _choice(choice: Any) -> str | None:
    return choice["name"] if isinstance(choice, dict) else choice


def _tool(tool: dict[str, Any]) -> Tool:
    strict = tool.get("strict") is not False  # left out, it means true
    return Tool(tool["name"], tool.get("description", ""), tool["parameters"], strict)


def _item(item: dict[str, Any]) -> Message:
    match item.get("type", "message"):
        case "message":
            role: Any = {"developer": "system"}.get(item["role"], item["role"])
            return Message(role, [_piece(piece) for piece in text_or_pieces(item["content"])])
        case "function_call":
            call = call_of(item["call_id"], item["name"], item["arguments"])
            return Message("assistant", call)
        case "function_call_output":
            parts = [_piece(piece) for piece in text_or_pieces(item["output"])]
            return Message("tool", result_of(item["call_id"], parts))
        case kind:
            assert kind == "reasoning", kind
            text = "\n\n".join(piece["text"] for piece in item["summary"])
            return Message("assistant", Reasoning(text, opaque=json.dumps(item)))


def _piece(piece: dict[str, Any]) -> Any:
    cache = "prompt_cache_breakpoint" in piece
    match piece["type"]:
        case "text" | "input_text" | "output_text":
            return Text(piece["text"], cache)
        case "refusal":
            return Text(piece["refusal"], cache, refusal=True)
        case "input_image":
            return _image(piece, cache)
        case kind:
            assert kind == "input_file", kind
            if "file_url" in piece:
                return Document(piece["file_url"], piece.get("filename"), cache=cache)
            return document(piece, cache)


def _image(piece: dict[str, Any], cache: bool) -> Image:
    detail = piece.get("detail")
    if "file_id" in piece:
        return Image(FileRef("openai", piece["file_id"]), detail, cache=cache)
    if not piece["image_url"].startswith("data:"):
        return Image(piece["image_url"], detail, cache=cache)
    data, mime = unwrapped(piece["image_url"])
    return Image(data, detail, mime_type=mime, cache=cache)
