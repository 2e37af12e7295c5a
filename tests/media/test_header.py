"""Media files: what they are by their bytes, and what their headers say."""

from __future__ import annotations

import io
import math
import struct
import sys
import wave
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pypdf
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as PillowImage

from fmsdk.content import Audio, Document, Image, Video
from fmsdk.errors import InvalidMedia, MissingExtra
from fmsdk.media.audio import encode_wav
from fmsdk.media.header import Header, read_header
from fmsdk.media.image import encode_png
from fmsdk.media.integrity import check_integrity
from fmsdk.media.sniff import Kind, looks_like, sniff
from fmsdk.media.source import BytesSource, PathSource, UrlSource
from fmsdk.pipeline.capability_check import verify_media
from tests.support.lazy_import import torch
from tests.support.media_files import heic, mp4, office, pdf, picture, wav
from tests.support.pdf_files import compressed_pdf
from tests.support.shared_folder import SHARED, needs_shared

KINDS: tuple[Kind, ...] = ("image", "audio", "video", "document")


FILES: list[tuple[Kind, str, bytes]] = [
    ("image", "image/png", picture("PNG")),
    ("image", "image/jpeg", picture("JPEG")),
    ("image", "image/jpeg", picture("JPEG", progressive=True)),
    ("image", "image/gif", picture("GIF")),
    ("image", "image/bmp", picture("BMP")),
    ("image", "image/tiff", picture("TIFF")),
    ("image", "image/webp", picture("WEBP")),
    ("image", "image/heic", heic()),
    ("audio", "audio/wav", wav()),
    ("audio", "audio/mp4", mp4(b"M4A ")),
    ("video", "video/mp4", mp4()),
    ("video", "video/quicktime", mp4(b"qt  ")),
    ("document", "application/pdf", pdf()),
]


@pytest.mark.parametrize(("kind", "mime", "data"), FILES)
def test_a_file_is_known_by_its_bytes(kind: Kind, mime: str, data: bytes) -> None:
    assert sniff(data[:4096]) == (kind, mime)
    assert read_header(kind, BytesSource(data)).mime == mime
    check_integrity(kind, BytesSource(data))
    other: Kind = "image" if kind != "image" else "document"
    with pytest.raises(InvalidMedia, match=r"bytes> is not an? .*: it looks like"):
        read_header(other, BytesSource(data))


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"OggS" + bytes(30) + b"OpusHead", ("audio", "audio/ogg")),
        (b"\x1a\x45\xdf\xa3\x9fB\x82\x84webm..V_VP9..A_OPUS", ("video", "video/webm")),
        (b"\x1a\x45\xdf\xa3\x9fB\x82\x84webm..A_OPUS", ("audio", "audio/webm")),
        (b"\x1a\x45\xdf\xa3\x9fB\x82\x88matroska..V_AV1", ("video", "video/x-matroska")),
        (b"ID3\x04", ("audio", "audio/mpeg")),
        (b"\xff\xfb\x90\x64", ("audio", "audio/mpeg")),
        (b"\xff\xf1\x50\x80", ("audio", "audio/aac")),
        (b"fLaC\0", ("audio", "audio/flac")),
        (b"FORM\0\0\0\0AIFF", ("audio", "audio/aiff")),
        (b"\0\0\0\x18ftypavif", ("image", "image/avif")),
        (b"junk\n%PDF-1.7", ("document", "application/pdf")),
        (b"PK\x03\x04..[Content_Types].xml..word/document.xml", ("document", None)),
        (b"\xff\xfeh\0i\0", None),  # UTF-16 text starts like an MPEG frame
        (b"PK\x03\x04..something.txt", None),
        (b"Dear Sir or Madam", None),
        (b"BM, the letters", None),
        (b"", None),
    ],
)
def test_signatures(head: bytes, expected: tuple[str, str | None] | None) -> None:
    found = sniff(head)
    if expected is None or found is None:
        assert found == expected
    else:
        assert found[0] == expected[0]
        assert expected[1] in (found[1], None)


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (pdf(), "PDF"),
        (picture("PNG"), "PNG"),
        (wav(), "WAV"),
        (b"ID3\x04", "MP3"),
        (b"RIFF\0\0\0\0AVI ", "MSVIDEO"),
        (b"\n<!DOCTYPE html><p>", "HTML"),
        (b"PK\x03\x04", "a ZIP archive"),
        (b"\x1f\x8b\x08", "a gzip archive"),
        ("Grüße".encode(), "text"),
        ("Grüße".encode()[:4], "text"),
        (b"\x00\x01\x02\x03\x80", None),
        (b"\x80abc", None),
        (b"", "an empty file"),
    ],
)
def test_media_repr_names_the_file(data: bytes, name: str | None) -> None:
    assert looks_like(data) == name


