"""Pictures made smaller before they are sent: where the caller asked for it (`Image.max_side`)
or the vendor's limit demands it (`Capabilities.image_limits`), and never otherwise.

Says so in a warning each time. How pixels are scaled is `fmsdk.media.resize`'s affair.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import isqrt
from typing import TypeVar

from fmsdk.content import Image, MediaPart
from fmsdk.errors import InvalidMedia
from fmsdk.media.source import BytesSource, FileRef, LocalSource, PillowSource
from fmsdk.provider import Capabilities, ImageLimits, UnsupportedSettings
from fmsdk.request import Request
from fmsdk.response import Warning

__all__ = ["fit_image_limits", "size_within"]

Q = TypeVar("Q", bound=Request)

_NO_LIMITS = ImageLimits()
Size = tuple[int, int]


async def fit_image_limits(request: Q, capabilities: Capabilities) -> tuple[Q, tuple[Warning, ...]]:
    """The request with its pictures as small as they have to be, and a warning
    "image_downsized" for each that was not.

    They are scaled in a thread, one after the other, so that the pixels of one are in memory.

    Raises:
        InvalidMedia: a picture that cannot be made smaller here: HEIC, AVIF, and animations; and
            animations as PIL images (a lenient request sends the first frame, of a PIL image the
            current one, with a warning "frames_dropped").
        UnsupportedSetting: `max_side` of a picture that the vendor holds.
    """
    images = [part for part in request.media() if isinstance(part, Image)]
    limits = _limits_for_count(capabilities.image_limits or _NO_LIMITS, len(images))
    unsupported_settings = UnsupportedSettings(request)
    smaller: dict[int, Image] = {}
    for image in images:
        if id(image) not in smaller:
            frame = await _current_frame(image, request, unsupported_settings)
            reduction = (
                await _reduction_for(frame, limits, request, unsupported_settings)
                if _may_be_reduced(frame, capabilities)
                else None
            )
            if reduction is not None:
                frame = await _shrink_image(frame, reduction, request, unsupported_settings)
            if frame is not image:
                smaller[id(image)] = frame

    def replacement(part: MediaPart) -> MediaPart:
        return smaller.get(id(part), part)

    return (request.with_media(replacement) if smaller else request), tuple(
        unsupported_settings.warnings
    )


def _may_be_reduced(image: Image, capabilities: Capabilities) -> bool:
    return capabilities.image_limits is not None or image.max_side is not None


def size_within(size: Size, limits: ImageLimits) -> Size:
    """The largest (width, height) of about the same shape within `limits`, whose `max_bytes` no
    size tells."""
    longer, shorter = max(size), max(1, min(size))
    side = min(longer, limits.max_side or longer)
    areas = [limits.max_pixels, limits.max_patches and limits.max_patches * limits.patch_side**2]
    for area in areas:
        if area is not None:
            side = min(side, isqrt(area * longer // shorter))
    side = max(1, side)
    while side > 1 and any(
        _limits_passed(_scale_size(size, side), limits)
    ):  # by what rounding adds
        side -= 1
    return _scale_size(size, side)


def _scale_size(size: Size, longer: int) -> Size:
    width, height = (max(1, round(side * longer / max(size))) for side in size)
    return width, height


def _limits_for_count(limits: ImageLimits, count: int) -> ImageLimits:
    if limits.many is None or limits.max_side_of_many is None or count <= limits.many:
        return limits
    sides = [side for side in (limits.max_side, limits.max_side_of_many) if side is not None]
    return replace(limits, max_side=min(sides))


@dataclass(frozen=True, slots=True)
class _Reduction:
    """How small a picture must become, and why, for a person."""

    limits: ImageLimits
    why: str


async def _current_frame(
    image: Image, request: Request, unsupported_settings: UnsupportedSettings
) -> Image:
    """The picture, of a PIL animation the current frame."""
    if not isinstance(image.source, PillowSource):
        return image
    from fmsdk.media.image import frames_in

    animation = image.source.image
    frames = await asyncio.to_thread(frames_in, animation)
    if frames == 1:
        return image
    why = "a PIL image is sent as a PNG, which holds one of them; pass the file, or image.copy()"
    _drop_frames(image.describe(), frames, why, request, unsupported_settings, frame="current")
    return replace(image, source=PillowSource(await asyncio.to_thread(animation.copy)))


async def _reduction_for(
    image: Image, limits: ImageLimits, request: Request, unsupported_settings: UnsupportedSettings
) -> _Reduction | None:
    source: object = image.source
    if isinstance(source, FileRef) and image.max_side is not None:
        unsupported_settings.drop("max_side", "the picture is a file that the vendor holds")
    if not isinstance(source, LocalSource):
        return None
    size = image.size
    limits_passed = list(_limits_passed(size, limits)) if size else []
    if limits.max_bytes is not None and await _length(source) > limits.max_bytes:
        limits_passed.append(f"{limits.max_bytes:,} bytes")
    reasons = [f"{request.name} takes at most {limit}" for limit in limits_passed]
    if image.max_side is not None and (size is None or max(size) > image.max_side):
        reasons.insert(0, f"max_side={image.max_side} asks for it")
        limits = replace(limits, max_side=min(image.max_side, limits.max_side or image.max_side))
    return _Reduction(limits, " and ".join(reasons)) if reasons else None


def _limits_passed(size: Size, limits: ImageLimits) -> Iterator[str]:
    """The limits that a picture of this size is beyond."""
    width, height = size
    if limits.max_side is not None and max(size) > limits.max_side:
        yield f"{limits.max_side:,} pixels a side"
    if limits.max_pixels is not None and width * height > limits.max_pixels:
        yield f"{limits.max_pixels:,} pixels"
    side = limits.patch_side
    patches = -(-width // side) * -(-height // side)
    if limits.max_patches is not None and patches > limits.max_patches:
        yield f"{limits.max_patches:,} patches of {side}x{side} pixels"


async def _length(source: LocalSource) -> int:
    """Bytes of the file."""

    def measure() -> int:
        with source.open() as file:
            return file.seek(0, os.SEEK_END)

    # A PIL image has to be encoded for it.
    return await asyncio.to_thread(measure) if isinstance(source, PillowSource) else measure()


async def _shrink_image(
    image: Image, reduction: _Reduction, request: Request, unsupported_settings: UnsupportedSettings
) -> Image:
    from fmsdk.media.resize import shrink_picture

    name, before = image.describe(), image.header
    mime = before.mime if before else "image/png"
    try:
        after = await asyncio.to_thread(
            shrink_picture,
            image.source,
            mime,
            lambda size: size_within(size, reduction.limits),
            max_bytes=reduction.limits.max_bytes,
        )
    except InvalidMedia as error:
        raise InvalidMedia(
            f"{name} {error.message}, so it cannot be made smaller; {reduction.why}. "
            "Make it smaller yourself, as JPEG or PNG"
        ) from error
    if after.frames > 1:
        why = f"only single pictures are made smaller; {reduction.why}"
        _drop_frames(name, after.frames, why, request, unsupported_settings)
    old, new = (f"{width}x{height}" for width, height in (image.size or after.size, after.size))
    changes = "".join(f", {change}" for change in after.changes)
    unsupported_settings.warnings.append(
        Warning(
            "image_downsized",
            f"{name} was made smaller, from {old} to {new} pixels{changes}, because "
            f"{reduction.why}",
            "image",
        )
    )
    mime_type = image.mime_type if after.mime == mime else None
    return replace(image, source=BytesSource(after.data, after.mime), mime_type=mime_type)


def _drop_frames(
    name: str,
    frames: int,
    why: str,
    request: Request,
    unsupported_settings: UnsupportedSettings,
    *,
    frame: str = "first",
) -> None:
    if not request.lenient:
        raise InvalidMedia(
            f"{name} has {frames:,} frames, and {why}. Send one of its frames, or pass "
            f"lenient=True to send the {frame}"
        )
    message = f"of the {frames:,} frames of {name} the {frame} is sent"
    unsupported_settings.warnings.append(Warning("frames_dropped", message, "image"))
