"""Bodies as they go out: what each feature becomes on each API, and what cannot go along."""

from __future__ import annotations

import base64
import io
import json
import math
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import pytest
from PIL import Image as PillowImage

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
from fmsdk.media.audio import wav_of
from fmsdk.request import Message, Request, Tool, build
from fmsdk_openai import OpenAIOptions
from fmsdk_openai.dialect import OPENAI, PLAIN
from fmsdk_openai.encode import OpenAIEncoded, encode

PDF = (
    b"%PDF-1.4\n1 0 obj\n<</Type/Catalog /Pages 2 0 R>>\nendobj\n"
    b"2 0 obj\n<</Type/Pages /Kids [] /Count 1>>\nendobj\n"
    b"trailer\n<</Root 1 0 R>>\nstartxref\n0\n%%EOF\n"
)
WAV = wav_of([math.sin(t / 9) for t in range(800)], 8000)


def png() -> bytes:
    buffer = io.BytesIO()
    PillowImage.new("RGB", (4, 3), "red").save(buffer, "PNG")
    return buffer.getvalue()


PNG = png()
WEATHER = Tool(
    "weather",
    "The weather in a city",
    {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
)


@dataclass
class City:
    name: str
    people: int | None = None


def ask(prompt: Any = "Hello", *, model: str = "openai:gpt-4.1", **settings: Any) -> Request:
    return build(model, prompt, **settings)


def encoded(request: Request, **how: Any) -> OpenAIEncoded:
    return encode(request, **{"dialect": OPENAI, "api": None, "stream": False, **how})


def body(request: Request, **how: Any) -> dict[str, Any]:
    return json.loads(bytes(encoded(request, **how).body))


def chat(request: Request, **how: Any) -> dict[str, Any]:
    return body(request, api="chat", **how)


def responses(request: Request, **how: Any) -> dict[str, Any]:
    return body(request, api="responses", **how)


def codes(request: Request, **how: Any) -> list[str]:
    return [warning.code for warning in encoded(request, **how).warnings]


# --- routing ---


@pytest.mark.parametrize(
    ("settings", "api"),
    [
        ({}, "responses"),
        ({"max_output_tokens": 16}, "responses"),
        ({"max_output_tokens": 15}, "chat"),
        ({"stop": ["."]}, "chat"),
        ({"seed": 0}, "chat"),
        ({"choices": 2}, "chat"),
        ({"modalities": ("text", "audio")}, "chat"),
        ({"prompt": [Audio(WAV), "?"]}, "chat"),
        ({"logprobs": 2, "temperature": 0.5, "top_p": 0.9, "reasoning": "low"}, "responses"),
    ],
)
def test_openai_gets_responses_unless_only_chat_can_carry_it(
    settings: dict[str, Any], api: str
) -> None:
    assert encoded(ask(**settings)).api == api


def test_audio_inside_a_tool_result_routes_to_chat_too() -> None:
    result = Message("tool", [ToolResult("c1", [Audio(WAV)])])
    with pytest.raises(UnsupportedContent, match="text alone"):
        encoded(ask([Message("user", "?"), result]))


def test_other_servers_get_chat_and_a_pin_wins() -> None:
    assert encoded(ask(), dialect=PLAIN).api == "chat"
    assert encoded(ask(), dialect=PLAIN, api="responses").api == "responses"
    assert encoded(ask(), api="chat").api == "chat"


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"stop": "."}, "stop"),
        ({"seed": 1}, "seed"),
        ({"choices": 2}, "choices"),
        ({"modalities": ["text", "audio"]}, "modalities"),
        ({"max_output_tokens": 3}, "max_output_tokens"),
        ({"options": OpenAIOptions(voice="ash")}, "options.voice"),
    ],
)
def test_what_pinned_responses_lacks_raises_or_is_dropped_with_a_warning(
    settings: dict[str, Any], name: str
) -> None:
    with pytest.raises(UnsupportedSetting) as caught:
        encoded(ask(**settings), api="responses")
    assert caught.value.setting == name
    lenient = encoded(ask(**settings, lenient=True), api="responses")
    assert [(w.code, w.detail) for w in lenient.warnings] == [("setting_dropped", name)]
    assert json.loads(bytes(lenient.body)).keys() == {"model", "input", "store"}


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"previous_response_id": "resp_1"}, "options.previous_response_id"),
        ({"reasoning_summary": "auto"}, "options.reasoning_summary"),
        ({"voice": "ash"}, "options.voice"),
        ({"audio_format": "mp3"}, "options.audio_format"),
    ],
)
def test_what_chat_lacks_raises_or_is_dropped_with_a_warning(
    options: dict[str, Any], name: str
) -> None:
    request = ask(options=OpenAIOptions(**options))
    with pytest.raises(UnsupportedSetting, match=name):
        encoded(request, api="chat")
    lenient = ask(options=OpenAIOptions(**options), lenient=True)
    assert codes(lenient, api="chat") == ["setting_dropped"]


