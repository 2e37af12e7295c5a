"""Pictures: their size from the header, through Pillow, and PIL images as PNG.

Pixels are never decoded here; what a vendor makes of a picture is not known here.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from importlib import import_module
from typing import Any, BinaryIO

from fmsdk.errors import InvalidMedia

__all__ = ["MAX_PIXELS", "png_of", "size_of"]

# Where Pillow itself stops believing in good intentions (2 × Image.MAX_IMAGE_PIXELS): a picture
# of more pixels takes over half a gigabyte to decode.
MAX_PIXELS = 178_956_970
_HEADER_BYTES = 65_536
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


def size_of(file: BinaryIO, mime: str) -> tuple[int, int] | None:
    """(width, height) in pixels as stored (EXIF orientation is not applied), or None for a
    format whose header is not read here.

    Raises:
        InvalidMedia: the header is broken, or tells of more than `MAX_PIXELS`. The message starts
            with a verb, for the caller to put the name of the file before it.
    """
    if mime in _PLUGINS:
        size = _size_by_pillow(file, mime)
    else:
        size = _size_in_box(file.read(_HEADER_BYTES))
    if size is not None and size[0] * size[1] > MAX_PIXELS:
        raise InvalidMedia(
            f"has {size[0]}x{size[1]} pixels, more than the {MAX_PIXELS:,} that are taken; "
            "make it smaller"
        )
    return size


def _size_by_pillow(file: BinaryIO, mime: str) -> tuple[int, int]:
    module, name = _PLUGINS[mime]
    open_header: Callable[[BinaryIO], Any] = getattr(import_module(module), name)
    try:
        width, height = open_header(file).size
    except Exception as error:  # hostile bytes make Pillow's parsers raise nearly anything
        raise InvalidMedia(f"has a broken header: {_first_line(error)}") from error
    return int(width), int(height)


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).partition("\n")[0][:200]


def _size_in_box(head: bytes) -> tuple[int, int] | None:
    """The largest `ispe` (image spatial extents, ISO/IEC 23008-12) of a HEIC or AVIF file; the
    smaller ones are of thumbnails and tiles."""
    sizes: list[tuple[int, int]] = []
    at = head.find(b"ispe")
    while at >= 0 and at + 16 <= len(head):
        sizes.append(struct.unpack_from(">II", head, at + 8))
        at = head.find(b"ispe", at + 4)
    return max(sizes, key=lambda size: size[0] * size[1], default=None)


def png_of(image: Any) -> bytes:
    """A `PIL.Image.Image` as PNG, upright (EXIF orientation applied), the current frame alone.

    PNG loses nothing of the modes it has; CMYK, YCbCr, LAB and HSV become RGB.

    Raises:
        InvalidMedia: a mode with no PNG form (32-bit ones), or a file that breaks off.
    """
    from PIL import ImageOps

    if image.mode not in _PNG_MODES | _NEAREST_MODE.keys():
        raise InvalidMedia(
            f"an image of mode {image.mode} has no PNG form; convert it first, to RGB or L"
        )
    buffer = io.BytesIO()
    try:
        if image.getexif().get(_ORIENTATION, 1) != 1:
            image = ImageOps.exif_transpose(image)
        if image.mode in _NEAREST_MODE:
            image = image.convert(_NEAREST_MODE[image.mode])
        image.save(buffer, format="PNG")
    except (OSError, SyntaxError, ValueError) as error:
        raise InvalidMedia(f"the PIL image cannot be read: {_first_line(error)}") from error
    return buffer.getvalue()
