"""What the headers of recordings and films say of their tracks: lengths, sizes, sound, padding."""

from __future__ import annotations

import io
import struct
from contextlib import suppress

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmsdk.content import Audio, Video
from fmsdk.errors import InvalidMedia
from fmsdk.media.integrity import check_integrity
from fmsdk.media.source import BytesSource
from tests.support.media_files import box, encoded, film


@pytest.mark.parametrize("piped", [False, True], ids=["file", "pipe"])
@pytest.mark.parametrize(
    ("container", "codec"),
    [("webm", "libopus"), ("matroska", "aac"), ("adts", "aac"), ("mp3", "mp3"), ("ogg", "libopus")],
)
def test_the_length_of_a_recording(container: str, codec: str, piped: bool) -> None:
    seconds = Audio(encoded(container, codec, piped=piped)).duration
    assert seconds == pytest.approx(2.0, abs=0.05)


@pytest.mark.parametrize("rate", [44_100, 16_000])
def test_the_length_of_raw_aac_is_that_of_its_frames(rate: int) -> None:
    data = encoded("adts", "aac", rate)
    with av.open(io.BytesIO(data), "r") as file:
        frames = sum(frame.samples for frame in file.decode(audio=0))
    header = Audio(data).header
    assert header is not None
    assert header.seconds == pytest.approx(frames / rate)
    assert (header.rate, header.channels) == (rate, 1)


def test_the_padding_of_an_mp3_is_no_part_of_the_recording() -> None:
    header = Audio(encoded("mp3", "mp3")).header
    assert header is not None
    assert header.padding is not None
    assert header.seconds is not None
    assert header.seconds - header.padding == pytest.approx(2.0, abs=1e-4)
    assert header.seconds > 2.01


@pytest.mark.parametrize(
    ("container", "codec", "piped"),
    [
        ("webm", "libvpx", False),
        ("webm", "libvpx", True),
        ("matroska", "libvpx", False),
        ("mp4", "mpeg4", False),
        ("mov", "mpeg4", False),
        ("avi", "mpeg4", False),
    ],
)
def test_the_header_of_a_film(container: str, codec: str, piped: bool) -> None:
    header = Video(film(container, codec, piped=piped)).header
    assert header is not None
    assert (header.width, header.height) == (64, 48)
    assert header.seconds == header.picture_seconds == pytest.approx(0.5, abs=0.06)
    assert header.has_sound is False


def test_a_film_has_sound_which_can_be_longer_than_its_pictures() -> None:
    def track(kind: bytes, seconds: int, shown: int, size: tuple[int, int]) -> bytes:
        hdlr = box(b"hdlr", bytes(8) + kind + bytes(12))
        mdhd = box(b"mdhd", struct.pack(">IIIII", 0, 0, 0, 500, seconds * 500) + bytes(4))
        elst = box(b"elst", struct.pack(">IIIi", 0, 1, shown * 1000, 1024) + b"\0\1\0\0")
        tkhd = box(b"tkhd", bytes(76) + struct.pack(">II", size[0] << 16, size[1] << 16))
        mdia = box(b"mdia", mdhd + hdlr)
        return box(b"trak", tkhd + box(b"edts", elst) + mdia)

    mvhd = box(b"mvhd", struct.pack(">IIIII", 0, 0, 0, 1000, 5000) + bytes(80))
    tracks = track(b"vide", 4, 3, (640, 360)) + track(b"soun", 5, 4, (0, 0))
    start = box(b"ftyp", b"isom" + bytes(4))
    data = start + box(b"moov", mvhd + tracks) + box(b"mdat", bytes(9))
    header = Video(data).header
    assert header is not None
    assert (header.width, header.height) == (640, 360)
    assert (header.seconds, header.picture_seconds, header.padding) == (5.0, 3.0, 1.0)
    assert header.has_sound is True
    check_integrity("video", BytesSource(data))


CONTAINERS = {
    "mp4": lambda: film("mp4", "mpeg4"),
    "webm": lambda: film("webm"),
    "avi": lambda: film("avi", "mpeg4"),
    "m4a": lambda: encoded("ipod", "aac"),
    "adts": lambda: encoded("adts", "aac"),
    "mp3": lambda: encoded("mp3", "mp3"),
}


@pytest.mark.parametrize("container", CONTAINERS)
@given(data=st.data())
def test_a_broken_container_is_one_error_or_unknown(container: str, data: st.DataObject) -> None:
    content = bytearray(CONTAINERS[container]())
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(4, min(len(content), 2000) - 1))] = data.draw(
            st.integers(0, 255)
        )
    cut = bytes(content[: data.draw(st.integers(16, len(content)))])
    for kind in (Audio, Video):
        with suppress(InvalidMedia):
            header = kind(cut).header
            assert header is not None
            assert header.seconds is None or 0 <= header.seconds < 1e10
