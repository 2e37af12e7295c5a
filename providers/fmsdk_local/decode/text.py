"""Goes through an answer's text: reasoning, plain text, tool calls. Pure.

The text arrives in pieces. What could be the beginning of a tag is held back until that is
decided. A tool call is emitted complete; one that cannot be read stays text, with a warning.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Literal, cast

from fmsdk_local.decode.calls import (
    CALL_TAGS,
    Call,
    has_call_within,
    is_call_like,
    read_bare,
    read_fenced,
)
from fmsdk_local.decode.events import Delta, EventWriter, ToolSchemas

__all__ = ["REASONING_TAGS", "TextDecoder"]

_State = Literal["part_start", "reasoning", "text", "tool_call", "bare"]

REASONING_TAGS = {"<think>": "</think>", "[THINK]": "[/THINK]"}
_FENCE = "```"
# Of code fences in which models write calls. Another one is text as soon as its language is known.
_FENCE_LANGUAGES = ("", "json", "tool_call", "tool_code", "python")


class TextDecoder(EventWriter):
    """Decodes an answer's text, piece by piece, into events.

    It decodes `<think>…</think>` and `[THINK]…[/THINK]` at the start of an answer as reasoning.
    If the model has `tools`, it also decodes calls: between tags, in a code fence, or as an answer
    that is nothing else, JSON or Python. Each must name one of the tools.

    Args:
        tools: names of the tools that the model may call, or the schemas of their parameters.
        in_reasoning: the prompt ended by opening the reasoning.
    """

    def __init__(
        self, tools: Collection[str] | ToolSchemas = (), *, in_reasoning: bool = False
    ) -> None:
        super().__init__(tools)
        self._schemas: ToolSchemas = (
            cast("ToolSchemas", tools) if isinstance(tools, Mapping) else {n: {} for n in tools}
        )
        self._call_tags = (*CALL_TAGS, _FENCE) if tools else ()
        self._state: _State = "reasoning" if in_reasoning else "part_start"
        self._is_start = not in_reasoning  # nothing but white space so far
        self._tag = "<think>" if in_reasoning else ""
        self._in_fence = False  # within a code fence that is text

    def decode_end(self) -> list[Delta]:
        """The remaining events, at the end of the text."""
        events = super().decode_end()
        # A call without tags in the midst of a text was passed on before it could be known.
        text = "".join(self._texts)
        if not self.has_calls and not self.warnings and has_call_within(text, self._schemas):
            self._warn_of_unreadable_call()
        return events

    def _decode_buffer(self, *, is_end: bool) -> Iterator[Delta]:
        """Go from state to state until one of them waits for more text."""
        before = None
        while before != self._state:
            before = self._state
            match before:
                case "part_start":
                    self._decode_part_start(is_end)
                case "reasoning":
                    yield from self._decode_reasoning(is_end)
                case "text":
                    yield from self._decode_plain_text(is_end)
                case "tool_call":
                    yield from self._decode_tool_call(is_end)
                case "bare":
                    yield from self._decode_bare_answer(is_end)

    def _decode_part_start(self, is_end: bool) -> None:
        """Decide what begins here. White space before a tag, and between parts, is dropped."""
        text = self._buffer.lstrip()
        # Qwen3-Coder leaves out `<tool_call>` at times, and writes its end nevertheless.
        stray_end = "</tool_call>" if self._tag == "<function=" else ""
        if stray_end and text.startswith(stray_end):
            text = text.removeprefix(stray_end).lstrip()
            self._tag, self._buffer, stray_end = "", text, ""
        tags = (*(REASONING_TAGS if self._is_start else ()), *self._call_tags, stray_end)
        if not is_end and (not text or any(tag.startswith(text) and tag != text for tag in tags)):
            return
        tag = next((tag for tag in tags if tag and text.startswith(tag)), "")
        if tag in REASONING_TAGS:
            self._state, self._tag, self._buffer = "reasoning", tag, text.removeprefix(tag)
        else:
            is_bare = self._tools and not tag and text.startswith(("{", "["))
            self._state = "bare" if is_bare else "text"
            if tag or not self._is_start:
                self._buffer = text
        if text:
            self._is_start = False

    def _decode_reasoning(self, is_end: bool) -> Iterator[Delta]:
        end_tag = REASONING_TAGS[self._tag]
        reasoning, is_closed, rest = self._buffer.partition(end_tag)
        if is_closed:
            self._state, self._buffer = "part_start", rest
        else:
            reasoning = self._take_text_before((end_tag,), is_end)
        if reasoning:
            yield self._reasoning_delta(reasoning)

    def _decode_plain_text(self, is_end: bool) -> Iterator[Delta]:
        places = [(self._buffer.find(tag), tag) for tag in self._call_tags]
        places = [(place, tag) for place, tag in places if place >= 0]
        if places:
            place, self._tag = min(places)
            text, self._buffer = self._buffer[:place], self._buffer[place + len(self._tag) :]
            self._state = "tool_call"
        else:
            text = self._take_text_before(self._call_tags, is_end)
        if text:
            yield self._text_delta(text)

    def _decode_tool_call(self, is_end: bool) -> Iterator[Delta]:
        if self._tag == _FENCE and (self._in_fence or self._is_text_fence()):
            self._in_fence = not self._in_fence
            self._state = "text"
            yield self._text_delta(_FENCE)
            return
        end_tag, read_calls = CALL_TAGS.get(self._tag, (_FENCE, read_fenced))
        payload, has_end, rest = self._buffer, "", ""
        if end_tag:
            payload, has_end, rest = self._buffer.partition(end_tag)
        if not has_end and not is_end:
            return
        calls = read_calls(payload, self._schemas)
        self._buffer = rest
        if self._are_calls(calls):
            self._state = "part_start"
            yield from self._call_deltas(calls)
            return
        if self._tag != _FENCE:
            self._warn_of_unreadable_call()
        self._state = "text"
        yield self._text_delta(self._tag + payload + has_end)

    def _is_text_fence(self) -> bool:
        """Whether the language of the fence that begins the buffer is none that calls have."""
        language, has_line, _ = self._buffer.partition("\n")
        language = language.strip()
        if language.startswith(("{", "[")):
            return False
        if has_line:
            return language not in _FENCE_LANGUAGES
        return not any(name.startswith(language) for name in _FENCE_LANGUAGES)

    def _decode_bare_answer(self, is_end: bool) -> Iterator[Delta]:
        if not is_end:
            return
        payload, self._buffer = self._buffer, ""
        is_like_call = is_call_like(payload, self._schemas)
        calls = read_bare(payload, self._schemas) if is_like_call else []
        if self._are_calls(calls):
            yield from self._call_deltas(calls)
            return
        if is_like_call:
            self._warn_of_unreadable_call()
        yield self._text_delta(payload)

    def _are_calls(self, calls: list[Call]) -> bool:
        return bool(calls) and all(name in self._schemas for name, _ in calls)
