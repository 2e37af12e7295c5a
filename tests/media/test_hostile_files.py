"""Small files that are made to take long: each check of each format is bounded in CPU time and in
memory."""

from __future__ import annotations

import gzip
import io
import os
import struct
import tracemalloc
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from time import thread_time

import pytest

from fmsdk import Document, Image
from fmsdk.errors import InvalidMedia
from fmsdk.media.fetched_body import decompress_body
from fmsdk.media.header import read_header
from fmsdk.media.integrity import check_integrity
from fmsdk.media.pdf import read_pages
from fmsdk.media.sniff import Kind
from fmsdk.media.source import BytesSource, LocalSource, PathSource
from tests.support.media_files import animation, encoded, office, pdf, sound
from tests.support.pdf_files import pdf_bomb
from tests.support.soak import IS_SOAK, soak_size

SIZE = soak_size(4_000_000, 49_000_000)
SECONDS = 1.0 if IS_SOAK else 3.0  # of CPU; the short form shares its core with other tests
MEMORY = 100 * 2**20

_PNG = b"\x89PNG\r\n\x1a\n"
_FTYP = b"\0\0\0\x10ftypisom\0\0\0\0"
_EBML = b"\x1a\x45\xdf\xa3\x80"


def chunk(name: bytes, body: bytes = b"") -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def filled(start: bytes, piece: bytes, end: bytes = b"", size: int = 0) -> Callable[[], bytes]:
    return lambda: start + piece * ((size or SIZE) // len(piece)) + end


def tiff(*entries: tuple[int, int, int, int], rest: bytes = b"") -> bytes:
    packed = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + packed + bytes(4) + rest


def tiff_values_over_each_other() -> bytes:
    return tiff(*((1000 + n, 7, 900_000, 8) for n in range(60_000)), rest=bytes(1_000_000))


def tiff_directories_over_each_other() -> bytes:
    # Every directory has 65,535 entries and begins 12 bytes after the one before.
    entry = struct.pack("<HHII", 256, 3, 1, 1)
    body = bytearray(b"II*\0" + struct.pack("<I", 8) + b"\xff\xff" + entry * 200_000)
    for n in range(9000):
        at = 8 + 12 * n
        body[at : at + 2] = b"\xff\xff"
        struct.pack_into("<I", body, at + 2 + 12 * 65_535, at + 12)
    return bytes(body)


def tiff_chain() -> bytes:
    links = (struct.pack("<HHHIII", 1, 256, 3, 1, 1, 26 + 18 * n) for n in range(SIZE // 18))
    return b"II*\0" + struct.pack("<I", 8) + b"".join(links)


def tiff_strips() -> bytes:
    count = SIZE // 8
    size = ((256, 3, 1, 10), (257, 3, 1, 10))
    lists = ((273, 4, count, 86), (279, 4, count, 86))
    return tiff(*size, *lists, rest=bytes(8 * count + 200))


def flac(total: int, tail: bytes) -> bytes:
    numbers = (44_100 << 44 | 7 << 41 | 15 << 36 | total).to_bytes(8, "big")
    return (
        b"fLaC\x80\0\0\x22"
        + struct.pack(">HH", 65_535, 65_535)
        + bytes(6)
        + numbers
        + (bytes(16) + tail)
    )


_FRAME = bytes.fromhex("fff97908febfbfbfbfbfbfffff")


def frame() -> bytes:
    checksum = 0
    for byte in _FRAME:
        checksum ^= byte
        for _ in range(8):
            checksum = (checksum << 1 ^ (0x107 if checksum & 0x80 else 0)) & 0xFF
    return _FRAME + bytes([checksum])


def archive(first: bytes) -> bytes:
    entry = struct.pack("<I", 0x02014B50) + b"\x14\0\x14\0" + bytes(38)
    listing = entry * (SIZE // len(entry))
    end = struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, 65_535, 65_535, len(listing), len(first), 0)
    return first + listing + end


FILES: dict[str, tuple[Kind, Callable[[], bytes]]] = {
    "jpeg-segments": ("image", filled(b"\xff\xd8", b"\xff\xe1\0\2")),
    "jpeg-fill-bytes": ("image", filled(b"\xff\xd8\xff", b"\xff")),
    "png-chunks": ("image", filled(_PNG + chunk(b"IHDR", bytes(13)), chunk(b"teSt"))),
    "png-texts": (
        "image",
        filled(_PNG + chunk(b"IHDR", b"\0\0\0\1\0\0\0\1\x08\2\0\0\0"), chunk(b"tEXt", b"a\0b")),
    ),
    "gif-blocks": ("image", filled(b"GIF89a\1\0\1\0\0\0\0!\xf9", b"\1a")),
    "gif-frames": ("image", filled(b"GIF89a\1\0\1\0\0\0\0", b",\0\0\0\0\1\0\1\0\0\2\0", b";")),
    "gif-extensions": ("image", filled(b"GIF89a\1\0\1\0\0\0\0", b"!\xfe\0")),
    "webp-frames": (
        "image",
        filled(b"RIFF\xff\xff\xff\2WEBPVP8X\x0a\0\0\0" + bytes(10), b"ANMF\0\0\0\0"),
    ),
    "tiff-values": ("image", tiff_values_over_each_other),
    "tiff-directories": ("image", tiff_directories_over_each_other),
    "tiff-chain": ("image", tiff_chain),
    "tiff-strips": ("image", tiff_strips),
    "bmp": ("image", filled(b"BM" + bytes(12) + b"\x28\0\0\0", b"\0")),
    "heic-boxes": ("image", filled(b"\0\0\0\x10ftypheic\0\0\0\0", b"\0\0\0\x08free")),
    "avif-sizes": ("image", filled(b"\0\0\0\x10ftypavif\0\0\0\0", b"ispe")),
    "mp4-boxes": ("video", filled(_FTYP, b"\0\0\0\x08free")),
    "mp4-inner-boxes": ("video", filled(_FTYP + b"\3\0\0\0moov", b"\0\0\0\x08trak")),
    "mov-boxes": ("video", filled(b"\0\0\0\x10ftypqt  \0\0\0\0", b"\0\0\0\x08wide")),
    "m4a-boxes": ("audio", filled(b"\0\0\0\x10ftypM4A \0\0\0\0", b"\0\0\0\x08free")),
    "webm-elements": ("video", filled(_EBML, b"\xec\x80")),
    "webm-blocks": ("audio", filled(_EBML + b"webmA_OPUS", b"\xa3\x80")),
    "avi-lists": ("video", filled(b"RIFF\xff\xff\xff\2AVI ", b"LIST\0\0\0\0")),
    "asf-objects": (
        "video",
        filled(bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c") + bytes(14), b"\x18" + bytes(23)),
    ),
    "mpeg": ("video", filled(b"\0\0\1\xba", b"\0")),
    "flv": ("video", filled(b"FLV\1", b"\0")),
    "wav-chunks": ("audio", filled(b"RIFF\xff\xff\xff\2WAVE", b"junk\0\0\0\0")),
    "wav-tags": ("audio", filled(b"RIFF\xff\xff\xff\2WAVELIST\xf0\xff\xff\2INFO", b"IART\0\0\0\0")),
    "aiff-chunks": ("audio", filled(b"FORM\2\xff\xff\xffAIFF", b"junk\0\0\0\0")),
    "flac-metadata": ("audio", filled(b"fLaC\0\0\0\x22" + bytes(34), b"\1\0\0\0")),
    "flac-syncs": ("audio", lambda: flac(2**35, b"\xff\xf8" * 1_500_000)),
    "flac-frames": ("audio", lambda: flac(1, frame() * 200_000)),
    "flac-zeros": ("audio", lambda: flac(1, frame() + bytes(2_000_000) + b"\1")),
    "ogg-pages": ("audio", filled(b"", b"OggS" + bytes(23))),
    "ogg-vorbis": (
        "audio",
        filled(b"OggS\0\2" + bytes(20) + b"\1\x1e\1vorbis" + bytes(23), b"OggS" + bytes(23)),
    ),
    "aac-frames": ("audio", filled(b"", b"\xff\xf1\x50\x80\0\xff\xfc")),
    "mp3-frames": ("audio", filled(b"", b"\xff\xfb\x10\4" + bytes(20))),
    "mp3-syncs": ("audio", filled(b"\xff\xfb\x90\4", b"\xff")),
    "mp3-zeros": ("audio", filled(b"\xff\xfb\x90\4", b"\0")),
    "id3-tags": ("audio", filled(b"", b"ID3\4" + bytes(6))),
    "id3-frames": ("audio", filled(b"ID3\4\0\0\x10\0\0\0", b"TIT2" + bytes(6))),
    "caf-chunks": ("audio", filled(b"caff\0\1\0\0", b"free" + bytes(8))),
    "amr": ("audio", filled(b"#!AMR\n", b"\0")),
    "pdf-digits": ("document", filled(b"%PDF-1.4\n%%EOF", b"1", size=65_000)),
    "pdf-spaces": ("document", filled(b"%PDF-1.4\n%%EOF 1", b" ", size=65_000)),
    "pdf-numbers": ("document", filled(b"%PDF-1.4\n%%EOF ", b"1 ", size=65_000)),
    "pdf-objects": ("document", filled(b"%PDF-1.4\n", b"1 0 obj\n", b"/Root 1 0 R %%EOF", 2**25)),
    "pdf-ones": ("document", filled(b"%PDF-1.4\n", b"1 ", b"/Root 1 0 R\n%%EOF", 2**25 - 99)),
    "pdf-roots": ("document", filled(b"%PDF-1.4\n", b"/Root ", b"%%EOF", 2**25 - 99)),
    "pdf-root-spaces": ("document", filled(b"%PDF-1.4\n/Root 1", b" ", b"%%EOF", 2**25 - 99)),
    "pdf-pages": (
        "document",
        filled(b"%PDF-1.4\n1 0 obj\n", b"/Pages 1 ", b"/Root 1 0 R\n%%EOF", 2**25 - 99),
    ),
    "pdf-linearized": (
        "document",
        filled(b"%PDF-1.4\n" + b"/Linearized" * 180, b"/L ", b"%%EOF", 65_000),
    ),
    "zip-members": (
        "document",
        lambda: archive(b"PK\3\4" + bytes(30) + b"[Content_Types].xmlword/"),
    ),
    "zip-unknown-members": ("document", lambda: archive(b"PK\3\4" + bytes(44))),
    "rtf": ("document", filled(b"{\\rtf", b"{")),
    "text": ("document", filled(b"", b"a ")),
}


def check_both(kind: Kind, source: LocalSource) -> None:
    for check in (read_header, check_integrity):
        with suppress(InvalidMedia):
            check(kind, source)


@pytest.mark.parametrize("name", FILES)
def test_checks_of_a_hostile_file_are_bounded(name: str, tmp_path: Path) -> None:
    kind, create = FILES[name]
    path = tmp_path / "hostile"
    path.write_bytes(create())
    source = PathSource(str(path))
    begin = thread_time()
    check_both(kind, source)
    assert thread_time() - begin < SECONDS
    if IS_SOAK:  # counting takes a hundred times as long as the checks
        tracemalloc.start()
        check_both(kind, source)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < MEMORY
    path.unlink()


def test_long_files_of_ordinary_pieces_pass() -> None:
    frames = animation("GIF", 300, (64, 48))
    check_both("image", BytesSource(frames))
    check_integrity("image", BytesSource(frames))
    for data in (
        sound("FLAC", "PCM_16", 30.0),
        sound("OGG", "VORBIS", 30.0),
        encoded("adts", "aac"),
    ):
        check_integrity("audio", BytesSource(data))
    assert read_header("document", BytesSource(pdf(7))).pages == 7
    check_integrity("document", BytesSource(office()))


@pytest.mark.parametrize("missing", [1, 100, 5000])
def test_a_flac_cut_before_its_last_frame_is_found(missing: int) -> None:
    data = sound("FLAC", "PCM_16")
    with pytest.raises(InvalidMedia, match="truncated"):
        check_integrity("audio", BytesSource(data[:-missing]))


@pytest.mark.parametrize("place", ["objects", "contents"])
def test_a_pdf_that_unpacks_to_gigabytes_is_bounded(place: str) -> None:
    """PDFium takes a gigabyte of memory for each."""
    data = pdf_bomb(place)
    assert len(data) < 2_000_000
    tracemalloc.start()
    check_both("document", BytesSource(data))
    with suppress(InvalidMedia):
        read_pages(io.BytesIO(data), text=True)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * MEMORY


def test_a_pdf_that_draws_itself_is_bounded() -> None:
    begin = thread_time()
    (page,) = read_pages(io.BytesIO(pdf_bomb("form")), text=True)
    assert thread_time() - begin < 30
    assert len(page.text) < 10**6


def test_gzip_of_many_members_is_bounded() -> None:
    empty = gzip.compress(b"")
    begin = thread_time()
    with pytest.raises(InvalidMedia, match="pieces"):
        decompress_body(empty * 100_000, ["gzip"], 10**7)
    assert thread_time() - begin < SECONDS
    several = b"".join(gzip.compress(os.urandom(9000)) for _ in range(50))
    body = decompress_body(several + bytes(100), ["gzip"], 10**7)
    assert body is not None
    assert len(body) == 450_000


@pytest.mark.parametrize(
    "path",
    [
        "A" + " " * 65_000 + "!",
        "A" * 65_000 + "=" * 65_000 + "!",
        "A" * 10_000_000,
        "\n" * 3_000_000,
    ],
    ids=["spaces", "signs", "base64", "lines"],
)
def test_what_is_no_path_is_shown_at_once(path: str) -> None:
    begin = thread_time()
    assert len(repr(Image(path))) < 1000
    with pytest.raises(InvalidMedia) as caught:
        Image(path).read()
    assert len(str(caught.value)) < 1000
    assert thread_time() - begin < SECONDS


@pytest.mark.parametrize("text", ["%" * 20_000_000, "%41" * 7_000_000], ids=["signs", "escapes"])
def test_a_long_data_url_is_bounded(text: str) -> None:
    begin = thread_time()
    with pytest.raises(InvalidMedia, match="base64"):
        Document(f"data:text/plain,{text}")
    assert thread_time() - begin < SECONDS
    assert Document("data:text/plain,a%20b").read() == b"a b"
