"""What Google's documentation says of the JSON Schemas that it reads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jsonschema

__all__ = ["assert_documented"]

# The list at `responseJsonSchema` of https://ai.google.dev/api/generate-content.
DOCUMENTED = frozenset(
    {"$id", "$defs", "$ref", "$anchor", "type", "format", "title", "description", "enum", "items"}
    | {"prefixItems", "minItems", "maxItems", "minimum", "maximum", "anyOf", "oneOf"}
    | {"properties", "additionalProperties", "required", "propertyOrdering"}
)


def assert_documented(schema: dict[str, Any]) -> None:
    """Every node holds documented keywords only: `enum` with a type, of texts and numbers; `$ref`
    beside nothing else, to what is there."""
    jsonschema.Draft202012Validator.check_schema(schema)
    for node in _nodes(schema):
        assert node.keys() <= DOCUMENTED, node
        for value in node.get("enum", ()):
            assert isinstance(value, str | int | float), node
            assert not isinstance(value, bool), node
            assert node["type"] in ("string", "integer", "number"), node
        if "$ref" in node:
            assert not [name for name in node if not name.startswith("$")], node
            name = node["$ref"].removeprefix("#/$defs/")
            assert node["$ref"] == "#" or name in schema["$defs"], node


def _nodes(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield schema
    inner = [*schema.get("properties", {}).values(), *schema.get("$defs", {}).values()]
    for keyword in ("anyOf", "oneOf", "prefixItems"):
        inner += schema.get(keyword, ())
    inner += [schema[keyword] for keyword in ("items",) if keyword in schema]
    if isinstance(schema.get("additionalProperties"), dict):
        inner.append(schema["additionalProperties"])
    for each in inner:
        yield from _nodes(each)
