"""Google's `usageMetadata` as `Usage`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import replace
from typing import Any

from fmsdk.hosted.token_counts import TokenCounts
from fmsdk.usage import InputUsage, OutputUsage, Usage

__all__ = ["decode_usage", "with_searches"]

# Google's price list: by the prompt that was grounded, and since Gemini 3 by the query.
_PRICED_BY_PROMPT = ("gemini-1", "gemini-2")

_TIERS = {
    "ON_DEMAND": "standard",
    "ON_DEMAND_FLEX": "flex",
    "ON_DEMAND_PRIORITY": "priority",
}
_MODALITIES = ("text", "image", "audio", "video", "document")


def decode_usage(raw: dict[str, Any]) -> Usage:
    """The usage of an answer. Counts that it leaves out are None; without any it is "unknown".

    Google counts what its own tools fetched, and thoughts, beside the prompt and the answer;
    here they are parts of `input.total` and `output.total`. It leaves out counts of zero: where
    anything is counted, an answer without a count has no tokens. The prompt cannot be empty, so
    that a prompt without a count stays unknown.
    """
    if not raw:
        return Usage()
    counts = TokenCounts(raw)
    traffic = counts.text("trafficType")
    input_total = counts["promptTokenCount"]
    outputs = (counts["candidatesTokenCount"], counts["thoughtsTokenCount"])
    is_counted = (*outputs, input_total, counts["totalTokenCount"]) != (None,) * 4
    if input_total is not None:
        input_total += counts["toolUsePromptTokenCount"] or 0
    prompt = _by_modality(counts, "promptTokensDetails", "toolUsePromptTokensDetails")
    cached = _by_modality(counts, "cacheTokensDetails")
    answer = _by_modality(counts, "candidatesTokensDetails")
    return Usage(
        input=InputUsage(
            total=input_total,
            cache_read=counts["cachedContentTokenCount"],
            cache_read_image=cached.get("image"),
            cache_read_audio=cached.get("audio"),
            cache_read_video=cached.get("video"),
            **prompt,
        ),
        output=OutputUsage(
            total=sum(count or 0 for count in outputs) if is_counted else None,
            text=answer.get("text"),
            audio=answer.get("audio"),
            image=answer.get("image"),
            reasoning=counts["thoughtsTokenCount"],
        ),
        source="measured" if is_counted else "unknown",
        service_tier=counts.text("serviceTier")
        or (traffic and _TIERS.get(traffic, traffic.lower())),
        raw=raw,
    )


def with_searches(usage: Usage, queries: Collection[str], model: str | None) -> Usage:
    """Usage with the searches that Google charges for, where it searched."""
    if not queries:
        return usage
    count = 1 if (model or "").startswith(_PRICED_BY_PROMPT) else len(queries)
    return replace(usage, server_tools={"web_search": count})


def _by_modality(counts: TokenCounts, *names: str) -> dict[str, int]:
    totals: Counter[str] = Counter()
    for detail in (detail for name in names for detail in counts.nested_list(name)):
        modality = (detail.text("modality") or "text").lower()
        totals[modality if modality in _MODALITIES else "text"] += detail["tokenCount"] or 0
    return dict(totals)
