"""A picture as the pixels that a model takes: upright RGB."""

from __future__ import annotations

import io

from PIL import Image as Pillow
from PIL import ImageOps

from fmsdk.content import Image
from fmsdk.errors import InvalidMedia
from fmsdk.media.source import PillowSource

__all__ = ["decode_image"]


def decode_image(part: Image) -> Pillow.Image:
    """Decode the picture, and turn it upright as its EXIF orientation says.

    Raises:
        InvalidMedia: truncated, larger than Pillow's limit, or no picture.
    """
    data = b"" if isinstance(part.source, PillowSource) else part.read()
    try:
        if isinstance(part.source, PillowSource):
            return ImageOps.exif_transpose(part.source.image).convert("RGB")
        with Pillow.open(io.BytesIO(data)) as image:
            return ImageOps.exif_transpose(image).convert("RGB")
    except (OSError, SyntaxError, ValueError, Pillow.DecompressionBombError) as error:
        raise InvalidMedia(f"{part.describe()} cannot be decoded as a picture: {error}") from error
