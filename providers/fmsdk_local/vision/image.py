"""A picture as the pixels that a model takes: upright RGB of 8 bits a channel."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from PIL import Image as Pillow
from PIL import ImageOps

from fmsdk.content import Image
from fmsdk.errors import InvalidMedia
from fmsdk.media.image import first_line, frames_in, to_rgb
from fmsdk.media.source import PillowSource
from fmsdk.response import Warning

__all__ = ["decode_image"]

_VISIBLE_CONTRAST = 32  # of 255, between the lightest and the darkest pixel of a channel
_STRAIGHT_ALPHA_MODES = {"La": "LA", "RGBa": "RGBA"}


def decode_image(part: Image, warnings: list[Warning]) -> Pillow.Image:
    """Decode the picture, and turn it upright as its EXIF orientation says.

    Transparent pixels are shown on white, or on black if white would hide the whole picture (a
    white drawing). Pixels of more than 8 bits are scaled: 16-bit grey from its whole range; 32-bit
    integers and floats from the range of 1 (floats), 255 or 65,535, the smallest that holds them.
    Of an animation it is the first frame. `warnings` receives "image_converted" and
    "frames_dropped".

    Raises:
        InvalidMedia: truncated, larger than Pillow's limit, or no picture; pixels below 0, above
            65,535 or not finite.
    """
    data = b"" if isinstance(part.source, PillowSource) else part.read()
    try:
        if isinstance(part.source, PillowSource):
            return _to_pixels(part.source.image, part.describe(), warnings)
        with Pillow.open(io.BytesIO(data)) as image:
            if (frames := frames_in(image)) > 1:
                message = f"of the {frames:,} frames of {part.describe()} the model sees the first"
                warnings.append(Warning("frames_dropped", message, "image"))
            return _to_pixels(image, part.describe(), warnings)
    except InvalidMedia:
        raise
    except Exception as error:  # hostile bytes make Pillow's decoders raise nearly anything
        raise InvalidMedia(
            f"{part.describe()} cannot be decoded as a picture: {first_line(error)}"
        ) from error


def _to_pixels(image: Any, name: str, warnings: list[Warning]) -> Pillow.Image:
    image.load()  # a PNG may have its EXIF data and its transparency after the pixels
    image = ImageOps.exif_transpose(image)
    if image.mode in _STRAIGHT_ALPHA_MODES:
        image = image.convert(_STRAIGHT_ALPHA_MODES[image.mode])
    if image.mode[:1] in ("I", "F"):
        image, top = _scale_to_8_bits(image, name)
        if top is not None:
            message = f"the pixel values of {name} are shown with {top:,} as white"
            warnings.append(Warning("image_converted", message, "image"))
    if not image.has_transparency_data:
        return to_rgb(image)
    image = image.convert("RGBA")
    if image.getchannel("A").getextrema()[0] == 255:
        return image.convert("RGB")
    on_white, on_black = (
        Pillow.alpha_composite(Pillow.new("RGBA", image.size, ground), image).convert("RGB")
        for ground in ("white", "black")
    )
    use_black = not _has_contrast(on_white) and _has_contrast(on_black)
    message = f"transparent pixels of {name} are shown on {'black' if use_black else 'white'}"
    warnings.append(Warning("image_converted", message, "image"))
    return on_black if use_black else on_white


def _has_contrast(image: Any) -> bool:
    return any(high - low >= _VISIBLE_CONTRAST for low, high in image.getextrema())


def _scale_to_8_bits(image: Any, name: str) -> tuple[Pillow.Image, float | None]:
    """A picture of one channel with 8 bits, and the value that became white where the file does
    not tell it. Pillow itself clips to 255."""
    pixels = np.asarray(image).astype(np.float64)
    if image.mode.startswith("I;16"):
        alpha = pixels != image.info["transparency"] if "transparency" in image.info else None
        grey = Pillow.fromarray((pixels / 257).round().astype(np.uint8))
        if alpha is not None:
            grey.putalpha(Pillow.fromarray(alpha.astype(np.uint8) * 255))
        return grey, None
    low, high = (float(pixels.min()), float(pixels.max())) if pixels.size else (0.0, 0.0)
    tops = (255, 65_535) if image.mode == "I" else (1, 255, 65_535)
    top = next((top for top in tops if high <= top), None)
    if top is None or not low >= 0:  # not finite, too
        raise InvalidMedia(
            f"{name} has pixel values from {low:g} to {high:g}, whose black and white are unknown; "
            "scale them to 0…255 first"
        )
    return Pillow.fromarray((pixels * (255 / top)).round().astype(np.uint8)), top
