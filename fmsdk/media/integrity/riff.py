"""RIFF and its big-endian elder IFF: the chunks that WAV, AIFF, AVI and WebP files are made of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, Literal

__all__ = ["missing_in_iff", "missing_in_riff", "riff_chunks"]

_UNKNOWN_SIZE = 0x7FFFF000  # streaming writers put this or more where they know no length
_RF64_SIZE = slice(20, 28)


def riff_chunks(file: BinaryIO) -> Iterator[bytes]:
    """The name of every chunk inside the first."""
    at = 12
    while True:
        file.seek(at)
        header = file.read(8)
        if len(header) < 8:
            return
        yield header[:4]
        length = int.from_bytes(header[4:], "little")
        at += 8 + length + length % 2


def missing_in_riff(
    file: BinaryIO, size: int, byte_order: Literal["little", "big"] = "little"
) -> str | None:
    """The first chunk contains all others. A missing pad byte at the end is common and harmless."""
    file.seek(0)
    head = file.read(_RF64_SIZE.stop)
    is_long = head[:4] == b"RF64"  # EBU Tech 3306
    length = int.from_bytes(head[_RF64_SIZE] if is_long else head[4:8], byte_order)
    is_unknown = length == 0 or (length >= _UNKNOWN_SIZE and not is_long)
    if is_unknown or length + 8 <= size + 1:
        return None
    return f"its header announces {length + 8:,} bytes, but the file has {size:,}"


def missing_in_iff(file: BinaryIO, size: int) -> str | None:
    """As `missing_in_riff`, of AIFF."""
    return missing_in_riff(file, size, "big")
