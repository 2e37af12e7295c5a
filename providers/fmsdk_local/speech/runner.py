"""The runner that an engine's thread runs for speech: a Whisper of either make behind it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, Protocol

from fmsdk.errors import CheckpointError, ContextTooLong
from fmsdk.transcription import Segment
from fmsdk_local.models.checkpoint import kind_of
from fmsdk_local.speech import language
from fmsdk_local.speech.task import (
    SAMPLE_RATE,
    Heard,
    SpeechPiece,
    SpeechResult,
    TranscribeTask,
)

if TYPE_CHECKING:
    from fmsdk_local.engine.engine import Job
    from fmsdk_local.speech.audio import Samples

__all__ = ["SpeechRunner", "Whisper", "load"]

_SILENCE = 1e-4  # a peak of −80 dBFS, three steps of a 16-bit recording
_PROMPT_LIMIT = 223  # half of the 448 positions that Whisper's decoder has, less the start token


class Whisper(Protocol):
    """A make of Whisper.

    languages: the codes it knows; one alone for an English-only model. Empty: not told.
    device, dtype: what it computes on and in.
    """

    languages: Collection[str]
    device: str
    dtype: str

    def prompt_length(self, prompt: str) -> int:
        """Tokens of `prompt`."""
        ...

    def transcribe(
        self,
        samples: Samples,
        language: str | None,
        prompt: str | None,
        heard: Callable[[Heard], None],
        cancelled: Callable[[], bool],
    ) -> str | None:
        """Call `heard` for each segment as it is recognised, until the end or until `cancelled`;
        returns the language, where it is known."""
        ...


def load(
    path: Path, *, name: str, device: str = "cpu", dtype: str = "auto", threads: int | None = None
) -> SpeechRunner:
    """Load the Whisper checkpoint at `path` (a directory of either make).

    Args:
        name: the model's, for messages.
        device: "cpu", "cuda", "cuda:1" or "mps"; CTranslate2 knows no Metal, and runs on the
            CPU instead of "mps" (`SpeechRunner.device` tells).
        dtype: "auto", "float32", "float16" or "bfloat16". "auto" is int8 on a CPU and float16
            on a GPU for CTranslate2; for transformers see `fmsdk_local.engine.device.choose_dtype`.
        threads: CPU threads for CTranslate2; None is one for each core.

    Raises:
        CheckpointError: broken, incomplete, a pickle, or no Whisper.
        OutOfMemory: the device has no room for it.
        UnsupportedSetting: the device does not compute in `dtype`.
    """
    kind = kind_of(path)
    whisper: Whisper
    if kind == "whisper-ct2":
        from fmsdk_local.speech.faster_whisper import FasterWhisper

        whisper = FasterWhisper(path, name=name, device=device, dtype=dtype, threads=threads)
    elif kind == "whisper":
        from fmsdk_local.speech.transformers_whisper import TransformersWhisper

        whisper = TransformersWhisper(path, name=name, device=device, dtype=dtype)
    else:
        raise CheckpointError(
            f"{name} is no Whisper checkpoint: {path} has no config.json of one", model=name
        )
    return SpeechRunner(whisper, name)


class SpeechRunner:
    """Runs `TranscribeTask`s: emits a `SpeechPiece` for each segment as soon as it is known,
    then a `SpeechResult`, which is left out where the job is cancelled.

    Nothing is cut from the recording first: there is no voice detection before the model. Words
    that Whisper makes up where there is no sound at all ("You", "Thank you") are left out, and
    so are segments without a letter or digit ("...").
    """

    def __init__(self, whisper: Whisper, name: str) -> None:
        self._whisper = whisper
        self._name = name

    @property
    def languages(self) -> Collection[str]:
        """The codes of the languages it knows."""
        return self._whisper.languages

    @property
    def device(self) -> str:
        """What it computes on: "cpu", "cuda:0", …"""
        return self._whisper.device

    @property
    def dtype(self) -> str:
        """What it computes in: "int8_float32", "bfloat16", …"""
        return self._whisper.dtype

    def run(self, job: Job) -> None:
        """Serve one job, on the inference thread.

        Raises:
            UnsupportedSetting: a language the model does not know.
            ContextTooLong: the prompt is longer than half of what the decoder holds.
            OutOfMemory: the device has no room for the recording.
        """
        task: TranscribeTask = job.task
        spoken = language.choose(task.language, self._whisper.languages, self._name)
        self._check_prompt(task.prompt)
        began = perf_counter()
        gathered = _Gathered(job.emit, task)
        found = self._whisper.transcribe(
            task.samples, spoken, task.prompt, gathered.add, lambda: job.cancelled
        )
        if not job.cancelled:
            job.emit(gathered.result(found, perf_counter() - began))

    def _check_prompt(self, prompt: str | None) -> None:
        # Both makes would cut it, and say nothing.
        length = self._whisper.prompt_length(prompt) if prompt else 0
        if length > _PROMPT_LIMIT:
            raise ContextTooLong(
                f"the prompt has {length} tokens and {self._name} takes {_PROMPT_LIMIT}: keep "
                "its end, which matters most",
                tokens=length,
                limit=_PROMPT_LIMIT,
                model=self._name,
            )


class _Gathered:
    """Passes segments on as they come, and keeps them for the result."""

    def __init__(self, emit: Callable[[Any], None], task: TranscribeTask) -> None:
        self._emit = emit
        self._task = task
        self._segments: list[Segment] = []
        self._deltas: list[str] = []
        self._tokens = 0

    def add(self, heard: Heard) -> None:
        self._tokens += heard.tokens
        # Whisper thinks in windows of 30 s, and may end a segment after the recording's end.
        end = min(heard.end, self._task.duration)
        text = heard.text.strip()
        if not any(map(str.isalnum, text)) or self._silent(heard.start, end):
            return
        segment = Segment(heard.start, end, text)
        delta = heard.text.rstrip() if self._segments else text
        self._segments.append(segment)
        self._deltas.append(delta)
        self._emit(SpeechPiece(segment, delta))

    def _silent(self, start: float, end: float) -> bool:
        stretch = self._task.samples[int(start * SAMPLE_RATE) : int(end * SAMPLE_RATE)]
        return float(abs(stretch).max(initial=0.0)) < _SILENCE

    def result(self, language: str | None, seconds: float) -> SpeechResult:
        return SpeechResult(
            text="".join(self._deltas),
            segments=tuple(self._segments),
            language=language,
            duration=self._task.duration,
            tokens=self._tokens,
            seconds=seconds,
        )
