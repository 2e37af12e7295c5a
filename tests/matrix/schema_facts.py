"""What a JSON Schema says, in facts that survive rewriting: references written out, optional as
null or not required, limits as keywords or, where the vendor refuses those, in the description."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["SchemaFact", "schema_facts"]

SchemaFact = tuple[str, str, str]
"""Where ("$.city"), which keyword, its value."""

_LIMITS = re.compile(r"^(.*?) ?\((\w+: [^()]*)\)$", re.DOTALL)
# Remarks limit nothing; structure is walked, not compared.
_IGNORED = frozenset(
    {"title", "default", "examples", "$schema", "$comment", "$id", "$defs", "definitions", "$ref"}
    | {"anyOf", "oneOf", "allOf", "properties", "items", "prefixItems", "propertyOrdering"}
)
_DEEPEST = 8


def schema_facts(schema: Mapping[str, Any]) -> frozenset[SchemaFact]:
    """The facts of a schema."""
    return frozenset(_facts(schema, "$", schema, 0))


def _facts(
    given: Mapping[str, Any], where: str, root: Mapping[str, Any], depth: int
) -> Iterator[SchemaFact]:
    if depth > _DEEPEST:
        return
    node = _written_out(given, root)
    for keyword, value in node.items():
        if keyword not in _IGNORED:
            yield from _keyword(keyword, value, where, root, depth)
    for name, inner in node.get("properties", {}).items():
        yield from _facts(inner, f"{where}.{name}", root, depth + 1)
    if isinstance(node.get("items"), Mapping):
        yield from _facts(node["items"], f"{where}[]", root, depth + 1)
    variants = [v for v in (*node.get("anyOf", ()), *node.get("oneOf", ())) if not _is_null(v)]
    for number, variant in enumerate(variants):
        place = where if len(variants) == 1 else f"{where}|{number}"
        yield from _facts(variant, place, root, depth + 1)


def _keyword(
    keyword: str, value: Any, where: str, root: Mapping[str, Any], depth: int
) -> Iterator[SchemaFact]:
    match keyword:
        case "type":
            kinds = value if isinstance(value, list) else [value]
            yield from ((where, "type", k.lower()) for k in kinds if k.lower() != "null")
        case "required":
            yield from ((f"{where}.{name}", "required", "") for name in value)
        case "enum":
            yield from ((where, "enum", str(one)) for one in value if one is not None)
        case "const":
            yield where, "enum", str(value)
        case "description":
            yield from _described(value, where)
        case "additionalProperties" if isinstance(value, Mapping):
            yield from _facts(value, f"{where}.*", root, depth + 1)
        case "additionalProperties":
            yield from [] if value else [(where, "closed", "")]
        case "nullable":
            pass
        case _:
            yield where, keyword, str(value)


def _described(text: str, where: str) -> Iterator[SchemaFact]:
    """A description, and the limits at its end: "The city (minLength: 3; maxLength: 9)"."""
    if found := _LIMITS.match(text):
        text = found[1]
        for limit in found[2].split("; "):
            keyword, _, value = limit.partition(": ")
            yield where, keyword, value
    if text:
        yield where, "description", text


def _written_out(given: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any]:
    """The node with its reference, and an `allOf` of one, merged into it."""
    node: dict[str, Any] = dict(given)
    if "$ref" in node:
        target: Any = root
        for key in node["$ref"].removeprefix("#").split("/")[1:]:
            target = target[key]
        node = {**target, **node}
    for part in node.get("allOf", ()):
        node = {**_written_out(part, root), **node}
    return node


def _is_null(node: Mapping[str, Any]) -> bool:
    return str(node.get("type")).lower() == "null"
