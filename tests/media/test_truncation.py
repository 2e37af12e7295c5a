"""Truncated media files are found out, in every format that can tell; whole ones all pass."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable

import numpy as np
import pytest
import soundfile
from hypothesis import assume, example, given
from hypothesis import strategies as st
from PIL import Image as PillowImage

import fmsdk
from fmsdk.errors import InvalidMedia
from fmsdk.media.header import read_header
from fmsdk.media.integrity import check_integrity
from fmsdk.media.sniff import Kind
from fmsdk.media.source import BytesSource
from fmsdk.testing import FakeProvider
from tests.support import media_files as made
from tests.support.media_files import picture


def bitmap(mode: str, form: str = "BMP") -> bytes:
    buffer = io.BytesIO()
    PillowImage.radial_gradient("L").resize((41, 31)).convert(mode).save(buffer, form)
    return buffer.getvalue()


def os2_bitmap() -> bytes:
    rows = bytes(range(12)) * 40  # 3 pixels of 3 bytes, filled up to 12
    head = struct.pack("<IHHHH", 12, 3, 40, 1, 24)
    return b"BM" + struct.pack("<IHHI", 26 + len(rows), 0, 0, 26) + head + rows


def linearized() -> bytes:
    """A PDF made for the web: the end mark of its first page comes early."""
    rest = b"9 0 obj\n<<>>\nendobj\n" * 20 + b"%%EOF\n"
    head = b"%PDF-1.4\n4 0 obj\n<</Linearized 1 /L 00000 /N 1>>\nendobj\nstartxref\n0\n%%EOF\n"
    return head.replace(b"00000", b"%05d" % len(head + rest)) + rest


TELLING: dict[str, tuple[Kind, Callable[[], bytes]]] = {
    "png": ("image", lambda: picture("PNG")),
    "apng": ("image", lambda: made.animation("PNG")),
    "jpeg": ("image", lambda: picture("JPEG")),
    "progressive jpeg": ("image", lambda: picture("JPEG", progressive=True)),
    "gif": ("image", lambda: picture("GIF")),
    "animated gif": ("image", lambda: made.animation("GIF")),
    "webp": ("image", lambda: picture("WEBP")),
    "animated webp": ("image", lambda: made.animation("WEBP")),
    "heic": ("image", made.heic),
    "tiff": ("image", lambda: picture("TIFF")),
    "tiff, index last": ("image", lambda: picture("TIFF", compression="tiff_lzw")),
    "tiff, jpeg": ("image", lambda: picture("TIFF", compression="jpeg")),
    "tiff, three pages": ("image", lambda: made.animation("TIFF")),
    "tiff, big-endian": ("image", lambda: bitmap("I;16B", "TIFF")),
    "bmp": ("image", lambda: picture("BMP")),
    "bmp of 1 bit": ("image", lambda: bitmap("1")),
    "bmp with palette": ("image", lambda: bitmap("P")),
    "bmp with alpha": ("image", lambda: bitmap("RGBA")),
    "bmp of OS/2": ("image", os2_bitmap),
    "wav": ("audio", made.wav),
    "wav of 64 bits": ("audio", lambda: made.sound("RF64", "PCM_16")),
    "caf": ("audio", lambda: made.sound("CAF", "PCM_16")),
    "aac": ("audio", lambda: made.encoded("adts", "aac")),
    "aiff": ("audio", lambda: made.sound("AIFF", "PCM_16")),
    "m4a": ("audio", lambda: made.mp4(b"M4A ")),
    "mp3": ("audio", lambda: made.sound("MP3", "MPEG_LAYER_III")),
    "mp3 with tag": ("audio", lambda: made.encoded("mp3", "libmp3lame")),
    "flac": ("audio", lambda: made.sound("FLAC", "PCM_16")),
    "flac of 24 bits": ("audio", lambda: made.sound("FLAC", "PCM_24")),
    "flac by FFmpeg": ("audio", lambda: made.encoded("flac", "flac")),
    "vorbis": ("audio", lambda: made.sound("OGG", "VORBIS")),
    "opus": ("audio", lambda: made.encoded("ogg", "libopus")),
    "webm sound": ("audio", lambda: made.encoded("webm", "libopus")),
    "webm sound, recorded": ("audio", lambda: made.encoded("webm", "libopus", piped=True)),
    "matroska sound": ("audio", lambda: made.encoded("matroska", "libopus")),
    "mp4": ("video", made.mp4),
    "quicktime": ("video", lambda: made.mp4(b"qt  ")),
    "webm": ("video", lambda: made.film("webm")),
    "webm, recorded": ("video", lambda: made.film("webm", piped=True)),
    "matroska": ("video", lambda: made.film("matroska")),
    "pdf": ("document", made.pdf),
    "linearized pdf": ("document", linearized),
    "docx": ("document", made.office),
    "docx by LibreOffice": ("document", lambda: made.office(contents_last=True)),
}
# Written in one go, these have no length and no end mark.
OPEN: dict[str, tuple[Kind, Callable[[], bytes]]] = {
    "mp3, piped": ("audio", lambda: made.encoded("mp3", "libmp3lame", piped=True)),
    "flac, piped": ("audio", lambda: made.encoded("flac", "flac", piped=True)),
    "text": ("document", lambda: b"one, two, three"),
}
# Bytes at the end that may be missing: filling, a line end after %%EOF, a tag, a comment.
SLACK = {"mp3": 130, "bmp": 4, "tiff": 12, "docx": 22}
# What a page of Ogg, a frame of AAC, a block or cluster of WebM and a HEIC's last box begin with:
# a file that ends before one of them might be whole.
STARTS = (b"OggS", b"\xff\xf1", b"\xa3", b"\x1f\x43\xb6\x75")


@pytest.mark.parametrize("name", [*TELLING, *OPEN])
def test_a_whole_file_passes_whatever_comes_after_it(name: str) -> None:
    kind, make = (TELLING | OPEN)[name]
    for junk in (b"", bytes(50), b"\r\n", b"\r\n -- junk -- \r\n", b"TAG" + bytes(125)):
        if name != "text" or not junk.strip(b"\r\n"):
            source = BytesSource(make() + junk)
            assert read_header(kind, source).mime
            check_integrity(kind, source)


@pytest.mark.parametrize("name", TELLING)
@given(share=st.floats(0.05, 1.0, exclude_max=True))
@example(share=0.1)
@example(share=0.95)
def test_a_truncated_file_is_found_out(name: str, share: float) -> None:
    kind, make = TELLING[name]
    data = make()
    slack = next((SLACK[form] for form in SLACK if name.startswith(form)), 2)
    length = min(int(len(data) * share), len(data) - slack)
    assume(not data[length:].startswith(STARTS))
    # A HEIC that ends where a box of its could end tells nothing; neither does a box's cut name.
    assume(name != "heic" or not 0 <= length - data.index(b"mdat") + 4 < 8)
    with pytest.raises(InvalidMedia, match=r"is empty|is not|is truncated: |broken header"):
        read_header(kind, BytesSource(data[:length]))
        check_integrity(kind, BytesSource(data[:length]))


@pytest.mark.parametrize("name", OPEN)
def test_formats_without_a_length_are_never_truncated(name: str) -> None:
    kind, make = OPEN[name]
    check_integrity(kind, BytesSource(make()[: len(make()) // 2]))


@given(
    samples=st.integers(1, 9000),
    channels=st.integers(1, 3),
    loud=st.sampled_from([0.0, 0.001, 0.5]),
    subtype=st.sampled_from(["PCM_S8", "PCM_16", "PCM_24"]),
    share=st.floats(0.1, 0.95),
)
def test_any_flac(samples: int, channels: int, loud: float, subtype: str, share: float) -> None:
    sound = np.random.default_rng(samples).uniform(-loud, loud, (samples, channels))
    buffer = io.BytesIO()
    soundfile.write(buffer, sound, 44_100, format="FLAC", subtype=subtype)
    data = buffer.getvalue()
    check_integrity("audio", BytesSource(data))
    with pytest.raises(InvalidMedia, match=r"is truncated|is not"):
        check_integrity("audio", BytesSource(data[: int(len(data) * share)]))


@given(size=st.tuples(st.integers(1, 70), st.integers(1, 70)), share=st.floats(0.1, 0.95))
@pytest.mark.parametrize("mode", ["1", "P", "L", "RGB", "RGBA"])
@pytest.mark.parametrize("form", ["BMP", "TIFF"])
def test_any_bitmap(form: str, mode: str, size: tuple[int, int], share: float) -> None:
    buffer = io.BytesIO()
    PillowImage.new(mode, size).save(buffer, form)
    data = buffer.getvalue()
    check_integrity("image", BytesSource(data))
    with pytest.raises(InvalidMedia, match=r"is truncated|is not|broken header"):
        read_header("image", BytesSource(data[: int(len(data) * share)]))
        check_integrity("image", BytesSource(data[: int(len(data) * share)]))


def test_end_marker_inside_a_thumbnail_is_ignored() -> None:
    thumbnail = picture("JPEG", (8, 8))
    exif = b"\xff\xe1" + struct.pack(">H", 2 + len(thumbnail)) + thumbnail
    whole = picture("JPEG", (200, 200))
    data = whole[:2] + exif + whole[2:]
    check_integrity("image", BytesSource(data))
    with pytest.raises(InvalidMedia, match="no end mark"):
        check_integrity("image", BytesSource(data[:-500]))


def test_a_recording_cut_off_in_the_tag_before_it_is_found_out() -> None:
    tag = b"ID3\x04\0\0\0\0\x07\x76" + bytes(1014)  # 7 × 128 + 118 bytes
    whole = tag + made.sound("MP3", "MPEG_LAYER_III")
    check_integrity("audio", BytesSource(whole))
    for length in (9, 500, 1024, 1030, 2000):
        with pytest.raises(InvalidMedia, match="is truncated: its"):
            check_integrity("audio", BytesSource(whole[:length]))


def test_an_update_of_a_pdf_that_breaks_off_is_found_out() -> None:
    update = b"2 0 obj\n<</Type/Pages /Count 5>>\nendobj\ntrailer\n<</Root 1 0 R>>\n%%EOF\n"
    check_integrity("document", BytesSource(made.pdf() + update))
    with pytest.raises(InvalidMedia, match="its last update has no end mark"):
        check_integrity("document", BytesSource(made.pdf() + update[:-8]))


def test_a_truncated_recording_goes_nowhere(capfd: pytest.CaptureFixture[str]) -> None:
    provider = FakeProvider()
    data = made.sound("MP3", "MPEG_LAYER_III")
    with (
        fmsdk.Client(providers={"fake": provider}) as client,
        pytest.raises(InvalidMedia, match=r"is truncated: its first frame announces [\d,]+ bytes"),
    ):
        client.generate("fake:any", [fmsdk.Audio(data[: len(data) // 2]), "What is said?"])
    assert not provider.requests
    assert capfd.readouterr() == ("", "")  # libmpg123 would have complained
