"""JSON Schema in strict mode's form: closed, all required, and nothing lost on the way."""

from __future__ import annotations

import json
from collections import UserDict, deque
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmsdk.errors import BadRequestError
from fmsdk.schema.json_schema import output_schema
from fmsdk.schema.strict import strict, without_nulls
from tests.support.strict_schemas import assert_strict

keyword = st.sampled_from(["string", "integer", "number", "boolean", "null"])
names = st.text("abc", min_size=1, max_size=3)


def objects(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(names, inner, max_size=3).flatmap(
        lambda properties: st.lists(st.sampled_from([*properties, "z"]), unique=True).map(
            lambda required: {
                "type": "object",
                "properties": properties,
                "required": [name for name in required if name in properties],
            }
        )
    )


schemas = objects(
    st.recursive(
        st.one_of(
            keyword.map(lambda kind: {"type": kind, "description": "x"}),
            st.lists(keyword, min_size=1, unique=True).map(lambda kinds: {"type": kinds}),
            st.lists(names, min_size=1).map(lambda words: {"enum": words, "default": words[0]}),
            st.integers(0, 9).map(lambda n: {"type": "string", "minLength": n}),
            st.just({"$ref": "#/$defs/leaf", "description": "a leaf"}),
        ),
        lambda inner: st.one_of(
            objects(inner),
            inner.map(lambda items: {"type": "array", "items": items, "uniqueItems": True}),
            st.lists(inner, min_size=1, max_size=2).map(lambda kinds: {"oneOf": kinds}),
            st.lists(inner, min_size=1, max_size=2).map(
                lambda kinds: {"type": "array", "prefixItems": kinds, "items": False}
            ),
        ),
        max_leaves=8,
    )
).map(lambda schema: schema | {"$defs": {"leaf": {"type": "integer"}}})


@given(schemas)
def test_any_closed_schema_can_be_made_strict_and_stays_as_it_was(schema: dict[str, Any]) -> None:
    before = json.dumps(schema)
    made = strict(schema)
    assert_strict(made)
    assert json.dumps(schema) == before
    assert strict(made) == made


def test_constraints_strict_mode_refuses_go_into_descriptions() -> None:
    inner = {"type": "string", "minLength": 3, "format": "uri", "description": "A page."}
    kept = {"type": "string", "format": "date-time", "pattern": "^a"}
    made = strict({"type": "object", "properties": {"page": inner, "time": kept}})
    page, time = (made["properties"][name]["anyOf"][0] for name in ("page", "time"))
    assert page == {"type": "string", "description": "A page. (minLength: 3; format: uri)"}
    assert time == kept


@pytest.mark.parametrize(
    ("inner", "why"),
    [
        ({}, "any kind"),
        (True, "any kind"),
        ({"type": "object"}, "free-form"),
        ({"type": "object", "additionalProperties": {"type": "string"}}, "free-form"),
        ({"type": "object", "properties": {}, "additionalProperties": True}, "free-form"),
        ({"type": "array"}, "any kind"),
        ({"type": "string", "not": {"const": "x"}}, "'not'"),
        ({"allOf": [{"type": "string"}, {"type": "integer"}]}, "'allOf'"),
        ({"$ref": "https://example.com/schema.json"}, "refers to"),
    ],
)
def test_non_strict_schema_error_names_place_and_remedy(inner: Any, why: str) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "array", "items": inner}}}
    with pytest.raises(BadRequestError, match=rf"{why}.*at \$\.a\[\]") as caught:
        strict(schema)
    assert caught.value.message.count(". ") == 1
    with pytest.raises(BadRequestError, match="object at its root"):
        strict({"type": "array", "items": {"type": "string"}})


def test_an_all_of_of_one_is_merged_and_a_recursive_root_stays() -> None:
    schema = {
        "$ref": "#/definitions/Node",
        "definitions": {
            "Node": {
                "type": "object",
                "properties": {"next": {"allOf": [{"$ref": "#/definitions/Node"}], "title": "N"}},
            }
        },
    }
    made = strict(schema)
    assert_strict(made)
    assert "definitions" not in made


