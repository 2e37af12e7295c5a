"""Values that no JSON can carry raise before anything is sent, whichever the vendor."""

from __future__ import annotations

import asyncio
import json
from collections import UserDict, deque
from datetime import date
from decimal import Decimal
from enum import Enum
from types import MappingProxyType
from typing import Any, cast
from uuid import UUID

import numpy as np
import pytest

import fmsdk
from fmsdk.content import ToolCall, ToolResult
from fmsdk.request import Message, Tool
from fmsdk_anthropic import AnthropicOptions
from fmsdk_google import GoogleOptions
from fmsdk_openai import OpenAIOptions
from tests.support.hosted.outcomes import outcome
from tests.support.hosted.subjects import SUBJECTS, Subject
from tests.support.scripted_server import Answer, Server, run_server

each = pytest.mark.parametrize("subject", SUBJECTS, ids=repr)


class Colour(Enum):
    RED = "red"


NAN, INF = float("nan"), float("inf")
DEEP: dict[str, Any] = {}
for _ in range(100_000):
    DEEP = {"a": DEEP}
ODD = {
    "NaN": NAN,
    "infinity": -INF,
    "depth": DEEP,
    "a decimal": Decimal("1.5"),
    "bytes": b"abc",
    "a date": date(2026, 1, 1),
    "a uuid": UUID(int=1),
    "an enum": Colour.RED,
    "an object": object(),
    "a generator": (n for n in (1, 2)),
    "a key that is none": {b"a": 1},
}
CASES: dict[str, tuple[Any, dict[str, Any]]] = {
    f"{name} in {where}": case
    for name, odd in ODD.items()
    for where, case in {
        "a call's arguments": (
            [
                "Look",
                Message("assistant", ToolCall("c1", "look", {"at": [{"x": odd}]})),
                ToolResult("c1", "Nothing"),
            ],
            {"tools": [Tool("look")]},
        ),
        "a tool's parameters": (
            "Look",
            {
                "tools": [
                    Tool("look", "", {"type": "object", "properties": {"x": {"maximum": odd}}})
                ]
            },
        ),
    }.items()
}


OPTIONS: dict[str, Any] = {
    "openai": OpenAIOptions,
    "anthropic": AnthropicOptions,
    "google": GoogleOptions,
}


def options(subject: Subject, **given: Any) -> Any:
    return OPTIONS[subject.provider](**given)


def asked(subject: Subject, prompt: Any, model: str = "", **given: Any) -> tuple[Any, Server]:
    """What came of asking, and the server that may have seen it."""

    async def main() -> tuple[Any, Server]:
        with run_server(Answer(subject.wire.body("Hi"))) as server:
            async with subject.client(server.root, retries=0) as client:
                name = model or subject.model
                return await outcome(client, name, prompt, stream=False, **given), server

    return asyncio.run(main())


@each
@pytest.mark.parametrize("case", CASES)
def test_nothing_is_sent(subject: Subject, case: str) -> None:
    prompt, given = CASES[case]
    got, server = asked(subject, prompt, **given)
    assert isinstance(got, fmsdk.BadRequestError), got
    assert not server.seen


@each
@pytest.mark.parametrize("odd", ODD)
def test_nothing_is_sent_of_odd_options(subject: Subject, odd: str) -> None:
    given = options(subject, extra_body={"x": [ODD[odd]]})
    answer, server = asked(subject, "Look", options=given)
    assert isinstance(answer, fmsdk.BadRequestError), answer
    assert not server.seen


CALLED: tuple[Any, ...] = (
    "Look",
    Message("assistant", ToolCall("c1", "look", {"at": 1})),
    ToolResult("c1", "Nothing"),
)
BROKEN: dict[str, tuple[Any, dict[str, Any]]] = {
    "a result of nothing": (["Look", ToolResult(cast("Any", None), "x")], {}),
    "arguments in a list": (
        [*CALLED[:1], Message("assistant", ToolCall("c1", "look", cast("Any", ["a"]))), CALLED[2]],
        {},
    ),
    "parameters in a list": ("Look", {"tools": [Tool("look", "", cast("Any", ["a"]))]}),
    "a turn of tools without results": ([*CALLED, Message("tool", [])], {}),
    "a turn of tools with text": ([*CALLED, Message("tool", "Hi")], {}),
    "system messages alone": ([Message("system", "Be brief")], {}),
    "text that is no Unicode": ("\ud800", {}),
    "a system prompt that is no Unicode": ("Look", {"system": "\ud800"}),
    "headers that are text": ("Look", {"options": {"extra_headers": "x"}}),
    "a header that is a mapping": ("Look", {"options": {"extra_headers": {"x": {"a": 5}}}}),
    "a body that is text": ("Look", {"options": {"extra_body": "x"}}),
}


