"""Sound by itself: MP3, AAC, FLAC, Ogg and CAF. (WAV and AIFF: `riff`; M4A and WebM: `video`.)

A file that was written as a stream has no length. It passes where its format leaves the end open:

- MP3: encoders since 2000 write a byte count into the first frame (Xing, Info, VBRI). A file
  without one is a row of frames that may end anywhere.
- Raw AAC: only a cut inside a frame is found.
- FLAC: the header has the number of samples, unless the file was written to a pipe.
- Ogg: a cut between two pages is not found. So many writers leave out the mark on the last page
  (voice messages, recorded radio) that its absence says nothing.
- CAF: the chunks have sizes, unless the file was written to a pipe.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import BinaryIO

__all__ = [
    "missing_in_aac",
    "missing_in_caf",
    "missing_in_flac",
    "missing_in_mp3",
    "missing_in_ogg",
    "skip_id3_tag",
]

_MP3_SEARCHED = 4096
_MP3_SMALLEST = 24  # bytes of a frame: 8,000 bits a second at 24 kHz
_ID3V1_BYTES = 128
_JUNK = 65_536
_ADTS_HEADER = 7
_CAF_HEADER = 12
_OGG_PAGE_HEADER = 27
# What may follow the last FLAC frame: tags, zeros, text. Coded sound does not look like that.
_TRAILERS = (b"TAG", b"APETAGEX", b"ID3")
_TRAILER_BYTES = b"\0\t\r\n" + bytes(range(0x20, 0x7F))
# What looks like the beginning of a FLAC frame, from the end: one in 32,768 bytes of sound.
_MOST_FRAMES = 10_000


def missing_in_mp3(file: BinaryIO, size: int) -> str | None:
    """By http://gabriel.mp3-tech.org/mp3infotag.html. The count starts at the frame it is in;
    some writers count in a tag of 128 bytes that other programs remove."""
    start = skip_id3_tag(file)
    file.seek(start)
    head = file.read(_MP3_SEARCHED)
    if len(head) < _MP3_SMALLEST:
        return f"its sound begins at byte {start:,} of {size:,}"
    for frame, byte_count in _byte_counts(head):
        end = start + frame + byte_count
        if end - min(_ID3V1_BYTES, byte_count // 50) > size:
            return f"its first frame announces {end:,} bytes, but the file has {size:,}"
    return None


def skip_id3_tag(file: BinaryIO) -> int:
    """The offset of the sound after an ID3v2 tag (https://id3.org/id3v2.4.0-structure)."""
    file.seek(0)
    head = file.read(10)
    if head[:3] != b"ID3" or len(head) < 10:
        return 0
    length = 0
    for byte in head[6:]:
        length = length << 7 | byte & 0x7F
    return 10 + length + (10 if head[5] & 0x10 else 0)


def _byte_counts(head: bytes) -> Iterator[tuple[int, int]]:
    """(offset, byte count) of the frame that has one."""
    for match in re.finditer(rb"Xing|Info|VBRI", head):
        tag = match.start()
        if match[0] == b"VBRI":  # always 32 bytes after the frame's header
            yield from _if_frame(head, tag - 36, head[tag + 10 : tag + 14])
        elif len(head) >= tag + 16 and head[tag + 7] & 2:
            at = tag + 8 + (4 if head[tag + 7] & 1 else 0)
            for side in (32, 17, 9):  # by version and channels
                yield from _if_frame(head, tag - 4 - side, head[at : at + 4])


def _if_frame(head: bytes, frame: int, count: bytes) -> Iterator[tuple[int, int]]:
    if frame >= 0 and head[frame] == 0xFF and head[frame + 1] & 0xE6 == 0xE2 and len(count) == 4:
        yield frame, int.from_bytes(count)


def missing_in_aac(file: BinaryIO, size: int) -> str | None:
    """Walk the frames (ISO/IEC 13818-7, 6.2)."""
    at = 0
    while at < size:
        file.seek(at)
        header = file.read(_ADTS_HEADER)
        if header[:1] != b"\xff" or (header[1:2] and header[1] & 0xF6 != 0xF0):
            return None  # junk after the last frame
        length = int.from_bytes(header[3:6]) >> 5 & 0x1FFF if len(header) == _ADTS_HEADER else 0
        at += max(length, _ADTS_HEADER)
    return f"its last AAC frame ends at byte {at:,} of {size:,}" if at > size else None


def missing_in_caf(file: BinaryIO, size: int) -> str | None:
    """Walk the chunks (https://developer.apple.com/library/archive/documentation/MusicAudio/Reference/CAFSpec/);
    the chunk with the sound may have no length."""
    at, names = 8, set[bytes]()
    while at + _CAF_HEADER <= size and b"data" not in names:
        file.seek(at)
        header = file.read(_CAF_HEADER)
        length = int.from_bytes(header[4:], signed=True)
        if header[:4] == b"data" and length < 0:
            return None
        names.add(header[:4])
        at += _CAF_HEADER + max(length, 0)
    if b"data" not in names:
        return "its sound is missing"
    return f"its sound ends at byte {at:,} of {size:,}" if at > size else None


def missing_in_flac(file: BinaryIO, size: int) -> str | None:
    """The last frame (RFC 9639, section 9) must hold the last of the samples that the header
    counts, and have the right checksum."""
    file.seek(4)
    header, info = file.read(4), file.read(34)
    block, total = int.from_bytes(info[2:4]), int.from_bytes(info[13:18]) & (1 << 36) - 1
    channels = (info[12] >> 1 & 7) + 1 if len(info) == 34 else 0
    at = 8 + int.from_bytes(header[1:])
    while len(header) == 4 and not header[0] & 0x80:  # the first bit marks the last header
        file.seek(at)
        header = file.read(4)
        at += 4 + int.from_bytes(header[1:])
    if len(header) < 4 or at > size:
        return "its FLAC data breaks off before the sound"
    if not total:
        return None
    # No frame is longer than its samples as they are, of 4 bytes at most.
    file.seek(max(at, size - block * channels * 4 - _JUNK))
    tail = file.read()
    trailer = len(tail.rstrip(_TRAILER_BYTES))
    at, checks, unread = len(tail), _MOST_FRAMES, 2 * len(tail)
    while checks and (at := tail.rfind(b"\xff", 0, at)) >= 0:
        if tail[at + 1 : at + 2] not in (b"\xf8", b"\xf9"):
            continue
        checks -= 1
        last = _flac_samples(tail[at : at + 16], block)
        if last is None or last < total:
            continue
        unread -= len(tail) - at
        if unread < 0:
            break
        # The checksum over a frame that includes its own checksum is 0.
        sums = _crc(tail[at:], 16, 0x8005)
        frame_ends = (at + n + 1 for n, s in enumerate(sums) if n > 8 and not s)
        if any(end >= trailer or tail.startswith(_TRAILERS, end) for end in frame_ends):
            return None
    return f"the last of its {total:,} samples are missing"


def _flac_samples(head: bytes, block: int) -> int | None:
    """The number of samples up to the end of the frame that begins with `head`; None where `head`
    is not the header of a frame."""
    if len(head) < 6:
        return None
    code, rate = head[2] >> 4, head[2] & 15
    ones = 8 - (head[4] ^ 0xFF).bit_length()  # coded like a character of UTF-8
    number, at = head[4] & 0x7F >> ones, 5
    for byte in head[5 : 4 + ones]:
        number, at = number << 6 | byte & 0x3F, at + 1
    extra = {6: 1, 7: 2}.get(code, 0)
    checksum = at + extra + {12: 1, 13: 2, 14: 2}.get(rate, 0)
    if not code or len(head) <= checksum or any(_crc(head[: checksum + 1], 8, 0x07)[-1:]):
        return None
    if extra:
        count = int.from_bytes(head[at : at + extra]) + 1
    else:
        count = 256 << code - 8 if code > 7 else 576 << code - 2 if code > 1 else 192
    return number * (1 if head[1] & 1 else block) + count


def _crc(data: bytes, width: int, polynomial: int) -> list[int]:
    """The checksum after each byte."""
    table, shift, mask = _crc_table(width, polynomial), width - 8, (1 << width) - 1
    sums: list[int] = []
    crc = 0
    for byte in data:
        crc = crc << 8 & mask ^ table[crc >> shift ^ byte]
        sums.append(crc)
    return sums


@cache
def _crc_table(width: int, polynomial: int) -> list[int]:
    table: list[int] = []
    for byte in range(256):
        crc = byte << width - 8
        for _ in range(8):
            crc = crc << 1 ^ (polynomial | 1 << width if crc >> width - 1 else 0)
        table.append(crc)
    return table


def missing_in_ogg(file: BinaryIO, size: int) -> str | None:
    """Walk the pages (RFC 3533, section 6)."""
    at = 0
    while at < size:
        file.seek(at)
        header = file.read(_OGG_PAGE_HEADER + 255)
        if header[:4] != b"OggS"[: len(header)]:
            return None  # junk after the last page
        segments = header[26] if len(header) >= _OGG_PAGE_HEADER else 255
        at += _OGG_PAGE_HEADER + segments
        at += sum(header[_OGG_PAGE_HEADER : _OGG_PAGE_HEADER + segments])
    return f"its last Ogg page ends at byte {at:,} of {size:,}" if at > size else None
