"""Google's `usageMetadata` as `Usage`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import replace
from typing import Any

import msgspec

from fmsdk.usage import InputUsage, OutputUsage, Usage

__all__ = ["usage_of", "with_searches"]

# Google's price list: by the prompt that was grounded, and since Gemini 3 by the query.
_BY_THE_PROMPT = ("gemini-1", "gemini-2")

_TIERS = {
    "ON_DEMAND": "standard",
    "ON_DEMAND_FLEX": "flex",
    "ON_DEMAND_PRIORITY": "priority",
}
_MODALITIES = ("text", "image", "audio", "video", "document")


class _Count(msgspec.Struct, rename="camel"):
    modality: str = "TEXT"
    token_count: int = 0


class _Told(msgspec.Struct, rename="camel"):
    prompt_token_count: int | None = None
    cached_content_token_count: int | None = None
    candidates_token_count: int | None = None
    thoughts_token_count: int | None = None
    tool_use_prompt_token_count: int | None = None
    total_token_count: int | None = None
    prompt_tokens_details: list[_Count] | None = None
    candidates_tokens_details: list[_Count] | None = None
    tool_use_prompt_tokens_details: list[_Count] | None = None
    cache_tokens_details: list[_Count] | None = None
    service_tier: str | None = None
    traffic_type: str | None = None


def usage_of(raw: dict[str, Any]) -> Usage:
    """The wire's usage. What it leaves out is None, and none at all "unknown".

    Google counts what its own tools fetched, and thoughts, beside the prompt and the answer;
    here they are parts of `input.total` and `output.total`. It leaves out counts of zero, so
    that an answer without tokens, where anything is counted, has none. That is not said of the
    prompt, which cannot be empty.
    """
    if not raw:
        return Usage()
    try:
        told = msgspec.convert(raw, _Told)
    except msgspec.ValidationError:
        return Usage(raw=raw)
    total_in = told.prompt_token_count
    if total_in is not None:
        total_in += told.tool_use_prompt_token_count or 0
    counts = (told.candidates_token_count, told.thoughts_token_count)
    is_counted = (*counts, told.prompt_token_count, told.total_token_count) != (None,) * 4
    read = _by_modality(told.prompt_tokens_details, told.tool_use_prompt_tokens_details)
    cached = _by_modality(told.cache_tokens_details)
    made = _by_modality(told.candidates_tokens_details)
    return Usage(
        input=InputUsage(
            total=total_in,
            cache_read=told.cached_content_token_count,
            cache_read_image=cached.get("image"),
            cache_read_audio=cached.get("audio"),
            cache_read_video=cached.get("video"),
            **read,
        ),
        output=OutputUsage(
            total=sum(count or 0 for count in counts) if is_counted else None,
            text=made.get("text"),
            audio=made.get("audio"),
            image=made.get("image"),
            reasoning=told.thoughts_token_count,
        ),
        source="measured" if is_counted else "unknown",
        service_tier=told.service_tier or _tier(told.traffic_type),
        raw=raw,
    )


def with_searches(usage: Usage, queries: Collection[str], model: str | None) -> Usage:
    """Usage with the searches that Google charges for, where it searched."""
    if not queries:
        return usage
    count = 1 if (model or "").startswith(_BY_THE_PROMPT) else len(queries)
    return replace(usage, server_tools={"web_search": count})


def _by_modality(*details: list[_Count] | None) -> dict[str, int]:
    found: Counter[str] = Counter()
    for count in (count for listed in details for count in listed or ()):
        modality = count.modality.lower()
        found[modality if modality in _MODALITIES else "text"] += count.token_count
    return dict(found)


def _tier(traffic: str | None) -> str | None:
    return None if traffic is None else _TIERS.get(traffic, traffic.lower())