@pytest.mark.skipif(sys.platform != "linux", reason="needs a file that opens and cannot be read")
def test_a_file_that_cannot_be_read_to_its_end() -> None:
    broken = Document("/proc/self/mem")
    for read in (lambda: broken.mime, broken.read, lambda: broken.header):
        with pytest.raises(InvalidMedia, match="cannot read /proc/self/mem: In"):
            read()


def test_errors_name_the_file_and_what_it_really_is(tmp_path: Path) -> None:
    cases: list[tuple[Kind, str, bytes, str]] = [
        ("image", "cat.jpg", pdf(), "cat.jpg is not an image: it looks like PDF"),
        ("audio", "notes.txt", b"hello", "notes.txt is not audio: it looks like text"),
        ("image", "x.bin", b"\x80\x81", "x.bin is not an image of a known format"),
        ("image", "empty.png", b"", "empty.png is empty"),
        ("video", "speech.wav", wav(), "speech.wav is not video: it looks like WAV"),
        ("document", "page.pdf", picture("PNG"), "page.pdf is not a document: it looks like PNG"),
        ("image", "broken.png", picture("PNG")[:20], "broken.png has a broken header"),
    ]
    for kind, name, data, message in cases:
        file = tmp_path / name
        file.write_bytes(data)
        with pytest.raises(InvalidMedia) as caught:
            read_header(kind, PathSource(str(file)))
        assert message in caught.value.message
    with pytest.raises(InvalidMedia, match="no such file"):
        read_header("image", PathSource(str(tmp_path / "none.png")))
    with pytest.raises(InvalidMedia, match="cannot read"):
        read_header("image", PathSource(str(tmp_path)))


def test_headers_tell_size_length_and_pages() -> None:
    assert Image(picture("JPEG")).size == (40, 30)
    assert Image(heic()).size == (640, 480)
    assert Image(PillowImage.new("RGB", (7, 5))).size == (7, 5)
    assert read_header("audio", BytesSource(wav())) == Header(
        "audio/wav", seconds=0.5, rate=8000, channels=1
    )
    assert Audio(mp4(b"M4A ", seconds=3)).duration == 3.0
    assert Audio(mp4(b"isom", seconds=3)).mime == "audio/mp4"
    header = Video(mp4(seconds=4)).header
    assert header is not None
    assert header.seconds == 4.0
    assert Audio([0.0] * 4000, rate=8000).duration == 0.5
    assert Image(UrlSource("https://example.com/x.png")).header is None


def test_lengths_missing_from_headers_are_unknown() -> None:
    webm = b"\x1a\x45\xdf\xa3\x9fB\x82\x84webm..A_OPUS"
    assert Audio(webm).duration is None
    assert Audio(webm).mime == "audio/webm"
    assert Video(b"FLV\x01" + bytes(300)).header == Header("video/x-flv")


@pytest.mark.parametrize("length", [0xFFFFFFFF, 0x7FFFF000, 0])
def test_a_recording_from_a_pipe_is_as_long_as_its_bytes(length: int) -> None:
    data = bytearray(wav(0.5))
    data[4:8] = data[40:44] = struct.pack("<I", length)
    check_integrity("audio", BytesSource(bytes(data)))
    assert Audio(bytes(data)).duration == pytest.approx(0.5)


def test_pages_of_a_pdf_are_those_of_its_last_update() -> None:
    first = compressed_pdf(3)
    update = pypdf.PdfWriter(io.BytesIO(first), incremental=True)
    update.add_blank_page(100, 100)
    buffer = io.BytesIO()
    update.write(buffer)
    assert buffer.getvalue().startswith(first)
    assert read_header("document", BytesSource(buffer.getvalue())).pages == 4


@pytest.mark.parametrize(
    ("data", "pages"),
    [
        (pdf(3), 3),
        (compressed_pdf(5), 5),
        (pdf(3).replace(b"2 0 obj", b"9 0 obj"), None),
        (b"%PDF-1.5\nObjStm\n%%EOF", None),
    ],
    ids=["plain", "in object streams", "no tree", "broken"],
)
def test_pages_of_a_pdf(data: bytes, pages: int | None, caplog: pytest.LogCaptureFixture) -> None:
    assert read_header("document", BytesSource(data)).pages == pages
    assert not caplog.records  # what a parser repairs is nobody's concern


