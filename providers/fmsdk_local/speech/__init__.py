"""Speech to text by Whisper, in two makes behind one runner.

CTranslate2 checkpoints go through faster-whisper and Hugging Face ones through transformers;
both emit the same values. `load` returns a runner for `fmsdk_local.engine.Engine`, which takes
`TranscribeTask`s; `fmsdk_local.speech.model` turns what it emits into a `Transcription` or a
stream of events.
"""

from __future__ import annotations

from fmsdk_local.speech.runner import SpeechRunner, load
from fmsdk_local.speech.task import (
    SpeechPiece,
    SpeechResult,
    TranscribeTask,
    to_transcription,
    to_usage,
)

__all__ = [
    "SpeechPiece",
    "SpeechResult",
    "SpeechRunner",
    "TranscribeTask",
    "load",
    "to_transcription",
    "to_usage",
]
