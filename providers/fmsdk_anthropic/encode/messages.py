"""A request as a body of Anthropic's Messages API.

Consecutive turns of one role become one, with tool results first in it, since the API looks for
them there. The API refuses texts without a visible character, so that they are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import dropwhile, groupby, takewhile
from typing import Any, ClassVar, cast

from fmsdk.content import (
    CacheMark,
    Document,
    Image,
    MediaPart,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
)
from fmsdk.errors import BadRequestError, InvalidMedia
from fmsdk.hosted.conversation_encoder import ConversationEncoder
from fmsdk.request import Message, Request, Role, Tool
from fmsdk_anthropic.encode.model_family import family_of, output_limit
from fmsdk_anthropic.encode.schema import move_limits_to_description
from fmsdk_anthropic.encode.thinking import encode_thinking
from fmsdk_anthropic.options import AnthropicOptions, options_of

__all__ = ["MessagesEncoder"]

_IMAGE_MIMES = frozenset({"image/png", "image/jpeg", "image/webp", "image/gif"})
_TEXT_MIMES = ("text/", "application/json", "application/xml")
_PDF = "application/pdf"
_MAX_CACHE_MARKS = 4
_BLOCKS_WITHOUT_MARKS = ("thinking", "redacted_thinking")
_VALID_CALL_ID = re.compile(r"[A-Za-z0-9_-]+")
_INVALID_JSON = "INVALID_JSON"
"""The key that Anthropic's guide gives to arguments that are no JSON object, so that they can be
sent back:
https://platform.claude.com/docs/en/agents-and-tools/tool-use/fine-grained-tool-streaming"""