# --- settings ---


def test_settings_on_chat() -> None:
    request = ask(
        max_output_tokens=9, temperature=0.5, top_p=0.9, stop=["a", "b"], seed=7, logprobs=3,
        choices=2, reasoning="high",
    )  # fmt: skip
    expected = {
        "model": "gpt-4.1",
        "messages": [{"role": "user", "content": "Hello"}],
        "max_completion_tokens": 9,
        "temperature": 0.5,
        "top_p": 0.9,
        "stop": ["a", "b"],
        "seed": 7,
        "logprobs": True,
        "top_logprobs": 3,
        "n": 2,
        "reasoning_effort": "high",
    }
    assert chat(request) == expected
    expected["max_tokens"] = expected.pop("max_completion_tokens")
    assert chat(request, dialect=PLAIN) == expected
    expected |= {"stream": True, "stream_options": {"include_usage": True}}
    assert chat(request, dialect=PLAIN, stream=True) == expected


def test_settings_on_responses() -> None:
    request = ask(
        system="Be brief.",
        max_output_tokens=99,
        temperature=0,
        top_p=0.9,
        logprobs=0,
        reasoning="low",
        options=OpenAIOptions(
            service_tier="flex",
            prompt_cache_key="k",
            reasoning_summary="auto",
            verbosity="low",
            user="u",
            safety_identifier="s",
            parallel_tool_calls=False,
        ),
    )
    assert responses(request) == {
        "model": "gpt-4.1",
        "input": [{"role": "user", "content": [{"type": "input_text", "text": "Hello"}]}],
        "instructions": "Be brief.",
        "store": False,
        "max_output_tokens": 99,
        "temperature": 0,
        "top_p": 0.9,
        "top_logprobs": 0,
        "include": ["reasoning.encrypted_content", "message.output_text.logprobs"],
        "reasoning": {"effort": "low", "summary": "auto"},
        "text": {"verbosity": "low"},
        "service_tier": "flex",
        "prompt_cache_key": "k",
        "user": "u",
        "safety_identifier": "s",
        "parallel_tool_calls": False,
    }
    assert responses(request, stream=True)["stream"] is True


@pytest.mark.parametrize(
    ("model", "asked"),
    [
        ("gpt-5.6-sol", True),
        ("gpt-5", True),
        ("o4-mini", True),
        ("gpt-6-luna", True),
        ("gpt-4o", False),
        ("gpt-4.1-mini", False),
        ("gpt-5-chat-latest", False),
    ],
)
def test_encrypted_reasoning_is_asked_of_reasoning_models_alone(model: str, asked: bool) -> None:
    # Others answer 400, "Encrypted content is not supported with this model".
    assert ("include" in responses(ask(model=f"openai:{model}"))) is asked


def test_stored_responses() -> None:
    options = OpenAIOptions(store=True, previous_response_id="resp_0")
    sent = responses(ask(model="openai:gpt-5.6-sol", options=options))
    assert sent["store"] is True
    assert sent["previous_response_id"] == "resp_0"
    assert "include" not in sent
    assert chat(ask(options=OpenAIOptions(store=True, verbosity="high"))) == {
        "model": "gpt-4.1",
        "messages": [{"role": "user", "content": "Hello"}],
        "store": True,
        "verbosity": "high",
    }


def test_tags_become_metadata_where_openai_takes_it() -> None:
    request = ask(tags={"team": "a"})
    assert responses(request)["metadata"] == {"team": "a"}
    assert "metadata" not in chat(request)
    stored = ask(tags={"team": "a"}, options=OpenAIOptions(store=True))
    assert chat(stored)["metadata"] == {"team": "a"}
    assert "metadata" not in chat(stored, dialect=PLAIN)


