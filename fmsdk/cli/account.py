"""The one line of tokens, latency and cost that follows an answer.

"~" marks estimates. What is unknown is called unknown, never 0.
"""

from __future__ import annotations

from fmsdk.result import Result
from fmsdk.usage import format_dollars

__all__ = ["describe_result", "format_dollars"]

_ENDS = {
    "length": "stopped at the token limit",
    "content_filter": "stopped by the vendor's filter",
    "refusal": "refused",
    "cancelled": "incomplete",
}


def describe_result(result: Result, *, was_interrupted: bool = False) -> str:
    """Who served the request, what it used, how long it took, what it cost, and why the answer is
    incomplete, where it is."""
    fields = [
        f"{result.provider}:{result.served_model or result.model}",
        str(result.usage),
        str(result.latency),
        "cost unknown" if result.cost is None else str(result.cost),
    ]
    finish = result.finishes[0] if result.finishes else "stop"
    if was_interrupted:
        fields.append("interrupted")
    elif finish in _ENDS:
        fields.append(_ENDS[finish])
    return " · ".join(fields)
