"""Output types and functions as JSON Schema, and answers back into values."""

from __future__ import annotations

import enum
import json
import re
import sys
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, NotRequired, TypedDict

import jsonschema
import msgspec
import pydantic
import pytest

from fmsdk.errors import BadRequestError, InvalidOutput
from fmsdk.request import Tool
from fmsdk.schema.json_schema import (
    function_schema,
    json_schema,
    needs_wrapping,
    output_schema,
    parse_output,
    strict,
)
from tests.support.strict_schemas import assert_strict


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


@dataclass
class Wheel:
    size: float
    spokes: int | None = None


@dataclass
class Bike:
    name: str
    wheels: list[Wheel]
    colour: Colour = Colour.RED
    gears: int = 3
    seat: Wheel | None = None
    parent: Bike | None = None


class Place(TypedDict):
    city: str
    country: NotRequired[str]


class Dog(msgspec.Struct, tag=True):
    legs: int = 4


class Bird(msgspec.Struct, tag=True):
    wings: int = 2


class Person(pydantic.BaseModel):
    name: str = pydantic.Field(min_length=1)
    age: int = 0
    friends: list[Person] = []


OUTPUTS: list[tuple[Any, Any]] = [
    (Bike, Bike("a", [Wheel(1.5), Wheel(2.0, 3)], Colour.BLUE, 7, None, Bike("b", []))),
    (Place, {"city": "Rome"}),
    (Dog, Dog(3)),
    (Dog | Bird, Bird(2)),
    (list[Wheel], [Wheel(1.0)]),
    (tuple[int, str], (1, "x")),
    (Literal["yes", "no"], "no"),
    (Colour, Colour.RED),
    (int, 7),
    (Person, Person(name="Ada", friends=[Person(name="Bob")])),
    (list[Person], [Person(name="Ada")]),
    (Person | None, None),
]


def plain(value: Any) -> Any:
    return msgspec.to_builtins(value, enc_hook=lambda model: model.model_dump(), str_keys=True)


@pytest.mark.parametrize(("output", "value"), OUTPUTS)
def test_an_answer_by_the_schema_reads_back_as_the_value(output: Any, value: Any) -> None:
    name, schema = output_schema(output)
    assert 0 < len(name) <= 64
    assert not needs_wrapping(schema)
    assert_strict(strict(schema))
    answer = plain(value)
    wrapped = schema["properties"].keys() == {"result"}
    text = json.dumps({"result": answer} if wrapped else answer)
    jsonschema.validate(json.loads(text), schema)
    assert parse_output(output, text) == value
    assert parse_output(output, f"```json\n{text}\n```\n") == value
    assert parse_output(output, json.dumps(answer)) == value  # a model that forgets the wrapper


@pytest.mark.parametrize(("output", "value"), OUTPUTS)
def test_the_schema_as_an_output_reads_the_same_in_plain_values(output: Any, value: Any) -> None:
    schema = json_schema(output)
    same = output_schema(output)[1]
    again = output_schema(schema)[1]
    assert again["properties"].keys() == same["properties"].keys()
    answer = plain(value)
    wrapped = again["properties"].keys() == {"result"}
    text = json.dumps({"result": answer} if wrapped else answer)
    assert parse_output(schema, text) == json.loads(json.dumps(answer))


def test_null_means_an_omitted_optional_property() -> None:
    answer = {"name": "a", "wheels": [{"size": 1, "spokes": None}], "gears": None}
    answer |= {"colour": None, "seat": None, "parent": {"name": "b", "wheels": [], "gears": None}}
    jsonschema.validate(
        answer | {"parent": None}, strict(output_schema(Bike)[1]), jsonschema.Draft202012Validator
    )
    bike = parse_output(Bike, json.dumps(answer))
    assert bike == Bike("a", [Wheel(1.0)], parent=Bike("b", []))
    assert parse_output(Person, '{"name": "Ada", "age": null, "friends": null}').age == 0
    with pytest.raises(InvalidOutput, match=r"\$\.name"):
        parse_output(Bike, '{"name": null, "wheels": []}')


