"""Messages: https://platform.claude.com/docs/en/api/messages"""

from __future__ import annotations

import base64
import json
from typing import Any

from fmsdk.content import Document, FileRef, Image, Reasoning, Text, ToolCall, ToolResult
from fmsdk.request import Message, Tool
from tests.matrix.facts import Asked
from tests.matrix.readback import extra_headers, text_or_pieces
from tests.support.scripted_server import ReceivedRequest

__all__ = ["read"]

_SETTINGS = {
    "model": "model",
    "max_tokens": "max_output_tokens",
    "temperature": "temperature",
    "top_p": "top_p",
    "stop_sequences": "stop",
    **{
        name: f"options.{name}"
        for name in ["top_k", "thinking", "service_tier", "speed", "inference_geo", "container"]
    },
}
_REST = frozenset(
    [
        "messages",
        "system",
        "tools",
        "tool_choice",
        "metadata",
        "output_config",
        "cache_control",
        "stream",
    ]
)


def read(seen: ReceivedRequest) -> Asked:
    """What a Messages request asks."""
    body = seen.body
    settings = {_SETTINGS[name]: value for name, value in body.items() if name in _SETTINGS}
    if unknown := {k: v for k, v in body.items() if k not in _SETTINGS and k not in _REST}:
        settings["options.extra_body"] = unknown
    if headers := extra_headers(seen):
        settings["options.extra_headers"] = headers
    if "anthropic-beta" in seen.headers:
        settings["options.betas"] = seen.headers["anthropic-beta"].split(",")
    system = [_block(one) for one in text_or_pieces(body.get("system"))]
    turns = tuple(_turn(turn) for turn in body["messages"])
    config = body.get("output_config", {})
    inner = {
        "reasoning": _reasoning(body.get("thinking"), config.get("effort")),
        "options.effort": config.get("effort"),
        "options.thinking_display": body.get("thinking", {}).get("display"),
        "options.user_id": body.get("metadata", {}).get("user_id"),
        "options.cache": _mark(body) or None,
        "options.cache_system": (system[-1].cache if system else None) or None,
        "options.citations": "citations" in json.dumps(body["messages"]) or None,
    }
    settings |= {name: value for name, value in inner.items() if value is not None}
    return Asked(
        messages=(*([Message("system", system)] if system else []), *turns),
        settings=settings | _tool_settings(body),
        tools=tuple(_tool(tool) for tool in body.get("tools", ()) if "input_schema" in tool),
        output=config["format"]["schema"] if "format" in config else None,
    )


def _reasoning(thinking: dict[str, Any] | None, effort: str | None) -> Any:
    """How much to think: the effort, or that a budget of tokens was given."""
    if thinking is None:
        return None
    match thinking["type"]:
        case "enabled":
            return "a budget"
        case "adaptive":
            return effort
        case _:
            return "none"


def _tool_settings(body: dict[str, Any]) -> dict[str, Any]:
    choice, tools = body.get("tool_choice", {}), body.get("tools", [])
    modes = {"auto": None, "any": "required", "none": "none", "tool": choice.get("name")}
    own = [tool for tool in tools if "input_schema" not in tool]
    found = {
        "tool_choice": modes[choice["type"]] if choice else None,
        "options.disable_parallel_tool_use": choice.get("disable_parallel_tool_use"),
        "options.server_tools": own or None,
        "options.cache_tools": (_mark(tools[-1]) if tools else None) or None,
    }
    return {name: value for name, value in found.items() if value is not None}


def _tool(tool: dict[str, Any]) -> Tool:
    description, strict = tool.get("description", ""), tool.get("strict", False)
    return Tool(tool["name"], description, tool["input_schema"], strict)


def _turn(turn: dict[str, Any]) -> Message:
    return Message(turn["role"], [_block(one) for one in text_or_pieces(turn["content"])])


def _block(block: dict[str, Any]) -> Any:
    cache = _mark(block)
    match block["type"]:
        case "text":
            return Text(block["text"], cache)
        case "image":
            found = _source(block["source"])
            return Image(found[0], mime_type=found[1], cache=cache)
        case "document":
            source, mime = _source(block["source"])
            return Document(source, block.get("title"), mime_type=mime, cache=cache)
        case "tool_use":
            return _call(block)
        case "tool_result":
            content = [_block(one) for one in text_or_pieces(block.get("content"))]
            failed = block.get("is_error", False)
            return ToolResult(block["tool_use_id"], content, is_error=failed, cache=cache)
        case _:  # thinking, and what Anthropic's own tools did
            return Reasoning(block.get("thinking", ""), opaque=json.dumps(block))


def _call(block: dict[str, Any]) -> ToolCall:
    given = block["input"]
    opaque = json.dumps({k: v for k, v in block.items() if k not in ("id", "name", "input")})
    raw = given["INVALID_JSON"] if given.keys() == {"INVALID_JSON"} else None
    arguments = given if raw is None else {}
    return ToolCall(block["id"], block["name"], arguments, raw, "anthropic", opaque)


def _source(source: dict[str, Any]) -> tuple[Any, str | None]:
    """Where media comes from, and its type."""
    match source["type"]:
        case "base64":
            return base64.b64decode(source["data"], validate=True), source["media_type"]
        case "text":
            return source["data"].encode(), source["media_type"]
        case "url":
            return source["url"], None
        case kind:
            assert kind == "file", kind
            return FileRef("anthropic", source["file_id"]), None


def _mark(block: dict[str, Any]) -> Any:
    if "cache_control" not in block:
        return False
    return block["cache_control"].get("ttl", True)
