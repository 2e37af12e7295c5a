"""Anthropic's usage as fmsdk's: its input excludes cached tokens, ours includes them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, cast

from fmsdk.hosted.token_counts import Counts, count
from fmsdk.response import Warning
from fmsdk.usage import InputUsage, OutputUsage, Usage

__all__ = ["elsewhere", "usage_of"]


def usage_of(raw: object) -> Usage:
    """The wire's usage; what it leaves out is None, and none at all "unknown".

    A compaction that the server made on the way is billed, but not in the totals on the wire:
    here it is. `service_tier` is "fast" where the fast mode served.
    """
    told = Counts(raw)
    parts = [told, *_steps(told, "compaction")]
    writes = _sum(part["cache_creation_input_tokens"] for part in parts)
    lasting = (part.under("cache_creation") for part in parts)
    reads = _sum(part["cache_read_input_tokens"] for part in parts)
    fresh = _sum(part["input_tokens"] for part in parts)
    made = _sum(part["output_tokens"] for part in parts)
    return Usage(
        input=InputUsage(
            total=None if fresh is None else fresh + (writes or 0) + (reads or 0),
            cache_read=reads,
            cache_write=writes,
            cache_write_1h=_sum(part["ephemeral_1h_input_tokens"] for part in lasting),
        ),
        output=OutputUsage(
            total=made, reasoning=told.under("output_tokens_details")["thinking_tokens"]
        ),
        source="unknown" if fresh is None and made is None else "measured",
        service_tier="fast" if told.word("speed") == "fast" else told.word("service_tier"),
        server_tools=_calls(cast("dict[str, Any]", raw).get("server_tool_use")) if told else None,
        raw=cast("dict[str, Any]", raw) if isinstance(raw, dict) else None,
    )


def elsewhere(raw: object) -> tuple[Warning, ...]:
    """A warning for tokens of another model, which has other prices: an advisor's."""
    return tuple(
        Warning(
            "usage_elsewhere",
            f"{step.word('model')} advised: {step['input_tokens'] or 0} tokens in, "
            f"{step['output_tokens'] or 0} out, which are billed, but neither in usage nor in cost",
            step.word("model") or "",
        )
        for step in _steps(Counts(raw), "advisor_message")
    )


def _steps(told: Counts, kind: str) -> Iterator[Counts]:
    """Of the steps that an answer took on the server, those of a kind."""
    return (step for step in told.each("iterations") if step.word("type") == kind)


def _calls(told: object) -> dict[str, int] | None:
    """{"web_search_requests": 2} as {"web_search": 2}."""
    if not isinstance(told, dict):
        return None
    counts = ((name, count(value)) for name, value in cast("dict[str, object]", told).items())
    return {name.removesuffix("_requests"): number for name, number in counts if number}


def _sum(counts: Iterable[int | None]) -> int | None:
    told = [count for count in counts if count is not None]
    return sum(told) if told else None
