"""Structured output, tools and parts as they go out, and what cannot go along."""

from __future__ import annotations

import base64
from types import MappingProxyType
from typing import Any

import pytest

from fmsdk.content import (
    Audio,
    Document,
    FileRef,
    Image,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
    Video,
)
from fmsdk.errors import BadRequestError, UnsupportedContent, UnsupportedSetting
from fmsdk.request import Message, Tool
from fmsdk_openai.server_dialect import PLAIN_DIALECT
from tests.support.openai.encoding import (
    PDF,
    PNG,
    WAV,
    WEATHER,
    City,
    body,
    build_request,
    chat,
    codes,
    data_url,
    encoded,
    responses,
)

# --- structured output and tools ---


def test_structured_output_is_strict() -> None:
    schema = {
        "title": "City",
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "people": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
        },
        "required": ["name", "people"],
        "additionalProperties": False,
    }
    form = chat(build_request(output=City))["response_format"]
    assert form == {
        "type": "json_schema",
        "json_schema": {"name": "City", "schema": schema, "strict": True},
    }
    form = responses(build_request(output=City))["text"]["format"]
    assert form == {"type": "json_schema", "name": "City", "schema": schema, "strict": True}


def test_a_schema_that_cannot_be_strict_is_sent_with_a_warning() -> None:
    request = build_request(output=dict[str, int])
    assert chat(request)["response_format"]["json_schema"]["strict"] is False
    assert codes(request) == ["schema_not_strict"]


def test_tools() -> None:
    request = build_request(tools=[WEATHER])
    function = {
        "name": "weather",
        "description": "The weather in a city",
        "parameters": dict(WEATHER.parameters),
    }
    assert chat(request)["tools"] == [{"type": "function", "function": function}]
    assert responses(request)["tools"] == [{"type": "function", **function, "strict": False}]
    assert "tool_choice" not in chat(request)


def test_strict_tools() -> None:
    tool = Tool("weather", "", WEATHER.parameters, strict=True)
    sent = chat(build_request(tools=[tool]))["tools"][0]["function"]
    assert sent["strict"] is True
    assert sent["parameters"]["additionalProperties"] is False
    assert responses(build_request(tools=[tool]))["tools"][0]["strict"] is True
    loose = Tool("any", "", {"type": "object", "additionalProperties": True}, strict=True)
    with pytest.raises(BadRequestError, match="strict"):
        encoded(build_request(tools=[loose]))


def test_tool_parameters_may_be_any_mapping() -> None:
    parameters = MappingProxyType({"type": "object", "properties": MappingProxyType({})})
    sent = chat(build_request(tools=[Tool("now", "", parameters)]))
    assert sent["tools"][0]["function"]["parameters"] == {"type": "object", "properties": {}}


@pytest.mark.parametrize("mode", ["none", "required"])
def test_tool_choice(mode: str) -> None:
    assert chat(build_request(tools=[WEATHER], tool_choice=mode))["tool_choice"] == mode
    assert responses(build_request(tools=[WEATHER], tool_choice=mode))["tool_choice"] == mode
    named = build_request(tools=[WEATHER], tool_choice="weather")
    assert responses(named)["tool_choice"] == {"type": "function", "name": "weather"}
    function = {"type": "function", "function": {"name": "weather"}}
    assert chat(named)["tool_choice"] == function


def test_a_choice_without_tools() -> None:
    assert "tool_choice" not in chat(build_request(tool_choice="none"))
    with pytest.raises(BadRequestError, match="needs tools"):
        encoded(build_request(tool_choice="required"))


def test_pictures() -> None:
    prompt = ["What?", Image(PNG, detail="low"), Image("https://example.org/a.png")]
    assert chat(build_request(prompt))["messages"][0]["content"] == [
        {"type": "text", "text": "What?"},
        {"type": "image_url", "image_url": {"url": data_url(PNG, "image/png"), "detail": "low"}},
        {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}},
    ]
    assert responses(build_request(prompt))["input"][0]["content"] == [
        {"type": "input_text", "text": "What?"},
        {"type": "input_image", "image_url": data_url(PNG, "image/png"), "detail": "low"},
        {"type": "input_image", "image_url": "https://example.org/a.png", "detail": "auto"},
    ]


