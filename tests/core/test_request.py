"""What a request is made of, checked as it is built: bad values never reach an encoder."""

from __future__ import annotations

import dataclasses
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from fmsdk import Client
from fmsdk.content import Image, Reasoning, Text, ToolCall, ToolResult
from fmsdk.errors import BadRequestError, UnsupportedSetting
from fmsdk.media.source import UrlSource
from fmsdk.observe.redact import request_view
from fmsdk.provider import Capabilities
from fmsdk.request import Message, Tool, build
from fmsdk.testing import FakeProvider


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_output_tokens", "5"),
        ("max_output_tokens", True),
        ("max_output_tokens", 1.5),
        ("max_output_tokens", 0),
        ("choices", "2"),
        ("choices", 0),
        ("logprobs", -1),
        ("seed", "2"),
        ("stop", [1]),
        ("stop", [""]),
        ("modalities", []),
        ("modalities", ["smell"]),
        ("system", 5),
        ("temperature", float("nan")),
        ("temperature", True),
        ("temperature", "0.5"),
        ("temperature", Decimal("0.5")),
        ("top_p", np.float64("nan")),
        ("top_p", 2),
        ("timeout", False),
        ("choices", True),
        ("seed", np.float64(2)),
        ("tags", [("a", "1"), ("a", "2")]),
    ],
)
def test_invalid_settings(name: str, value: Any) -> None:
    with pytest.raises(BadRequestError):
        build("fake:m", "Hello", **{name: value})


@pytest.mark.parametrize("part", [Text(5), Text("x", cache="2h")])  # type: ignore[arg-type]
def test_invalid_parts(part: Text) -> None:
    with pytest.raises(BadRequestError):
        build("fake:m", [part, "Hello"])
    with pytest.raises(BadRequestError):
        build("fake:m", [Message("tool", ToolResult("c", [part])), "Hello"])


@pytest.mark.parametrize(
    "value", [{"a": 1}, None, 3, [3], Reasoning("x"), ToolCall("c", "f"), ToolResult("c", "x")]
)
def test_tool_results_are_text_or_media(value: Any) -> None:
    with pytest.raises(BadRequestError, match="JSON text"):
        ToolResult("c", value)


@pytest.mark.parametrize("name", ["temperature", "top_p", "timeout"])
@pytest.mark.parametrize("value", [np.float64(0.5), np.float32(0.5), Fraction(1, 2)])
def test_numbers_of_any_kind_are_numbers(name: str, value: Any) -> None:
    request = build("fake:m", "Hello", **{name: value})
    found = request.timeout if name == "timeout" else getattr(request.settings, name)
    assert (found, type(found)) == (0.5, float)


@pytest.mark.parametrize("name", ["max_output_tokens", "choices", "logprobs", "seed"])
def test_whole_numbers_of_any_kind_are_whole_numbers(name: str) -> None:
    found = getattr(build("fake:m", "Hello", **{name: np.int64(3)}).settings, name)
    assert (found, type(found)) == (3, int)


def test_none_leaves_a_setting_at_its_default() -> None:
    given: Any = dict.fromkeys(("tools", "stop", "choices", "modalities", "tags", "output"))
    assert build("fake:m", "Hello", **given) == build("fake:m", "Hello")


@pytest.mark.parametrize("lenient", [False, True])
def test_a_model_that_does_not_answer_in_text_is_not_asked_for_text(lenient: bool) -> None:
    provider = FakeProvider(capabilities=Capabilities(output=frozenset({"image"})))
    with Client(providers={"fake": provider}) as client:
        with pytest.raises(UnsupportedSetting, match="answers in image, not text"):
            client.generate("fake:any", "A cat", lenient=lenient)
        assert not provider.requests
        client.generate("fake:any", "A cat", modalities=["image"])
    assert len(provider.requests) == 1


def test_tool_choice_is_dropped_with_the_tools() -> None:
    provider = FakeProvider(capabilities=Capabilities(tools=False))
    with Client(providers={"fake": provider}) as client:
        asked: Any = {"tools": [Tool("look")], "tool_choice": "look", "lenient": True}
        answer = client.generate("fake:any", "Look", **asked)
    assert [one.detail for one in answer.warnings] == ["tools", "tool_choice"]
    assert (provider.requests[0].tools, provider.requests[0].tool_choice) == ((), "auto")


def test_schemes_are_recognized_in_any_case() -> None:
    image = Image("HTTPS://user:hunter2@example.org/a.png?sig=hunter2")
    assert isinstance(image.source, UrlSource)
    assert "hunter2" not in repr(image)


def test_values_that_may_hold_keys_are_not_in_reprs() -> None:
    from fmsdk_anthropic import AnthropicOptions
    from fmsdk_google import GoogleOptions
    from fmsdk_openai import OpenAIOptions

    secret: Any = ({"authorization_token": "hunter2"},)
    for options in (
        AnthropicOptions(server_tools=secret, extra_body={"mcp_servers": secret}),
        GoogleOptions(server_tools=secret, extra_body={"tools": secret}),
        OpenAIOptions(extra_body={"tools": secret}),
    ):
        request = build("fake:m", "Hello", options=options)
        assert "hunter2" not in repr(request)
        assert "hunter2" not in str(dataclasses.asdict(request_view(request)))