def test_extra_body_comes_last_and_none_takes_a_field_out() -> None:
    extra = OpenAIOptions(extra_body={"top_k": 5, "temperature": 1, "stream_options": None})
    sent = chat(ask(temperature=0, options=extra), stream=True)
    assert (sent["top_k"], sent["temperature"], "stream_options" in sent) == (5, 1, False)


def test_spoken_answers() -> None:
    request = ask(modalities=["text", "audio"])
    assert chat(request)["modalities"] == ["text", "audio"]
    assert chat(request)["audio"] == {"voice": "alloy", "format": "wav"}
    assert chat(request, stream=True)["audio"]["format"] == "pcm16"
    assert encoded(request, stream=True).audio_mime == "audio/pcm;rate=24000"
    chosen = OpenAIOptions(voice="ash", audio_format="mp3")
    asked = encoded(ask(modalities=["text", "audio"], options=chosen))
    assert json.loads(bytes(asked.body))["audio"] == {"voice": "ash", "format": "mp3"}
    assert asked.audio_mime == "audio/mpeg"


def test_another_providers_options_raise() -> None:
    with pytest.raises(BadRequestError, match="OpenAIOptions, not dict"):
        encoded(ask(options={"store": True}))


@pytest.mark.parametrize("value", ["\ud800", object()])
def test_what_json_cannot_say_is_a_bad_request(value: Any) -> None:
    with pytest.raises(BadRequestError, match="JSON"):
        encoded(ask(options=OpenAIOptions(extra_body={"x": value})))


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
    form = chat(ask(output=City))["response_format"]
    assert form == {
        "type": "json_schema",
        "json_schema": {"name": "City", "schema": schema, "strict": True},
    }
    form = responses(ask(output=City))["text"]["format"]
    assert form == {"type": "json_schema", "name": "City", "schema": schema, "strict": True}


def test_a_schema_that_cannot_be_strict_is_sent_with_a_warning() -> None:
    request = ask(output=dict[str, int])
    assert chat(request)["response_format"]["json_schema"]["strict"] is False
    assert codes(request) == ["schema_not_strict"]


def test_tools() -> None:
    request = ask(tools=[WEATHER])
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
    sent = chat(ask(tools=[tool]))["tools"][0]["function"]
    assert sent["strict"] is True
    assert sent["parameters"]["additionalProperties"] is False
    assert responses(ask(tools=[tool]))["tools"][0]["strict"] is True
    loose = Tool("any", "", {"type": "object", "additionalProperties": True}, strict=True)
    with pytest.raises(BadRequestError, match="strict"):
        encoded(ask(tools=[loose]))


def test_tool_parameters_may_be_any_mapping() -> None:
    parameters = MappingProxyType({"type": "object", "properties": MappingProxyType({})})
    sent = chat(ask(tools=[Tool("now", "", parameters)]))
    assert sent["tools"][0]["function"]["parameters"] == {"type": "object", "properties": {}}


@pytest.mark.parametrize("mode", ["none", "required"])
def test_tool_choice(mode: str) -> None:
    assert chat(ask(tools=[WEATHER], tool_choice=mode))["tool_choice"] == mode
    assert responses(ask(tools=[WEATHER], tool_choice=mode))["tool_choice"] == mode
    named = ask(tools=[WEATHER], tool_choice="weather")
    assert responses(named)["tool_choice"] == {"type": "function", "name": "weather"}
    function = {"type": "function", "function": {"name": "weather"}}
    assert chat(named)["tool_choice"] == function


def test_a_choice_without_tools() -> None:
    assert "tool_choice" not in chat(ask(tool_choice="none"))
    with pytest.raises(BadRequestError, match="needs tools"):
        encoded(ask(tool_choice="required"))


# --- content ---


def data_url(data: bytes, mime: str) -> str:
    return f"data:{mime};base64,{base64.b64encode(data).decode()}"


def test_pictures() -> None:
    prompt = ["What?", Image(PNG, detail="low"), Image("https://example.org/a.png")]
    assert chat(ask(prompt))["messages"][0]["content"] == [
        {"type": "text", "text": "What?"},
        {"type": "image_url", "image_url": {"url": data_url(PNG, "image/png"), "detail": "low"}},
        {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}},
    ]
    assert responses(ask(prompt))["input"][0]["content"] == [
        {"type": "input_text", "text": "What?"},
        {"type": "input_image", "image_url": data_url(PNG, "image/png"), "detail": "low"},
        {"type": "input_image", "image_url": "https://example.org/a.png", "detail": "auto"},
    ]


