"""JSON Schemas in the keywords that Google documents: no other goes out, and nothing is lost."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fmsdk.content import Image
from fmsdk.errors import BadRequestError
from fmsdk.request import Tool
from fmsdk_google.encode.schema import adapt_schema
from tests.support.google.encoding import body, build_request, codes, encoded
from tests.support.google.schemas import assert_documented
from tests.support.soak import soak_size

Schema = dict[str, Any]


def adapted(schema: Schema) -> Schema:
    return adapt_schema(schema)[0]


def is_valid(value: Any, schema: Schema) -> bool:
    return jsonschema.Draft202012Validator(schema).is_valid(value)


def field_in_request(field: Schema, place: str) -> tuple[Schema, list[str]]:
    """How a field's schema goes out in an output or a tool, and the codes of the warnings."""
    schema = {
        "type": "object",
        "properties": {"x": field},
        "required": ["x"],
        "$defs": {"leaf": {"type": "object", "properties": {"n": {"type": "integer"}}}},
    }
    given = {"output": schema} if place == "output" else {"tools": [Tool("t", "", schema)]}
    request = build_request(**given)
    sent = body(request)
    if place == "output":
        sent_schema = sent["generationConfig"]["responseJsonSchema"]
    else:
        sent_schema = sent["tools"][0]["functionDeclarations"][0]["parametersJsonSchema"]
    assert_documented(sent_schema)
    return sent_schema["properties"]["x"], codes(request)


NODE = {"type": "object", "properties": {"n": {"type": "integer"}}}
CASES: dict[str, tuple[Schema, Schema]] = {
    "const": ({"const": "a"}, {"type": "string", "enum": ["a"]}),
    "const number": ({"const": 1.5}, {"type": "number", "enum": [1.5]}),
    "const true": ({"const": True}, {"type": "boolean", "description": "(enum: [true])"}),
    "const null": ({"const": None}, {"type": "null"}),
    "const object": ({"const": {"a": 1}}, {"type": "object", "description": '(enum: [{"a": 1}])'}),
    "untyped enum": ({"enum": ["a", "b"]}, {"type": "string", "enum": ["a", "b"]}),
    "integers": ({"enum": [1, 2]}, {"type": "integer", "enum": [1, 2]}),
    "booleans": ({"enum": [True, False]}, {"type": "boolean"}),
    "mixed enum": (
        {"enum": ["a", 1, None], "title": "T"},
        {
            "title": "T",
            "anyOf": [
                {"type": "string", "enum": ["a"]},
                {"type": "integer", "enum": [1]},
                {"type": "null"},
            ],
        },
    ),
    "enum of its type": ({"type": "string", "enum": ["a", 1]}, {"type": "string", "enum": ["a"]}),
    "pattern": (
        {"type": "string", "pattern": "^a$", "description": "A."},
        {"type": "string", "description": "A. (pattern: ^a$)"},
    ),
    "lengths": (
        {"type": "string", "minLength": 1, "maxLength": 2},
        {"type": "string", "description": "(maxLength: 2; minLength: 1)"},
    ),
    "exclusive of integers": (
        {"type": "integer", "exclusiveMinimum": 0, "exclusiveMaximum": 9, "minimum": 5},
        {"type": "integer", "minimum": 5, "maximum": 8},
    ),
    "exclusive of numbers": (
        {"type": "number", "exclusiveMinimum": 0},
        {"type": "number", "minimum": 0, "description": "(exclusiveMinimum: 0)"},
    ),
    "exclusive of an older draft": (
        {"type": "integer", "exclusiveMinimum": True, "minimum": 3},
        {"type": "integer", "minimum": 4},
    ),
    "multipleOf": (
        {"type": "integer", "multipleOf": 5},
        {"type": "integer", "description": "(multipleOf: 5)"},
    ),
    "uniqueItems": (
        {"type": "array", "items": {"const": 1}, "uniqueItems": True},
        {
            "type": "array",
            "items": {"type": "integer", "enum": [1]},
            "description": "(uniqueItems: true)",
        },
    ),
    "discriminator": (
        {
            "anyOf": [{"$ref": "#/$defs/leaf"}],
            "discriminator": {"propertyName": "kind", "mapping": {"a": "#/$defs/leaf"}},
        },
        {"anyOf": [{"$ref": "#/$defs/leaf"}], "description": "(discriminator: kind)"},
    ),
    "reference alone": ({"$ref": "#/$defs/leaf"}, {"$ref": "#/$defs/leaf"}),
    "reference with siblings": (
        {"$ref": "#/$defs/leaf", "description": "D.", "default": {}},
        {**NODE, "description": "D. (default: {})"},
    ),
    "allOf of one": ({"allOf": [{"$ref": "#/$defs/leaf"}], "title": "T"}, {**NODE, "title": "T"}),
    "allOf of two": (
        {"allOf": [{"$ref": "#/$defs/leaf"}, {"properties": {"m": {"const": 1}}}]},
        {
            "type": "object",
            "properties": {
                "n": {"type": "integer"},
                "m": {"type": "integer", "enum": [1]},
            },
        },
    ),
    "default": (
        {"type": "integer", "default": 3},
        {"type": "integer", "description": "(default: 3)"},
    ),
    "default null": ({"type": "integer", "default": None}, {"type": "integer"}),
    "tuple": (
        {"type": "array", "prefixItems": [{"type": "null"}], "items": False},
        {"type": "array", "prefixItems": [{"type": "null"}], "maxItems": 1},
    ),
    "older tuple": (
        {"type": "array", "items": [{"const": "a"}], "additionalItems": False},
        {"type": "array", "prefixItems": [{"type": "string", "enum": ["a"]}], "maxItems": 1},
    ),
    "remarks": ({"type": "null", "$comment": "c"}, {"type": "null"}),
    "lookalikes": (
        {"type": "object", "properties": {"const": {"type": "null"}, "pattern": True}},
        {"type": "object", "properties": {"const": {"type": "null"}, "pattern": {}}},
    ),
    "closed": (
        {"type": "object", "additionalProperties": False},
        {"type": "object", "additionalProperties": False},
    ),
}


