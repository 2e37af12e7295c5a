"""Input that a request does not hold, and that nobody can bound before the answer is there: what
the vendor's own tools find, what was stored with the vendor, and fields that fmsdk does not read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, cast

from fmsdk.request import Request

__all__ = ["unbounded_inputs"]

_OPTIONS = (*("server_tools", "previous_response_id", "cached_content", "container"),)
_SEARCHES = re.compile(r"search|deep-research|:online|compound", re.IGNORECASE)
"""Models that search on their own: OpenAI's, Perplexity's by way of OpenRouter, Groq's."""
_HARMLESS_FIELDS = frozenset(
    {
        *("temperature", "top_p", "top_k", "min_p", "seed", "stop", "stop_sequences"),
        *("logprobs", "top_logprobs", "response_logprobs", "logit_bias"),
        *("frequency_penalty", "presence_penalty", "repetition_penalty", "parallel_tool_calls"),
        *("metadata", "user", "user_id", "safety_identifier", "prompt_cache_key", "labels"),
        *("store", "stream_options", "verbosity", "safety_settings"),
    }
)
_NESTED_FIELDS = frozenset({"generation_config"})
_CAPITAL = re.compile(r"(?<=[a-z])(?=[A-Z])")


def unbounded_inputs(request: Request) -> Iterator[str]:
    """The names of what brings input, or a price, that has no bound."""
    if request.options is not None:
        for name in _OPTIONS:
            if getattr(request.options, name, None):
                yield f"options.{name}"
        extra: Any = getattr(request.options, "extra_body", None)
        if isinstance(extra, Mapping):
            yield from _unknown_fields(cast("Mapping[str, Any]", extra), "extra_body")
    if _searches(request.model):
        yield f"the searches of {request.model}"
    for part in request.media():
        if part.file or part.url:
            yield f"the {part.kind} {part.describe()}"


@lru_cache(maxsize=512)
def _searches(model: str) -> bool:
    return _SEARCHES.search(model) is not None


def _unknown_fields(fields: Mapping[str, Any], path: str) -> Iterator[str]:
    for name, value in fields.items():
        plain_name = _CAPITAL.sub("_", name).lower()  # Google's names have humps
        if plain_name in _NESTED_FIELDS and isinstance(value, Mapping):
            yield from _unknown_fields(cast("Mapping[str, Any]", value), f"{path}.{name}")
        elif plain_name not in _HARMLESS_FIELDS:
            yield f"{path}.{name}"
