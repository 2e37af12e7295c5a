"""Models of other vendors and open weights on servers: by how the model's family cuts a picture.

Servers set limits of their own and bill as they like, so these are ratios without a ceiling. The
sources are the families' processors in transformers 5.23 (patch and merge sizes, default limits)
and https://docs.x.ai/docs/guides/image-understanding for Grok.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from math import ceil, sqrt

from fmsdk.image_size import Size
from fmsdk.quoting.media.count import MediaTokens, Question
from fmsdk.quoting.media.document import count_text_file

__all__ = ["RULES"]

_PIXELS_PER_TOKEN = 750
"""Of a model of unknown family; those below take 200 to 1,000 for a picture of 1,024 pixels."""
_SPREAD = 3


def _patches(side: int, most: int, *, ends: bool = False) -> Callable[[Size], int]:
    """A token for each square of `side` pixels, scaled down to `most` of them; with `ends`, one
    more for each row."""

    def count(size: Size) -> int:
        width, height = size
        scale = min(1.0, sqrt(most * side**2 / (width * height)))
        columns, rows = ceil(width * scale / side), ceil(height * scale / side)
        return columns * rows + (rows if ends else 2)

    return count


def _tiles(side: int, tile: int, most: int) -> Callable[[Size], int]:
    """`tile` tokens for each tile, of at most `most`, and for the whole picture."""

    def count(size: Size) -> int:
        return tile * (min(most, ceil(size[0] / side) * ceil(size[1] / side)) + 1)

    return count


_FAMILIES: tuple[tuple[re.Pattern[str], Callable[[Size], int]], ...] = tuple(
    (re.compile(pattern), count)
    for pattern, count in (
        (r"gemma", _tiles(896, 256, 0)),
        (r"qwen-?2(\.5)?-?vl|qwen2(\.5)?-omni|qvq", _patches(28, 16_384)),
        (r"qwen-?3(\.\d)?-?(vl|omni)|qwen-vl|qwen-?3\.\d", _patches(32, 16_384)),
        (r"pixtral", _patches(16, 4096, ends=True)),
        (r"mistral|magistral|ministral", _patches(28, 3025, ends=True)),
        (r"llama-?4", _tiles(336, 144, 16)),
        (r"llama-?3\.2", _tiles(560, 1601, 4)),
        (r"grok", _tiles(448, 256, 6)),
    )
)
_AUDIO: tuple[tuple[re.Pattern[str], float], ...] = (
    (re.compile(r"voxtral"), 12.5),
    (re.compile(r"omni|audio"), 25.0),
)


def _image_tokens(question: Question) -> MediaTokens:
    size = question.picture_size()
    count = next((count for name, count in _FAMILIES if name.search(question.model)), None)
    if count is None:
        expected = max(64, size[0] * size[1] // _PIXELS_PER_TOKEN)
        also = (expected // _SPREAD, expected * _SPREAD)
    else:
        expected = count(size)
        also = (expected // 2, expected * 3 // 2)
    return question.answer(expected, also=also, ceiling=None, basis="ratio")


def _audio_tokens(question: Question) -> MediaTokens:
    rate = next((rate for name, rate in _AUDIO if name.search(question.model)), None)
    if rate is None:
        question.refuse("is audio, and nobody says how this model counts that")
    expected = ceil(rate * question.seconds())
    # Some encoders pad to windows of 30 seconds.
    most = ceil(rate * 30 * ceil(question.seconds() / 30))
    return question.answer(expected, also=(most,), ceiling=None, basis="ratio")


def _document_tokens(question: Question) -> MediaTokens:
    mime = question.header().mime
    if mime == "application/pdf":
        question.refuse("is a PDF, and nobody says what this server makes of it: send its text")
    return count_text_file(question)


RULES: Mapping[str, Callable[[Question], MediaTokens]] = {
    "image": _image_tokens,
    "audio": _audio_tokens,
    "document": _document_tokens,
}
