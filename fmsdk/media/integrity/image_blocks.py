"""The blocks of picture files: PNG chunks, GIF blocks, TIFF directories.

Walks over them without decoding any. What a broken walk means is decided in `image` and `frames`.
"""

from __future__ import annotations

import os
import struct
import sys
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Literal

from fmsdk.media.limited_file import TooManyPieces

__all__ = [
    "LENGTH",
    "ORIENTATION",
    "STRIPS",
    "STRIP_SIZES",
    "TILES",
    "TILE_SIZES",
    "WIDTH",
    "Directory",
    "Gif",
    "gif_blocks",
    "png_chunks",
    "tiff_directories",
]

Order = Literal["little", "big"]

_TIFF_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}
_TIFF_NUMBERS = {3: "H", 4: "I"}  # SHORT and LONG, as `array` calls them
_MOST_ENTRIES = 250_000  # of all directories: of 10,000 pages with 25 each
_MOST_NUMBERS = 1_000_000  # of all arrays: offsets and sizes of 500,000 strips
# ImageWidth, ImageLength, Orientation; offsets and byte counts of strips, and of tiles.
WIDTH, LENGTH, ORIENTATION = 256, 257, 274
STRIPS, STRIP_SIZES, TILES, TILE_SIZES = 273, 279, 324, 325
TIFF_TAGS = frozenset({WIDTH, LENGTH, ORIENTATION, STRIPS, STRIP_SIZES, TILES, TILE_SIZES})


def png_chunks(file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """(name, offset after the end) of every chunk that begins in the file."""
    at = 8
    while True:
        file.seek(at)
        header = file.read(8)
        if len(header) < 8:
            return
        at += 12 + int.from_bytes(header[:4])
        yield header[4:], at


@dataclass(frozen=True, slots=True)
class Gif:
    """What the blocks of a GIF tell: the canvas in pixels, the number of frames, and whether the
    file has a trailer."""

    width: int
    height: int
    frames: int
    is_complete: bool


def gif_blocks(file: BinaryIO) -> Gif:
    """Walk the blocks (https://www.w3.org/Graphics/GIF/spec-gif89a.txt) up to the trailer.
    Decoders widen the canvas to hold every frame, so its size is the largest one."""
    file.seek(6)
    width, height = struct.unpack("<HH", file.read(4).ljust(4, b"\0"))
    _skip_colours(file, extra=2)
    frames = 0
    while block := file.read(1):
        if block == b",":  # a frame: place and size, colours, code size, data
            frames += 1
            x, y, frame_width, frame_height = struct.unpack("<HHHH", file.read(8).ljust(8, b"\0"))
            width, height = max(width, x + frame_width), max(height, y + frame_height)
            _skip_colours(file, extra=0)
        elif block != b"!":
            break
        file.seek(1, os.SEEK_CUR)  # an extension's label, or the code size
        while length := file.read(1):
            if length == b"\0":
                break
            file.seek(length[0], os.SEEK_CUR)
    return Gif(width, height, frames, block == b";")


def _skip_colours(file: BinaryIO, *, extra: int) -> None:
    flags = file.read(1) or b"\0"
    table = 3 * 2 ** ((flags[0] & 7) + 1) if flags[0] & 0x80 else 0
    file.seek(extra + table, os.SEEK_CUR)


@dataclass(frozen=True, slots=True)
class Directory:
    """A directory of a TIFF: the numbers of the tags in `TIFF_TAGS`, the end of the last value
    that it points to, and whether the file holds all of the directory itself."""

    numbers: dict[int, Sequence[int]]
    end: int
    is_complete: bool = True


def tiff_directories(file: BinaryIO, size: int) -> Iterator[Directory]:
    """Every directory (TIFF 6.0, section 2) up to the last, or to the first that is not complete.
    In a circular list each comes once."""
    tiff = _Tiff(file, size)
    at, visits = tiff.first, set[int]()
    while at and at not in visits:
        visits.add(at)
        directory, at = tiff.read_directory(at)
        yield directory


class _Tiff:
    """Reads the directories of a file, and the arrays they point to: only so many of them, since
    directories and arrays that lie over each other could make the reading endless."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        file.seek(0)
        head = file.read(8)
        self._file, self._size = file, size
        self._entries_left, self._numbers_left = _MOST_ENTRIES, _MOST_NUMBERS
        self._order: Order = "little" if head[:2] == b"II" else "big"
        self._entry = struct.Struct("<HHII" if self._order == "little" else ">HHII")
        self.first = int.from_bytes(head[4:], self._order)

    def read_directory(self, at: int) -> tuple[Directory, int]:
        """The directory at this offset, and the offset of the next (0: there is none)."""
        self._file.seek(at)
        count = int.from_bytes(self._file.read(2), self._order)
        self._entries_left -= count
        if self._entries_left < 0:
            raise TooManyPieces(f"has directories of more than {_MOST_ENTRIES:,} entries")
        raw = self._file.read(12 * count + 4)
        end = at + 2 + 12 * count
        if not count or end > self._size:
            return Directory({}, max(end, at + 2), is_complete=False), 0
        numbers: dict[int, Sequence[int]] = {}
        for at in range(0, 12 * count, 12):
            tag, kind, length, start = self._entry.unpack_from(raw, at)
            length *= _TIFF_SIZES.get(kind, 0)
            if length > 4:
                end = max(end, start + length)
            # What ends beyond the file is not read: the directory's end tells that it is missing.
            if tag in TIFF_TAGS and kind in _TIFF_NUMBERS and length <= self._size:
                field = raw[at + 8 : at + 8 + length]
                if length > 4:  # the entry holds the offset of its value
                    self._numbers_left -= length // _TIFF_SIZES[kind]
                    if self._numbers_left < 0:
                        raise TooManyPieces(f"has lists of more than {_MOST_NUMBERS:,} numbers")
                    self._file.seek(start)
                    field = self._file.read(length)
                values: array[int] = array(_TIFF_NUMBERS[kind])
                values.frombytes(field[: len(field) // values.itemsize * values.itemsize])
                if self._order != sys.byteorder:
                    values.byteswap()
                numbers[tag] = values
        return Directory(numbers, end), int.from_bytes(raw[12 * count :], self._order)
