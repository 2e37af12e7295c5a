"""A request as a Responses body.

OpenAI stores nothing unless asked to: reasoning comes back encrypted, as opaque items that go
along with the next turn.
"""

from __future__ import annotations

from typing import Any, ClassVar, assert_never

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

__all__ = ["MIN_OUTPUT_TOKENS", "ResponsesEncoder"]

MIN_OUTPUT_TOKENS = 16
_ONLY_CHAT = ("stop", "seed", "choices", "modalities", "options.voice", "options.audio_format")


class ResponsesEncoder(OpenAIEncoder):
    """Encodes one request for Responses."""

    api: ClassVar[str] = "Responses"
    api_id: ClassVar[Api] = "responses"

    def encode_fields(self) -> dict[str, Any]:
        """The body. Raises UnsupportedContent, UnsupportedSetting, BadRequestError."""
        request, options = self.request, self.options
        self.drop_settings(_ONLY_CHAT, self.api)
        body: dict[str, Any] = {
            "model": request.model,
            "input": self.encode_conversation(),
            "store": bool(options.store),
            **self.encode_shared_fields(with_metadata=self.is_official),
            **self.encode_settings(),
            **self.encode_tools(),
        }
        if request.system is not None:
            body["instructions"] = request.system
        if options.previous_response_id is not None:
            body["previous_response_id"] = options.previous_response_id
        if self.stream:
            body["stream"] = True
        return body

    def encode_settings(self) -> dict[str, Any]:
        """The settings, and what the answer shall include."""
        settings, options = self.request.settings, self.options
        fields: dict[str, Any] = {}
        limit = settings.max_output_tokens
        if limit is not None and limit < MIN_OUTPUT_TOKENS and self.is_official:
            self.unsupported_settings.drop(
                "max_output_tokens", f"Responses takes {MIN_OUTPUT_TOKENS} or more"
            )
        elif limit is not None:
            fields["max_output_tokens"] = limit
        include: list[str] = []
        if self.gives_reasoning_items() and not options.store:
            include.append("reasoning.encrypted_content")
        if settings.logprobs is not None:
            include.append("message.output_text.logprobs")
            fields["top_logprobs"] = settings.logprobs
        text: dict[str, Any] = {"verbosity": options.verbosity}
        if schema := self.encode_output_schema():
            text["format"] = {"type": "json_schema", **schema}
        reasoning = {"effort": settings.reasoning, "summary": options.reasoning_summary}
        for name, group in (("reasoning", reasoning), ("text", text)):
            if values := {key: value for key, value in group.items() if value is not None}:
                fields[name] = values
        return {**fields, "include": include} if include else fields

    def encode_tools(self) -> dict[str, Any]:
        """The tools, and which of them to use."""
        fields: dict[str, Any] = {}
        if self.request.tools:
            # Without the field, strict would be true here, unlike in Chat Completions.
            fields["tools"] = [
                {"type": "function", **self.encode_function(tool), "strict": tool.strict}
                for tool in self.request.tools
            ]
        choice = self.effective_tool_choice()
        if choice in ("none", "required"):
            fields["tool_choice"] = choice
        elif choice is not None:
            fields["tool_choice"] = {"type": "function", "name": choice}
        return fields

    def encode_conversation(self) -> list[dict[str, Any]]:
        """The conversation as items. Raises UnsupportedContent, BadRequestError."""
        items: list[dict[str, Any]] = []
        for message in self.request.messages:
            self.check_role(message)
            if message.role == "assistant":
                items += self.encode_assistant_turn(message)
            else:
                items += self.encode_user_turn(message)
        return items

    def encode_user_turn(self, message: Message) -> list[dict[str, Any]]:
        """The items of a turn that is not the model's: each tool result, then a message."""
        results, parts = self.split_user_turn(message)
        items = [self.encode_tool_result(result) for result in results]
        if parts or not results:
            content = [self.encode_part(part) for part in parts]
            items.append({"role": message.role, "content": content})
        return items

    def encode_assistant_turn(self, message: Message) -> list[dict[str, Any]]:
        """The items of the model's own turn, in the order in which they came."""
        items: list[dict[str, Any]] = []
        content: list[dict[str, Any]] | None = None
        for part, fields in self.pair_text_metadata(message, "message"):
            if isinstance(part, Text):
                if content is None or fields:
                    content = []
                    turn = {"type": "message", "role": "assistant", "content": content}
                    items.append({**fields, **turn})
                content.append(self.encode_answer_text(part))
                continue
            content = None
            if isinstance(part, Reasoning):
                items += [fields] if fields else []
            elif isinstance(part, ToolCall):
                items.append(self.encode_tool_call(part))
            elif isinstance(part, MediaPart):
                self.require_transcript(part, has_transcript=bool(message.text))
        return items

    def encode_answer_text(self, text: Text) -> dict[str, Any]:
        if text.cache:
            self.warn_cache_mark_ignored()
        if text.refusal:
            return {"type": "refusal", "refusal": text.text}
        return {"type": "output_text", "text": text.text}

    def opaque_item(self, part: Reasoning) -> dict[str, Any]:
        """The vendor's own item, unchanged. OpenAI recognises a reasoning item by its encrypted
        content, or where responses are stored, by its id; it refuses others, which are left out."""
        item = self.opaque_fields(part)
        is_accepted = item.get("encrypted_content") or self.options.store or not self.is_official
        if "type" not in item or (item["type"] == "reasoning" and not is_accepted):
            self.warn_reasoning_dropped()
            return {}
        return item

    def encode_part(self, part: Text | MediaPart) -> dict[str, Any]:
        """A text or a medium of a user's turn, or of a tool's result."""
        match part:
            case Text():
                fields: dict[str, Any] = {"type": "input_text", "text": part.text}
            case Image():
                fields = {"type": "input_image", "detail": part.detail or "auto"}
                if file_id := self.file_id(part):
                    fields["file_id"] = file_id
                else:
                    fields["image_url"] = self.image_url(part)
            case Audio():
                why = "Responses takes no audio; leave api unpinned, or pin api='chat'"
                raise self.unsupported_content("audio", why)
            case Document():
                fields = {"type": "input_file", **self.encode_file(part, accepts_urls=True)}
            case Video():
                raise self.unsupported_content("video", VIDEO)
            case _:
                assert_never(part)
        return fields | self.encode_cache_mark(part)

    def encode_tool_call(self, call: ToolCall) -> dict[str, Any]:
        """The item of a call that the model made."""
        if call.opaque is not None:
            self.warn_opaque_dropped()
        return {
            "type": "function_call",
            "call_id": self.call_id(call.id),
            "name": call.name,
            "arguments": self.arguments_text(call),
        }

    def encode_tool_result(self, result: ToolResult) -> dict[str, Any]:
        """The item of a tool's result."""
        content = [self.encode_part(part) for part in self.result_parts(result)]
        if content and (mark := self.encode_cache_mark(result)):
            content[-1] |= mark
        output: Any = content
        if not content:
            output = ""
        elif len(content) == 1 and content[0].keys() == {"type", "text"}:
            output = content[0]["text"]
        return {
            "type": "function_call_output",
            "call_id": self.call_id(result.call_id),
            "output": output,
        }
