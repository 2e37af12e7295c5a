"""Recordings as the samples a model hears: one channel, float32, at the model's rate.

libsndfile reads wav, flac, ogg and mp3, and FFmpeg (PyAV) what it does not: m4a, aac, webm,
mp4 and other containers. Knows nothing of models.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterable, Iterator
from typing import Any

import av
import numpy as np
import soundfile  # pyright: ignore[reportMissingTypeStubs]
import soxr  # pyright: ignore[reportMissingTypeStubs]
from av.error import FFmpegError
from numpy.typing import NDArray

from fmsdk.content import Audio
from fmsdk.errors import InvalidMedia
from fmsdk.media.source import SamplesSource

__all__ = ["Samples", "decode"]

Samples = NDArray[np.float32]

_BLOCK = 1 << 18  # frames read at once: a long recording is never in memory at its own rate
_SLACK = 0.15  # seconds by which a header may exceed the sound: codecs pad and round
# What writers that cannot seek back put for a length they do not know (2 GiB and above).
_UNKNOWN_LENGTH = 0x7FFFF000
# Containers whose header states the duration; FFmpeg guesses it from the bit rate for others.
_STATES_DURATION = ("mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm")
_AGAIN = "Copy or download it again"
_OGG_HEADER = struct.Struct("<4s22xB")


def decode(part: Audio, rate: int = 16000) -> Samples:
    """The recording as float32 [time] at `rate` samples a second, in −1…1.

    Channels are mixed down to their mean. Samples given as such ([time] or [channels, time],
    floats or int16) are used as they are.

    Raises:
        InvalidMedia: no audio, no sound in it, damaged, or truncated (its header tells of more
            than there is), or elsewhere (a URL, a provider's file).
    """
    if isinstance(part.source, SamplesSource):
        mono, from_rate = _from_samples(part.source.samples), part.source.rate
        blocks: Iterable[Samples] = [mono]
    else:
        from_rate, blocks = _open(part.read(), part.describe())
    samples = _resampled(blocks, from_rate, rate)
    if not samples.size:
        raise InvalidMedia(f"{part.describe()} is empty: there is no sound in it")
    if not np.isfinite(samples).all():
        raise InvalidMedia(f"{part.describe()} is damaged: it has samples that are not numbers")
    return samples


def _from_samples(given: Any) -> Samples:
    # A torch tensor may be on a GPU, want a gradient, or be a bfloat16 that numpy lacks.
    if hasattr(given, "detach"):
        given = given.detach().cpu()
        given = (given.float() if given.is_floating_point() else given).numpy()
    array: NDArray[Any] = np.asarray(given)
    if array.dtype == np.int16:
        array = array.astype(np.float32) / 32768
    elif array.dtype.kind != "f":
        raise InvalidMedia(f"samples are floats in −1…1 or int16, not {array.dtype}")
    if array.ndim not in (1, 2):
        raise InvalidMedia(f"samples are [time] or [channels, time], not {array.ndim}-dimensional")
    if array.ndim == 2:
        if array.shape[0] > array.shape[1]:
            raise InvalidMedia(
                f"samples of shape {array.shape} have more channels than samples; channels "
                "come first: pass samples.T"
            )
        array = array.mean(axis=0)
    return array.astype(np.float32)


def _resampled(blocks: Iterable[Samples], from_rate: int, rate: int) -> Samples:
    if from_rate < 1:
        raise InvalidMedia(f"a recording at {from_rate} samples a second cannot be")
    if from_rate == rate:
        return _joined(blocks)
    stream = soxr.ResampleStream(from_rate, rate, 1, dtype="float32")
    done: list[Samples] = [stream.resample_chunk(block) for block in blocks]
    done.append(stream.resample_chunk(np.zeros(0, np.float32), last=True))
    return _joined(done)


def _joined(blocks: Iterable[Samples]) -> Samples:
    return np.concatenate([np.zeros(0, np.float32), *blocks])


def _open(data: bytes, what: str) -> tuple[int, Iterator[Samples]]:
    """The rate, and the sound as mono blocks."""
    _refuse_truncated(data, what)
    try:
        file = soundfile.SoundFile(io.BytesIO(data))
    except soundfile.LibsndfileError:
        return _open_container(data, what)
    # A wav written to a pipe may say that it has no data; FFmpeg reads on to the end of the file.
    if not file.frames:
        return _open_container(data, what)
    return file.samplerate, _read_file(file, what)


def _read_file(file: soundfile.SoundFile, what: str) -> Iterator[Samples]:
    missing: int = file.frames
    try:
        while len(block := file.read(_BLOCK, dtype="float32", always_2d=True)):
            missing -= len(block)
            yield block.mean(axis=1)
    except soundfile.LibsndfileError as error:
        raise InvalidMedia(_damaged(what)) from error
    if missing > _SLACK * file.samplerate:
        raise InvalidMedia(_truncated(what, missing / file.samplerate))


def _open_container(data: bytes, what: str) -> tuple[int, Iterator[Samples]]:
    if not data:
        raise InvalidMedia(f"{what} is empty: there is no sound in it")
    try:
        container = av.open(io.BytesIO(data))
    except (FFmpegError, OSError) as error:
        raise InvalidMedia(
            f"{what} is no audio that can be read, or is damaged; wav, flac, ogg, mp3, m4a, "
            "aac, webm and mp4 can be"
        ) from error
    if not container.streams.audio:
        raise InvalidMedia(f"{what} has no sound: there is no audio track in it")
    stream = container.streams.audio[0]
    return stream.rate, _read_container(container, stream, what)


def _read_container(container: Any, stream: Any, what: str) -> Iterator[Samples]:
    # Converts sample format and, where the codec changes it in mid-stream, the rate; the
    # channels stay, so that they are mixed as everywhere here.
    resampler = av.AudioResampler(format="fltp", rate=stream.rate)
    frames = 0
    try:
        for decoded in container.decode(stream):
            for frame in resampler.resample(decoded):
                frames += frame.samples
                yield frame.to_ndarray().mean(axis=0)
    except FFmpegError as error:
        raise InvalidMedia(_damaged(what)) from error
    if container.format.name in _STATES_DURATION and container.duration:
        missing = container.duration / av.time_base - frames / stream.rate
        if missing > _SLACK:
            raise InvalidMedia(_truncated(what, missing))


def _refuse_truncated(data: bytes, what: str) -> None:
    # libsndfile reads a cut-off file to its end without a word.
    if data[:4] in (b"RIFF", b"RF64") and data[8:12] == b"WAVE":
        missing = _missing_of_wav(data)
    elif data[:4] == b"OggS":
        missing = _missing_of_ogg(data)
    else:
        return
    if missing > 0:
        raise InvalidMedia(f"{what} is truncated: {missing} bytes are missing at its end. {_AGAIN}")


def _missing_of_wav(data: bytes) -> int:
    """Bytes the data chunk lacks, beyond one frame, going by its own header."""
    at, frame = 12, 1
    while at + 8 <= len(data):
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        if data[at : at + 4] == b"fmt ":
            frame = int.from_bytes(data[at + 20 : at + 22], "little")
        elif data[at : at + 4] == b"data":
            if size >= _UNKNOWN_LENGTH:
                return 0
            missing = at + 8 + size - len(data)
            return missing if missing > frame else 0
        at += 8 + size + size % 2
    return 0


def _missing_of_ogg(data: bytes) -> int:
    """Bytes the last page lacks, going by its own header (RFC 3533, section 6)."""
    at = data.rfind(b"OggS")
    if at + _OGG_HEADER.size > len(data):
        return at + _OGG_HEADER.size - len(data)
    segments: int = _OGG_HEADER.unpack_from(data, at)[1]
    table = at + _OGG_HEADER.size
    return table + segments + sum(data[table : table + segments]) - len(data)


def _truncated(what: str, seconds: float) -> str:
    return (
        f"{what} is truncated: {seconds:.1f} of the seconds its header tells of are missing. "
        f"{_AGAIN}"
    )


def _damaged(what: str) -> str:
    return f"{what} is damaged or truncated: it cannot be read to its end. {_AGAIN}"
