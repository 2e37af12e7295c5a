"""What the encoders of conversations share: one class, from which each vendor's encoder inherits.

An encoder turns a request into the fields of one body.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator
from hashlib import sha256
from itertools import count
from typing import Any, ClassVar, get_args

import msgspec

from fmsdk.content import (
    Audio,
    Image,
    MediaPart,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
)
from fmsdk.errors import BadRequestError
from fmsdk.hosted.body import Body
from fmsdk.hosted.request_builder import RequestBuilder
from fmsdk.request import Message, Request, Role
from fmsdk.validation import encode_json

__all__ = ["ConversationEncoder"]

_PARTS_BY_ROLE: dict[Role, tuple[type, ...]] = {
    "system": (Text,),
    "user": (Text, *get_args(MediaPart), ToolResult),
    "assistant": (Text, Reasoning, ToolCall, Audio, Image),
    "tool": (ToolResult,),
}


class ConversationEncoder(RequestBuilder, ABC):
    """Encodes one request. The methods `encode_…` have the same names in every vendor's encoder."""

    api: ClassVar[str] = "this API"
    """The name of the API in messages for people."""
    replacement_id_length: int = 32
    """The length of tool-call ids that replace ids which the API does not take."""

    def __init__(self, request: Request, options: Any, *, stream: bool) -> None:
        super().__init__(request, options, stream=stream)
        self._replacement_ids: dict[str, str] = {}

    @abstractmethod
    def encode_fields(self) -> dict[str, Any]:
        """The body. Raises UnsupportedContent, UnsupportedSetting, BadRequestError."""

    @abstractmethod
    def encode_settings(self) -> dict[str, Any]:
        """The settings and options that become fields of their own."""

    @abstractmethod
    def encode_tools(self) -> dict[str, Any]:
        """The tools, and which of them to use."""

    @abstractmethod
    def encode_conversation(self) -> list[dict[str, Any]]:
        """The turns."""

    @abstractmethod
    def encode_user_turn(self, message: Message) -> list[dict[str, Any]]:
        """A turn that is not the model's, with the results of tools first: they answer the turn
        before."""

    @abstractmethod
    def encode_assistant_turn(self, message: Message) -> list[dict[str, Any]]:
        """A turn of the model's."""

    @abstractmethod
    def encode_part(self, part: Text | MediaPart) -> dict[str, Any]:
        """A text or a medium of a user's turn."""

    @abstractmethod
    def encode_tool_call(self, call: ToolCall) -> dict[str, Any]:
        """A call that the model made."""

    @abstractmethod
    def encode_tool_result(self, result: ToolResult) -> dict[str, Any]:
        """The result of a call."""

    def encode_body(self) -> Body:
        """The body in pieces. Raises BadRequestError, InvalidMedia, UnsupportedContent,
        UnsupportedSetting."""
        return self.merge_extra_body(self.encode_fields())

    def encode_counted_body(self, names: Collection[str]) -> Body:
        """The body for the vendor's endpoint that counts tokens, which knows only the fields of
        these names. Raises as `encode_body` does."""
        fields = {name: value for name, value in self.encode_fields().items() if name in names}
        return self.media.write({name: value for name, value in fields.items() if value})

    def check_role(self, message: Message) -> None:
        """Raise BadRequestError for parts that a turn of this role cannot hold."""
        for part in message.parts:
            if not isinstance(part, _PARTS_BY_ROLE[message.role]):
                raise self.invalid(
                    f"a message of the role {message.role!r} holds no {type(part).__name__}"
                )

    def effective_tool_choice(self) -> str | None:
        """The mode or the tool's name to send; None where "auto" needs no field. Raises
        BadRequestError."""
        choice = self.request.tool_choice
        if not self.request.tools and choice == "required":
            raise BadRequestError("tool_choice='required' needs tools")
        return choice if self.request.tools and choice != "auto" else None

    def arguments_text(self, call: ToolCall) -> str:
        """A call's arguments as the JSON text that they came as."""
        return encode_json(call.arguments).decode() if call.raw is None else call.raw

    def accepts_call_id(self, id: str) -> bool:
        """Whether the API takes a tool call's id as it is."""
        return True

    def call_id(self, id: str) -> str:
        """A tool call's id to send, the same in the call and in its result. An id that the API
        does not take is replaced by a hash of it that no other call has."""
        if self.accepts_call_id(id):
            return id
        if id not in self._replacement_ids:
            parts = [part for message in self.request.messages for part in message.parts]
            used_ids = {part.id for part in parts if isinstance(part, ToolCall)}
            used_ids.update(self._replacement_ids.values())
            for attempt in count():
                text = f"{id}{chr(0) * attempt}".encode("utf-8", "surrogatepass")
                replacement = sha256(text).hexdigest()[: self.replacement_id_length]
                if replacement not in used_ids:
                    self._replacement_ids[id] = replacement
                    break
        why = "tool call ids that this API does not take were replaced by hashes of them"
        self.warn("tool_ids_changed", why, "tool_calls")
        return self._replacement_ids[id]

    def opaque_fields(self, part: Reasoning | ToolCall) -> dict[str, Any]:
        """What this provider wants back with a part; empty for another provider's part. Raises
        BadRequestError."""
        if part.opaque is None:
            return {}
        if part.provider != self.request.provider:
            if isinstance(part, ToolCall):
                self.warn_opaque_dropped()
            return {}
        try:
            return msgspec.json.decode(part.opaque, type=dict[str, Any])
        except ValueError as error:
            raise self.invalid(f"the opaque field of a part cannot be read: {error}") from error

    def opaque_item(self, part: Reasoning) -> dict[str, Any]:
        """The vendor's own item that a reasoning part holds; empty, with a warning, where this
        API does not take it back."""
        item = self.opaque_fields(part)
        if "type" in item:
            return item
        self.warn_reasoning_dropped()
        return {}

    def pair_text_metadata(
        self, message: Message, text_type: str
    ) -> Iterator[tuple[Any, dict[str, Any]]]:
        """The parts of a model's turn: reasoning with its vendor's item, text with its metadata.

        What came with a text besides the text (its citations, the phase of its message) is a
        `Reasoning` right before it, whose item has the type `text_type`. Such an item is never
        sent by itself.
        """
        metadata: dict[str, Any] = {}
        for part in message.parts:
            if metadata and not isinstance(part, Text):
                self.warn_reasoning_dropped()
            fields = self.opaque_item(part) if isinstance(part, Reasoning) else {}
            if fields.get("type") == text_type:
                metadata = fields
            else:
                yield part, metadata if isinstance(part, Text) else fields
                metadata = {}
        if metadata:
            self.warn_reasoning_dropped()

    def file_id(self, part: MediaPart) -> str | None:
        """The id of a file that this provider holds; None for other media."""
        reference = part.file
        if reference is None:
            return None
        if reference.provider != self.request.provider:
            why = f"a file of {reference.provider} cannot be used here; give its bytes instead"
            raise self.unsupported_content(part.kind, why)
        return reference.id

    def require_transcript(self, part: MediaPart, has_transcript: bool) -> None:
        """Warn that only the transcript of the model's own speech is sent back. Raises
        UnsupportedContent: there is no transcript, or the medium is a picture; the model's turn
        can only hold text."""
        if not (isinstance(part, Audio) and has_transcript):
            why = f"an assistant's turn carries no {part.kind}; put it into a user message"
            raise self.unsupported_content(part.kind, why)
        self.warn("audio_dropped", "spoken answers were sent back as their transcripts", "audio")

    def warn_opaque_dropped(self) -> None:
        """Warn that what another vendor wants back with its tool calls is not sent."""
        why = "what another API wants back with its tool calls was left out of the conversation"
        self.warn("opaque_dropped", why, "tool_calls")

    def warn_refusal_as_text(self) -> None:
        """Warn that a refusal is sent as plain text, since the API has no refusals."""
        why = "a refusal of the model's was sent back as plain text: this API has no refusals"
        self.warn("refusal_as_text", why, "refusal")

    def warn_tag_not_sent(self, name: str, why: str) -> None:
        """Warn that a tag is not sent."""
        self.warn("tag_not_sent", f"the tag {name!r} {why}; it was not sent", "tags")

    def warn_name_dropped(self) -> None:
        """Warn that a document's name is not sent, since the API takes it only with bytes."""
        why = "the name of a document was left out: this API takes names only with bytes, if at all"
        self.warn("name_dropped", why, "name")

    def warn_reasoning_dropped(self) -> None:
        """Warn that reasoning is not sent back. No error: the model made it, not the caller."""
        why = "reasoning that this API does not take back was left out of the conversation"
        self.warn("reasoning_dropped", why, "reasoning")

    def warn_cache_mark_ignored(self) -> None:
        """Warn that a cache mark has no effect."""
        self.warn(
            "cache_mark_ignored", "cache marks have no effect here; long prompts are cached anyway"
        )
