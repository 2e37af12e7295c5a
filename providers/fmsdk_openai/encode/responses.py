"""A request as a Responses body.

Nothing is stored on OpenAI's side unless asked for: reasoning comes back encrypted, as opaque
items that go along with the next turn.
"""

from __future__ import annotations

from functools import partial
from typing import Any, assert_never

from fmsdk.content import (
    Audio,
    Document,
    Image,
    MediaPart,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
    Video,
)
from fmsdk.request import Message
from fmsdk_openai.encode.request_builder import VIDEO, OpenAIRequestBuilder

__all__ = ["MIN_OUTPUT_TOKENS", "responses_body"]

MIN_OUTPUT_TOKENS = 16
_ONLY_CHAT = ("stop", "seed", "choices", "modalities", "options.voice", "options.audio_format")


def responses_body(builder: OpenAIRequestBuilder) -> dict[str, Any]:
    """The body. Raises UnsupportedContent, UnsupportedSetting, BadRequestError."""
    request, options = builder.request, builder.options
    builder.drop_chosen(_ONLY_CHAT, "Responses")
    body: dict[str, Any] = {
        "model": request.model,
        "input": [item for message in request.messages for item in _items(builder, message)],
        "store": bool(options.store),
        **builder.shared_fields(metadata=builder.official),
        **_settings(builder),
        **_tools(builder),
    }
    if request.system is not None:
        body["instructions"] = request.system
    if options.previous_response_id is not None:
        body["previous_response_id"] = options.previous_response_id
    if builder.stream:
        body["stream"] = True
    return body


def _settings(builder: OpenAIRequestBuilder) -> dict[str, Any]:
    settings, options = builder.request.settings, builder.options
    fields: dict[str, Any] = {}
    limit = settings.max_output_tokens
    if limit is not None and limit < MIN_OUTPUT_TOKENS and builder.official:
        builder.unsupported_settings.drop(
            "max_output_tokens", f"Responses takes {MIN_OUTPUT_TOKENS} or more"
        )
    elif limit is not None:
        fields["max_output_tokens"] = limit
    reasoning = {"effort": settings.reasoning, "summary": options.reasoning_summary}
    include: list[str] = []
    if builder.reasons() and not options.store:
        include.append("reasoning.encrypted_content")
    if settings.logprobs is not None:
        include.append("message.output_text.logprobs")
        fields["top_logprobs"] = settings.logprobs
    text: dict[str, Any] = {"verbosity": options.verbosity}
    if schema := builder.json_schema():
        text["format"] = {"type": "json_schema", **schema}
    for name, group in (("reasoning", reasoning), ("text", text)):
        if chosen := {key: value for key, value in group.items() if value is not None}:
            fields[name] = chosen
    return fields | ({"include": include} if include else {})


def _tools(builder: OpenAIRequestBuilder) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if builder.request.tools:
        # Left out, strict would be true here, unlike in Chat Completions.
        fields["tools"] = [
            {"type": "function", **builder.function(tool), "strict": tool.strict}
            for tool in builder.request.tools
        ]
    choice = builder.tool_choice()
    if choice in ("none", "required"):
        fields["tool_choice"] = choice
    elif choice is not None:
        fields["tool_choice"] = {"type": "function", "name": choice}
    return fields


def _items(builder: OpenAIRequestBuilder, message: Message) -> list[dict[str, Any]]:
    builder.check_role(message)
    if message.role == "assistant":
        return _answered(builder, message)
    results = [part for part in message.parts if isinstance(part, ToolResult)]
    rest = [part for part in message.parts if isinstance(part, Text | MediaPart)]
    items = [_result(builder, result) for result in results]
    if rest or not results:
        content = [_piece(builder, part) for part in rest]
        items.append({"role": message.role, "content": content})
    return items


def _piece(builder: OpenAIRequestBuilder, part: Text | MediaPart) -> dict[str, Any]:
    match part:
        case Text():
            piece: dict[str, Any] = {"type": "input_text", "text": part.text}
        case Image():
            piece = {
                "type": "input_image",
                "detail": part.detail or "auto",
                **_image(builder, part),
            }
        case Audio():
            why = "Responses takes no audio; leave api unpinned, or pin api='chat'"
            raise builder.unsupported("audio", why)
        case Document():
            piece = {"type": "input_file", **_file(builder, part)}
        case Video():
            raise builder.unsupported("video", VIDEO)
        case _:
            assert_never(part)
    return piece | builder.cache_mark(part)


def _image(builder: OpenAIRequestBuilder, image: Image) -> dict[str, str]:
    if file_id := builder.file_id(image):
        return {"file_id": file_id}
    return {"image_url": builder.image_url(image)}


def _file(builder: OpenAIRequestBuilder, document: Document) -> dict[str, str]:
    builder.name_sent_with_bytes(document)
    if file_id := builder.file_id(document):
        return {"file_id": file_id}
    if document.url is not None:
        return {"file_url": document.url}
    return builder.file_data(document)


def _result(builder: OpenAIRequestBuilder, result: ToolResult) -> dict[str, Any]:
    pieces = [_piece(builder, part) for part in builder.result(result)]
    if pieces and (mark := builder.cache_mark(result)):
        pieces[-1] |= mark
    output: Any = pieces
    if not pieces or (len(pieces) == 1 and pieces[0].keys() == {"type", "text"}):
        output = pieces[0]["text"] if pieces else ""
    return {
        "type": "function_call_output",
        "call_id": builder.call_id(result.call_id),
        "output": output,
    }


def _answered(builder: OpenAIRequestBuilder, message: Message) -> list[dict[str, Any]]:
    """The model's own turn as the items it came in, in their order."""
    items: list[dict[str, Any]] = []
    said: list[dict[str, Any]] | None = None
    for part, fields in builder.pair_text_metadata(
        message.parts, partial(_opaque, builder), "message"
    ):
        if isinstance(part, Text):
            if said is None or fields:
                said = []
                whole = {"type": "message", "role": "assistant", "content": said}
                items.append({**fields, **whole})
            said.append(_said(builder, part))
            continue
        said = None
        if isinstance(part, Reasoning):
            items += [fields] if fields else []
        elif isinstance(part, ToolCall):
            items.append(_call(builder, part))
        elif isinstance(part, MediaPart):
            builder.require_transcript(part, bool(message.text))
    return items


def _said(builder: OpenAIRequestBuilder, part: Text) -> dict[str, Any]:
    if part.cache:
        builder.cache_ignored()
    if part.refusal:
        return {"type": "refusal", "refusal": part.text}
    return {"type": "output_text", "text": part.text}


def _call(builder: OpenAIRequestBuilder, call: ToolCall) -> dict[str, Any]:
    if call.opaque is not None:
        builder.opaque_dropped()
    return {
        "type": "function_call",
        "call_id": builder.call_id(call.id),
        "name": call.name,
        "arguments": builder.arguments(call),
    }


def _opaque(builder: OpenAIRequestBuilder, part: Reasoning) -> dict[str, Any]:
    """The vendor's own item, unchanged. OpenAI knows a reasoning item again by its encrypted
    content, or where responses are stored, by its id; others are refused, and left out here."""
    item = builder.opaque(part)
    is_known = item.get("encrypted_content") or builder.options.store or not builder.official
    if "type" not in item or (item["type"] == "reasoning" and not is_known):
        builder.reasoning_dropped()
        return {}
    return item
