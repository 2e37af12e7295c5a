"""JSON Schema in the form that OpenAI's structured outputs (`strict: true`) accept, and back.

The rules are those of https://platform.openai.com/docs/guides/structured-outputs#supported-schemas.
Many compatible servers share them. `fmsdk.schema.json_schema` makes the schemas themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import chain, repeat
from typing import Any, NoReturn, cast

from fmsdk.errors import BadRequestError
from fmsdk.validation import plain_of

__all__ = ["check_form", "needs_wrapping", "rooted", "strict", "without_nulls"]

Schema = Mapping[str, Any]

# What strict mode takes as it stands; the keywords with schemas inside are rebuilt one by one.
_KEPT = frozenset(
    {"$ref", "const", "description", "enum", "exclusiveMaximum", "exclusiveMinimum", "maxItems"}
    | {"maximum", "minItems", "minimum", "multipleOf", "title", "type"}
)
_REBUILT = frozenset(
    {"$defs", "additionalProperties", "allOf", "anyOf", "definitions", "items", "oneOf"}
    | {"prefixItems", "properties", "required"}
)
_FORMATS = frozenset(
    {"date", "date-time", "duration", "email", "hostname", "ipv4", "ipv6", "time", "uuid"}
)
# Remarks about a value that do not limit it: OpenAI refuses them, and no answer differs by them.
_REMARKS = frozenset(
    {"$anchor", "$comment", "$id", "$schema", "default", "deprecated", "discriminator"}
    | {"example", "examples", "readOnly", "writeOnly"}
)
_IMPOSSIBLE = frozenset(
    {"dependentRequired", "dependentSchemas", "else", "if", "not", "patternProperties", "then"}
)
_LOOKAROUND = ("(?=", "(?!", "(?<=", "(?<!")
_JSON_TYPES: dict[type, str] = {
    str: "string",
    bool: "boolean",
    int: "integer",
    float: "number",
    type(None): "null",
}
# What a keyword holds: schemas by name, a list of them, one, or text.
_WITH_NAMES = frozenset(
    {"$defs", "definitions", "dependentSchemas", "patternProperties", "properties"}
)
_WITH_LIST = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_WITH_ONE = frozenset(
    {"additionalProperties", "contains", "else", "if", "items", "not", "propertyNames", "then"}
)
_TEXTS = frozenset({"$ref", "format", "pattern"})
_TELLS_TYPE = frozenset({"$ref", "allOf", "anyOf", "const", "enum", "oneOf", "type"})


def check_form(given: object, where: str = "$") -> None:
    """Raise BadRequestError for a schema, in plain values, whose keywords hold what they never
    do (`"required": 5`); `where` is its place in the whole."""
    if isinstance(given, bool):
        return
    node = cast("Schema", _of(dict, given, "a schema is an object", where))
    for keyword in _WITH_NAMES & node.keys():
        named = _of(dict, node[keyword], f"{keyword!r} is an object of schemas", where)
        for name, inner in named.items():
            check_form(inner, f"{where}.{name}")
    for keyword in _WITH_LIST & node.keys():
        for inner in _of(list, node[keyword], f"{keyword!r} is a list of schemas", where):
            check_form(inner, f"{where}.{keyword}")
    for keyword in _WITH_ONE & node.keys():
        held: Any = node[keyword]  # older drafts have a list of `items`
        is_list = isinstance(held, list) and keyword == "items"
        for inner in cast("list[Any]", held if is_list else [held]):
            check_form(inner, f"{where}.{keyword}")
    _check_values(node, where)


def _check_values(node: Schema, where: str) -> None:
    for keyword in _TEXTS & node.keys():
        _of(str, node[keyword], f"{keyword!r} is text", where)
    _of(list, node.get("enum", []), "'enum' is a list", where)
    types = node.get("type", [])
    for keyword, texts in (
        ("required", node.get("required", [])),
        ("type", [types] if isinstance(types, str) else types),
    ):
        for text in _of(list, texts, f"{keyword!r} is a list of names", where):
            _of(str, text, f"{keyword!r} names what is text", where)


def _of(kind: type, value: Any, told: str, where: str) -> Any:
    if not isinstance(value, kind):
        raise BadRequestError(
            f"the schema is not valid: {told}, not {type(value).__name__} (at {where})"
        )
    return value


def strict(schema: Schema) -> dict[str, Any]:
    """The strict form of a schema whose root is an object; the one given is left alone.

    - Every object is closed (`additionalProperties: false`) and all its properties are required.
      What was optional may be null instead; `without_nulls` takes such nulls out of an answer.
    - `oneOf` becomes `anyOf`; an `allOf` of one is merged; tuples (`prefixItems`) become arrays of
      any of their types; `enum` and `const` get their `type`; definitions stay, as `$defs`.
    - Remarks (`default`, `examples`, `$comment`, `discriminator`, …) are dropped.
    - Limits that OpenAI refuses (`minLength`, `maxLength`, `uniqueItems`, `minProperties`,
      unknown `format`s, patterns with lookaround, …) move into the description, so that the model
      still hears of them; parsing the answer still enforces them.

    Raises:
        BadRequestError: it cannot be made strict: values of any kind, free-form keys, `not`,
            `if`, an `allOf` of several, references to elsewhere, a root that is no object; or it
            is no valid schema.
    """
    schema = plain_of(schema, "a schema")
    check_form(schema)
    if needs_wrapping(schema):
        raise BadRequestError("a strict schema has an object at its root; output_schema wraps it")
    root = rooted(schema)
    definitions = {**root.get("definitions", {}), **root.get("$defs", {})}
    result = _strict(root, "$")
    if definitions:
        result["$defs"] = {
            name: _strict(definition, f"$.$defs.{name}") for name, definition in definitions.items()
        }
    return result


def rooted(schema: Schema) -> dict[str, Any]:
    """The schema with its root written out, where that is a reference to a definition; the
    definition itself stays only where something else refers to it."""
    reference = schema.get("$ref")
    if not isinstance(reference, str):
        return dict(schema)
    siblings = {key: value for key, value in schema.items() if key != "$ref"}
    root = {**_resolved(schema, schema), **siblings}
    for group in ("$defs", "definitions"):
        name = reference.removeprefix(f"#/{group}/")
        if name in root.get(group, {}) and not _refers(root, reference):
            root[group] = {key: value for key, value in root[group].items() if key != name}
            if not root[group]:
                del root[group]
    return root


def needs_wrapping(schema: Schema) -> bool:
    """Whether the root is something else than one object, which vendors refuse as an answer."""
    root = rooted(schema)
    return root.get("type") != "object" or bool(root.keys() & {"anyOf", "oneOf"})


def without_nulls(value: Any, schema: Schema) -> Any:
    """The answer to `strict(schema)` as an answer to `schema`: a null in the place of an optional
    property that may not be null says that the property was left out."""
    return _without_nulls(value, schema, schema)


def _refers(node: object, reference: str) -> bool:
    if isinstance(node, Mapping):
        inner = cast("Schema", node)
        return inner.get("$ref") == reference or any(_refers(v, reference) for v in inner.values())
    return isinstance(node, list) and any(
        _refers(item, reference) for item in cast("list[object]", node)
    )


def _refuse(where: str, why: str, way_out: str) -> NoReturn:
    raise BadRequestError(f"the schema cannot be made strict: {why} (at {where}). {way_out}")


def _strict(given: object, where: str) -> dict[str, Any]:
    node = _merged(given, where)
    result: dict[str, Any] = {}
    limits: list[str] = []
    for keyword, value in node.items():
        if keyword in _KEPT or _is_taken(keyword, value):
            result[keyword] = value
        elif keyword in _IMPOSSIBLE:
            _refuse(where, f"it uses {keyword!r}", "Say it with types and anyOf instead")
        elif keyword not in _REBUILT | _REMARKS:
            limits.append(f"{keyword}: {value}")
    if "properties" in node or "object" in _types(node):
        result |= _object(node, where)
    if "prefixItems" in node or "array" in _types(node):
        result |= _array(node, where)
    for keyword in ("anyOf", "oneOf"):
        if keyword in node:
            result["anyOf"] = [_strict(variant, where) for variant in node[keyword]]
    if limits:
        told = str(result.get("description", ""))
        result["description"] = f"{told} ({'; '.join(limits)})".strip()
    return _referenced(_typed(result, where), where)


def _merged(given: object, where: str) -> Schema:
    """The node with an `allOf` of one merged into it."""
    if not isinstance(given, Mapping) or not given.keys() - _REMARKS - {"title", "description"}:
        _refuse(where, "it takes values of any kind", "Give it a type")
    node = cast("Schema", given)
    parts = node.get("allOf", ())
    if len(parts) > 1:
        _refuse(where, "it uses 'allOf'", "Write the parts as one object")
    if not parts:
        return node
    if not isinstance(parts[0], Mapping):
        _refuse(where, "it uses 'allOf'", "Write the parts as one object")
    rest = {key: value for key, value in node.items() if key != "allOf"}
    return _merged({**cast("Schema", parts[0]), **rest}, where)


def _is_taken(keyword: str, value: Any) -> bool:
    if keyword == "pattern":
        return not any(token in value for token in _LOOKAROUND)
    return keyword == "format" and value in _FORMATS


def _type_of(value: object) -> type:
    return type(value)


def _types(node: Schema) -> tuple[str, ...]:
    types = node.get("type", ())
    return (types,) if isinstance(types, str) else tuple(types)


def _object(node: Schema, where: str) -> dict[str, Any]:
    properties: Schema = node.get("properties", {})
    if node.get("additionalProperties", "properties" not in node) is not False:
        way_out = "Give the keys as properties, or use a list of key and value"
        _refuse(where, "its keys are free-form", way_out)
    required = frozenset(node.get("required", ()))
    closed: dict[str, Any] = {}
    for name, inner in properties.items():
        made = _strict(inner, f"{where}.{name}")
        closed[name] = made if name in required else _nullable(made)
    return {"properties": closed, "required": list(closed), "additionalProperties": False}


def _array(node: Schema, where: str) -> dict[str, Any]:
    inside = f"{where}[]"
    if "prefixItems" not in node:
        return {"items": _strict(node.get("items"), inside)}
    kinds: list[dict[str, Any]] = []
    for position in node["prefixItems"]:
        kind = _strict(position, inside)
        if kind not in kinds:
            kinds.append(kind)
    return {"items": kinds[0] if len(kinds) == 1 else {"anyOf": kinds}}


def _typed(node: dict[str, Any], where: str) -> dict[str, Any]:
    """Give `enum` and `const` the `type` that OpenAI asks for, and msgspec leaves out."""
    if not node.keys() & {"type", "$ref", "anyOf"}:
        values = node["enum"] if "enum" in node else [node["const"]] if "const" in node else []
        types = list(dict.fromkeys(_JSON_TYPES.get(_type_of(value), "object") for value in values))
        if not types or "object" in types:
            _refuse(where, "it takes values of any kind", "Give it a type")
        node["type"] = types[0] if len(types) == 1 else types
    return node


def _referenced(node: dict[str, Any], where: str) -> dict[str, Any]:
    """A reference stands alone in strict mode, so that its siblings go around it."""
    reference = node.get("$ref")
    if reference is None:
        return node
    target = str(reference).replace("#/definitions/", "#/$defs/")
    if target != "#" and not target.startswith("#/$defs/"):
        _refuse(where, f"it refers to {target!r}", "Put what it refers to under $defs")
    siblings = {key: value for key, value in node.items() if key != "$ref"}
    return {"anyOf": [{"$ref": target}], **siblings} if siblings else {"$ref": target}


def _nullable(node: dict[str, Any]) -> dict[str, Any]:
    if _takes_null(node, {}):
        return node
    variants = node["anyOf"] if node.keys() == {"anyOf"} else [node]
    return {"anyOf": [*variants, {"type": "null"}]}


def _takes_null(given: object, root: Schema) -> bool:
    node = _resolved(given, root)
    if not node.keys() & _TELLS_TYPE or "null" in _types(node):
        return True
    if node.get("const", ...) is None or None in node.get("enum", ()):
        return True
    return any(_takes_null(variant, root) for variant in _variants(node))


def _resolved(given: object, root: Schema) -> Schema:
    """What a node refers to; itself, where it refers to nothing that can be found in `root`."""
    if not isinstance(given, Mapping):  # `true` takes anything
        return {}
    node = cast("Schema", given)
    reference = node.get("$ref")
    if not isinstance(reference, str):
        return node
    found: Any = root
    for key in reference.removeprefix("#").split("/")[1:]:
        name = key.replace("~1", "/").replace("~0", "~")
        found = cast("Schema", found).get(name) if isinstance(found, Mapping) else None
    return cast("Schema", found) if found and isinstance(found, Mapping) else node


def _variants(node: Schema) -> Iterable[Schema]:
    return (*node.get("anyOf", ()), *node.get("oneOf", ()), *node.get("allOf", ()))


def _without_nulls(value: Any, given: object, root: Schema) -> Any:
    node = _resolved(given, root)
    for variant in _variants(node):
        if _fits(value, variant, root):
            return _without_nulls(value, variant, root)
    if isinstance(value, list):
        items = cast("list[Any]", value)
        kinds = chain(node.get("prefixItems", ()), repeat(node.get("items")))
        return [_without_nulls(item, kind, root) for item, kind in zip(items, kinds, strict=False)]
    if not isinstance(value, dict):
        return value
    pairs = cast("dict[str, Any]", value)
    return {
        name: _without_nulls(inner, node.get("properties", {}).get(name, {}), root)
        for name, inner in pairs.items()
        if inner is not None or not _stands_for_absence(name, node, root)
    }


def _stands_for_absence(name: str, node: Schema, root: Schema) -> bool:
    properties: Schema = node.get("properties", {})
    if name not in properties or name in node.get("required", ()):
        return False
    return not _takes_null(properties[name], root)


def _fits(value: Any, given: object, root: Schema) -> bool:
    """Whether this variant of a union is the one the value is of, by its keys and tags."""
    node = _resolved(given, root)
    if isinstance(value, list):
        return "array" in _types(node)
    if not isinstance(value, dict):
        return False
    pairs = cast("dict[str, Any]", value)
    properties: Schema = node.get("properties", {})
    return pairs.keys() <= properties.keys() and all(
        inner is None or inner in _allowed(properties[name], inner, root)
        for name, inner in pairs.items()
    )


def _allowed(given: object, value: Any, root: Schema) -> Iterable[Any]:
    node = _resolved(given, root)
    return node.get("enum", [node.get("const", value)])
