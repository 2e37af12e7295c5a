"""The quote of a local model: its own tokenizer and processor count, loaded or not."""

from __future__ import annotations

from typing import Any

import pytest

import fmsdk
from fmsdk.errors import QuoteUnavailable
from fmsdk.usage import Range
from tests.local.conftest import CheckpointFactory
from tests.support.local import calls
from tests.support.media_files import wav

QUESTION = "What is in the picture?"
VISION = ["llava", "qwen2_5_vl", "gemma3"]


@pytest.mark.parametrize("family", VISION)
def test_a_processor_counts_pictures_before_and_after_loading(
    tiny_checkpoint: CheckpointFactory, family: str
) -> None:
    model = f"local:{tiny_checkpoint(family)}"
    client = calls.client()
    for size in ((90, 60), (300, 40), (17, 230)):
        parts: list[Any] = [fmsdk.Image(calls.picture(*size)), QUESTION]
        before = client.quote(model, parts)
        used = client.generate(model, parts, **calls.GREEDY).usage.input
        assert used.total is not None
        assert used.image is not None
        assert used.text is not None
        for quote in (before, client.quote(model, parts)):
            assert quote.input_tokens == Range(used.total, used.total, used.total)
            assert quote.by_modality["image"].expected == used.image
            assert quote.by_modality["text"].expected == used.text
            assert quote.basis == {"text": "tokenizer", "image": "processor"}
            assert quote.input_ceiling == used.total
            assert quote.source == "measured"


def test_count_tokens_loads_the_model_and_counts(tiny_checkpoint: CheckpointFactory) -> None:
    model = f"local:{tiny_checkpoint('llava')}"
    client = calls.client()
    parts: list[Any] = [fmsdk.Image(calls.picture(90, 60)), QUESTION]
    count = client.count_tokens(model, parts)
    used = client.generate(model, parts, **calls.GREEDY).usage.input
    assert count.tokens == used.total
    assert count.by_modality == {"text": used.text, "image": used.image}
    assert count.latency.load is not None


def test_a_processor_counts_recordings(tiny_checkpoint: CheckpointFactory) -> None:
    model = f"local:{tiny_checkpoint('qwen2_audio')}"
    client = calls.client()
    for seconds in (0.3, 1.0):
        parts: list[Any] = [fmsdk.Audio(wav(seconds, rate=16_000)), QUESTION]
        quote = client.quote(model, parts)
        used = client.generate(model, parts, **calls.GREEDY).usage.input
        assert quote.input_tokens.expected == used.total
        assert quote.by_modality["audio"].expected == used.audio
        assert quote.basis["audio"] == "processor"


@pytest.mark.parametrize(
    ("part", "words"),
    [
        (fmsdk.Image("https://example.com/cat.png"), "pass the file or its bytes"),
        (fmsdk.Audio(wav()), "writes no text about it"),
    ],
    ids=["elsewhere", "audio"],
)
def test_what_cannot_be_counted_is_refused(
    tiny_checkpoint: CheckpointFactory, part: Any, words: str
) -> None:
    model = f"local:{tiny_checkpoint('llava')}"
    with pytest.raises(QuoteUnavailable, match=words):
        calls.client().quote(model, [part, QUESTION])


def test_a_text_model_does_not_count_pictures(tiny_checkpoint: CheckpointFactory) -> None:
    with pytest.raises(QuoteUnavailable, match="writes no text about it"):
        calls.client().quote(
            f"local:{tiny_checkpoint('llama')}", [fmsdk.Image(calls.picture()), QUESTION]
        )
