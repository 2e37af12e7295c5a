"""Recorded bodies of Gemini's `generateContent` as the fields of a `Request`."""

from __future__ import annotations

import json
import re
from typing import Any

from fmsdk.content import Part, Reasoning, Text, ToolCall, ToolResult
from fmsdk.request import Message, Settings, Tool
from fmsdk_google.options import GoogleOptions
from tests.support.recorded_requests.media import JsonObject, MediaFiles, texts_of

_HUMP = re.compile(r"_([a-z])")
_CHOICES = {"AUTO": "auto", "ANY": "required", "NONE": "none", "VALIDATED": "auto"}
_SCHEMAS = ("parameters", "parametersJsonSchema")


def request_fields_of_generate_content(body: JsonObject, files: MediaFiles) -> JsonObject:
    """The fields for a body of `generateContent`."""
    body = _with_humps(body)
    config = body.get("generationConfig") or {}
    system = (body.get("systemInstruction") or {}).get("parts", [])
    tools = body.get("tools") or []
    thinking = config.get("thinkingConfig") or {}
    level = thinking.get("thinkingLevel")
    return {
        "system": "".join(text.text for text in texts_of(_list(system))) or None,
        "messages": tuple(_message(content, files) for content in body["contents"]),
        "tools": tuple(
            _tool(declaration)
            for tool in _list(tools)
            for declaration in tool.get("functionDeclarations") or ()
        ),
        "tool_choice": _choice(body),
        "output": config.get("responseJsonSchema") or config.get("responseSchema"),
        "settings": Settings(
            max_output_tokens=config.get("maxOutputTokens"),
            reasoning=level and level.lower(),
            choices=config.get("candidateCount") or 1,
            modalities=tuple(
                name.lower() for name in config.get("responseModalities") or ("text",)
            ),
        ),
        "options": GoogleOptions(
            thinking_budget=thinking.get("thinkingBudget"),
            include_thoughts=thinking.get("includeThoughts"),
            media_resolution=_level(config.get("mediaResolution")),
            server_tools=[t for t in _list(tools) if "functionDeclarations" not in t],
        ),
    }


def _with_humps(value: Any) -> Any:
    """The body with Google's own names, which also may be written with underscores; what belongs
    to the caller (schemas, arguments, results) stays."""
    if isinstance(value, list):
        return [_with_humps(item) for item in value]
    if not isinstance(value, dict) or "$media" in value:
        return value
    fields: JsonObject = {}
    for name, item in value.items():
        own = _HUMP.sub(lambda match: match[1].upper(), name)
        is_callers = own in (*_SCHEMAS, "responseSchema", "responseJsonSchema", "args", "response")
        fields[own] = item if is_callers else _with_humps(item)
    return fields


def _message(content: JsonObject, files: MediaFiles) -> Message:
    parts = [part for wire in _list(content["parts"]) for part in _parts(wire, files)]
    return Message("assistant" if content.get("role") == "model" else "user", parts)


def _parts(part: JsonObject, files: MediaFiles) -> list[Part]:
    signature = part.get("thoughtSignature")
    opaque = None if signature is None else json.dumps({"thoughtSignature": signature})
    if call := part.get("functionCall"):
        arguments = call.get("args") or {}
        return [ToolCall(call.get("id", ""), call["name"], arguments, None, "google", opaque)]
    signed: list[Part] = [] if opaque is None else [Reasoning("", "google", opaque)]
    if part.get("thought"):
        return [Reasoning(part["text"], "google", opaque)]
    if "text" in part:
        return [Text(part["text"]), *signed]
    if result := part.get("functionResponse"):
        media = [_medium(inner, files) for inner in result.get("parts") or ()]
        response = result["response"]
        values = list(response.values())
        is_text = len(values) == 1 and isinstance(values[0], str)  # as fmsdk sends a text
        text = values[0] if is_text else json.dumps(response, ensure_ascii=False)
        content = [Text(text), *media]
        return [ToolResult(result.get("id", ""), content, name=result["name"])]
    return [_medium(part, files), *signed]


def _medium(part: JsonObject, files: MediaFiles) -> Any:
    detail = _level((part.get("mediaResolution") or {}).get("level"))
    fields = {} if detail is None else {"detail": detail}
    if data := part.get("inlineData"):
        return files.part(data["data"], data.get("mimeType"), **fields)
    return files.part(part["fileData"]["fileUri"], part["fileData"].get("mimeType"), **fields)


def _level(name: str | None) -> Any:
    return name and name.removeprefix("MEDIA_RESOLUTION_").lower()


def _choice(body: JsonObject) -> str:
    calling = ((body.get("toolConfig") or {}).get("functionCallingConfig")) or {}
    allowed = calling.get("allowedFunctionNames") or []
    return allowed[0] if len(allowed) == 1 else _CHOICES[calling.get("mode", "AUTO")]


def _tool(declaration: JsonObject) -> Tool:
    schema = next((declaration[key] for key in _SCHEMAS if declaration.get(key)), {})
    return Tool(declaration["name"], declaration.get("description") or "", schema)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value] if value else []
