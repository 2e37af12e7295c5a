"""Pictures are made smaller where it was asked for or a vendor's limit demands it, which is said,
and left alone everywhere else."""

from __future__ import annotations

import asyncio
import io
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as PillowImage
from PIL import ImageOps

import fmsdk
from fmsdk import Image, ImageLimits, Message, ToolResult
from fmsdk.content import FileRef, MediaPart
from fmsdk.errors import BadRequestError, InvalidMedia, UnsupportedSetting
from fmsdk.media import resize
from fmsdk.pipeline.image_limits import fit_image_limits, size_within
from fmsdk.provider import Capabilities
from fmsdk.testing import FakeProvider
from tests.support.media_files import animation, heic, mp4, pdf, picture, wav

EVERYTHING = Capabilities(
    input=frozenset({"text", "image", "audio", "video", "document"}),
    remote=frozenset({"image", "audio", "video", "document"}),
)
PHOTO = picture("JPEG", (400, 300))


def ask(
    *parts: fmsdk.Part, limits: ImageLimits | None = None, lenient: bool = False
) -> tuple[list[MediaPart], fmsdk.Response[Any]]:
    """The media that reach the provider, and the answer."""
    provider = FakeProvider(capabilities=replace(EVERYTHING, image_limits=limits))
    with fmsdk.Client(providers={"fake": provider}) as client:
        answer = client.generate("fake:any", [*parts, "What is it?"], lenient=lenient)
    return list(provider.requests[0].media()), answer


def test_a_picture_is_made_smaller_on_request_with_a_warning() -> None:
    (sent,), answer = ask(Image(PHOTO, max_side=100))
    assert isinstance(sent, Image)
    assert (sent.size, sent.mime) == ((100, 75), "image/jpeg")
    assert [(w.code, w.detail) for w in answer.warnings] == [("image_downsized", "image")]
    assert answer.warnings[0].message == (
        f"<{len(PHOTO)} bytes> was made smaller, from 400x300 to 100x75 pixels, "
        "because max_side=100 asks for it"
    )


def test_a_picture_that_fits_goes_as_it_is() -> None:
    for image in (Image(PHOTO), Image(PHOTO, max_side=400), Image(heic(), max_side=640)):
        for limits in (None, ImageLimits(), ImageLimits(max_side=640, max_bytes=len(PHOTO))):
            (sent,), answer = ask(image, limits=limits)
            assert sent is image
            assert not answer.warnings


@pytest.mark.parametrize(
    ("limits", "size", "why"),
    [
        (ImageLimits(max_side=200), (200, 150), "takes at most 200 pixels a side"),
        (ImageLimits(max_pixels=30_000), (200, 150), "takes at most 30,000 pixels"),
        (ImageLimits(max_patches=20), (160, 120), "takes at most 20 patches of 32x32 pixels"),
        (ImageLimits(max_patches=12, patch_side=50), (200, 150), "12 patches of 50x50 pixels"),
        (ImageLimits(max_bytes=2500), None, "takes at most 2,500 bytes"),
        (
            ImageLimits(max_side=300, max_pixels=40_000),
            (230, 172),
            "takes at most 300 pixels a side and fake:any takes at most 40,000 pixels",
        ),
        (ImageLimits(max_side=900, many=0, max_side_of_many=80), (80, 60), "80 pixels a side"),
    ],
)
def test_the_vendors_limit_is_kept_and_named(
    limits: ImageLimits, size: tuple[int, int] | None, why: str
) -> None:
    (sent,), answer = ask(Image(PHOTO), limits=limits)
    assert isinstance(sent, Image)
    assert size is None or sent.size == size
    if limits.max_bytes:
        assert len(sent.read()) <= limits.max_bytes
    (warning,) = answer.warnings
    assert warning.code == "image_downsized"
    assert warning.message.endswith(why)
    assert "because fake:any takes at most" in warning.message


def test_pictures_are_counted_for_limits_of_many() -> None:
    limits = ImageLimits(max_side=900, many=2, max_side_of_many=100)
    sent, answer = ask(Image(PHOTO), Image(PHOTO), limits=limits)
    assert [image.size for image in sent if isinstance(image, Image)] == [(400, 300)] * 2
    result = ToolResult("1", [Image(PHOTO), "and one more"])
    sent, answer = ask(Image(PHOTO), Image(PHOTO), result, limits=limits)
    assert [image.size for image in sent if isinstance(image, Image)] == [(100, 75)] * 3
    assert len(answer.warnings) == 3


def test_callers_token_limit_goes_before_the_models_limit() -> None:
    (sent,), answer = ask(Image(PHOTO, max_side=50), limits=ImageLimits(max_side=200))
    assert isinstance(sent, Image)
    assert sent.size == (50, 38)
    assert "max_side=50 asks for it and fake:any takes at most 200" in answer.warnings[0].message


