"""Anthropic's rules for media, on the figures of its documentation and of recorded bills."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmsdk import Document
from fmsdk.content import MediaPart
from fmsdk.provider import ImageLimits
from fmsdk.quoting.media import MediaTokens, media_tokens
from fmsdk.quoting.media.anthropic import scale_to_cap
from fmsdk.quoting.vendor import claude_generation
from tests.support.media_sizes import picture_of, request_of
from tests.support.pdf_files import text_pdf


def count(model: str, part: MediaPart, limits: ImageLimits | None = None) -> MediaTokens:
    request = request_of(f"anthropic:{model}", part)
    (tokens,) = media_tokens(request, "messages", limits)
    return tokens


@pytest.mark.parametrize(
    ("model", "size", "tokens"),
    [
        # recorded bills, less the request's text
        ("claude-3-opus-20240229", (1001, 1001), 1296),
        ("claude-haiku-4-5", (540, 360), 260),
        ("claude-haiku-4-5-20251001", (60, 30), 6),
        ("claude-sonnet-4-0", (550, 368), 280),
        ("claude-sonnet-5", (240, 277), 90),
        ("claude-3-5-haiku-20241022", (499, 313), 216),
        ("claude-3-5-haiku-latest", (1001, 1001), 1296),
        ("claude-3-5-haiku-20241022", (640, 480), 432),
        # the documentation
        ("claude-sonnet-4-5", (1075, 1520), 33 * 47),
        ("claude-opus-4-8", (1075, 1520), 39 * 55),
        ("claude-sonnet-4-5", (8000, 8000), 39 * 39),
        ("claude-opus-5", (8000, 8000), 69 * 69),
        ("claude-opus-5", (1, 1), 1),
    ],
)
def test_pictures(model: str, size: tuple[int, int], tokens: int) -> None:
    picture = count(model, picture_of(*size))
    assert picture.tokens.expected == tokens
    assert picture.basis == "rule"
    assert picture.ceiling is not None
    assert picture.ceiling >= tokens


def test_the_example_of_the_documentation() -> None:
    assert scale_to_cap((1075, 1520), 1568, 1568) == (924, 1307)


@given(st.integers(1, 20_000), st.integers(1, 20_000))
def test_a_scaled_picture_fits_and_no_larger_one_does(width: int, height: int) -> None:
    def fits(size: tuple[int, int]) -> bool:
        columns, rows = (-(-side // 28) for side in size)
        return max(columns, rows) * 28 <= 1568 and columns * rows <= 1568

    size = scale_to_cap((width, height), 1568, 1568)
    assert fits(size)
    assert scale_to_cap((height, width), 1568, 1568) == size[::-1]
    longer = max(size) + 1
    if longer <= max(width, height):
        other = max(1, round(longer * min(width, height) / max(width, height)))
        assert not fits((longer, other))


def test_a_picture_is_counted_as_the_pipeline_sends_it() -> None:
    """Of many pictures Claude takes 2,000 pixels a side; a single one it scales to 2,576 itself."""
    limits = ImageLimits(max_side=8000, many=20, max_side_of_many=2000)
    alone = count("claude-opus-5", picture_of(2500, 400), limits)
    assert alone.tokens.expected == 90 * 15
    request = request_of("anthropic:claude-opus-5", *[picture_of(2500, 400)] * 21)
    many = media_tokens(request, "messages", limits)
    assert {each.tokens.expected for each in many} == {72 * 12}
    smaller = count("claude-opus-5", picture_of(2500, 400, max_side=500), limits)
    assert smaller.tokens.expected == 18 * 3


def test_a_page_is_a_picture_and_its_text() -> None:
    pages = Document(text_pdf(["Dear Sir,", "Yours"], compressed=True))
    for model, page in (("claude-sonnet-4-5", 1568), ("claude-opus-5", 1568)):
        tokens = count(model, pages)
        assert tokens.tokens.expected == 2 * page
        assert tokens.tokens.low <= 2 * 1500
        assert tokens.text.split() == ["Dear", "Sir,", "Yours"]
        assert tokens.modality == "document"


@pytest.mark.parametrize(
    ("model", "generation"),
    [
        ("claude-3-5-haiku-20241022", 3.5),
        ("claude-3-opus-20240229", 3.0),
        ("claude-haiku-4-5-20251001", 4.5),
        ("claude-sonnet-4-20250514", 4.0),
        ("claude-opus-4-8", 4.8),
        ("claude-opus-5", 5.0),
        ("anthropic/claude-sonnet-4.5", 4.5),
        ("someone-else", 5.0),
    ],
)
def test_generations(model: str, generation: float) -> None:
    assert claude_generation(model) == generation
