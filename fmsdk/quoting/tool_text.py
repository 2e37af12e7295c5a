"""Tools, calls and output schemas as the text that each vendor shows its model.

Vendors bill that text, not the JSON that was sent. OpenAI writes a TypeScript namespace (published
with its Harmony format), Anthropic a JSON object for each tool and tags for each call, Gemini since
3 the format of Google's FunctionGemma, Gemini 2.5 the declaration's JSON. Vertex, and Gemini before
2.5, count the strings alone. Knows no tokens.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, cast

from fmsdk.request import Tool
from fmsdk.validation import encode_json

__all__ = [
    "ESCAPE",
    "compact_json",
    "gemini_declaration",
    "gemini_text",
    "inline_references",
    "json_declaration",
    "namespace_text",
    "response_format_text",
    "schema_strings",
    "strings_of",
    "tagged_call",
]

Schema = Mapping[str, Any]

_PLAIN_TYPES = {name: name for name in ("number", "string", "boolean", "null")}
_PLAIN_TYPES["integer"] = "number"
ESCAPE = "\N{OBJECT REPLACEMENT CHARACTER}"
"""Stands for a token of its own, <escape>, around Gemini's strings."""


def compact_json(value: Any) -> str:
    """A value as JSON without spaces."""
    return encode_json(value).decode()


def namespace_text(tools: Iterable[Tool]) -> str:
    """The tools as OpenAI's TypeScript namespace."""
    lines = ["# Tools\n\n## functions\n\nnamespace functions {\n"]
    for tool in tools:
        lines += [f"// {line}" for line in tool.description.splitlines()]
        parameters = _typescript({"type": "object", **inline_references(tool.parameters)})
        lines.append(f"type {tool.name} = (_: {parameters}) => any;\n")
    lines.append("} // namespace functions")
    return "\n".join(lines)


def inline_references(schema: Schema) -> Schema:
    """The schema with each definition in the places that refer to it, as vendors show it; what is
    within itself, or is not there, allows anything.

    Raises:
        RecursionError: there are more than 10,000 such places, as where each of twenty
            definitions refers to the next one twice.
    """
    definitions: Any = schema.get("$defs") or schema.get("definitions")
    if not isinstance(definitions, Mapping):
        return schema
    known = cast("Schema", definitions)
    places = 0

    def inline(value: Any, within: frozenset[str]) -> Any:
        nonlocal places
        if isinstance(value, Mapping):
            fields = dict(cast("Schema", value))
            if not isinstance(reference := fields.get("$ref"), str):
                return {key: inline(item, within) for key, item in fields.items()}
            places += 1
            if places > _MOST_PLACES:
                raise RecursionError(f"more than {_MOST_PLACES:,} references")
            del fields["$ref"]
            name = reference.rpartition("/")[2]
            definition: Any = None if name in within else inline(known.get(name), within | {name})
            if isinstance(definition, Mapping):
                return {**cast("Schema", definition), **inline(fields, within)}
            return inline(fields, within)
        if isinstance(value, list):
            return [inline(item, within) for item in cast("list[Any]", value)]
        return value

    fields = {k: v for k, v in schema.items() if k not in ("$defs", "definitions")}
    return cast("Schema", inline(fields, frozenset()))


_MOST_PLACES = 10_000


def _typescript(schema: Any) -> str:
    """A schema without references as a type."""
    if not isinstance(schema, Mapping):
        return "any"
    fields = cast("Schema", schema)
    values: Any = [fields["const"]] if "const" in fields else fields.get("enum")
    if isinstance(values, list):
        values = cast("list[Any]", values)
        return " | ".join(json.dumps(value, ensure_ascii=False) for value in values)
    for key in ("anyOf", "oneOf"):
        if isinstance(choices := fields.get(key), list):
            choices = cast("list[Any]", choices)
            return " | ".join(_typescript(choice) for choice in choices)
    kind = fields.get("type")
    if isinstance(kind, list):
        kinds = cast("list[Any]", kind)
        return " | ".join(_typescript({**fields, "type": each}) for each in kinds)
    if kind == "array":
        return f"{_typescript(fields.get('items'))}[]"
    if kind == "object":
        comment = f"// {fields['description']}\n" if fields.get("description") else ""
        return f"{comment}{{\n{''.join(_typescript_fields(fields))}}}"
    return _PLAIN_TYPES.get(str(kind), "any")


