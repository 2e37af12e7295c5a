"""Whether the frames of an animation, or the pages of a TIFF, are more than anyone should decode.

A frame may cost a few bytes in the file and the whole canvas in memory. The size of one picture
is for `image` to judge.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from fmsdk.media.blocks import (
    LENGTH,
    WIDTH,
    gif_blocks,
    png_chunks,
    riff_chunks,
    tiff_directories,
)
from fmsdk.media.image import size_of
from fmsdk.media.limits import MAX_FRAME_PIXELS, MAX_PIXELS

__all__ = ["frames_of", "why_too_many"]


@dataclass(frozen=True, slots=True)
class Frames:
    """How many there are, and the pixels of all together and of the largest (0: those of the
    picture, which has no others)."""

    count: int = 1
    pixels: int = 0
    largest: int = 0


def frames_of(file: BinaryIO, mime: str) -> Frames:
    """The frames of a GIF, PNG, WebP or TIFF; other formats are taken to have one."""
    look = _LOOKS.get(mime)
    return look(file) if look else Frames()


def why_too_many(file: BinaryIO, mime: str) -> str | None:
    """What makes the file a bomb, or None. The text starts with a verb."""
    frames = frames_of(file, mime)
    if frames.largest > MAX_PIXELS:
        return (
            f"has a frame of {frames.largest:,} pixels, more than the {MAX_PIXELS:,} that are taken"
        )
    if frames.pixels > MAX_FRAME_PIXELS:
        return (
            f"has {frames.count:,} frames of {frames.pixels:,} pixels in all, more than the "
            f"{MAX_FRAME_PIXELS:,} that are taken; send fewer of them"
        )
    return None


def _gif(file: BinaryIO) -> Frames:
    gif = gif_blocks(file)
    canvas = gif.width * gif.height
    return Frames(gif.frames, gif.frames * canvas, canvas)


def _png(file: BinaryIO) -> Frames:
    """Counts the frames that are there, whatever number the file tells (PNG 3, 11.3.6)."""
    frames, animated = 0, False
    for name, _ in png_chunks(file):
        if name == b"IDAT" and not animated:
            return Frames()
        animated |= name == b"acTL"
        frames += name == b"fcTL"
    return Frames(frames, frames * _canvas(file, "image/png"))


def _webp(file: BinaryIO) -> Frames:
    file.seek(12)
    if file.read(4) != b"VP8X":
        return Frames()
    frames = sum(name == b"ANMF" for name in riff_chunks(file)) or 1
    return Frames(frames, frames * _canvas(file, "image/webp"))


def _canvas(file: BinaryIO, mime: str) -> int:
    file.seek(0)
    width, height = size_of(file, mime) or (0, 0)
    return width * height


def _tiff(file: BinaryIO) -> Frames:
    pages = [
        sum(found.numbers.get(WIDTH, ())) * sum(found.numbers.get(LENGTH, ()))
        for found in tiff_directories(file, file.seek(0, os.SEEK_END))
    ]
    return Frames(len(pages), sum(pages), max(pages, default=0))


_LOOKS: dict[str, Callable[[BinaryIO], Frames]] = {
    "image/gif": _gif,
    "image/png": _png,
    "image/tiff": _tiff,
    "image/webp": _webp,
}
