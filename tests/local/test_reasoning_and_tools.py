"""Tools and reasoning with templates and models that use them."""

from __future__ import annotations

import pytest

import fmsdk
from fmsdk.errors import UnsupportedContent, UnsupportedSetting
from fmsdk_local import LocalOptions
from tests.local.conftest import CheckpointFactory
from tests.support.local import calls

SHORT = {"temperature": 0, "max_output_tokens": 60}


def weather(city: str) -> str:
    """The weather in a city."""
    return f"sunny in {city}"


def test_a_model_that_calls_a_tool(tiny_checkpoint: CheckpointFactory) -> None:
    client = calls.client()
    model = f"local:{tiny_checkpoint('caller')}"
    answer = client.generate(model, "Weather?", tools=[weather], **SHORT)
    assert answer.finish == "tool_calls"
    assert [(call.name, call.arguments) for call in answer.tool_calls] == [
        ("weather", {"city": "Rom"})
    ]
    with client.stream(model, "Weather?", tools=[weather], **SHORT) as stream:
        events = list(stream)
    assert stream.response.finish == "tool_calls"
    assert [call.arguments for call in stream.response.tool_calls] == [{"city": "Rom"}]
    assert not any(isinstance(event, fmsdk.TextDelta) for event in events)
    result = fmsdk.ToolResult(answer.tool_calls[0].id, weather("Rom"))
    turns = [
        fmsdk.Message("user", "Weather?"),
        answer.message,
        fmsdk.Message("tool", result),
    ]
    again = client.generate(model, turns, tools=[weather], **SHORT)
    before = answer.usage.input.total
    assert before is not None
    assert again.usage.input.total is not None
    assert again.usage.input.total > before + 20


def test_without_tools_or_with_none_the_same_answer_is_text(
    tiny_checkpoint: CheckpointFactory,
) -> None:
    model = f"local:{tiny_checkpoint('caller')}"
    without_tools = calls.client().generate(model, "Weather?", **SHORT)
    assert without_tools.text.startswith("<tool_call>")
    assert without_tools.finish == "stop"
    with_none = calls.client().generate(
        model, "Weather?", tools=[weather], tool_choice="none", **SHORT
    )
    assert with_none.text == without_tools.text
    assert with_none.usage == without_tools.usage


@pytest.mark.parametrize("choice", ["required", "weather"])
def test_a_call_cannot_be_forced(tiny_checkpoint: CheckpointFactory, choice: str) -> None:
    with pytest.raises(UnsupportedSetting, match="tool_choice"):
        calls.client().generate(
            f"local:{tiny_checkpoint('llama')}", "Weather?", tools=[weather], tool_choice=choice
        )


def test_a_strict_tool_cannot_be_held_to_its_schema(tiny_checkpoint: CheckpointFactory) -> None:
    strict = fmsdk.Tool("weather", strict=True)
    with pytest.raises(UnsupportedSetting, match="strict"):
        calls.client().generate(f"local:{tiny_checkpoint('llama')}", "Weather?", tools=[strict])


def test_tools_without_a_place_in_the_template_are_not_lost(
    tiny_checkpoint: CheckpointFactory,
) -> None:
    model = f"local:{tiny_checkpoint('llava')}"
    with pytest.raises(UnsupportedSetting, match="tools"):
        calls.client().generate(model, "Weather?", tools=[weather])
    with pytest.raises(UnsupportedContent):
        calls.client().generate(
            model, [fmsdk.Message("tool", fmsdk.ToolResult("1", "sunny")), "Weather?"]
        )


def test_reasoning_is_apart_from_the_answer(tiny_checkpoint: CheckpointFactory) -> None:
    model = f"local:{tiny_checkpoint('thinker')}"
    answer = calls.client().generate(model, "Hi", **SHORT)
    assert (answer.reasoning, answer.text) == ("Hm.", "Yes")
    with calls.client().stream(model, "Hi", **SHORT) as stream:
        events = list(stream)
    thought = [event.text for event in events if isinstance(event, fmsdk.ReasoningDelta)]
    assert "".join(thought) == "Hm."
    assert len(thought) > 1
    assert stream.response.text == "Yes"


def test_reasoning_opened_by_the_template_is_seen(tiny_checkpoint: CheckpointFactory) -> None:
    """With the switch on, the prompt ends in <think>: the whole answer is inside."""
    model = f"local:{tiny_checkpoint('parrot')}"
    on = calls.client().generate(model, "Hi", reasoning="high", **calls.GREEDY)
    off = calls.client().generate(model, "Hi", reasoning="none", **calls.GREEDY)
    assert (on.text, off.reasoning) == ("", "")
    assert on.reasoning.startswith("😀")
    assert off.text.startswith("😀")
    same = LocalOptions(template={"enable_thinking": True})
    assert (
        calls.client().generate(model, "Hi", options=same, **calls.GREEDY).reasoning == on.reasoning
    )


def test_a_template_without_a_switch_for_reasoning_says_so(
    tiny_checkpoint: CheckpointFactory,
) -> None:
    with pytest.raises(UnsupportedSetting, match="reasoning"):
        calls.client().generate(f"local:{tiny_checkpoint('llava')}", "Hi", reasoning="high")


def test_a_variable_the_template_does_not_know_is_not_lost(
    tiny_checkpoint: CheckpointFactory,
) -> None:
    options = LocalOptions(template={"enable_thinkin": True})
    with pytest.raises(UnsupportedSetting, match="enable_thinkin"):
        calls.client().generate(f"local:{tiny_checkpoint('llama')}", "Hi", options=options)
