"""Finds the stretches of a recording that hold speech, with Silero's detector (a part of
faster-whisper). Knows no Whisper."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import faster_whisper.vad  # pyright: ignore[reportMissingTypeStubs]
import numpy as np

from fmsdk_local.speech.task import SAMPLE_RATE

if TYPE_CHECKING:
    from fmsdk_local.speech.audio import Samples

__all__ = ["Stretch", "amplify", "find_speech"]

Stretch = tuple[int, int]

_PAUSE = 3  # seconds without speech that belong to the speech around them
# Silero's default is 0.5. Noise, hum, clicks and music stay below 0.2, speech in noise above 0.9:
# a low threshold misses less.
_THRESHOLD = 0.35
_QUIET_PEAK = 0.05
_LOUD_PEAK = 0.5


def amplify(samples: Samples) -> Samples:
    """Quiet samples scaled to a usual level, others as they are. Whisper and Silero miss speech
    whose peak is at −60 dBFS."""
    peak = abs(samples).max(initial=0.0)
    return samples * np.float32(_LOUD_PEAK / peak) if 0 < peak < _QUIET_PEAK else samples


def find_speech(samples: Samples) -> list[Stretch]:
    """The (start, end) of each stretch with speech, in samples; pauses up to 3 s are part of it.

    Whisper repeats itself and invents text where long noise comes before or after speech, so it
    gets each stretch alone. Silero takes about half a percent of the recording's time.
    """
    pause = _PAUSE * SAMPLE_RATE
    silero: Any = faster_whisper.vad  # its type hints are partial
    options = silero.VadOptions(
        threshold=_THRESHOLD, min_silence_duration_ms=_PAUSE * 1000, speech_pad_ms=1000
    )
    stretches: list[dict[str, int]] = silero.get_speech_timestamps(amplify(samples), options)
    return [
        (
            stretch["start"] if stretch["start"] > pause else 0,
            stretch["end"] if stretch["end"] < len(samples) - pause else len(samples),
        )
        for stretch in stretches
    ]
