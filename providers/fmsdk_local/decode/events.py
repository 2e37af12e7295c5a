"""The events that decoders of local models have in common, and their finish."""

from __future__ import annotations

import secrets
import string
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from fmsdk.response import (
    Finish,
    ReasoningDelta,
    TextDelta,
    TokenLogprob,
    ToolCallDelta,
    Warning,
)
from fmsdk_local.decode.calls import Call
from fmsdk_local.engine.stop_matcher import overlap

__all__ = ["Delta", "EventWriter", "ToolSchemas", "decode_finish"]

Delta = TextDelta | ReasoningDelta | ToolCallDelta
ToolSchemas = Mapping[str, Mapping[str, Any]]
"""The JSON Schema of the parameters of each tool, by the tool's name."""

_FINISHES: dict[str, Finish] = {
    "eos": "stop",
    "stop": "stop",
    "length": "length",
    "cancelled": "cancelled",
}
# Nine letters and digits: Mistral's chat templates require that, and others accept it.
_ID_LETTERS, _ID_LENGTH = string.ascii_letters + string.digits, 9


def decode_finish(reason: str, *, has_calls: bool) -> Finish:
    """fmsdk's finish for the engine's `EndReason`, of an answer with or without tool calls."""
    return "tool_calls" if has_calls and reason in ("eos", "stop") else _FINISHES[reason]


class EventWriter(ABC):
    """A decoder's outer half: takes pieces of text, numbers the parts of the answer, and makes the
    events of them. Subclasses decode the buffer.

    has_calls: whether a tool was called. warnings: of what could not be read.
    """

    def __init__(self, tools: Collection[str]) -> None:
        self._tools = tools
        self._buffer: str = ""
        self._texts: list[str] = []  # all visible text, where there are tools
        self._index = -1
        self._kind: type[Delta] | None = None
        self._logprobs: list[TokenLogprob] = []
        self.has_calls = False
        self.warnings: list[Warning] = []

    def decode_text(self, text: str, logprobs: tuple[TokenLogprob, ...] = ()) -> list[Delta]:
        """Decode one more piece; returns the events that are decided by now."""
        self._buffer += text
        self._logprobs.extend(logprobs)
        return list(self._decode_buffer(is_end=False))

    def decode_end(self) -> list[Delta]:
        """The remaining events, at the end of the text."""
        events = list(self._decode_buffer(is_end=True))
        if self._logprobs:
            events.append(self._text_delta(""))
        return events

    @abstractmethod
    def _decode_buffer(self, *, is_end: bool) -> Iterator[Delta]:
        """The events that the buffer decides, and all of them at the end of the text."""

    def _text_delta(self, text: str) -> TextDelta:
        self._set_kind(TextDelta)
        if self._tools:
            self._texts.append(text)
        logprobs = tuple(self._logprobs)
        self._logprobs.clear()
        return TextDelta(text, self._index, logprobs=logprobs)

    def _reasoning_delta(self, text: str) -> ReasoningDelta:
        self._set_kind(ReasoningDelta)
        self._logprobs.clear()  # only the visible text has logprobs
        return ReasoningDelta(text, self._index)

    def _call_deltas(self, calls: list[Call]) -> Iterator[ToolCallDelta]:
        for name, arguments in calls:
            self._kind = ToolCallDelta
            self._index += 1
            self.has_calls = True
            self._logprobs.clear()
            id = "".join(secrets.choice(_ID_LETTERS) for _ in range(_ID_LENGTH))
            yield ToolCallDelta(self._index, id=id, name=name, arguments=arguments)

    def _warn_of_unreadable_call(self) -> None:
        message = (
            "the model began a tool call that cannot be read, or that names no tool of the "
            "request; it is in the text as the model wrote it"
        )
        self.warnings.append(Warning("tool_call_unreadable", message))

    def _set_kind(self, kind: type[Delta]) -> None:
        if self._kind is not kind:
            self._kind = kind
            self._index += 1

    def _take_text_before(self, tags: Collection[str], is_end: bool) -> str:
        """Remove from the buffer what cannot be the beginning of a tag, and return it."""
        size = len(self._buffer) - (0 if is_end else overlap(self._buffer, tags))
        text, self._buffer = self._buffer[:size], self._buffer[size:]
        return text