def test_original_detail_is_for_responses_alone() -> None:
    request = ask(Image(PNG, detail="original"))
    assert responses(request)["input"][0]["content"][0]["detail"] == "original"
    with pytest.raises(UnsupportedSetting, match="auto, low and high"):
        encoded(request, api="chat")


def test_recordings_go_to_chat() -> None:
    (piece,) = body(ask(Audio(WAV)))["messages"][0]["content"]
    data = base64.b64encode(WAV).decode()
    assert piece == {"type": "input_audio", "input_audio": {"data": data, "format": "wav"}}
    (piece,) = body(ask(Audio(b"ID3", mime_type="audio/mpeg")))["messages"][0]["content"]
    assert piece["input_audio"]["format"] == "mp3"


def test_documents() -> None:
    held = Document(FileRef("openai", "file-1"))
    named = Document(PDF, name="a.pdf")
    file_data = data_url(PDF, "application/pdf")
    assert chat(ask([named, Document(PDF), held]))["messages"][0]["content"] == [
        {"type": "file", "file": {"filename": "a.pdf", "file_data": file_data}},
        {"type": "file", "file": {"filename": "document.pdf", "file_data": file_data}},
        {"type": "file", "file": {"file_id": "file-1"}},
    ]
    remote = Document("https://example.org/a.pdf")
    assert responses(ask([named, held, remote]))["input"][0]["content"] == [
        {"type": "input_file", "filename": "a.pdf", "file_data": file_data},
        {"type": "input_file", "file_id": "file-1"},
        {"type": "input_file", "file_url": "https://example.org/a.pdf"},
    ]


def test_pictures_that_openai_holds_go_to_responses() -> None:
    request = ask(Image(FileRef("openai", "file-1")))
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
        encoded(ask([part, "?"]), **how)
    assert caught.value.part == kind
    assert (caught.value.provider, caught.value.model) == ("openai", "gpt-4.1")


def test_other_servers_may_take_other_pictures() -> None:
    sent = chat(ask(Image(b"BM", mime_type="image/bmp")), dialect=PLAIN)
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
        encoded(ask([Message("user", "Hello"), Message(role, part)]), api=api)


# --- conversations ---

CALLS = [
    ToolCall("c1", "weather", {"city": "Paris"}),
    ToolCall("c2", "weather", {}, raw='{"city":'),
    ToolCall("c3", "now"),
]
TURNS = [
    Message("system", "Be brief."),
    Message("user", "Weather?"),
    Message("assistant", ["Looking.", *CALLS]),
    Message("tool", [ToolResult("c1", "Sunny"), ToolResult("c2", ["a", "b"], is_error=True)]),
    Message("user", [ToolResult("c3", is_error=True), "And now?"]),
]


def test_tools_over_several_turns_on_chat() -> None:
    def call(id: str, name: str, arguments: str) -> dict[str, Any]:
        return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}

    parts = [{"type": "text", "text": "Error: a"}, {"type": "text", "text": "b"}]
    assert chat(ask(TURNS))["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Weather?"},
        {
            "role": "assistant",
            "content": "Looking.",
            "tool_calls": [
                call("c1", "weather", '{"city":"Paris"}'),
                call("c2", "weather", '{"city":'),
                call("c3", "now", "{}"),
            ],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "Sunny"},
        {"role": "tool", "tool_call_id": "c2", "content": parts},
        {"role": "tool", "tool_call_id": "c3", "content": "Error: "},
        {"role": "user", "content": "And now?"},
    ]


def test_tools_over_several_turns_on_responses() -> None:
    def call(id: str, name: str, arguments: str) -> dict[str, Any]:
        return {"type": "function_call", "call_id": id, "name": name, "arguments": arguments}

    def output(id: str, output: Any) -> dict[str, Any]:
        return {"type": "function_call_output", "call_id": id, "output": output}

    parts = [{"type": "input_text", "text": "Error: a"}, {"type": "input_text", "text": "b"}]
    said = [{"type": "output_text", "text": "Looking."}]
    assert responses(ask(TURNS))["input"] == [
        {"role": "system", "content": [{"type": "input_text", "text": "Be brief."}]},
        {"role": "user", "content": [{"type": "input_text", "text": "Weather?"}]},
        {"type": "message", "role": "assistant", "content": said},
        call("c1", "weather", '{"city":"Paris"}'),
        call("c2", "weather", '{"city":'),
        call("c3", "now", "{}"),
        output("c1", "Sunny"),
        output("c2", parts),
        output("c3", "Error: "),
        {"role": "user", "content": [{"type": "input_text", "text": "And now?"}]},
    ]


