"""Frames of MP3 and raw AAC: the length of a recording, and the padding that its encoder added."""

from __future__ import annotations

from typing import BinaryIO

from fmsdk.media.limited_file import TooManyPieces

__all__ = ["Timing", "mp3_padding", "timing_of_aac"]

_ADTS_HEADER = 7
_ADTS_RATES = (
    *(96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025),
    *(8_000, 7_350),
)
_MP3_FRAME = 512
"""Bytes, of the first frame, in which its tag is."""

Timing = tuple[float | None, int | None, int | None]
"""Seconds, samples a second, channels."""


def timing_of_aac(file: BinaryIO) -> Timing:
    """Count the frames (ISO/IEC 13818-7, 6.2): 1,024 samples in each block of each."""
    at, blocks, rate, channels = 0, 0, None, None
    try:
        while len(head := _read_at(file, at, _ADTS_HEADER)) == _ADTS_HEADER:
            if head[0] != 0xFF or head[1] & 0xF6 != 0xF0:
                break  # junk after the last frame
            code = head[2] >> 2 & 15
            rate = rate or (_ADTS_RATES[code] if code < len(_ADTS_RATES) else None)
            channels = channels or (head[2] & 1) << 2 | head[3] >> 6 or None
            blocks += (head[6] & 3) + 1
            at += max(int.from_bytes(head[3:6]) >> 5 & 0x1FFF, _ADTS_HEADER)
    except TooManyPieces:
        return None, rate, channels
    return (blocks * 1024 / rate if rate else None), rate, channels


def mp3_padding(file: BinaryIO) -> float | None:
    """Seconds that the encoder put before and after the recording, which players skip; None where
    the first frame does not say (http://gabriel.mp3-tech.org/mp3infotag.html)."""
    from fmsdk.media.integrity.audio import skip_id3_tag

    head = _read_at(file, skip_id3_tag(file), _MP3_FRAME)
    tag = max(head.find(b"Xing"), head.find(b"Info"))
    if tag < 0 or len(head) < tag + 160 or head[0] != 0xFF:
        return None
    flags = head[tag + 7]
    lengths = (
        4,
        4,
        100,
        4,
    )  # of what each flag says stands between: frames, bytes, seeks, quality
    at = tag + 8 + sum(length for bit, length in enumerate(lengths) if flags >> bit & 1) + 21
    gaps = int.from_bytes(head[at : at + 3])
    version, code = head[1] >> 3 & 3, head[2] >> 2 & 3
    if code == 3 or version == 1 or not gaps:
        return None
    rate = (44_100, 48_000, 32_000)[code] // {3: 1, 2: 2, 0: 4}[version]
    return ((gaps >> 12) + (gaps & 0xFFF)) / rate


def _read_at(file: BinaryIO, place: int, size: int) -> bytes:
    file.seek(place)
    return file.read(size)
