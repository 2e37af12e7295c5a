"""Google's rules: tiles and grids of pictures and pages, seconds of sound, frames of films.

Sources: https://ai.google.dev/gemini-api/docs/tokens, …/media-resolution (budgets) and
…/document-processing (the text of a PDF is not billed). How a budget becomes tokens, and how
AI Studio and Vertex differ, is not documented: inferred from recorded bills, which name each
modality.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import ceil, floor, sqrt

from fmsdk.image_size import Size
from fmsdk.quoting.media.count import MediaTokens, Question
from fmsdk.quoting.media.document import count_text_file, pages_of
from fmsdk.quoting.vendor import gemini_generation, is_gemini_alias
from fmsdk.usage import Range

__all__ = [
    "audio_tokens",
    "document_tokens",
    "image_tokens",
    "video_tokens",
    "with_aliases",
]

_TILE = 258
_LOW_TILE = 66
"""A picture, page or frame at low resolution, before Gemini 3: 64 tokens by the documentation."""
_SMALL_SIDE = 384
_UNIT = (256, 768)
_IMAGE_BUDGETS = {"low": 280, "medium": 560, "high": 1120, "original": 2240}
_PAGE_BUDGETS = {"low": 280, "medium": 560, "high": 1120}
_FRAME_BUDGETS = {"low": 70, "medium": 70, "high": 280}
_LARGEST_PICTURE = 2240
_STUDIO_AUDIO, _AUDIO = 32, 25
_STAMP = 5
"""The time that is written beside each frame of a film: 263 tokens a second instead of 258."""


def with_aliases(rule: Callable[[Question], MediaTokens]) -> Callable[[Question], MediaTokens]:
    """The rule, whose range includes Gemini 2.5 for an alias, which can stand for that too."""

    def count(question: Question) -> MediaTokens:
        newest = rule(question)
        if not is_gemini_alias(question.model):
            return newest
        older = rule(replace(question, model="gemini-2.5"))
        tokens = Range(
            min(newest.tokens.low, older.tokens.low),
            newest.tokens.expected,
            max(newest.tokens.high, older.tokens.high),
        )
        ceiling = max(newest.ceiling or 0, older.ceiling or 0)
        return replace(newest, tokens=tokens, ceiling=ceiling)

    return count


def image_tokens(question: Question) -> MediaTokens:
    """Gemini 1.5 and 2.5: 258 whatever the size (bills up to 8,736 × 5,856 pixels). 2.0: tiles, if
    there is no other picture. 3: the largest grid of the picture's shape within the budget.

    Raises:
        QuoteUnavailable: the size is unknown, and the rule needs it.
    """
    generation = gemini_generation(question.model)
    resolution = _resolution(question)
    if generation >= 3:
        detail = getattr(question.part, "detail", None)
        level = resolution if question.in_result or detail in (None, "auto") else detail
        budget = _IMAGE_BUDGETS.get(level or "high", _IMAGE_BUDGETS["high"])
        return question.answer(_grid(question.picture_size(), budget), ceiling=budget)
    if resolution == "low":
        return question.answer(_LOW_TILE - 2, also=(_LOW_TILE,), ceiling=_TILE)
    if generation < 2 or (generation > 2 and resolution != "high"):
        is_known = question.part.url is None and question.part.file is None
        is_known = is_known and question.header().width is not None
        return question.answer(
            _TILE, ceiling=_tiles(question.picture_size()) if is_known else _TILE
        )
    tiles = _tiles(question.picture_size())
    if generation > 2:  # "high" looks at details again, where there are some
        return question.answer(_TILE, also=(tiles,), ceiling=tiles)
    return question.answer(tiles if question.alone else _TILE, also=(_TILE,), ceiling=tiles)


def _tiles(size: Size) -> int:
    """Pictures of at most 384 pixels are one tile. Others are cut into squares of ⅔ of the shorter
    side, within limits, and there is one tile more of the whole."""
    if max(size) <= _SMALL_SIDE:
        return _TILE
    unit = min(max(floor(min(size) / 1.5), _UNIT[0]), _UNIT[1])
    return _TILE * (ceil(size[0] / unit) * ceil(size[1] / unit) + 1)


def _grid(size: tuple[float, float], budget: int) -> int:
    """Columns × rows of square patches in the shape of the picture, at most `budget` of them."""
    width, height = size
    columns, rows = floor(sqrt(budget * width / height)), floor(sqrt(budget * height / width))
    return max(1, columns) * max(1, rows) if columns and rows else min(budget, columns + rows)


def _resolution(question: Question) -> str | None:
    return getattr(question.options, "media_resolution", None)


def document_tokens(question: Question) -> MediaTokens:
    """A page is a picture; the text that a PDF holds besides is not billed. Text files are text.

    Gemini 3 has a budget of 560 for a page: Letter is 520 tokens, A4 532. In a tool's result AI
    Studio was billed by that of a picture too, at times. 2.0 cuts a single page into tiles. Of 2.5
    Vertex does so for some files.
    """
    if question.header().mime != "application/pdf":
        return count_text_file(question)
    generation = gemini_generation(question.model)
    resolution = _resolution(question)
    pages = pages_of(question, text=False)
    if generation >= 3:
        budget = _PAGE_BUDGETS[resolution or "medium"]
        tokens, picture_tokens = (
            sum(_grid((page.width, page.height), each) for page in pages)
            for each in (budget, _PAGE_BUDGETS["high"])
        )
        also = (picture_tokens,) if question.in_result and question.platform != "vertex" else ()
        ceiling = _PAGE_BUDGETS["high"] * len(pages)
        return question.answer(tokens, also=also, ceiling=ceiling)
    flat_tokens = _TILE * len(pages)
    tiled_tokens = sum(_tiles((ceil(page.width), ceil(page.height))) for page in pages)
    if resolution == "low":
        flat_tokens = (_LOW_TILE - 2) * len(pages)
        return question.answer(flat_tokens, also=(_LOW_TILE * len(pages),), ceiling=tiled_tokens)
    is_alone = question.alone and len(pages) == 1
    if generation == 2 and is_alone:
        return question.answer(tiled_tokens, also=(flat_tokens,), ceiling=tiled_tokens)
    may_be_tiled = question.platform == "vertex" and generation > 2 and is_alone
    also = (tiled_tokens,) if may_be_tiled else ()
    return question.answer(flat_tokens, also=also, ceiling=tiled_tokens)


def audio_tokens(question: Question) -> MediaTokens:
    """32 tokens a second by AI Studio before Gemini 3, with the padding of the encoder; else 25,
    without it. Vertex before Gemini 3 counts whole seconds: the last one was left out in 2025 and
    is full in 2026. Gemini 1.5 and 2.0 did not bill recordings of less than a second.
    """
    generation = gemini_generation(question.model)
    seconds = question.seconds()
    exact_seconds = max(0.0, seconds - (question.header().padding or 0))
    if generation >= 3:
        tokens = _per_second(_AUDIO, exact_seconds)
        also = (max(0, tokens - 1), _per_second(_AUDIO, seconds))
    elif question.platform == "vertex":
        tokens = _AUDIO * ceil(exact_seconds)
        also = (_AUDIO * floor(exact_seconds),)
    else:
        tokens = _per_second(_STUDIO_AUDIO, seconds)
        also = (_STUDIO_AUDIO * floor(exact_seconds),) if generation < 2.5 else (tokens + 1,)
    if generation < 2.5 and exact_seconds < 1:
        tokens, also = 0, (*also, tokens)
    return question.answer(tokens, also=also, ceiling=_STUDIO_AUDIO * (ceil(seconds) + 1))


def _per_second(rate: int, seconds: float) -> int:
    return ceil(rate * seconds - 1e-3)


def video_tokens(question: Question) -> MediaTokens:
    """A frame a second, and its sound.

    Before Gemini 3 a frame is a tile. AI Studio: 2.5 adds the time of each frame, and bills sound
    even where there is none. Vertex: whole seconds, no sound. Films of less than a second were not
    billed by 1.5 and 2.0.

    Gemini 3: the largest grid of the frame's shape within 70 tokens (280 at high resolution), 66
    for 16:9; Vertex counts a square one, 64. Its sound, 25 tokens a second, is as long as its
    pictures; AI Studio bills it as video.
    """
    generation = gemini_generation(question.model)
    header, seconds = question.header(), question.seconds()
    picture_seconds = header.picture_seconds or seconds
    is_low = _resolution(question) == "low"
    has_sound = header.has_sound is not False
    if generation >= 3:
        budget = _FRAME_BUDGETS[_resolution(question) or "low"]
        size = (header.width or 1, header.height or 1)
        frame = _grid((1, 1) if question.platform == "vertex" else size, budget)
        frames = ceil(picture_seconds - 1e-3)
        sound_tokens = _per_second(_AUDIO, picture_seconds)
        tokens = frame * frames + (sound_tokens if has_sound else 0)
        also = (
            frame * floor(picture_seconds) + (_AUDIO * floor(seconds) if has_sound else 0),
            _grid((1, 1), budget) * frames,
            budget * ceil(seconds) + _per_second(_AUDIO, seconds),
        )
    elif question.platform == "vertex":
        tokens = (_LOW_TILE if is_low else _TILE) * floor(seconds)
        also = (tokens + _TILE + _per_second(_AUDIO, seconds),)
    elif generation > 2:
        frame = _LOW_TILE if is_low else _TILE + _STAMP
        sound_tokens = _per_second(_STUDIO_AUDIO, seconds)
        tokens = frame * ceil(seconds - 1e-3) + sound_tokens
        also = (frame * floor(seconds),)
    else:
        tokens = (_LOW_TILE if is_low else _TILE) * floor(seconds)
        sound_tokens = _per_second(_STUDIO_AUDIO, seconds)
        also = (tokens + _TILE, tokens + _TILE + sound_tokens if has_sound else tokens)
        tokens += sound_tokens if header.has_sound and seconds >= 1 else 0
    most = (_FRAME_BUDGETS["high"] + _STUDIO_AUDIO) * (ceil(seconds) + 1)
    return question.answer(tokens, also=also, ceiling=most)