@pytest.mark.parametrize(
    ("output", "text", "why"),
    [
        (Bike, "", "empty"),
        (Bike, "Sure! Here you go:", "malformed"),
        (Bike, '{"name": "x"', "truncated"),
        (Bike, '{"name": "x", "wheels": [{"size": "big"}]}', r"\$\.wheels\[0\]\.size|\$\.wheels"),
        (list[int], '{"result": [1, "x"]}', r"\$\[1\]"),
        (list[int], '{"result": [1], "more": 1}', "array"),
        (Person, '{"name": ""}', r"\$\.name"),
        (list[Person], '{"result": [{"name": "x", "age": "y"}]}', r"\$\.0\.age"),
        (json_schema(Wheel), '{"size": "big"}', r"\$\.size"),
        (json_schema(Wheel), "[" * 100_000, "."),
        (Literal["yes"], '{"result": "' + "n" * 1_000_000 + '"}', "."),
        (Colour, '"' + "n" * 1_000_000 + '"', "."),
        (json_schema(Colour), '"' + "n" * 1_000_000 + '"', "."),
    ],
)
def test_an_answer_that_does_not_fit_says_where_in_few_words(
    output: Any, text: str, why: str
) -> None:
    with pytest.raises(InvalidOutput, match=why) as caught:
        parse_output(output, text)
    assert len(caught.value.message) < 500
    assert not caught.value.retryable


def test_a_schema_is_checked_only_where_a_validator_is_installed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}}
    with pytest.raises(InvalidOutput):
        parse_output(schema, '{"n": "x"}')
    monkeypatch.setitem(sys.modules, "jsonschema", None)
    assert parse_output(schema, '{"n": "x"}') == {"n": "x"}
    assert parse_output(schema, '{"n": null}') == {}
    with pytest.raises(InvalidOutput):
        parse_output(schema, "{")


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {"n": {"$ref": "https://127.0.0.1:9/x.json"}}},
        {"type": "object", "properties": {"n": {"type": "nothing"}}},
    ],
)
def test_invalid_schema_is_a_bad_request(schema: dict[str, Any]) -> None:
    with pytest.raises(BadRequestError, match="output schema"):
        parse_output(schema, '{"n": 1}')


@pytest.mark.parametrize("output", [complex, object(), list[complex], lambda: 1, Bike | Wheel])
def test_a_type_without_a_schema_is_refused_with_the_way_out(output: Any) -> None:
    with pytest.raises(BadRequestError, match=r"dataclasses.*pydantic"):
        output_schema(output)


def test_names_are_what_vendors_take() -> None:
    name, _ = output_schema({"title": "My schema, ü " + "x" * 80, "type": "object"})
    assert re.fullmatch(r"My_schema____x{51}", name)
    assert output_schema({"type": "object"})[0] == "output"
    assert output_schema(Bike)[0] == "Bike"


def test_the_answer_of_output_schema_may_be_changed() -> None:
    output_schema(Bike)[1].clear()
    assert output_schema(Bike)[1]["properties"]


def weather(
    city: str,
    days: int = 3,
    *,
    unit: Literal["c", "f"] = "c",
    near: list[Wheel] | None = None,
    at: Annotated[int, msgspec.Meta(ge=0, description="An hour.")] = 12,
    tags: tuple[str, ...] = (),
) -> str:
    """Tell the weather.

    Args:
        city: Its name,
            in English.
        days (int): How many: a number.
        at: Not this one.

    Returns:
        unit: nothing of this.
    """
    return f"{city}{days}{unit}{near}{at}{tags}"


def test_a_function_is_described_by_its_signature_and_docstring() -> None:
    schema = function_schema(weather)
    jsonschema.Draft202012Validator.check_schema(schema)
    properties = schema["properties"]
    assert schema["required"] == ["city"]
    assert properties["city"] == {"type": "string", "description": "Its name, in English."}
    assert properties["days"]["description"] == "How many: a number."
    assert properties["days"]["default"] == 3
    assert properties["unit"] == {"enum": ["c", "f"], "default": "c"}
    assert properties["at"]["description"] == "An hour."
    assert_strict(strict(schema))
    assert Tool.from_function(weather).parameters == schema


def test_a_function_may_take_pydantic_models_and_nothing_at_all() -> None:
    def greet(who: Person, json: str = "x") -> None: ...

    def ping() -> None: ...

    schema = function_schema(greet)
    assert schema["required"] == ["who"]
    assert schema["$defs"]["Person"]["properties"]["age"]["type"] == "integer"
    assert function_schema(ping) == {"type": "object", "properties": {}, "required": []}


def test_tools_a_model_cannot_call_are_refused() -> None:
    def unhinted(a): ...  # type: ignore[no-untyped-def]

    def many(*a: int) -> None: ...

    def named(**a: int) -> None: ...

    def positional(a: int, /) -> None: ...

    def odd(a: complex) -> None: ...

    def unknown(a: Nowhere) -> None: ...  # type: ignore[name-defined]  # noqa: F821

    for function, why in (
        (unhinted, "'a' has no type hint"),
        (many, "variadic positional"),
        (named, "variadic keyword"),
        (positional, "positional-only"),
        (odd, "parameters of odd"),
        (unknown, "Nowhere"),
    ):
        with pytest.raises(BadRequestError, match=why):
            function_schema(function)


