"""Pictures: their size from the header, through Pillow, and PIL images as PNG.

Files are not decoded here.
"""

from __future__ import annotations

import io
import os
import struct
from collections.abc import Callable
from importlib import import_module
from typing import Any, BinaryIO

from fmsdk.errors import InvalidMedia
from fmsdk.media.limited_file import TooManyPieces, limit_steps
from fmsdk.media.limits import MAX_PIXELS
from fmsdk.media.source import LocalSource

__all__ = [
    "encode_png",
    "first_line",
    "frames_in",
    "open_picture",
    "orientation_of",
    "size_of",
    "to_rgb",
]

_HEADER_BYTES = 65_536
_WEBP_HEADER_BYTES = 30
_ORIENTATION = 0x0112

# Opened by plugin, not through Image.open, which would import all fifty of them, and warn.
_PLUGINS = {
    "image/bmp": ("PIL.BmpImagePlugin", "BmpImageFile"),
    "image/gif": ("PIL.GifImagePlugin", "GifImageFile"),
    "image/jpeg": ("PIL.JpegImagePlugin", "JpegImageFile"),
    "image/png": ("PIL.PngImagePlugin", "PngImageFile"),
    "image/tiff": ("PIL.TiffImagePlugin", "TiffImageFile"),
    "image/webp": ("PIL.WebPImagePlugin", "WebPImageFile"),
}
# What PNG can hold as it is; other modes go to the nearest of these that loses no colour.
_PNG_MODES = {"1", "L", "LA", "I;16", "P", "RGB", "RGBA"}
_NEAREST_MODE = {
    **dict.fromkeys(("CMYK", "HSV", "LAB", "RGBX", "YCbCr"), "RGB"),
    **dict.fromkeys(("La", "PA", "RGBa"), "RGBA"),
}
_FORMATS_WITH_FRAMES = ("AVIF", "GIF", "PNG", "TIFF", "WEBP")


def size_of(file: BinaryIO, mime: str) -> tuple[int, int] | None:
    """(width, height) in pixels as stored (EXIF orientation is not applied, that of a TIFF is),
    or None for a format whose header is not read here.

    Raises:
        InvalidMedia: the header is broken, or states more than `MAX_PIXELS`. The message starts
            with a verb; the caller puts the name of the file before it.
    """
    if mime == "image/webp":
        size = _size_of_webp(file.read(_WEBP_HEADER_BYTES))
    elif mime == "image/tiff":
        size = _size_of_tiff(file)
    elif mime in _PLUGINS:
        size = open_picture(file, mime).size
    else:
        size = _size_in_box(file.read(_HEADER_BYTES))
    if size is not None and size[0] * size[1] > MAX_PIXELS:
        raise InvalidMedia(
            f"has {size[0]}x{size[1]} pixels, more than the limit of {MAX_PIXELS:,}; "
            "make it smaller"
        )
    return size


def open_picture(file: BinaryIO, mime: str) -> Any:
    """The `PIL.Image.Image` of a file, whose pixels are not decoded yet. Of several pictures in
    one JPEG (phones add depth or brightness to the photograph) it is the first.

    Raises:
        InvalidMedia: an unknown format, or a broken header. The message starts with a verb.
    """
    if mime not in _PLUGINS:
        raise InvalidMedia(f"is {mime}, which fmsdk cannot decode")
    module, name = _PLUGINS[mime]
    open_header: Callable[[BinaryIO], Any] = getattr(import_module(module), name)
    try:
        return open_header(file)
    except TooManyPieces:
        raise
    except Exception as error:  # hostile bytes make Pillow's parsers raise nearly anything
        raise InvalidMedia(f"has a broken header: {first_line(error)}") from error


def first_line(error: Exception) -> str:
    """The first line of a parser's error, at most 200 characters of it."""
    return (str(error) or type(error).__name__).partition("\n")[0][:200]


def _size_of_webp(head: bytes) -> tuple[int, int]:
    """By https://developers.google.com/speed/webp/docs/riff_container. Pillow would read the
    whole file, and set up a decoder with two canvases of the stated size."""
    form, start = head[12:16], head[20:]
    if form == b"VP8X" and len(start) == 10:
        return _little(start[4:7]) + 1, _little(start[7:]) + 1
    if form == b"VP8L" and start[:1] == b"\x2f" and len(start) >= 5:
        bits = _little(start[1:5])
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if form == b"VP8 " and start[3:6] == b"\x9d\x01\x2a" and len(start) == 10:
        return _little(start[6:8]) & 0x3FFF, _little(start[8:]) & 0x3FFF
    raise InvalidMedia("has a broken header: no WebP frame")