class MessagesEncoder(ConversationEncoder):
    """Encodes one request for the Messages API."""

    api: ClassVar[str] = "Anthropic's Messages API"
    options: AnthropicOptions

    def __init__(self, request: Request, *, stream: bool, is_vendors_model: bool = True) -> None:
        super().__init__(request, options_of(request), stream=stream)
        self.family = replace(family_of(request.model), is_certain=is_vendors_model)
        self.sampling = self.encode_sampling()
        self._cache_marks = 0

    def encode_fields(self) -> dict[str, Any]:
        """The body. Raises UnsupportedContent, UnsupportedSetting, BadRequestError."""
        return {
            "model": self.request.model,
            **self.encode_settings(),
            **self.sampling,
            **self.encode_reasoning_and_output(),
            **self.encode_tools(),
            **self.encode_system(),
            "messages": self.encode_conversation(),
            **self.encode_cache_mark(self.options.cache),
        }

    def encode_settings(self) -> dict[str, Any]:
        """Settings and options that are sent as they are, and `max_tokens`, which the API needs:
        where nobody limits the answer, it is the most that the model can give."""
        request, options = self.request, self.options
        settings = request.settings
        fields: dict[str, Any] = {
            "max_tokens": settings.max_output_tokens or output_limit(request.model),
            "stop_sequences": list(settings.stop) or None,
            "service_tier": options.service_tier,
            "speed": options.speed,
            "inference_geo": options.inference_geo,
            "container": options.container,
            "metadata": {"user_id": options.user_id} if options.user_id else None,
            "stream": True if self.stream else None,
        }
        return {name: value for name, value in fields.items() if value is not None}

    def encode_sampling(self) -> dict[str, Any]:
        """The sampling parameters, which models since Claude 4.7 refuse."""
        settings = self.request.settings
        values = {
            "temperature": settings.temperature,
            "top_p": settings.top_p,
            "top_k": self.options.top_k,
        }
        fields = {name: value for name, value in values.items() if value is not None}
        if not fields or self.family.takes_sampling:
            return fields
        for name in fields:
            setting = "options.top_k" if name == "top_k" else name
            self.unsupported_settings.drop(setting, "Claude has no such setting since version 4.7")
        return {}

    def encode_reasoning_and_output(self) -> dict[str, Any]:
        """The fields `thinking` and `output_config`: how much to think, and the output's schema."""
        thinking, effort = encode_thinking(
            self.request, self.options, self.family, self.unsupported_settings
        )
        fields: dict[str, Any] = {} if thinking is None else {"thinking": thinking}
        config: dict[str, Any] = {"effort": effort} if effort else {}
        if self.request.output is not None:
            from fmsdk.schema.json_schema import output_schema, strict

            _, schema = output_schema(self.request.output)
            try:
                closed_schema = move_limits_to_description(strict(schema))
                config["format"] = {"type": "json_schema", "schema": closed_schema}
            except BadRequestError as error:
                why = f"Claude takes closed schemas only: {error}"
                self.unsupported_settings.drop("output", why)
        return {**fields, "output_config": config} if config else fields

    def encode_tools(self) -> dict[str, Any]:
        """The tools, with those that Anthropic runs last, and which of them to use."""
        options = self.options
        tools = [self.encode_tool(tool) for tool in self.request.tools]
        tools += [dict(tool) for tool in options.server_tools]
        if not tools:
            self.effective_tool_choice()  # raises where there is nothing to choose from
            for name in ("cache_tools", "disable_parallel_tool_use"):
                if getattr(options, name):
                    self.unsupported_settings.drop(f"options.{name}", "there are no tools")
            return {}
        if options.cache_tools:
            self._mark_last(tools, options.cache_tools)
        choice = self.request.tool_choice
        single = {"disable_parallel_tool_use": True} if options.disable_parallel_tool_use else {}
        if choice == "auto":
            tool_choice = {"type": "auto", **single} if single else None
        elif choice == "none":
            tool_choice = {"type": "none"}
        elif choice == "required":
            tool_choice = {"type": "any", **single}
        else:
            tool_choice = {"type": "tool", "name": choice, **single}
        return {"tools": tools, "tool_choice": tool_choice} if tool_choice else {"tools": tools}

    def encode_tool(self, tool: Tool) -> dict[str, Any]:
        fields: dict[str, Any] = {"name": tool.name}
        if tool.description:
            fields["description"] = tool.description
        fields["input_schema"] = tool.parameters
        if tool.strict:
            from fmsdk.schema.json_schema import strict

            fields["input_schema"] = move_limits_to_description(strict(tool.parameters))
            fields["strict"] = True
        return fields

    def encode_system(self) -> dict[str, Any]:
        """The field `system`: the system prompt, and system messages that open the conversation."""
        mark = self.options.cache_system
        texts: list[Any] = [Text(self.request.system)] if self.request.system is not None else []
        for message in takewhile(_is_system, self.request.messages):
            self.check_role(message)
            texts += message.parts
        blocks = self.encode_blocks(texts)
        if not blocks:
            if mark:
                self.unsupported_settings.drop("options.cache_system", "there is no system prompt")
            return {}
        if mark:
            self._mark_last(blocks, mark)
        return {"system": _simplify(blocks)}

    def encode_conversation(self) -> list[dict[str, Any]]:
        """The turns after the system messages that open the conversation."""
        later = dropwhile(_is_system, self.request.messages)
        turns: list[dict[str, Any]] = []
        starts_blank = False
        for role, messages in groupby(later, lambda m: "user" if m.role == "tool" else m.role):
            parts: list[Any] = []
            for message in messages:
                self.check_role(message)
                parts += message.parts
            turn = Message(cast("Role", role), parts)
            if role == "assistant":
                content = self.encode_assistant_turn(turn)
            else:
                content = self.encode_user_turn(turn)
            if content:
                turns.append({"role": role, "content": content})
            elif role == "user" and not turns:
                starts_blank = True
        if starts_blank and (not turns or turns[0]["role"] == "assistant"):
            why = f"the conversation starts with white space only, which {self.api} refuses"
            raise self.invalid(f"{why}; give its first turn a text")
        return turns

    def encode_user_turn(self, message: Message) -> list[dict[str, Any]]:
        """The blocks of a user's turn, or of a system message within the conversation."""
        if message.role == "system" and not self.family.takes_system_turns:
            why = (
                f"{self.request.name} takes system messages only at the start of the conversation; "
                "put it there, into system=, or into a user message"
            )
            raise self.invalid(why)
        parts = message.parts
        results = [self.encode_tool_result(part) for part in parts if isinstance(part, ToolResult)]
        others = [part for part in parts if isinstance(part, Text | MediaPart)]
        return results + self.encode_blocks(others, before=results)

    def encode_assistant_turn(self, message: Message) -> list[dict[str, Any]]:
        """The blocks of the model's own turn, in the order in which they came."""
        blocks: list[dict[str, Any]] = []
        for part, fields in self.pair_text_metadata(message, "text"):
            if isinstance(part, Text):
                text_blocks = self.encode_blocks([part], before=blocks)
                if fields and not text_blocks:
                    self.warn_reasoning_dropped()
                blocks += ({**fields, **block} for block in text_blocks)
            elif isinstance(part, ToolCall):
                blocks.append(self.encode_tool_call(part))
            elif isinstance(part, Reasoning):
                blocks += [fields] if fields else []
            elif isinstance(part, MediaPart):
                self.require_transcript(part, has_transcript=bool(message.text.strip()))
        return blocks

    def encode_blocks(
        self, parts: Iterable[Text | MediaPart], before: Sequence[dict[str, Any]] = ()
    ) -> list[dict[str, Any]]:
        """The blocks of these parts, without blank texts. `before`: the turn's earlier blocks."""
        blocks: list[dict[str, Any]] = []
        for part in parts:
            if not isinstance(part, Text) or part.text.strip():
                blocks.append(self.encode_part(part))
                continue
            if part.text:
                why = f"text of white space only was left out, which {self.api} refuses"
                self.warn("blank_text_dropped", why, "text")
            # The cache mark of a text that is left out moves to the block before it.
            if part.cache and not self._mark_last([*before, *blocks], part.cache):
                why = "a cache mark with no text before it has no effect"
                self.warn("cache_mark_ignored", why)
        return blocks

    def encode_part(self, part: Text | MediaPart) -> dict[str, Any]:
        """The block of a part, in a user's turn or in a tool's result."""
        if isinstance(part, Text):
            if part.refusal:
                self.warn_refusal_as_text()
            block: dict[str, Any] = {"type": "text", "text": part.text}
        elif isinstance(part, Image):
            block = self.encode_image(part)
        elif isinstance(part, Document):
            block = self.encode_document(part)
        else:
            instead = {
                "audio": "send its transcript (local:demo-audio makes one)",
                "video": "send some of its frames as images",
            }[part.kind]
            why = f"{self.api} carries no {part.kind}; {instead}"
            raise self.unsupported_content(part.kind, why)
        return block | self.encode_cache_mark(part.cache)

    def encode_image(self, image: Image) -> dict[str, Any]:
        if image.detail not in (None, "auto"):
            why = f"{self.api} has no such field; Claude chooses the resolution itself"
            self.unsupported_settings.drop("detail", why)
        source = self.encode_reference(image)
        if source is None:
            if image.mime not in _IMAGE_MIMES:
                why = f"Claude reads PNG, JPEG, WebP and GIF, not {image.mime}; convert it first"
                raise self.unsupported_content("image", why)
            data = self.media.base64(image)
            source = {"type": "base64", "media_type": image.mime, "data": data}
        return {"type": "image", "source": source}

    def encode_document(self, document: Document) -> dict[str, Any]:
        mime = document.mime or _PDF
        if mime != _PDF and document.url is not None:
            why = f"{self.api} takes only PDFs by URL, not {mime}; give its bytes"
            raise self.unsupported_content("document", why)
        block: dict[str, Any] = {
            "type": "document",
            "source": self.encode_reference(document) or self.encode_document_data(document, mime),
        }
        if document.name is not None:
            block["title"] = document.name
        if self.options.citations:
            block["citations"] = {"enabled": True}
        return block

    def encode_document_data(self, document: Document, mime: str) -> dict[str, Any]:
        if mime == _PDF:
            return {"type": "base64", "media_type": mime, "data": self.media.base64(document)}
        if not mime.startswith(_TEXT_MIMES):
            why = f"{self.api} reads PDFs and plain text, not {mime}; convert it first"
            raise self.unsupported_content("document", why)
        try:
            text = document.read().decode()
        except UnicodeDecodeError as error:
            raise InvalidMedia(f"{document.describe()} is no UTF-8 text: {error.reason}") from error
        return {"type": "text", "media_type": "text/plain", "data": text}

    def encode_reference(self, part: Image | Document) -> dict[str, Any] | None:
        """Media that Anthropic stores, or fetches itself; None for media to send as bytes."""
        if (file_id := self.file_id(part)) is not None:
            return {"type": "file", "file_id": file_id}
        return None if part.url is None else {"type": "url", "url": part.url}

    def encode_tool_call(self, call: ToolCall) -> dict[str, Any]:
        """The block of a call that the model made."""
        arguments = dict(call.arguments) if call.raw is None else {_INVALID_JSON: call.raw}
        return {
            "type": "tool_use",
            "id": self.call_id(call.id),
            "name": call.name,
            "input": arguments,
            **self.opaque_fields(call),
        }

    def encode_tool_result(self, result: ToolResult) -> dict[str, Any]:
        """The block of a tool's result."""
        content: list[dict[str, Any]] = []
        last_mark: CacheMark = False
        for part in result.content:
            if isinstance(part, Text) and not part.text:  # refused; its cache mark is the result's
                last_mark = part.cache or last_mark
            else:
                content.append(self.encode_part(part))
        block: dict[str, Any] = {
            "type": "tool_result",
            "tool_use_id": self.call_id(result.call_id),
        }
        if content:
            block["content"] = _simplify(content)
        if result.is_error:
            block["is_error"] = True
        return block | self.encode_cache_mark(result.cache or last_mark)

    def encode_cache_mark(self, cache: CacheMark) -> dict[str, Any]:
        """The field that makes a block a cache point. Raises BadRequestError: more than four."""
        if not cache:
            return {}
        self._cache_marks += 1
        if self._cache_marks > _MAX_CACHE_MARKS:
            why = f"{self.api} takes {_MAX_CACHE_MARKS} cache marks a request"
            raise self.invalid(f"{why}; leave out the first of them")
        lifetime = {} if cache is True else {"ttl": cache}
        return {"cache_control": {"type": "ephemeral", **lifetime}}

    def _mark_last(self, blocks: Sequence[dict[str, Any]], cache: CacheMark) -> bool:
        """Mark the last block that can hold a cache mark. False where none can."""
        for block in reversed(blocks):
            if block.get("type") in _BLOCKS_WITHOUT_MARKS:
                continue
            if "cache_control" not in block:
                block.update(self.encode_cache_mark(cache))
            elif cache == "1h":
                block["cache_control"] = {**block["cache_control"], "ttl": cache}
            return True
        return False

    def accepts_call_id(self, id: str) -> bool:
        """Whether Anthropic takes a tool call's id; other vendors' ids have other letters."""
        return _VALID_CALL_ID.fullmatch(id) is not None


def _is_system(message: Message) -> bool:
    return message.role == "system"


def _simplify(blocks: list[dict[str, Any]]) -> str | list[dict[str, Any]]:
    """One plain text as a string; other blocks as they are."""
    is_plain = len(blocks) == 1 and blocks[0].keys() == {"type", "text"}
    return blocks[0]["text"] if is_plain else blocks
