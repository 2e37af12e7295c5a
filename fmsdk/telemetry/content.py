"""Messages as attributes, in the form of the conventions, if the user asks for content.

JSON by the schemas of `gen_ai.input.messages`, `gen_ai.output.messages` and
`gen_ai.system_instructions`. Media are never included, only their kind and mime type; of URLs, only
the part up to the path.
"""

from __future__ import annotations

import os
from typing import Any

from fmsdk.content import Part, Reasoning, Text, ToolCall, ToolResult
from fmsdk.media.source import FileRef, UrlSource, shown_url
from fmsdk.request import Message, Request
from fmsdk.result import Result
from fmsdk.telemetry import names
from fmsdk.validation import encode_json

__all__ = ["VARIABLE", "is_wanted", "of_answer", "of_request"]

VARIABLE = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
"""What OpenTelemetry's own instrumentations of GenAI clients read."""
_ON = frozenset({"true", "span_only", "span_and_event"})


def is_wanted() -> bool:
    """Whether the environment asks for content in spans."""
    return os.environ.get(VARIABLE, "").strip().lower() in _ON


def of_request(request: Request) -> dict[str, str]:
    """The messages that were sent."""
    messages = [_message(message) for message in request.messages]
    values = {names.INPUT_MESSAGES: encode_json(messages).decode()}
    if request.system is not None:
        values[names.SYSTEM_INSTRUCTIONS] = encode_json([_part(Text(request.system))]).decode()
    return values


def of_answer(answer: Result) -> dict[str, str]:
    """The answers that came back, where they are messages."""
    messages = [
        {**_message(message), "finish_reason": finish}
        for message, finish in zip(answer.messages, answer.finishes, strict=True)
    ]
    return {names.OUTPUT_MESSAGES: encode_json(messages).decode()} if messages else {}


def _message(message: Message) -> dict[str, Any]:
    return {"role": message.role, "parts": [_part(part) for part in message.parts]}


def _part(part: Part) -> dict[str, Any]:
    if isinstance(part, Text):
        return {"type": "text", "content": part.text}
    if isinstance(part, Reasoning):
        return {"type": "reasoning", "content": part.text}
    if isinstance(part, ToolCall):
        arguments = part.arguments if part.raw is None else part.raw
        return {"type": "tool_call", "id": part.id, "name": part.name, "arguments": arguments}
    if isinstance(part, ToolResult):
        content = [_part(inner) for inner in part.content]
        return {"type": "tool_call_response", "id": part.call_id, "response": content}
    source = part.source
    if isinstance(source, UrlSource):
        return {"type": "uri", "modality": part.kind, "uri": shown_url(source.url)}
    if isinstance(source, FileRef):
        return {"type": "file", "modality": part.kind, "file_id": source.id}
    return {"type": part.kind, "mime_type": part.mime_type}
