"""From a local model's text to fmsdk's events: reasoning, tool calls, plain text. Pure.

The text arrives in pieces. Whatever could be the beginning of a tag is held back until that is
decided; a tool call goes out whole; what looks like one but is none stays text.
"""

from __future__ import annotations

import json
import secrets
import string
from collections.abc import Collection, Iterator
from typing import Any, Literal, cast

from fmsdk.response import Finish, ReasoningDelta, TextDelta, TokenLogprob, ToolCallDelta
from fmsdk_local.engine.stop_matcher import overlap

__all__ = ["TAGS", "AnswerParser", "Delta", "finish_of"]

Delta = TextDelta | ReasoningDelta | ToolCallDelta
Call = tuple[str, str]  # name, arguments as JSON text
_Mode = Literal["start", "reasoning", "text", "call", "json"]

_REASONING = {"<think>": "</think>", "[THINK]": "[/THINK]"}
_HERMES, _HERMES_END = "<tool_call>", "</tool_call>"
_MISTRAL, _MISTRAL_ARGS = "[TOOL_CALLS]", "[ARGS]"
_CALLS = (_HERMES, _MISTRAL)

# Where these are special tokens of a tokenizer, their text must be kept to be read here.
TAGS = (*_REASONING, *_REASONING.values(), _HERMES, _HERMES_END, _MISTRAL, _MISTRAL_ARGS)

_FINISHES: dict[str, Finish] = {
    "eos": "stop",
    "stop": "stop",
    "length": "length",
    "cancelled": "cancelled",
}
# Nine letters and digits: what Mistral's chat templates insist on, and others accept.
_ID_LETTERS, _ID_LENGTH = string.ascii_letters + string.digits, 9


def finish_of(ended_by: str, *, called: bool) -> Finish:
    """fmsdk's word for how generation ended; `called` tells that the answer calls tools."""
    return "tool_calls" if called and ended_by in ("eos", "stop") else _FINISHES[ended_by]


