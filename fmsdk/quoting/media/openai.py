"""OpenAI's rules: tiles and patches of pictures, seconds of audio, pages of PDFs.

Source: https://developers.openai.com/api/docs/guides/images-vision (September 2026), checked on
recorded bills, of which every picture's is exact. The guide says nothing of the tokens of PDFs;
those are from bills.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from fmsdk.image_size import Size
from fmsdk.quoting.media.count import MediaTokens, Question
from fmsdk.quoting.media.document import count_text_file, pages_of

__all__ = ["audio_tokens", "document_tokens", "image_tokens"]

_PATCH = 32
_TILE = 512
_TILED_BOX, _TILED_SHORT_SIDE = 2048, 768
_AUDIO_TOKENS_PER_SECOND = 10


@dataclass(frozen=True, slots=True)
class _Limit:
    """What a picture is scaled to before its patches are counted: patches, pixels of a side."""

    patches: int | None = None
    side: int | None = None


@dataclass(frozen=True, slots=True)
class _Tiles:
    """`base` tokens, and `tile` for each tile of 512 pixels; `detail="low"` is the base alone."""

    base: int
    tile: int

    def count(self, size: Size) -> int:
        """Fit into 2048 × 2048, then the shorter side to 768; smaller pictures stay."""
        width, height = size
        scale = min(1, _TILED_BOX / max(size))
        scale = min(scale, _TILED_SHORT_SIDE / min(size))
        return self.base + self.tile * (
            math.ceil(width * scale / _TILE) * math.ceil(height * scale / _TILE)
        )


@dataclass(frozen=True, slots=True)
class _Patches:
    """`factor` tokens for each patch of 32 pixels, after scaling to the limit of the detail.

    levels: limit by detail; `default` has the others. also: limits that other editions of the
    guide give for the same models. old_factor: what the guide said before the bills did.
    """

    factor: float
    default: _Limit
    levels: Mapping[str, _Limit] = field(default_factory=dict[str, _Limit])
    also: tuple[_Limit, ...] = ()

    def count(self, size: Size, limit: _Limit | None = None) -> int:
        """Rounded up in floating point, as the bills are: 300 × 1.62 is 487 there."""
        return math.ceil(_patches(size, limit or self.default) * self.factor)


_ACCEPTANCE_LIMIT = _Limit(30_000)  # larger ones are refused
_ALWAYS = _Limit(6144, 2048)
_FORMER = _Limit(1536, 2048)
_HIGH = _Limit(2500, 2048)
_ORIGINAL = _Limit(10_000, 6000)
_LOW = _Limit(None, 512)
_LARGE_SIZES = ((2048, 768), (3200, 3200))
"""Pixels of the pictures with the most tiles, and with 10,000 patches."""
_LARGEST = 50_000
"""Tokens of a picture of any model."""
_TABLES = frozenset({"text/csv", "text/tab-separated-values", "text/tsv"})
# The first that matches decides.
_FAMILIES: tuple[tuple[re.Pattern[str], _Tiles | _Patches], ...] = tuple(
    (re.compile(pattern), rule)
    for pattern, rule in (
        (r"gpt-4o-mini", _Tiles(2833, 5667)),
        (r"gpt-4\.1-mini", _Patches(1.62, _ALWAYS, also=(_FORMER,))),
        (r"gpt-4\.1-nano", _Patches(2.46, _ALWAYS, also=(_FORMER,))),
        (r"o4-mini", _Patches(1.72, _ALWAYS, also=(_FORMER,))),
        (r"gpt-4o|gpt-4\.[15]|gpt-4-turbo|gpt-4-.*vision", _Tiles(85, 170)),
        (r"o[13]\b", _Tiles(75, 150)),
        (r"computer-use", _Tiles(65, 129)),
        (r"gpt-5-nano", _Patches(1.5, _ALWAYS, also=(_FORMER,))),
        (r"gpt-5(\.1)?(-codex)?-mini", _Patches(1.2, _ALWAYS, also=(_FORMER,))),
        (r"gpt-5(\.1)?(?![.\d])", _Tiles(70, 140)),
        (r"gpt-5\.[23](?!\d)", _Patches(1.2, _ALWAYS, also=(_FORMER,))),
        (
            r"gpt-5\.4(?!\d)",
            _Patches(1.2, _HIGH, {"low": _ALWAYS, "original": _ORIGINAL}, (_ALWAYS, _FORMER)),
        ),
        (
            r"gpt-5\.5(?!\d)",
            _Patches(1.2, _ORIGINAL, {"low": _LOW, "high": _HIGH, "original": _ORIGINAL}),
        ),
        (
            r"gpt-(5\.([6-9]|\d\d)|[6-9]|\d\d)",
            _Patches(1.2, _ACCEPTANCE_LIMIT, {"low": _LOW, "high": _HIGH}, (_ORIGINAL,)),
        ),
    )
)


def image_tokens(question: Question) -> MediaTokens:
    """Tiles or patches, by the model's family. A model of no known family is between them all.

    Raises:
        QuoteUnavailable: the size is unknown, and the detail is not "low" of a model with tiles.
    """
    rule = _rule_for(question.model)
    detail = getattr(question.part, "detail", None) or "auto"
    if isinstance(rule, _Tiles) and detail == "low":
        return question.answer(rule.base, ceiling=rule.base)
    size = question.picture_size()
    smaller = (size[0] // 2 or 1, size[1] // 2 or 1) if question.is_recoded() else None
    if isinstance(rule, _Tiles):
        also = (rule.count(smaller),) if smaller else ()
        return question.answer(rule.count(size), also=also, ceiling=rule.count(size))
    if rule is None:
        counts = [known.count(size) for _, known in _FAMILIES if isinstance(known, _Tiles)]
        expected = math.ceil(_patches(size, _ORIGINAL) * 1.2)
        counts.append(math.ceil(_patches(size, _ACCEPTANCE_LIMIT) * 2.46))
        return question.answer(expected, also=(counts[1], counts[-1]), ceiling=max(counts),
                               basis="ratio")  # fmt: skip
    limit = rule.levels.get(detail, rule.default)
    other_limits = {"low": (_LOW,), "original": ()}.get(detail, rule.also)
    also = [rule.count(size, other) for other in other_limits]
    if smaller:
        also.append(rule.count(smaller, limit))
    every_limit = (rule.default, *rule.levels.values(), *rule.also)
    most = max(rule.count(size, other) for other in every_limit)
    return question.answer(rule.count(size, limit), also=also, ceiling=most)


def _patches(size: Size, limit: _Limit) -> int:
    """Scaled to the limit of a side; then, if there are still too many patches, so that as many
    whole ones as possible fit."""
    width, height = map(float, size)
    if limit.side is not None and max(width, height) > limit.side:
        scale = limit.side / max(width, height)
        width, height = width * scale, height * scale
    if limit.patches is not None and _covering(width, height) > limit.patches:
        scale = math.sqrt(limit.patches * _PATCH**2 / (width * height))
        columns, rows = width * scale / _PATCH, height * scale / _PATCH
        # Of a picture thinner than a patch no whole one fits.
        scale *= min(max(1, math.floor(columns)) / columns, max(1, math.floor(rows)) / rows, 1)
        width, height = width * scale, height * scale
        return min(limit.patches, _covering(width, height))
    return _covering(width, height)


def _covering(width: float, height: float) -> int:
    # A side that was scaled to a whole number of patches must not become one more by rounding.
    return math.ceil(width / _PATCH - 1e-9) * math.ceil(height / _PATCH - 1e-9)


def audio_tokens(question: Question) -> MediaTokens:
    """10 tokens for each second, without the fraction of a token that is left. The padding of
    encoders is not heard: 1.139 seconds are 11 tokens as WAV and as MP3."""
    seconds = question.seconds() - (question.header().padding or 0)
    tokens = math.floor(_AUDIO_TOKENS_PER_SECOND * seconds + 1e-6)
    most = math.ceil(_AUDIO_TOKENS_PER_SECOND * (question.seconds() + 1))
    return question.answer(tokens, also=(tokens + 1,), ceiling=most)


_PAGE, _PAGE_IN_DETAIL = 212, 991
_A_WORD_OR_TWO = 20
"""Characters."""
_FILE = 3
_TABLE = 15
"""What is said of a table besides its rows (https://developers.openai.com/api/docs/guides/pdf-files)."""


def document_tokens(question: Question) -> MediaTokens:
    """The text of a PDF, and by Chat Completions a picture of each page; text files are text.

    By Chat Completions a page is 212 tokens for every model, so it does not follow the model's rule
    for pictures. Since May 2026 a page full of text is 991 tokens, one with a word or two still
    212. Older models than GPT-5.4 were billed 212 for both until then.

    By Responses no page is billed, only a frame around the text: of 3 tokens, of 16 since April
    2026, of 21 for GPT-5.6. The ceiling allows for a page as the largest picture.
    """
    newest = re.search(r"gpt-(5\.([6-9]|\d\d)|[6-9]|\d\d)", question.model)
    recent = newest or re.search(r"gpt-5\.[45](?!\d)", question.model)
    frame = _FILE
    if question.platform == "responses":
        frame = 21 if newest else 16 if recent else 3
    mime = question.header().mime
    if mime != "application/pdf":
        return count_text_file(question, frame + (_TABLE if mime in _TABLES else 0))
    pages = pages_of(question, text=True)
    text = "\n".join(page.text for page in pages)
    rule = _rule_for(question.model)
    largest_picture = max(rule.count(size) for size in _LARGE_SIZES) if rule else _LARGEST
    is_bounded = all(page.is_read for page in pages)
    ceiling = (largest_picture + 64) * len(pages) if is_bounded else None
    if question.platform == "responses":
        also = (3, 21 * len(pages))
        return question.answer(frame, also=also, ceiling=ceiling, text=text)
    full = sum(len(page.text.strip()) > _A_WORD_OR_TWO for page in pages)
    plain_tokens = _FILE + len(pages) * _PAGE
    detailed_tokens = plain_tokens + full * (_PAGE_IN_DETAIL - _PAGE) + (_FILE if full else 0)
    return question.answer(
        detailed_tokens if recent else plain_tokens,
        also=(plain_tokens, detailed_tokens),
        ceiling=ceiling,
        text=text,
    )


def _rule_for(model: str) -> _Tiles | _Patches | None:
    return next((rule for name, rule in _FAMILIES if name.search(model)), None)
