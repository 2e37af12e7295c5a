"""Media for models on other servers: by the family that their name tells."""

from __future__ import annotations

import pytest

from fmsdk import Audio, Document, Video
from fmsdk.content import MediaPart
from fmsdk.errors import QuoteUnavailable
from fmsdk.quoting.media import MediaTokens, media_tokens
from tests.support.media_files import wav
from tests.support.media_sizes import picture_of, request_of, video_of
from tests.support.pdf_files import text_pdf


def count(model: str, part: MediaPart) -> MediaTokens:
    (tokens,) = media_tokens(request_of(model, part), "chat")
    return tokens


@pytest.mark.parametrize(
    ("model", "tokens"),
    [
        ("openrouter:openai/gpt-4o", 765),
        ("azure:gpt-5.4-eastus", 1229),
        ("openrouter:anthropic/claude-sonnet-4.5", 37 * 37),
        ("openrouter:google/gemini-2.5-flash", 258),
        ("openrouter:google/gemma-3-27b-it", 256),
        ("google:gemma-3-27b-it", 256),
        ("vllm:Qwen/Qwen2.5-VL-7B-Instruct", 37 * 37 + 2),
        ("together:Qwen/Qwen3-VL-8B-Instruct", 32 * 32 + 2),
        ("mistral:pixtral-12b", 64 * 64 + 64),
        ("mistral:mistral-small-latest", 37 * 37 + 37),
        ("groq:meta-llama/llama-4-scout-17b", 17 * 144),
        ("xai:grok-4", 7 * 256),
    ],
)
def test_the_family_of_a_model_tells_the_rule(model: str, tokens: int) -> None:
    picture = count(model, picture_of(1024, 1024))
    assert picture.tokens.expected == tokens


@pytest.mark.parametrize("model", ["groq:something-new", "vllm:my/finetune"])
def test_an_unknown_family_is_a_wide_ratio(model: str) -> None:
    picture = count(model, picture_of(1024, 1024))
    assert picture.basis == "ratio"
    assert picture.ceiling is None
    assert picture.tokens.high >= 9 * picture.tokens.low


@pytest.mark.parametrize(
    ("part", "words"),
    [
        (Audio(wav(1)), "is audio, and nobody says how"),
        (Document(text_pdf(["x"])), "is a PDF, and nobody says.*send its text"),
        (video_of(3), "is video, and nobody says how vllm:my/finetune counts"),
    ],
    ids=["audio", "document", "video"],
)
def test_what_nobody_knows_is_refused(part: Audio | Document | Video, words: str) -> None:
    with pytest.raises(QuoteUnavailable, match=words):
        count("vllm:my/finetune", part)


def test_voices_of_open_models() -> None:
    assert count("mistral:voxtral-small-latest", Audio(wav(8))).tokens.expected == 100
