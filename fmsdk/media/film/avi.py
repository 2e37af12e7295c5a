"""AVI: a main header, and a header of each stream."""

from __future__ import annotations

import re
from typing import BinaryIO

from fmsdk.media.film.tracks import Film

__all__ = ["read_avi"]

_HEADER_BYTES = 8192


def read_avi(file: BinaryIO) -> Film:
    """The main header comes first, and a header of each stream after it
    (https://learn.microsoft.com/windows/win32/directshow/avi-riff-file-reference)."""
    head = file.read(_HEADER_BYTES)
    at = head.find(b"avih")
    if at < 0 or len(head) < at + 48:
        return Film()
    microseconds, frames = (int.from_bytes(head[at + n : at + n + 4], "little") for n in (8, 24))
    width, height = (int.from_bytes(head[at + n : at + n + 4], "little") for n in (40, 44))
    seconds = microseconds * frames / 1e6 or None
    kinds = set(re.findall(rb"strh.{4}(vids|auds)", head, re.DOTALL))
    return Film(
        width=width or None,
        height=height or None,
        seconds=seconds,
        picture_seconds=seconds,
        has_sound=b"auds" in kinds if kinds else None,
        has_pictures=b"vids" in kinds if kinds else None,
    )
