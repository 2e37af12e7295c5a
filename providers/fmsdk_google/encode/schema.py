"""JSON Schemas in the keywords that Gemini reads.

Google ignores other keywords without a word. Its list stands at `responseJsonSchema` in
https://ai.google.dev/api/generate-content#GenerationConfig (read 2026-11-29); `enum` is for texts
and numbers there, and a `$ref` has no siblings. The parameters of functions are taken alike.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any, cast

from fmsdk.schema.json_schema import resolve_root
from fmsdk.schema.nodes import (
    Schema,
    add_limits,
    check_form,
    convert_inner_schemas,
    json_type,
    resolve_reference,
    types_of,
)
from fmsdk.validation import to_plain_json

__all__ = ["adapt_schema"]

_KEYWORDS = frozenset(
    {"$anchor", "$defs", "$id", "$ref", "additionalProperties", "anyOf", "description", "enum"}
    | {"format", "items", "maxItems", "maximum", "minItems", "minimum", "oneOf", "prefixItems"}
    | {"properties", "propertyOrdering", "required", "title", "type"}
)
_REMARKS = frozenset({"$comment", "$schema", "$vocabulary"})
_ANNOTATIONS = _REMARKS | {"default", "deprecated", "description", "example", "examples", "title"}
_STRUCTURE = frozenset({"$defs", "$ref", "allOf", "definitions"})
_OWN_NAMES = frozenset({"$anchor", "$id"})
# Keywords with schemas or references inside. A model can read them in words, but not well.
_HARD_TO_READ = frozenset(
    {"$dynamicRef", "$recursiveRef", "$ref", "allOf", "contains", "dependentRequired"}
    | {"dependentSchemas", "else", "if", "not", "patternProperties", "propertyNames", "then"}
    | {"unevaluatedItems", "unevaluatedProperties"}
)
_STRONGER: dict[str, Any] = {"maxItems": min, "maximum": min, "minItems": max, "minimum": max}
_SHORT_REFERENCE = re.compile(r"#|#/\$defs/[^/]*|#[^/]+")
_MAX_MERGED = 100  # references may hold others: the schema must not grow without a bound

Node = dict[str, Any]


def adapt_schema(schema: Schema) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The schema in keywords that Gemini reads, and the keywords that only its description holds
    and that a model may well not follow (`not`, `if`, …). The argument is not changed.

    - `const` becomes an `enum` of one value, `enum` gets its type. Booleans and null become types.
    - `allOf`, and a `$ref` with other keywords beside it, are merged into one node.
    - Exclusive bounds of integers become inclusive ones; `definitions` become `$defs`, older
      tuples `prefixItems`.
    - Other limits (`pattern`, `minLength`, `uniqueItems`, …) move into the description, where the
      model reads them.

    Raises:
        BadRequestError: the schema is not valid.
    """
    root: Node = to_plain_json(schema, "a schema")
    check_form(root)
    adapter = _Adapter(root)
    return adapter.adapt(resolve_root(root), frozenset()), tuple(sorted(adapter.unread))


class _Adapter:
    def __init__(self, root: Schema) -> None:
        self.root = root
        self.unread: set[str] = set()
        self._merge_count = 0

    def adapt(self, schema: Any, parents: frozenset[str]) -> Node:
        """A schema and those inside. `parents` are the references merged into nodes around it."""
        if isinstance(schema, bool):
            schema = {} if schema else {"not": {}}
        node, parents = self.merge(schema, parents)
        rewrite_array(node)
        limits = rewrite_bounds(node) | rewrite_values(node)
        if "patternProperties" in node and "additionalProperties" in node:
            limits["additionalProperties"] = node.pop("additionalProperties")
        for keyword in node.keys() - _KEYWORDS - _REMARKS:
            limits[keyword] = node.pop(keyword)
        if limits.get("default", ...) is None:  # pydantic gives it to every optional field
            del limits["default"]
        tag = limits.get("discriminator")
        if isinstance(tag, dict) and "propertyName" in tag:
            limits["discriminator"] = cast("Node", tag)["propertyName"]
        if "$ref" in node and (limits or any(not keyword.startswith("$") for keyword in node)):
            limits |= add_variants(node, [{"$ref": node.pop("$ref")}], "$ref")
        self.unread |= limits.keys() & _HARD_TO_READ
        is_plain = isinstance(node.get("additionalProperties"), bool)
        own = {"additionalProperties": node.pop("additionalProperties")} if is_plain else {}
        result = own | convert_inner_schemas(
            {keyword: value for keyword, value in node.items() if keyword not in _REMARKS},
            lambda inner: self.adapt(inner, parents),
        )
        add_limits(result, dict(sorted(limits.items())))
        return result

    def merge(self, schema: Schema, parents: frozenset[str]) -> tuple[Node, frozenset[str]]:
        """The schema without `allOf`, and without a reference that has siblings; and `parents`
        with the references merged. What no keyword can say stays in `allOf`."""
        definitions = {**schema.get("definitions", {}), **schema.get("$defs", {})}
        node: Node = {"$defs": definitions} if definitions else {}
        conflicts: list[Any] = []
        is_alone = all(keyword.startswith("$") for keyword in schema)
        parts: list[Any] = [schema]
        while parts:
            part = parts.pop(0)
            if isinstance(part, bool):
                conflicts += [] if part else [part]
                continue
            left_out = _STRUCTURE if part is schema else _STRUCTURE | _OWN_NAMES
            rest = {key: value for key, value in part.items() if key not in left_out}
            combination = combine_nodes(node, rest)
            node = node if combination is None else combination
            conflicts += [rest] if combination is None else []
            parts += part.get("allOf", [])
            if "$ref" not in part:
                continue
            reference = re.sub("^#/definitions/", "#/$defs/", part["$ref"])
            target = resolve_reference(part, self.root)
            is_known = target is not part
            is_final = is_alone and _SHORT_REFERENCE.fullmatch(reference)
            if (
                is_known
                and not is_final
                and reference not in parents
                and self._merge_count < _MAX_MERGED
            ):
                parents |= {reference}
                self._merge_count += 1
                parts.append(target)
            elif is_known and "$ref" not in node:
                node["$ref"] = reference
            else:
                conflicts.append({"$ref": reference})
        if conflicts:
            node["allOf"] = conflicts
        return node, parents


