"""Settings, output and tools as bodies of the Messages API, and what is said of the rest."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fmsdk.errors import BadRequestError, UnsupportedSetting
from fmsdk.request import Tool
from fmsdk_anthropic import AnthropicOptions
from fmsdk_anthropic.encode import encode
from tests.support.anthropic.encoding import BARE, EPHEMERAL, WEATHER, City, codes, options
from tests.support.anthropic.provider import body, build_request

# --- settings ---


def test_minimal_request() -> None:
    assert body(build_request("Hi")) == {
        "model": "claude-sonnet-4-6",
        "max_tokens": 128_000,
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}],
    }
    assert body(build_request("Hi"), stream=True)["stream"] is True


@pytest.mark.parametrize(
    ("model", "limit"),
    [
        ("claude-haiku-4-5", 64_000),
        ("claude-haiku-4-5-20251001", 64_000),
        ("claude-opus-9", 32_000),
        ("claude-3-opus-20240229", 4096),
        ("smollm2", 4096),
    ],
)
def test_an_unlimited_answer_may_be_as_long_as_the_models_longest(model: str, limit: int) -> None:
    assert body(build_request(model=f"anthropic:{model}"))["max_tokens"] == limit
    assert body(build_request(model=f"anthropic:{model}", max_output_tokens=7))["max_tokens"] == 7


def test_settings() -> None:
    sent = body(build_request(system="Be brief.", stop=["a", "b"], temperature=0.5, top_p=0.9))
    assert sent["system"] == "Be brief."
    assert sent["stop_sequences"] == ["a", "b"]
    assert (sent["temperature"], sent["top_p"]) == (0.5, 0.9)


def test_sampling_asks_for_the_version_of_the_api_that_has_it() -> None:
    plain = encode(build_request(), stream=False)
    sampled = encode(build_request(options=AnthropicOptions(top_k=3)), stream=False)
    assert plain.headers == {}
    assert sampled.headers == {"anthropic-version": "2023-06-01"}
    assert json.loads(bytes(sampled.body))["top_k"] == 3


@pytest.mark.parametrize("model", ["claude-opus-4-7", "claude-sonnet-5", "claude-mythos-preview"])
@pytest.mark.parametrize("setting", ["temperature", "top_p", "options.top_k"])
def test_sampling_that_newer_models_refuse(model: str, setting: str) -> None:
    name = setting.removeprefix("options.")
    how = {"options": AnthropicOptions(top_k=1)} if name != setting else {name: 1}
    with pytest.raises(UnsupportedSetting) as caught:
        body(build_request(model=f"anthropic:{model}", **how))
    assert caught.value.setting == setting
    lenient = encode(build_request(model=f"anthropic:{model}", lenient=True, **how), stream=False)
    assert name not in json.loads(bytes(lenient.body))
    assert lenient.headers == {}
    assert [warning.detail for warning in lenient.warnings] == [setting]


BUDGET, ADAPTIVE = "claude-sonnet-4-5", "claude-opus-4-6"


@pytest.mark.parametrize(
    ("model", "effort", "thinking", "config"),
    [
        (BUDGET, "minimal", {"type": "enabled", "budget_tokens": 1024}, None),
        (BUDGET, "high", {"type": "enabled", "budget_tokens": 16_384}, None),
        (BUDGET, "max", {"type": "enabled", "budget_tokens": 51_200}, None),
        (BUDGET, "none", {"type": "disabled"}, None),
        ("claude-3-7-sonnet-20250219", "low", {"type": "enabled", "budget_tokens": 2048}, None),
        (ADAPTIVE, "low", {"type": "adaptive"}, {"effort": "low"}),
        (ADAPTIVE, "none", {"type": "disabled"}, None),
        ("claude-opus-4-7", "xhigh", {"type": "adaptive"}, {"effort": "xhigh"}),
        ("claude-sonnet-5-5", "none", {"type": "between_tools"}, None),
        ("claude-haiku-5-5", "none", {"type": "disabled"}, None),
        ("claude-fable-5", "max", {"type": "adaptive"}, {"effort": "max"}),
        ("claude-3-5-sonnet-20241022", "none", None, None),
        ("us.anthropic.claude-opus-4-6-v1", "high", {"type": "adaptive"}, {"effort": "high"}),
        ("claude-opus-4@20250514", "low", {"type": "enabled", "budget_tokens": 2048}, None),
        ("anthropic/claude-sonnet-4.6", "low", {"type": "adaptive"}, {"effort": "low"}),
    ],
)
def test_reasoning_as_each_family_is_asked_for_it(
    model: str, effort: str, thinking: Any, config: Any
) -> None:
    sent = body(build_request(model=f"anthropic:{model}", reasoning=effort))
    assert sent.get("thinking") == thinking
    assert sent.get("output_config") == config


@pytest.mark.parametrize(
    ("model", "settings"),
    [
        ("claude-3-5-haiku-20241022", {"reasoning": "low"}),
        (ADAPTIVE, {"reasoning": "minimal"}),
        ("claude-opus-5-5", {"reasoning": "none"}),
        ("claude-mythos-5", {"reasoning": "none"}),
        (BUDGET, {"reasoning": "low", "max_output_tokens": 1024}),
        (ADAPTIVE, {"reasoning": "low", "options": AnthropicOptions(effort="high")}),
        (ADAPTIVE, {"reasoning": "low", "options": AnthropicOptions(thinking={"type": "x"})}),
    ],
)
def test_reasoning_that_a_model_does_not_do(model: str, settings: dict[str, Any]) -> None:
    with pytest.raises(UnsupportedSetting, match="reasoning"):
        body(build_request(model=f"anthropic:{model}", **settings))
    assert codes(build_request(model=f"anthropic:{model}", lenient=True, **settings)) == [
        "setting_dropped"
    ]


def test_thinking_budget_leaves_room_for_the_answer() -> None:
    sent = body(
        build_request(model=f"anthropic:{BUDGET}", reasoning="high", max_output_tokens=2000)
    )
    assert sent["thinking"]["budget_tokens"] == 1600
    sent = body(
        build_request(model=f"anthropic:{BUDGET}", reasoning="high", max_output_tokens=1100)
    )
    assert sent["thinking"]["budget_tokens"] == 1024


def test_thinking_as_it_stands_and_how_it_is_shown() -> None:
    given = {"type": "enabled", "budget_tokens": 4000}
    assert options(thinking=given)["thinking"] == given
    shown = options(thinking_display="summarized")
    assert shown["thinking"] == {"type": "adaptive", "display": "summarized"}
    assert "output_config" not in shown
    assert options(effort="low")["output_config"] == {"effort": "low"}
    with pytest.raises(UnsupportedSetting, match="thinking is not on"):
        options(thinking={"type": "disabled"}, thinking_display="omitted")


def test_options() -> None:
    sent = options(
        service_tier="standard_only",
        speed="fast",
        inference_geo="us",
        user_id="u1",
        container={"id": "c1"},
        cache="1h",
    )
    assert sent["service_tier"] == "standard_only"
    assert sent["speed"] == "fast"
    assert sent["inference_geo"] == "us"
    assert sent["metadata"] == {"user_id": "u1"}
    assert sent["container"] == {"id": "c1"}
    assert sent["cache_control"] == {"type": "ephemeral", "ttl": "1h"}


def test_betas_and_headers() -> None:
    given = AnthropicOptions(betas=("a-1", "b-2"), extra_headers={"x-team": "a"})
    encoded = encode(build_request(options=given), stream=False)
    assert encoded.path == "/v1/messages?beta=true"
    assert encoded.headers == {"anthropic-beta": "a-1,b-2", "x-team": "a"}
    assert encode(build_request(), stream=False).path == "/v1/messages"


def test_extra_body_comes_last_and_none_takes_a_field_out() -> None:
    sent = options(extra_body={"max_tokens": 5, "system": None, "mcp_servers": []})
    assert (sent["max_tokens"], sent["mcp_servers"]) == (5, [])
    assert "system" not in sent


def test_another_providers_options_raise() -> None:
    with pytest.raises(BadRequestError, match=r"import AnthropicOptions.*, not list"):
        body(build_request(options=["top_k"]))


# --- output and tools ---


def test_structured_output_is_closed() -> None:
    sent = body(build_request(output=City, reasoning="low"))["output_config"]
    assert sent["effort"] == "low"
    schema = sent["format"]["schema"]
    assert sent["format"]["type"] == "json_schema"
    assert schema["additionalProperties"] is False
    assert schema["required"] == ["name", "size"]


def test_limits_that_anthropic_refuses_move_into_descriptions() -> None:
    number = {"type": "integer", "minimum": 1, "maximum": 9, "description": "How many."}
    schema = {
        "type": "object",
        "properties": {
            "maximum": number,
            "list": {"type": "array", "items": number, "minItems": 2, "maxItems": 3},
            "some": {"type": "array", "items": {"type": "string"}, "minItems": 1},
        },
        "required": ["maximum", "list", "some"],
    }
    sent = body(build_request(output=schema))["output_config"]["format"]["schema"]["properties"]
    told = {"type": "integer", "description": "How many. (minimum: 1; maximum: 9)"}
    assert sent["maximum"] == told
    assert sent["list"]["items"] == told
    assert sent["list"]["description"] == "(minItems: 2; maxItems: 3)"
    assert sent["list"].keys() == {"type", "items", "description"}
    assert sent["some"]["minItems"] == 1


def test_a_schema_that_cannot_be_closed() -> None:
    with pytest.raises(UnsupportedSetting, match="free-form") as caught:
        body(build_request(output=dict[str, int]))
    assert caught.value.setting == "output"
    assert codes(build_request(output=dict[str, int], lenient=True)) == ["setting_dropped"]


def test_tools() -> None:
    strict = Tool("count", "", {"type": "object", "properties": {"n": {"type": "integer"}}}, True)
    sent = body(build_request(tools=[WEATHER, strict]))
    assert sent["tools"][0] == {
        "name": "weather",
        "description": "The weather",
        "input_schema": {"type": "object", "properties": {"city": {}}},
    }
    assert sent["tools"][1]["strict"] is True
    assert sent["tools"][1]["input_schema"]["additionalProperties"] is False
    assert "description" not in sent["tools"][1]
    assert "tool_choice" not in sent


@pytest.mark.parametrize(
    ("choice", "alone", "sent"),
    [
        ("auto", False, None),
        ("auto", True, {"type": "auto", "disable_parallel_tool_use": True}),
        ("none", True, {"type": "none"}),
        ("required", False, {"type": "any"}),
        ("required", True, {"type": "any", "disable_parallel_tool_use": True}),
        ("weather", False, {"type": "tool", "name": "weather"}),
    ],
)
def test_tool_choice(choice: str, alone: bool, sent: Any) -> None:
    given = AnthropicOptions(disable_parallel_tool_use=alone)
    assert (
        body(build_request(tools=[WEATHER], tool_choice=choice, options=given)).get("tool_choice")
        == sent
    )


def test_a_choice_without_tools() -> None:
    assert "tool_choice" not in body(build_request(tool_choice="none"))
    with pytest.raises(BadRequestError, match="needs tools"):
        body(build_request(tool_choice="required"))
    for name in ("cache_tools", "disable_parallel_tool_use"):
        with pytest.raises(UnsupportedSetting, match="there are no tools"):
            body(build_request(options=AnthropicOptions(**{name: True})))


def test_tools_that_anthropic_runs() -> None:
    search = {"type": "web_search_20250305", "name": "web_search"}
    given = AnthropicOptions(server_tools=(search,), cache_tools=True)
    sent = body(build_request(tools=[BARE], options=given))
    assert sent["tools"][1] == {**search, "cache_control": EPHEMERAL}
    assert "cache_control" not in sent["tools"][0]
    assert "cache_control" not in search
    alone = body(
        build_request(tool_choice="none", options=AnthropicOptions(server_tools=(search,)))
    )
    assert alone["tool_choice"] == {"type": "none"}
