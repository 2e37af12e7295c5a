"""Small files that would be huge once they are decoded are refused, from their headers alone."""

from __future__ import annotations

import io
import struct
import tracemalloc
import zipfile
import zlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as PillowImage
from PIL import PngImagePlugin

from fmsdk.content import Document, Image
from fmsdk.errors import InvalidMedia
from fmsdk.media import image
from fmsdk.media.header import read_header
from fmsdk.media.integrity import check_integrity, document, frames
from fmsdk.media.integrity.frames import Frames, count_frames
from fmsdk.media.source import BytesSource
from tests.support.media_files import animation, heic, office, pdf, picture


def png(width: int, height: int) -> bytes:
    data = bytearray(picture("PNG"))
    data[16:24] = struct.pack(">II", width, height)
    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    return bytes(data)


def gif(width: int, height: int) -> bytes:
    data = picture("GIF")
    return data[:6] + struct.pack("<HH", width, height) + data[10:]


def jpeg(width: int, height: int) -> bytes:
    data = bytearray(picture("JPEG"))
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = struct.pack(">HH", height, width)
    return bytes(data)


def bmp(width: int, height: int) -> bytes:
    data = bytearray(picture("BMP"))
    data[18:26] = struct.pack("<ii", width, height)
    return bytes(data)


def tiff(width: int, height: int) -> bytes:
    data = bytearray(picture("TIFF"))
    for tag, number in ((256, width), (257, height)):
        at = data.index(struct.pack("<H", tag))
        data[at : at + 12] = struct.pack("<HHII", tag, 4, 1, number)
    return bytes(data)


def webp(width: int, height: int) -> bytes:
    data = bytearray(animation("WEBP"))
    data[24:30] = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return bytes(data)


SIZED = {
    "png": png(60_000, 60_000),
    "gif": gif(60_000, 60_000),
    "jpeg": jpeg(60_000, 60_000),
    "bmp": bmp(60_000, -60_000),
    "tiff": tiff(60_000, 60_000),
    "webp": webp(60_000, 60_000),
    "heic": heic((60_000, 60_000)),
}


@pytest.mark.parametrize("name", SIZED)
def test_a_picture_of_too_many_pixels_is_refused(name: str) -> None:
    tracemalloc.start()
    with pytest.raises(InvalidMedia, match=r"60000x60000 pixels, more than .* 178,956,970"):
        Image(SIZED[name]).size  # noqa: B018
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5_000_000


def test_the_limit_of_pixels_is_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    for limit, fits in ((1199, False), (1200, True)):
        monkeypatch.setattr(image, "MAX_PIXELS", limit)
        if fits:
            assert Image(picture("PNG")).size == (40, 30)
        else:
            with pytest.raises(InvalidMedia, match=r"has 40x30 pixels, more than .* 1,199"):
                Image(picture("PNG")).size  # noqa: B018


@pytest.mark.parametrize("form", ["GIF", "PNG", "WEBP", "TIFF"])
@given(count=st.integers(2, 6))
def test_frames_are_counted(form: str, count: int) -> None:
    source = io.BytesIO(animation(form, count))
    found = count_frames(source, f"image/{form.lower()}")
    assert (found.count, found.pixels) == (count, count * 40 * 30)


@pytest.mark.parametrize("form", ["GIF", "PNG", "WEBP", "JPEG", "BMP"])
def test_a_single_picture_has_one_frame(form: str) -> None:
    assert count_frames(io.BytesIO(picture(form)), f"image/{form.lower()}").count == 1


