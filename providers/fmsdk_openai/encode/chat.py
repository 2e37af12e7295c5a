"""A request as a Chat Completions body, for OpenAI and for the servers that speak its wire."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, assert_never, cast

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

__all__ = ["chat_body"]

_ONLY_RESPONSES = ("options.previous_response_id", "options.reasoning_summary")
_ONLY_SPOKEN = ("options.voice", "options.audio_format")
_CITED = ("annotations",)
_SETS_NOTHING = {"model", "messages", "stream", "stream_options"} | {
    *("user", "safety_identifier", "prompt_cache_key"),  # who asks, which is no model's to honour
}


def chat_body(builder: OpenAIRequestBuilder) -> dict[str, Any]:
    """The body. Raises UnsupportedContent, UnsupportedSetting, BadRequestError."""
    request, options = builder.request, builder.options
    # OpenAI refuses metadata for what it does not store, and other servers need not know it.
    body: dict[str, Any] = {
        "model": request.model,
        "messages": _messages(builder),
        **builder.shared_fields(metadata=builder.official and bool(options.store)),
        **_settings(builder),
        **_tools(builder),
    }
    if options.store is not None:
        body["store"] = options.store
    if options.verbosity is not None:
        body["verbosity"] = options.verbosity
    if schema := builder.json_schema():
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
    if builder.stream:
        body["stream"] = True
        if builder.dialect.stream_usage:
            body["stream_options"] = {"include_usage": True}
    if body.keys() - _SETS_NOTHING:
        body |= builder.dialect.strictly
    return body


def _settings(builder: OpenAIRequestBuilder) -> dict[str, Any]:
    settings = builder.request.settings
    dialect = builder.dialect
    fields: dict[str, Any] = {
        dialect.limit: settings.max_output_tokens,
        "stop": list(settings.stop) or None,
        dialect.seed: settings.seed,
        "n": settings.choices if settings.choices > 1 else None,
    }
    if settings.reasoning == "none" and dialect.no_reasoning:
        fields |= dialect.no_reasoning
    else:
        fields["reasoning_effort"] = settings.reasoning
    if settings.logprobs is not None:
        fields |= {"logprobs": True, "top_logprobs": settings.logprobs}
    if "audio" in settings.modalities:
        fields["modalities"] = ["text", "audio"]
        fields["audio"] = _spoken(builder)
    else:
        if "image" in settings.modalities:
            fields["modalities"] = list(settings.modalities)
        builder.drop_chosen(_ONLY_SPOKEN, "a text answer")
    builder.drop_chosen(_ONLY_RESPONSES, "Chat Completions")
    return {name: value for name, value in fields.items() if value is not None}


def _spoken(builder: OpenAIRequestBuilder) -> dict[str, str]:
    """How an answer shall sound. Where nobody chose, OpenAI's usual voice, at OpenAI alone."""
    voice = builder.options.voice or ("alloy" if builder.official else None)
    if builder.options.audio_format is None and not builder.official:
        why = f"the answer's sound was asked for as {builder.audio_format}; see audio_format"
        builder.note("audio_format", why, "options.audio_format")
    return {"format": builder.audio_format, **({"voice": voice} if voice else {})}


def _tools(builder: OpenAIRequestBuilder) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if builder.request.tools:
        functions = [(tool, builder.function(tool)) for tool in builder.request.tools]
        for tool, function in functions:
            if tool.strict:
                function["strict"] = True
        fields["tools"] = [{"type": "function", "function": one} for _, one in functions]
    choice = builder.tool_choice()
    if choice in ("none", "required"):
        fields["tool_choice"] = builder.dialect.required if choice == "required" else choice
    elif choice is not None:
        fields["tool_choice"] = {"type": "function", "function": {"name": choice}}
    return fields


def _messages(builder: OpenAIRequestBuilder) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = []
    if builder.request.system is not None:
        messages.append({"role": "system", "content": builder.request.system})
    for message in builder.request.messages:
        builder.check_role(message)
        if message.role == "assistant":
            messages.append(_assistant(builder, message))
        else:
            messages += _asked(builder, message)
    return messages


def _asked(builder: OpenAIRequestBuilder, message: Message) -> list[dict[str, Any]]:
    """A turn that is not the model's. Tool results come first: they answer the turn before."""
    results = [part for part in message.parts if isinstance(part, ToolResult)]
    rest = [part for part in message.parts if isinstance(part, Text | MediaPart)]
    messages = [_result(builder, result) for result in results]
    if rest or not results:
        content = _content([_piece(builder, part) for part in rest])
        messages.append({"role": message.role, "content": content})
    return messages


def _content(pieces: Sequence[dict[str, Any]]) -> str | Sequence[dict[str, Any]]:
    """One plain text as a string, which every server takes; else the list."""
    if not pieces:
        return ""
    if len(pieces) == 1 and pieces[0].keys() == {"type", "text"}:
        return cast("str", pieces[0]["text"])
    return pieces


