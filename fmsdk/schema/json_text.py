"""Finds the JSON of an answer in the text that a model wrote around it. Knows no schema."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

__all__ = ["find_json"]

_FENCE_START = re.compile(r"[\w+-]*[ \t]*\r?\n")
_REASONING_TAG = r"(?:\w+:)?(?:think(?:ing)?|thoughts?|reasoning)"
_REASONING_END = re.compile(rf"</{_REASONING_TAG}\s*>|\[/THINK\]|◁/think▷", re.IGNORECASE)
_REASONING_START = re.compile(rf"\s*(?:<{_REASONING_TAG}>|\[THINK\]|◁think▷)", re.IGNORECASE)
_VALUE_START = re.compile(r"[{\[]")
_LIKE_JSON = re.compile(r'\{\s*"|\[\s*["{\[\d-]')
_MAX_STARTS = 100  # each may be read to the end of the text


def find_json(text: str) -> Iterator[list[str]]:
    """Where the JSON of an answer may be, the most likely place first: the whole text, the text
    after the reasoning, the fenced blocks in it, and the objects and arrays in it. A place with
    several texts is ambiguous."""
    yield [text]
    # Servers without a reasoning parser leave the reasoning in the text. It may name the tag that
    # ends it, and so may the answer.
    ends = [match.end() for match in _REASONING_END.finditer(text)]
    if not ends and _REASONING_START.match(text):
        return  # a draft in reasoning that never ended is no answer
    answer = text[ends[-1] :] if ends else text
    if ends:
        yield [answer.strip()]
        yield [text[ends[0] :].strip()]
    _, *blocks = answer.split("```")
    blocks_in_fences = [
        block[start.end() :].strip()
        for block in blocks[::2]
        if (start := _FENCE_START.match(block)) is not None
    ]
    if blocks_in_fences:
        yield blocks_in_fences
    yield list(_find_values(answer))


def _find_values(text: str) -> Iterator[str]:
    """The texts of the JSON objects and arrays in a text, without those inside of others. It ends
    at JSON that is broken or cut off, since what is inside of that is no answer."""
    decoder = json.JSONDecoder()
    at = 0
    for _ in range(_MAX_STARTS):
        start = _VALUE_START.search(text, at)
        if start is None:
            return
        try:
            _, at = decoder.raw_decode(text, start.start())
            yield text[start.start() : at]
        except (ValueError, RecursionError):
            if _LIKE_JSON.match(text, start.start()):
                return
            at = start.end()
