"""The runner that an engine's thread runs for speech, with a Whisper of either library."""

from __future__ import annotations

from collections.abc import Callable, Collection
from time import perf_counter
from typing import TYPE_CHECKING, Any, Protocol

from fmsdk.errors import ContextTooLong
from fmsdk.transcription import Segment
from fmsdk_local.speech.language import choose_language
from fmsdk_local.speech.task import (
    SAMPLE_RATE,
    Seconds,
    SpeechChunk,
    SpeechResult,
    TranscribeTask,
    WhisperSegment,
)
from fmsdk_local.speech.voice_detection import Stretch, amplify, find_speech

if TYPE_CHECKING:
    from fmsdk_local.engine import Job
    from fmsdk_local.speech.audio import Samples

__all__ = ["SpeechRunner", "Whisper"]

_SILENCE_PEAK = 1e-4  # −80 dBFS, three steps of a 16-bit recording
_PROMPT_LIMIT = 223  # half of the 448 positions that Whisper's decoder has, less the start token


class Whisper(Protocol):
    """A Whisper of one library.

    languages: the codes that it transcribes; one alone for an English-only model.
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
        on_segment: Callable[[WhisperSegment], None],
        is_cancelled: Callable[[], bool],
    ) -> str | None:
        """Call `on_segment` for each segment as it is recognised, until the recording ends or
        `is_cancelled` returns true; returns the language, or None if it is unknown."""
        ...


class SpeechRunner:
    """Runs `TranscribeTask`s: emits a `SpeechChunk` for each segment as it is recognised, then a
    `SpeechResult`. A cancelled job gets no result.

    The model receives the stretches of the recording that hold speech (see `voice_detection`); a
    warning names those with sound but without speech. Whisper invents words ("You", "Thank you")
    where there is no sound at all, and segments without a letter or digit ("..."). Both are left
    out.
    """

    def __init__(self, whisper: Whisper, name: str) -> None:
        self._whisper = whisper
        self._name = name

    @property
    def languages(self) -> Collection[str]:
        """The codes of the languages that it transcribes."""
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
        """Run one job, on the inference thread.

        Raises:
            UnsupportedSetting: the model does not transcribe the language.
            ContextTooLong: the prompt is longer than half of the decoder's context.
            OutOfMemory: the device has no memory for the recording.
        """
        task: TranscribeTask = job.task
        language = choose_language(task.language, self._whisper.languages, self._name)
        # Both libraries would truncate a long prompt silently.
        length = self._whisper.prompt_length(task.prompt) if task.prompt else 0
        if length > _PROMPT_LIMIT:
            raise ContextTooLong(
                f"the prompt has {length} tokens and {self._name} takes {_PROMPT_LIMIT}: keep "
                "its end, which matters most",
                tokens=length,
                limit=_PROMPT_LIMIT,
                model=self._name,
            )
        start = perf_counter()
        stretches = find_speech(task.samples)
        segments = _SegmentCollector(job.emit, task)
        for first, last in stretches:
            if job.is_cancelled:
                return
            segments.offset = first / SAMPLE_RATE
            language = self._whisper.transcribe(
                amplify(task.samples[first:last]),
                language,
                task.prompt,
                segments.add_segment,
                lambda: job.is_cancelled,
            )
        if not job.is_cancelled:
            skipped_stretches = _find_skipped_sound(task.samples, stretches)
            job.emit(segments.result(language, perf_counter() - start, skipped_stretches))


def _find_skipped_sound(samples: Samples, stretches: list[Stretch]) -> tuple[Seconds, ...]:
    """What lies between the stretches and is not silent."""
    starts = [0, *(end for _, end in stretches)]
    ends = [*(start for start, _ in stretches), len(samples)]
    return tuple(
        (start / SAMPLE_RATE, end / SAMPLE_RATE)
        for start, end in zip(starts, ends, strict=True)
        if abs(samples[start:end]).max(initial=0.0) >= _SILENCE_PEAK
    )


class _SegmentCollector:
    """Emits segments as they come, and collects them for the result."""

    def __init__(self, emit: Callable[[Any], None], task: TranscribeTask) -> None:
        self._emit = emit
        self._task = task
        self._segments: list[Segment] = []
        self._deltas: list[str] = []
        self._tokens = 0
        self.offset = 0.0  # seconds at which the stretch starts that is transcribed

    def add_segment(self, source: WhisperSegment) -> None:
        self._tokens += source.tokens
        # Whisper decodes windows of 30 s, and may end a segment after the recording's end.
        start = self.offset + source.start
        end = min(self.offset + source.end, self._task.duration)
        text = source.text.strip()
        samples = self._task.samples[int(start * SAMPLE_RATE) : int(end * SAMPLE_RATE)]
        peak = abs(samples).max(initial=0.0)
        if peak < _SILENCE_PEAK or not any(map(str.isalnum, text)):
            return
        segment = Segment(start, end, text)
        delta = source.text.rstrip() if self._segments else text
        self._segments.append(segment)
        self._deltas.append(delta)
        self._emit(SpeechChunk(segment, delta))

    def result(
        self, language: str | None, device_seconds: float, skipped_stretches: tuple[Seconds, ...]
    ) -> SpeechResult:
        return SpeechResult(
            text="".join(self._deltas),
            segments=tuple(self._segments),
            language=language,
            duration=self._task.duration,
            tokens=self._tokens,
            device_seconds=device_seconds,
            skipped_stretches=skipped_stretches,
        )
