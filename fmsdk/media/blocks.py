"""The blocks that picture files are made of: PNG and RIFF chunks, GIF blocks, TIFF directories.

Walks over them without decoding any; what a broken walk means is for `whole` and `frames` to say.
"""

from __future__ import annotations

import os
import sys
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Literal

__all__ = [
    "LENGTH",
    "STRIPS",
    "STRIP_SIZES",
    "TILES",
    "TILE_SIZES",
    "WIDTH",
    "Directory",
    "Gif",
    "gif_blocks",
    "png_chunks",
    "riff_chunks",
    "tiff_directories",
]

Order = Literal["little", "big"]

_TIFF_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}
_TIFF_NUMBERS = {3: "H", 4: "I"}  # SHORT and LONG, as `array` calls them
_MOST_DIRECTORIES = 100_000
# ImageWidth, ImageLength; offsets and byte counts of strips, and of tiles.
TIFF_TAGS = WIDTH, LENGTH, STRIPS, STRIP_SIZES, TILES, TILE_SIZES = 256, 257, 273, 279, 324, 325


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


@dataclass(frozen=True, slots=True)
class Gif:
    """What the blocks of a GIF tell: pixels of the whole canvas, how many frames there are, and
    whether the trailer was reached."""

    width: int
    height: int
    frames: int
    whole: bool


def gif_blocks(file: BinaryIO) -> Gif:
    """Walk the blocks (https://www.w3.org/Graphics/GIF/spec-gif89a.txt) up to the trailer.
    Decoders widen the canvas to hold every frame, so its size is the largest one."""
    file.seek(6)
    width, height = _little(file.read(2)), _little(file.read(2))
    _skip_colours(file, extra=2)
    frames = 0
    while block := file.read(1):
        if block == b",":  # a frame: place and size, colours, code size, data
            frames += 1
            left, top, wide, high = (_little(file.read(2)) for _ in range(4))
            width, height = max(width, left + wide), max(height, top + high)
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


def _little(data: bytes) -> int:
    return int.from_bytes(data, "little")


@dataclass(frozen=True, slots=True)
class Directory:
    """A directory of a TIFF: the numbers of the tags in `TIFF_TAGS`, the offset where the last
    of what it points to ends, and whether the directory itself is all there."""

    numbers: dict[int, Sequence[int]]
    end: int
    whole: bool = True


def tiff_directories(file: BinaryIO, size: int) -> Iterator[Directory]:
    """Every directory (TIFF 6.0, section 2) up to the last, or to the first that is not whole;
    one that follows itself, in a list that bites its tail, comes once."""
    tiff = _Tiff(file, size)
    at, seen = tiff.first, set[int]()
    while at and at not in seen and len(seen) < _MOST_DIRECTORIES:
        seen.add(at)
        directory, at = tiff.directory(at)
        yield directory


class _Tiff:
    """Reads the directories of a file, and of the arrays they point to no more than the file is
    long: directories that share theirs would keep it reading for ever."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        file.seek(0)
        head = file.read(8)
        self._file, self._size, self._unread = file, size, size
        self._order: Order = "little" if head[:2] == b"II" else "big"
        self.first = int.from_bytes(head[4:], self._order)

    def directory(self, at: int) -> tuple[Directory, int]:
        """The directory at this offset, and the offset of the next (0: there is none)."""
        self._file.seek(at)
        count = int.from_bytes(self._file.read(2), self._order)
        raw = self._file.read(12 * count + 4)
        end = at + 2 + 12 * count
        if not count or end > self._size:
            return Directory({}, max(end, at + 2), whole=False), 0
        numbers: dict[int, Sequence[int]] = {}
        for entry in (raw[n : n + 12] for n in range(0, 12 * count, 12)):
            tag, kind, length, start = _tiff_entry(entry, self._order)
            if length > 4:
                end = max(end, start + length)
            if tag in TIFF_TAGS and kind in _TIFF_NUMBERS and length <= self._unread:
                field = entry[8 : 8 + length] if length <= 4 else self._far(start, length)
                numbers[tag] = _array(field, _TIFF_NUMBERS[kind], self._order)
        return Directory(numbers, end), int.from_bytes(raw[12 * count :], self._order)

    def _far(self, start: int, length: int) -> bytes:
        self._unread -= length
        self._file.seek(start)
        return self._file.read(length)


def _tiff_entry(entry: bytes, order: Order) -> tuple[int, int, int, int]:
    """(tag, type, bytes of its value, where they are if they are more than four)."""
    tag, kind, count, start = (
        int.from_bytes(entry[a:b], order) for a, b in ((0, 2), (2, 4), (4, 8), (8, 12))
    )
    return tag, kind, _TIFF_SIZES.get(kind, 0) * count, start


def _array(data: bytes, code: str, order: Order) -> Sequence[int]:
    numbers: array[int] = array(code)
    numbers.frombytes(data[: len(data) // numbers.itemsize * numbers.itemsize])
    if order != sys.byteorder:
        numbers.byteswap()
    return numbers
