"""From a request to the variables of a chat template."""

from __future__ import annotations

from typing import Any

import pytest

import fmsdk
from fmsdk.content import Part
from fmsdk.errors import BadRequestError, UnsupportedContent, UnsupportedSetting
from fmsdk.provider import UnsupportedSettings
from fmsdk.request import Request, build
from fmsdk_local import LocalOptions
from fmsdk_local.encode.chat import Chat, ChatEncoder
from tests.support.local import calls

NAMES = frozenset({"messages", "tools", "enable_thinking", "reasoning_effort"})
WEATHER = fmsdk.Tool("weather", "The weather.", {"type": "object", "properties": {"city": {}}})


def encoded(
    prompt: Any, *, names: frozenset[str] = NAMES, multimodal: bool = False, **settings: Any
) -> Chat:
    request = build("local:tiny", prompt, **settings)
    encoder = ChatEncoder(
        request, UnsupportedSettings(request), template_names=names, multimodal=multimodal
    )
    return encoder.encode_chat()


def test_text_models_get_text_and_parts_stay_apart() -> None:
    chat = encoded(["one", "two"], system="Be brief.")
    assert chat == Chat(
        [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "one\ntwo"},
        ],
        [],
        {},
    )


def test_multimodal_models_get_blocks_and_media_in_their_places() -> None:
    image = fmsdk.Image(calls.picture())
    sound = fmsdk.Audio([0.0] * 100, rate=100)
    chat = encoded(["Look:", image, "and hear:", sound], system="Hi", multimodal=True)
    assert chat.messages == [
        {"role": "system", "content": [{"type": "text", "text": "Hi"}]},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "Look:"},
                {"type": "image", "image": image},
                {"type": "text", "text": "and hear:"},
                {"type": "audio", "audio": sound},
            ],
        },
    ]


def test_a_text_model_takes_no_picture() -> None:
    with pytest.raises(UnsupportedContent) as caught:
        encoded(fmsdk.Image(calls.picture()))
    assert caught.value.part == "image"


def test_calls_results_and_reasoning_are_distinguished() -> None:
    call = fmsdk.ToolCall("id1", "weather", {"city": "Rom"})
    broken = fmsdk.ToolCall("id2", "weather", {}, raw='{"city": "R')
    turns = [
        fmsdk.Message("user", "Weather?"),
        fmsdk.Message("assistant", [fmsdk.Reasoning("Ask."), "One moment.", call, broken]),
        fmsdk.Message(
            "tool",
            [
                fmsdk.ToolResult("id1", ["sunny", "warm"]),
                fmsdk.ToolResult("id2", "no such city", is_error=True, name="other"),
            ],
        ),
    ]
    assert encoded(turns, tools=[WEATHER]).messages[1:] == [
        {
            "role": "assistant",
            "content": "One moment.",
            "reasoning_content": "Ask.",
            "tool_calls": [
                {
                    "type": "function",
                    "id": "id1",
                    "function": {"name": "weather", "arguments": {"city": "Rom"}},
                },
                {
                    "type": "function",
                    "id": "id2",
                    "function": {"name": "weather", "arguments": '{"city": "R'},
                },
            ],
        },
        {"role": "tool", "tool_call_id": "id1", "content": "sunny\nwarm", "name": "weather"},
        {
            "role": "tool",
            "tool_call_id": "id2",
            "content": "Error:\nno such city",
            "name": "other",
        },
    ]


@pytest.mark.parametrize("texts", [[], ["One moment."]])
def test_gpt_oss_gets_what_it_thought_before_a_call(texts: list[str]) -> None:
    """Its template refuses a text beside it."""
    call = fmsdk.ToolCall("id1", "weather", {})
    turns = [
        fmsdk.Message("user", "?"),
        fmsdk.Message("assistant", [fmsdk.Reasoning("Ask."), *texts, call]),
    ]
    turn = encoded(turns, names=NAMES | {"thinking"}).messages[1]
    assert turn.get("thinking") == (None if texts else "Ask.")
    assert "thinking" not in encoded(turns).messages[1]


def test_a_result_with_a_picture_is_blocks_in_a_multimodal_chat() -> None:
    image = fmsdk.Image(calls.picture())
    parts: list[Part] = [fmsdk.ToolResult("id1", ["ReceivedRequest:", image])]
    (turn,) = encoded([fmsdk.Message("tool", parts)], multimodal=True).messages
    assert turn["content"] == [
        {"type": "text", "text": "ReceivedRequest:"},
        {"type": "image", "image": image},
    ]
    text: list[Part] = [fmsdk.ToolResult("id1", "sunny")]
    (turn,) = encoded([fmsdk.Message("tool", text)], multimodal=True).messages
    assert turn["content"] == "sunny"


def test_tools_go_to_a_template_that_has_a_place_for_them() -> None:
    assert encoded("Hi", tools=[WEATHER]).tools == [
        {
            "type": "function",
            "function": {
                "name": "weather",
                "description": "The weather.",
                "parameters": {"type": "object", "properties": {"city": {}}},
            },
        }
    ]
    assert encoded("Hi", tools=[WEATHER], tool_choice="none").tools == []
    with pytest.raises(UnsupportedSetting, match="tools"):
        encoded("Hi", tools=[WEATHER], names=frozenset({"messages"}))


@pytest.mark.parametrize(
    ("names", "effort", "variables"),
    [
        (NAMES, "low", {"enable_thinking": True, "reasoning_effort": "low"}),
        (NAMES, "none", {"enable_thinking": False, "reasoning_effort": "none"}),
        ({"thinking"}, "high", {"thinking": True}),
        (NAMES, None, {}),
    ],
)
def test_reasoning_sets_the_switches_a_template_has(
    names: frozenset[str], effort: Any, variables: dict[str, Any]
) -> None:
    assert encoded("Hi", names=frozenset(names), reasoning=effort).variables == variables


def test_the_callers_variables_come_last() -> None:
    options = LocalOptions(template={"enable_thinking": False})
    chat = encoded("Hi", reasoning="high", options=options)
    assert chat.variables == {"enable_thinking": False, "reasoning_effort": "high"}


def test_lenient_drops_are_warned_about() -> None:
    request: Request = build(
        "local:tiny",
        [fmsdk.Image(calls.picture(), detail="low"), fmsdk.Text("Hi", cache=True)],
        tools=[WEATHER],
        tool_choice="weather",
        reasoning="low",
        options=LocalOptions(template={"colour": "red"}),
        lenient=True,
    )
    unsupported_settings = UnsupportedSettings(request)
    encoder = ChatEncoder(
        request, unsupported_settings, template_names=frozenset({"tools"}), multimodal=True
    )
    chat = encoder.encode_chat()
    assert [warning.detail or warning.code for warning in unsupported_settings.warnings] == [
        "detail",
        "cache_mark_ignored",
        "tool_choice",
        "reasoning",
        "options.template",
    ]
    assert chat.variables == {}


def test_another_providers_options_are_refused() -> None:
    with pytest.raises(BadRequestError, match="LocalOptions"):
        encoded("Hi", options=object())
