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
from fmsdk_openai.encode.draft import VIDEO, OpenAIDraft

__all__ = ["MIN_OUTPUT_TOKENS", "responses_body"]

MIN_OUTPUT_TOKENS = 16
_ONLY_CHAT = ("stop", "seed", "choices", "modalities", "options.voice", "options.audio_format")


def responses_body(draft: OpenAIDraft) -> dict[str, Any]:
    """The body. Raises UnsupportedContent, UnsupportedSetting, BadRequestError."""
    request, options = draft.request, draft.options
    draft.drop_chosen(_ONLY_CHAT, "Responses")
    body: dict[str, Any] = {
        "model": request.model,
        "input": [item for message in request.messages for item in _items(draft, message)],
        "store": bool(options.store),
        **draft.shared_fields(metadata=draft.official),
        **_settings(draft),
        **_tools(draft),
    }
    if request.system is not None:
        body["instructions"] = request.system
    if options.previous_response_id is not None:
        body["previous_response_id"] = options.previous_response_id
    if draft.stream:
        body["stream"] = True
    return body


def _settings(draft: OpenAIDraft) -> dict[str, Any]:
    settings, options = draft.request.settings, draft.options
    fields: dict[str, Any] = {}
    limit = settings.max_output_tokens
    if limit is not None and limit < MIN_OUTPUT_TOKENS and draft.official:
        draft.losses.drop("max_output_tokens", f"Responses takes {MIN_OUTPUT_TOKENS} or more")
    elif limit is not None:
        fields["max_output_tokens"] = limit
    reasoning = {"effort": settings.reasoning, "summary": options.reasoning_summary}
    include: list[str] = []
    if draft.reasons() and not options.store:
        include.append("reasoning.encrypted_content")
    if settings.logprobs is not None:
        include.append("message.output_text.logprobs")
        fields["top_logprobs"] = settings.logprobs
    text: dict[str, Any] = {"verbosity": options.verbosity}
    if schema := draft.json_schema():
        text["format"] = {"type": "json_schema", **schema}
    for name, group in (("reasoning", reasoning), ("text", text)):
        if chosen := {key: value for key, value in group.items() if value is not None}:
            fields[name] = chosen
    return fields | ({"include": include} if include else {})


def _tools(draft: OpenAIDraft) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if draft.request.tools:
        # Left out, strict would be true here, unlike in Chat Completions.
        fields["tools"] = [
            {"type": "function", **draft.function(tool), "strict": tool.strict}
            for tool in draft.request.tools
        ]
    choice = draft.tool_choice()
    if choice in ("none", "required"):
        fields["tool_choice"] = choice
    elif choice is not None:
        fields["tool_choice"] = {"type": "function", "name": choice}
    return fields


def _items(draft: OpenAIDraft, message: Message) -> list[dict[str, Any]]:
    draft.check_role(message)
    if message.role == "assistant":
        return _answered(draft, message)
    results = [part for part in message.parts if isinstance(part, ToolResult)]
    rest = [part for part in message.parts if isinstance(part, Text | MediaPart)]
    items = [_result(draft, result) for result in results]
    if rest or not results:
        content = [_piece(draft, part) for part in rest]
        items.append({"role": message.role, "content": content})
    return items


def _piece(draft: OpenAIDraft, part: Text | MediaPart) -> dict[str, Any]:
    match part:
        case Text():
            piece: dict[str, Any] = {"type": "input_text", "text": part.text}
        case Image():
            piece = {"type": "input_image", "detail": part.detail or "auto", **_image(draft, part)}
        case Audio():
            why = "Responses takes no audio; leave api unpinned, or pin api='chat'"
            raise draft.unsupported("audio", why)
        case Document():
            piece = {"type": "input_file", **_file(draft, part)}
        case Video():
            raise draft.unsupported("video", VIDEO)
        case _:
            assert_never(part)
    return piece | draft.cache_mark(part)


def _image(draft: OpenAIDraft, image: Image) -> dict[str, str]:
    if file_id := draft.file_id(image):
        return {"file_id": file_id}
    return {"image_url": draft.image_url(image)}


def _file(draft: OpenAIDraft, document: Document) -> dict[str, str]:
    draft.name_sent_with_bytes(document)
    if file_id := draft.file_id(document):
        return {"file_id": file_id}
    if document.url is not None:
        return {"file_url": document.url}
    return draft.file_data(document)


def _result(draft: OpenAIDraft, result: ToolResult) -> dict[str, Any]:
    pieces = [_piece(draft, part) for part in draft.result(result)]
    if pieces and (mark := draft.cache_mark(result)):
        pieces[-1] |= mark
    output: Any = pieces
    if not pieces or (len(pieces) == 1 and pieces[0].keys() == {"type", "text"}):
        output = pieces[0]["text"] if pieces else ""
    return {
        "type": "function_call_output",
        "call_id": draft.call_id(result.call_id),
        "output": output,
    }


def _answered(draft: OpenAIDraft, message: Message) -> list[dict[str, Any]]:
    """The model's own turn as the items it came in, in their order."""
    items: list[dict[str, Any]] = []
    said: list[dict[str, Any]] | None = None
    for part, fields in draft.with_shells(message.parts, partial(_opaque, draft), "message"):
        if isinstance(part, Text):
            if said is None or fields:
                said = []
                whole = {"type": "message", "role": "assistant", "content": said}
                items.append({**fields, **whole})
            said.append(_said(draft, part))
            continue
        said = None
        if isinstance(part, Reasoning):
            items += [fields] if fields else []
        elif isinstance(part, ToolCall):
            items.append(_call(draft, part))
        elif isinstance(part, MediaPart):
            draft.spoken_before(part, bool(message.text))
    return items


def _said(draft: OpenAIDraft, part: Text) -> dict[str, Any]:
    if part.cache:
        draft.cache_ignored()
    if part.refusal:
        return {"type": "refusal", "refusal": part.text}
    return {"type": "output_text", "text": part.text}


def _call(draft: OpenAIDraft, call: ToolCall) -> dict[str, Any]:
    if call.opaque is not None:
        draft.opaque_dropped()
    return {
        "type": "function_call",
        "call_id": draft.call_id(call.id),
        "name": call.name,
        "arguments": draft.arguments(call),
    }


def _opaque(draft: OpenAIDraft, part: Reasoning) -> dict[str, Any]:
    """The vendor's own item, unchanged. OpenAI knows a reasoning item again by its encrypted
    content, or where responses are stored, by its id; others are refused, and left out here."""
    item = draft.opaque(part)
    is_known = item.get("encrypted_content") or draft.options.store or not draft.official
    if "type" not in item or (item["type"] == "reasoning" and not is_known):
        draft.reasoning_dropped()
        return {}
    return item
