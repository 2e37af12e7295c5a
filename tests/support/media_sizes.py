"""Media whose headers say what a test needs, without the pixels and samples."""

from __future__ import annotations

import struct
import zlib
from typing import Any

from fmsdk import Image, Message, Request, Video
from fmsdk.content import Part
from tests.support.media_files import box

__all__ = ["picture_of", "request_of", "video_of"]


def picture_of(width: int, height: int, **fields: object) -> Image:
    """A PNG of that size, of which nothing but the header is there."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n"
    for chunk in (header, b"IDAT", b"IEND"):
        data += struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
    return Image(data, **fields)  # type: ignore[arg-type]


def video_of(
    seconds: float,
    size: tuple[int, int] = (1280, 720),
    *,
    sound: bool = True,
    picture_seconds: float | None = None,
) -> Video:
    """An MP4 with a track of pictures and one of sound, and nothing in them."""

    def track(kind: bytes, length: float, pixels: tuple[int, int]) -> bytes:
        tkhd = box(b"tkhd", bytes(76) + struct.pack(">II", pixels[0] << 16, pixels[1] << 16))
        mdhd = struct.pack(">IIIII", 0, 0, 0, 90_000, round(length * 90_000)) + bytes(4)
        hdlr = box(b"hdlr", bytes(8) + kind + bytes(12))
        return box(b"trak", tkhd + box(b"mdia", box(b"mdhd", mdhd) + hdlr))

    mvhd = struct.pack(">IIIII", 0, 0, 0, 90_000, round(seconds * 90_000)) + bytes(80)
    tracks = track(b"vide", picture_seconds or seconds, size)
    tracks += track(b"soun", seconds, (0, 0)) if sound else b""
    moov = box(b"moov", box(b"mvhd", mvhd) + tracks)
    return Video(box(b"ftyp", b"isom" + bytes(4)) + moov + box(b"mdat", bytes(100)))


def request_of(name: str, *parts: Part, **fields: Any) -> Request:
    """A question about the parts to the model `provider:model`."""
    provider, _, model = name.partition(":")
    message = Message("user", [*parts, "What is it?"])
    return Request(provider=provider, model=model, messages=(message,), **fields)
