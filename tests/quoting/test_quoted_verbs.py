"""Quotes for `embed` and `transcribe`: by token, or by the second of sound."""

from __future__ import annotations

import io
import wave
from decimal import Decimal
from typing import Any

import pytest

import fmsdk
from fmsdk.quoting.quote import Quote

KEYS: dict[str, Any] = {name: {"api_key": "none"} for name in ("openai", "google", "groq")}


def silence(seconds: float) -> fmsdk.Audio:
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(b"\0\0" * round(8000 * seconds))
    return fmsdk.Audio(file.getvalue())


def quote(model: str, prompt: Any, verb: Any, **settings: Any) -> Quote:
    with fmsdk.Client(providers=KEYS) as client:
        return client.quote(model, prompt, verb=verb, **settings)


def test_embedding_is_quoted_by_token_without_framing() -> None:
    quoted = quote("openai:text-embedding-3-small", ["hello world", "hello"] * 50, "embed")
    assert quoted.input_tokens.expected == 150
    assert quoted.output_tokens.high == 0
    assert quoted.cost is not None
    assert quoted.cost.expected == 150 * Decimal("0.00000002")
    assert quoted.ceiling is not None
    assert quoted.cost.high <= quoted.ceiling
    assert quote("google:gemini-embedding-001", "hello", "embed").cost is not None


@pytest.mark.parametrize(
    ("model", "seconds", "dollars"),
    [
        ("openai:whisper-1", 90.0, "0.009"),
        ("groq:whisper-large-v3", 90.0, "0.002775"),
        ("groq:whisper-large-v3", 2.0, "0.000308333333333333"),  # 10 seconds are billed at least
    ],
)
def test_transcription_is_quoted_by_the_second(model: str, seconds: float, dollars: str) -> None:
    quoted = quote(model, silence(seconds), "transcribe")
    assert quoted.cost is not None
    assert round(quoted.cost.expected, 12) == round(Decimal(dollars), 12)
    assert quoted.input_seconds == seconds
    assert quoted.ceiling is not None
    assert quoted.cost.high <= quoted.ceiling
    assert f"{seconds:.1f} s of audio" in str(quoted)


def test_a_local_transcription_is_quoted_in_seconds() -> None:
    quoted = quote("local:demo-audio", silence(2), "transcribe")
    assert quoted.input_seconds == 2
    assert quoted.cost is None
    assert str(quoted) == "2.0 s of audio in · cost unknown"
    assert [warning.code for warning in quoted.warnings] == ["local_cost_unknown_before_run"]
    with pytest.raises(fmsdk.QuoteUnavailable, match="writes no text about it"):
        quote("local:demo-text", silence(2), "transcribe")


def test_a_part_of_a_second_is_a_range() -> None:
    quoted = quote("openai:whisper-1", silence(10.5), "transcribe")
    assert quoted.cost is not None
    assert quoted.cost.low == Decimal("0.001")
    assert quoted.cost.high == Decimal("0.0011")


def test_transcription_by_token_is_sound_in_and_words_out() -> None:
    quoted = quote("openai:gpt-4o-transcribe", silence(60), "transcribe")
    assert quoted.by_modality["audio"].expected == 600
    assert quoted.by_modality["text"].high <= 2
    assert 150 <= quoted.output_tokens.expected <= 250
    assert quoted.cost is not None


def test_sound_of_unknown_length_is_not_quoted() -> None:
    part = fmsdk.Audio("https://example.com/speech.mp3")
    with pytest.raises(fmsdk.QuoteUnavailable, match="length"):
        quote("openai:whisper-1", part, "transcribe")


@pytest.mark.parametrize(
    ("verb", "prompt", "settings", "message"),
    [
        ("embed", "hello", {"system": "Be short."}, "embed takes no system"),
        ("transcribe", silence(1), {"output": dict}, "transcribe takes no output"),
        ("transcribe", [silence(1), silence(1)], {}, "one recording, not 2"),
        ("embed", "", {}, "is empty"),
        ("speak", "hello", {}, "verb is one of generate, embed, transcribe"),
    ],
)
def test_what_a_verb_does_not_take(
    verb: str, prompt: Any, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(fmsdk.BadRequestError, match=message):
        quote("openai:text-embedding-3-small", prompt, verb, **settings)
