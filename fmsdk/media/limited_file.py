"""A file whose reader may take only so many steps, so that no file of a few megabytes keeps a
machine busy: a walk over it, ours or a library's, reads at every step.

A file of a million empty pieces is well-formed in most formats. Real ones have a thousandth of it.
"""

from __future__ import annotations

import os
from typing import Any, BinaryIO, cast

from fmsdk.errors import InvalidMedia

__all__ = ["LimitedFile", "TooManyPieces", "limit_steps"]

_STEPS = 150_000
"""Reads of a small file: 0.2 s of CPU in our own walks, 0.4 s in Pillow's."""
_BYTES_PER_STEP = 300
"""Larger files have more pieces: a GIF of 250 MB, whose usual ones have 255 bytes, still passes."""
_SPARE_BYTES = 1 << 20


class TooManyPieces(InvalidMedia):
    """The walk was given up. The message starts with a verb."""


class LimitedFile:
    """An open file that raises `TooManyPieces` once it was read too often, or more bytes were
    read than it has.

    Args:
        longest: bytes that one read may ask for; None: no limit.
    """

    def __init__(self, file: BinaryIO, longest: int | None = None) -> None:
        self._read = file.read
        self.seek, self.tell = file.seek, file.tell
        here = file.tell()
        size = file.seek(0, os.SEEK_END)
        file.seek(here)
        self._most = self._steps_left = _STEPS + size // _BYTES_PER_STEP
        self._bytes_left = size + _SPARE_BYTES
        self._longest = longest

    def read(self, size: int = -1, /) -> bytes:
        """As a file's."""
        self._steps_left -= 1
        if self._steps_left < 0:
            raise TooManyPieces(f"has more than {self._most:,} pieces, which no real file has")
        if self._longest is not None and size > self._longest:
            raise TooManyPieces(f"has a list of {size:,} bytes, more than {self._longest:,}")
        data = self._read(size)
        self._bytes_left -= len(data)
        if self._bytes_left < 0:
            raise TooManyPieces("has pieces that lie over each other, which no real file has")
        return data

    def seekable(self) -> bool:
        """As a file's."""
        return True


def limit_steps(file: Any, longest: int | None = None) -> BinaryIO:
    """The open file as a `LimitedFile`."""
    return cast("BinaryIO", LimitedFile(file, longest))
