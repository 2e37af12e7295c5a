"""What the text of an error says where no server has a code for it: a context that is too long, a
medium that the model does not take.

The texts are those that vendors and servers are known for by sources and public issues (2026-11),
and close variants of them: a wrong match costs no more than another kind of `BadRequestError`.
"""

from __future__ import annotations

import re

__all__ = ["exceeded_context", "refused_medium"]

_CHARACTERS_READ = 2000
"""Characters of a text that are read."""
_QUOTE_OF_REQUEST = re.compile(r"input_value=|'input': ")
"""Where pydantic begins to quote the request, whose words are not the server's."""
_FIGURE = r"\(?(\d[\d,]{0,14})\)?"
_MAXIMUM = r"(?:maximum|max|maximum allowed)"
_WINDOW = (
    rf"(?:context (?:length|window|size|limit)|{_MAXIMUM} (?:model|prompt|input) length"
    r"|max_model_len|model token limit|maximum number of (?:input )?tokens(?! per| for)"
    r"|(?<!the )input length)"
)
_TOO_LONG = re.compile(
    "|".join(
        (
            rf"{_MAXIMUM} (?:context|prompt|model|input) length (?:is|of)",
            r"context_length_exceeded|exceed_context_size|context full",
            rf"(?:exceed\w*|overflow\w*|(?:longer|greater|larger) than) [^.]{{0,60}}?{_WINDOW}",
            rf"{_WINDOW}[^.]{{0,20}} exceed",
            r"too (?:large|long) for model with|too long to fit into the model",
            r"(?:prompt|conversation)(?: is)? too long|is too large to process",
            r"(?:input|request) is too long(?: for |: \d+ tokens|[^.]{0,20}\d tokens)",
            r"prompt (?:token count of \d+|length \(\d+\)) exceeds",
            r"input token count is \d+ but model only supports",
            r"too many (?:input )?tokens[:.] |prompt tokens limit exceeded|^token limit exceeded",
            r"must have less than \d+ tokens",
            r"loaded with context length of only|configured context size is",
            r"input length should be \[|total number of tokens in the \w+ cannot exceed",
            r"`max_new_tokens` must be <=",
            r"reduce the length of the (?:messages|prompt|input)",
        )
    ),
    re.IGNORECASE,
)
_LIMIT = re.compile(
    "|".join(
        (
            rf"(?:{_WINDOW}|context length)(?: is| of| only| allowed| tokens|[: (])*{_FIGURE}",
            rf"(?:prompt|model) length (?:is|of) {_FIGURE}",
            rf"(?:model with|configured context size is|n_ctx:|> ?|<= ?) ?{_FIGURE}",
            rf"exceeds the limit of {_FIGURE}|cannot exceed {_FIGURE}|should be \[\d+, {_FIGURE}",
            rf"supports up to {_FIGURE}|less than {_FIGURE}|maximum allowed {_FIGURE}",
            rf", max {_FIGURE}|\d/{_FIGURE}",
            rf"max(?:imum)? input tokens: {_FIGURE}|limit is {_FIGURE}",
        )
    ),
    re.IGNORECASE,
)
_SUM = re.compile(r"(\d{1,12}) \+ (\d{1,12}) > ")
"""Claude's input and output tokens."""
_NUMBER = re.compile(r"(?<![\w.,\-])\d[\d,]{0,14}(?![\w\-]|\.\d)")

_MEDIUM = r"(?P<medium>image|picture|vision|audio|video|file|document|pdf|multi-?modal(?:ity)?)s?"
_INPUT = r"(?:[ _-]?(?:inputs?|content|parts?|data|understanding|modality|messages?))"
_PHRASE_END = r"(?= *(?:$|[.,;:!()\[/]|for |or |and |by (?:this|the) model))"
_MEDIUM_AS_INPUT = (
    rf"(?:any |(?:input modality|content type)s? )?{_MEDIUM}(?:{_INPUT}|{_PHRASE_END})"
)
_PART_TYPE = rf"[`'\"]?(?:input_)?{_MEDIUM}_url[`'\"]?"
"""A part's type on the wire, as `image_url`."""
_REFUSALS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"is not a (?:multi-?modal|vision) model",
        r"text[- ]only (?:model|prompt)|model is text[- ]only",
        r"only (?:supports?|accepts?) text\b|only ['\"`]?text['\"`]? (?:content|input)",
        r"supported values are: ['\"`](?:input_)?text['\"`]\.?$",
        rf"at most 0 {_MEDIUM}\(s\)",
        rf"(?:unsupported|unknown) content type:? {_PART_TYPE}",
        rf"(?:not|n't) support (?:content type )?{_PART_TYPE}{_PHRASE_END}",
        rf"{_PART_TYPE}(?: content)? (?:is|are) not supported{_PHRASE_END}",
        rf"^{_MEDIUM}s? (?:is|are) not supported{_PHRASE_END}",
        rf"{_MEDIUM}[`'\"]? content blocks? (?:is|are) not supported",
        rf"(?:has no|lacks) {_MEDIUM} (?:capability|support)",
        r"(?:does|do) ?(?:not|n't) (?:currently )?(?:support|accept|take|handle|have) "
        + _MEDIUM_AS_INPUT,
        rf"{_MEDIUM}{_INPUT}{{1,2}} (?:is|are) not (?:currently )?(?:supported|enabled|allowed)",
        rf"{_MEDIUM}s? (?:is|are) not (?:currently )?supported (?:by|for|with) (?:this|the) model",
        rf"no endpoints found that support (?:input )?{_MEDIUM}",
        rf"unknown variant [`'\"](?:input_)?{_MEDIUM}(?:_url)?[`'\"], expected [`'\"]?text",
        rf"(?:input_)?{_MEDIUM}(?:_url)? is only supported by certain models",
        rf"missing data required for {_MEDIUM} input",
        r"content'?\]?\s*:?\s*(?:value )?must be a string",
    )
)
_KINDS = {"picture": "image", "vision": "image", "file": "document", "pdf": "document"}


def exceeded_context(text: str) -> dict[str, int] | None:
    """The figures of a request that is longer than the model's context: `tokens` and `limit`, as
    far as the text names them; None where it says something else."""
    text = _own_words(text)
    if not _TOO_LONG.search(text):
        return None
    limits = [_value(next(filter(None, match.groups()))) for match in _LIMIT.finditer(text)]
    numbers = [_value(digits) for digits in _NUMBER.findall(text)]
    numbers += [int(match[1]) + int(match[2]) for match in _SUM.finditer(text)]
    if not limits:
        return {}
    limit, tokens = limits[-1], max(numbers)
    return {"limit": limit, "tokens": tokens} if tokens > limit else {"limit": limit}


def refused_medium(text: str) -> str | None:
    """The kind of part ("image", …) that a model does not take, "media" where the text says no
    kind; None where it says something else."""
    text = _own_words(text)
    for pattern in _REFUSALS:
        if match := pattern.search(text):
            word = (match.groupdict().get("medium") or "media").lower()
            word = "media" if word.startswith("multi") else word
            return _KINDS.get(word, word)
    return None


def _own_words(text: str) -> str:
    return _QUOTE_OF_REQUEST.split(text[:_CHARACTERS_READ], maxsplit=1)[0]


def _value(digits: str) -> int:
    return int(digits.replace(",", ""))
