"""Makes pictures smaller, through Pillow. Knows no part, request or vendor.

Colour profile, EXIF data and transparency stay. `SmallerPicture.changes` says what does not.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt
from typing import Any

from fmsdk.errors import InvalidMedia
from fmsdk.media.image import first_line, open_picture, to_rgb
from fmsdk.media.integrity.frames import count_frames
from fmsdk.media.integrity.riff import riff_chunks
from fmsdk.media.source import LocalSource, PillowSource

__all__ = ["Size", "SmallerPicture", "shrink_picture"]

Size = tuple[int, int]

_ORIENTATION = 0x0112
# Pictures of these formats keep them. All others become PNG, which loses nothing.
_SAVE_OPTIONS: dict[str, dict[str, Any]] = {
    "image/jpeg": {"format": "JPEG", "quality": 90},
    "image/png": {"format": "PNG"},
    "image/webp": {"format": "WEBP", "quality": 90},
}
# The mode to scale in, where it is another. Pillow scales palettes and bilevels by dropping pixels.
_SCALING_MODES = {
    "1": "L",
    "La": "LA",
    **dict.fromkeys(("I;16B", "I;16L"), "I;16"),
    **dict.fromkeys(("YCbCr", "HSV", "RGBX", "LAB"), "RGB"),
    **dict.fromkeys(("PA", "RGBa"), "RGBA"),
}
_MODES = {"L", "LA", "RGB", "RGBA", "CMYK", "I;16"}
_OTHER_METADATA = {"xmp", "XML:com.adobe.xmp", "comment", "photoshop"}


@dataclass(frozen=True, slots=True)
class SmallerPicture:
    """A picture after scaling: its file, media type and (width, height). `changes` says what else
    changed. `frames` is the number of frames before; only the first is in the file."""

    data: bytes
    mime: str
    size: Size
    changes: tuple[str, ...] = ()
    frames: int = 1


def shrink_picture(
    source: LocalSource,
    mime: str,
    target_size: Callable[[Size], Size],
    *,
    max_bytes: int | None = None,
) -> SmallerPicture:
    """Scale a picture, upright by its EXIF data, to the size that `target_size` computes from its
    own, and then further until its file has at most `max_bytes`.

    The filter is Lanczos's. JPEG is written at quality 90 with its own chroma subsampling. PNG
    stays PNG, WebP stays WebP (lossless where it was), other formats become PNG.

    Raises:
        InvalidMedia: Pillow cannot decode it, or cannot scale it (pixels of 32 bits). The message
            starts with a verb; the caller puts the name of the picture before it.
    """
    if isinstance(source, PillowSource):
        return _Scaling(source.image, "image/png").scale(target_size, max_bytes)
    with source.open() as file:
        frames = count_frames(file, mime).count
        lossless = mime == "image/webp" and b"VP8L" in riff_chunks(file)
        file.seek(0)
        scaling = _Scaling(open_picture(file, mime), mime, frames, lossless=lossless)
        return scaling.scale(target_size, max_bytes)


class _Scaling:
    """One picture that is made smaller."""

    def __init__(self, image: Any, mime: str, frames: int = 1, *, lossless: bool = False) -> None:
        self._image, self._frames = image, frames
        self._mime = mime if mime in _SAVE_OPTIONS else "image/png"
        self._changes: list[str] = [] if self._mime == mime else [f"as {self._mime}"]
        self._options: dict[str, Any] = dict(_SAVE_OPTIONS[self._mime])
        if lossless:
            self._options["lossless"] = True

    def scale(self, target_size: Callable[[Size], Size], max_bytes: int | None) -> SmallerPicture:
        from PIL import Image, ImageOps

        try:
            size = self._decode_pixels(target_size)
            while True:
                image = self._image
                if size != image.size:
                    image = image.resize(size, Image.Resampling.LANCZOS)
                if image.getexif().get(_ORIENTATION, 1) != 1:
                    image = ImageOps.exif_transpose(image)
                kept_names = [name for name in ("exif", "icc_profile") if name in image.info]
                metadata = {name: image.info[name] for name in kept_names}
                buffer = io.BytesIO()
                image.save(buffer, **self._options, **metadata)
                data = buffer.getvalue()
                if max_bytes is None or len(data) <= max_bytes or size == (1, 1):
                    return SmallerPicture(
                        data, self._mime, image.size, tuple(self._changes), self._frames
                    )
                scale = 0.95 * sqrt(max_bytes / len(data))
                size = (max(1, int(size[0] * scale)), max(1, int(size[1] * scale)))
        except InvalidMedia:
            raise
        except Exception as error:  # hostile bytes make Pillow's decoders raise nearly anything
            raise InvalidMedia(f"cannot be decoded: {first_line(error)}") from error

    def _decode_pixels(self, target_size: Callable[[Size], Size]) -> Size:
        """Decode the pixels, in a mode that can be scaled; returns the size to scale them to."""
        image = self._image
        full_size: Size = image.size
        size = target_size(full_size)
        # Before decoding: EXIF data may stand after the pixels, and reading these empties `tile`.
        if image.mode[:1] != "I" and ";16" in str(getattr(image, "tile", "")):
            self._changes.append("with 8 instead of 16 bits a channel")
        if image.getexif().get(_ORIENTATION, 1) != 1:
            self._changes.append("turned upright as its EXIF data say")
        is_lost = image.format == "TIFF" or _OTHER_METADATA & image.info.keys()
        if is_lost or getattr(image, "text", None):
            self._changes.append("without its metadata other than EXIF and colour profile")
        if image.format == "JPEG" and self._mime == "image/jpeg":
            from PIL import JpegImagePlugin

            sampling = JpegImagePlugin.get_sampling(image)
            self._options |= {"subsampling": sampling} if sampling >= 0 else {}
            image.draft(None, size)  # decodes at a half, a quarter, … where that is enough
        image.load()
        if image.size == full_size[::-1]:  # older Pillow turns TIFF upright only now
            size = size[1], size[0]
        self._image = _to_scalable_mode(image, self._mime)
        return size


def _to_scalable_mode(image: Any, mime: str) -> Any:
    """The picture in a mode whose pixels can be averaged and written; transparency stays."""
    mode = _SCALING_MODES.get(image.mode, image.mode)
    if mode == "P" or (mode in ("L", "RGB") and "transparency" in image.info):
        alpha = "transparency" in image.info
        mode = ("LA" if mode == "L" else "RGBA") if alpha else "RGB"
    if mode == "CMYK" and mime != "image/jpeg":
        mode = "RGB"
    if mode not in _MODES:
        raise InvalidMedia(f"has pixels of mode {mode}, which cannot be scaled to a picture")
    if mode == image.mode:
        return image
    if mode == "I;16":
        image = image.convert("I")
    result = to_rgb(image, mode) if mode == "RGB" else image.convert(mode)
    if exif := image.info.get("exif"):
        result.info["exif"] = exif
    return result
