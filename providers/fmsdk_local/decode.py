"""From a local model's text to fmsdk's events: reasoning, tool calls, plain text. Pure.

The text arrives in pieces. What could be the beginning of a tag is held back until that is
decided. A tool call is emitted complete; text that looks like one but cannot be parsed stays text.
"""

from __future__ import annotations

import json
import secrets
import string
from collections.abc import Collection, Iterator
from typing import Any, Literal, cast

from fmsdk.response import Finish, ReasoningDelta, TextDelta, TokenLogprob, ToolCallDelta
from fmsdk.surrogates import replace_lone_surrogates
from fmsdk_local.engine.stop_matcher import overlap

__all__ = ["TAGS", "Delta", "TextDecoder", "decode_finish"]

Delta = TextDelta | ReasoningDelta | ToolCallDelta
Call = tuple[str, str]  # name, arguments as JSON text
_State = Literal["part_start", "reasoning", "text", "tool_call", "json"]

_REASONING = {"<think>": "</think>", "[THINK]": "[/THINK]"}
_HERMES, _HERMES_END = "<tool_call>", "</tool_call>"
_MISTRAL, _MISTRAL_ARGS = "[TOOL_CALLS]", "[ARGS]"
_CALL_TAGS = (_HERMES, _MISTRAL)

# Some tokenizers have these as special tokens. Their text must be decoded nevertheless.
TAGS = (*_REASONING, *_REASONING.values(), _HERMES, _HERMES_END, _MISTRAL, _MISTRAL_ARGS)

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


class TextDecoder:
    """Decodes an answer's text, piece by piece, into events.

    It decodes `<think>…</think>` and `[THINK]…[/THINK]` at the start of an answer as reasoning.
    If the model has `tools`, it also decodes calls in the forms of Hermes and Qwen
    (`<tool_call>{json}</tool_call>`), Mistral (`[TOOL_CALLS]…`) and Llama 3 (an answer that is
    one JSON object with a name and parameters).

    Args:
        tools: names of the tools that the model may call.
        in_reasoning: the prompt ended by opening the reasoning.
    """

    def __init__(self, tools: Collection[str] = (), *, in_reasoning: bool = False) -> None:
        self._tools = tools
        self._call_tags = _CALL_TAGS if tools else ()
        self._state: _State = "reasoning" if in_reasoning else "part_start"
        self._is_start = not in_reasoning  # nothing but white space so far
        self._tag = "<think>" if in_reasoning else ""
        self._buffer = ""
        self._index = -1
        self._kind: type[Delta] | None = None
        self._logprobs: list[TokenLogprob] = []
        self.has_calls = False

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
                case "json":
                    yield from self._decode_json_answer(is_end)

    def _decode_part_start(self, is_end: bool) -> None:
        """Decide what begins here. White space before a tag, and between parts, is dropped."""
        text = self._buffer.lstrip()
        tags = (*(_REASONING if self._is_start else ()), *self._call_tags)
        if not is_end and (not text or any(tag.startswith(text) and tag != text for tag in tags)):
            return
        tag = next((tag for tag in tags if text.startswith(tag)), "")
        if tag in _REASONING:
            self._state, self._tag, self._buffer = "reasoning", tag, text.removeprefix(tag)
        else:
            self._state = "json" if self._tools and text.startswith("{") else "text"
            if tag or not self._is_start:
                self._buffer = text
        if text:
            self._is_start = False

    def _decode_reasoning(self, is_end: bool) -> Iterator[Delta]:
        end_tag = _REASONING[self._tag]
        reasoning, is_closed, rest = self._buffer.partition(end_tag)
        if is_closed:
            self._state, self._buffer = "part_start", rest
        else:
            reasoning = self._take_text_before((end_tag,), is_end)
        if reasoning:
            self._set_kind(ReasoningDelta)
            self._logprobs.clear()  # only the visible text has logprobs
            yield ReasoningDelta(reasoning, self._index)

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
        if self._tag == _HERMES:
            payload, end_tag, rest = self._buffer.partition(_HERMES_END)
        else:  # Mistral's form has no end tag
            payload, end_tag, rest = self._buffer, "", ""
        if not end_tag and not is_end:
            return
        calls = _parse_hermes(payload) if self._tag == _HERMES else _parse_mistral(payload)
        yield from self._tool_call_deltas(calls, else_text=self._tag + payload + end_tag)
        self._state, self._buffer = "part_start", rest

    def _decode_json_answer(self, is_end: bool) -> Iterator[Delta]:
        if is_end:
            payload, self._buffer = self._buffer, ""
            value = _parse_json(payload)
            is_call = isinstance(value, dict) and ("parameters" in value or "arguments" in value)
            calls = _parse_hermes(payload) if is_call else []
            yield from self._tool_call_deltas(calls, else_text=payload)

    def _tool_call_deltas(self, calls: list[Call], *, else_text: str) -> Iterator[Delta]:
        if not calls or any(name not in self._tools for name, _ in calls):
            yield self._text_delta(else_text)
            return
        for name, arguments in calls:
            self._kind = ToolCallDelta
            self._index += 1
            self.has_calls = True
            self._logprobs.clear()
            id = "".join(secrets.choice(_ID_LETTERS) for _ in range(_ID_LENGTH))
            yield ToolCallDelta(self._index, id=id, name=name, arguments=arguments)

    def _text_delta(self, text: str) -> TextDelta:
        self._set_kind(TextDelta)
        logprobs = tuple(self._logprobs)
        self._logprobs.clear()
        return TextDelta(text, self._index, logprobs=logprobs)

    def _set_kind(self, kind: type[Delta]) -> None:
        if self._kind is not kind:
            self._kind = kind
            self._index += 1

    def _take_text_before(self, tags: Collection[str], is_end: bool) -> str:
        """Remove from the buffer what cannot be the beginning of a tag, and return it."""
        size = len(self._buffer) - (0 if is_end else overlap(self._buffer, tags))
        text, self._buffer = self._buffer[:size], self._buffer[size:]
        return text


def _parse_hermes(payload: str) -> list[Call]:
    call = _call_of(_parse_json(payload))
    return [] if call is None else [call]


def _parse_mistral(payload: str) -> list[Call]:
    """A JSON list of calls, or (since tokenizer version 11) `name[ARGS]{json}` after each tag."""
    value = _parse_json(payload)
    if isinstance(value, list):
        calls = [_call_of(item) for item in cast("list[object]", value)]
    else:
        calls: list[Call | None] = []
        for item in payload.split(_MISTRAL):
            name, brace, rest = item.partition("{")
            name = name.removesuffix(_MISTRAL_ARGS).partition("[CALL_ID]")[0].strip()
            calls.append(_call_of({"name": name, "arguments": _parse_json(brace + rest)}))
    return [] if None in calls else [call for call in calls if call is not None]


def _call_of(value: object) -> Call | None:
    if not isinstance(value, dict):
        return None
    call = cast("dict[str, Any]", value)
    name = call.get("name")
    arguments: object = call.get("arguments", call.get("parameters", {}))
    if isinstance(arguments, str):
        arguments = _parse_json(arguments)
    if not isinstance(name, str) or not isinstance(arguments, dict):
        return None
    return name, json.dumps(arguments, ensure_ascii=False)


def _parse_json(text: str) -> object:
    try:
        return json.loads(replace_lone_surrogates(text))
    except ValueError:
        return None
