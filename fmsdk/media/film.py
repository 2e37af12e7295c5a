"""Containers of films, read for what they say of their tracks: MP4 and QuickTime (ISO/IEC
14496-12), Matroska and WebM (RFC 9559), AVI. docs/decisions/0007-media.md says why no library does
it.

Nothing is decoded. A reader stops at what it does not understand, and leaves the rest unknown.
"""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

__all__ = ["ISO_TYPES", "MATROSKA_TYPES", "Film", "read_film", "read_variable_int"]

ISO_TYPES = frozenset({"audio/mp4", "video/mp4", "video/quicktime"})
MATROSKA_TYPES = frozenset({"audio/webm", "audio/x-matroska", "video/webm", "video/x-matroska"})

_CONTAINERS = frozenset({b"moov", b"trak", b"mdia", b"edts", b"mvex"})
_READ = frozenset({b"mvhd", b"mehd", b"mdhd", b"hdlr", b"tkhd", b"elst"})
_LONGEST_BOX = 4096
_LONGEST = 10**7
"""Seconds, which are 115 days: a larger number is a broken one."""
_AVI_HEADER = 8192
_MOST_DEPTH = 5

_SEGMENT, _INFO, _TRACKS, _CLUSTER = 0x18538067, 0x1549A966, 0x1654AE6B, 0x1F43B675
_TRACK, _VIDEO, _GROUP = 0xAE, 0xE0, 0xA0
_PARENTS = frozenset({_SEGMENT, _INFO, _TRACKS, _CLUSTER, _TRACK, _VIDEO, _GROUP})
_SCALE, _DURATION, _TRACK_TYPE, _WIDTH, _HEIGHT = 0x2AD7B1, 0x4489, 0x83, 0xB0, 0xBA
_TIME, _SIMPLE_BLOCK, _BLOCK = 0xE7, 0xA3, 0xA1
_PICTURES, _SOUND = 1, 2
_DEFAULT_SCALE = 1_000_000  # nanoseconds


@dataclass(slots=True)
class Film:
    """None is unknown. width, height: pixels. seconds: of the whole. picture_seconds: of the track
    with pictures. padding: seconds of the sound track that players skip, since the encoder put
    them there. has_sound, has_pictures: whether there is such a track."""

    width: int | None = None
    height: int | None = None
    seconds: float | None = None
    picture_seconds: float | None = None
    padding: float | None = None
    has_sound: bool | None = None
    has_pictures: bool | None = None


@dataclass(slots=True)
class _Track:
    kind: bytes = b""
    seconds: float | None = None
    shown_ticks: int = 0
    size: tuple[int, int] = (0, 0)


def read_film(file: BinaryIO, mime: str) -> Film:
    """What a container of the type `mime` says of its tracks.

    Raises:
        TooManyPieces: the file has too many. OSError.
    """
    file.seek(0)
    film = Film()
    if mime in ISO_TYPES:
        film = _read_iso(file)
    elif mime in MATROSKA_TYPES:
        film = _read_matroska(file)
    elif mime == "video/x-msvideo":
        film = _read_avi(file.read(_AVI_HEADER))
    if max(film.seconds or 0, film.picture_seconds or 0) > _LONGEST:
        film.seconds = film.picture_seconds = None
    return film


def _read_iso(file: BinaryIO) -> Film:
    film, tracks, ticks_per_second, sound_seconds = Film(), list[_Track](), 0, 0.0
    for name, body in _boxes(file, 0, file.seek(0, os.SEEK_END), 0):
        if name == b"trak":
            tracks.append(_Track())
        elif name == b"mvhd":
            ticks_per_second, ticks = _clock(body)
            film.seconds = ticks / ticks_per_second if ticks_per_second and ticks else None
        elif name == b"mehd" and ticks_per_second and not film.seconds:  # a film in fragments
            film.seconds = int.from_bytes(body[4:]) / ticks_per_second or None
        elif tracks:
            _read_track_box(tracks[-1], name, body)
    for track in tracks:
        shown_seconds = track.shown_ticks / ticks_per_second if ticks_per_second else 0
        if track.kind == b"vide":
            film.width, film.height = track.size if all(track.size) else (None, None)
            film.picture_seconds = shown_seconds or track.seconds
        elif track.kind == b"soun" and track.seconds and film.padding is None:
            film.padding = max(0.0, track.seconds - shown_seconds) if shown_seconds else None
            sound_seconds = track.seconds
    kinds = {track.kind for track in tracks}
    if tracks:
        film.has_sound, film.has_pictures = b"soun" in kinds, b"vide" in kinds
    if film.has_pictures is False and sound_seconds:
        film.seconds = sound_seconds  # with what players skip
    return film


def _boxes(file: BinaryIO, at: int, end: int, depth: int) -> Iterator[tuple[bytes, bytes]]:
    """(name, contents) of the boxes that are read here, and the name alone of a track."""
    while at + 8 <= end and depth < _MOST_DEPTH:
        file.seek(at)
        head = file.read(16)
        length, name, start = int.from_bytes(head[:4]), head[4:8], at + 8
        if length == 1:
            length, start = int.from_bytes(head[8:16]), at + 16
        length = end - at if length == 0 else length
        if length < start - at:
            return
        if name in _CONTAINERS:
            if name == b"trak":
                yield name, b""
            yield from _boxes(file, start, min(at + length, end), depth + 1)
        elif name in _READ:
            file.seek(start)
            yield name, file.read(min(length - (start - at), _LONGEST_BOX))
        at += length


