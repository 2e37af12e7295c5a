"""JSON Schemas as Anthropic's structured outputs take them: a narrower dialect of strict mode.

https://platform.claude.com/docs/en/build-with-claude/structured-outputs#json-schema-limitations
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

__all__ = ["limited"]

_LIMITS = frozenset(
    {"exclusiveMaximum", "exclusiveMinimum", "maxItems", "maximum", "minimum", "multipleOf"}
)
_NAMED = frozenset({"$defs", "properties"})


def limited(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A schema of `fmsdk.schema.strict` without the limits on numbers and lengths that Anthropic
    refuses. They move into the description, so that the model still hears of them; parsing the
    answer still enforces them."""
    result: dict[str, Any] = {}
    told: list[str] = []
    for keyword, value in schema.items():
        if keyword in _NAMED:
            result[keyword] = {name: limited(inner) for name, inner in value.items()}
        elif keyword in _LIMITS or (keyword == "minItems" and value not in (0, 1)):
            told.append(f"{keyword}: {value}")
        else:
            result[keyword] = _inner(value)
    if told:
        described = str(result.get("description", ""))
        result["description"] = f"{described} ({'; '.join(told)})".strip()
    return result


def _inner(value: Any) -> Any:
    if isinstance(value, Mapping):
        return limited(cast("Mapping[str, Any]", value))
    if isinstance(value, list):
        return [_inner(item) for item in cast("list[Any]", value)]
    return value
