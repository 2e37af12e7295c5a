"""The shapes that are read of Chat Completions, bodies and streams alike.

What only some servers send, or send as null or as a number, is left untyped where it is no reason
to refuse an answer.
"""

from __future__ import annotations

from typing import Any, cast

import msgspec

from fmsdk.hosted.decoding import word

__all__ = ["BODY", "ECHOED", "NOTHING", "Call", "Candidate", "Chunk", "Delta", "Function", "Spoken"]


class Function(msgspec.Struct):
    """The function that a call is of."""

    name: str | None = None
    arguments: Any = None


class Call(msgspec.Struct):
    """A tool call, or a piece of one."""

    index: int | None = None
    id: str | int | None = None
    function: Function | None = None
    custom: Any = None
    extra_content: Any = None

    @property
    def own_id(self) -> str:
        """Its id; "" where this piece does not tell (for which Mistral has the word "null")."""
        return "" if self.id in (None, "null") else str(self.id)

    @property
    def name(self) -> str:
        """The name of the function; "" where this piece does not tell."""
        return (self.function and self.function.name) or word(_inner(self.custom, "name")) or ""

    @property
    def arguments(self) -> object:
        """What the function is given, mostly as JSON text; a custom tool's input is any text."""
        return self.function.arguments if self.function else _inner(self.custom, "input")


class Spoken(msgspec.Struct):
    """Sound as base64, and its transcript; in a stream a piece of either."""

    data: str | None = None
    transcript: str | None = None


class Delta(msgspec.Struct, frozen=True):
    """A message, or a piece of one."""

    content: str | list[dict[str, Any]] | None = None
    refusal: str | None = None
    reasoning_content: Any = None
    reasoning: Any = None
    reasoning_details: list[Any] | None = None
    reasoning_text: str | None = None
    reasoning_opaque: str | None = None
    tool_calls: list[Call] | None = None
    function_call: Function | None = None
    audio: Spoken | None = None
    images: list[Any] | None = None
    annotations: list[Any] | None = None
    extra_content: Any = None

    @property
    def echoes(self) -> object:
        """Whether there is a field of those in `ECHOED`. Asked of every piece, hence no loop."""
        said = self.reasoning_content or self.reasoning or self.reasoning_details
        kept = self.reasoning_text or self.reasoning_opaque
        return said or kept or self.extra_content or self.annotations

    @property
    def calls(self) -> list[Call]:
        """The tool calls; the one call of servers that know no others (`function_call`) is one."""
        if self.tool_calls:
            return self.tool_calls
        return [Call(0, function=self.function_call)] if self.function_call else []


NOTHING = Delta()
ECHOED = (
    *("reasoning_content", "reasoning", "reasoning_details", "reasoning_text", "reasoning_opaque"),
    *("extra_content", "annotations"),
)
"""Fields that servers want back with the next turn."""


class Candidate(msgspec.Struct):
    """One choice; it has a `message` in a body, a `delta` in a stream."""

    index: int | None = None
    message: Delta | None = None
    delta: Delta | None = None
    finish_reason: str | None = None
    logprobs: Any = None
    error: Any = None

    @property
    def tokens(self) -> object:
        """The tokens with their probabilities, of what was said or of a refusal."""
        return _inner(self.logprobs, "content") or _inner(self.logprobs, "refusal")


class Chunk(msgspec.Struct):
    """A body, or one event of a stream."""

    choices: list[Candidate] | None = None
    id: Any = None
    model: Any = None
    object: Any = None
    usage: Any = None
    service_tier: Any = None
    error: Any = None
    x_groq: Any = None

    @property
    def used(self) -> Any:
        """The usage object; of Groq's streams it is in a field of Groq's own."""
        return self.usage or _inner(self.x_groq, "usage")

    @property
    def failure(self) -> Any:
        """What the server says went wrong, where it does so in place of an answer."""
        return self.error or _inner(self.x_groq, "error")


def _inner(outer: object, name: str) -> Any:
    return cast("dict[str, Any]", outer).get(name) if isinstance(outer, dict) else None


BODY = msgspec.json.Decoder(Chunk)
