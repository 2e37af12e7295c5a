"""JSON Schemas as Anthropic's structured outputs take them: a narrower dialect of strict mode.

https://platform.claude.com/docs/en/build-with-claude/structured-outputs#json-schema-limitations
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

__all__ = ["move_limits_to_description"]

_LIMITS = frozenset(
    {"exclusiveMaximum", "exclusiveMinimum", "maxItems", "maximum", "minimum", "multipleOf"}
)
_SCHEMAS_BY_NAME = frozenset({"$defs", "properties"})


def move_limits_to_description(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A schema of `fmsdk.schema.strict` without the limits on numbers and lengths that Anthropic
    refuses. They move into the description, so that the model reads them; parsing the answer
    still enforces them."""
    result: dict[str, Any] = {}
    limits: list[str] = []
    for keyword, value in schema.items():
        if keyword in _SCHEMAS_BY_NAME:
            result[keyword] = {
                name: move_limits_to_description(inner) for name, inner in value.items()
            }
        elif keyword in _LIMITS or (keyword == "minItems" and value not in (0, 1)):
            limits.append(f"{keyword}: {value}")
        else:
            result[keyword] = _without_limits(value)
    if limits:
        description = str(result.get("description", ""))
        result["description"] = f"{description} ({'; '.join(limits)})".strip()
    return result


def _without_limits(value: Any) -> Any:
    if isinstance(value, Mapping):
        return move_limits_to_description(cast("Mapping[str, Any]", value))
    if isinstance(value, list):
        return [_without_limits(item) for item in cast("list[Any]", value)]
    return value
