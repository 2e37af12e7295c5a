"""Counts text in a vendor's tokens.

OpenAI's vocabularies come from the package `bpe-openai`, if it is installed (`fmsdk[tokenizers]`);
without it, `text_tokens` estimates them. Anthropic and Google publish no vocabulary of a hosted
model, so that the count in OpenAI's is scaled by what the text consists of. Knows no framing.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.machinery import PathFinder
from importlib.util import find_spec, module_from_spec
from types import ModuleType
from typing import Any

from fmsdk.quoting.text_tokens import count_tokens
from fmsdk.quoting.vendor import claude_generation

__all__ = [
    "TextCounter",
    "is_loaded",
    "text_counter",
]

_QUOTES, _BRACKETS = b"\"'", b",:[]{}"
_PUNCTUATION = bytes(
    c for c in range(33, 127) if not chr(c).isalnum() and c not in _QUOTES + _BRACKETS
)
_CLASSES: dict[str, bytes] = {
    "upper": bytes(range(65, 91)),
    "lower": bytes(range(97, 123)),
    "digit": bytes(range(48, 58)),
    "newline": b"\n",
    "tab": b"\t",
    "quote": _QUOTES,
    "bracket": _BRACKETS,
    "punctuation": _PUNCTUATION,
    # Beyond ASCII, the first byte of a letter tells its script.
    "latin": bytes(range(0xC2, 0xCE)),
    "greek": bytes(range(0xCE, 0xD0)),
    "cyrillic": bytes(range(0xD0, 0xD5)),
    "semitic": bytes(range(0xD5, 0xDC)),  # Armenian, Hebrew, Arabic
    "indic": b"\xe0",  # and Thai
    "georgian": b"\xe1",  # and Burmese, Khmer
    "symbol": b"\xe2",
    "kana": b"\xe3",
    "han": bytes(range(0xE4, 0xEA)),
    "hangul": bytes(range(0xEA, 0xEE)),
    "other": bytes(range(0xEE, 0xF5)),  # emoji
}
_MEMBERS = tuple(_CLASSES.values())
_LOWER, _LATIN = 1, 8  # their places among the classes


@dataclass(frozen=True, slots=True)
class _Scale:
    """Tokens of a vocabulary: `count` for each token of o200k, and for each letter of a class.
    `accent` is for each lower-case letter of a text with an accented one in fifty.

    The weights were fitted to 2,200 texts of 60 languages and 14 kinds of code, markup and data,
    counted offline by `ctok` 1.3 (Claude's counts, as measured with Anthropic's endpoint) and with
    Gemma's vocabulary, which is Gemini's. English prose, prompts, code and JSON weigh the most in
    the fit; of those, 94% come within 10% (Claude since 4.7: 92%, Gemini: 97%).
    """

    count: float
    classes: tuple[float, ...]
    accent: float = 0.0


_CLAUDE = _Scale(
    0.821,
    (0.069, 0.043, 0.101, 0.816, 1.585, 0.208, 0.041, 0.448, 1.087, 0.434, 0.145, 0.468, 0.628,
     0.575, 1.456, 0.224, 0.42, 0.804, 1.436),
    accent=0.019,
)  # fmt: skip
# The vocabulary since 4.7 is a third as large; capitals are tokens of their own.
_CLAUDE_4_7 = _Scale(
    0.591,
    (0.68, 0.176, 0.29, 0.814, 1.004, 0.326, 0.422, 0.807, 1.293, 0.534, 0.243, 0.549, 0.722,
     0.628, 2.2, 0.367, 0.607, 0.963, 1.78),
    accent=0.065,
)  # fmt: skip
# Each digit is a token.
_GEMINI = _Scale(
    0.926,
    (0.02, 0.013, 0.512, 0.566, 0.348, 0.048, 0.055, 0.21, -0.127, 0.058, 0.018, 0.052, 0.151,
     0.442, -0.194, -0.214, -0.119, 0.123, -0.821),
    accent=0.013,
)  # fmt: skip
_UNKNOWN = _Scale(1.1, (0.0,) * len(_CLASSES))

_OLD_OPENAI = re.compile(r"gpt-(3\.5|35|4(?![o.\d]))|text-embedding|(ada|babbage|davinci)-002")
"""Models of the vocabulary before o200k (cl100k)."""


@dataclass(frozen=True, slots=True)
class TextCounter:
    """Counts text for one vocabulary. spread: (low, high) of a count, as shares of it."""

    encoding: str
    scale: _Scale | None
    spread: tuple[float, float]
    is_exact: bool

    def count(self, text: str) -> float:
        """The tokens of a text; a whole number if `is_exact`."""
        total = _counter(self.encoding)(text)
        if self.scale is None or not total:
            return total
        data = text.encode("utf-8", "surrogatepass").translate(None, b" ")
        scale, lower = self.scale, 0
        total *= scale.count
        for index, (members, weight) in enumerate(zip(_MEMBERS, scale.classes, strict=True)):
            others = data.translate(None, members)
            count = len(data) - len(others)
            total += weight * count
            if index == _LOWER:
                lower = count
            elif index == _LATIN and count * 50 > len(text):
                total += scale.accent * lower
            if not others:
                break
            data = others
        return max(total, 1.0)


@lru_cache(maxsize=512)
def text_counter(vendor: str, model: str) -> TextCounter:
    """The counter for a vendor's model; a guess for an unknown vendor. The first one loads the
    vocabulary, which takes about 50 ms."""
    encoding = "cl100k_base" if vendor == "openai" and _OLD_OPENAI.search(model) else "o200k_base"
    has_vocabulary = _bindings() is not None
    if vendor == "openai":
        spread = (1.0, 1.0) if has_vocabulary else (0.8, 1.25)
        return TextCounter(encoding, None, spread, is_exact=has_vocabulary)
    spread = (0.84, 1.2) if has_vocabulary else (0.78, 1.28)
    if vendor == "anthropic":
        scale = _CLAUDE_4_7 if claude_generation(model) >= 4.7 else _CLAUDE
        return TextCounter(encoding, scale, spread, is_exact=False)
    if vendor == "google":
        spread = (0.87, 1.15) if has_vocabulary else (0.8, 1.25)
        return TextCounter(encoding, _GEMINI, spread, is_exact=False)
    return TextCounter(encoding, _UNKNOWN, (0.6, 1.5), is_exact=False)


def is_loaded() -> bool:
    """Whether a vocabulary is loaded, so that a first count need not wait for that."""
    return _counter.cache_info().currsize > 0


@cache
def _counter(encoding: str) -> Callable[[str], float]:
    bindings = _bindings()
    if bindings is None:
        return count_tokens
    count: Callable[[str], int] = bindings.tokenizer_for_encoding(encoding).count
    count("")  # loads the vocabulary

    def count_text(text: str) -> int:
        try:
            return count(text)
        except UnicodeEncodeError:  # half of a surrogate pair
            return count(text.encode("utf-8", "replace").decode())

    return count_text


@cache
def _bindings() -> ModuleType | None:
    """The compiled module of `bpe-openai`; None if it is not installed, or if another release of
    it has no such module.

    The package around it builds tables in Python for decoding, which takes 0.4 s and 60 MB more.
    They are not needed here, so that the module is loaded without the package.
    """
    name = "bpe_openai._bindings"
    module: Any = sys.modules.get(name)
    package = find_spec("bpe_openai") if module is None else None
    if package is not None and package.submodule_search_locations is not None:
        spec = PathFinder.find_spec(name, list(package.submodule_search_locations))
        if spec is not None and spec.loader is not None:
            with suppress(ImportError):
                module = module_from_spec(spec)
                spec.loader.exec_module(module)
                sys.modules.setdefault(name, module)
    return module if hasattr(module, "tokenizer_for_encoding") else None
