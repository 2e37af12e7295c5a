"""Makes pictures smaller before they are sent: only if the caller asks for it (`Image.max_side`) or
the vendor's limits demand it (`Capabilities.image_limits`), and each time with a warning. Turns
them upright for servers that ignore the EXIF orientation.

`fmsdk.media.resize` scales the pixels.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TypeVar

from fmsdk.content import Image
from fmsdk.errors import InvalidMedia
from fmsdk.image_size import find_exceeded_limits, limits_for, size_within
from fmsdk.media.source import BytesSource, FileRef, LocalSource, PillowSource
from fmsdk.provider import Capabilities, ImageLimits, UnsupportedSettings
from fmsdk.request import Request
from fmsdk.response import Warning
from fmsdk.threads import run_in_thread

__all__ = ["fit_image_limits", "size_within"]

Q = TypeVar("Q", bound=Request)

_NO_LIMITS = ImageLimits()


async def fit_image_limits(request: Q, capabilities: Capabilities) -> tuple[Q, tuple[Warning, ...]]:
    """The request with pictures that are small enough and upright, and a warning "image_downsized"
    or "image_converted" for each picture that was not.

    Pictures are scaled in a thread, one after the other, so that only one is in memory.

    Raises:
        InvalidMedia: HEIC, AVIF or an animation that would have to be made smaller; or an animation
            as a PIL image. A lenient request sends the first frame of an animation (of a PIL image
            the current one), with the warning "frames_dropped".
        UnsupportedSetting: `max_side` of a picture that the vendor holds.
    """
    images = [part for part in request.media() if isinstance(part, Image)]
    limits = limits_for(capabilities.image_limits or _NO_LIMITS, len(images))
    unsupported_settings = UnsupportedSettings(request)
    smaller: dict[int, Image] = {}
    for image in images:
        if id(image) not in smaller:
            frame = await _current_frame(image, request, unsupported_settings)
            if capabilities.image_limits is not None or frame.max_side is not None:
                reduction = await _find_reduction(frame, limits, request, unsupported_settings)
                if reduction is not None:
                    frame = await _shrink_image(frame, reduction, request, unsupported_settings)
            if frame is not image:
                smaller[id(image)] = frame

    if smaller:
        request = request.with_media(lambda part: smaller.get(id(part), part))
    return request, tuple(unsupported_settings.warnings)


@dataclass(frozen=True, slots=True)
class _Reduction:
    """The limits that a picture must meet, and the reason, for people."""

    limits: ImageLimits
    why: str


async def _current_frame(
    image: Image, request: Request, unsupported_settings: UnsupportedSettings
) -> Image:
    """The picture; or of a PIL animation the current frame."""
    if not isinstance(image.source, PillowSource):
        return image
    from fmsdk.media.image import frames_in

    animation = image.source.image
    frames = await run_in_thread(frames_in, animation)
    if frames == 1:
        return image
    why = "a PIL image is sent as a PNG, which holds one of them; pass the file, or image.copy()"
    _drop_frames(image.describe(), frames, why, request, unsupported_settings, frame="current")
    return replace(image, source=PillowSource(await run_in_thread(animation.copy)))


async def _find_reduction(
    image: Image, limits: ImageLimits, request: Request, unsupported_settings: UnsupportedSettings
) -> _Reduction | None:
    source: object = image.source
    if isinstance(source, FileRef) and image.max_side is not None:
        unsupported_settings.drop("max_side", "the picture is a file that the vendor holds")
    if not isinstance(source, LocalSource):
        return None
    size = image.size
    exceeded_limits = list(find_exceeded_limits(size, limits)) if size else []
    if limits.max_bytes is not None:
        # A PIL image has to be encoded to know its size.
        is_slow = isinstance(source, PillowSource)
        bytes_count = await run_in_thread(_file_size, source) if is_slow else _file_size(source)
        if bytes_count > limits.max_bytes:
            exceeded_limits.append(f"{limits.max_bytes:,} bytes")
    reasons = [f"{request.name} takes at most {limit}" for limit in exceeded_limits]
    if image.max_side is not None and (size is None or max(size) > image.max_side):
        reasons.insert(0, f"max_side={image.max_side} asks for it")
        limits = replace(limits, max_side=min(image.max_side, limits.max_side or image.max_side))
    if limits.upright and not isinstance(source, PillowSource) and image.mime:
        from fmsdk.media.image import orientation_of

        if await run_in_thread(orientation_of, source, image.mime) != 1:
            reasons.append(f"{request.name} ignores the EXIF orientation")
    return _Reduction(limits, " and ".join(reasons)) if reasons else None


def _file_size(source: LocalSource) -> int:
    with source.open() as file:
        return file.seek(0, os.SEEK_END)


async def _shrink_image(
    image: Image, reduction: _Reduction, request: Request, unsupported_settings: UnsupportedSettings
) -> Image:
    from fmsdk.media.resize import shrink_picture

    name, before = image.describe(), image.header
    mime = before.mime if before else "image/png"
    try:
        after = await run_in_thread(
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
    size = image.size or after.size
    old, new = (f"{width}x{height}" for width, height in (size, after.size))
    changes = "".join(f", {change}" for change in after.changes)
    is_smaller = sorted(size) != sorted(after.size)
    unsupported_settings.warnings.append(
        Warning(
            "image_downsized" if is_smaller else "image_converted",
            f"{name} was {'made smaller' if is_smaller else 'written anew'}, from {old} to {new} "
            f"pixels{changes}, because {reduction.why}",
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