@pytest.mark.parametrize("form", ["GIF", "PNG", "WEBP", "TIFF"])
def test_too_many_frames_are_refused(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    source = BytesSource(animation(form, 4))
    monkeypatch.setattr(frames, "MAX_FRAME_PIXELS", 4 * 40 * 30)
    check_integrity("image", source)
    monkeypatch.setattr(frames, "MAX_FRAME_PIXELS", 4 * 40 * 30 - 1)
    with pytest.raises(InvalidMedia, match="has 4 frames of 4,800 pixels in all"):
        check_integrity("image", source)


def test_a_real_bomb_of_frames_is_refused() -> None:
    frame = b",\0\0\0\0\1\0\1\0\0\2\2\x44\1\0"  # one pixel in 15 bytes
    data = b"GIF89a" + struct.pack("<HH", 10_000, 10_000) + b"\x80\0\0" + bytes(6)
    bomb = BytesSource(data + frame * 1000 + b";")
    assert len(bomb.data) < 20_000
    with pytest.raises(InvalidMedia, match="has 1,000 frames of 100,000,000,000 pixels"):
        check_integrity("image", bomb)


def test_a_gif_frame_beyond_the_canvas_counts_in_full() -> None:
    data = picture("GIF")
    at = data.index(b",\0\0\0\0\x28\0\x1e\0")
    wide = data[: at + 5] + struct.pack("<HH", 60_000, 60_000) + data[at + 9 :]
    later = data[:-1] + wide[at:]
    for bomb in (wide, later):
        with pytest.raises(InvalidMedia, match="has a frame of 3,600,000,000 pixels"):
            check_integrity("image", BytesSource(bomb))


def test_text_of_a_png_that_unpacks_to_megabytes_is_refused() -> None:
    notes = PngImagePlugin.PngInfo()
    notes.add_text("Comment", "x" * 70_000_000, zip=True)
    data = picture("PNG", pnginfo=notes)
    assert len(data) < 100_000
    with pytest.raises(InvalidMedia, match="has a broken header: Decompressed data too large"):
        Image(data).size  # noqa: B018


@pytest.mark.parametrize("pages", [100_001, 10**9, 10**30])
def test_pdf_with_too_many_pages_is_refused(pages: int) -> None:
    assert read_header("document", BytesSource(pdf(100_000))).pages == 100_000
    with pytest.raises(InvalidMedia, match="has more than 100,000 pages"):
        Document(pdf(pages)).mime  # noqa: B018


def test_an_office_file_that_unpacks_to_gigabytes_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    buffer = io.BytesIO(office())
    with zipfile.ZipFile(buffer, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/media/image1.bmp", bytes(2_000_000))
    source = BytesSource(buffer.getvalue())
    check_integrity("document", source)
    monkeypatch.setattr(document, "MAX_UNPACKED", 2_000_000)
    with pytest.raises(InvalidMedia, match=r"unpacks to 2,0\d\d,\d\d\d bytes, more than"):
        check_integrity("document", source)


def test_directories_of_a_tiff_that_run_in_circles_end() -> None:
    data = bytearray(picture("TIFF"))
    first = struct.unpack("<I", data[4:8])[0]
    entries = struct.unpack("<H", data[first : first + 2])[0]
    end = first + 2 + 12 * entries
    data[end : end + 4] = struct.pack("<I", first)
    assert count_frames(io.BytesIO(bytes(data)), "image/tiff") == Frames(1, 1200, 1200)
    check_integrity("image", BytesSource(bytes(data)))


@given(
    form=st.sampled_from(["GIF", "PNG", "WEBP", "TIFF"]),
    hole=st.binary(max_size=60),
    at=st.integers(0, 400),
)
def test_hostile_animations_raise_our_error_or_nothing(form: str, hole: bytes, at: int) -> None:
    whole = animation(form)
    hostile = BytesSource(whole[:at] + hole + whole[at + len(hole) :])
    with suppress(InvalidMedia):
        read_header("image", hostile)
        check_integrity("image", hostile)


def test_pillow_agrees_on_the_size_of_every_kind_of_webp() -> None:
    for options in ({}, {"lossless": True}, {"exif": b"Exif\0\0MM\0*\0\0\0\x08\0\0"}):
        for size in ((1, 1), (37, 91), (300, 2)):
            data = picture("WEBP", size, **options)
            with PillowImage.open(io.BytesIO(data)) as picture_file:
                assert Image(data).size == picture_file.size == size