def _piece(builder: OpenAIRequestBuilder, part: Text | MediaPart) -> dict[str, Any]:
    match part:
        case Text():
            piece: dict[str, Any] = {"type": "text", "text": part.text}
        case Image():
            piece = {"type": "image_url", "image_url": _image(builder, part)}
        case Audio():
            spoken = builder.spoken(part)
            bare = builder.dialect.bare_audio
            piece = {"type": "input_audio", "input_audio": spoken["data"] if bare else spoken}
        case Document():
            piece = _document(builder, part)
        case Video():
            raise builder.unsupported("video", VIDEO)
        case _:
            assert_never(part)
    return piece | builder.cache_mark(part)


def _image(builder: OpenAIRequestBuilder, image: Image) -> dict[str, Any]:
    if builder.file_id(image) is not None:
        why = "Chat Completions takes images by bytes or URL, not by file id"
        raise builder.unsupported("image", why)
    found: dict[str, Any] = {"url": builder.image_url(image)}
    if image.detail == "original":
        builder.unsupported_settings.drop("detail", "Chat Completions knows auto, low and high")
    elif "detail" in builder.refused:
        if image.detail not in (None, "auto"):
            builder.unsupported_settings.drop("detail", builder.refused["detail"])
    elif image.detail is not None:
        found["detail"] = image.detail
    return found


def _document(builder: OpenAIRequestBuilder, document: Document) -> dict[str, Any]:
    builder.name_sent_with_bytes(document)
    readable = builder.dialect.documents
    if readable is not None and not document.file and not document.url:
        mime = document.mime or "application/pdf"
        if mime not in readable:
            why = f"Chat Completions takes PDF documents, not {mime}; send text as text"
            raise builder.unsupported("document", why)
    if builder.dialect.document_url and builder.file_id(document) is None:
        url = document.url or builder.media.data_url(document)
        if document.name is not None:
            builder.name_dropped()
        return {"type": "document_url", "document_url": url}
    return {"type": "file", "file": _file(builder, document)}


def _file(builder: OpenAIRequestBuilder, document: Document) -> dict[str, str]:
    if file_id := builder.file_id(document):
        return {"file_id": file_id}
    if document.url is not None:
        why = "Chat Completions takes no document by URL; give its bytes"
        raise builder.unsupported("document", why)
    return builder.file_data(document)


def _result(builder: OpenAIRequestBuilder, result: ToolResult) -> dict[str, Any]:
    texts: list[dict[str, Any]] = []
    for part in builder.result(result):
        if not isinstance(part, Text):
            why = (
                f"in Chat Completions a tool result is text alone; send the {part.kind} in a user "
                "message after it, or pin api='responses', which takes images and documents"
            )
            raise builder.unsupported(part.kind, why)
        texts.append(_piece(builder, part))
    if texts and (mark := builder.cache_mark(result)):
        texts[-1] |= mark
    return {
        "role": "tool",
        "tool_call_id": builder.call_id(result.call_id),
        "content": _content(texts),
    }


def _assistant(builder: OpenAIRequestBuilder, message: Message) -> dict[str, Any]:
    texts = [part for part in message.parts if isinstance(part, Text)]
    calls = [part for part in message.parts if isinstance(part, ToolCall)]
    turn: dict[str, Any] = {"role": "assistant"}
    if texts or not calls:
        turn["content"] = _content([_said(builder, part) for part in texts])
    if calls:
        turn["tool_calls"] = [_call(builder, call) for call in calls]
    for part in message.parts:
        if isinstance(part, Reasoning):
            _join(turn, _reasoning(builder, part, bool(calls)))
        elif isinstance(part, MediaPart):
            builder.require_transcript(part, bool(texts))
    return turn


def _join(turn: dict[str, Any], reasoning: dict[str, Any]) -> None:
    """Reasoning in several parts goes back in one field: texts end to end, lists as one."""
    for name, value in reasoning.items():
        before = turn.get(name)
        joins = type(before) is type(value) and isinstance(value, str | list)
        turn[name] = cast("Any", before) + value if joins else value


def _said(builder: OpenAIRequestBuilder, part: Text) -> dict[str, Any]:
    if part.cache:
        builder.cache_ignored()
    if part.refusal:
        if builder.official:
            return {"type": "refusal", "refusal": part.text}
        builder.refusal_as_text()
    return {"type": "text", "text": part.text}


def _call(builder: OpenAIRequestBuilder, call: ToolCall) -> dict[str, Any]:
    function = {"name": call.name, "arguments": builder.arguments(call)}
    return {
        "id": builder.call_id(call.id),
        "type": "function",
        "function": function,
        **builder.opaque(call),
    }


def _reasoning(builder: OpenAIRequestBuilder, part: Reasoning, with_calls: bool) -> dict[str, Any]:
    """Reasoning goes back in the fields it came in, with the calls it led to: servers that give
    it want it there (DeepSeek, OpenRouter), and some refuse it elsewhere. What was cited came
    beside it, and is no reasoning."""
    fields = builder.opaque(part)
    cited = {} if "type" in fields else {k: fields.pop(k) for k in _CITED if k in fields}
    if cited and not builder.dialect.annotations:
        why = "the citations of an answer, which this server takes none of, were left out"
        builder.note("citations_dropped", why, "citations")
    back = cited if builder.dialect.annotations else {}
    if with_calls and fields and "type" not in fields:
        return back | fields
    if fields or part.text or not cited:
        builder.reasoning_dropped()
    return back
