"""The one line of tokens, latency and cost that follows an answer.

"~" marks estimates. What is unknown is called unknown, never 0.
"""

from __future__ import annotations

from decimal import Decimal

from fmsdk.result import Result
from fmsdk.usage import Usage

__all__ = ["describe_result", "format_dollars"]

_SIGNIFICANT_DIGITS = 3
_ENDS = {
    "length": "stopped at the token limit",
    "content_filter": "stopped by the vendor's filter",
    "refusal": "refused",
    "cancelled": "incomplete",
}


def describe_result(result: Result, *, was_interrupted: bool = False) -> str:
    """Who served the request, what it used, how long it took, what it cost, and why the answer is
    incomplete, where it is."""
    latency = result.latency
    times = [f"{latency.total:.2f} s"]
    if latency.load:
        times[0] += f" ({latency.load:.2f} s loading)"
    if latency.time_to_first_token is not None:
        times.append(f"first token {latency.time_to_first_token:.2f} s")
    if latency.output_tokens_per_second is not None:
        times.append(f"{latency.output_tokens_per_second:.1f} tok/s")
    if len(latency.attempts) > 1:
        times.append(f"{len(latency.attempts)} attempts")
    fields = [
        f"{result.provider}:{result.served_model or result.model}",
        _describe_usage(result.usage),
        ", ".join(times),
    ]
    cost = result.cost
    if cost is None:
        fields.append("cost unknown")
    else:
        amount = ("~" if cost.source == "estimated" else "") + format_dollars(cost.total)
        for line in cost.lines:
            if line.kind == "device time":
                # The source's name without its details, which --json shows.
                source = cost.price_source.partition(",")[0]
                hourly = format_dollars(line.unit_price * 3600)
                amount += f" (device time at {hourly}/h, {source})"
        fields.append(amount)
    finish = result.finishes[0] if result.finishes else "stop"
    if was_interrupted:
        fields.append("interrupted")
    elif finish in _ENDS:
        fields.append(_ENDS[finish])
    return " · ".join(fields)


def format_dollars(amount: Decimal) -> str:
    """US dollars with at least 2 decimals and 3 significant digits."""
    decimals = max(2, _SIGNIFICANT_DIGITS - 1 - amount.adjusted()) if amount else 2
    return f"${amount:.{decimals}f}"


def _describe_usage(usage: Usage) -> str:
    mark = "~" if usage.source == "estimated" else ""
    fields: list[str] = []
    if usage.input.total is not None:
        cached = f" ({usage.input.cache_read} cached)" if usage.input.cache_read else ""
        fields.append(f"{mark}{usage.input.total} tokens in{cached}")
    elif usage.input.audio_seconds is not None:
        fields.append(f"{mark}{usage.input.audio_seconds:.1f} s of audio in")
    if usage.output.total is not None:
        reasoning = f" ({usage.output.reasoning} reasoning)" if usage.output.reasoning else ""
        fields.append(f"{mark}{usage.output.total} tokens out{reasoning}")
    return ", ".join(fields) or "tokens unknown"
