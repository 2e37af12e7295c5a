"""A picture as the pixels a model sees: upright RGB."""

from __future__ import annotations

import io

from PIL import Image as Pillow
from PIL import ImageOps

from fmsdk.content import Image
from fmsdk.errors import InvalidMedia
from fmsdk.media.source import PillowSource

__all__ = ["open_image"]


def open_image(part: Image) -> Pillow.Image:
    """Decode the whole picture, turned the way its EXIF data says.

    Raises:
        InvalidMedia: truncated, larger than Pillow's limit, or no picture.
    """
    data = b"" if isinstance(part.source, PillowSource) else part.read()
    try:
        if isinstance(part.source, PillowSource):
            return ImageOps.exif_transpose(part.source.image).convert("RGB")
        with Pillow.open(io.BytesIO(data)) as picture:
            return ImageOps.exif_transpose(picture).convert("RGB")
    except (OSError, SyntaxError, ValueError, Pillow.DecompressionBombError) as error:
        raise InvalidMedia(f"{part.describe()} cannot be decoded as a picture: {error}") from error