def _clock(body: bytes) -> tuple[int, int]:
    """(ticks a second, ticks) of `mvhd` or `mdhd`; a length of all ones is unknown."""
    is_long = body[:1] == b"\1"
    form, start = (">IQ", 20) if is_long else (">II", 12)
    if len(body) < start + struct.calcsize(form):
        return 0, 0
    rate, ticks = struct.unpack_from(form, body, start)
    return rate, 0 if ticks in (0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF) else ticks


def _read_track_box(track: _Track, name: bytes, body: bytes) -> None:
    if name == b"hdlr":
        track.kind = body[8:12]
    elif name == b"mdhd":
        rate, ticks = _clock(body)
        track.seconds = ticks / rate if rate and ticks else None
    elif name == b"tkhd" and len(body) >= 8:  # the last two numbers have 16 bits of fraction
        width, height = struct.unpack(">II", body[-8:])
        track.size = width >> 16, height >> 16
    elif name == b"elst":
        is_long = body[:1] == b"\1"
        entry = ">Qq" if is_long else ">Ii"
        step = 20 if is_long else 12
        for start in range(8, len(body) - step + 1, step):
            length, first = struct.unpack_from(entry, body, start)
            track.shown_ticks += length if first >= 0 else 0  # -1 is a pause


def _read_matroska(file: BinaryIO) -> Film:
    film, scale, kind = Film(), _DEFAULT_SCALE, 0
    cluster_time = last_time = previous_time = 0
    ticks = 0.0
    for name, body in _elements(file, file.seek(0, os.SEEK_END)):
        number = int.from_bytes(body)
        if name == _SCALE:
            scale = number or _DEFAULT_SCALE
        elif name == _DURATION and len(body) in (4, 8):
            (ticks,) = struct.unpack(">f" if len(body) == 4 else ">d", body)
        elif name == _TRACK_TYPE:
            kind = number
            film.has_pictures = film.has_pictures or kind == _PICTURES
            film.has_sound = film.has_sound or kind == _SOUND
        elif name == _WIDTH:
            film.width = number
        elif name == _HEIGHT:
            film.height = number
        elif name == _TIME:
            cluster_time = number
        elif name == _CLUSTER and ticks:
            break  # the length is known, and nothing else is needed
        elif name in (_SIMPLE_BLOCK, _BLOCK):
            _, track_bytes = read_variable_int(body, keep_marker=False)
            offset = int.from_bytes(body[track_bytes : track_bytes + 2], signed=True)
            time = cluster_time + offset
            if time > last_time:
                previous_time, last_time = last_time, time
    # A browser's recorder leaves no length: the last block is taken for as long as the one before.
    ticks = ticks if 0 < ticks < float("inf") else 2 * last_time - previous_time
    film.seconds = ticks * scale / 1e9 or None
    film.picture_seconds = film.seconds if film.has_pictures else None
    return film


def _read_avi(head: bytes) -> Film:
    """The main header comes first, and a header of each stream after it
    (https://learn.microsoft.com/windows/win32/directshow/avi-riff-file-reference)."""
    at = head.find(b"avih")
    if at < 0 or len(head) < at + 48:
        return Film()
    microseconds, frames = (int.from_bytes(head[at + n : at + n + 4], "little") for n in (8, 24))
    width, height = (int.from_bytes(head[at + n : at + n + 4], "little") for n in (40, 44))
    seconds = microseconds * frames / 1e6 or None
    kinds = set(re.findall(rb"strh.{4}(vids|auds)", head, re.DOTALL))
    return Film(
        width=width or None,
        height=height or None,
        seconds=seconds,
        picture_seconds=seconds,
        has_sound=b"auds" in kinds if kinds else None,
        has_pictures=b"vids" in kinds if kinds else None,
    )


def _elements(file: BinaryIO, size: int) -> Iterator[tuple[int, bytes]]:
    """(name, beginning of the contents) of every element that holds no others, and of clusters."""
    at = 0
    while at < size:
        file.seek(at)
        head = file.read(28)
        name, name_bytes = read_variable_int(head, keep_marker=True)
        length, length_bytes = read_variable_int(head[name_bytes:], keep_marker=False)
        if not name_bytes or not length_bytes:
            return
        start = name_bytes + length_bytes
        if name in _PARENTS:
            if name == _CLUSTER:
                yield name, b""
            at += start
        else:
            yield name, head[start : start + min(length, 8)]
            at += start + length


def read_variable_int(data: bytes, *, keep_marker: bool) -> tuple[int, int]:
    """A number of EBML (RFC 8794) and how many bytes it takes: one more than the zero bits before
    it. (0, 0) where the data end too early."""
    length = 9 - data[0].bit_length() if data else 9
    if len(data) < length or length > 8:
        return 0, 0
    number = int.from_bytes(data[:length])
    return (number if keep_marker else number & (1 << 7 * length) - 1), length