def _typescript_fields(schema: Schema) -> Iterator[str]:
    required_names = schema.get("required") or ()
    for name, field in _properties(schema):
        if field.get("title"):
            yield f"// {field['title']}\n//\n"
        if field.get("description") and field.get("type") != "object":
            yield from (f"// {line}\n" for line in str(field["description"]).splitlines())
        default = f" // default: {field['default']}" if "default" in field else ""
        optional = "" if name in required_names else "?"
        yield f"{name}{optional}: {_typescript(field)},{default}\n"


def response_format_text(name: str, schema: Schema) -> str:
    """The output's schema as OpenAI shows it: what every strict schema has is left out."""
    unseen = ("required", "additionalProperties", "$schema")
    visible_schema = {key: value for key, value in schema.items() if key not in unseen}
    return f"# Response Formats\n\n## {name}\n\n{compact_json(_without_closure(visible_schema))}"


def _without_closure(value: Any) -> Any:
    if isinstance(value, Mapping):
        items = cast("Schema", value).items()
        return {k: _without_closure(v) for k, v in items if k != "additionalProperties"}
    return value


def json_declaration(tool: Tool, *, with_spaces: bool) -> str:
    """The tool as a JSON object, with spaces as Python writes it, or without."""
    declaration = {
        "description": tool.description,
        "name": tool.name,
        "parameters": tool.parameters,
    }
    text = compact_json(declaration)  # which takes what the request takes
    return json.dumps(json.loads(text), ensure_ascii=False) if with_spaces else text


def tagged_call(name: str, arguments: Mapping[str, Any], raw: str | None) -> str:
    """A call as Anthropic's tags."""
    parameters = "".join(
        f'<parameter name="{key}">{value if isinstance(value, str) else compact_json(value)}'
        "</parameter>\n"
        for key, value in arguments.items()
    )
    return f'<invoke name="{name}">\n{parameters or raw or ""}</invoke>'


def gemini_text(value: Any) -> str:
    """A value as Gemini 3 writes it: keys without quotes, strings between `ESCAPE`s."""
    if isinstance(value, str):
        return f"{ESCAPE}{value}{ESCAPE}"
    if isinstance(value, Mapping):
        items = cast("Schema", value).items()
        return "{" + ",".join(f"{key}:{gemini_text(item)}" for key, item in items) + "}"
    if isinstance(value, Sequence):
        return "[" + ",".join(map(gemini_text, cast("Sequence[Any]", value))) + "]"
    return json.dumps(value)


def gemini_declaration(tool: Tool) -> str:
    """A tool as Gemini 3 sees it."""
    schema = inline_references(tool.parameters)
    parameters = {k: v for k, v in schema.items() if k in _GEMINI_KEYWORDS}
    if not tool.parameters.get("properties"):
        parameters = {}
    body = gemini_text({"description": tool.description, "parameters": parameters})
    return f"{ESCAPE}declaration:{tool.name}{body}{ESCAPE}"


_GEMINI_KEYWORDS = ("properties", "required", "type")


def strings_of(value: Any) -> Iterator[str]:
    """The keys and values of JSON, without its punctuation."""
    if isinstance(value, Mapping):
        for key, item in cast("Schema", value).items():
            yield key
            yield from strings_of(item)
    elif isinstance(value, str):
        yield value
    elif isinstance(value, Sequence):
        for item in cast("Sequence[Any]", value):
            yield from strings_of(item)
    else:
        yield json.dumps(value)


def schema_strings(schema: Schema) -> Iterator[str]:
    """The strings of a schema that Gemini counts: types, names, descriptions, choices. A schema
    without properties has none. Takes one without references."""
    properties = list(_properties(schema))
    if properties:
        yield "OBJECT"
        yield from map(str, schema.get("required") or ())
    for name, field in properties:
        yield name
        yield from _field_strings(field)


def _field_strings(field: Schema) -> Iterator[str]:
    if field.get("description"):
        yield str(field["description"])
    yield from strings_of(field.get("enum") or [])
    for key in ("anyOf", "oneOf"):
        if isinstance(choices := field.get(key), list):
            for choice in cast("list[Any]", choices):
                if isinstance(choice, Mapping):
                    yield from _field_strings(cast("Schema", choice))
            return
    if field.get("properties"):
        yield from schema_strings(field)
        return
    yield str(field.get("type") or "")
    if isinstance(items := field.get("items"), Mapping):
        yield from _field_strings(cast("Schema", items))


def _properties(schema: Schema) -> Iterator[tuple[str, Schema]]:
    properties = schema.get("properties")
    if isinstance(properties, Mapping):
        for name, field in cast("Schema", properties).items():
            if isinstance(field, Mapping):
                yield name, cast("Schema", field)
