"""How many frames an animation, or pages a TIFF, has, and whether decoding them is safe.

A frame may take a few bytes of the file and a whole canvas of memory. The size of one picture
is checked with its header (`fmsdk.media.image`).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import BinaryIO

from fmsdk.media.image import size_of
from fmsdk.media.integrity.image_blocks import (
    LENGTH,
    WIDTH,
    gif_blocks,
    png_chunks,
    tiff_directories,
)
from fmsdk.media.integrity.riff import riff_chunks
from fmsdk.media.limits import MAX_FRAME_PIXELS, MAX_PIXELS

__all__ = ["Frames", "count_frames", "describe_frame_bomb"]


@dataclass(frozen=True, slots=True)
class Frames:
    """Their number, and the pixels of all together and of the largest. 0 pixels: there is one
    frame, as large as the picture."""

    count: int = 1
    pixels: int = 0
    largest: int = 0


def count_frames(file: BinaryIO, mime: str) -> Frames:
    """The frames of a GIF, PNG, WebP or TIFF; other formats have one."""
    if mime == "image/gif":
        gif = gif_blocks(file)
        canvas = gif.width * gif.height
        return Frames(gif.frames, gif.frames * canvas, canvas)
    if mime == "image/png":
        # The frames themselves: the number in the header may be wrong (PNG 3, 11.3.6).
        count, is_animation = 0, False
        for name, _ in png_chunks(file):
            if name == b"IDAT" and not is_animation:
                return Frames()
            is_animation |= name == b"acTL"
            count += name == b"fcTL"
        return Frames(count, count * _canvas_pixels(file, mime))
    if mime == "image/webp":
        file.seek(12)
        if file.read(4) != b"VP8X":
            return Frames()
        frames = sum(name == b"ANMF" for name in riff_chunks(file)) or 1
        return Frames(frames, frames * _canvas_pixels(file, mime))
    if mime == "image/tiff":
        pages = [
            sum(directory.numbers.get(WIDTH, ())) * sum(directory.numbers.get(LENGTH, ()))
            for directory in tiff_directories(file, file.seek(0, os.SEEK_END))
        ]
        return Frames(len(pages), sum(pages), max(pages, default=0))
    return Frames()


def describe_frame_bomb(file: BinaryIO, mime: str) -> str | None:
    """Why decoding all frames is not safe; None where it is. The text starts with a verb."""
    frames = count_frames(file, mime)
    if frames.largest > MAX_PIXELS:
        return f"has a frame of {frames.largest:,} pixels, more than the limit of {MAX_PIXELS:,}"
    if frames.pixels > MAX_FRAME_PIXELS:
        return (
            f"has {frames.count:,} frames of {frames.pixels:,} pixels in all, more than the limit "
            f"of {MAX_FRAME_PIXELS:,}; send fewer of them"
        )
    return None


def _canvas_pixels(file: BinaryIO, mime: str) -> int:
    file.seek(0)
    width, height = size_of(file, mime) or (0, 0)
    return width * height
