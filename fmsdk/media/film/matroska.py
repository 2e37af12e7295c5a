"""Matroska and WebM: elements within elements (RFC 9559, RFC 8794)."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from typing import BinaryIO

from fmsdk.media.film.tracks import Film

__all__ = ["read_matroska", "read_variable_int"]

_SEGMENT, _INFO, _TRACKS, _CLUSTER = 0x18538067, 0x1549A966, 0x1654AE6B, 0x1F43B675
_TRACK, _VIDEO, _GROUP = 0xAE, 0xE0, 0xA0
_PARENTS = frozenset({_SEGMENT, _INFO, _TRACKS, _CLUSTER, _TRACK, _VIDEO, _GROUP})
_SCALE, _DURATION, _TRACK_TYPE, _WIDTH, _HEIGHT = 0x2AD7B1, 0x4489, 0x83, 0xB0, 0xBA
_TIME, _SIMPLE_BLOCK, _BLOCK = 0xE7, 0xA3, 0xA1
_PICTURES, _SOUND = 1, 2
_DEFAULT_SCALE = 1_000_000  # nanoseconds


def read_matroska(file: BinaryIO) -> Film:
    """The tracks by their elements; the length by the last block, where no element states it."""
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
