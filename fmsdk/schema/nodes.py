"""The nodes of a JSON Schema: their form, their references, the schemas inside of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, cast

from fmsdk.errors import BadRequestError

__all__ = [
    "Schema",
    "add_limits",
    "check_form",
    "convert_inner_schemas",
    "json_type",
    "resolve_reference",
    "types_of",
]

Schema = Mapping[str, Any]

# The content of keywords: schemas by name, a list of schemas, one schema, or text.
_WITH_NAMES = frozenset(
    {"$defs", "definitions", "dependentSchemas", "patternProperties", "properties"}
)
_WITH_LIST = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_WITH_ONE = frozenset(
    {"additionalProperties", "contains", "else", "if", "items", "not", "propertyNames", "then"}
)
_TEXTS = frozenset({"$ref", "format", "pattern"})
_JSON_TYPES: dict[type, str] = {
    str: "string",
    bool: "boolean",
    int: "integer",
    float: "number",
    type(None): "null",
    list: "array",
}


def check_form(schema: object, where: str = "$") -> None:
    """Raise BadRequestError for a schema, in plain values, with a keyword of the wrong kind
    (`"required": 5`). `where` is its place in the outermost schema."""
    if isinstance(schema, bool):
        return
    node = cast("Schema", _require_kind(dict, schema, "a schema is an object", where))
    for keyword in _WITH_NAMES & node.keys():
        schemas = _require_kind(dict, node[keyword], f"{keyword!r} is an object of schemas", where)
        for name, inner in schemas.items():
            check_form(inner, f"{where}.{name}")
    for keyword in _WITH_LIST & node.keys():
        for inner in _require_kind(list, node[keyword], f"{keyword!r} is a list of schemas", where):
            check_form(inner, f"{where}.{keyword}")
    for keyword in _WITH_ONE & node.keys():
        content: Any = node[keyword]  # older drafts have a list of `items`
        is_list = isinstance(content, list) and keyword == "items"
        for inner in cast("list[Any]", content if is_list else [content]):
            check_form(inner, f"{where}.{keyword}")
    for keyword in _TEXTS & node.keys():
        _require_kind(str, node[keyword], f"{keyword!r} is text", where)
    _require_kind(list, node.get("enum", []), "'enum' is a list", where)
    types = node.get("type", [])
    for keyword, texts in (
        ("required", node.get("required", [])),
        ("type", [types] if isinstance(types, str) else types),
    ):
        for text in _require_kind(list, texts, f"{keyword!r} is a list of names", where):
            _require_kind(str, text, f"{keyword!r} names what is text", where)


def _require_kind(kind: type, value: Any, text: str, where: str) -> Any:
    if not isinstance(value, kind):
        raise BadRequestError(
            f"the schema is not valid: {text}, not {type(value).__name__} (at {where})"
        )
    return value


def convert_inner_schemas(node: Schema, convert: Callable[[Any], Any]) -> dict[str, Any]:
    """A node in which `convert` replaces each schema directly inside. Values that only look like
    schemas, such as those of `enum` and `default`, stay."""
    result: dict[str, Any] = {}
    for keyword, value in node.items():
        if keyword in _WITH_NAMES:
            result[keyword] = {name: convert(inner) for name, inner in value.items()}
        elif keyword in _WITH_LIST or (keyword in _WITH_ONE and isinstance(value, list)):
            result[keyword] = [convert(inner) for inner in cast("list[Any]", value)]
        else:
            result[keyword] = convert(value) if keyword in _WITH_ONE else value
    return result


def add_limits(node: dict[str, Any], limits: Schema) -> None:
    """Tell a node's description of keywords that the vendor does not read, so that the model
    reads them: "A page. (minLength: 3; uniqueItems: true)"."""
    if limits:
        texts = [
            f"{keyword}: {value if isinstance(value, str) else json.dumps(value)}"
            for keyword, value in limits.items()
        ]
        node["description"] = f"{node.get('description', '')} ({'; '.join(texts)})".strip()


def json_type(value: object) -> str:
    """JSON Schema's name of a plain value's type; "integer" for whole numbers without a point."""
    return _JSON_TYPES.get(type(value), "object")


def types_of(node: Schema) -> tuple[str, ...]:
    """The types that a node names."""
    types = node.get("type", ())
    return (types,) if isinstance(types, str) else tuple(types)


def resolve_reference(schema: object, root: Schema) -> Schema:
    """The target of a node's reference; the node itself if it has none in `root`."""
    if not isinstance(schema, Mapping):  # `true` accepts anything
        return {}
    node = cast("Schema", schema)
    reference = node.get("$ref")
    if not isinstance(reference, str):
        return node
    target: Any = root
    for key in reference.removeprefix("#").split("/")[1:]:
        name = key.replace("~1", "/").replace("~0", "~")
        target = cast("Schema", target).get(name) if isinstance(target, Mapping) else None
    return cast("Schema", target) if target and isinstance(target, Mapping) else node