class AnswerParser:
    """Takes an answer's text in, piece by piece, and gives events out.

    Reads `<think>…</think>` and `[THINK]…[/THINK]` at the start of an answer as reasoning;
    where `tools` were given, also calls in the forms of Hermes and Qwen
    (`<tool_call>{json}</tool_call>`), Mistral (`[TOOL_CALLS]…`) and Llama 3 (an answer that is
    one JSON object with a name and parameters).

    Args:
        tools: names of the tools the model may call.
        reasoning: the prompt ended by opening the reasoning.
    """

    def __init__(self, tools: Collection[str] = (), *, reasoning: bool = False) -> None:
        self._tools = tools
        self._openings = _CALLS if tools else ()
        self._mode: _Mode = "reasoning" if reasoning else "start"
        self._fresh = not reasoning  # nothing but white space has come
        self._tag = "<think>" if reasoning else ""
        self._buffer = ""
        self._index = -1
        self._kind: type[Delta] | None = None
        self._logprobs: list[TokenLogprob] = []
        self.called = False

    def feed(self, text: str, logprobs: tuple[TokenLogprob, ...] = ()) -> list[Delta]:
        """Take a piece in; returns the events that are decided by now."""
        self._buffer += text
        self._logprobs.extend(logprobs)
        return list(self._events(last=False))

    def finish(self) -> list[Delta]:
        """The rest: nothing more will come."""
        found = list(self._events(last=True))
        if self._logprobs:
            found.append(self._text(""))
        return found

    def _events(self, *, last: bool) -> Iterator[Delta]:
        """Go from mode to mode until one of them waits for more."""
        before = None
        while before != self._mode:
            before = self._mode
            match before:
                case "start":
                    self._start(last)
                case "reasoning":
                    yield from self._reason(last)
                case "text":
                    yield from self._speak(last)
                case "call":
                    yield from self._call(last)
                case "json":
                    yield from self._whole_answer(last)

    def _start(self, last: bool) -> None:
        """Decide what begins here: white space before a tag, or between parts, means nothing."""
        start = self._buffer.lstrip()
        tags = (*(_REASONING if self._fresh else ()), *self._openings)
        if not last and (not start or any(tag.startswith(start) and tag != start for tag in tags)):
            return
        tag = next((tag for tag in tags if start.startswith(tag)), "")
        if tag in _REASONING:
            self._mode, self._tag, self._buffer = "reasoning", tag, start.removeprefix(tag)
        else:
            self._mode = "json" if self._tools and start.startswith("{") else "text"
            if tag or not self._fresh:
                self._buffer = start
        if start:
            self._fresh = False

    def _reason(self, last: bool) -> Iterator[Delta]:
        closing = _REASONING[self._tag]
        thought, closed, rest = self._buffer.partition(closing)
        if closed:
            self._mode, self._buffer = "start", rest
        else:
            thought = self._take((closing,), last)
        if thought:
            self._move_to(ReasoningDelta)
            self._logprobs.clear()  # those of the visible text are asked for
            yield ReasoningDelta(thought, self._index)

    def _speak(self, last: bool) -> Iterator[Delta]:
        places = [(self._buffer.find(tag), tag) for tag in self._openings]
        found = [place for place in places if place[0] >= 0]
        if found:
            place, self._tag = min(found)
            text, self._buffer = self._buffer[:place], self._buffer[place + len(self._tag) :]
            self._mode = "call"
        else:
            text = self._take(self._openings, last)
        if text:
            yield self._text(text)

    def _call(self, last: bool) -> Iterator[Delta]:
        if self._tag == _HERMES:
            payload, closed, rest = self._buffer.partition(_HERMES_END)
        else:  # Mistral's has no end of its own
            payload, closed, rest = self._buffer, "", ""
        if not closed and not last:
            return
        calls = _hermes(payload) if self._tag == _HERMES else _mistral(payload)
        yield from self._emit(calls, else_text=self._tag + payload + closed)
        self._mode, self._buffer = "start", rest

    def _whole_answer(self, last: bool) -> Iterator[Delta]:
        if last:
            payload, self._buffer = self._buffer, ""
            yield from self._emit(_llama(payload), else_text=payload)

    def _emit(self, calls: list[Call], *, else_text: str) -> Iterator[Delta]:
        if not calls or any(name not in self._tools for name, _ in calls):
            yield self._text(else_text)
            return
        for name, arguments in calls:
            self._kind = ToolCallDelta
            self._index += 1
            self.called = True
            self._logprobs.clear()
            id = "".join(secrets.choice(_ID_LETTERS) for _ in range(_ID_LENGTH))
            yield ToolCallDelta(self._index, id=id, name=name, arguments=arguments)

    def _text(self, text: str) -> TextDelta:
        self._move_to(TextDelta)
        logprobs = tuple(self._logprobs)
        self._logprobs.clear()
        return TextDelta(text, self._index, logprobs=logprobs)

    def _move_to(self, kind: type[Delta]) -> None:
        if self._kind is not kind:
            self._kind = kind
            self._index += 1

    def _take(self, tags: Collection[str], last: bool) -> str:
        """The buffer, but for what could be the beginning of a tag."""
        size = len(self._buffer) - (0 if last else overlap(self._buffer, tags))
        text, self._buffer = self._buffer[:size], self._buffer[size:]
        return text


def _hermes(payload: str) -> list[Call]:
    found = _as_call(_loads(payload))
    return [] if found is None else [found]


def _llama(payload: str) -> list[Call]:
    value = _loads(payload)
    has_arguments = isinstance(value, dict) and ("parameters" in value or "arguments" in value)
    return _hermes(payload) if has_arguments else []


def _mistral(payload: str) -> list[Call]:
    """A JSON list of calls, or (since tokenizer version 11) `name[ARGS]{json}`, each with the
    tag in front."""
    listed = _loads(payload)
    if isinstance(listed, list):
        calls = [_as_call(each) for each in cast("list[object]", listed)]
    else:
        calls = [_named(each) for each in payload.split(_MISTRAL)]
    return [] if None in calls else [call for call in calls if call is not None]


def _named(text: str) -> Call | None:
    name, brace, rest = text.partition("{")
    name = name.removesuffix(_MISTRAL_ARGS).partition("[CALL_ID]")[0].strip()
    return _as_call({"name": name, "arguments": _loads(brace + rest)}) if brace else None


def _as_call(value: object) -> Call | None:
    if not isinstance(value, dict):
        return None
    call = cast("dict[str, Any]", value)
    name = call.get("name")
    arguments: object = call.get("arguments", call.get("parameters", {}))
    if isinstance(arguments, str):
        arguments = _loads(arguments)
    if not isinstance(name, str) or not isinstance(arguments, dict):
        return None
    return name, json.dumps(arguments, ensure_ascii=False)


def _loads(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return None
