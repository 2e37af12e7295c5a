"""What vendors add to the text of a request: tokens between messages, around tools and calls, and
prompts of their own.

Each row says why it holds. The figures are differences between recorded bills and the text that was
sent, counted in the vendor's vocabulary: exactly for OpenAI, by `ctok` for Claude, and with Gemma's
vocabulary for Gemini. The first row that matches counts. Knows no text and no media.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from fmsdk.provider import Platform
from fmsdk.quoting.vendor import claude_generation, gemini_generation

__all__ = ["NO_FRAMING", "Framing", "Item", "bound_of", "framing_of"]

Item = Literal[
    "request",  # once
    "system",  # once, if there is a system prompt
    "message",  # each message
    "turn",  # each change of speaker after the first
    "answer",  # each text of the model in an earlier turn
    "tools",  # once, if there are tools
    "tools_alone",  # once, if there are tools and no system prompt
    "tools_many",  # once, if there is more than one tool
    "tool",  # each tool
    "required",  # once, if a call is required
    "named",  # once, if the call of one tool is required
    "call",  # each call
    "parallel",  # each of several calls at once
    "argument",  # each argument of a call
    "result",  # each result of a call
    "output",  # once, if the answer has a schema
    "thinking",  # once, if the model thinks with a budget
    "citations",  # once, if documents are to be cited
    "opaque",  # each character of a signed or encrypted thought
    "image",  # each picture
    "audio",  # each recording
    "video",  # each film
    "document",  # each document
    "text_file",  # each document that is text
    "computer",  # each tool of Anthropic's for the use of a computer
]


@dataclass(frozen=True, slots=True)
class _Row:
    """`tokens` for each `item`, at the vendor's models from `since` to before `until` whose name
    matches `models`, on `platform` (None: any), because of `reason`."""

    vendor: str
    item: Item
    tokens: float
    reason: str
    models: str = ""
    platform: Platform | None = None
    since: float = 0.0
    until: float = 99.0


_HARMONY = r"^(o\d|gpt-5|gpt-6|gpt-oss|codex|computer-use)"
_OPEN_HARMONY = r"^gpt-oss"
_ROWS = (
    # OpenAI: ChatML, <|start|>role<|message|>…<|end|>, and the start of the answer.
    _Row("openai", "request", 63, "open weights state their own system prompt", _OPEN_HARMONY),
    _Row("openai", "tools", 19, "open weights are told the channel of calls", _OPEN_HARMONY),
    _Row("openai", "request", 2, "the answer's start has no separator in Harmony", _HARMONY),
    _Row("openai", "request", 3, "the answer's start: <|im_start|>assistant<|im_sep|>"),
    _Row("openai", "message", 4, "start, role, separator and end of a message"),
    _Row("openai", "answer", 2, "Harmony names the channel of an answer: final", _HARMONY),
    _Row("openai", "tools_many", 80, "instructions for calls in parallel", _HARMONY),
    _Row("openai", "tools_alone", 2, "the tools are a message of their own", _HARMONY),
    _Row("openai", "tools_alone", 4, "the tools are a message of their own"),
    _Row("openai", "tools", 0, "no more than the text of the namespace", _HARMONY),
    _Row("openai", "tools", -1, "the namespace follows the system prompt without its blank line"),
    _Row("openai", "named", 6, "the answer's start names its recipient"),
    _Row("openai", "required", 4, "the answer's start says that there is a recipient"),
    _Row("openai", "call", 12, "channel, recipient and format of the call, in Harmony", _HARMONY),
    _Row("openai", "call", 6, "a message, and its recipient"),
    _Row("openai", "parallel", 6, "calls at once are one call, of multi_tool_use.parallel",
         r"^(?!o\d|gpt-5|gpt-6|gpt-oss|codex|computer-use)"),
    _Row("openai", "result", 10, "channel and recipient of the result, in Harmony", _HARMONY),
    _Row("openai", "result", 4, "a message"),
    _Row("openai", "output", 2, "the lines around the schema"),
    _Row("openai", "image", 1, "the end of the patches", r"^(o\d|gpt-5|gpt-6|gpt-4\.1-)"),
    _Row("openai", "audio", 4, "the marks around a recording"),
    _Row("openai", "document", 1, "the end of the file"),
    _Row("openai", "opaque", 0.082, "encrypted, base64 text of four bytes a token"),
    # Anthropic: \n\nHuman: …\n\nAssistant:
    _Row("anthropic", "request", 6, "the words around the first turn and the answer", since=4.8),
    _Row("anthropic", "request", 11, "the words around the first turn and the answer", since=4.7),
    _Row("anthropic", "request", 7, "the words around the first turn and the answer"),
    _Row("anthropic", "turn", 3, "the words before a turn"),
    _Row("anthropic", "tools", 360, "the prompt that explains calls", "sonnet", since=4.8),
    _Row("anthropic", "tools", 290, "the prompt that explains calls", "opus", since=4.8),
    _Row("anthropic", "tools", 325, "the prompt that explains calls", since=4.8),
    _Row("anthropic", "tools", 497, "the prompt that explains calls", since=4.5),
    _Row("anthropic", "tools", 315, "the prompt that explains calls"),
    _Row("anthropic", "tool", 6, "the tags around a tool's declaration"),
    _Row("anthropic", "required", 110, "instructions to call a tool", since=4.5),
    _Row("anthropic", "named", 110, "instructions to call a tool", since=4.5),
    _Row("anthropic", "named", -27, "a shorter prompt: the model need not choose"),
    _Row("anthropic", "call", 24, "the block and the tags of a call"),
    _Row("anthropic", "result", 14, "the block and the tags of a result"),
    _Row("anthropic", "output", 145, "instructions to answer by the schema"),
    _Row("anthropic", "thinking", 29, "a prompt with the budget of thoughts"),
    _Row("anthropic", "image", 3, "the marks around a picture"),
    _Row("anthropic", "document", 6, "the marks around a document"),
    _Row("anthropic", "text_file", 36, "the tags around a text file"),
    _Row("anthropic", "citations", 545, "instructions how to cite"),
    _Row("anthropic", "computer", 1330, "the declaration of Anthropic's own tool"),
    # Gemini on Vertex: the strings of the request (names, keys, values), and nothing between them.
    _Row("google", "request", 0, "Vertex counts the strings alone", platform="vertex"),
    _Row("google", "request", 1, "the start of the text is a token since 2.5", since=2.5),
    _Row("google", "system", 0, "Vertex counts the strings alone", platform="vertex"),
    _Row("google", "system", 1, "the end of the system prompt is a token since 3", since=3),
    _Row("google", "tools", 0, "the declarations are strings"),
    _Row("google", "call", 0, "Vertex counts the strings alone", platform="vertex"),
    _Row("google", "call", 1, "the ends of the turn; the call itself is rendered", since=3),
    _Row("google", "call", 8, "the JSON around a call, on AI Studio", since=2.5),
    _Row("google", "argument", 3, "the JSON around an argument, on AI Studio", since=2.5,
         until=3, platform="aistudio"),
    _Row("google", "result", 0, "Vertex counts the strings alone", platform="vertex"),
    _Row("google", "result", 2, "the ends of the turn; the result itself is rendered", since=3),
    _Row("google", "result", 8, "the JSON around a result, on AI Studio", since=2.5),
    _Row("google", "tool", 0, "Vertex counts the strings alone", platform="vertex"),
    _Row("google", "tool", 0, "the declaration itself is rendered", since=3),
    _Row("google", "tool", 1, "the line after a declaration, on AI Studio", since=2.5),
    _Row("google", "opaque", 0, "Vertex counts the strings alone", platform="vertex"),
    _Row("google", "opaque", 0.2, "thoughts go on in a running loop since 3", since=3),
    # Another vendor: ChatML, and JSON for tools and calls.
    _Row("", "request", 4, "a guess"),
    _Row("", "message", 4, "a guess"),
    _Row("", "tools", 30, "a guess"),
    _Row("", "tool", 5, "a guess"),
    _Row("", "call", 8, "a guess"),
    _Row("", "result", 4, "a guess"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Framing:
    """The tokens of each item, for one model on one platform."""

    items: dict[Item, float]

    def __getitem__(self, item: Item) -> float:
        return self.items.get(item, 0.0)


NO_FRAMING = "-"
"""In place of a vendor: of text that is sent as it stands."""


@lru_cache(maxsize=512)
def framing_of(vendor: str, model: str, platform: Platform | None) -> Framing:
    """The framing of a vendor's model on a platform (None: the vendor's own)."""
    if vendor == NO_FRAMING:
        return Framing({})
    vendor = vendor if vendor in _VENDORS else ""
    generation = 0.0
    if vendor == "anthropic":
        generation = claude_generation(model)
    elif vendor == "google":
        generation = gemini_generation(model)
    items: dict[Item, float] = {}
    for row in _ROWS:
        if (
            row.vendor == vendor
            and row.platform in (None, platform or "aistudio")
            and row.since <= generation < row.until
            and re.search(row.models, model)
        ):
            items.setdefault(row.item, row.tokens)
    return Framing(items)


_VENDORS = frozenset(row.vendor for row in _ROWS)


@dataclass(frozen=True, slots=True, kw_only=True)
class _HiddenPrompts:
    """The most tokens that a vendor was seen to add to the request's text: always, with tools, with
    an output schema, with citations."""

    always: int
    tools: int
    output: int
    citations: int = 550


_MOST_HIDDEN = {
    "openai": _HiddenPrompts(always=60, tools=230, output=230),
    "google": _HiddenPrompts(always=60, tools=70, output=70),
    "anthropic": _HiddenPrompts(always=70, tools=610, output=610),
    "": _HiddenPrompts(always=1060, tools=1000, output=1000),
}
_SAFETY = 1.5
"""Of the bound, over the largest hidden prompt that was seen."""
_MOST_FOR_PIECE = 40
"""Tokens around a message, a tool or a call: more than was ever seen."""


def bound_of(
    vendor: str,
    *,
    size: int,
    pieces: int,
    has_tools: bool,
    has_output: bool,
    has_citations: bool,
) -> int:
    """The most tokens of a request whose text has `size` bytes, in so many messages, tools and
    calls."""
    most = _MOST_HIDDEN.get(vendor) or _MOST_HIDDEN[""]
    hidden_tokens = most.always + most.tools * has_tools
    hidden_tokens += most.output * has_output + most.citations * has_citations
    return size + math.ceil(_SAFETY * hidden_tokens) + _MOST_FOR_PIECE * pieces
