"""Pictures made smaller, through Pillow. Knows no part, request or vendor; the size is told it.

Colour profile, EXIF data and transparency stay; what does not is in `Smaller.notes`.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt
from typing import Any

from fmsdk.errors import InvalidMedia
from fmsdk.media.blocks import riff_chunks
from fmsdk.media.frames import frames_of
from fmsdk.media.image import first_line, opened, rgb_of
from fmsdk.media.source import LocalSource, PillowSource

__all__ = ["Size", "Smaller", "shrink"]

Size = tuple[int, int]

_ORIENTATION = 0x0112
# Formats that stay; all others become PNG, which loses nothing.
_KEPT: dict[str, dict[str, Any]] = {
    "image/jpeg": {"format": "JPEG", "quality": 90},
    "image/png": {"format": "PNG"},
    "image/webp": {"format": "WEBP", "quality": 90},
}
# The mode to scale in, where it is another: Pillow only drops pixels of palettes and bilevels.
_SCALED_AS = {
    "1": "L",
    "La": "LA",
    **dict.fromkeys(("I;16B", "I;16L"), "I;16"),
    **dict.fromkeys(("YCbCr", "HSV", "RGBX", "LAB"), "RGB"),
    **dict.fromkeys(("PA", "RGBa"), "RGBA"),
}
_MODES = {"L", "LA", "RGB", "RGBA", "CMYK", "I;16"}
_OTHER_METADATA = {"xmp", "XML:com.adobe.xmp", "comment", "photoshop"}


@dataclass(frozen=True, slots=True)
class Smaller:
    """A picture as it is now: its file, media type and (width, height). `notes` says what else
    changed; `frames` how many it had, of which it holds the first."""

    data: bytes
    mime: str
    size: Size
    notes: tuple[str, ...] = ()
    frames: int = 1


def shrink(
    source: LocalSource,
    mime: str,
    fit: Callable[[Size], Size],
    *,
    max_bytes: int | None = None,
) -> Smaller:
    """Scale a picture, upright by its EXIF data, to the size that `fit` makes of its own, and on
    until its file has at most `max_bytes`.

    Filtered with Lanczos's kernel. JPEG is written at quality 90 and its own chroma subsampling;
    PNG stays PNG, WebP stays WebP (lossless where it was), other formats become PNG.

    Raises:
        InvalidMedia: what Pillow cannot decode, or cannot scale (pixels of 32 bits). The message
            starts with a verb, for the caller to put the name of the picture before it.
    """
    if isinstance(source, PillowSource):
        return _Scaling(source.image, "image/png").result(fit, max_bytes)
    with source.open() as file:
        frames = frames_of(file, mime).count
        lossless = mime == "image/webp" and b"VP8L" in riff_chunks(file)
        file.seek(0)
        scaling = _Scaling(opened(file, mime), mime, frames, lossless=lossless)
        return scaling.result(fit, max_bytes)


class _Scaling:
    """One picture on its way to a smaller one."""

    def __init__(self, image: Any, mime: str, frames: int = 1, *, lossless: bool = False) -> None:
        self._image, self._frames = image, frames
        self._mime = mime if mime in _KEPT else "image/png"
        self._notes: list[str] = [] if self._mime == mime else [f"as {self._mime}"]
        self._options: dict[str, Any] = dict(_KEPT[self._mime])
        if lossless:
            self._options["lossless"] = True

    def result(self, fit: Callable[[Size], Size], max_bytes: int | None) -> Smaller:
        try:
            size = self._decode(fit)
            while True:
                image, data = self._encode(size)
                if max_bytes is None or len(data) <= max_bytes or size == (1, 1):
                    return Smaller(data, self._mime, image.size, tuple(self._notes), self._frames)
                scale = 0.95 * sqrt(max_bytes / len(data))
                size = (max(1, int(size[0] * scale)), max(1, int(size[1] * scale)))
        except InvalidMedia:
            raise
        except Exception as error:  # hostile bytes make Pillow's decoders raise nearly anything
            raise InvalidMedia(f"cannot be decoded: {first_line(error)}") from error

    def _decode(self, fit: Callable[[Size], Size]) -> Size:
        """Decode the pixels, in a mode that can be scaled; returns the size to scale them to."""
        image = self._image
        whole: Size = image.size
        size = fit(whole)
        self._note_what_is_lost(image)
        if image.format == "JPEG" and self._mime == "image/jpeg":
            from PIL import JpegImagePlugin

            sampling = JpegImagePlugin.get_sampling(image)
            self._options |= {"subsampling": sampling} if sampling >= 0 else {}
            image.draft(None, size)  # decodes at a half, a quarter, … where that is enough
        image.load()
        if image.size == whole[::-1]:  # older Pillow turns TIFF upright only now
            size = size[1], size[0]
        self._image = _scalable(image, self._mime)
        return size

    def _note_what_is_lost(self, image: Any) -> None:
        # Looked at first: EXIF data may stand after the pixels, and reading these empties `tile`.
        if image.mode[:1] != "I" and ";16" in str(getattr(image, "tile", "")):
            self._notes.append("with 8 instead of 16 bits a channel")
        if image.getexif().get(_ORIENTATION, 1) != 1:
            self._notes.append("turned upright as its EXIF data say")
        is_lost = image.format == "TIFF" or _OTHER_METADATA & image.info.keys()
        if is_lost or getattr(image, "text", None):
            self._notes.append("without its metadata other than EXIF and colour profile")

    def _encode(self, size: Size) -> tuple[Any, bytes]:
        from PIL import Image, ImageOps

        image = self._image
        if size != image.size:
            image = image.resize(size, Image.Resampling.LANCZOS)
        if image.getexif().get(_ORIENTATION, 1) != 1:
            image = ImageOps.exif_transpose(image)
        kept = {name: image.info[name] for name in ("exif", "icc_profile") if name in image.info}
        buffer = io.BytesIO()
        image.save(buffer, **self._options, **kept)
        return image, buffer.getvalue()


def _scalable(image: Any, mime: str) -> Any:
    """The picture in a mode whose pixels can be averaged and written, transparency kept."""
    mode = _SCALED_AS.get(image.mode, image.mode)
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
    converted = rgb_of(image, mode) if mode == "RGB" else image.convert(mode)
    if exif := image.info.get("exif"):
        converted.info["exif"] = exif
    return converted
