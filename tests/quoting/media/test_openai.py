"""OpenAI's rules for media, on the figures of its guides and of recorded bills."""

from __future__ import annotations

from typing import Any

import pytest

from fmsdk import Audio, Document
from fmsdk.content import MediaPart
from fmsdk.quoting.media import MediaTokens, media_tokens
from tests.support.media_files import encoded, wav
from tests.support.media_sizes import picture_of, request_of
from tests.support.pdf_files import text_pdf

SENTENCE = "Apples are delicious and tasty and I like to eat them."


def count(model: str, part: MediaPart, platform: Any = "chat") -> MediaTokens:
    (tokens,) = media_tokens(request_of(f"openai:{model}", part), platform)
    return tokens


@pytest.mark.parametrize(
    ("model", "size", "tokens"),
    [
        # recorded bills
        ("gpt-4o", (3008, 2000), 1105),
        ("gpt-4-vision-preview", (2560, 1669), 1105),
        ("gpt-4o", (256, 256), 255),
        ("gpt-4o", (550, 368), 425),
        ("gpt-4.1", (60, 30), 255),
        ("gpt-4o-mini", (1, 1), 8500),
        ("gpt-4o-mini-2024-07-18", (640, 480), 14_167),
        ("gpt-5", (640, 480), 350),
        ("gpt-4.1-mini", (640, 480), 487),
        ("gpt-4.1-nano", (540, 360), 502),
        ("gpt-4.1-nano", (499, 313), 394),
        ("o4-mini", (640, 480), 516),
        ("gpt-5-mini", (100, 100), 20),
        ("gpt-5-nano", (640, 480), 450),
        ("gpt-5.4", (60, 30), 3),
        ("gpt-5.4-mini-2026-03-17", (240, 277), 87),
        # OpenAI's guide
        ("gpt-4o", (4096, 8192), 1105),
        ("gpt-4o", (1024, 1024), 765),
        ("o3", (1024, 1024), 75 + 4 * 150),
        ("gpt-5.1", (1024, 1024), 70 + 4 * 140),
        ("gpt-5.6-sol", (1024, 1024), 1229),
        ("gpt-5.5", (1024, 1024), 1229),
        ("gpt-6-astra", (8000, 3840), 36_000),
    ],
)
def test_pictures(model: str, size: tuple[int, int], tokens: int) -> None:
    picture = count(model, picture_of(*size))
    assert picture.tokens.expected == tokens
    assert picture.basis == "rule"
    assert picture.modality == "image"
    assert picture.ceiling is not None
    assert tokens <= picture.ceiling


@pytest.mark.parametrize(
    ("model", "detail", "size", "tokens"),
    [
        ("gpt-4o", "low", (3008, 2000), 85),
        ("gpt-4o-mini", "low", (3008, 2000), 2833),
        ("gpt-5.5", "low", (3008, 2000), 212),  # 512 × 340: 16 × 11 patches
        ("gpt-5.5", "high", (3008, 2000), 2928),  # 2,048 × 1,362, then 61 × 40 patches
        ("gpt-5.5", None, (3008, 2000), 7106),  # 94 × 63
        ("gpt-5.6", "high", (3008, 2000), 2928),
        ("gpt-5.6", "auto", (3008, 2000), 7107),
    ],
)
def test_details(model: str, detail: Any, size: tuple[int, int], tokens: int) -> None:
    picture = count(model, picture_of(*size, detail=detail))
    assert picture.tokens.expected == pytest.approx(tokens, abs=1)


def test_the_example_of_the_guide_is_scaled_to_whole_patches() -> None:
    """1800 × 2400 become 1056 × 1408, which is 33 × 44 patches of at most 1,536."""
    picture = count("gpt-4.1-mini", picture_of(1800, 2400))
    assert picture.tokens.low == -(-33 * 44 * 162 // 100)


def test_a_model_of_no_known_family_is_a_ratio_between_them_all() -> None:
    unknown = count("my-deployment", picture_of(1024, 1024))
    assert unknown.basis == "ratio"
    for model in ("gpt-4o", "gpt-5.6", "gpt-4.1-nano"):
        tokens = count(model, picture_of(1024, 1024)).tokens
        assert unknown.tokens.low <= tokens.expected <= unknown.tokens.high


@pytest.mark.parametrize(
    ("data", "tokens"),
    [
        (wav(1.1387), 11),
        (wav(4.488), 44),
        (wav(0.8916), 8),
        (wav(60), 600),
        (encoded("mp3", "mp3"), 20),  # 2.0 seconds, and 0.04 of padding
    ],
)
def test_audio(data: bytes, tokens: int) -> None:
    audio = count("gpt-audio", Audio(data))
    assert audio.tokens.expected == tokens
    assert audio.modality == "audio"


def test_a_page_is_a_picture_by_chat_completions_and_none_by_responses() -> None:
    words, full = Document(text_pdf(["orange 1"])), Document(text_pdf([SENTENCE] * 3))
    for model in ("gpt-4o", "gpt-5.4", "gpt-5.6-sol"):
        assert count(model, words).tokens.expected == 215
        assert count(model, words).text.strip() == "orange 1"
    assert count("gpt-4o", full).tokens.expected == 3 * 212 + 3
    assert count("gpt-5.4", full).tokens.expected == 3 * 991 + 6
    assert count("gpt-5.4", full).text.count("delicious") == 3
    for model, frame in (("gpt-4o", 3), ("gpt-5.4", 16), ("gpt-5.6-sol", 21)):
        pages = count(model, full, "responses")
        assert pages.tokens.expected == frame
        assert pages.text.count("delicious") == 3
        assert pages.ceiling is not None
        assert pages.ceiling > 3 * 991