def test_original_detail_is_for_responses_alone() -> None:
    request = build_request(Image(PNG, detail="original"))
    assert responses(request)["input"][0]["content"][0]["detail"] == "original"
    with pytest.raises(UnsupportedSetting, match="auto, low and high"):
        encoded(request, api="chat")


def test_recordings_go_to_chat() -> None:
    (piece,) = body(build_request(Audio(WAV)))["messages"][0]["content"]
    data = base64.b64encode(WAV).decode()
    assert piece == {"type": "input_audio", "input_audio": {"data": data, "format": "wav"}}
    (piece,) = body(build_request(Audio(b"ID3", mime_type="audio/mpeg")))["messages"][0]["content"]
    assert piece["input_audio"]["format"] == "mp3"


def test_documents() -> None:
    held = Document(FileRef("openai", "file-1"))
    named = Document(PDF, name="a.pdf")
    file_data = data_url(PDF, "application/pdf")
    assert chat(build_request([named, Document(PDF), held]))["messages"][0]["content"] == [
        {"type": "file", "file": {"filename": "a.pdf", "file_data": file_data}},
        {"type": "file", "file": {"filename": "document.pdf", "file_data": file_data}},
        {"type": "file", "file": {"file_id": "file-1"}},
    ]
    remote = Document("https://example.org/a.pdf")
    assert responses(build_request([named, held, remote]))["input"][0]["content"] == [
        {"type": "input_file", "filename": "a.pdf", "file_data": file_data},
        {"type": "input_file", "file_id": "file-1"},
        {"type": "input_file", "file_url": "https://example.org/a.pdf"},
    ]


def test_pictures_that_openai_holds_go_to_responses() -> None:
    request = build_request(Image(FileRef("openai", "file-1")))
    (piece,) = responses(request)["input"][0]["content"]
    assert piece == {"type": "input_image", "file_id": "file-1", "detail": "auto"}
    with pytest.raises(UnsupportedContent, match="not by file id"):
        encoded(request, api="chat")


@pytest.mark.parametrize(
    ("part", "how", "kind"),
    [
        (Video("https://example.org/a.mp4"), {"api": "chat"}, "video"),
        (Video("https://example.org/a.mp4"), {"api": "responses"}, "video"),
        (Image(FileRef("google", "f")), {}, "image"),
        (Document(FileRef("google", "f")), {}, "document"),
        (Document("https://example.org/a.pdf"), {"api": "chat"}, "document"),
        (Image(b"BM", mime_type="image/bmp"), {}, "image"),
        (Audio(b"fLaC", mime_type="audio/flac"), {}, "audio"),
        (Audio("https://example.org/a.wav"), {}, "audio"),
        (Audio(FileRef("openai", "f")), {}, "audio"),
        (Audio(WAV), {"api": "responses"}, "audio"),
    ],
)
def test_parts_that_the_wire_cannot_carry_are_named(
    part: Any, how: dict[str, Any], kind: str
) -> None:
    with pytest.raises(UnsupportedContent) as caught:
        encoded(build_request([part, "?"]), **how)
    assert caught.value.part == kind
    assert (caught.value.provider, caught.value.model) == ("openai", "gpt-4.1")


def test_other_servers_may_take_other_pictures() -> None:
    sent = chat(build_request(Image(b"BM", mime_type="image/bmp")), dialect=PLAIN_DIALECT)
    assert sent["messages"][0]["content"][0]["image_url"]["url"].startswith("data:image/bmp")


@pytest.mark.parametrize(
    ("role", "part"),
    [
        ("user", ToolCall("c", "f")),
        ("user", Reasoning("hm")),
        ("assistant", ToolResult("c", "r")),
        ("assistant", Document(PDF)),
        ("tool", Text("t")),
        ("system", Image(PNG)),
    ],
)
@pytest.mark.parametrize("api", ["chat", "responses"])
def test_parts_in_the_wrong_turn(role: Any, part: Any, api: str) -> None:
    with pytest.raises(BadRequestError, match=f"role '{role}'"):
        encoded(build_request([Message("user", "Hello"), Message(role, part)]), api=api)