def test_pictures_in_tool_results_go_to_responses() -> None:
    turns = [
        Message("user", "Draw."),
        Message("assistant", ToolCall("c", "draw")),
        Message("tool", ToolResult("c", [Image(PNG)], is_error=True)),
    ]
    output = body(ask(turns))["input"][-1]["output"]
    assert [piece["type"] for piece in output] == ["input_text", "input_image"]
    with pytest.raises(UnsupportedContent, match="user message after it"):
        encoded(ask(turns), api="chat")


def test_an_assistants_own_turns() -> None:
    turns = [
        Message("user", "Hello"),
        Message("assistant", [Text("No.", refusal=True)]),
        Message("assistant", []),
        Message("user", "Please"),
    ]
    _, refusal, empty, _ = chat(ask(turns))["messages"]
    assert refusal["content"] == [{"type": "refusal", "refusal": "No."}]
    assert empty == {"role": "assistant", "content": ""}
    assert chat(ask(turns), dialect=PLAIN)["messages"][1]["content"] == "No."
    assert responses(ask(turns))["input"][1]["content"] == [{"type": "refusal", "refusal": "No."}]


def test_spoken_answers_go_back_as_their_transcripts() -> None:
    spoken = Message("assistant", ["Hi.", Audio(b"RIFF", mime_type="audio/wav")])
    request = ask([Message("user", "Hello"), spoken, Message("user", "Again")])
    sent = encoded(request, api="chat")
    assert json.loads(bytes(sent.body))["messages"][1] == {"role": "assistant", "content": "Hi."}
    assert [warning.code for warning in sent.warnings] == ["audio_dropped"]
    assert codes(request, api="responses") == ["audio_dropped"]
    silent = [Message("assistant", Image(PNG)), Message("user", "?")]
    with pytest.raises(UnsupportedContent, match="user message"):
        encoded(ask(silent))


REASONING = {
    "id": "rs_1",
    "type": "reasoning",
    "summary": [{"type": "summary_text", "text": "Hm."}],
    "encrypted_content": "gAAA…",
}


def reasoned(*parts: Any) -> Request:
    return ask([Message("user", "?"), Message("assistant", [*parts]), Message("user", "!")])


def test_opaque_reasoning_goes_back_unchanged_before_its_call() -> None:
    thought = Reasoning("Hm.", "openai", json.dumps(REASONING))
    request = reasoned(thought, ToolCall("c", "f"), "Text")
    _, first, second, third, _ = responses(request)["input"]
    assert first == REASONING
    assert (second["type"], third["type"]) == ("function_call", "message")
    assert codes(request) == []


@pytest.mark.parametrize(
    "thought",
    [
        Reasoning("Hm."),
        Reasoning("Hm.", "anthropic", '{"type": "thinking"}'),
        Reasoning("Hm.", "openai", '{"reasoning_content": "Hm."}'),
        Reasoning("Hm.", "openai", json.dumps({**REASONING, "encrypted_content": None})),
    ],
)
def test_reasoning_that_openai_would_not_know_again_stays_behind(thought: Reasoning) -> None:
    request = reasoned(thought, "Text")
    assert [item.get("type") for item in responses(request)["input"]] == [None, "message", None]
    assert codes(request) == ["reasoning_dropped"]
    assert codes(reasoned(thought, thought, "Text"), api="chat") == ["reasoning_dropped"]


def test_stored_reasoning_is_known_by_its_id() -> None:
    item = {"id": "rs_1", "type": "reasoning", "summary": []}
    turns = reasoned(Reasoning("", "openai", json.dumps(item)), "Text").messages
    sent = responses(ask(list(turns), options=OpenAIOptions(store=True)))
    assert sent["input"][1] == item


def test_the_phase_of_a_message_and_the_vendors_own_tools_go_back() -> None:
    search = {"type": "web_search_call", "id": "ws_1", "status": "completed"}
    request = reasoned(
        Reasoning("", "openai", '{"type":"message","phase":"commentary"}'),
        "Let me see.",
        Reasoning("", "openai", json.dumps(search)),
        "Found.",
    )
    _, first, second, third, _ = responses(request)["input"]
    assert first["phase"] == "commentary"
    assert second == search
    assert "phase" not in third


