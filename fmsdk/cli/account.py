"""The one line of tokens, latency and cost that follows an answer.

"~" marks what is estimated; what is not known is called unknown, never 0.
"""

from __future__ import annotations

from decimal import Decimal

from fmsdk.result import Result
from fmsdk.usage import Cost, Latency, Usage

__all__ = ["account", "dollars"]

_SIGNIFICANT_DIGITS = 3
_ENDS = {
    "length": "stopped at the token limit",
    "content_filter": "stopped by the vendor's filter",
    "refusal": "refused",
    "cancelled": "incomplete",
}


def account(answer: Result, *, interrupted: bool = False) -> str:
    """Who served `answer`, what it used, how long it took, what it cost, and, where it did not
    come to its own end, why not."""
    fields = [_model(answer), _tokens(answer.usage), _time(answer.latency), _cost(answer.cost)]
    finish = answer.finishes[0] if answer.finishes else "stop"
    if interrupted:
        fields.append("interrupted")
    elif finish in _ENDS:
        fields.append(_ENDS[finish])
    return " · ".join(fields)


def dollars(amount: Decimal) -> str:
    """US dollars with at least 2 decimals and 3 significant digits."""
    decimals = max(2, _SIGNIFICANT_DIGITS - 1 - amount.adjusted()) if amount else 2
    return f"${amount:.{decimals}f}"


def _model(answer: Result) -> str:
    return f"{answer.provider}:{answer.served_model or answer.model}"


def _tokens(usage: Usage) -> str:
    mark = "~" if usage.source == "estimated" else ""
    went_in, came_out = usage.input, usage.output
    told: list[str] = []
    if went_in.total is not None:
        cached = f" ({went_in.cache_read} cached)" if went_in.cache_read else ""
        told.append(f"{mark}{went_in.total} tokens in{cached}")
    elif went_in.audio_seconds is not None:
        told.append(f"{mark}{went_in.audio_seconds:.1f} s of audio in")
    if came_out.total is not None:
        reasoning = f" ({came_out.reasoning} reasoning)" if came_out.reasoning else ""
        told.append(f"{mark}{came_out.total} tokens out{reasoning}")
    return ", ".join(told) or "tokens unknown"


def _time(latency: Latency) -> str:
    told = [f"{latency.total:.2f} s"]
    if latency.load:
        told[0] += f" ({latency.load:.2f} s loading)"
    if latency.time_to_first_token is not None:
        told.append(f"first token {latency.time_to_first_token:.2f} s")
    if latency.output_tokens_per_second is not None:
        told.append(f"{latency.output_tokens_per_second:.1f} tok/s")
    if len(latency.attempts) > 1:
        told.append(f"{len(latency.attempts)} attempts")
    return ", ".join(told)


def _cost(cost: Cost | None) -> str:
    if cost is None:
        return "cost unknown"
    told = ("~" if cost.source == "estimated" else "") + dollars(cost.total)
    device = next((line for line in cost.lines if line.kind == "device time"), None)
    if device is None:
        return told
    # The source's name without its details, which --json has.
    source = cost.price_source.partition(",")[0]
    return f"{told} (device time at {dollars(device.unit_price * 3600)}/h, {source})"