def test_a_pil_image_is_measured_as_the_file_it_becomes() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (90, 120, 3), dtype=np.uint8)
    image = PillowImage.fromarray(noise)
    (sent,), answer = ask(Image(image), limits=ImageLimits(max_bytes=9000))
    assert len(sent.read()) <= 9000
    assert sent.mime == "image/png"
    assert answer.warnings[0].message.startswith("<Image 120x90> was made smaller, from 120x90 to")


def test_nothing_else_of_a_picture_or_a_message_changes() -> None:
    image = Image(PHOTO, "low", max_side=100, cache="1h", mime_type="image/jpg")
    others = (
        fmsdk.Audio(wav(), cache=True, rate=8000),
        fmsdk.Video(mp4()),
        fmsdk.Document(pdf(), name="plan.pdf"),
        fmsdk.Reasoning("hm", "fake", "{}"),
        fmsdk.ToolCall("1", "look", {"at": 1}),
    )
    result = ToolResult("1", [image, "text"], is_error=True, name="look", cache=True)
    messages = (Message("assistant", [*others]), Message("tool", [result]))
    request = fmsdk.Request(provider="p", model="m", messages=messages, tags=(("a", "b"),))
    fit, _ = asyncio.run(fit_image_limits(request, EVERYTHING))
    assert replace(fit, messages=()) == replace(request, messages=())
    assert fit.messages[0] == messages[0]
    back = fit.messages[1].parts[0]
    assert isinstance(back, ToolResult)
    assert replace(back, content=()) == replace(result, content=())
    sent = back.content[0]
    assert isinstance(sent, Image)
    assert replace(sent, source=image.source) == image
    assert sent.size == (100, 75)


def test_declared_type_decides_the_format_sent() -> None:
    (sent,), _ = ask(Image(picture("BMP"), max_side=10, mime_type="image/x-bmp"))
    assert sent.mime == "image/png"


def test_changes_by_scaling_are_reported() -> None:
    exif = PillowImage.Exif()
    exif[0x0112] = 6
    _, answer = ask(Image(picture("TIFF", exif=exif), max_side=20))
    assert answer.warnings[0].message.endswith(
        "from 30x40 to 15x20 pixels, as image/png, turned upright as its EXIF data say, without "
        "its metadata other than EXIF and colour profile, because max_side=20 asks for it"
    )


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_turned_upright_for_a_server_that_ignores_exif(
    form: str, orientation: int
) -> None:
    exif = PillowImage.Exif()
    exif[0x0112] = orientation
    data = picture(form, (60, 20), exif=exif)
    (sent,), answer = ask(Image(data), limits=ImageLimits(upright=True))
    if orientation == 1:
        assert (sent.read(), answer.warnings) == (data, ())
        return
    pixels = PillowImage.open(io.BytesIO(sent.read()))
    expected = ImageOps.exif_transpose(PillowImage.open(io.BytesIO(data)))
    assert pixels.getexif().get(0x0112, 1) == 1
    assert pixels.size == expected.size
    difference = np.asarray(pixels, float) - np.asarray(expected.convert(pixels.mode), float)
    assert np.abs(difference).mean() < 4
    (warning,) = answer.warnings
    assert warning.code == "image_converted"
    assert warning.message.endswith("because fake:any ignores the EXIF orientation")


