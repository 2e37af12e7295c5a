"""Anthropic's usage as fmsdk's. Anthropic's input excludes cached tokens, fmsdk's includes them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, cast

from fmsdk.hosted.token_counts import TokenCounts, parse_count
from fmsdk.response import Warning
from fmsdk.usage import InputUsage, OutputUsage, Usage

__all__ = ["advisor_warnings", "decode_usage"]


def decode_usage(raw: object) -> Usage:
    """The usage of an answer. Counts that it leaves out are None; without any it is "unknown".

    Anthropic bills a compaction that its server made on the way, but leaves it out of the totals;
    here it is included. `service_tier` is "fast" where the fast mode served.
    """
    counts = TokenCounts(raw)
    steps = [counts, *_steps(counts, "compaction")]
    cache_writes = _sum(step["cache_creation_input_tokens"] for step in steps)
    cache_reads = _sum(step["cache_read_input_tokens"] for step in steps)
    fresh_input = _sum(step["input_tokens"] for step in steps)
    output = _sum(step["output_tokens"] for step in steps)
    hour_writes = (step.nested("cache_creation")["ephemeral_1h_input_tokens"] for step in steps)
    fields = cast("dict[str, Any]", raw) if isinstance(raw, dict) else None
    tools = (fields or {}).get("server_tool_use")
    server_tools = None
    if isinstance(tools, dict):  # {"web_search_requests": 2} becomes {"web_search": 2}
        runs = ((name, parse_count(n)) for name, n in cast("dict[str, object]", tools).items())
        server_tools = {name.removesuffix("_requests"): number for name, number in runs if number}
    return Usage(
        input=InputUsage(
            total=None
            if fresh_input is None
            else fresh_input + (cache_writes or 0) + (cache_reads or 0),
            cache_read=cache_reads,
            cache_write=cache_writes,
            cache_write_1h=_sum(hour_writes),
        ),
        output=OutputUsage(
            total=output, reasoning=counts.nested("output_tokens_details")["thinking_tokens"]
        ),
        source="unknown" if fresh_input is None and output is None else "measured",
        service_tier="fast" if counts.text("speed") == "fast" else counts.text("service_tier"),
        server_tools=server_tools,
        region=counts.text("inference_geo"),
        raw=fields,
    )


def advisor_warnings(raw: object) -> tuple[Warning, ...]:
    """A warning for the tokens of an advisor: another model, which has other prices."""
    return tuple(
        Warning(
            "usage_elsewhere",
            f"{step.text('model')} advised: {step['input_tokens'] or 0} tokens in, "
            f"{step['output_tokens'] or 0} out, which are billed, but neither in usage nor in cost",
            step.text("model") or "",
        )
        for step in _steps(TokenCounts(raw), "advisor_message")
    )


def _steps(counts: TokenCounts, step_type: str) -> Iterator[TokenCounts]:
    """The steps of this type that the answer took on the server."""
    return (step for step in counts.nested_list("iterations") if step.text("type") == step_type)


def _sum(counts: Iterable[int | None]) -> int | None:
    present = [count for count in counts if count is not None]
    return sum(present) if present else None
