"""Recorded bodies of Anthropic's Messages API as the fields of a `Request`."""

from __future__ import annotations

import json
from typing import Any

from fmsdk.content import Document, Part, Reasoning, Text, ToolCall, ToolResult
from fmsdk.request import Message, Settings, Tool
from fmsdk_anthropic.options import AnthropicOptions
from tests.support.recorded_requests.media import JsonObject, MediaFiles, texts_of


def request_fields_of_messages(body: JsonObject, files: MediaFiles) -> JsonObject:
    """The fields for a body of the Messages API."""
    choice = body.get("tool_choice") or {}
    mode = choice.get("type", "auto")
    tools = body.get("tools") or ()
    config = body.get("output_config") or {}
    return {
        "system": "".join(text.text for text in texts_of(body.get("system"))) or None,
        "messages": tuple(
            Message(message["role"], _parts(message["content"], files))
            for message in body["messages"]
        ),
        "tools": tuple(_tool(tool) for tool in tools if "input_schema" in tool),
        "tool_choice": choice["name"] if mode == "tool" else {"any": "required"}.get(mode, mode),
        "output": (config.get("format") or {}).get("schema"),
        "settings": Settings(max_output_tokens=body.get("max_tokens")),
        "options": AnthropicOptions(
            thinking=body.get("thinking"),
            effort=config.get("effort"),
            citations='"citations": {"enabled": true}' in json.dumps(body),
            server_tools=tuple(tool for tool in tools if "input_schema" not in tool),
            disable_parallel_tool_use=bool(choice.get("disable_parallel_tool_use")),
        ),
    }


def _parts(content: str | list[JsonObject], files: MediaFiles) -> list[Any]:
    if isinstance(content, str):
        return [Text(content)]
    return [_block(block, files) for block in content]


def _block(block: JsonObject, files: MediaFiles) -> Part:
    kind, cache = block["type"], _cache(block)
    if kind == "text":
        return Text(block["text"], cache)
    if kind == "thinking":
        return Reasoning(block["thinking"], "anthropic", json.dumps(block))
    if kind == "tool_use":
        return ToolCall(block["id"], block["name"], block["input"])
    if kind == "tool_result":
        content = _parts(block.get("content") or [], files)
        error = bool(block.get("is_error"))
        return ToolResult(block["tool_use_id"], content, is_error=error, cache=cache)
    source = block["source"]
    if kind == "document" and source["type"] == "text":
        text: Any = source["data"]
        name = block.get("title")
        if isinstance(text, dict):
            return files.part(text, "text/plain", name=name, cache=cache)
        return Document(text.encode(), mime_type="text/plain", name=name, cache=cache)
    if kind == "document":
        marker = source.get("data") or source["url"]
        return files.part(marker, name=block.get("title"), cache=cache)
    if kind == "image":
        return files.part(source.get("data") or source["url"], cache=cache)
    raise ValueError(kind)


def _cache(block: JsonObject) -> Any:
    mark = block.get("cache_control")
    return mark.get("ttl", True) if mark else False


def _tool(tool: JsonObject) -> Tool:
    description = tool.get("description") or ""
    return Tool(tool["name"], description, tool["input_schema"], strict=bool(tool.get("strict")))