@pytest.mark.parametrize(
    ("name", "mime"),
    [
        ("a.txt", "text/plain"),
        ("a.MD", "text/markdown"),
        ("a.csv", "text/csv"),
        ("a", "text/plain"),
    ],
)
def test_text_documents_go_by_their_name(tmp_path: Path, name: str, mime: str) -> None:
    (tmp_path / name).write_text("a,b\n1,2\n")
    assert Document(tmp_path / name).mime == mime
    assert Document(BytesSource(b"x", "text/x-mine")).mime == "text/x-mine"


@pytest.mark.parametrize("contents_last", [False, True])
@pytest.mark.parametrize(
    ("folder", "subtype"),
    [
        ("word", "wordprocessingml.document"),
        ("xl", "spreadsheetml.sheet"),
        ("ppt", "presentationml.presentation"),
    ],
)
def test_office_files_are_known_by_their_contents(
    folder: str, subtype: str, contents_last: bool
) -> None:
    part = Document(office(folder, contents_last=contents_last), name="plan.pdf")
    assert part.mime == f"application/vnd.openxmlformats-officedocument.{subtype}"
    with pytest.raises(InvalidMedia, match="looks like a ZIP archive"):
        Document(office("other", contents_last=True)).mime  # noqa: B018


@given(data=st.binary(max_size=200), which=st.integers(0, len(FILES) - 1), at=st.integers(0, 300))
def test_hostile_bytes_raise_our_error_or_nothing(data: bytes, which: int, at: int) -> None:
    whole = FILES[which][2]
    hostile = whole[:at] + data + whole[at + len(data) :]
    for kind in KINDS:
        for look in (read_header, check_integrity):
            with suppress(InvalidMedia):
                look(kind, BytesSource(hostile))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16", "CMYK", "YCbCr"])
def test_any_pil_image_becomes_png(mode: str) -> None:
    image = PillowImage.new(mode, (6, 4))
    with PillowImage.open(io.BytesIO(encode_png(image))) as back:
        assert back.size == (6, 4)
        if mode in ("RGB", "RGBA", "L", "LA"):
            assert back.mode == mode
    check_integrity("image", BytesSource(encode_png(image)))


def test_a_pil_image_is_sent_upright_and_whole() -> None:
    exif = PillowImage.Exif()
    exif[0x0112] = 6
    rotated = PillowImage.open(io.BytesIO(picture("JPEG", (40, 30), exif=exif)))
    assert PillowImage.open(io.BytesIO(encode_png(rotated))).size == (30, 40)
    with pytest.raises(InvalidMedia, match="mode F"):
        encode_png(PillowImage.new("F", (2, 2)))
    broken = PillowImage.open(io.BytesIO(picture("PNG", (90, 90))[:200]))
    with pytest.raises(InvalidMedia, match="cannot be read"):
        encode_png(broken)


def read_wav(data: bytes) -> tuple[np.ndarray, int]:
    with wave.open(io.BytesIO(data)) as file:
        frames = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        assert file.getsampwidth() == 2
        return frames.reshape(-1, file.getnchannels()), file.getframerate()


@given(
    st.integers(1, 8).flatmap(
        lambda channels: st.lists(
            st.lists(st.floats(-1, 1, width=32), min_size=channels, max_size=channels),
            min_size=9,
            max_size=20,
        )
    ),
    st.integers(1, 192_000),
)
def test_samples_survive_as_wav_in_every_shape(rows: list[list[float]], rate: int) -> None:
    array = np.array(rows, dtype=np.float32)
    for samples in (array, array.T, rows, torch.from_numpy(array.T.copy()), array.T.tolist()):
        frames, back = read_wav(encode_wav(samples, rate))
        assert back == rate
        assert np.abs(frames / 32767 - array).max() <= 0.5 / 32767 + 1e-7


def test_int16_stays_and_full_scale_is_full_scale() -> None:
    exact = np.array([-32768, -1, 0, 32767], dtype=np.int16)
    assert read_wav(encode_wav(exact, 8000))[0][:, 0].tolist() == exact.tolist()
    assert read_wav(encode_wav([-1.0005, 0.0, 1.0], 8000))[0][:, 0].tolist() == [-32767, 0, 32767]
    half = torch.tensor([0.5, -0.5], dtype=torch.bfloat16, requires_grad=True)
    assert read_wav(encode_wav(half, 8000))[0].shape == (2, 1)