@dataclass
class Defaults:
    items: list[int] = field(default_factory=list)


def test_an_empty_answer_may_fit_a_type_with_defaults_alone() -> None:
    assert parse_output(Defaults, "{}") == Defaults()


@dataclass
class Trip:
    city: str = ""
    days: int = 0


TRIP = '{"city": "Paris", "days": 2}'
WRAPPED_TRIPS = {
    "a byte order mark": f"\ufeff{TRIP}",
    "a fence": f"```json\n{TRIP}\n```",
    "a fence of CRLF": f"```json\r\n{TRIP}\r\n```\r\n",
    "a fence without a language": f"```\n{TRIP}\n```",
    "a fence in capitals": f"```JSON\n{TRIP}```",
    "text before": f"Here is the trip [as you asked]:\n{TRIP}",
    "text after": f"{TRIP}\n\nHave a nice trip {{really}}!",
    "text around a fence": f"Sure!\r\n```json\r\n{TRIP}\r\n```\r\nAnything else?",
    "two fences": f"Run\n```sh\nmake\n```\nand get\n```json\n{TRIP}\n```",
    "reasoning": f"<think>\nParis, {{maybe}}? \n</think>\n\n{TRIP}",
    "reasoning with JSON": f'<think>{{"city": "Rome", "days": 9}}? No.</think>{TRIP}',
    "reasoning that the template opened": f"Paris, then.\n</think>\n\n```json\r\n{TRIP}\n```",
    "reasoning under other names": f'<Thought>{{"city": "Rome", "days": 9}}</Thought >{TRIP}',
    "reasoning of Seed": f'<seed:think>{{"city": "Rome", "days": 9}}</seed:think>{TRIP}',
    "reasoning that names its end": f'<think>A "</think>" ends it.</think>{TRIP}',
    "reasoning of Mistral": f"[THINK]Hm.[/THINK]{TRIP}",
    "the same twice": f"{TRIP}\n{TRIP}",
    "a wrapper": f'The answer: {{"result": {TRIP}}}',
}


@pytest.mark.parametrize("around", WRAPPED_TRIPS)
@pytest.mark.parametrize("output", [Trip, json_schema(Trip)], ids=["type", "schema"])
def test_an_answer_is_read_with_what_is_around_it(around: str, output: Any) -> None:
    expected = Trip("Paris", 2) if output is Trip else {"city": "Paris", "days": 2}
    if around == "a wrapper":
        assert parse_output(list[Trip], WRAPPED_TRIPS[around].replace(TRIP, f"[{TRIP}]")) == [
            Trip("Paris", 2)
        ]
        return
    assert parse_output(output, WRAPPED_TRIPS[around]) == expected


@pytest.mark.parametrize(
    "text",
    [
        '{"city": {"days": 3}, "days": ',
        '{"city": "Par',
        '[{"city": "Rome", "days": 1}, {"city": "Paris", "da',
        'So: {"plan": {"city": "Rome"}, "when',
        f'Either {TRIP} or {{"city": "Rome", "days": 3}}.',
        f'```\n{TRIP}\n```\n```\n{{"city": "Rome"}}\n```',
        "no JSON {at all}",
        f"<think>First a draft: {TRIP} But",
        f"[THINK]{TRIP}",
        "{" * 5000,
        '{"city":' * 5000,
        "",
    ],
    ids=lambda text: text[:20],
)
def test_broken_and_ambiguous_answers_are_refused(text: str) -> None:
    with pytest.raises(InvalidOutput, match="the answer does not match Trip"):
        parse_output(Trip, text)


def test_an_answer_may_name_the_end_of_reasoning() -> None:
    text = '<think>Hm.</think>{"city": "a</think>b", "days": 2}'
    assert parse_output(Trip, text) == Trip("a</think>b", 2)


def test_a_text_is_an_output_of_the_type_str() -> None:
    for text, value in {
        "Paris": "Paris",
        '"Paris"': "Paris",
        '{"result": "Paris"}': "Paris",
        "```python\nprint()\n```": "```python\nprint()\n```",
    }.items():
        assert parse_output(str, text) == value
    with pytest.raises(InvalidOutput, match="it is empty"):
        parse_output(str, " ")