def combine_nodes(node: Node, part: Schema) -> Node | None:
    """One node for the values that are valid for both, with the first one's description; None
    where it cannot be written so."""
    result = dict(node)
    names = [each.get("properties", {}).keys() for each in (node, part)]
    for each, missing in ((node, names[1] - names[0]), (part, names[0] - names[1])):
        if missing and each.get("additionalProperties", True) is not True:
            return None
    if (
        {"items", "prefixItems"} & node.keys()
        and "prefixItems" in {*node, *part}
        and ({"items", "prefixItems"} & part.keys())
    ):
        return None
    for keyword, value in part.items():
        current = result.setdefault(keyword, value)
        if current != value and keyword not in _ANNOTATIONS:
            combine = _COMBINATIONS.get(keyword)
            combination = None if combine is None else combine(current, value)
            if combination is None:
                return None
            result[keyword] = combination
    return result


def combine_properties(one: Node, other: Node) -> Node:
    """The properties of both."""
    in_both = {name: {"allOf": [one[name], other[name]]} for name in one.keys() & other.keys()}
    return {**one, **other, **in_both}


def combine_types(one: str | list[str], other: str | list[str]) -> list[str] | None:
    """The types that both take."""
    sides = types_of({"type": one}), types_of({"type": other})
    types = [
        name
        for mine, others in (sides, sides[::-1])
        for name in mine
        if name in others or is_whole(name, others)
    ]
    return list(dict.fromkeys(types)) or None


_COMBINATIONS: dict[str, Callable[[Any, Any], Any]] = {
    **_STRONGER,
    "enum": lambda one, other: [
        value for value in one if any(is_same(value, each) for each in other)
    ],
    "items": lambda one, other: {"allOf": [one, other]},
    "properties": combine_properties,
    "required": lambda one, other: list(dict.fromkeys([*one, *other])),
    "type": combine_types,
}


def is_whole(name: str, types: tuple[str, ...]) -> bool:
    """Whether a type is "integer", and one of the others takes integers."""
    return name == "integer" and "number" in types


def is_same(one: object, other: object) -> bool:
    """Whether two values are equal in JSON, where `true` is not 1."""
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def rewrite_array(node: Node) -> None:
    """Give arrays the keywords of JSON Schema's newest draft."""
    rest = node.pop("additionalItems", True)
    if isinstance(node.get("items"), list):
        node["prefixItems"] = node.pop("items")
        node["items"] = rest
    if node.get("items", True) is False:
        del node["items"]
        length = len(node.get("prefixItems", ()))
        node["maxItems"] = min(length, node.get("maxItems", length))
    if node.get("uniqueItems", True) is False:
        del node["uniqueItems"]


def rewrite_bounds(node: Node) -> Node:
    """Replace exclusive bounds by inclusive ones. Returns the limits that those do not say."""
    limits: Node = {}
    for keyword, inclusive in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        edge = node.pop(keyword, False)
        if edge is True:  # an older draft, which has a number beside it
            edge = node.get(inclusive, False)
        if edge is False or not isinstance(edge, int | float):
            continue
        if types_of(node) == ("integer",):
            is_lower = inclusive == "minimum"
            value = math.floor(edge) + 1 if is_lower else math.ceil(edge) - 1
        else:
            value = limits[keyword] = edge
        node[inclusive] = _STRONGER[inclusive](node.get(inclusive, value), value)
    return limits


def rewrite_values(node: Node) -> Node:
    """Replace `const` and `enum` by typed enums. Returns the limits that those do not say."""
    if not node.keys() & {"const", "enum"}:
        return {}
    values: list[Any] = node.pop("enum") if "enum" in node else [node["const"]]
    if "const" in node:
        const = node.pop("const")
        values = [value for value in values if is_same(value, const)]
    types = types_of(node)
    groups: dict[str, list[Any]] = {}
    for value in values:
        kind = json_type(value)
        if kind == "number" and value.is_integer() and "integer" in types:
            kind = "integer"
        if not types or kind in types or is_whole(kind, types):
            groups.setdefault("number" if kind == "integer" else kind, []).append(value)
    variants: list[Node] = []
    limits: Node = {}
    for kind, members in groups.items():
        variant: Node = {"type": kind}
        if kind in ("number", "string"):
            is_integer = kind == "number" and all(json_type(each) == "integer" for each in members)
            variant = {"type": "integer" if is_integer else kind, "enum": members}
        elif kind != "null" and (kind != "boolean" or all(members) or not any(members)):
            limits = {"enum": members}
            if len(groups) > 1:
                add_limits(variant, limits)
        variants.append(variant)
    if len(variants) == 1:
        node |= variants[0]
        return limits
    if not variants:
        return {"enum": values}
    node.pop("type", None)
    return add_variants(node, variants, "enum")


def add_variants(node: Node, variants: list[Node], keyword: str) -> Node:
    """Limit a node to one of several schemas. Gemini reads `oneOf` as `anyOf`. Returns a limit for
    the description where the node has both already."""
    for union in ("anyOf", "oneOf"):
        if union not in node:
            node[union] = variants
            return {}
    return {keyword: variants}
