"""Sizes of pictures within a vendor's limits: for the pipeline, which scales, and for quotes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import isqrt

from fmsdk.provider import ImageLimits

__all__ = ["Size", "find_exceeded_limits", "limits_for", "size_within"]

Size = tuple[int, int]


def limits_for(limits: ImageLimits, pictures: int) -> ImageLimits:
    """The limits in a request of so many pictures."""
    if limits.many is None or pictures <= limits.many:
        return limits
    sides = [side for side in (limits.max_side, limits.max_side_of_many) if side is not None]
    return replace(limits, max_side=min(sides, default=None))


def size_within(size: Size, limits: ImageLimits) -> Size:
    """The largest (width, height) of about the same shape within `limits`, except `max_bytes`,
    which does not follow from a size."""
    longer, shorter = max(size), max(1, min(size))
    side = min(longer, limits.max_side or longer)
    areas = [limits.max_pixels, limits.max_patches and limits.max_patches * limits.patch_side**2]
    for area in areas:
        if area is not None:
            side = min(side, isqrt(area * longer // shorter))
    side = max(1, side)
    while side > 1 and any(find_exceeded_limits(_scale_size(size, side), limits)):  # by rounding
        side -= 1
    return _scale_size(size, side)


def find_exceeded_limits(size: Size, limits: ImageLimits) -> Iterator[str]:
    """The limits that a picture of this size exceeds."""
    width, height = size
    if limits.max_side is not None and max(size) > limits.max_side:
        yield f"{limits.max_side:,} pixels a side"
    if limits.max_pixels is not None and width * height > limits.max_pixels:
        yield f"{limits.max_pixels:,} pixels"
    side = limits.patch_side
    patches = -(-width // side) * -(-height // side)
    if limits.max_patches is not None and patches > limits.max_patches:
        yield f"{limits.max_patches:,} patches of {side}x{side} pixels"


def _scale_size(size: Size, longer: int) -> Size:
    width, height = (max(1, round(side * longer / max(size))) for side in size)
    return width, height
