"""Whether a media file is all there, told by its structure without decoding it.

A picture or recording cut off half-way is accepted by some vendors, billed, and answered wrongly.
Each check follows the format's own end mark or lengths; junk after the end is legal.
"""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Callable
from typing import BinaryIO, Literal

from fmsdk.media import recording
from fmsdk.media.blocks import (
    STRIP_SIZES,
    STRIPS,
    TILE_SIZES,
    TILES,
    gif_blocks,
    png_chunks,
    tiff_directories,
)
from fmsdk.media.sniff import OFFICE

__all__ = ["why_truncated"]

_CHUNK = 1 << 20
_TAIL = 65_557  # bytes in which an end mark is looked for; a ZIP archive's can begin so early
_UNKNOWN_SIZE = 0x7FFFF000  # and above: what streaming writers put where they know no length
_RF64_SIZE = slice(20, 28)
_OS2_HEADER = 12
_BMP_UNPACKED = (0, 3, 6)  # BI_RGB, BI_BITFIELDS, BI_ALPHABITFIELDS
_PDF_LENGTH = re.compile(rb"/Linearized\b[^>]*?/L\s+(\d+)")
_PDF_OBJECT = re.compile(rb"\d+\s+\d+\s+obj\b")


def why_truncated(file: BinaryIO, mime: str) -> str | None:
    """What is missing at the end of the file, or None where nothing is, as far as its format
    tells: JPEG, PNG, GIF, WebP, TIFF, BMP, WAV, AIFF, AVI, MP4 and its kin (HEIC, AVIF, M4A,
    MOV), PDF, office files; MP3, AAC, FLAC, Ogg, CAF, WebM and Matroska as `recording` says. AMR,
    FLV, WMV, MPEG and text files do not tell."""
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
    end = 8
    for name, end in png_chunks(file):
        if name == b"IEND" and end <= size:
            return None
    return f"its last PNG chunk ends at byte {end:,} of {size:,}"


def _gif(file: BinaryIO, size: int) -> str | None:
    return None if gif_blocks(file).whole else "its GIF data has no trailer"


def _bmp(file: BinaryIO, size: int) -> str | None:
    """Rows of pixels, or the size of compressed ones, by the header
    (https://learn.microsoft.com/windows/win32/gdi/bitmap-storage). It has the size of the file
    too, but that is wrong in many."""
    file.seek(0)
    head = file.read(38).ljust(38, b"\0")
    start, form = struct.unpack_from("<II", head, 10)
    packing, packed = 0, 0
    if form == _OS2_HEADER:
        width, height, _, bits = struct.unpack_from("<HHHH", head, 18)
    else:
        width, height, _, bits, packing, packed = struct.unpack_from("<iiHHII", head, 18)
    if packing in _BMP_UNPACKED:
        rows = max(0, abs(height) - 1)  # each fills up 32 bits, though some leave out the last's
        packed = rows * ((abs(width) * bits + 31) // 32 * 4) + (abs(width) * bits + 7) // 8
    if start + packed <= size:
        return None
    return f"its pixels end at byte {start + packed:,} of {size:,}"


def _tiff(file: BinaryIO, size: int) -> str | None:
    """Every directory, and whatever its entries, strips and tiles point to."""
    for found in tiff_directories(file, size):
        ends = [found.end]
        for offsets, sizes in ((STRIPS, STRIP_SIZES), (TILES, TILE_SIZES)):
            pairs = zip(found.numbers.get(offsets, ()), found.numbers.get(sizes, ()), strict=False)
            ends.extend(map(sum, pairs))
        if not found.whole or max(ends) > size:
            return f"its TIFF data ends at byte {max(ends):,} of {size:,}"
    return None


def _riff(file: BinaryIO, size: int) -> str | None:
    return _sized(file, size, "little")


def _aiff(file: BinaryIO, size: int) -> str | None:
    return _sized(file, size, "big")


def _sized(file: BinaryIO, size: int, order: Literal["little", "big"]) -> str | None:
    """The first chunk contains all others. A missing pad byte at the end is common and harmless."""
    file.seek(0)
    head = file.read(_RF64_SIZE.stop)
    is_long = head[:4] == b"RF64"  # EBU Tech 3306
    inside = int.from_bytes(head[_RF64_SIZE] if is_long else head[4:8], order)
    is_unknown = inside == 0 or (inside >= _UNKNOWN_SIZE and not is_long)
    if is_unknown or inside + 8 <= size + 1:
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
    """Its end mark; that of the first page of one made for the web ("linearized", ISO 32000-1,
    annex F) stands near its beginning, where its length is too; after an update, the last."""
    file.seek(0)
    length = _PDF_LENGTH.search(file.read(2048))
    if length and int(length[1][:15]) > size:
        return f"its header tells of {int(length[1][:15]):,} bytes, of which {size:,} are there"
    _, mark, rest = _tail(file, size).rpartition(b"%%EOF")
    if not mark:
        return "its PDF data has no end mark"
    return "its last update has no end mark" if _PDF_OBJECT.search(rest) else None


def _zip(file: BinaryIO, size: int) -> str | None:
    return None if b"PK\5\6" in _tail(file, size) else "its list of contents is missing"


def _tail(file: BinaryIO, size: int) -> bytes:
    file.seek(max(0, size - _TAIL))
    return file.read()


_CHECKS: dict[str, Callable[[BinaryIO, int], str | None]] = {
    "application/pdf": _pdf,
    "audio/aac": recording.aac,
    "audio/aiff": _aiff,
    "audio/flac": recording.flac,
    "audio/mpeg": recording.mp3,
    "audio/x-caf": recording.caf,
    "image/bmp": _bmp,
    "image/gif": _gif,
    "image/jpeg": _jpeg,
    "image/png": _png,
    "image/tiff": _tiff,
    **dict.fromkeys((mime for _, mime in OFFICE), _zip),
    **dict.fromkeys(("audio/ogg", "video/ogg"), recording.ogg),
    **dict.fromkeys(("audio/webm", "video/webm"), recording.matroska),
    **dict.fromkeys(("audio/x-matroska", "video/x-matroska"), recording.matroska),
    **dict.fromkeys(("image/webp", "audio/wav", "video/x-msvideo"), _riff),
    **dict.fromkeys(("audio/mp4", "video/mp4", "video/quicktime"), _iso),
    **dict.fromkeys(("image/avif", "image/heic", "image/heif"), _iso),
}
