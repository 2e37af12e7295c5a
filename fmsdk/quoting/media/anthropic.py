"""Anthropic's rules: patches of pictures, pages of PDFs.

Source: https://platform.claude.com/docs/en/build-with-claude/vision and its page on coordinates
(July 2026); what departs from them is from recorded bills and says so.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import ceil

from fmsdk.image_size import Size
from fmsdk.quoting.media.count import MediaTokens, Question
from fmsdk.quoting.media.document import count_text_file, pages_of
from fmsdk.quoting.vendor import claude_generation

__all__ = ["document_tokens", "image_tokens"]

_PATCH = 28
_HAIKU_35 = re.compile(r"claude-3[-.]5-haiku")


@dataclass(frozen=True, slots=True)
class _Cap:
    """What a picture is scaled to: pixels of a side after padding, tokens."""

    side: int
    tokens: int


_STANDARD = _Cap(1568, 1568)
_LARGE = _Cap(2576, 4784)
"""Since Claude 4.7."""
_PAGE, _PAGE_OF_HAIKU_35 = 1568, 1604
_SLACK = 100


def image_tokens(question: Question) -> MediaTokens:
    """A token for each patch of 28 pixels, of the picture scaled to the model's cap.

    Claude 3.5 Haiku is billed as if the sides were padded to multiples of 56 pixels (nine sizes
    seen). The ceiling allows for that, and for width × height ÷ 750, which was billed until 2024.
    """
    size = question.picture_size()
    cap = _cap(question.model)
    scaled_size = scale_to_cap(size, cap.side, cap.tokens)
    padded_tokens = 4 * _patches(scaled_size, 2 * _PATCH)
    expected = padded_tokens if _HAIKU_35.search(question.model) else _patches(scaled_size, _PATCH)
    smaller = (size[0] // 2 or 1, size[1] // 2 or 1)
    also = (
        [_patches(scale_to_cap(smaller, cap.side, cap.tokens), _PATCH)]
        if question.is_recoded()
        else []
    )
    ceiling = max(padded_tokens, ceil(scaled_size[0] * scaled_size[1] / 750))
    return question.answer(expected, also=also, ceiling=ceiling)


def scale_to_cap(size: Size, side: int, tokens: int) -> Size:
    """The largest size of the same shape whose sides, padded to whole patches, have at most `side`
    pixels, and which has at most `tokens` patches. Found by halving the interval of the longer
    side; the shorter one is rounded half to even."""

    def fits(width: int, height: int) -> bool:
        columns, rows = ceil(width / _PATCH), ceil(height / _PATCH)
        return max(columns, rows) * _PATCH <= side and columns * rows <= tokens

    if fits(*size):
        return size
    longer, shorter = max(size), min(size)
    low, high = 1, longer
    while high - low > 1:
        middle = (low + high) // 2
        if fits(middle, max(1, round(middle * shorter / longer))):
            low = middle
        else:
            high = middle
    other = max(1, round(low * shorter / longer))
    return (low, other) if size[0] >= size[1] else (other, low)


def _patches(size: Size, side: int) -> int:
    return ceil(size[0] / side) * ceil(size[1] / side)


def _cap(model: str) -> _Cap:
    return _LARGE if claude_generation(model) >= 4.7 else _STANDARD


def document_tokens(question: Question) -> MediaTokens:
    """A PDF is the text of its pages and a picture of each; a text file is text.

    The picture of a page is billed as 1,568 tokens, the standard cap, by every model, those with
    the larger cap too; by Claude 3.5 Haiku, which pads pictures to 56 pixels, as 1,604. The
    documentation says 1,500 to 3,000 tokens for page and text together.
    """
    if question.header().mime != "application/pdf":
        return count_text_file(question)
    pages = pages_of(question, text=True)
    count, is_bounded = len(pages), all(page.is_read for page in pages)
    page = _PAGE_OF_HAIKU_35 if _HAIKU_35.search(question.model) else _PAGE
    return question.answer(
        count * page,
        also=(count * (page - _SLACK), count * (page + _SLACK)),
        ceiling=count * (_cap(question.model).tokens + _SLACK) if is_bounded else None,
        text="\n".join(page.text for page in pages),
    )
