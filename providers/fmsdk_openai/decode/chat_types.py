"""The shapes that are read of Chat Completions, bodies and streams alike.

What only some servers send, or send as null or as a number, is left untyped where it is no reason
to refuse an answer.
"""

from __future__ import annotations

from typing import Any, cast

import msgspec

from fmsdk.hosted.decoding import optional_text

__all__ = [
    "COMPLETION",
    "ECHOED_NAMES",
    "NO_MESSAGE",
    "AudioPiece",
    "ChatChoice",
    "ChatMessage",
    "ChatToolCall",
    "Completion",
]


class ChatFunction(msgspec.Struct):
    """The function of a call."""

    name: str | None = None
    arguments: Any = None


class ChatToolCall(msgspec.Struct):
    """A tool call, or a piece of one. Some gateways write its number as a text."""

    index: Any = None
    id: str | int | None = None
    function: ChatFunction | None = None
    custom: Any = None
    extra_content: Any = None

    @property
    def number(self) -> int | None:
        """Its number among the calls; None where this piece has none."""
        try:
            return None if self.index is None else int(self.index)
        except (TypeError, ValueError, OverflowError):
            return None

    @property
    def own_id(self) -> str:
        """Its id; "" where this piece has none (for which Mistral has the word "null")."""
        return "" if self.id in (None, "null") else str(self.id)

    @property
    def name(self) -> str:
        """The name of the function; "" where this piece has none."""
        name = self.function and self.function.name
        return name or optional_text(nested_field(self.custom, "name")) or ""

    @property
    def arguments(self) -> object:
        """The function's arguments, mostly as JSON text; a custom tool's input is any text."""
        return self.function.arguments if self.function else nested_field(self.custom, "input")


class AudioPiece(msgspec.Struct):
    """Audio as base64, and its transcript; in a stream a piece of either."""

    data: str | None = None
    transcript: str | None = None


class ChatMessage(msgspec.Struct, frozen=True):
    """A message, or a piece of one."""

    content: str | list[dict[str, Any]] | None = None
    refusal: str | None = None
    reasoning_content: Any = None
    reasoning: Any = None
    reasoning_details: list[Any] | None = None
    reasoning_text: str | None = None
    reasoning_opaque: str | None = None
    tool_calls: list[ChatToolCall] | None = None
    function_call: ChatFunction | None = None
    audio: AudioPiece | None = None
    images: list[Any] | None = None
    annotations: list[Any] | None = None
    extra_content: Any = None

    @property
    def has_echoed_fields(self) -> object:
        """Whether there is a field of those in `ECHOED`. Asked of every piece, hence no loop."""
        return (
            self.reasoning_content
            or self.reasoning
            or self.reasoning_details
            or self.reasoning_text
            or self.reasoning_opaque
            or self.extra_content
            or self.annotations
        )

    @property
    def thoughts(self) -> str:
        """The readable reasoning."""
        text = self.reasoning_content or self.reasoning or self.reasoning_text
        return text if isinstance(text, str) else ""

    @property
    def calls(self) -> list[ChatToolCall]:
        """The tool calls. Old servers have one call at most, in `function_call`."""
        if self.tool_calls:
            return self.tool_calls
        return [ChatToolCall(0, function=self.function_call)] if self.function_call else []


NO_MESSAGE = ChatMessage()
ECHOED_NAMES = (
    *("reasoning_content", "reasoning", "reasoning_details", "reasoning_text", "reasoning_opaque"),
    *("extra_content", "annotations"),
)
"""Fields that servers want back with the next turn."""


class ChatChoice(msgspec.Struct):
    """One choice; it has a `message` in a body, a `delta` in a stream."""

    index: int | None = None
    message: ChatMessage | None = None
    delta: ChatMessage | None = None
    finish_reason: str | None = None
    logprobs: Any = None
    error: Any = None


class Completion(msgspec.Struct):
    """A body, or one event of a stream."""

    choices: list[ChatChoice] | None = None
    id: Any = None
    model: Any = None
    object: Any = None
    usage: Any = None
    service_tier: Any = None
    error: Any = None
    x_groq: Any = None

    @property
    def reported_error(self) -> Any:
        """The error that the server reports in place of an answer, or beside a part of one."""
        return self.error or nested_field(self.x_groq, "error")


def nested_field(outer: object, name: str) -> Any:
    """A field of a value that is no object at some servers; None then."""
    return cast("dict[str, Any]", outer).get(name) if isinstance(outer, dict) else None


COMPLETION = msgspec.json.Decoder(Completion)
