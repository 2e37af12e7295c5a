"""Pixels as a local model sees them: transparency, deep pixels, orientation and animations."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow
from PIL import ImageDraw

import fmsdk
from fmsdk.errors import InvalidMedia
from fmsdk.response import Warning
from fmsdk_local.vision.image import decode_image
from tests.local.conftest import CheckpointFactory
from tests.support.local import calls
from tests.support.media_files import animation

Colour = tuple[int, int, int]
WHITE, BLACK, RED, BLUE = (255, 255, 255), (0, 0, 0), (255, 0, 0), (0, 0, 255)


def circle(colour: Colour, hidden: Colour, alpha: int = 255) -> Pillow.Image:
    """A circle on a transparent ground, under which other pixels are hidden."""
    image = Pillow.new("RGBA", (60, 40), (*hidden, 0))
    ImageDraw.Draw(image).ellipse((15, 5, 45, 35), (*colour, alpha))
    return image


def as_palette(image: Pillow.Image) -> Pillow.Image:
    result = Pillow.new("P", image.size, 0)
    result.putpalette([9, 9, 9, *image.getpixel((30, 20))[:3]])  # type: ignore[index]
    result.paste(1, mask=image.getchannel("A"))
    result.info["transparency"] = 0
    return result


def with_colour_key(image: Pillow.Image) -> Pillow.Image:
    result = Pillow.new("RGB", image.size, (1, 2, 3))
    result.paste(image, mask=image.getchannel("A"))
    result.info["transparency"] = (1, 2, 3)
    return result


def saved(image: Pillow.Image, form: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def decoded(source: Any) -> tuple[Pillow.Image, list[Warning]]:
    warnings: list[Warning] = []
    return decode_image(fmsdk.Image(source), warnings), warnings


FORMS: dict[str, Callable[[Pillow.Image], Any]] = {
    "RGBA": lambda image: image,
    "RGBa": lambda image: image.convert("RGBa"),
    "palette": as_palette,
    "colour key": with_colour_key,
    "PNG": lambda image: saved(image, "PNG"),
    "PNG of a palette": lambda image: saved(as_palette(image), "PNG", transparency=0),
    "PNG with a colour key": lambda image: saved(
        with_colour_key(image), "PNG", transparency=(1, 2, 3)
    ),
    "GIF": lambda image: saved(as_palette(image), "GIF", transparency=0),
    "WebP": lambda image: saved(image, "WEBP", lossless=True),
    "TIFF": lambda image: saved(image, "TIFF"),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("hidden", [BLACK, RED], ids=["black", "red"])
@pytest.mark.parametrize(
    ("colour", "ground"), [(RED, WHITE), (BLUE, WHITE), (BLACK, WHITE), (WHITE, BLACK)]
)
def test_transparent_pixels_are_shown_on_a_ground(
    form: str, hidden: Colour, colour: Colour, ground: Colour
) -> None:
    image, warnings = decoded(FORMS[form](circle(colour, hidden)))
    assert (image.mode, image.getpixel((1, 1)), image.getpixel((30, 20))) == ("RGB", ground, colour)
    (warning,) = warnings
    assert warning.code == "image_converted"
    assert f"shown on {'black' if ground == BLACK else 'white'}" in warning.message


def test_half_transparent_pixels_are_mixed_with_the_ground() -> None:
    image, _ = decoded(circle(RED, BLUE, alpha=128))
    assert image.getpixel((30, 20)) == (255, 127, 127)


def test_grey_with_an_alpha_channel_is_shown_on_a_ground() -> None:
    grey = Pillow.new("LA", (8, 8), (0, 0))
    grey.putpixel((4, 4), (90, 255))
    for source in (grey, grey.convert("La"), saved(grey, "PNG")):
        image, _ = decoded(source)
        assert (image.getpixel((0, 0)), image.getpixel((4, 4))) == (WHITE, (90, 90, 90))


@pytest.mark.parametrize("mode", ["RGBA", "LA", "RGB", "L", "1", "CMYK", "YCbCr"])
def test_opaque_pictures_are_shown_without_a_warning(mode: str) -> None:
    image, warnings = decoded(calls.picture().convert(mode))
    assert image.mode == "RGB"
    assert warnings == []


RAMP = np.array([[0.0, 0.5, 1.0]] * 2)
GREYS = [0, 128, 255]


def grey_16_bits(order: str = "<") -> Pillow.Image:
    pixels = (RAMP * 65_535).round().astype(f"{order}u2")
    mode = "I;16" if order == "<" else "I;16B"
    return Pillow.frombytes(mode, (3, 2), pixels.tobytes())


DEEP: dict[str, Callable[[], Any]] = {
    "16 bits": grey_16_bits,
    "16 bits, big endian": lambda: grey_16_bits(">"),
    "PNG of 16 bits": lambda: saved(grey_16_bits(), "PNG"),
    "TIFF of 16 bits": lambda: saved(grey_16_bits(), "TIFF"),
    "integers to 65,535": lambda: Pillow.fromarray((RAMP * 65_535).round().astype(np.int32)),
    "integers to 255": lambda: Pillow.fromarray((RAMP * 255).round().astype(np.int32)),
    "floats to 1": lambda: Pillow.fromarray(RAMP.astype(np.float32)),
    "floats to 255": lambda: Pillow.fromarray((RAMP * 255).astype(np.float32)),
    "TIFF of floats": lambda: saved(Pillow.fromarray(RAMP.astype(np.float32)), "TIFF"),
}


@pytest.mark.parametrize("form", DEEP)
def test_deep_pixels_keep_their_scale(form: str) -> None:
    image, warnings = decoded(DEEP[form]())
    for grey, x in zip(GREYS, range(3), strict=True):
        pixel: Any = image.getpixel((x, 0))
        assert len(set(pixel)) == 1
        assert abs(pixel[0] - grey) <= 1
    # Only the scale of integers and floats is a guess.
    assert len(warnings) == ("16 bits" not in form)


@pytest.mark.parametrize(
    "pixels",
    [[[-1.0, 1.0]], [[0.0, 1e6]], [[0.0, np.nan]], [[0.0, np.inf]]],
    ids=["negative", "large", "nan", "inf"],
)
def test_pixels_of_an_unknown_scale_are_refused(pixels: Any) -> None:
    with pytest.raises(InvalidMedia, match=r"pixel values from .* scale them to 0…255 first"):
        decoded(Pillow.fromarray(np.array(pixels, np.float32)))


@pytest.mark.parametrize("form", ["GIF", "PNG", "WEBP", "TIFF"])
def test_dropped_frames_of_a_file_are_a_warning(form: str) -> None:
    data = animation(form, 3)
    image, warnings = decoded(data)
    assert image.getpixel((5, 5)) == BLACK
    assert [warning.code for warning in warnings] == ["frames_dropped"]
    assert f"of the 3 frames of <{len(data)} bytes> the model sees the first" in str(warnings[0])


def test_warnings_of_pictures_reach_the_response(tiny_checkpoint: CheckpointFactory) -> None:
    model = f"local:{tiny_checkpoint('llava')}"
    parts = [fmsdk.Image(saved(circle(RED, BLACK), "PNG")), "What colour is it?"]
    answer = calls.client().generate(model, parts, **calls.GREEDY)
    with calls.client().stream(model, parts, **calls.GREEDY) as stream:
        list(stream)
    flat = Pillow.new("RGB", (60, 40), "white")
    flat.paste(circle(RED, RED), mask=circle(RED, RED).getchannel("A"))
    expected = calls.client().generate(model, [fmsdk.Image(flat), parts[1]], **calls.GREEDY)
    assert answer.text == stream.response.text == expected.text
    for response in (answer, stream.response):
        assert [warning.code for warning in response.warnings] == ["image_converted"]


@pytest.mark.parametrize("form", DEEP)
def test_deep_pictures_reach_the_model(tiny_checkpoint: CheckpointFactory, form: str) -> None:
    parts = [fmsdk.Image(DEEP[form]()), "What colour is it?"]
    answer = calls.client().generate(f"local:{tiny_checkpoint('llava')}", parts, **calls.GREEDY)
    assert answer.usage.input.image == 4
