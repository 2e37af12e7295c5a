"""Recordings as the samples that a model takes: one channel, float32, at the model's rate.

libsndfile reads wav, flac, ogg and mp3. FFmpeg (PyAV) reads m4a, aac, webm, mp4 and other
containers. Knows nothing of models.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterable, Iterator
from typing import Any, cast

import av
import numpy as np
import soundfile  # pyright: ignore[reportMissingTypeStubs]
import soxr  # pyright: ignore[reportMissingTypeStubs]
from av.error import FFmpegError
from numpy.typing import NDArray

from fmsdk.content import Audio
from fmsdk.errors import InvalidMedia
from fmsdk.media.source import SamplesSource

__all__ = ["Samples", "decode_audio"]

Samples = NDArray[np.float32]

_BLOCK_FRAMES = 1 << 18  # read at once: a long recording is never in memory at its own rate
_MIX_FRAMES = 4096  # mixed alike
_MIN_MIX_FRAMES = 256  # fewer cancel each other out by chance
_CANCELLED_SHARE = 0.02  # of the loudest channel's energy: less is left of it by cancellation alone
_TOLERANCE = 0.15  # seconds by which a header may exceed the sound: codecs pad and round
# The length (2 GiB and above) that writers put where they do not know it and cannot seek back.
_UNKNOWN_LENGTH = 0x7FFFF000
# Containers whose header has the duration; FFmpeg guesses that of others from the bit rate.
_FORMATS_WITH_DURATION = ("mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm")
_ADVICE = "Copy or download it again"
_OGG_HEADER = struct.Struct("<4s22xB")


def decode_audio(part: Audio, rate: int = 16000) -> Samples:
    """The recording as float32 [time] at `rate` samples a second, in −1…1.

    Channels are mixed down to their mean; where they cancel each other out (opposite phase), the
    loudest one is taken. A source of samples is [time] or [channels, time], of
    floats or int16.

    Raises:
        InvalidMedia: the recording is no audio, empty, damaged, truncated (shorter than its
            header says), or not on this machine (a URL, a provider's file).
    """
    if isinstance(part.source, SamplesSource):
        from_rate = part.source.rate
        blocks: Iterable[Samples] = [_to_mono(part.source.samples)]
    else:
        from_rate, blocks = _open_recording(part.read(), part.describe())
    samples = _resample(blocks, from_rate, rate)
    if not samples.size:
        raise InvalidMedia(f"{part.describe()} is empty: it has no sound")
    if not np.isfinite(samples).all():
        raise InvalidMedia(
            f"{part.describe()} is damaged: some of its samples are not finite numbers"
        )
    return samples


def _to_mono(source: Any) -> Samples:
    # A torch tensor may be on a GPU, require a gradient, or be a bfloat16, which numpy lacks.
    if hasattr(source, "detach"):
        source = source.detach().cpu()
        source = (source.float() if source.is_floating_point() else source).numpy()
    array: NDArray[Any] = np.asarray(source)
    if array.dtype == np.int16:
        array = array.astype(np.float32) / 32768
    elif array.dtype.kind != "f":
        raise InvalidMedia(f"samples must be floats in −1…1 or int16, not {array.dtype}")
    if array.ndim not in (1, 2):
        raise InvalidMedia(
            f"samples must be [time] or [channels, time], not {array.ndim}-dimensional"
        )
    if array.ndim == 2:
        if array.shape[0] > array.shape[1]:
            raise InvalidMedia(
                f"samples of shape {array.shape} have more channels than samples; channels "
                "come first: pass samples.T"
            )
        return _mix_channels(array.T.astype(np.float32))
    return array.astype(np.float32)


def _mix_channels(block: Samples) -> Samples:
    """[time, channels] as [time]."""
    mono: Samples = block.mean(axis=1)
    if block.shape[1] == 1 or not len(block):
        return mono
    starts = np.arange(0, len(block), _MIX_FRAMES)
    loudness = np.add.reduceat(block * block, starts, axis=0)  # [blocks, channels]
    is_cancelled = np.add.reduceat(mono * mono, starts) < _CANCELLED_SHARE * loudness.max(axis=1)
    is_cancelled &= len(block) - starts >= _MIN_MIX_FRAMES
    for index in np.flatnonzero(is_cancelled):
        part = slice(starts[index], starts[index] + _MIX_FRAMES)
        mono[part] = block[part, loudness[index].argmax()]
    return mono


def _resample(blocks: Iterable[Samples], from_rate: int, rate: int) -> Samples:
    if from_rate < 1:
        raise InvalidMedia(
            f"the rate of a recording must be at least 1, not {from_rate} samples a second"
        )
    if from_rate == rate:
        return _concatenate(blocks)
    stream = soxr.ResampleStream(from_rate, rate, 1, dtype="float32")
    output: list[Samples] = [stream.resample_chunk(block) for block in blocks]
    output.append(stream.resample_chunk(np.zeros(0, np.float32), last=True))
    return _concatenate(output)


def _concatenate(blocks: Iterable[Samples]) -> Samples:
    return np.concatenate([np.zeros(0, np.float32), *blocks])


def _open_recording(data: bytes, what: str) -> tuple[int, Iterator[Samples]]:
    """The rate of the recording `data`, called `what` in messages, and its mono blocks."""
    _refuse_truncated(data, what)
    try:
        file = soundfile.SoundFile(io.BytesIO(data))
    except soundfile.LibsndfileError:
        return _open_container(data, what)
    # The header of a wav from a pipe may say that it has no data. FFmpeg reads on to its end.
    if not file.frames:
        return _open_container(data, what)
    return file.samplerate, _read_file(file, what)


def _read_file(file: soundfile.SoundFile, what: str) -> Iterator[Samples]:
    missing: int = file.frames
    try:
        while len(block := file.read(_BLOCK_FRAMES, dtype="float32", always_2d=True)):
            missing -= len(block)
            yield _mix_channels(cast("Samples", block))
    except soundfile.LibsndfileError as error:
        raise InvalidMedia(_damage_message(what)) from error
    if missing > _TOLERANCE * file.samplerate:
        raise InvalidMedia(_truncation_message(what, missing / file.samplerate))


def _open_container(data: bytes, what: str) -> tuple[int, Iterator[Samples]]:
    if not data:
        raise InvalidMedia(f"{what} is empty: it has no sound")
    try:
        container = av.open(io.BytesIO(data))
    except (FFmpegError, OSError) as error:
        raise InvalidMedia(
            f"{what} is damaged, or no audio of a known format: wav, flac, ogg, mp3, m4a, aac, "
            "webm and mp4 are known"
        ) from error
    if not container.streams.audio:
        raise InvalidMedia(f"{what} has no sound: it has no audio track")
    stream = container.streams.audio[0]
    return stream.rate, _read_container(container, stream, what)


def _read_container(container: Any, stream: Any, what: str) -> Iterator[Samples]:
    # Converts the sample format and, where the codec changes it in mid-stream, the rate. The
    # channels stay: they are mixed as in every other source.
    resampler = av.AudioResampler(format="fltp", rate=stream.rate)
    frames = 0
    try:
        for decoded_frame in container.decode(stream):
            for frame in resampler.resample(decoded_frame):
                frames += frame.samples
                channels: Any = frame.to_ndarray()  # float32 [channels, time]
                yield _mix_channels(channels.T)
    except FFmpegError as error:
        raise InvalidMedia(_damage_message(what)) from error
    if container.format.name in _FORMATS_WITH_DURATION and container.duration:
        missing = container.duration / av.time_base - frames / stream.rate
        if missing > _TOLERANCE:
            raise InvalidMedia(_truncation_message(what, missing))


def _refuse_truncated(data: bytes, what: str) -> None:
    # libsndfile reads a truncated file without an error.
    if data[:4] in (b"RIFF", b"RF64") and data[8:12] == b"WAVE":
        missing = _missing_wav_bytes(data)
    elif data[:4] == b"OggS":
        missing = _missing_ogg_bytes(data)
    else:
        return
    if missing > 0:
        raise InvalidMedia(
            f"{what} is truncated: {missing} bytes are missing at its end. {_ADVICE}"
        )


def _missing_wav_bytes(data: bytes) -> int:
    """Bytes that the data chunk lacks by its own header, beyond one frame."""
    at, frame = 12, 1  # bytes
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


def _missing_ogg_bytes(data: bytes) -> int:
    """Bytes that the last page lacks by its own header (RFC 3533, section 6)."""
    at = data.rfind(b"OggS")
    if at + _OGG_HEADER.size > len(data):
        return at + _OGG_HEADER.size - len(data)
    segments: int = _OGG_HEADER.unpack_from(data, at)[1]
    table = at + _OGG_HEADER.size
    return table + segments + sum(data[table : table + segments]) - len(data)


def _truncation_message(what: str, seconds: float) -> str:
    return (
        f"{what} is truncated: it is {seconds:.1f} seconds shorter than its header says. {_ADVICE}"
    )


def _damage_message(what: str) -> str:
    return f"{what} is damaged or truncated: it cannot be decoded to its end. {_ADVICE}"
