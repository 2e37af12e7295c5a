"""Google's rules for media, on recorded bills, which name the tokens of each modality."""

from __future__ import annotations

from typing import Any

import pytest

from fmsdk import Audio, Document, Image, Message, Request, ToolResult
from fmsdk.content import MediaPart
from fmsdk.quoting.media import MediaTokens, media_tokens
from fmsdk_google import GoogleOptions
from tests.support.media_files import encoded, wav
from tests.support.media_sizes import picture_of, request_of, video_of
from tests.support.pdf_files import text_pdf

LETTER, A4 = (612, 792), (595, 842)


def count(model: str, part: MediaPart, platform: Any = "aistudio", **fields: Any) -> MediaTokens:
    request = request_of(f"google:{model}", part, **fields)
    (tokens,) = media_tokens(request, platform)
    return tokens


@pytest.mark.parametrize(
    ("model", "size", "tokens"),
    [
        ("gemini-1.5-flash", (256, 256), 258),
        ("gemini-2.0-flash", (1, 1), 258),
        ("gemini-2.0-flash", (499, 313), 1290),
        ("gemini-2.0-flash", (640, 480), 1290),
        ("gemini-2.0-flash", (1001, 1001), 1290),
        ("gemini-2.0-flash", (540, 360), 1806),
        ("gemini-2.0-flash-exp", (2048, 1362), 1806),
        ("gemini-2.0-flash", (3008, 2000), 3354),
        ("gemini-2.5-flash", (8736, 5856), 258),
        ("gemini-2.5-flash", (60, 30), 258),
        ("gemini-3.5-flash", (60, 30), 1081),
        ("gemini-3-flash-preview", (597, 566), 1088),
        ("gemini-flash-latest", (60, 30), 1081),
    ],
)
def test_pictures(model: str, size: tuple[int, int], tokens: int) -> None:
    picture = count(model, picture_of(*size))
    assert picture.tokens.expected == tokens
    assert picture.ceiling is not None
    assert picture.ceiling >= tokens


def test_several_pictures_are_not_tiled() -> None:
    request = request_of("google:gemini-2.0-flash", *[picture_of(640, 480)] * 2)
    assert [each.tokens.expected for each in media_tokens(request, "aistudio")] == [258, 258]
    letter = Document(b"Dear Sir,", mime_type="text/plain")
    request = request_of("google:gemini-2.0-flash", picture_of(640, 480), letter)
    picture, text = media_tokens(request, "aistudio")
    assert picture.tokens.expected == 1290
    assert (text.tokens.expected, text.text) == (0, "Dear Sir,")


def test_a_flat_rule_needs_no_size() -> None:
    link = Image("https://example.com/cat.png")
    assert count("gemini-2.5-pro", link).tokens.expected == 258


@pytest.mark.parametrize(
    ("resolution", "detail", "budget"),
    [
        (None, None, 1120),
        ("low", None, 280),
        ("medium", None, 560),
        ("high", "low", 280),
        ("low", "high", 1120),
        (None, "original", 2240),
    ],
)
def test_resolutions_are_budgets(resolution: Any, detail: Any, budget: int) -> None:
    options = GoogleOptions(media_resolution=resolution)
    picture = count("gemini-3-pro", picture_of(900, 900, detail=detail), options=options)
    side = int(budget**0.5)
    assert picture.tokens.expected == side * side
    assert picture.ceiling == budget


@pytest.mark.parametrize(
    ("model", "platform", "size", "pages", "tokens"),
    [
        ("gemini-2.0-flash", "aistudio", LETTER, 1, 1290),
        ("gemini-2.0-flash", "aistudio", LETTER, 3, 3 * 258),
        ("gemini-2.5-pro", "aistudio", LETTER, 1, 258),
        ("gemini-2.5-flash", "vertex", A4, 2, 2 * 258),
        ("gemini-3.5-flash", "aistudio", LETTER, 1, 520),
        ("gemini-3.1-pro-preview", "vertex", A4, 2, 2 * 532),
    ],
)
def test_pages(model: str, platform: str, size: tuple[int, int], pages: int, tokens: int) -> None:
    for compressed in (False, True):
        document = Document(text_pdf(["Much text"] * pages, size, compressed=compressed))
        counted = count(model, document, platform)
        assert counted.tokens.expected == tokens
        assert counted.text == ""  # Google does not bill it


def test_a_page_in_a_result_may_be_a_picture() -> None:
    result = ToolResult("call-1", [Document(text_pdf(["Much text"]))])
    request = Request(
        provider="google", model="gemini-3-flash", messages=(Message("tool", [result]),)
    )
    (page,) = media_tokens(request, "aistudio")
    assert (page.tokens.expected, page.tokens.high) == (520, 29 * 38)
    (page,) = media_tokens(request, "vertex")
    assert page.tokens.high == 520


@pytest.mark.parametrize(
    ("model", "platform", "seconds", "tokens"),
    [
        ("gemini-2.5-flash", "aistudio", 4.488, 144),
        ("gemini-2.5-flash", "aistudio", 1.1387, 37),
        ("gemini-2.5-flash", "aistudio", 4.32, 139),
        ("gemini-2.0-flash", "aistudio", 0.8916, 0),
        ("gemini-2.0-flash", "vertex", 4.488, 125),
        ("gemini-2.5-flash", "vertex", 1.1387, 50),
        ("gemini-3-flash-preview", "aistudio", 4.488, 113),
        ("gemini-3-flash-preview", "vertex", 3.1956, 80),
    ],
)
def test_audio(model: str, platform: str, seconds: float, tokens: int) -> None:
    assert count(model, Audio(wav(seconds)), platform).tokens.expected == tokens


def test_padding_is_billed_before_gemini_3() -> None:
    mp3 = Audio(encoded("mp3", "mp3"))  # 2.0 seconds, and 0.04 of padding
    assert count("gemini-2.5-flash", mp3).tokens.expected == 66
    assert count("gemini-3-flash", mp3).tokens.expected == 50


@pytest.mark.parametrize(
    ("model", "platform", "seconds", "sound", "tokens"),
    [
        ("gemini-2.0-flash", "aistudio", 5.0, False, 1290),
        ("gemini-2.5-flash", "aistudio", 5.0, False, 1315 + 160),
        ("gemini-2.5-flash", "aistudio", 10.0267, True, 2893 + 321),
        ("gemini-2.5-flash", "vertex", 10.0267, True, 2580),
        ("gemini-3-flash-preview", "aistudio", 10.0267, True, 910),
        ("gemini-3-flash-preview", "vertex", 10.0267, True, 640 + 250),
        ("gemini-3-flash-preview", "vertex", 10.0267, False, 640),
    ],
)
def test_films(model: str, platform: str, seconds: float, sound: bool, tokens: int) -> None:
    film = video_of(seconds, (320, 176), sound=sound, picture_seconds=float(int(seconds)))
    assert count(model, film, platform).tokens.expected == tokens
