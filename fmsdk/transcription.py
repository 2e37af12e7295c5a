"""Speech to text: its request and its result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fmsdk.content import Audio
from fmsdk.request import Request
from fmsdk.result import Result
from fmsdk.usage import to_plain_record

__all__ = ["Segment", "TranscribeRequest", "Transcription"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscribeRequest(Request):
    """A request whose one part is a recording.

    language: two-letter code of the spoken language; None lets the model detect it. prompt: words
    that the recording may contain (names, terms).
    """

    language: str | None = None
    prompt: str | None = None

    @property
    def audio(self) -> Audio:
        """The recording."""
        return next(part for part in self.parts() if isinstance(part, Audio))


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of a transcription: its start and end in seconds, and its text."""

    start: float
    end: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcription(Result):
    """Speech as text. `duration` is the recording's, in seconds."""

    text: str
    segments: tuple[Segment, ...] = ()
    language: str | None = None
    duration: float | None = None

    def __str__(self) -> str:
        return self.text

    def to_dict(self) -> dict[str, Any]:
        """As plain values: see `Result.to_dict`."""
        return {
            "text": self.text,
            "segments": [to_plain_record(segment) for segment in self.segments],
            "language": self.language,
            "duration": self.duration,
            **Result.to_dict(self),
        }
