"""Whisper in both libraries: tiny.en where it is installed, one of random weights always."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fmsdk.content import Audio
from fmsdk.errors import BadRequestError, CheckpointError, ContextTooLong, UnsupportedSetting
from fmsdk.transcription import Segment
from fmsdk.usage import Timings
from fmsdk_local.models import wheel
from fmsdk_local.models.catalog import named_models
from fmsdk_local.models.checkpoint import kind_of
from fmsdk_local.speech.audio import decode_audio
from fmsdk_local.speech.runner import SpeechRunner
from fmsdk_local.speech.task import SpeechChunk, SpeechResult, TranscribeTask
from tests.support.lazy_import import LazyModule, safetensors_torch, transformers
from tests.support.local.whisper_checkpoints import tiny_whisper, to_transformers
from tests.support.soak import soak_size

loading = LazyModule("fmsdk_local.speech.load")
MEDIA = Path(__file__).resolve().parents[2] / "examples" / "media"
TRANSCRIPT = (
    "It was the best of times, it was the worst of times. It was the age of wisdom, it was the age "
    "of foolishness. It was the epoch of belief, it was the epoch of incredulity."
)
RATE = 16_000
PAUSE = 20


@dataclass
class CollectingJob:
    """A job that collects its items; it is cancelled after `until` of them."""

    task: TranscribeTask
    until: int | None = None
    items: list[Any] = field(default_factory=list)
    checks: int = 0

    def emit(self, item: object) -> None:
        self.items.append(item)

    @property
    def is_cancelled(self) -> bool:
        self.checks += 1
        return self.until is not None and len(self.items) >= self.until


def run(runner: SpeechRunner, samples: Any, **how: Any) -> SpeechResult:
    job = CollectingJob(TranscribeTask(samples, **how))
    runner.run(job)  # pyright: ignore[reportArgumentType]
    *chunks, result = job.items
    assert all(isinstance(chunk, SpeechChunk) for chunk in chunks)
    assert result.segments == tuple(chunk.segment for chunk in chunks)
    assert result.text == "".join(chunk.delta for chunk in chunks)
    return result


def words_of(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def noise(seconds: float, decibels: float, seed: int = 0) -> Any:
    """White noise of that level, in dBFS."""
    sound = np.random.default_rng(seed).standard_normal(int(seconds * RATE))
    return (sound * 10 ** (decibels / 20)).astype(np.float32)


@pytest.fixture(scope="module")
def samples() -> Any:
    return decode_audio(Audio(MEDIA / "two_cities.flac"))


@pytest.fixture(scope="module")
def long(samples: Any) -> Any:
    """The recording twice, in two windows of 30 s: Whisper takes one window with the same text
    twice for a stuck decoder, and decodes it again and again."""
    return np.concatenate([samples, np.zeros(PAUSE * RATE, np.float32), samples])


@pytest.fixture(scope="module")
def ct2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Whisper tiny.en for CTranslate2."""
    model = named_models()["demo-audio"]
    assert model.wheel is not None
    if model.is_local:
        return model.directory
    if wheel.find_installed_files(model.wheel, model.files) is None:
        pytest.skip("needs demo-audio: run `fmsdk models get demo-audio`")
    path = tmp_path_factory.mktemp("tiny-en")
    wheel.unpack_wheel(model.wheel, model.files, path, lambda *_: None)
    return path


