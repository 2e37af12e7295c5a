"""Anthropic's usage as fmsdk's: its input excludes cached tokens, ours includes them."""

from __future__ import annotations

from typing import Any, cast

import msgspec

from fmsdk.response import Warning
from fmsdk.usage import InputUsage, OutputUsage, Usage

__all__ = ["elsewhere", "usage_of"]


class _Writes(msgspec.Struct):
    ephemeral_5m_input_tokens: int | None = None
    ephemeral_1h_input_tokens: int | None = None


class _Details(msgspec.Struct):
    thinking_tokens: int | None = None


class _Tokens(msgspec.Struct):
    """The tokens of an answer, or of one of the steps it took on the server."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_creation: _Writes | None = None
    type: str = ""
    model: str | None = None


class _Usage(_Tokens):
    output_tokens_details: _Details | None = None
    service_tier: str | None = None
    speed: str | None = None
    iterations: list[_Tokens] | None = None
    server_tool_use: Any = None


def usage_of(raw: object) -> Usage:
    """The wire's usage; what it leaves out is None, and none at all "unknown".

    A compaction that the server made on the way is billed, but not in the totals on the wire:
    here it is. `service_tier` is "fast" where the fast mode served.
    """
    told = _read(raw)
    if told is None:
        return Usage(raw=cast("dict[str, Any]", raw) if isinstance(raw, dict) else None)
    parts = [told, *(step for step in told.iterations or () if step.type == "compaction")]
    writes = _sum(part.cache_creation_input_tokens for part in parts)
    long_writes = _sum(
        part.cache_creation and part.cache_creation.ephemeral_1h_input_tokens for part in parts
    )
    reads = _sum(part.cache_read_input_tokens for part in parts)
    fresh = _sum(part.input_tokens for part in parts)
    made = _sum(part.output_tokens for part in parts)
    return Usage(
        input=InputUsage(
            total=None if fresh is None else fresh + (writes or 0) + (reads or 0),
            cache_read=reads,
            cache_write=writes,
            cache_write_1h=long_writes,
        ),
        output=OutputUsage(
            total=made,
            reasoning=told.output_tokens_details and told.output_tokens_details.thinking_tokens,
        ),
        source="unknown" if fresh is None and made is None else "measured",
        service_tier="fast" if told.speed == "fast" else told.service_tier,
        server_tools=_calls(told.server_tool_use),
        raw=cast("dict[str, Any]", raw),
    )


def elsewhere(raw: object) -> tuple[Warning, ...]:
    """A warning for tokens of another model, which has other prices: an advisor's."""
    told = _read(raw)
    advisors = [step for step in (told and told.iterations) or () if step.type == "advisor_message"]
    return tuple(
        Warning(
            "usage_elsewhere",
            f"{step.model} advised: {step.input_tokens or 0} tokens in, {step.output_tokens or 0} "
            "out, which are billed, but neither in usage nor in cost",
            step.model or "",
        )
        for step in advisors
    )


def _read(raw: object) -> _Usage | None:
    if not isinstance(raw, dict):
        return None
    try:
        return msgspec.convert(raw, _Usage)
    except msgspec.ValidationError:
        return None


def _calls(told: object) -> dict[str, int] | None:
    """{"web_search_requests": 2} as {"web_search": 2}."""
    if not isinstance(told, dict):
        return None
    counts = cast("dict[str, object]", told).items()
    return {
        name.removesuffix("_requests"): count
        for name, count in counts
        if isinstance(count, int) and count > 0
    }


def _sum(counts: Any) -> int | None:
    told = [count for count in counts if count is not None]
    return sum(told) if told else None