def test_one_picture_sent_twice_is_scaled_once(monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[str] = []
    real = resize.shrink_picture

    def noted(*args: Any, **kwargs: Any) -> Any:
        threads.append(threading.current_thread().name)
        return real(*args, **kwargs)

    monkeypatch.setattr(resize, "shrink_picture", noted)
    image = Image(PHOTO, max_side=100)
    sent, answer = ask(image, image)
    assert sent[0] is sent[1]
    assert len(answer.warnings) == len(threads) == 1
    assert threads[0] != threading.main_thread().name
    assert threads[0] != "fmsdk"  # not on the event loop's


def test_unshrinkable_image_error_names_the_limit_and_the_way_out(tmp_path: Path) -> None:
    file = tmp_path / "photo.heic"
    file.write_bytes(heic())
    with pytest.raises(InvalidMedia) as caught:
        ask(Image(file), limits=ImageLimits(max_side=500))
    assert caught.value.message == (
        f"{file} is image/heic, which fmsdk cannot decode, so it cannot be made smaller; "
        "fake:any takes at most 500 pixels a side. Make it smaller yourself, as JPEG or PNG"
    )


@pytest.mark.parametrize("form", ["GIF", "PNG", "WEBP"])
def test_an_animation_is_not_reduced_to_a_picture_unasked(form: str) -> None:
    image = Image(animation(form, 5), max_side=20)
    with pytest.raises(InvalidMedia, match=r"has 5 frames.*max_side=20.*pass lenient=True"):
        ask(image)
    (sent,), answer = ask(image, lenient=True)
    assert isinstance(sent, Image)
    assert sent.size == (20, 15)
    assert [w.code for w in answer.warnings] == ["frames_dropped", "image_downsized"]


@pytest.mark.parametrize("form", ["GIF", "PNG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("side", [None, 20])
def test_an_animation_of_pil_is_not_reduced_to_a_picture_unasked(
    form: str, side: int | None
) -> None:
    opened = PillowImage.open(io.BytesIO(animation(form, 3)))
    with pytest.raises(InvalidMedia, match=r"has 3 frames.*pass the file.*lenient=True"):
        ask(Image(opened, max_side=side))
    with pytest.raises(InvalidMedia, match=r"has 3 frames.*copy\(\)"):
        Image(opened).read()
    (sent,), answer = ask(Image(opened, max_side=side), lenient=True)
    codes = [w.code for w in answer.warnings]
    assert codes == ["frames_dropped"] + ["image_downsized"] * (side is not None)
    assert PillowImage.open(io.BytesIO(sent.read())).size == (
        (40, 30) if side is None else (20, 15)
    )
    assert "the current is sent" in answer.warnings[0].message
    assert not ask(Image(opened.copy()))[1].warnings


def test_the_pictures_beside_a_photograph_are_no_frames() -> None:
    buffer = io.BytesIO()
    photo, depth = (PillowImage.new("RGB", (40, 30), colour) for colour in ("red", "blue"))
    photo.save(buffer, "MPO", save_all=True, append_images=[depth])
    _, answer = ask(Image(PillowImage.open(io.BytesIO(buffer.getvalue()))))
    assert not answer.warnings


def test_a_picture_that_the_vendor_holds_is_out_of_reach() -> None:
    image = Image(FileRef("fake", "file-1"), max_side=100)
    with pytest.raises(UnsupportedSetting, match="max_side: the picture is a file that the vendor"):
        ask(image)
    (sent,), answer = ask(image, lenient=True)
    assert sent is image
    assert [(w.code, w.detail) for w in answer.warnings] == [("setting_dropped", "max_side")]
    by_url = Image("https://example.com/x.png")
    sent, answer = ask(by_url, Image(FileRef("fake", "x")), limits=ImageLimits(max_side=9))
    assert sent[0] is by_url
    assert not answer.warnings


@pytest.mark.parametrize("side", [0, -1, 1.5, True, "100"])
def test_max_side_is_a_number_of_pixels(side: Any) -> None:
    with pytest.raises(BadRequestError, match="max_side is a number of pixels"):
        Image(PHOTO, max_side=side)


def test_max_side_is_kept_by_replace_and_in_writing() -> None:
    image = Image(PHOTO, max_side=100)
    assert replace(image, detail="low").max_side == 100
    assert fmsdk.from_json(fmsdk.to_json(image)) == image
    assert fmsdk.from_json(fmsdk.to_json(image)).max_side == 100
    assert image.size == (400, 300)
    assert image.read() == PHOTO


bound = st.none() | st.integers(1, 5000)


@given(
    size=st.tuples(st.integers(1, 20_000), st.integers(1, 20_000)),
    side=bound,
    pixels=st.none() | st.integers(1, 10**8),
    patches=st.none() | st.integers(1, 30_000),
    patch_side=st.integers(1, 64),
)
def test_the_largest_size_within_limits(
    size: tuple[int, int],
    side: int | None,
    pixels: int | None,
    patches: int | None,
    patch_side: int,
) -> None:
    limits = ImageLimits(
        max_side=side, max_pixels=pixels, max_patches=patches, patch_side=patch_side
    )

    def fits(width: int, height: int) -> bool:
        count = -(-width // patch_side) * -(-height // patch_side)
        return (
            max(width, height) <= (side or 10**9)
            and width * height <= (pixels or 10**12)
            and count <= (patches or 10**12)
        )

    width, height = size_within(size, limits)
    assert fits(width, height)
    if fits(*size):
        assert (width, height) == size
        return
    longer, shorter = max(size), min(size)
    assert abs(min(width, height) - max(1, max(width, height) * shorter / longer)) <= 0.5
    wider = max(width, height) * 102 // 100 + 2
    if wider < longer and min(width, height) > 50:  # of few pixels rounding makes much
        assert not fits(wider, max(1, round(wider * shorter / longer)))


def test_scaling_leaves_the_event_loop_free() -> None:
    large = io.BytesIO()
    PillowImage.effect_noise((3000, 3000), 50).convert("RGB").save(large, "PNG", compress_level=1)
    request = fmsdk.Request(
        provider="p", model="m", messages=(Message("user", [Image(large.getvalue(), max_side=99)]),)
    )

    async def main() -> int:
        task = asyncio.create_task(fit_image_limits(request, EVERYTHING))
        beats = 0
        while not task.done():
            await asyncio.sleep(0.002)
            beats += 1
        await task
        return beats

    assert asyncio.run(main()) >= 10