def _size_of_tiff(file: BinaryIO) -> tuple[int, int]:
    """Pillow would read every value of the first directory, which can lie over each other."""
    from fmsdk.media.integrity.image_blocks import (
        LENGTH,
        ORIENTATION,
        WIDTH,
        Directory,
        tiff_directories,
    )

    directories = tiff_directories(file, file.seek(0, os.SEEK_END))
    numbers = next(directories, Directory({}, 0)).numbers
    width, height = numbers.get(WIDTH, ()), numbers.get(LENGTH, ())
    if len(width) != 1 or len(height) != 1:
        raise InvalidMedia("has a broken header: no size in its first directory")
    is_on_its_side = sum(numbers.get(ORIENTATION, ())) in (5, 6, 7, 8)  # as Pillow, upright
    return (height[0], width[0]) if is_on_its_side else (width[0], height[0])


def _little(data: bytes) -> int:
    return int.from_bytes(data, "little")


def _size_in_box(head: bytes) -> tuple[int, int] | None:
    """The largest `ispe` (image spatial extents, ISO/IEC 23008-12) of a HEIC or AVIF file; the
    smaller ones are of thumbnails and tiles."""
    sizes: list[tuple[int, int]] = []
    at = head.find(b"ispe")
    while at >= 0 and at + 16 <= len(head):
        sizes.append(struct.unpack_from(">II", head, at + 8))
        at = head.find(b"ispe", at + 4)
    return max(sizes, key=lambda size: size[0] * size[1], default=None)


def frames_in(image: Any) -> int:
    """How many frames a `PIL.Image.Image` has. Further pictures in one JPEG are not frames (see
    `open_picture`)."""
    if image.format not in _FORMATS_WITH_FRAMES:
        return 1
    try:
        return getattr(image, "n_frames", 1)
    except Exception:  # a closed or hostile file: reading its pixels will raise
        return 1


def orientation_of(source: LocalSource, mime: str) -> int:
    """The EXIF orientation of a picture, 1 to 8; 1 (upright) where there is none, or where the
    format is not read here."""
    if mime not in _PLUGINS:
        return 1
    try:
        with source.open() as file:
            picture = open_picture(limit_steps(file), mime)
            orientation: object = picture.getexif().get(_ORIENTATION, 1)
    except Exception:  # hostile bytes make Pillow raise nearly anything; the server reads them
        return 1
    return orientation if isinstance(orientation, int) and 1 <= orientation <= 8 else 1


def encode_png(image: Any) -> bytes:
    """A `PIL.Image.Image` as PNG, upright (EXIF orientation applied).

    Modes that PNG has lose nothing. CMYK, YCbCr, LAB and HSV become RGB.

    Raises:
        InvalidMedia: more than one frame, a mode without a PNG form (32 bits), or a truncated
            file.
    """
    from PIL import ImageOps

    frames = frames_in(image)
    if frames > 1:
        raise InvalidMedia(
            f"the PIL image has {frames:,} frames, and a PNG holds one; pass the file, or "
            "image.copy() for the current frame"
        )
    if image.mode not in _PNG_MODES | _NEAREST_MODE.keys():
        raise InvalidMedia(
            f"an image of mode {image.mode} has no PNG form; convert it first, to RGB or L"
        )
    buffer = io.BytesIO()
    try:
        if image.getexif().get(_ORIENTATION, 1) != 1:
            image = ImageOps.exif_transpose(image)
        if image.mode in _NEAREST_MODE:
            image = to_rgb(image, _NEAREST_MODE[image.mode])
        image.save(buffer, format="PNG")
    except (OSError, SyntaxError, ValueError) as error:
        raise InvalidMedia(f"the PIL image cannot be read: {first_line(error)}") from error
    return buffer.getvalue()


def to_rgb(image: Any, mode: str = "RGB") -> Any:
    """A `PIL.Image.Image` as `mode` ("RGB" or "RGBA"). A colour profile for CMYK or LAB is
    applied, since it does not describe RGB: the colours become sRGB."""
    profile = image.info.get("icc_profile")
    if image.mode not in ("CMYK", "LAB") or not profile:
        return image.convert(mode)
    colours: Any = import_module("PIL.ImageCms")  # its type hints are partial
    try:
        source = colours.ImageCmsProfile(io.BytesIO(profile))
        target = colours.createProfile("sRGB")
        result = colours.profileToProfile(image, source, target, outputMode=mode)
    except (colours.PyCMSError, OSError):  # the profile is broken
        result = image.convert(mode)
    result.info.pop("icc_profile", None)
    return result
