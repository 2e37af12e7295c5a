"""Bodies as they go out: where they go, and what each setting becomes on each API."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fmsdk.content import (
    Audio,
    ToolResult,
)
from fmsdk.errors import BadRequestError, UnsupportedContent, UnsupportedSetting
from fmsdk.request import Message
from fmsdk_openai import OpenAIOptions
from fmsdk_openai.server_dialect import PLAIN_DIALECT
from tests.support.openai.encoding import WAV, build_request, chat, codes, encoded, responses

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
    assert encoded(build_request(**settings)).api == api


@pytest.mark.parametrize("model", ["gpt-5-pro", "o1-pro", "gpt-5.1-codex-mini", "o3-deep-research"])
def test_models_of_responses_alone_are_asked_there(model: str) -> None:
    assert encoded(build_request(model=f"openai:{model}")).api == "responses"
    with pytest.raises(UnsupportedSetting, match="seed"):
        encoded(build_request(model=f"openai:{model}", seed=7))


def test_audio_inside_a_tool_result_routes_to_chat_too() -> None:
    result = Message("tool", [ToolResult("c1", [Audio(WAV)])])
    with pytest.raises(UnsupportedContent, match="text only"):
        encoded(build_request([Message("user", "?"), result]))


def test_other_servers_get_chat_and_a_pin_wins() -> None:
    assert encoded(build_request(), dialect=PLAIN_DIALECT).api == "chat"
    assert encoded(build_request(), dialect=PLAIN_DIALECT, api="responses").api == "responses"
    assert encoded(build_request(), api="chat").api == "chat"


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
def test_settings_pinned_responses_lacks_raise_or_are_dropped(
    settings: dict[str, Any], name: str
) -> None:
    with pytest.raises(UnsupportedSetting) as caught:
        encoded(build_request(**settings), api="responses")
    assert caught.value.setting == name
    lenient = encoded(build_request(**settings, lenient=True), api="responses")
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
def test_settings_chat_lacks_raise_or_are_dropped_with_a_warning(
    options: dict[str, Any], name: str
) -> None:
    request = build_request(options=OpenAIOptions(**options))
    with pytest.raises(UnsupportedSetting, match=name):
        encoded(request, api="chat")
    lenient = build_request(options=OpenAIOptions(**options), lenient=True)
    assert codes(lenient, api="chat") == ["setting_dropped"]


# --- settings ---


def test_settings_on_chat() -> None:
    request = build_request(
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
    assert chat(request, dialect=PLAIN_DIALECT) == expected
    expected |= {"stream": True, "stream_options": {"include_usage": True}}
    assert chat(request, dialect=PLAIN_DIALECT, stream=True) == expected


def test_settings_on_responses() -> None:
    request = build_request(
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
    assert ("include" in responses(build_request(model=f"openai:{model}"))) is asked


def test_stored_responses() -> None:
    options = OpenAIOptions(store=True, previous_response_id="resp_0")
    sent = responses(build_request(model="openai:gpt-5.6-sol", options=options))
    assert sent["store"] is True
    assert sent["previous_response_id"] == "resp_0"
    assert "include" not in sent
    assert chat(build_request(options=OpenAIOptions(store=True, verbosity="high"))) == {
        "model": "gpt-4.1",
        "messages": [{"role": "user", "content": "Hello"}],
        "store": True,
        "verbosity": "high",
    }


def test_tags_become_metadata_where_openai_takes_it() -> None:
    request = build_request(tags={"team": "a"})
    assert responses(request)["metadata"] == {"team": "a"}
    assert "metadata" not in chat(request)
    stored = build_request(tags={"team": "a"}, options=OpenAIOptions(store=True))
    assert chat(stored)["metadata"] == {"team": "a"}
    assert "metadata" not in chat(stored, dialect=PLAIN_DIALECT)
    assert codes(request, api="chat") == codes(request, api="responses") == []


@pytest.mark.parametrize(
    ("tags", "sent"),
    [
        ({f"t{n}": "a" for n in range(20)}, {f"t{n}": "a" for n in range(16)}),
        ({"n" * 64: "a", "m" * 65: "a"}, {"n" * 64: "a"}),
        ({"a": "v" * 512, "b": "v" * 513}, {"a": "v" * 512}),
        ({"m" * 65: "a"}, None),
    ],
)
def test_tags_over_openais_limits_are_not_sent_with_a_warning(
    tags: dict[str, str], sent: dict[str, str] | None
) -> None:
    assert responses(build_request(tags=tags)).get("metadata") == sent
    assert codes(build_request(tags=tags), api="responses") == ["tag_not_sent"]
    assert codes(build_request(tags=tags), api="chat") == []


def test_extra_body_comes_last_and_none_takes_a_field_out() -> None:
    extra = OpenAIOptions(extra_body={"top_k": 5, "temperature": 1, "stream_options": None})
    sent = chat(build_request(temperature=0, options=extra), stream=True)
    assert (sent["top_k"], sent["temperature"], "stream_options" in sent) == (5, 1, False)


def test_spoken_answers() -> None:
    request = build_request(modalities=["text", "audio"])
    assert chat(request)["modalities"] == ["text", "audio"]
    assert chat(request)["audio"] == {"voice": "alloy", "format": "wav"}
    assert chat(request, stream=True)["audio"]["format"] == "pcm16"
    assert encoded(request, stream=True).audio_mime == "audio/pcm;rate=24000"
    chosen = OpenAIOptions(voice="ash", audio_format="mp3")
    asked = encoded(build_request(modalities=["text", "audio"], options=chosen))
    assert json.loads(bytes(asked.body))["audio"] == {"voice": "ash", "format": "mp3"}
    assert asked.audio_mime == "audio/mpeg"


def test_another_providers_options_raise() -> None:
    with pytest.raises(BadRequestError, match=r"import OpenAIOptions.*, not list"):
        encoded(build_request(options=["store"]))


@pytest.mark.parametrize("value", ["\ud800", object()])
def test_values_without_json_form_are_a_bad_request(value: Any) -> None:
    with pytest.raises(BadRequestError, match="JSON"):
        encoded(build_request(options=OpenAIOptions(extra_body={"x": value})))
