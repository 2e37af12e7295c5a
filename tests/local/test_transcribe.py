"""Sound, through the client: transcribed by a tiny Whisper, answered by a tiny audio model."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fmsdk
from fmsdk.errors import BadRequestError, InvalidMedia, UnsupportedContent, UnsupportedSetting
from fmsdk_local import LocalOptions
from fmsdk_local.speech.audio import decode_audio
from tests.local.conftest import CheckpointFactory
from tests.support.local import calls
from tests.support.local.whisper_checkpoints import tiny_whisper

RATE = 16_000
SPEECH = Path(__file__).resolve().parents[2] / "examples" / "media" / "two_cities.flac"


def tone(seconds: float = 1.0, rate: int = RATE) -> Any:
    return np.sin(2 * np.pi * 440 * np.arange(int(seconds * rate)) / rate).astype(np.float32) / 2


@pytest.fixture(scope="module")
def whisper(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"local:{tiny_whisper(tmp_path_factory.mktemp('whisper'))}"


@pytest.fixture
def sound() -> fmsdk.Audio:
    """Two seconds of speech."""
    return fmsdk.Audio(decode_audio(fmsdk.Audio(SPEECH))[RATE : 3 * RATE], rate=RATE)


def test_a_transcription_has_its_account(whisper: str, sound: fmsdk.Audio) -> None:
    transcription = calls.client(price_per_hour="3.6").transcribe(whisper, sound, language="de")
    assert transcription.language == "de"
    assert transcription.duration == pytest.approx(2.0)
    assert transcription.usage.input.audio_seconds == pytest.approx(2.0)
    assert transcription.usage.source == "measured"
    timings = transcription.timings
    assert timings is not None
    assert timings.device_seconds is not None
    assert 0 < timings.device_seconds <= transcription.latency.total
    assert timings.device is not None
    assert timings.device.kind == "cpu"
    assert transcription.cost is not None
    assert float(transcription.cost.total) == pytest.approx(timings.device_seconds * 1e-3, rel=1e-3)
    assert transcription.served_model == transcription.model == whisper.removeprefix("local:")


def test_generate_gives_the_same_text_plain_and_streamed(whisper: str, sound: fmsdk.Audio) -> None:
    client = calls.client()
    text = client.transcribe(whisper, sound).text
    answer = client.generate(whisper, sound)
    assert answer.text == text
    assert answer.finish == "stop"
    with client.stream(whisper, [sound, "  "]) as stream:
        pieces = [event.text for event in stream if isinstance(event, fmsdk.TextDelta)]
    assert "".join(pieces) == text
    assert stream.response.usage == answer.usage


def test_it_takes_one_recording_and_nothing_else(whisper: str, sound: fmsdk.Audio) -> None:
    client = calls.client()
    with pytest.raises(UnsupportedContent) as caught:
        client.generate(whisper, [sound, "What is said?"])
    assert caught.value.part == "text"
    with pytest.raises(BadRequestError, match="one recording"):
        client.generate(whisper, [sound, sound])
    with pytest.raises(UnsupportedSetting, match="temperature"):
        client.generate(whisper, sound, temperature=0.5)
    with pytest.raises(UnsupportedSetting, match="LocalOptions"):
        client.generate(whisper, sound, options=LocalOptions(top_k=1))


def test_file_that_is_no_recording_is_refused(whisper: str, tmp_path: Path) -> None:
    file = tmp_path / "noise.wav"
    file.write_bytes(b"RIFF" + bytes(100))
    with pytest.raises(InvalidMedia):
        calls.client().transcribe(whisper, fmsdk.Audio(file))


def test_a_language_model_transcribes_nothing(
    tiny_checkpoint: CheckpointFactory, sound: fmsdk.Audio
) -> None:
    for name in ("llama", "qwen2_audio"):
        with pytest.raises(UnsupportedContent) as caught:
            calls.client().transcribe(f"local:{tiny_checkpoint(name)}", sound)
        assert caught.value.part == "audio"


def test_several_at_once_are_served_in_turn(whisper: str, sound: fmsdk.Audio) -> None:
    async def main() -> list[Any]:
        async with fmsdk.AsyncClient(providers={"local": calls.EXACT}) as client:
            await client.transcribe(whisper, sound)
            return await asyncio.gather(*(client.transcribe(whisper, sound) for _ in range(4)))

    transcriptions = asyncio.run(main())
    assert len({transcription.text for transcription in transcriptions}) == 1
    waits = sorted(transcription.latency.queue for transcription in transcriptions)
    assert waits[0] < waits[-1]
    shortest = min(transcription.timings.device_seconds for transcription in transcriptions)
    assert waits[-1] >= shortest


def test_an_audio_model_answers_as_transformers_does(tiny_checkpoint: CheckpointFactory) -> None:
    path = tiny_checkpoint("qwen2_audio")
    samples = tone()
    blocks = [{"type": "audio", "audio": samples}, {"type": "text", "text": "What is it?"}]
    expected = calls.reference(
        path, [{"role": "user", "content": blocks}], do_sample=False, max_new_tokens=24
    )
    parts = [fmsdk.Audio(samples, rate=RATE), "What is it?"]
    answer = calls.client().generate(f"local:{path}", parts, **calls.GREEDY)
    assert answer.text == expected
    assert answer.usage.input.audio == 25
    assert answer.usage.input.image is None


def test_an_audio_model_hears_at_its_own_rate(tiny_checkpoint: CheckpointFactory) -> None:
    model = f"local:{tiny_checkpoint('qwen2_audio')}"
    fast = [fmsdk.Audio(tone(rate=48_000), rate=48_000), "What is it?"]
    answer = calls.client().generate(model, fast, **calls.GREEDY)
    assert answer.usage.input.audio == 25