def test_a_tagged_union_is_pruned_by_the_variant_the_answer_is_of() -> None:
    schema = {
        "anyOf": [
            {
                "type": "object",
                "properties": {"kind": {"const": "a"}, "note": {"type": "string"}},
                "required": ["kind"],
            },
            {
                "type": "object",
                "properties": {"kind": {"const": "b"}, "note": {"type": ["string", "null"]}},
                "required": ["kind"],
            },
        ]
    }
    assert without_nulls({"kind": "a", "note": None}, schema) == {"kind": "a"}
    assert without_nulls({"kind": "b", "note": None}, schema) == {"kind": "b", "note": None}


@pytest.mark.parametrize(
    "broken",
    [
        {"type": 5},
        {"type": ["object", 5]},
        {"type": "object", "properties": []},
        {"type": "object", "properties": {"x": 5}},
        {"type": "object", "properties": {"x": {"enum": 5}}},
        {"type": "object", "properties": {"x": {"type": "string", "pattern": 5}}},
        {"type": "object", "properties": {"x": {"type": "string", "format": []}}},
        {"type": "object", "properties": {}, "required": 5},
        {"type": "object", "properties": {}, "required": [[]]},
        {"type": "object", "properties": {}, "$defs": []},
        {"type": "object", "properties": {}, "additionalProperties": 5},
        {"type": "array", "prefixItems": 5},
        {"type": "array", "prefixItems": [5]},
        {"type": "array", "items": 5},
        {"allOf": [5]},
        {"anyOf": {"a": 1}},
        {"$ref": 5},
    ],
    ids=repr,
)
def test_an_invalid_schema_error_names_the_fault(broken: Any) -> None:
    for ask in (output_schema, strict):
        with pytest.raises(BadRequestError, match="the schema is not valid") as caught:
            ask(broken)
        assert "(at $" in caught.value.message


@pytest.mark.parametrize("target", ["#/required/0", "#/title", "#/properties/x/type", "#/none"])
def test_reference_to_a_non_schema_is_dropped(target: str) -> None:
    schema: dict[str, Any] = {
        "type": "object",
        "title": "T",
        "properties": {"x": {"type": "string"}, "y": {"$ref": target}},
        "required": ["x"],
    }
    output_schema(schema)
    without_nulls({"x": "a", "y": None}, schema)


def test_a_part_that_takes_anything_cannot_be_merged() -> None:
    for part in (True, {"allOf": [{}, {}]}):
        with pytest.raises(BadRequestError, match="uses 'allOf'"):
            strict({"type": "object", "properties": {"x": {"allOf": [part]}}})


def test_a_part_of_a_part_is_merged() -> None:
    inner = {"allOf": [{"allOf": [{"type": "string"}]}]}
    made = strict({"type": "object", "properties": {"x": inner}, "required": ["x"]})
    assert made["properties"]["x"] == {"type": "string"}


@pytest.mark.parametrize("odd", [Decimal("1.5"), b"abc", float("nan"), object()])
def test_values_without_json_form_are_in_no_schema(odd: Any) -> None:
    broken: Any = {"type": "object", "properties": {"x": {"enum": [odd]}}}
    for ask in (output_schema, strict):
        with pytest.raises(BadRequestError, match="cannot be written as JSON"):
            ask(broken)


def test_a_schema_may_be_of_any_mappings_and_lists() -> None:
    given = UserDict(
        {
            "$ref": "#/$defs/Node",
            "$defs": {
                "Node": MappingProxyType(
                    {
                        "type": "object",
                        "properties": {"next": {"anyOf": deque([{"$ref": "#/$defs/Node"}])}},
                        "required": {"next": 1}.keys(),
                    }
                )
            },
        }
    )
    _, schema = output_schema(given)
    assert schema["required"] == ["next"]
    assert strict(given)["$defs"]["Node"]["required"] == ["next"]
