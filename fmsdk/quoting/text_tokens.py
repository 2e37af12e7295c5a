"""Estimates the tokens of a text request, offline and without a tokenizer.

Text is counted by classes of characters (words, digits, punctuation, letters by script), whose
weights were fitted to OpenAI's o200k vocabulary. A factor and a framing for each vendor then scale
that count. docs/decisions/0004-prices.md has the errors, measured on recorded bills. Knows no
prices.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from fmsdk.content import Modality, Part, Reasoning, Text, ToolCall, ToolResult
from fmsdk.provider import Basis, Estimate, Platform
from fmsdk.quoting.media import MediaTokens, media_tokens
from fmsdk.request import Request
from fmsdk.usage import Range
from fmsdk.validation import encode_json

__all__ = ["count_tokens", "estimate_answer", "estimate_request", "estimate_text", "most_tokens"]

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


@dataclass(frozen=True, slots=True)
class _Vendor:
    """How the count becomes a vendor's tokens.

    text: tokens for one of the count. request, message: framing of the request and of each message.
    tools: a hidden prompt if there are tools; tool, call: for each tool and each call. tool_json,
    output_json: the part of a schema's tokens that is billed. opaque: tokens for a character of an
    opaque reasoning item. hidden_…: the most tokens that the vendor was seen to add to the
    request's text: always, with tools, with an output schema, with citations.
    """

    text: float = 1.1
    request: float = 4.0
    message: float = 4.0
    tools: float = 30.0
    tool: float = 5.0
    call: float = 8.0
    tool_json: float = 1.0
    output_json: float = 1.0
    opaque: float = 0.0
    hidden: int = 60
    hidden_tools: int = 1000
    hidden_output: int = 1000
    hidden_citations: int = 550


_UNKNOWN = _Vendor()
_OPENAI = _Vendor(
    text=1.0, request=3, message=4, tools=8, tool=0, call=8, tool_json=0.8, output_json=0.7,
    opaque=0.11, hidden_tools=230, hidden_output=230,
)  # fmt: skip
_GOOGLE = _Vendor(
    text=1.04, request=0, message=0, tools=0, tool=5, call=15, tool_json=0.6, output_json=0,
    opaque=0.15, hidden_tools=70, hidden_output=70,
)  # fmt: skip
_ANTHROPIC = _Vendor(
    text=1.15, request=4, message=3, tools=320, tool=0, call=45, tool_json=1.15, output_json=1.15,
    hidden=70, hidden_tools=610, hidden_output=610,  # 29 of the 70 are for thinking
)  # fmt: skip
_SAFETY = 1.5
"""Of the bound, over the largest hidden prompt that was seen."""
_GENERATION = re.compile(r"claude-(?:[a-z]+-)?(\d)(?:[-.](\d)(?!\d))?")


@dataclass(slots=True)
class _Counts:
    """The counts of a request. `size` is the UTF-8 bytes of everything that may become tokens."""

    text: float = 0.0
    tool_json: float = 0.0
    output_json: float = 0.0
    opaque: int = 0
    calls: int = 0
    size: int = 0

    def add(self, text: str) -> float:
        self.size += len(text.encode("utf-8", "surrogatepass"))
        return count_tokens(text)


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


def estimate_request(request: Request, platform: Platform | None = None) -> Estimate:
    """The size of a request: system, messages, tools, output schema, framing, media.

    Args:
        request: its `provider` is the vendor ("openai", "anthropic", "google"); any other gets a
            wide guess.
        platform: the API that it goes to; None: unknown.

    Raises:
        QuoteUnavailable: the size of a medium is unknown before it is sent.
    """
    media = media_tokens(request, platform) if next(request.media(), None) is not None else []
    vendor, counts = _vendor(request), _count(request, media)
    system = request.system is not None
    text = vendor.text * counts.text + vendor.message * (len(request.messages) + system)
    text += vendor.request
    extra_tokens = vendor.tool_json * counts.tool_json + vendor.output_json * counts.output_json
    extra_tokens += vendor.call * counts.calls + vendor.opaque * counts.opaque
    if request.tools:
        extra_tokens += vendor.tools + vendor.tool * len(request.tools)
    spread = 2 if vendor is _UNKNOWN else 1
    low = text * (1 - 0.15 * spread) + extra_tokens * (1 - 0.4 * spread)
    high = text * (1 + 0.2 * spread) + extra_tokens * (1 + 0.5 * spread) + 6 * spread
    maximum = _upper_bound(vendor, counts, request)
    expected = min(max(1, round(text + extra_tokens)), maximum)
    text_range = Range(
        min(max(1, math.floor(low)), expected), expected, min(math.ceil(high), maximum)
    )
    return _with_media(text_range, maximum, media)


def estimate_text(request: Request) -> Estimate:
    """The size of a request whose platform is unknown. Raises as `estimate_request` does."""
    return estimate_request(request)


def _with_media(text: Range[int], maximum: int, media: Sequence[MediaTokens]) -> Estimate:
    by_modality: dict[Modality, Range[int]] = {"text": text}
    ceilings: dict[Modality, int] = {"text": maximum}
    basis: dict[Modality, Basis] = {"text": "ratio"}
    total = text
    for medium in media:
        total = _add(total, medium.tokens)
        before = by_modality.get(medium.modality, Range(0, 0, 0))
        by_modality[medium.modality] = _add(before, medium.tokens)
        if medium.ceiling is not None:
            ceilings[medium.modality] = ceilings.get(medium.modality, 0) + medium.ceiling
        if basis.get(medium.modality) != "ratio":  # the weakest of several
            basis[medium.modality] = medium.basis
    return Estimate(
        input=total,
        by_modality=by_modality,
        ceilings=None if any(medium.ceiling is None for medium in media) else ceilings,
        basis=basis,
    )


def _add(one: Range[int], other: Range[int]) -> Range[int]:
    return Range(one.low + other.low, one.expected + other.expected, one.high + other.high)


def most_tokens(request: Request) -> int:
    """A bound on the request's input tokens. A token has at least one byte of UTF-8, and no vendor
    was ever seen to add more hidden framing than is counted here.

    Raises:
        QuoteUnavailable: the request holds media.
    """
    media_tokens(request, None)
    return _upper_bound(_vendor(request), _count(request, ()), request)


def _upper_bound(vendor: _Vendor, counts: _Counts, request: Request) -> int:
    pieces = 2 + len(request.messages) + len(request.tools) + counts.calls
    hidden_tokens = vendor.hidden
    if request.tools or counts.calls:
        hidden_tokens += vendor.hidden_tools
    if request.output is not None:
        hidden_tokens += vendor.hidden_output
    if getattr(request.options, "citations", False):
        hidden_tokens += vendor.hidden_citations
    if vendor is _UNKNOWN:
        hidden_tokens += vendor.hidden_tools
    return counts.size + math.ceil(_SAFETY * hidden_tokens) + 40 * pieces


def _vendor(request: Request) -> _Vendor:
    if request.provider == "openai":
        return _OPENAI
    if request.provider == "google":
        return _GOOGLE
    if request.provider != "anthropic":
        return _UNKNOWN
    # The hidden tool prompt grew with 4.5 and shrank with 4.8; the tokenizer changed with 4.7.
    match = _GENERATION.search(request.model)
    generation = float(f"{match[1]}.{match[2] or 0}") if match else 5.0
    newer = generation >= 4.7
    tools = 320 if generation < 4.5 else 500 if generation < 4.8 else 350
    text = 1.42 if newer else _ANTHROPIC.text
    return replace(
        _ANTHROPIC,
        text=text,
        tool_json=text,
        output_json=text,
        tools=tools + (100 if request.tool_choice not in {"auto", "none"} else 0),
        request=4 + (28 if request.settings.reasoning not in {None, "none"} and not newer else 0),
    )


def _count(request: Request, media: Iterable[MediaTokens]) -> _Counts:
    counts = _Counts()
    for medium in media:
        counts.text += counts.add(medium.text)
    if request.system is not None:
        counts.text += counts.add(request.system)
    for part in request.parts():
        if isinstance(part, Text):
            counts.text += counts.add(part.text)
        elif isinstance(part, Reasoning):
            opaque = _own_opaque(part, request, counts)
            # Anthropic signs the readable text; others bill the content of the opaque item.
            if request.provider == "anthropic" or not opaque:
                counts.text += counts.add(part.text)
            else:
                counts.opaque += opaque
        elif isinstance(part, ToolCall):
            counts.calls += 1
            counts.text += counts.add(part.name) + counts.add(part.raw or _compact(part.arguments))
            counts.opaque += _own_opaque(part, request, counts)
        elif isinstance(part, ToolResult):
            counts.text += counts.add(part.name or "")
    for tool in request.tools:
        schema = _compact(tool.parameters)
        counts.tool_json += sum(map(counts.add, (tool.name, tool.description, schema)))
    if request.output is not None:
        from fmsdk.schema.json_schema import output_schema

        name, schema = output_schema(request.output)
        counts.output_json += counts.add(name) + counts.add(_compact(schema))
    return counts


def _own_opaque(part: Reasoning | ToolCall, request: Request, counts: _Counts) -> int:
    if part.opaque is None or part.provider != request.provider:
        return 0
    counts.size += len(part.opaque)
    return len(part.opaque)


def _compact(value: Mapping[str, Any]) -> str:
    return encode_json(value).decode()


def estimate_answer(request: Request, parts: Iterable[Part]) -> int | None:
    """About how many tokens the parts of an answer are for the request's model; None for media."""
    counts, total = _Counts(), 0.0
    for part in parts:
        if isinstance(part, (Text, Reasoning)):
            total += counts.add(part.text)
        elif isinstance(part, ToolCall):
            total += counts.add(part.name) + counts.add(part.raw or _compact(part.arguments))
        else:
            return None
    return round(_vendor(request).text * total)