@pytest.fixture(scope="module")
def hf(ct2: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same weights for transformers."""
    return to_transformers(ct2, tmp_path_factory.mktemp("tiny-en-hf"))


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A multilingual Whisper of width 16."""
    return tiny_whisper(tmp_path_factory.mktemp("tiny-whisper"))


@pytest.fixture(params=["ct2", "hf"])
def real(request: pytest.FixtureRequest) -> SpeechRunner:
    """tiny.en in either library."""
    return load_once(request.getfixturevalue(request.param))


_runners: dict[Path, SpeechRunner] = {}


def load_once(path: Path) -> SpeechRunner:
    if path not in _runners:
        # bfloat16 would change a word's comma; int8, the other library's default, does not.
        dtype = "auto" if kind_of(path) == "whisper-ct2" else "float32"
        _runners[path] = loading.load_runner(path, name="tiny.en", dtype=dtype)
    return _runners[path]


class TestBothLibraries:
    def test_word_timestamps(self, real: SpeechRunner, samples: Any) -> None:
        result = run(real, samples)
        assert result.text == TRANSCRIPT
        assert result.language == "en"
        assert result.duration == pytest.approx(13.25)
        assert result.tokens > len(TRANSCRIPT.split())
        assert result.device_seconds > 0
        assert result.warnings == ()
        starts = [segment.start for segment in result.segments]
        assert starts == pytest.approx([0.0, 5.0, 9.0], abs=0.3)
        assert result.segments[-1].end <= result.duration

    def test_a_recording_of_several_windows(self, real: SpeechRunner, long: Any) -> None:
        result = run(real, long)
        assert words_of(result.text) == words_of(TRANSCRIPT) * 2
        assert result.duration == pytest.approx(13.25 + PAUSE + 13.25)
        ends = [segment.end for segment in result.segments]
        assert ends == sorted(ends)
        assert ends[-1] == pytest.approx(result.duration, abs=1)

    def test_silence_is_no_speech(self, real: SpeechRunner) -> None:
        result = run(real, np.zeros(5 * RATE, np.float32))
        assert result.text == ""
        assert [warning.code for warning in result.warnings] == ["no_speech"]

    @pytest.mark.parametrize("decibels", [-60, -40])
    def test_speech_after_noise_is_found(
        self, real: SpeechRunner, samples: Any, decibels: int
    ) -> None:
        for seed in range(soak_size(1, 10)):
            sound = np.concatenate([noise(40, decibels, seed), samples[: 7 * RATE]])
            result = run(real, sound)
            assert words_of(result.text)[:12] == words_of(TRANSCRIPT)[:12]
            assert 36 < result.segments[0].start < 41.5
            assert result.segments[-1].end <= result.duration
            (warning,) = result.warnings
            assert warning.code == "no_speech"
            assert warning.message.startswith("no speech was found in 0.0–")

    @pytest.mark.parametrize("decibels", [-60, -50, -40, -30])
    def test_noise_after_speech_adds_no_text(
        self, real: SpeechRunner, samples: Any, decibels: int
    ) -> None:
        for seed in range(soak_size(1, 10)):
            sound = np.concatenate([samples[: 7 * RATE], noise(40, decibels, seed)])
            result = run(real, sound)
            words = words_of(result.text)
            assert words == words_of(TRANSCRIPT)[: len(words)]
            assert 12 <= len(words) <= 21
            assert [warning.code for warning in result.warnings] == ["no_speech"]

    def test_noise_between_speech_adds_no_text(self, real: SpeechRunner, samples: Any) -> None:
        result = run(real, np.concatenate([samples, noise(35, -45), samples]))
        assert words_of(result.text) == words_of(TRANSCRIPT) * 2

    @pytest.mark.parametrize("level", [0.01, 0.001])
    def test_quiet_speech_is_heard(self, real: SpeechRunner, samples: Any, level: float) -> None:
        assert words_of(run(real, samples * np.float32(level)).text) == words_of(TRANSCRIPT)

    def test_noise_alone_is_no_speech(self, real: SpeechRunner) -> None:
        result = run(real, noise(20, -40))
        assert result.text == ""
        assert [warning.code for warning in result.warnings] == ["no_speech"]

    @pytest.mark.parametrize("length", [1, 160, 399])
    def test_computer_click(self, real: SpeechRunner, samples: Any, length: int) -> None:
        assert run(real, samples[:length]).duration == length / RATE

    @pytest.mark.parametrize("language", ["en", "English", " EN ", "en-GB", "en_us"])
    def test_model_with_a_single_language(
        self, real: SpeechRunner, samples: Any, language: str
    ) -> None:
        assert run(real, samples[: 3 * RATE], language=language).language == "en"

    @pytest.mark.parametrize("language", ["de", "German", "xx"])
    def test_another_language(self, real: SpeechRunner, samples: Any, language: str) -> None:
        with pytest.raises(UnsupportedSetting, match="knows English alone") as caught:
            run(real, samples, language=language)
        assert caught.value.setting == "language"

    def test_prompt_names_match_the_template(self, real: SpeechRunner, samples: Any) -> None:
        assert run(real, samples[: 5 * RATE], prompt="A Tale of Two Cities.").text.startswith(
            "It was the best of times"
        )

    def test_a_prompt_that_is_too_long(self, real: SpeechRunner, samples: Any) -> None:
        with pytest.raises(ContextTooLong) as caught:
            run(real, samples, prompt="word " * 300)
        assert (caught.value.tokens, caught.value.limit) == (300, 223)

    def test_cancelled_after_the_first_piece(self, real: SpeechRunner, long: Any) -> None:
        job = CollectingJob(TranscribeTask(long), until=1)
        real.run(job)  # pyright: ignore[reportArgumentType]
        assert job.items
        assert not any(isinstance(item, SpeechResult) for item in job.items)
        assert job.items[-1].segment.end < 30


class TestCTranslate2:
    def test_int8_is_the_default_on_a_cpu(self, ct2: Path) -> None:
        runner = load_once(ct2)
        assert runner.device == "cpu"
        assert runner.dtype.startswith("int8")
        assert list(runner.languages) == ["en"]

    def test_float32(self, ct2: Path, samples: Any) -> None:
        runner = loading.load_runner(ct2, name="tiny.en", dtype="float32")
        assert runner.dtype == "float32"
        assert run(runner, samples[: 5 * RATE]).text == TRANSCRIPT[:52]

    def test_metal_falls_to_the_cpu(self, ct2: Path) -> None:
        assert loading.load_runner(ct2, name="tiny.en", device="mps").device == "cpu"

    def test_a_dtype_the_device_does_not_compute_in(self, ct2: Path) -> None:
        with pytest.raises(UnsupportedSetting, match=r"CTranslate2 supports .*float32"):
            loading.load_runner(ct2, name="tiny.en", dtype="no such dtype")

    @pytest.mark.parametrize("missing", ["tokenizer.json", "vocabulary.txt"])
    def test_a_file_is_missing(self, ct2: Path, tmp_path: Path, missing: str) -> None:
        shutil.copytree(ct2, tmp_path / "copy")
        (tmp_path / "copy" / missing).unlink()
        with pytest.raises(CheckpointError, match="Fetch it again"):
            loading.load_runner(tmp_path / "copy", name="tiny.en")

    @pytest.mark.parametrize("damage", ["cut", "noise", "empty"])
    def test_broken_weights(self, ct2: Path, tmp_path: Path, damage: str) -> None:
        shutil.copytree(ct2, tmp_path / "copy")
        weights = tmp_path / "copy" / "model.bin"
        data = weights.read_bytes()
        weights.write_bytes(
            {"cut": data[: len(data) // 2], "noise": data[::-1], "empty": b""}[damage]
        )
        with pytest.raises(CheckpointError, match="cannot be loaded"):
            loading.load_runner(tmp_path / "copy", name="tiny.en")


def _drop(path: Path, name: str) -> None:
    weights = safetensors_torch.load_file(path / "model.safetensors")
    del weights[name]
    safetensors_torch.save_file(weights, path / "model.safetensors", {"format": "pt"})


class TestTransformers:
    def test_stream_matches_generate(self, tiny: Path, samples: Any) -> None:
        """Window by window gives what transformers' own loop over windows gives."""
        sound = np.tile(samples, 4)[: 45 * RATE]
        result = run(loading.load_runner(tiny, name="tiny", dtype="float32"), sound, language="de")
        model: Any = transformers.WhisperForConditionalGeneration.from_pretrained(tiny)
        processor: Any = transformers.WhisperProcessor.from_pretrained(tiny)
        inputs = processor(
            sound, sampling_rate=RATE, return_tensors="pt", truncation=False, padding="longest"
        )
        expected = model.generate(
            **inputs, return_timestamps=True, return_segments=True, language="de"
        )["segments"][0]
        assert result.tokens == sum(len(segment["tokens"]) for segment in expected)
        words = [
            processor.tokenizer.decode(segment["tokens"], skip_special_tokens=True).strip()
            for segment in expected
            if segment["start"] < 44  # what random weights put after the end is left out
        ]
        texts = [text for text in words if any(map(str.isalnum, text))]
        assert [segment.text for segment in result.segments] == texts
        assert len(expected) > 2

    def test_the_language_is_detected(self, tiny: Path, samples: Any) -> None:
        runner = loading.load_runner(tiny, name="tiny")
        assert set(runner.languages) == {"en", "de"}
        assert run(runner, samples).language in runner.languages
        for language in ("German", "de-DE", "DE_at", "de-Latn-CH"):
            assert run(runner, samples[:RATE], language=language).language == "de"

    def test_unknown_language(self, tiny: Path, samples: Any) -> None:
        with pytest.raises(UnsupportedSetting, match=r"it knows .*; leave it out"):
            run(loading.load_runner(tiny, name="tiny"), samples, language="fr")

    def test_cancelled_within_a_decode_step(self, tiny: Path, samples: Any) -> None:
        job = CollectingJob(TranscribeTask(samples, "en"), until=0)
        loading.load_runner(tiny, name="tiny").run(job)  # pyright: ignore[reportArgumentType]
        assert job.items == []
        assert job.checks < 5

    def test_a_prompt_with_special_tokens(self, tiny: Path, samples: Any) -> None:
        with pytest.raises(BadRequestError, match="special token"):
            run(loading.load_runner(tiny, name="tiny"), samples, prompt="<|de|> no")

    @pytest.mark.parametrize(
        ("damage", "message"),
        [
            (lambda path: (path / "model.safetensors").write_bytes(b"no"), "cannot be loaded"),
            (lambda path: (path / "model.safetensors").rename(path / "w.bin"), "pickle"),
            (lambda path: (path / "tokenizer.json").unlink(), "no tokenizer"),
            (lambda path: _drop(path, "model.decoder.layer_norm.bias"), "lacks 1 weights"),
        ],
        ids=["cut", "pickle", "no tokenizer", "a weight less"],
    )
    def test_broken_answers(
        self, tiny: Path, tmp_path: Path, damage: Callable[[Path], object], message: str
    ) -> None:
        path = Path(shutil.copytree(tiny, tmp_path / "copy"))
        damage(path)
        with pytest.raises(CheckpointError, match=message):
            loading.load_runner(path, name="tiny")

    def test_checkpoint_that_is_no_whisper(self, tmp_path: Path) -> None:
        (tmp_path / "config.json").write_text(json.dumps({"model_type": "llama"}))
        with pytest.raises(CheckpointError, match="no Whisper"):
            loading.load_runner(tmp_path, name="tiny")


def test_the_transcription_of_a_result() -> None:
    result = SpeechResult(
        text="Hello there.",
        segments=(Segment(0.0, 1.0, "Hello"), Segment(1.0, 2.0, "there.")),
        language="en",
        duration=2.0,
        tokens=9,
        device_seconds=0.5,
    )
    timings = Timings(device_seconds=0.5)
    transcription = result.transcription(provider="local", model="demo-audio", timings=timings)
    assert transcription.text == "Hello there."
    assert transcription.segments == result.segments
    assert (transcription.language, transcription.duration, transcription.timings) == (
        "en",
        2.0,
        timings,
    )
    assert transcription.usage.source == "measured"
    assert transcription.usage.input.audio_seconds == 2.0
    assert transcription.usage.input.total is None
    assert transcription.usage.output.total == 9
