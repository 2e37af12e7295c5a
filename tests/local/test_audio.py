"""Decoding of recordings: every format, every way of being broken."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from fmsdk.content import Audio
from fmsdk.errors import InvalidMedia
from fmsdk_local.speech.audio import decode_audio
from tests.support.lazy_import import torch
from tests.support.soak import soak_size

RATE = 16_000
SECONDS = 2
# With noise in it, so that codecs spend bytes on every second.
NOISE = np.random.default_rng(1).normal(0, 0.05, SECONDS * RATE)
TONE = (0.5 * np.sin(2 * np.pi * 440 * np.arange(SECONDS * RATE) / RATE) + NOISE).astype(np.float32)


def encoded(kind: str, subtype: str, samples: Any = TONE, rate: int = RATE) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format=kind, subtype=subtype)
    return file.getvalue()


def container(kind: str, codec: str, rate: int = RATE) -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format=kind) as out:
        stream: Any = out.add_stream(codec, rate=rate)
        stream.layout = "mono"
        frame = av.AudioFrame.from_ndarray(TONE[None], format="fltp", layout="mono")
        frame.sample_rate = RATE
        resampler = av.AudioResampler(format=stream.format, layout="mono", rate=rate)
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            out.mux(stream.encode(part))
        out.mux(stream.encode(None))
    return file.getvalue()


def pitch(samples: np.ndarray) -> float:
    """The strongest frequency, in Hz."""
    return float(np.abs(np.fft.rfft(samples)).argmax()) * RATE / len(samples)


FORMATS = {
    "wav": lambda: encoded("WAV", "PCM_16"),
    "wav of 8 bit": lambda: encoded("WAV", "PCM_U8"),
    "wav of floats": lambda: encoded("WAV", "FLOAT"),
    "flac": lambda: encoded("FLAC", "PCM_24"),
    "ogg vorbis": lambda: encoded("OGG", "VORBIS"),
    "ogg opus": lambda: encoded("OGG", "OPUS"),
    "mp3": lambda: encoded("MP3", "MPEG_LAYER_III"),
    "m4a": lambda: container("ipod", "aac"),
    "mp4": lambda: container("mp4", "aac"),
    "webm": lambda: container("webm", "libopus", 48_000),
    "aac": lambda: container("adts", "aac"),
}


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_the_same_sound(name: str) -> None:
    samples = decode_audio(Audio(FORMATS[name]()))
    assert samples.dtype == np.float32
    assert samples.ndim == 1
    # AAC adds up to three blocks of 1,024 samples around the sound.
    assert len(samples) == pytest.approx(SECONDS * RATE, abs=3 * 1024)
    assert pitch(samples) == pytest.approx(440, abs=2)
    assert samples.std() == pytest.approx(TONE.std(), rel=0.1)


@pytest.mark.parametrize("rate", [8_000, 22_050, 44_100, 48_000])
def test_rates_are_converted(rate: int) -> None:
    time = np.arange(SECONDS * rate) / rate
    tone = (0.5 * np.sin(2 * np.pi * 440 * time)).astype(np.float32)
    samples = decode_audio(Audio(encoded("WAV", "PCM_16", tone, rate)))
    assert len(samples) == pytest.approx(SECONDS * RATE, abs=2)
    assert pitch(samples) == pytest.approx(440, abs=1)


def test_channels_are_mixed_to_their_mean() -> None:
    left_channel, right_channel = 0.5 * np.ones(RATE, np.float32), -0.25 * np.ones(RATE, np.float32)
    wav = encoded("WAV", "FLOAT", np.stack([left_channel, right_channel], axis=1))
    np.testing.assert_allclose(decode_audio(Audio(wav)), 0.125, atol=1e-6)
    np.testing.assert_allclose(
        decode_audio(Audio((np.stack([left_channel, right_channel]), RATE))), 0.125, atol=1e-6
    )


@pytest.mark.parametrize("gain", [-1.0, -0.9])
@pytest.mark.parametrize("form", [("WAV", "PCM_16"), ("FLAC", "PCM_16"), None], ids=str)
@pytest.mark.parametrize("opposite", [slice(None), slice(20_000, None)], ids=["whole", "a part"])
def test_channels_in_opposite_phase_do_not_cancel_out(
    gain: float, form: tuple[str, str] | None, opposite: slice
) -> None:
    left = np.random.default_rng(0).uniform(-0.5, 0.5, 40_000).astype(np.float32)
    right = left.copy()
    right[opposite] *= gain
    stereo = np.stack([left, right], axis=1)
    part = Audio(stereo.T, rate=16_000) if form is None else Audio(encoded(*form, stereo))
    samples = decode_audio(part)
    blocks = samples[: len(samples) // 4096 * 4096].reshape(-1, 4096)
    assert (blocks**2).mean(axis=1).min() > 0.5 * (left**2).mean()


@given(frames=st.integers(1, 3000), channels=st.integers(1, 4), seed=st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=soak_size(50, 1000))
def test_lossless_wav_gives_the_samples_back(frames: int, channels: int, seed: int) -> None:
    source = np.random.default_rng(seed).integers(-(2**15), 2**15, (frames, channels), np.int16)
    samples = decode_audio(Audio(encoded("WAV", "PCM_16", source)))
    np.testing.assert_allclose(samples, (source / 32768).mean(axis=1), atol=1e-6)


@pytest.mark.parametrize(
    "samples",
    [
        TONE,
        TONE[None],
        (TONE * 32768).astype(np.int16),
        TONE.astype(np.float64),
        lambda: torch.from_numpy(TONE),
        lambda: torch.from_numpy(TONE).to(torch.bfloat16).requires_grad_(),
        TONE.tolist(),
    ],
    ids=["float32", "channels first", "int16", "float64", "torch", "bfloat16 grad", "list"],
)
def test_samples_are_used_as_they_are(samples: Any) -> None:
    decoded_samples = decode_audio(Audio(samples() if callable(samples) else samples, rate=RATE))
    assert decoded_samples.dtype == np.float32
    np.testing.assert_allclose(decoded_samples, TONE, atol=2e-3)


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (TONE.reshape(-1, 2), "pass samples.T"),
        (np.zeros((2, 2, 2), np.float32), "3-dimensional"),
        (np.zeros(10, np.int32), "int32"),
        (np.zeros(0, np.float32), "empty"),
        (np.full(10, np.nan, np.float32), "not finite numbers"),
    ],
)
def test_invalid_samples(samples: Any, message: str) -> None:
    with pytest.raises(InvalidMedia, match=message):
        decode_audio(Audio(samples, rate=RATE))


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "aac"])
@pytest.mark.parametrize("share", [0.4, 0.9])
def test_a_truncated_recording_is_refused(name: str, share: float) -> None:
    data = FORMATS[name]()
    with pytest.raises(InvalidMedia, match=r"truncated|damaged"):
        decode_audio(Audio(data[: int(len(data) * share)]))


def test_a_wav_may_lack_one_frame_at_most() -> None:
    data = encoded("WAV", "PCM_16")
    assert len(decode_audio(Audio(data[:-2]))) == len(TONE) - 1
    with pytest.raises(InvalidMedia, match="truncated: 4 bytes"):
        decode_audio(Audio(data[:-4]))


@pytest.mark.parametrize("size", [0xFFFFFFFF, 0x7FFFFFFF, 0], ids=["-1", "2 GiB", "0"])
def test_a_wav_written_to_a_pipe_does_not_know_its_length(size: int) -> None:
    wav = bytearray(encoded("WAV", "PCM_16"))
    at = wav.find(b"data") + 4
    wav[at : at + 4] = struct.pack("<I", size)
    wav[4:8] = struct.pack("<I", size)
    assert len(decode_audio(Audio(bytes(wav)))) == len(TONE)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "empty"),
        (b"To be, or not to be, that is the question. " * 99, "no audio of a known format"),
        (encoded("WAV", "PCM_16", TONE[:0]), "empty|no audio"),
        (b"RIFF", "no audio"),
    ],
    ids=["nothing", "text", "wav of nothing", "four bytes"],
)
def test_file_that_is_no_recording(data: bytes, message: str) -> None:
    with pytest.raises(InvalidMedia, match=message):
        decode_audio(Audio(data))


def test_a_film_without_sound() -> None:
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as out:
        stream: Any = out.add_stream("mpeg4", rate=5)
        stream.width = stream.height = 32
        stream.pix_fmt = "yuv420p"
        out.mux(stream.encode(av.VideoFrame(32, 32, "yuv420p")))
        out.mux(stream.encode(None))
    with pytest.raises(InvalidMedia, match="no audio track"):
        decode_audio(Audio(file.getvalue()))


def test_errors_name_the_file(tmp_path: Path) -> None:
    path = tmp_path / "speech.wav"
    path.write_bytes(encoded("WAV", "PCM_16")[:5000])
    with pytest.raises(InvalidMedia, match=r"speech\.wav is truncated"):
        decode_audio(Audio(path))


def test_audio_behind_a_url_is_not_fetched() -> None:
    with pytest.raises(InvalidMedia, match="not here"):
        decode_audio(Audio("https://example.invalid/speech.wav"))
