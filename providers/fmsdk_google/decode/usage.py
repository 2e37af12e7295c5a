"""Google's `usageMetadata` as `Usage`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import replace
from typing import Any

from fmsdk.hosted.token_counts import Counts
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


def usage_of(raw: dict[str, Any]) -> Usage:
    """The wire's usage. What it leaves out is None, and none at all "unknown".

    Google counts what its own tools fetched, and thoughts, beside the prompt and the answer;
    here they are parts of `input.total` and `output.total`. It leaves out counts of zero, so
    that an answer without tokens, where anything is counted, has none. That is not said of the
    prompt, which cannot be empty.
    """
    if not raw:
        return Usage()
    told = Counts(raw)
    total_in = told["promptTokenCount"]
    counts = (told["candidatesTokenCount"], told["thoughtsTokenCount"])
    is_counted = (*counts, total_in, told["totalTokenCount"]) != (None,) * 4
    if total_in is not None:
        total_in += told["toolUsePromptTokenCount"] or 0
    read = _by_modality(told, "promptTokensDetails", "toolUsePromptTokensDetails")
    cached = _by_modality(told, "cacheTokensDetails")
    made = _by_modality(told, "candidatesTokensDetails")
    return Usage(
        input=InputUsage(
            total=total_in,
            cache_read=told["cachedContentTokenCount"],
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
            reasoning=told["thoughtsTokenCount"],
        ),
        source="measured" if is_counted else "unknown",
        service_tier=told.word("serviceTier") or _tier(told.word("trafficType")),
        raw=raw,
    )


def with_searches(usage: Usage, queries: Collection[str], model: str | None) -> Usage:
    """Usage with the searches that Google charges for, where it searched."""
    if not queries:
        return usage
    count = 1 if (model or "").startswith(_BY_THE_PROMPT) else len(queries)
    return replace(usage, server_tools={"web_search": count})


def _by_modality(told: Counts, *names: str) -> dict[str, int]:
    found: Counter[str] = Counter()
    for one in (one for name in names for one in told.each(name)):
        modality = (one.word("modality") or "text").lower()
        found[modality if modality in _MODALITIES else "text"] += one["tokenCount"] or 0
    return dict(found)


def _tier(traffic: str | None) -> str | None:
    return None if traffic is None else _TIERS.get(traffic, traffic.lower())
