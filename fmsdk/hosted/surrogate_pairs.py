"""Lone surrogates in the JSON of answers: replaced in whole bodies, joined in streams.

Half a pair in one event of a stream and the other half in the next are one character of the
answer. On its way through the decoder, each half is a character of Unicode's last private plane,
since Python's JSON decoders take no halves.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any, cast

from fmsdk.response import Event, Finished, ReasoningDelta, TextDelta, ToolCallDelta
from fmsdk.surrogates import REPLACEMENT, replace_lone_surrogates

__all__ = ["SurrogateJoiner", "repair_body"]

_FIRST_SURROGATE, _FIRST_MARK = 0xD800, 0x10F800
_MARKS = re.compile("([\U0010f800-\U0010fbff])([\U0010fc00-\U0010ffff])?|[\U0010fc00-\U0010ffff]")
_HIGH_MARK = re.compile("[\U0010f800-\U0010fbff]\\Z")
_LIKE_MARKS = re.compile(rb"\xf4\x8f|\\udb(?:fe|ff)", re.IGNORECASE)
_TEXT_FIELDS: dict[type, str] = {
    TextDelta: "text",
    ReasoningDelta: "text",
    ToolCallDelta: "arguments",
}


def repair_body(body: bytes) -> bytes:
    """A whole body, with U+FFFD in place of every lone surrogate."""
    # Escapes are ASCII, so that the encoding of the rest does not matter.
    return replace_lone_surrogates(body.decode("latin-1")).encode("latin-1")


class SurrogateJoiner:
    """Joins the halves of one stream. It costs a stream without halves one search an event."""

    def __init__(self) -> None:
        self._has_marks = False
        self._is_marked = False
        self._waiting: dict[tuple[type, int, int], tuple[Any, str]] = {}

    def mark(self, payload: bytes) -> bytes:
        """A payload that can be decoded: with a mark in place of each half. What is decoded of it
        goes through `join`."""
        self._is_marked = False
        if b"\\ud" not in payload and b"\\uD" not in payload:
            return payload
        if _LIKE_MARKS.search(payload):  # the model's own characters stay what they are
            return repair_body(payload)
        text = payload.decode("latin-1")
        marked = replace_lone_surrogates(
            text, lambda half: chr(half - _FIRST_SURROGATE + _FIRST_MARK).encode().decode("latin-1")
        )
        self._is_marked = marked != text
        self._has_marks = self._has_marks or self._is_marked
        return marked.encode("latin-1")

    def join(self, events: Sequence[Event]) -> Sequence[Event]:
        """Events without marks. A half at the end of a text waits for the next piece of it."""
        if not self._has_marks:
            return events
        return [joined for event in events for joined in self._join_event(event)]

    def _join_event(self, event: Event) -> Iterator[Event]:
        field = _TEXT_FIELDS.get(type(event))
        if isinstance(event, Finished):
            for (kind, _, _), (waiting, _) in self._waiting.items():  # texts that end with a half
                ended = kind(**{_TEXT_FIELDS[kind]: REPLACEMENT}, index=waiting.index)
                yield replace(ended, choice=waiting.choice)
            self._waiting.clear()
            yield _without_marks(event)
            return
        if field is None:  # media
            yield event
            return
        delta: Any = event
        key = (type(event), delta.choice, delta.index)
        if not (self._is_marked or key in self._waiting or getattr(delta, "opaque", None)):
            yield event
            return
        _, before = self._waiting.pop(key, (None, ""))
        text = before + getattr(delta, field)
        if match := _HIGH_MARK.search(text):
            text = text[: match.start()]
            self._waiting[key] = (delta, match[0])
        yield _without_marks(replace(delta, **{field: text}))


def _without_marks(value: Any) -> Any:
    """A value with pairs of marks joined, and U+FFFD in place of each single one."""
    if isinstance(value, str):
        return value if value.isascii() else _MARKS.sub(_join_marks, value)
    if isinstance(value, bytes):
        return _without_marks(value.decode("utf-8", "surrogateescape")).encode(
            "utf-8", "surrogateescape"
        )
    if isinstance(value, tuple | list):
        items = map(_without_marks, cast("Sequence[Any]", value))
        return tuple(items) if isinstance(value, tuple) else list(items)
    if isinstance(value, Mapping):
        entries = cast("Mapping[Any, Any]", value).items()
        return {_without_marks(key): _without_marks(item) for key, item in entries}
    if is_dataclass(value) and not isinstance(value, type):
        values = {spec.name: getattr(value, spec.name) for spec in fields(value) if spec.init}
        return replace(value, **{name: _without_marks(item) for name, item in values.items()})
    return value


def _join_marks(match: re.Match[str]) -> str:
    high, low = match[1], match[2]
    if high and low:
        return chr(0x10000 + (ord(high) - _FIRST_MARK) * 0x400 + (ord(low) - _FIRST_MARK - 0x400))
    return REPLACEMENT
