"""Whether a media file is all there, told by its structure without decoding it.

A picture or recording cut off half-way is accepted by some vendors, billed, and answered wrongly.
Each check follows the format's own end mark or lengths; junk after the end is legal.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import BinaryIO, Literal

__all__ = ["why_truncated"]

_CHUNK = 1 << 20
_TAIL = 65_536
_UNKNOWN_SIZE = 0x7FFFF000  # and above: what streaming writers put where they know no length


def why_truncated(file: BinaryIO, mime: str) -> str | None:
    """What is missing at the end of the file, or None where nothing is, as far as its format
    tells: JPEG, PNG, GIF, WebP, WAV, AIFF, AVI, MP4 and its kin (HEIC, AVIF, M4A, MOV), PDF."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    check = _CHECKS.get(mime)
    return check(file, size) if check else None


def _jpeg(file: BinaryIO, size: int) -> str | None:
    """Walk the segments (thumbnails inside them have end marks too) up to the first scan, then
    look for the end mark, which no coded data can hold."""
    file.seek(2)
    while True:
        marker = file.read(2)
        while marker == b"\xff\xff":  # fill bytes
            marker = b"\xff" + file.read(1)
        length = int.from_bytes(file.read(2))
        if len(marker) < 2 or marker[0] != 0xFF or length < 2:
            return "its JPEG data breaks off before the picture"
        file.seek(length - 2, os.SEEK_CUR)
        if marker == b"\xff\xda":
            break
    last = b""
    while chunk := file.read(_CHUNK):
        if b"\xff\xd9" in last + chunk:
            return None
        last = chunk[-1:]
    return "its JPEG data has no end mark"


def _png(file: BinaryIO, size: int) -> str | None:
    at = 8
    while at + 12 <= size:
        file.seek(at)
        header = file.read(8)
        at += 12 + int.from_bytes(header[:4])
        if header[4:] == b"IEND":
            return None
    return f"its last PNG chunk ends at byte {at:,} of {size:,}"


def _gif(file: BinaryIO, size: int) -> str | None:
    """Walk the blocks (https://www.w3.org/Graphics/GIF/spec-gif89a.txt) up to the trailer."""
    file.seek(10)
    _skip_colours(file, extra=2)
    while block := file.read(1):
        if block == b";":
            return None
        if block == b",":  # a frame: place and size, colours, code size, data
            file.seek(8, os.SEEK_CUR)
            _skip_colours(file, extra=0)
        elif block != b"!":
            break
        file.seek(1, os.SEEK_CUR)  # an extension's label, or the code size
        while length := file.read(1):
            if length == b"\0":
                break
            file.seek(length[0], os.SEEK_CUR)
    return "its GIF data has no trailer"


def _skip_colours(file: BinaryIO, *, extra: int) -> None:
    flags = file.read(1) or b"\0"
    table = 3 * 2 ** ((flags[0] & 7) + 1) if flags[0] & 0x80 else 0
    file.seek(extra + table, os.SEEK_CUR)


def _riff(file: BinaryIO, size: int) -> str | None:
    return _sized(file, size, "little")


def _aiff(file: BinaryIO, size: int) -> str | None:
    return _sized(file, size, "big")


def _sized(file: BinaryIO, size: int, order: Literal["little", "big"]) -> str | None:
    """The first chunk contains all others. A missing pad byte at the end is common and harmless."""
    file.seek(4)
    raw = file.read(4)
    inside = int.from_bytes(raw, order)
    if inside == 0 or inside >= _UNKNOWN_SIZE or inside + 8 <= size + 1:
        return None
    return f"its header tells of {inside + 8:,} bytes, of which {size:,} are there"


def _iso(file: BinaryIO, size: int) -> str | None:
    """Walk the boxes on the top level (ISO/IEC 14496-12, 4.2)."""
    at, seen = 0, set[bytes]()
    while at + 8 <= size:
        file.seek(at)
        header = file.read(16)
        length, name = int.from_bytes(header[:4]), header[4:8]
        if length == 1:
            length = int.from_bytes(header[8:16])
        if not name.strip().isalnum():
            break  # junk after the last box
        seen.add(name)
        at = size if length == 0 else at + max(length, 8)
    if at > size:
        return f"its last box ends at byte {at:,} of {size:,}"
    if b"meta" in seen or (b"moov" in seen and seen & {b"mdat", b"moof"}):
        return None
    return "its index or its contents are missing"


def _pdf(file: BinaryIO, size: int) -> str | None:
    return None if b"%%EOF" in _tail(file, size) else "its PDF data has no end mark"


def _tail(file: BinaryIO, size: int) -> bytes:
    file.seek(max(0, size - _TAIL))
    return file.read()


_CHECKS: dict[str, Callable[[BinaryIO, int], str | None]] = {
    "application/pdf": _pdf,
    "audio/aiff": _aiff,
    "image/gif": _gif,
    "image/jpeg": _jpeg,
    "image/png": _png,
    **dict.fromkeys(("image/webp", "audio/wav", "video/x-msvideo"), _riff),
    **dict.fromkeys(("audio/mp4", "video/mp4", "video/quicktime"), _iso),
    **dict.fromkeys(("image/avif", "image/heic", "image/heif"), _iso),
}
