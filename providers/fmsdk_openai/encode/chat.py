"""A request as a Chat Completions body, for OpenAI and for the servers that speak its API."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, assert_never, cast

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
from fmsdk_openai.encode.shared_encoder import VIDEO, OpenAIEncoder
from fmsdk_openai.server_dialect import Api

__all__ = ["ChatEncoder"]

_ONLY_RESPONSES = ("options.previous_response_id", "options.reasoning_summary")
_ONLY_SPOKEN = ("options.voice", "options.audio_format")
_CITATIONS = "annotations"
_FIELDS_WITHOUT_SETTINGS = {"model", "messages", "stream", "stream_options"} | {
    *("user", "safety_identifier", "prompt_cache_key"),  # who asks, which no model has to honour
}


class ChatEncoder(OpenAIEncoder):
    """Encodes one request for Chat Completions."""

    api: ClassVar[str] = "Chat Completions"
    api_id: ClassVar[Api] = "chat"

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self._result_images: list[dict[str, Any]] = []
        """Pictures of tool results that the next user message has to hold."""

    def encode_fields(self) -> dict[str, Any]:
        """The body. Raises UnsupportedContent, UnsupportedSetting, BadRequestError."""
        # OpenAI refuses metadata for what it does not store, and other servers need not know it.
        with_metadata = self.is_official and bool(self.options.store)
        body: dict[str, Any] = {
            "model": self.request.model,
            "messages": self.encode_conversation(),
            **self.encode_shared_fields(with_metadata=with_metadata),
            **self.encode_settings(),
            **self.encode_tools(),
        }
        if self.options.store is not None:
            body["store"] = self.options.store
        if self.options.verbosity is not None:
            body["verbosity"] = self.options.verbosity
        if schema := self.encode_output_schema():
            body["response_format"] = {"type": "json_schema", "json_schema": schema}
        if self.stream:
            body["stream"] = True
            if self.dialect.stream_usage:
                body["stream_options"] = {"include_usage": True}
        if body.keys() - _FIELDS_WITHOUT_SETTINGS:
            body |= self.dialect.strictly
        return body

    def encode_settings(self) -> dict[str, Any]:
        """The settings, and the options of spoken answers."""
        settings, dialect = self.request.settings, self.dialect
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
            fields["audio"] = self.encode_speech()
        else:
            if "image" in settings.modalities:
                fields["modalities"] = list(settings.modalities)
            self.drop_settings(_ONLY_SPOKEN, "a text answer")
        self.drop_settings(_ONLY_RESPONSES, self.api)
        return {name: value for name, value in fields.items() if value is not None}

    def encode_speech(self) -> dict[str, str]:
        """Format and voice of a spoken answer; at OpenAI "alloy" is the default voice."""
        if self.options.audio_format is None and not self.is_official:
            why = f"the answer's audio was asked for as {self.audio_format}; see audio_format"
            self.warn("audio_format", why, "options.audio_format")
        voice = self.options.voice or ("alloy" if self.is_official else None)
        return {"format": self.audio_format, **({"voice": voice} if voice else {})}

    def encode_tools(self) -> dict[str, Any]:
        """The tools, and which of them to use."""
        fields: dict[str, Any] = {}
        if self.request.tools:
            fields["tools"] = [
                {
                    "type": "function",
                    "function": {
                        **self.encode_function(tool),
                        **({"strict": True} if tool.strict else {}),
                    },
                }
                for tool in self.request.tools
            ]
        choice = self.effective_tool_choice()
        if choice in ("none", "required"):
            fields["tool_choice"] = self.dialect.required if choice == "required" else choice
        elif choice is not None:
            fields["tool_choice"] = {"type": "function", "function": {"name": choice}}
        return fields

    def encode_conversation(self) -> list[dict[str, Any]]:
        """The conversation. Raises UnsupportedContent, BadRequestError."""
        messages: list[dict[str, Any]] = []
        if self.request.system is not None:
            messages.append({"role": "system", "content": self.request.system})
        for message in self.request.messages:
            self.check_role(message)
            if message.role in ("assistant", "system"):
                messages += self.take_result_images()
            if message.role == "assistant":
                messages += self.encode_assistant_turn(message)
            else:
                messages += self.encode_user_turn(message)
        return messages + self.take_result_images()

    def take_result_images(self) -> list[dict[str, Any]]:
        """The user message with the pictures of the tool results before it; none without."""
        images, self._result_images = self._result_images, []
        return [{"role": "user", "content": images}] if images else []

    def encode_user_turn(self, message: Message) -> list[dict[str, Any]]:
        """The messages of a turn that is not the model's: each tool result, then the rest."""
        results, parts = self.split_user_turn(message)
        messages = [self.encode_tool_result(result) for result in results]
        if parts or not results:
            encoded = [self.encode_part(part) for part in parts]
            for images in self.take_result_images():
                encoded[:0] = images["content"]
            content = _simplify(encoded)
            messages.append({"role": message.role, "content": content})
        return messages

    def encode_assistant_turn(self, message: Message) -> list[dict[str, Any]]:
        """The one message of a turn of the model's."""
        texts = [part for part in message.parts if isinstance(part, Text)]
        calls = [part for part in message.parts if isinstance(part, ToolCall)]
        turn: dict[str, Any] = {"role": "assistant"}
        if texts or not calls:
            turn["content"] = _simplify([self.encode_answer_text(text) for text in texts])
        if calls:
            turn["tool_calls"] = [self.encode_tool_call(call) for call in calls]
        for part in message.parts:
            if isinstance(part, MediaPart):
                self.require_transcript(part, has_transcript=bool(texts))
            if not isinstance(part, Reasoning):
                continue
            # Reasoning in several parts goes back in one field: texts and lists are joined.
            for name, value in self.encode_reasoning(part, with_calls=bool(calls)).items():
                earlier = turn.get(name)
                joins = type(earlier) is type(value) and isinstance(value, str | list)
                turn[name] = cast("Any", earlier) + value if joins else value
        return [turn]

    def encode_answer_text(self, text: Text) -> dict[str, Any]:
        if text.cache:
            self.warn_cache_mark_ignored()
        if text.refusal:
            if self.is_official:
                return {"type": "refusal", "refusal": text.text}
            self.warn_refusal_as_text()
        return {"type": "text", "text": text.text}

    def encode_reasoning(self, reasoning: Reasoning, *, with_calls: bool) -> dict[str, Any]:
        """The fields that reasoning goes back in: those it came in.

        DeepSeek and OpenRouter want it back with the calls that it led to, and some servers refuse
        it in other turns. Citations came beside it, and are no reasoning.
        """
        fields = self.opaque_fields(reasoning)
        citations: dict[str, Any] = {}
        if "type" not in fields and _CITATIONS in fields:
            citations = {_CITATIONS: fields.pop(_CITATIONS)}
        if citations and not self.dialect.annotations:
            why = "the citations of an answer were left out: this server does not take them back"
            self.warn("citations_dropped", why, "citations")
        annotation_fields = citations if self.dialect.annotations else {}
        if with_calls and fields and "type" not in fields:
            return {**annotation_fields, **fields}
        if fields or reasoning.text or not citations:
            self.warn_reasoning_dropped()
        return annotation_fields

    def encode_part(self, part: Text | MediaPart) -> dict[str, Any]:
        """A text or a medium of a user's turn."""
        match part:
            case Text():
                fields: dict[str, Any] = {"type": "text", "text": part.text}
            case Image():
                fields = {"type": "image_url", "image_url": self.encode_image(part)}
            case Audio():
                recording = self.encode_recording(part)
                data = recording["data"] if self.dialect.bare_audio else recording
                fields = {"type": "input_audio", "input_audio": data}
            case Document():
                fields = self.encode_document(part)
            case Video():
                raise self.unsupported_content("video", VIDEO)
            case _:
                assert_never(part)
        return fields | self.encode_cache_mark(part)

    def encode_image(self, image: Image) -> dict[str, Any]:
        if self.file_id(image) is not None:
            why = "Chat Completions takes images by bytes or URL, not by file id"
            raise self.unsupported_content("image", why)
        fields: dict[str, Any] = {"url": self.image_url(image)}
        if image.detail == "original":
            self.unsupported_settings.drop("detail", "Chat Completions knows auto, low and high")
        elif "detail" in self.unsupported_names:
            if image.detail not in (None, "auto"):
                self.unsupported_settings.drop("detail", self.unsupported_names["detail"])
        elif image.detail is not None:
            fields["detail"] = image.detail
        return fields

    def encode_document(self, document: Document) -> dict[str, Any]:
        document_types = self.dialect.documents
        mime = document.mime or "application/pdf"
        is_remote = document.file or document.url
        if document_types is not None and not is_remote and mime not in document_types:
            why = f"Chat Completions takes PDF documents, not {mime}; send text as text"
            raise self.unsupported_content("document", why)
        if self.dialect.document_url and self.file_id(document) is None:
            if document.name is not None:
                self.warn_name_dropped()
            url = document.url or self.media.data_url(document)
            return {"type": "document_url", "document_url": url}
        return {"type": "file", "file": self.encode_file(document, accepts_urls=False)}

    def encode_tool_call(self, call: ToolCall) -> dict[str, Any]:
        """A call that the model made."""
        function = {"name": call.name, "arguments": self.arguments_text(call)}
        return {
            "id": self.call_id(call.id),
            "type": "function",
            "function": function,
            **self.opaque_fields(call),
        }

    def encode_tool_result(self, result: ToolResult) -> dict[str, Any]:
        """The message of a tool's result."""
        texts: list[dict[str, Any]] = []
        images: list[dict[str, Any]] = []
        for part in self.result_parts(result):
            if isinstance(part, Image) and self.dialect.result_images:
                images.append(self.encode_part(part))
                continue
            if not isinstance(part, Text):
                why = (
                    f"in Chat Completions a tool result is text only; send the {part.kind} in a "
                    "user message after it, or pin api='responses', which takes images and "
                    "documents"
                )
                raise self.unsupported_content(part.kind, why)
            texts.append(self.encode_part(part))
        if images:
            why = "pictures of tool results were sent in the user message after the results"
            self.warn("result_images_moved", why, "image")
            # The number says where they end, since pictures of the user's own may follow.
            begin = (
                "The next picture is"
                if len(images) == 1
                else f"The next {len(images)} pictures are"
            )
            label = f"{begin} of the result of the tool call {self.call_id(result.call_id)}:"
            self._result_images += [{"type": "text", "text": label}, *images]
            texts = texts or [{"type": "text", "text": "The result is in the next user message."}]
        if texts and (mark := self.encode_cache_mark(result)):
            texts[-1] |= mark
        return {
            "role": "tool",
            "tool_call_id": self.call_id(result.call_id),
            "content": _simplify(texts),
        }


def _simplify(content: Sequence[dict[str, Any]]) -> str | Sequence[dict[str, Any]]:
    """One plain text as a string, which every server takes; other content as the list."""
    if not content:
        return ""
    if len(content) == 1 and content[0].keys() == {"type", "text"}:
        return cast("str", content[0]["text"])
    return content
