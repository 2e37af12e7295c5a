"""Tool calls from the text of their arguments, as vendors and models write it."""

from __future__ import annotations

import json
import math
from typing import Any, cast

from fmsdk.content import ToolCall
from fmsdk.surrogates import replace_lone_surrogates

__all__ = ["tool_call"]


def tool_call(
    id: str, name: str, arguments: str, *, provider: str | None = None, opaque: str | None = None
) -> ToolCall:
    """A `ToolCall` from the text of its arguments; an empty text means no arguments."""
    value: object = None
    if arguments.strip():
        try:
            value = _decode(replace_lone_surrogates(arguments))
            if isinstance(value, str):  # gateways encode them twice
                value = _decode(replace_lone_surrogates(value))
        except (ValueError, RecursionError):
            value = None
    else:
        value = {}
    if isinstance(value, dict):
        return ToolCall(id, name, cast("dict[str, Any]", value), None, provider, opaque)
    return ToolCall(id, name, {}, arguments, provider, opaque)


def _decode(text: str) -> object:
    return json.loads(text, parse_float=_finite, parse_constant=_finite)


def _finite(digits: str) -> float:
    """A number that JSON can hold: not NaN, not infinite, and not too large for a float."""
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(digits)
    return number
