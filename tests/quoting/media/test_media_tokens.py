"""Media in quotes: the bills that vendors really sent, and what holds for every rule."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as PillowImage

import fmsdk
from fmsdk import Audio, Document, FileRef, Image, Message, Request, Text, ToolResult, Video
from fmsdk.content import MediaPart
from fmsdk.errors import QuoteUnavailable
from fmsdk.quoting.estimate import estimate_request
from fmsdk.quoting.media import media_tokens
from fmsdk.request import build
from tests.support.media_files import office, pdf, wav
from tests.support.media_sizes import picture_of, request_of, video_of
from tests.support.pdf_files import text_pdf
from tests.support.recorded_requests import billed_rows, platform_of, to_request
from tests.support.shared_folder import needs_shared

HOSTED = [
    *(("openai", model) for model in ("gpt-4o", "gpt-4.1-mini", "gpt-5", "gpt-5.4", "gpt-5.6")),
    *(("anthropic", model) for model in ("claude-3-5-haiku", "claude-sonnet-4-5", "claude-opus-5")),
    *(("google", model) for model in ("gemini-2.0-flash", "gemini-2.5-pro", "gemini-3-pro")),
]
PLATFORMS: dict[str, tuple[Any, ...]] = {
    "openai": ("chat", "responses", None),
    "anthropic": ("messages", None),
    "google": ("aistudio", "vertex", None),
}


@pytest.mark.parametrize(("provider", "model"), HOSTED)
@given(st.integers(1, 12_000), st.integers(1, 12_000))
def test_every_picture_has_a_range_and_a_bound(
    provider: str, model: str, width: int, height: int
) -> None:
    platform = PLATFORMS[provider][0]
    (tokens,) = media_tokens(request_of(f"{provider}:{model}", picture_of(width, height)), platform)
    (turned,) = media_tokens(request_of(f"{provider}:{model}", picture_of(height, width)), platform)
    assert 1 <= tokens.tokens.low <= tokens.tokens.expected <= tokens.tokens.high
    assert tokens.ceiling is not None
    assert tokens.tokens.high <= tokens.ceiling
    assert turned == tokens  # so EXIF orientation does not matter


def test_pictures_and_samples_in_memory_are_counted() -> None:
    picture = Image(PillowImage.new("RGB", (640, 480)))
    (count,) = media_tokens(request_of("openai:gpt-4o", picture), "chat")
    assert count.tokens.expected == 425
    (count,) = media_tokens(request_of("openai:gpt-audio", Audio([0.0] * 8000, rate=8000)), "chat")
    assert count.tokens.expected == 10


@pytest.mark.parametrize(("provider", "model"), HOSTED)
def test_a_larger_picture_never_costs_much_less(provider: str, model: str) -> None:
    """Scaling to whole patches loses at most a row and a column of them."""
    counts: list[int] = []
    for side in range(20, 6000, 131):
        request = request_of(f"{provider}:{model}", picture_of(side, side * 3 // 4 + 1))
        (tokens,) = media_tokens(request, PLATFORMS[provider][0])
        counts.append(tokens.tokens.expected)
    for before, after in pairwise(counts):
        assert after >= (0.7 if model == "gemini-2.0-flash" else 0.85) * before


@pytest.mark.parametrize("model", ["gemini-2.0-flash", "gemini-2.5-pro", "gemini-3-pro"])
@pytest.mark.parametrize("platform", ["aistudio", "vertex"])
@given(seconds=st.floats(0.05, 4000), sound=st.booleans())
def test_longer_films_cost_more(model: str, platform: Any, seconds: float, sound: bool) -> None:
    counts = [
        media_tokens(request_of(f"google:{model}", video_of(length, sound=sound)), platform)[0]
        for length in (seconds, seconds + 2)
    ]
    assert counts[0].tokens.expected < counts[1].tokens.expected
    for count in counts:
        assert count.ceiling is not None
        assert 0 <= count.tokens.low <= count.tokens.expected <= count.tokens.high <= count.ceiling


@pytest.mark.parametrize(
    ("part", "words"),
    [
        (Image("https://example.com/cat.png"), "cat.png.* is elsewhere.*pass the file"),
        (Image(FileRef("openai", "file-1")), "is elsewhere"),
        (Document(FileRef("openai", "file-2")), "is elsewhere"),
        (Audio(b"#!AMR\n" + bytes(90)), "does not tell its length: send the audio as WAV"),
        (Document(office()), "is application/vnd.*send it as PDF or text"),
        (Image(b"no picture"), "cannot be read .*is not an image"),
        (Document(pdf(0).replace(b"/Pages 2", b"/Pages 7")), "cannot be read as a PDF"),
    ],
    ids=["url", "image", "document", "length", "office", "no picture", "broken"],
)
def test_what_is_unknown_is_refused_with_the_way_out(part: MediaPart, words: str) -> None:
    with pytest.raises(QuoteUnavailable, match=words) as caught:
        media_tokens(request_of("openai:gpt-5.4", part), "chat")
    assert part.kind in str(caught.value)


def test_without_pypdf_a_quote_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "pypdf", None)
    part = Document(text_pdf(["x"]))
    with pytest.raises(QuoteUnavailable, match=r'pip install "fmsdk\[pdf\]"'):
        media_tokens(request_of("anthropic:claude-opus-5", part), "messages")


@pytest.mark.parametrize("model", ["openai:gpt-5.5", "anthropic:claude-opus-5"])
def test_a_pdf_whose_text_is_not_known_has_no_bound(model: str) -> None:
    known = text_pdf(["one", "two"])
    unknown = known.replace(b"FlateDecode", b"NobodyKnows", 1)
    for data, is_bounded in ((known, True), (unknown, False)):
        estimate = estimate_request(build(model, ["Read.", Document(data)]))
        assert (estimate.ceilings is not None) == is_bounded


def test_media_in_results_are_counted_in_order() -> None:
    result = ToolResult("call-1", ["Here:", picture_of(512, 512), Audio(wav(3.0))])
    messages = (
        Message("user", [picture_of(1024, 1024), "Look."]),
        Message("tool", [result]),
        Message("user", [Audio(wav(1.0))]),
    )
    request = Request(provider="google", model="gemini-3-pro", messages=messages)
    counts = media_tokens(request, "aistudio")
    assert [count.modality for count in counts] == [part.kind for part in request.media()]
    assert [count.tokens.expected for count in counts] == [33 * 33, 33 * 33, 75, 25]


def test_a_quote_counts_pictures_as_they_are_sent() -> None:
    """Anthropic takes 2,000 pixels a side where there are more than 20 pictures."""
    client = fmsdk.Client(providers={"anthropic": {"api_key": "none"}})
    few, many = (
        client.quote("anthropic:claude-opus-5", [*[picture_of(2500, 400)] * count, "Compare."])
        for count in (20, 21)
    )
    assert few.by_modality["image"].expected == 20 * 90 * 15
    assert many.by_modality["image"].expected == 21 * 72 * 12


def test_anthropic_takes_no_audio_or_film() -> None:
    for part in (Audio(wav(1.0)), Video(video_of(1.0).source)):
        with pytest.raises(QuoteUnavailable, match="nobody says how anthropic:claude-opus-5 count"):
            media_tokens(request_of("anthropic:claude-opus-5", part), "messages")


@needs_shared
def test_the_modalities_of_recorded_bills() -> None:
    """Of the bills that name modalities: Gemini's, and OpenAI's of audio."""
    hits: dict[tuple[str, str], list[bool]] = defaultdict(list)
    inside: list[bool] = []
    for row in billed_rows():
        reported = row["billed"]["by_modality"] or {}
        billed = sum(tokens or 0 for kind, tokens in reported.items() if kind != "text")
        sub_second = row["vendor"] == "gemini" and row["kind"] == "audio"
        if row["kind"] in ("text", "text_file") or not (billed or sub_second):
            continue
        counts = media_tokens(to_request(row), platform_of(row))  # type: ignore[arg-type]
        expected = sum(count.tokens.expected for count in counts)
        hits[row["vendor"], row["kind"]].append(expected == billed)
        low, high = (sum(getattr(count.tokens, end) for count in counts) for end in ("low", "high"))
        inside.append(low <= billed <= high)
        assert billed <= sum(count.ceiling or 0 for count in counts)
    shares = {kind: sum(flags) / len(flags) for kind, flags in hits.items()}
    assert shares["gemini", "image"] == 1
    assert shares["gemini", "video"] == 1
    assert shares["gemini", "audio"] > 0.93
    assert shares["gemini", "document"] > 0.85
    assert shares["openai", "audio"] == 1
    assert sum(inside) / len(inside) == 1
    assert len(inside) > 120


@needs_shared
def test_pictures_of_recorded_bills_leave_the_same_text() -> None:
    """OpenAI and Anthropic name no modalities. What a right count leaves of a bill depends on the
    text alone: the same for every picture that was sent with the same words."""
    rests: dict[Any, list[int]] = defaultdict(list)
    for row in billed_rows():
        request = row["request"]
        has_more = request.get("tools") or request.get("response_format") or request.get("thinking")
        if row["kind"] != "image" or row["vendor"] == "gemini" or has_more:
            continue
        sent = to_request(row)
        counts = media_tokens(sent, platform_of(row))  # type: ignore[arg-type]
        rest = row["billed"]["input_tokens"] - sum(count.tokens.expected for count in counts)
        words = tuple(part.text for part in sent.parts() if isinstance(part, Text))
        rests[row["api"], sent.system, words].append(rest)
    several = {words: found for words, found in rests.items() if len(found) > 1}
    outliers = [words for words, found in several.items() if max(found) - min(found) > 2]
    assert len(several) > 15
    assert len(outliers) <= 2, outliers
