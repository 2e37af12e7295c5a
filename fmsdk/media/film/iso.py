"""MP4, QuickTime and M4A: boxes within boxes (ISO/IEC 14496-12)."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from fmsdk.media.film.tracks import Film

__all__ = ["read_iso"]

_CONTAINERS = frozenset({b"moov", b"trak", b"mdia", b"edts", b"mvex"})
_READ = frozenset({b"mvhd", b"mehd", b"mdhd", b"hdlr", b"tkhd", b"elst"})
_LONGEST_BOX = 4096
_MOST_DEPTH = 5


@dataclass(slots=True)
class _Track:
    kind: bytes = b""
    seconds: float | None = None
    shown_ticks: int = 0
    size: tuple[int, int] = (0, 0)


def read_iso(file: BinaryIO) -> Film:
    """The tracks by their boxes. The length is as stated: fragments are not added up."""
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