def test_compatible_reasoning_goes_back_with_its_calls_in_its_own_field() -> None:
    thought = Reasoning("Hm.", "openai", '{"reasoning_content":"Hm."}')
    sent = chat(reasoned(thought, ToolCall("c", "f")), dialect=PLAIN)["messages"][1]
    assert sent["reasoning_content"] == "Hm."
    plain = encoded(reasoned(thought, "Text"), dialect=PLAIN)
    assert "reasoning_content" not in json.loads(bytes(plain.body))["messages"][1]
    assert [warning.code for warning in plain.warnings] == ["reasoning_dropped"]


def test_what_a_server_wants_back_with_a_call() -> None:
    extra = '{"extra_content":{"google":{"thought_signature":"x"}}}'
    call = ToolCall("c", "f", provider="openai", opaque=extra)
    sent = chat(reasoned(call), dialect=PLAIN)["messages"][1]["tool_calls"][0]
    assert sent["extra_content"] == {"google": {"thought_signature": "x"}}
    foreign = ToolCall("c", "f", provider="google", opaque=extra)
    assert "extra_content" not in chat(reasoned(foreign))["messages"][1]["tool_calls"][0]


def test_an_opaque_item_that_is_no_json() -> None:
    with pytest.raises(BadRequestError, match="opaque"):
        encoded(reasoned(Reasoning("", "openai", "{")))


# --- cache marks ---


def test_cache_marks_reach_the_models_that_know_them() -> None:
    prompt = [Text("Long.", cache=True), Image(PNG, cache="1h"), "?"]
    request = ask(prompt, model="openai:gpt-5.6-sol")
    mark = {"mode": "explicit"}
    for pieces in (
        responses(request)["input"][0]["content"],
        chat(request)["messages"][0]["content"],
    ):
        assert [piece.get("prompt_cache_breakpoint") for piece in pieces] == [mark, mark, None]
    assert codes(request) == ["cache_lifetime"]


@pytest.mark.parametrize("model", ["gpt-5.5", "gpt-4.1", "o4-mini", "computer-use"])
def test_cache_marks_elsewhere_are_ignored_with_a_warning(model: str) -> None:
    request = ask(Text("Long.", cache=True), model=f"openai:{model}")
    assert "prompt_cache_breakpoint" not in bytes(encoded(request).body).decode()
    assert codes(request) == ["cache_mark_ignored"]
    new = ask(Text("Long.", cache=True), model="openai:gpt-6-luna")
    assert codes(new) == []
    assert codes(new, dialect=PLAIN) == ["cache_mark_ignored"]


def test_cache_marks_on_results_and_answers() -> None:
    turns = [
        Message("user", "?"),
        Message("assistant", [Text("Hm.", cache=True), ToolCall("c", "f")]),
        Message("tool", ToolResult("c", "Done", cache=True)),
    ]
    request = ask(turns, model="openai:gpt-5.6-sol")
    assert "prompt_cache_breakpoint" in responses(request)["input"][-1]["output"][0]
    assert "prompt_cache_breakpoint" in chat(request)["messages"][-1]["content"][0]
    assert codes(request) == ["cache_mark_ignored"]


# --- other servers than OpenAI ---


def test_another_server_gets_no_voice_of_openais() -> None:
    spoken = ask(modalities=("text", "audio"))
    assert chat(spoken)["audio"] == {"voice": "alloy", "format": "wav"}
    assert chat(spoken, dialect=PLAIN)["audio"] == {"format": "wav"}
    assert codes(spoken, dialect=PLAIN) == ["audio_format"]
    chosen = OpenAIOptions(voice="nova", audio_format="mp3")
    spoken = ask(modalities=("text", "audio"), options=chosen)
    assert chat(spoken, dialect=PLAIN)["audio"] == {"voice": "nova", "format": "mp3"}
    assert codes(spoken, dialect=PLAIN) == []


def test_documents_that_are_no_pdf_go_to_responses() -> None:
    notes = ask([Document(b"# Notes", mime_type="text/markdown"), "?"])
    assert encoded(notes).api == "responses"
    part = responses(notes)["input"][0]["content"][0]
    assert part["file_data"].startswith("data:text/markdown;base64,")
    with pytest.raises(UnsupportedContent, match="PDF documents, not text/markdown"):
        chat(notes)
