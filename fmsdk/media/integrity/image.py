"""Pictures: JPEG, PNG, GIF, BMP and TIFF. (WebP: `riff`; HEIC and AVIF: `video`.)"""

from __future__ import annotations

import os
import struct
from typing import BinaryIO

from fmsdk.media.integrity.image_blocks import (
    STRIP_SIZES,
    STRIPS,
    TILE_SIZES,
    TILES,
    gif_blocks,
    png_chunks,
    tiff_directories,
)

__all__ = [
    "missing_in_bmp",
    "missing_in_gif",
    "missing_in_jpeg",
    "missing_in_png",
    "missing_in_tiff",
]

_CHUNK = 1 << 20
_OS2_HEADER = 12
_BMP_UNCOMPRESSED = (0, 3, 6)  # BI_RGB, BI_BITFIELDS, BI_ALPHABITFIELDS


def missing_in_jpeg(file: BinaryIO, size: int) -> str | None:
    """Walk the segments (thumbnails inside them have end marks too) up to the first scan, then
    look for the end mark. Coded data cannot contain one."""
    file.seek(2)
    while True:
        marker = file.read(2)
        while marker == b"\xff\xff":  # fill bytes
            marker = b"\xff" + file.read(1)
        length = int.from_bytes(file.read(2))
        if len(marker) < 2 or marker[0] != 0xFF or length < 2:
            return "its JPEG data break off before the picture"
        file.seek(length - 2, os.SEEK_CUR)
        if marker == b"\xff\xda":
            break
    last = b""
    while chunk := file.read(_CHUNK):
        if b"\xff\xd9" in last + chunk:
            return None
        last = chunk[-1:]
    return "its JPEG data have no end mark"


def missing_in_png(file: BinaryIO, size: int) -> str | None:
    """Walk the chunks to the one that ends the file (PNG 3, 11.2.5)."""
    end = 8
    for name, end in png_chunks(file):
        if name == b"IEND" and end <= size:
            return None
    return f"its last PNG chunk ends at byte {end:,} of {size:,}"


def missing_in_gif(file: BinaryIO, size: int) -> str | None:
    """Walk the blocks to the trailer."""
    return None if gif_blocks(file).is_complete else "its GIF data have no trailer"


def missing_in_bmp(file: BinaryIO, size: int) -> str | None:
    """Compute the end of the pixels by the header
    (https://learn.microsoft.com/windows/win32/gdi/bitmap-storage). The header has the size of the
    file too, but many writers get it wrong."""
    file.seek(0)
    head = file.read(38).ljust(38, b"\0")
    start, form = struct.unpack_from("<II", head, 10)
    compression, pixel_bytes = 0, 0
    if form == _OS2_HEADER:
        width, height, _, bits = struct.unpack_from("<HHHH", head, 18)
    else:
        width, height, _, bits, compression, pixel_bytes = struct.unpack_from("<iiHHII", head, 18)
    if compression in _BMP_UNCOMPRESSED:
        # Each row is padded to 32 bits, but some writers leave out the padding of the last one.
        rows = max(0, abs(height) - 1)
        pixel_bytes = rows * ((abs(width) * bits + 31) // 32 * 4) + (abs(width) * bits + 7) // 8
    if start + pixel_bytes <= size:
        return None
    return f"its pixels end at byte {start + pixel_bytes:,} of {size:,}"


def missing_in_tiff(file: BinaryIO, size: int) -> str | None:
    """Walk every directory, and compute the ends of its values, strips and tiles."""
    for directory in tiff_directories(file, size):
        ends = [directory.end]
        for offsets, sizes in ((STRIPS, STRIP_SIZES), (TILES, TILE_SIZES)):
            starts, lengths = directory.numbers.get(offsets, ()), directory.numbers.get(sizes, ())
            ends.extend(map(sum, zip(starts, lengths, strict=False)))
        if not directory.is_complete or max(ends) > size:
            return f"its TIFF data end at byte {max(ends):,} of {size:,}"
    return None
