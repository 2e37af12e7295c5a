"""Recorded requests of three vendors, as they went over the wire, turned into `Request`s.

Only what text requests hold is understood (`TEXT_ONLY` rows); everything else raises `KeyError`
or `ValueError`, so that a row is never scored with a part of it left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from fmsdk.content import Part, Reasoning, Text, ToolCall, ToolResult
from fmsdk.request import Message, Request, Settings, Tool
from tests.support.shared_folder import SHARED

JsonObject = dict[str, Any]


def text_rows() -> Iterator[tuple[JsonObject, Request]]:
    """(recording, request) of every recorded text request whose bill can be compared.

    Left out are documents with citations, which no `Request` asks for (Anthropic adds some 550
    tokens of instructions to those).
    """
    with (SHARED / "billing" / "billing_dev.jsonl").open() as lines:
        for line in lines:
            row = json.loads(line)
            cited = '"citations": {"enabled": true}' in line
            if row["kind"] == "text" and not row["exclude"] and not cited:
                yield row, to_request(row)


def to_request(row: JsonObject) -> Request:
    """The `Request` that would have been sent as this recording."""
    name = {"openai": "openai", "anthropic": "anthropic", "gemini": "google"}[row["vendor"]]
    convert = {
        "chat": _openai_chat,
        "responses": _openai_responses,
        "messages": _anthropic,
        "generate_content": _gemini,
    }[row["api"]]
    return Request(provider=name, model=row["model"], **convert(row["request"]))


def _openai_chat(body: JsonObject) -> JsonObject:
    return {
        "messages": tuple(_chat_message(message) for message in body["messages"]),
        "tools": tuple(_tool(tool["function"], "parameters") for tool in body.get("tools") or ()),
        "output": (body.get("response_format") or {}).get("json_schema", {}).get("schema"),
        "settings": Settings(
            max_output_tokens=body.get("max_tokens") or body.get("max_completion_tokens")
        ),
    }


def _chat_message(message: JsonObject) -> Message:
    if message["role"] == "tool":
        return Message("tool", [ToolResult(message["tool_call_id"], message["content"])])
    parts: list[Part] = [Text(text) for text in _texts(message.get("content"))]
    for call in message.get("tool_calls") or ():
        made = call["function"]
        parts.append(ToolCall(call["id"], made["name"], json.loads(made["arguments"])))
    role = message["role"]
    return Message("system" if role == "developer" else role, parts)


def _openai_responses(body: JsonObject) -> JsonObject:
    items = body["input"]
    if isinstance(items, str):
        items = [{"role": "user", "content": items}]
    messages = [message for item in items if (message := _item(item)) is not None]
    return {
        "system": body.get("instructions"),
        "messages": tuple(messages),
        "tools": tuple(_tool(tool, "parameters") for tool in body.get("tools") or ()),
        "output": ((body.get("text") or {}).get("format") or {}).get("schema"),
        "settings": Settings(max_output_tokens=body.get("max_output_tokens")),
    }


def _item(item: JsonObject) -> Message | None:
    kind = item.get("type", "message")
    if kind == "message":
        return Message(item["role"], [Text(text) for text in _texts(item["content"])])
    if kind == "function_call":
        call = ToolCall(item["call_id"], item["name"], json.loads(item["arguments"]))
        return Message("assistant", [call])
    if kind == "function_call_output":
        texts = [Text(text) for text in _texts(item["output"])]
        return Message("tool", [ToolResult(item["call_id"], texts)])
    if kind == "reasoning":
        opaque = item.get("encrypted_content")
        return Message("assistant", [Reasoning("", "openai", opaque)])
    if kind == "item_reference":
        return None
    raise ValueError(kind)


def _anthropic(body: JsonObject) -> JsonObject:
    thinking = (body.get("thinking") or {}).get("type", "disabled")
    choice = (body.get("tool_choice") or {}).get("type", "auto")
    return {
        "system": "".join(_texts(body.get("system"))) or None,
        "messages": tuple(
            Message(message["role"], [_block(block) for block in _blocks(message["content"])])
            for message in body["messages"]
        ),
        "tools": tuple(_tool(tool, "input_schema") for tool in body.get("tools") or ()),
        "tool_choice": {"any": "required", "tool": "required"}.get(choice, choice),
        "settings": Settings(
            max_output_tokens=body.get("max_tokens"),
            reasoning=None if thinking == "disabled" else "medium",
        ),
    }


def _blocks(content: str | list[JsonObject]) -> list[JsonObject]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _block(block: JsonObject) -> Part:
    kind = block["type"]
    if kind == "text":
        return Text(block["text"])
    if kind == "document":
        return Text(block["source"]["data"])
    if kind == "thinking":
        return Reasoning(block["thinking"], "anthropic", block["signature"])
    if kind == "tool_use":
        return ToolCall(block["id"], block["name"], block["input"])
    if kind == "tool_result":
        inner = [_block(each) for each in _blocks(block["content"])]
        return ToolResult(block["tool_use_id"], inner)
    raise ValueError(kind)


def _gemini(body: JsonObject) -> JsonObject:
    config = body.get("generationConfig") or {}
    system = (body.get("systemInstruction") or {}).get("parts", [])
    parts = [system] if isinstance(system, dict) else system
    return {
        "system": "".join(_texts(parts)) or None,
        "messages": tuple(
            Message(
                "assistant" if content.get("role") == "model" else "user",
                [_gemini_part(part) for part in content["parts"]],
            )
            for content in body["contents"]
        ),
        "tools": tuple(
            _tool(made, "parameters")
            for tool in body.get("tools") or ()
            for made in tool.get("functionDeclarations") or tool["function_declarations"]
        ),
        "output": config.get("responseJsonSchema") or config.get("responseSchema"),
        "settings": Settings(max_output_tokens=config.get("maxOutputTokens")),
    }


def _gemini_part(part: JsonObject) -> Part:
    if "text" in part:
        return Text(part["text"])
    if call := part.get("functionCall") or part.get("function_call"):
        signature = part.get("thoughtSignature")
        call_id, args = call.get("id", ""), call.get("args") or {}
        return ToolCall(call_id, call["name"], args, None, "google", signature)
    result = part.get("functionResponse") or part["function_response"]
    text = json.dumps(result["response"], ensure_ascii=False)
    return ToolResult(result.get("id", ""), text, name=result["name"])


def _tool(made: JsonObject, key: str) -> Tool:
    schema = made.get(key) or made.get("parameters_json_schema") or {}
    return Tool(made["name"], made.get("description") or "", schema)


def _texts(content: str | list[JsonObject] | None) -> list[str]:
    if content is None:
        return []
    return [content] if isinstance(content, str) else [part["text"] for part in content]
