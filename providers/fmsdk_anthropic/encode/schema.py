"""JSON Schemas as Anthropic's structured outputs take them: a narrower dialect of strict mode.

https://platform.claude.com/docs/en/build-with-claude/structured-outputs#json-schema-limitations
"""

from __future__ import annotations

from typing import Any

from fmsdk.schema.nodes import Schema, add_limits, convert_inner_schemas

__all__ = ["move_limits_to_description"]

_LIMITS = frozenset(
    {"exclusiveMaximum", "exclusiveMinimum", "maxItems", "maximum", "minimum", "multipleOf"}
)


def move_limits_to_description(schema: Schema) -> dict[str, Any]:
    """A schema of `fmsdk.schema.strict` without the limits on numbers and lengths that Anthropic
    refuses. They move into the description, so that the model reads them; parsing the answer
    still enforces them."""
    limits = {
        keyword: value
        for keyword, value in schema.items()
        if keyword in _LIMITS or (keyword == "minItems" and value not in (0, 1))
    }
    node = {keyword: value for keyword, value in schema.items() if keyword not in limits}
    add_limits(node, limits)
    return convert_inner_schemas(
        node, lambda inner: inner if isinstance(inner, bool) else move_limits_to_description(inner)
    )