@pytest.mark.parametrize("place", ["output", "tool"])
@pytest.mark.parametrize(("field", "sent"), CASES.values(), ids=CASES)
def test_a_keyword_that_google_does_not_read_goes_out_in_others(
    field: Schema, sent: Schema, place: str
) -> None:
    assert field_in_request(field, place) == (sent, [])


HARD: dict[str, Schema] = {
    "not": {"type": "string", "not": {"const": "a"}},
    "if": {"if": {"type": "string"}, "then": {"minLength": 1}, "else": {"type": "null"}},
    "patternProperties": {
        "type": "object",
        "patternProperties": {"^a": {"type": "null"}},
        "additionalProperties": False,
    },
    "dependentRequired": {"type": "object", "dependentRequired": {"a": ["b"]}},
    "contains": {"type": "array", "contains": {"const": 1}, "minContains": 2},
    "propertyNames": {"type": "object", "propertyNames": {"maxLength": 3}},
    "allOf": {
        "allOf": [{"anyOf": [{"type": "null"}]}, {"anyOf": [{"const": 1}]}, {"type": "null"}]
    },
    "another document": {"$ref": "https://example.org/schema.json"},
    "no definition": {"$ref": "#/$defs/nothing"},
    "nothing": {"allOf": [False]},
}


@pytest.mark.parametrize("place", ["output", "tool"])
@pytest.mark.parametrize("field", HARD.values(), ids=HARD)
def test_what_only_words_can_say_is_in_the_description_with_a_warning(
    field: Schema, place: str
) -> None:
    sent, warnings = field_in_request(field, place)
    assert warnings == ["schema_not_strict"]
    assert sent["description"].startswith("(")


def test_the_warning_names_place_and_keywords() -> None:
    tool = Tool("find", "", {"type": "object", "properties": {"x": {"not": {"type": "null"}}}})
    (warning,) = encoded(build_request(tools=[tool])).warnings
    assert warning.detail == "tools.find"
    assert "not" in warning.message


def test_older_definitions_and_roots_that_are_references() -> None:
    schema = {
        "$ref": "#/definitions/tree",
        "definitions": {
            "tree": {
                "type": "object",
                "properties": {
                    "left": {"$ref": "#/definitions/tree"},
                    "right": {"$ref": "#/definitions/tree", "description": "The other."},
                },
            }
        },
    }
    sent = adapted(schema)
    assert_documented(sent)
    assert sent["$defs"]["tree"]["properties"]["left"] == {"$ref": "#/$defs/tree"}
    deep = {"left": {"right": {"left": {}}}}
    assert is_valid(deep, sent)
    assert not is_valid({"left": {"right": {"left": 1}}}, sent)


