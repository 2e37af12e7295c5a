"""Recorded bodies of OpenAI's two APIs as the fields of a `Request`."""

from __future__ import annotations

import json
from typing import Any

from fmsdk.content import Part, Reasoning, Text, ToolCall, ToolResult
from fmsdk.request import Message, Settings, Tool
from fmsdk_openai.options import OpenAIOptions
from tests.support.recorded_requests.media import JsonObject, MediaFiles, texts_of

_SETTINGS = {
    "max_tokens": "max_output_tokens",
    "max_completion_tokens": "max_output_tokens",
    "max_output_tokens": "max_output_tokens",
    "reasoning_effort": "reasoning",
    "n": "choices",
}


def request_fields_of_chat(body: JsonObject, files: MediaFiles) -> JsonObject:
    """The fields for a body of Chat Completions."""
    schema = (body.get("response_format") or {}).get("json_schema", {})
    return {
        "messages": tuple(_chat_message(message, files) for message in body["messages"]),
        "tools": tuple(_tool(tool["function"]) for tool in body.get("tools") or ()),
        "tool_choice": _choice(body.get("tool_choice")),
        "output": schema.get("schema"),
        "settings": _settings(body, modalities=tuple(body.get("modalities") or ("text",))),
        "options": _options(body),
    }


def _chat_message(message: JsonObject, files: MediaFiles) -> Message:
    role, content = message["role"], message.get("content")
    if role == "tool":
        return Message("tool", [ToolResult(message["tool_call_id"], texts_of(content))])
    parts: list[Part] = (
        [Text(content)] if isinstance(content, str) else [_part(p, files) for p in content or ()]
    )
    for call in message.get("tool_calls") or ():
        function = call["function"]
        parts.append(ToolCall(call["id"], function["name"], _arguments(function)))
    return Message("system" if role == "developer" else role, parts)


def _part(part: JsonObject | str, files: MediaFiles) -> Part:
    if isinstance(part, str):  # ruby_llm sends texts bare
        return Text(part)
    kind = part["type"]
    if kind in ("text", "input_text", "output_text"):
        return Text(part["text"])
    if kind == "image_url":
        return files.part(part["image_url"]["url"], detail=part["image_url"].get("detail"))
    if kind == "input_image":
        return files.part(part["image_url"], detail=part.get("detail"))
    if kind == "input_audio":
        return files.part(part["input_audio"]["data"])
    if kind == "file":
        return files.part(part["file"]["file_data"], name=part["file"].get("filename"))
    if kind == "input_file":
        return files.part(part.get("file_data") or part["file_url"], name=part.get("filename"))
    raise ValueError(kind)


def request_fields_of_responses(body: JsonObject, files: MediaFiles) -> JsonObject:
    """The fields for a body of the Responses API."""
    items: Any = body["input"]
    if isinstance(items, str):
        items = [{"role": "user", "content": items}]
    messages = [message for item in items if (message := _item(item, files)) is not None]
    effort = (body.get("reasoning") or {}).get("effort")
    return {
        "system": body.get("instructions"),
        "messages": tuple(messages),
        "tools": tuple(_tool(tool) for tool in body.get("tools") or () if _is_function(tool)),
        "tool_choice": _choice(body.get("tool_choice")),
        "output": ((body.get("text") or {}).get("format") or {}).get("schema"),
        "settings": _settings(body, reasoning=effort),
        "options": _options(body),
    }


def _item(item: JsonObject, files: MediaFiles) -> Message | None:
    kind = item.get("type", "message")
    if kind == "message":
        content = item["content"]
        parts = (
            texts_of(content) if isinstance(content, str) else [_part(p, files) for p in content]
        )
        role = item["role"]
        return Message("system" if role == "developer" else role, parts)
    if kind == "function_call":
        call = ToolCall(item["call_id"], item["name"], _arguments(item))
        return Message("assistant", [call])
    if kind == "function_call_output":
        output = item["output"]
        content: list[Any] = (
            [Text(output)] if isinstance(output, str) else [_part(p, files) for p in output]
        )
        return Message("tool", [ToolResult(item["call_id"], content)])
    if kind == "reasoning":
        return Message("assistant", [Reasoning("", "openai", json.dumps(item))])
    if kind == "item_reference":
        return None
    raise ValueError(kind)


def _arguments(call: JsonObject) -> JsonObject:
    # ellmer sends an empty list for a call without arguments.
    return json.loads(call["arguments"]) or {}


def _is_function(tool: JsonObject) -> bool:
    if tool["type"] != "function":
        raise ValueError(f"no function: {tool['type']}")
    return True


def _tool(function: JsonObject) -> Tool:
    description = function.get("description") or ""
    schema = function.get("parameters") or {}
    return Tool(function["name"], description, schema, strict=bool(function.get("strict")))


def _choice(choice: Any) -> str:
    if isinstance(choice, dict):
        return choice.get("name") or choice["function"]["name"]
    return choice or "auto"


def _settings(body: JsonObject, **fields: Any) -> Settings:
    named = {name: body[key] for key, name in _SETTINGS.items() if body.get(key) is not None}
    return Settings(**named | fields)


def _options(body: JsonObject) -> OpenAIOptions:
    return OpenAIOptions(
        service_tier=body.get("service_tier"),
        previous_response_id=body.get("previous_response_id"),
    )