@each
@pytest.mark.parametrize("case", BROKEN)
def test_impossible_requests_are_one_typed_error(subject: Subject, case: str) -> None:
    prompt, given = BROKEN[case]
    given = dict(given)
    if "options" in given:
        given["options"] = options(subject, **given["options"])
    answer, server = asked(subject, prompt, **given)
    assert isinstance(answer, fmsdk.BadRequestError), answer
    assert not server.seen


@pytest.mark.parametrize(
    "given",
    [
        {"thinking": "x"},
        {"top_k": "5"},
        {"betas": "b-1"},
        {"betas": ("x\r\ny: z",)},
        {"betas": ("é",)},
        {"betas": (5,)},
        {"container": 5},
        {"server_tools": ({"max_uses": Decimal(1)},)},
    ],
    ids=repr,
)
def test_options_of_other_types_and_what_no_header_can_carry(given: dict[str, Any]) -> None:
    subject = next(each for each in SUBJECTS if each.provider == "anthropic")
    answer, server = asked(subject, "Hi", options=AnthropicOptions(**given))
    assert isinstance(answer, fmsdk.BadRequestError), answer
    assert not server.seen


@pytest.mark.parametrize("name", ["organization", "project"])
@pytest.mark.parametrize("value", ["é", "a\r\nx: y", 5])
def test_an_organization_that_no_header_can_carry(name: str, value: Any) -> None:
    with (
        fmsdk.Client(providers={"openai": {"api_key": "k", name: value}}) as client,
        pytest.raises(fmsdk.BadRequestError, match=name),
    ):
        client.generate("openai:m", "Hi")


@each
def test_model_name_with_invalid_unicode(subject: Subject) -> None:
    answer, server = asked(subject, "Hi", model=f"{subject.model}\ud800")
    assert isinstance(answer, fmsdk.BadRequestError)
    assert "Unicode" in answer.message
    assert not server.seen


@each
@pytest.mark.parametrize(
    "values",
    [
        {"de": 1, "fr": 2}.keys(),
        {1: "de", 2: "fr"}.values(),
        deque(["de", "fr"]),
        ("de", "fr"),
        [np.str_("de"), "fr"],
    ],
)
def test_lists_of_any_kind_are_lists(subject: Subject, values: Any) -> None:
    parameters: Any = UserDict(
        {
            "type": "object",
            "properties": MappingProxyType({"to": {"type": "string", "enum": values}}),
            "required": deque(["to"]),
        }
    )
    calls = [
        "Look",
        Message("assistant", ToolCall("c1", "look", {"to": values, "n": np.int64(3)})),
        ToolResult("c1", "Nothing"),
    ]
    answer, server = asked(subject, calls, tools=[Tool("look", "", parameters)])
    assert getattr(answer, "text", answer) == "Hi"
    sent = json.dumps(server.seen[-1].body).replace('\\"', '"').replace(" ", "")
    assert sent.count('["de","fr"]') == 2
    assert '"required":["to"]' in sent
    assert '"n":3' in sent


@each
def test_numbers_of_other_libraries_are_numbers(subject: Subject) -> None:
    given: dict[str, Any] = {"temperature": np.float64(0.5), "max_output_tokens": np.int64(64)}
    answer, server = asked(subject, "Hi", **given)
    assert answer.text == "Hi"
    assert b"0.5" in server.seen[-1].raw
    assert b"64" in server.seen[-1].raw


@each
def test_null_is_a_value(subject: Subject) -> None:
    prompt = [
        "Look",
        Message("assistant", ToolCall("c1", "look", {"at": None})),
        ToolResult("c1", "Nothing"),
    ]

    answer, _ = asked(subject, prompt, tools=[Tool("look")])
    assert answer.text == "Hi"