def test_references_that_hold_each_other_do_not_grow_without_a_bound() -> None:
    names = [f"d{number}" for number in range(30)]
    definitions = {
        name: {
            "type": "object",
            "properties": {
                side: {"$ref": f"#/$defs/{inner}", "description": side} for side in ("a", "b")
            },
        }
        for name, inner in zip(names, [*names[1:], names[0]], strict=True)
    }
    sent = adapted({"$ref": "#/$defs/d0", "title": "T", "$defs": definitions})
    assert_documented(sent)
    assert len(json.dumps(sent)) < 200_000


@pytest.mark.parametrize("bad", [{"properties": 5}, {"required": 5}, {"anyOf": {}}])
def test_a_schema_that_is_none(bad: Schema) -> None:
    with pytest.raises(BadRequestError, match="schema is not valid"):
        body(build_request(tools=[Tool("t", "", {"type": "object", **bad})]))


def test_pictures_in_gif_go_out() -> None:
    sent = body(build_request([Image(b"GIF89a", mime_type="image/gif")]))
    assert sent["contents"][0]["parts"][0]["inlineData"]["mimeType"] == "image/gif"


scalars = st.sampled_from([None, True, False, 0, 1, 2, 3.5, -1, "", "a", "ab", "abc"])
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
    ),
    max_leaves=5,
)
numbers = st.integers(-2, 4)
keywords = st.fixed_dictionaries(
    {},
    optional={
        "const": scalars,
        "enum": st.lists(scalars, min_size=1, max_size=3),
        "type": st.sampled_from(
            ["string", "integer", "number", "boolean", "null", "object", "array"]
        ),
        "minimum": numbers,
        "maximum": numbers,
        "exclusiveMinimum": numbers,
        "exclusiveMaximum": numbers,
        "minLength": st.integers(0, 2),
        "pattern": st.sampled_from(["^a", "b$"]),
        "minItems": st.integers(0, 2),
        "maxItems": st.integers(0, 2),
        "uniqueItems": st.booleans(),
        "required": st.lists(st.sampled_from("abc"), max_size=2, unique=True),
        "title": st.just("T"),
        "default": scalars,
        "$ref": st.sampled_from(["#/$defs/leaf", "#/$defs/tree", "#"]),
    },
)
schemas = st.recursive(
    keywords | st.booleans(),
    lambda inner: st.builds(
        lambda node, more: {**node, **more},
        keywords,
        st.fixed_dictionaries(
            {},
            optional={
                "properties": st.dictionaries(st.sampled_from("abc"), inner, max_size=2),
                "additionalProperties": inner,
                "patternProperties": st.dictionaries(
                    st.sampled_from(["^a", "b"]), inner, max_size=1
                ),
                "items": inner,
                "prefixItems": st.lists(inner, min_size=1, max_size=2),
                "anyOf": st.lists(inner, min_size=1, max_size=2),
                "allOf": st.lists(inner, min_size=1, max_size=2),
                "not": inner,
            },
        ),
    ),
    max_leaves=6,
)
# What a node without these says, Gemini's keywords say too.
IN_WORDS = {"pattern", "patternProperties", "not", "minLength", "uniqueItems"}
DEFINITIONS = {
    "leaf": {"type": "integer", "exclusiveMinimum": 0},
    "tree": {"type": "object", "properties": {"a": {"$ref": "#/$defs/tree", "title": "A"}}},
}


@settings(max_examples=soak_size(150, 2000), deadline=None)
@given(schemas, st.lists(values, min_size=5, max_size=15))
def test_any_schema_holds_documented_keywords_and_takes_the_same_values(
    field: Any, candidates: list[Any]
) -> None:
    schema = {"type": "object", "properties": {"a": field}, "$defs": DEFINITIONS}
    before = json.dumps(schema)
    sent, unread = adapt_schema(schema)
    assert json.dumps(schema) == before
    assert_documented(sent)
    assert adapt_schema(sent) == (sent, ())
    is_exact = not unread and "(" not in json.dumps(sent)
    for value in [{"a": candidate} for candidate in candidates]:
        try:
            expected = is_valid(value, schema)
        except RecursionError:  # {"$ref": "#"} beside itself says nothing
            continue
        if expected or is_exact:
            assert is_valid(value, sent) == expected, value
