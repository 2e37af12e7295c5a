"""Pictures made smaller keep what they show: shape, colours, transparency, profile, EXIF."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as PillowImage
from PIL import ImageCms, PngImagePlugin, TiffImagePlugin

from fmsdk.errors import InvalidMedia
from fmsdk.media.header import read_header
from fmsdk.media.image import encode_png
from fmsdk.media.integrity import check_integrity
from fmsdk.media.resize import Size, SmallerPicture, shrink_picture
from fmsdk.media.source import BytesSource, PillowSource
from tests.support.media_files import animation, heic, picture

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
ORIENTATION, MAKER = 0x0112, 0x010F


def halved(size: Size) -> Size:
    return max(1, size[0] // 2), max(1, size[1] // 2)


def file_of(image: PillowImage.Image, form: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def smaller(data: bytes, **options: Any) -> SmallerPicture:
    source = BytesSource(data)
    return shrink_picture(source, read_header("image", source).mime, halved, **options)


def pixels(data: bytes, mode: str | None = None) -> np.ndarray:
    with PillowImage.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert(mode) if mode else image).astype(float)


def scene(mode: str = "RGB", size: Size = (80, 60)) -> PillowImage.Image:
    """Red on the left, blue on the right, darker downwards."""
    across = np.linspace(255, 0, size[0])[None].repeat(size[1], 0)
    down = np.linspace(200, 20, size[1])[:, None].repeat(size[0], 1)
    colours = np.stack([across, down, 255 - across], axis=2).astype(np.uint8)
    return PillowImage.fromarray(colours).convert(mode)


@pytest.mark.parametrize(
    ("form", "mode", "sent", "mode_sent"),
    [
        ("JPEG", "RGB", "image/jpeg", "RGB"),
        ("JPEG", "L", "image/jpeg", "L"),
        ("JPEG", "CMYK", "image/jpeg", "CMYK"),
        ("PNG", "RGB", "image/png", "RGB"),
        ("PNG", "RGBA", "image/png", "RGBA"),
        ("PNG", "P", "image/png", "RGB"),
        ("PNG", "LA", "image/png", "LA"),
        ("PNG", "L", "image/png", "L"),
        ("PNG", "1", "image/png", "L"),
        ("WEBP", "RGB", "image/webp", "RGB"),
        ("WEBP", "RGBA", "image/webp", "RGB"),
        ("GIF", "P", "image/png", "RGB"),
        ("BMP", "RGB", "image/png", "RGB"),
        ("BMP", "1", "image/png", "L"),
        ("TIFF", "RGB", "image/png", "RGB"),
        ("TIFF", "CMYK", "image/png", "RGB"),
        ("TIFF", "LAB", "image/png", "RGB"),
        ("TIFF", "YCbCr", "image/png", "RGB"),
    ],
)
def test_every_format_and_mode_shows_the_same(
    form: str, mode: str, sent: str, mode_sent: str
) -> None:
    image = scene() if mode == "LAB" else scene(mode)
    if mode == "LAB":
        to_lab = ImageCms.buildTransform(SRGB_FILE(), ImageCms.createProfile("LAB"), "RGB", "LAB")
        image = ImageCms.applyTransform(image, to_lab)
    data = file_of(image, form)
    done = smaller(data)
    assert (done.mime, done.size) == (sent, (40, 30))
    with PillowImage.open(io.BytesIO(done.data)) as back:
        assert (back.size, back.mode) == ((40, 30), mode_sent)
    check_integrity("image", BytesSource(done.data))
    if mode not in ("1", "LAB"):  # Pillow shows LAB without its white point
        before = pixels(data, "RGB").reshape(30, 2, 40, 2, 3).mean(axis=(1, 3))
        assert np.abs(before - pixels(done.data, "RGB")).mean() < 6
    as_png = [f"as {sent}"] if form in ("GIF", "BMP", "TIFF") else []
    assert list(done.changes)[: len(as_png)] == as_png


def SRGB_FILE() -> io.BytesIO:  # noqa: N802
    return io.BytesIO(SRGB)


@pytest.mark.parametrize("mode", ["P", "RGB", "L"])
def test_a_transparent_colour_becomes_an_alpha_channel(mode: str) -> None:
    image = PillowImage.new("RGB", (40, 40), (3, 3, 3))
    image.paste(PillowImage.new("RGB", (20, 40), (9, 200, 9)))
    image = image.convert(mode, dither=PillowImage.Dither.NONE)
    clear: Any = image.getpixel((30, 20))
    done = smaller(file_of(image, "PNG", transparency=clear))
    alpha = pixels(done.data, "RGBA")[:, :, 3]
    assert alpha[:, :8].min() > 250
    assert alpha[:, 12:].max() < 5


@pytest.mark.parametrize("form", ["PNG", "WEBP"])
def test_half_transparent_colours_do_not_bleed(form: str) -> None:
    image = PillowImage.new("RGBA", (40, 40), (255, 0, 0, 0))
    image.paste((0, 0, 255, 128), (0, 0, 20, 40))
    red, _, blue, alpha = pixels(smaller(file_of(image, form, lossless=True)).data)[10, 9]
    assert red < 10
    assert blue > 245
    assert alpha > 100


@pytest.mark.parametrize(("form", "mode"), [("PNG", "I;16"), ("TIFF", "I;16"), ("TIFF", "I;16B")])
def test_grey_of_16_bits_stays(form: str, mode: str) -> None:
    grey = np.linspace(0, 65_535, 80 * 60).reshape(60, 80).astype(np.uint16)
    image = PillowImage.fromarray(grey)
    if mode == "I;16B":
        image = image.convert("I").convert("I;16B")
    done = smaller(file_of(image, form))
    back = pixels(done.data)
    assert back.max() > 60_000
    assert np.abs(back - grey.reshape(30, 2, 40, 2).mean(axis=(1, 3))).mean() < 50
    assert not any("16 bits" in note for note in done.changes)


def test_16_bit_colours_become_8_with_a_warning() -> None:
    import struct
    import zlib

    rows = b"".join(b"\0" + b"\xab\xcd\x00\x00\xff\xff" * 40 for _ in range(30))
    header = struct.pack(">IIBBBBB", 40, 30, 16, 2, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n"
    for name, body in ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")):
        checksum = struct.pack(">I", zlib.crc32(name + body))
        data += struct.pack(">I", len(body)) + name + body + checksum
    done = smaller(data)
    assert done.changes == ("with 8 instead of 16 bits a channel",)
    assert pixels(done.data)[0, 0].tolist() == [0xAB, 0, 255]


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_sent_upright(form: str, orientation: int) -> None:
    exif = PillowImage.Exif()
    exif[ORIENTATION] = orientation
    data = file_of(scene(), form, exif=exif)
    done = smaller(data)
    with PillowImage.open(io.BytesIO(data)) as original:
        from PIL import ImageOps

        upright = ImageOps.exif_transpose(original).convert("RGB")
    with PillowImage.open(io.BytesIO(done.data)) as back:
        assert back.getexif().get(ORIENTATION, 1) == 1
        assert back.size == done.size == halved(upright.size)
    expected = np.asarray(upright.resize(done.size)).astype(float)
    assert np.abs(expected - pixels(done.data, "RGB")).mean() < 8
    assert ("turned upright as its EXIF data say" in done.changes) == (orientation != 1)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", [1, 6])
def test_exif_and_colour_profile_stay(form: str, orientation: int) -> None:
    exif = PillowImage.Exif()
    exif[MAKER], exif[ORIENTATION] = "A camera", orientation
    done = smaller(file_of(scene(), form, exif=exif, icc_profile=SRGB))
    with PillowImage.open(io.BytesIO(done.data)) as back:
        assert back.getexif()[MAKER] == "A camera"
        assert back.info["icc_profile"] == SRGB


def test_other_metadata_is_left_out_with_a_warning() -> None:
    said = "without its metadata other than EXIF and colour profile"
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", "hello")
    assert smaller(file_of(scene(), "PNG", pnginfo=text)).changes == (said,)
    assert smaller(file_of(scene(), "JPEG", comment=b"hello")).changes == (said,)
    assert smaller(file_of(scene(), "JPEG", xmp=b"<x/>")).changes == (said,)
    assert said in smaller(file_of(scene(), "TIFF")).changes
    assert smaller(file_of(scene(), "JPEG")).changes == ()


def test_non_rgb_colour_profile_is_applied_and_dropped() -> None:
    profile = cmyk_profile()
    image = scene("CMYK")
    image.info["icc_profile"] = profile
    as_png = shrink_picture(PillowSource(image), "image/png", halved)
    for data in (as_png.data, encode_png(image)):
        with PillowImage.open(io.BytesIO(data)) as back:
            assert back.mode == "RGB"
            assert back.info.get("icc_profile") != profile
    as_jpeg = smaller(file_of(image, "JPEG", icc_profile=profile))
    with PillowImage.open(io.BytesIO(as_jpeg.data)) as back:
        assert (back.mode, back.info["icc_profile"]) == ("CMYK", profile)


def cmyk_profile() -> bytes:
    """No whole profile for CMYK is free to make; a broken one must do."""
    return SRGB[:16] + b"CMYK" + SRGB[20:]


def test_a_lossless_webp_stays_lossless() -> None:
    edges = PillowImage.fromarray((np.indices((60, 80)).sum(0) // 9 % 2 * 255).astype(np.uint8))
    image = edges.convert("RGB")
    for lossless in (True, False):
        done = smaller(file_of(image, "WEBP", lossless=lossless))
        exact = np.asarray(image.resize((40, 30), PillowImage.Resampling.LANCZOS)).astype(float)
        assert (np.abs(exact - pixels(done.data)).max() == 0) == lossless


def test_chroma_subsampling_stays() -> None:
    for sampling in (0, 1, 2):
        done = smaller(file_of(scene(), "JPEG", subsampling=sampling))
        from PIL import JpegImagePlugin

        with PillowImage.open(io.BytesIO(done.data)) as back:
            assert JpegImagePlugin.get_sampling(back) == sampling


@pytest.mark.parametrize("form", ["GIF", "PNG", "WEBP", "TIFF"])
def test_first_frame_of_an_animation_is_kept_with_a_warning(form: str) -> None:
    done = smaller(animation(form, 5))
    assert done.frames == 5
    assert done.size == (20, 15)


def test_a_pil_image_is_not_touched() -> None:
    image = PillowImage.open(io.BytesIO(picture("JPEG", (400, 300))))
    done = shrink_picture(
        PillowSource(image), "image/png", lambda size: (size[0] // 8, size[1] // 8)
    )
    assert (done.mime, done.size, done.frames) == ("image/png", (50, 37), 1)
    assert image.size == (400, 300)


@given(limit=st.integers(800, 20_000), form=st.sampled_from(["PNG", "JPEG", "WEBP", "BMP"]))
def test_a_file_shrinks_until_it_has_few_enough_bytes(limit: int, form: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (90, 120, 3), dtype=np.uint8)
    source = BytesSource(file_of(PillowImage.fromarray(noise), form))
    mime = read_header("image", source).mime
    done = shrink_picture(source, mime, lambda size: size, max_bytes=limit)
    assert len(done.data) <= limit
    width, height = done.size
    assert width / height == pytest.approx(4 / 3, rel=0.1)
    assert width == 120 or len(done.data) > limit / 4


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (heic(), "is image/heic, which fmsdk cannot decode"),
        (picture("PNG", (90, 90))[:-400] + bytes(400), "cannot be decoded"),
        (file_of(PillowImage.new("F", (9, 9)), "TIFF"), "has pixels of mode F"),
        (file_of(PillowImage.new("I", (9, 9)), "TIFF"), "has pixels of mode I"),
    ],
)
def test_unshrinkable_image_error_gives_the_reason(data: bytes, why: str) -> None:
    with pytest.raises(InvalidMedia, match=why):
        smaller(data)


def test_a_big_endian_tiff_with_orientation_is_read() -> None:
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[ORIENTATION] = 6
    done = smaller(file_of(scene(), "TIFF", tiffinfo=tags))
    assert done.size == (30, 40)