@pytest.mark.parametrize(
    ("samples", "rate", "why"),
    [
        ([0.0], 0, "a whole number"),
        ([0.0], -8000, "a whole number"),
        ([0.0], "8", "a whole number"),
        ([0.0], 8000.5, "a whole number"),
        ([0.0], 10**12, "a whole number"),
        ([0.0], math.nan, "a whole number"),
        ([0.0, -1.1], 8000, r"go up to 1\.1: scale or clip them"),
        (np.array([20_000.0, -3.0]), 8000, "go up to 20000: scale or clip them"),
        ([], 8000, "shape"),
        (0.5, 8000, "shape"),
        (np.zeros((1, 1, 9)), 8000, r"shape .* not \[1, 1, 9\]"),
        (np.zeros((9, 9)), 8000, "9 channels"),
        ([0.0, math.nan], 8000, "NaN"),
        ([0.0, math.inf], 8000, "infinity"),
        ([1, 2, 3], 8000, "int16, not int64"),
        ([True, False], 8000, "not bool"),
        (["a"], 8000, "not <U1"),
        ([[0.0], [0.0, 1.0]], 8000, "read as an array"),
    ],
)
def test_invalid_samples_are_refused(samples: Any, rate: int, why: str) -> None:
    with pytest.raises(InvalidMedia, match=why):
        encode_wav(samples, rate)


def test_rates_of_any_kind_are_whole_numbers() -> None:
    rates: tuple[Any, ...] = (8000, 8000.0, np.int64(8000), np.float32(8000))
    for rate in rates:
        assert Audio([0.0, 0.5], rate=rate).header == Audio(([0.0, 0.5], rate)).header
    broken: tuple[Any, ...] = ("8", 8000.5, 10**12, 0, math.inf)
    for rate in broken:
        with pytest.raises(InvalidMedia, match="a whole number"):
            Audio([0.0, 0.5], rate=rate)
    with pytest.raises(InvalidMedia, match="a whole number"):
        Audio(([0.0, 0.5], 8000.5))


@pytest.mark.parametrize("name", ["a\0b.png", "\ud800.png", "a" * 3000 + ".png", "."])
def test_a_path_that_cannot_be_is_named_in_short(name: str) -> None:
    with pytest.raises(InvalidMedia, match="cannot read") as caught:
        _ = Image(name).header
    assert len(caught.value.message) < 300
    assert len(repr(Image(name))) < 300
    caught.value.message.encode()


@pytest.mark.parametrize("text", ["A" * 3000, "iVBORw0KGgo/" * 20 + "+A==", "abcd\n" * 80])
def test_base64_is_no_path_and_is_not_shown(text: str) -> None:
    with pytest.raises(InvalidMedia, match=r"look like base64.*data: URL") as caught:
        _ = Image(text).header
    assert text[:20] not in caught.value.message + repr(Image(text)) + repr(Image(text).source)


def test_a_file_with_a_long_name_is_known_by_all_of_it(tmp_path: Path) -> None:
    path = tmp_path / ("a" * 200) / ("b" * 200 + ".csv")
    path.parent.mkdir()
    path.write_text("1,2")
    assert Document(path).mime == "text/csv"


class _Broken(io.RawIOBase):
    def readable(self) -> bool:
        return True

    def readinto(self, *_: object) -> int:
        raise OSError(5, "Input/output error")


def test_an_open_file_that_cannot_be_read_is_invalid() -> None:
    closed = io.BytesIO(b"x")
    closed.close()
    for file, why in ((closed, "closed file"), (_Broken(), "Input/output error")):
        with pytest.raises(InvalidMedia, match=why):
            Image(file)


def test_a_file_that_changed_since_it_was_looked_at_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(picture("PNG"))
    image = Image(path)
    assert image.mime == "image/png"
    verify_media(image)
    path.write_bytes(picture("JPEG"))
    with pytest.raises(InvalidMedia, match=r"a\.png changed after it was read; create a new part"):
        verify_media(image)
    verify_media(Image(path))


def test_samples_without_numpy_name_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "numpy", None)
    with pytest.raises(MissingExtra, match="pip install"):
        encode_wav([0.0], 8000)


@needs_shared
def test_real_files_from_recorded_traffic() -> None:
    files = sorted((SHARED / "billing" / "media").iterdir())
    assert len(files) > 20
    for file in files:
        found = sniff(file.read_bytes()[:4096])
        kind = found[0] if found else "document"
        header = read_header(kind, PathSource(str(file)))
        check_integrity(kind, PathSource(str(file)))
        if kind == "image":
            assert header.width
            assert header.height
        if kind == "audio":
            assert header.seconds
        if file.suffix == ".txt":
            assert header.mime == "text/plain"
