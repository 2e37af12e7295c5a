"""Estimates the tokens of a text without a tokenizer.

Text is counted by classes of characters (words, digits, punctuation, letters by script), whose
weights were fitted to OpenAI's o200k vocabulary. docs/decisions/0004-prices.md has the errors.
"""

from __future__ import annotations

import re

__all__ = ["count_tokens"]

_ACCENTED_LETTERS = "\u00c0-\u024f\u1e00-\u1eff"
_AFTER = rf"(?![a-z{_ACCENTED_LETTERS}])"
_PIECE = re.compile(
    # a word, or one hump of a camelCase one
    rf" ?(?P<word>[A-Z]?[a-z]+{_AFTER}|[A-Z]+{_AFTER})"
    rf"| ?(?P<accented>[A-Za-z{_ACCENTED_LETTERS}]+)"
    r"|(?P<digits> ?[0-9]+)"
    r"|(?P<newline>[ \t]*[\r\n]\s*)"
    r"|(?P<spaces>[ \t]{2,})"
    r"| ?(?P<punctuation>[!-/:-@\[-`{-~]+)"
    r"| ?(?P<han>[\u3400-\u9fff\uf900-\ufaff])"
    r"| ?(?P<kana>[\u3040-\u30ff])"
    r"| ?(?P<hangul>[\uac00-\ud7af])"
    r"| ?(?P<greek>[\u0370-\u03ff])"
    r"| ?(?P<cyrillic>[\u0400-\u052f])"
    r"| ?(?P<alphabet>[\u0530-\u10ff])"  # Armenian to Georgian: Hebrew, Arabic, Indic, Thai, …
    r"|(?P<other>[^ ])",
)
_A_LETTER = {
    "han": 0.88,
    "kana": 0.66,
    "hangul": 0.75,
    "greek": 0.45,
    "cyrillic": 0.35,
    "alphabet": 0.41,
    "other": 1.0,
    "spaces": 1.0,
}
_ACCENTS = re.compile(f"[{_ACCENTED_LETTERS}]")


def count_tokens(text: str) -> float:
    """About how many tokens a text has in OpenAI's current vocabulary (o200k)."""
    # In languages with accents, words are split into more pieces, also those without an accent.
    # Such a text is recognised by one accented letter in fifty.
    has_accents = len(_ACCENTS.findall(text)) * 50 > len(text)
    total = 0.0
    for piece in _PIECE.finditer(text):
        kind = piece.lastgroup or "other"
        start, end = piece.span(kind)
        length = end - start
        if kind == "word" and not has_accents:
            total += 1.0 if length <= 9 else 1.0 + 0.5 * (length - 9)
        elif kind in {"word", "accented"}:
            accents = len(_ACCENTS.findall(piece[kind])) if kind == "accented" else 0
            total += 0.45 + 0.46 * max(0, length - 4) + 0.8 * accents
        elif kind == "digits":
            space = piece[kind][0] == " "
            total += -(-(length - space) // 3) + space
        elif kind == "punctuation":
            total += 0.8 + 0.2 * (length - 1)
        elif kind == "newline":
            total += 1.6 if piece[kind][-1] in " \t" else 0.8
        else:
            total += _A_LETTER[kind]
    return total
