"""Halves of surrogate pairs in JSON text: `\\ud83d` without the `\\ude00` that has to follow it.

Models that are cut off in the midst of an emoji send them. JSON's grammar allows them, msgspec
refuses the text that holds one, and no request can carry them.
"""

from __future__ import annotations

import re
from collections.abc import Callable

__all__ = ["REPLACEMENT", "replace_lone_surrogates"]

REPLACEMENT = "\ufffd"
_ESCAPE = re.compile(
    r"\\(?:u(?P<high>d[89ab][0-9a-f]{2})(?P<low>\\ud[c-f][0-9a-f]{2})?"
    r"|u(?P<half>d[c-f][0-9a-f]{2})|.)",
    re.IGNORECASE | re.DOTALL,
)


def replace_lone_surrogates(
    json_text: str, replacement: Callable[[int], str] = lambda _: r"\ufffd"
) -> str:
    """JSON text with every lone surrogate replaced; whole pairs stay.

    Args:
        replacement: from a surrogate's number to what stands in its place.
    """

    def replace_escape(match: re.Match[str]) -> str:
        half = match["half"] or (None if match["low"] else match["high"])
        return match[0] if half is None else replacement(int(half, 16))

    return _ESCAPE.sub(replace_escape, json_text)
