"""What the vendors' strict mode asks of a JSON Schema."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jsonschema

__all__ = ["assert_strict", "nodes"]


def nodes(schema: Any) -> Iterator[dict[str, Any]]:
    """Every schema inside a schema, itself included."""
    yield schema
    for key in ("properties", "$defs"):
        for inner in schema.get(key, {}).values():
            yield from nodes(inner)
    for inner in (*schema.get("anyOf", ()), *([schema["items"]] if "items" in schema else [])):
        yield from nodes(inner)


def assert_strict(schema: dict[str, Any]) -> None:
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["type"] == "object"
    refused = {"default", "oneOf", "allOf", "prefixItems", "minLength", "uniqueItems", "not"}
    for node in nodes(schema):
        assert not node.keys() & refused
        assert node.keys() & {"type", "anyOf", "$ref"}, node
        if node.get("type") == "object":
            assert node["additionalProperties"] is False
            assert node["required"] == list(node["properties"])
        if "$ref" in node:
            assert node.keys() == {"$ref"}
            assert node["$ref"] == "#" or node["$ref"].split("/")[-1] in schema["$defs"]
