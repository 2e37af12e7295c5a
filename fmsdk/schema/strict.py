"""JSON Schema in the form that OpenAI's structured outputs (`strict: true`) accept, and back.

The rules are those of https://platform.openai.com/docs/guides/structured-outputs#supported-schemas.
Many compatible servers have the same rules. `fmsdk.schema.json_schema` creates the schemas.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import chain, repeat
from typing import Any, NoReturn, cast

from fmsdk.errors import BadRequestError
from fmsdk.schema.nodes import (
    Schema,
    add_limits,
    check_form,
    json_type,
    resolve_reference,
    types_of,
)
from fmsdk.validation import to_plain_json

__all__ = ["needs_wrapping", "resolve_root", "strict", "without_nulls"]

# Keywords that strict mode accepts unchanged, and those with schemas inside, which are converted.
_UNCHANGED_KEYWORDS = frozenset(
    {"$ref", "const", "description", "enum", "exclusiveMaximum", "exclusiveMinimum", "maxItems"}
    | {"maximum", "minItems", "minimum", "multipleOf", "title", "type"}
)
_SCHEMA_KEYWORDS = frozenset(
    {"$defs", "additionalProperties", "allOf", "anyOf", "definitions", "items", "oneOf"}
    | {"prefixItems", "properties", "required"}
)
_FORMATS = frozenset(
    {"date", "date-time", "duration", "email", "hostname", "ipv4", "ipv6", "time", "uuid"}
)
# Keywords that do not limit a value. OpenAI refuses them, and no answer depends on them.
_REMARKS = frozenset(
    {"$anchor", "$comment", "$id", "$schema", "default", "deprecated", "discriminator"}
    | {"example", "examples", "readOnly", "writeOnly"}
)
_UNSUPPORTED_KEYWORDS = frozenset(
    {"dependentRequired", "dependentSchemas", "else", "if", "not", "patternProperties", "then"}
)
_LOOKAROUND = ("(?=", "(?!", "(?<=", "(?<!")
_TELLS_TYPE = frozenset({"$ref", "allOf", "anyOf", "const", "enum", "oneOf", "type"})


def strict(schema: Schema) -> dict[str, Any]:
    """The strict form of a schema whose root is an object. The argument is not changed.

    - Every object is closed (`additionalProperties: false`) and all its properties are required.
      Optional properties may be null instead; `without_nulls` removes such nulls from an answer.
    - `oneOf` becomes `anyOf`; an `allOf` of one is merged; tuples (`prefixItems`) become arrays of
      any of their types; `enum` and `const` get their `type`; definitions stay, as `$defs`.
    - `default`, `examples`, `$comment`, `discriminator`, … are dropped.
    - Limits that OpenAI refuses (`minLength`, `maxLength`, `uniqueItems`, `minProperties`,
      unknown `format`s, patterns with lookaround, …) move into the description, where the model
      reads them. Parsing the answer enforces them.

    Raises:
        BadRequestError: the schema is invalid, or has no strict form: values of any kind,
            free-form keys, `not`, `if`, an `allOf` of several, references to other documents, or
            a root that is not an object.
    """
    schema = to_plain_json(schema, "a schema")
    check_form(schema)
    if needs_wrapping(schema):
        raise BadRequestError(
            "a strict schema has an object at its root; wrap it with output_schema"
        )
    root = resolve_root(schema)
    definitions = {**root.get("definitions", {}), **root.get("$defs", {})}
    result = _strict(root, "$")
    if definitions:
        result["$defs"] = {
            name: _strict(definition, f"$.$defs.{name}") for name, definition in definitions.items()
        }
    return result


def resolve_root(schema: Schema) -> dict[str, Any]:
    """The schema with the definition at its root, where the root is a reference to one. The
    definition itself stays only if another reference to it exists."""
    reference = schema.get("$ref")
    if not isinstance(reference, str):
        return dict(schema)
    siblings = {key: value for key, value in schema.items() if key != "$ref"}
    root = {**resolve_reference(schema, schema), **siblings}
    for group in ("$defs", "definitions"):
        name = reference.removeprefix(f"#/{group}/")
        if name in root.get(group, {}) and not _refers(root, reference):
            root[group] = {key: value for key, value in root[group].items() if key != name}
            if not root[group]:
                del root[group]
    return root


def needs_wrapping(schema: Schema) -> bool:
    """Whether the root is not one object. Vendors refuse any other answer."""
    root = resolve_root(schema)
    return root.get("type") != "object" or bool(root.keys() & {"anyOf", "oneOf"})


def without_nulls(value: Any, schema: Schema) -> Any:
    """The answer to `strict(schema)` as an answer to `schema`: without the nulls that stand for
    absent optional properties, where the property cannot be null."""
    return _without_nulls(value, schema, schema)


def _refers(node: object, reference: str) -> bool:
    if isinstance(node, Mapping):
        inner = cast("Schema", node)
        return inner.get("$ref") == reference or any(_refers(v, reference) for v in inner.values())
    return isinstance(node, list) and any(
        _refers(item, reference) for item in cast("list[object]", node)
    )


def _raise_not_strict(where: str, why: str, advice: str) -> NoReturn:
    raise BadRequestError(f"the schema cannot be made strict: {why} (at {where}). {advice}")


def _strict(schema: object, where: str) -> dict[str, Any]:
    node = _merge_all_of(schema, where)
    result: dict[str, Any] = {}
    limits: dict[str, Any] = {}
    for keyword, value in node.items():
        is_supported = (keyword == "format" and value in _FORMATS) or (
            keyword == "pattern" and not any(token in value for token in _LOOKAROUND)
        )
        if keyword in _UNCHANGED_KEYWORDS or is_supported:
            result[keyword] = value
        elif keyword in _UNSUPPORTED_KEYWORDS:
            _raise_not_strict(where, f"it uses {keyword!r}", "Use types and anyOf instead")
        elif keyword not in _SCHEMA_KEYWORDS | _REMARKS:
            limits[keyword] = value
    if "properties" in node or "object" in types_of(node):
        result |= _strict_object(node, where)
    if "prefixItems" in node or "array" in types_of(node):
        result |= _strict_array(node, where)
    for keyword in ("anyOf", "oneOf"):
        if keyword in node:
            result["anyOf"] = [_strict(variant, where) for variant in node[keyword]]
    add_limits(result, limits)
    return _isolate_reference(_add_type(result, where), where)


def _merge_all_of(schema: object, where: str) -> Schema:
    """The node, into which an `allOf` of one is merged."""
    if not isinstance(schema, Mapping) or not schema.keys() - _REMARKS - {"title", "description"}:
        _raise_not_strict(where, "it takes values of any kind", "Give it a type")
    node = cast("Schema", schema)
    parts = node.get("allOf", ())
    if len(parts) > 1:
        _raise_not_strict(where, "it uses 'allOf'", "Write the parts as one object")
    if not parts:
        return node
    if not isinstance(parts[0], Mapping):
        _raise_not_strict(where, "it uses 'allOf'", "Write the parts as one object")
    rest = {key: value for key, value in node.items() if key != "allOf"}
    return _merge_all_of({**cast("Schema", parts[0]), **rest}, where)


def _strict_object(node: Schema, where: str) -> dict[str, Any]:
    properties: Schema = node.get("properties", {})
    if node.get("additionalProperties", "properties" not in node) is not False:
        advice = "Give the keys as properties, or use a list of key and value"
        _raise_not_strict(where, "its keys are free-form", advice)
    required_names = frozenset(node.get("required", ()))
    result: dict[str, Any] = {}
    for name, inner in properties.items():
        schema = _strict(inner, f"{where}.{name}")
        if name not in required_names and not _takes_null(schema, {}):
            variants = schema["anyOf"] if schema.keys() == {"anyOf"} else [schema]
            schema = {"anyOf": [*variants, {"type": "null"}]}
        result[name] = schema
    return {"properties": result, "required": list(result), "additionalProperties": False}


def _strict_array(node: Schema, where: str) -> dict[str, Any]:
    inside = f"{where}[]"
    if "prefixItems" not in node:
        return {"items": _strict(node.get("items"), inside)}
    kinds: list[dict[str, Any]] = []
    for position in node["prefixItems"]:
        kind = _strict(position, inside)
        if kind not in kinds:
            kinds.append(kind)
    return {"items": kinds[0] if len(kinds) == 1 else {"anyOf": kinds}}


def _add_type(node: dict[str, Any], where: str) -> dict[str, Any]:
    """Add the `type` that OpenAI requires beside `enum` and `const`, and that msgspec omits."""
    if not node.keys() & {"type", "$ref", "anyOf"}:
        values = node["enum"] if "enum" in node else [node["const"]] if "const" in node else []
        types = list(dict.fromkeys(map(json_type, values)))
        if not types or {"array", "object"} & {*types}:
            _raise_not_strict(where, "it takes values of any kind", "Give it a type")
        node["type"] = types[0] if len(types) == 1 else types
    return node


def _isolate_reference(node: dict[str, Any], where: str) -> dict[str, Any]:
    """A reference has no siblings in strict mode: they move to an `anyOf` around it."""
    reference = node.get("$ref")
    if reference is None:
        return node
    target = str(reference).replace("#/definitions/", "#/$defs/")
    if target != "#" and not target.startswith("#/$defs/"):
        _raise_not_strict(where, f"it refers to {target!r}", "Put its target under $defs")
    siblings = {key: value for key, value in node.items() if key != "$ref"}
    return {"anyOf": [{"$ref": target}], **siblings} if siblings else {"$ref": target}


def _takes_null(schema: object, root: Schema) -> bool:
    node = resolve_reference(schema, root)
    if not node.keys() & _TELLS_TYPE or "null" in types_of(node):
        return True
    if node.get("const", ...) is None or None in node.get("enum", ()):
        return True
    return any(_takes_null(variant, root) for variant in _variants(node))


def _variants(node: Schema) -> Iterable[Schema]:
    return (*node.get("anyOf", ()), *node.get("oneOf", ()), *node.get("allOf", ()))


def _without_nulls(value: Any, schema: object, root: Schema) -> Any:
    node = resolve_reference(schema, root)
    for variant in _variants(node):
        if _matches_variant(value, variant, root):
            return _without_nulls(value, variant, root)
    if isinstance(value, list):
        items = cast("list[Any]", value)
        kinds = chain(node.get("prefixItems", ()), repeat(node.get("items")))
        return [_without_nulls(item, kind, root) for item, kind in zip(items, kinds, strict=False)]
    if not isinstance(value, dict):
        return value
    pairs = cast("dict[str, Any]", value)
    properties: Schema = node.get("properties", {})
    return {
        name: _without_nulls(inner, properties.get(name, {}), root)
        for name, inner in pairs.items()
        if inner is not None
        or name not in properties
        or name in node.get("required", ())
        or _takes_null(properties[name], root)
    }


def _matches_variant(value: Any, variant: object, root: Schema) -> bool:
    """Whether the value is of this variant of a union, by its keys and tags."""
    node = resolve_reference(variant, root)
    if isinstance(value, list):
        return "array" in types_of(node)
    if not isinstance(value, dict):
        return False
    pairs = cast("dict[str, Any]", value)
    properties: Schema = node.get("properties", {})
    if not pairs.keys() <= properties.keys():
        return False
    for name, inner in pairs.items():
        inner_node = resolve_reference(properties[name], root)
        values = inner_node.get("enum", [inner_node.get("const", inner)])
        if inner is not None and inner not in values:
            return False
    return True
