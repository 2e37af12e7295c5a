"""Tools and reasoning with templates and models that use them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import fmsdk
from fmsdk.errors import UnsupportedContent, UnsupportedSetting
from fmsdk_local import LocalOptions, unload
from fmsdk_local.models.capabilities import capabilities_of
from tests.local.conftest import CheckpointFactory
from tests.support.local import calls, tiny_checkpoints
from tests.support.local.tiny_checkpoints import TEXT_TEMPLATE

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


HARMONY = ("<|channel|>", "<|message|>", "<|start|>", "<|end|>", "<|call|>", "<|return|>")
HARMONY_TEMPLATE = (
    "{% if tools %}<|start|>developer<|message|>{{ tools | tojson }}<|end|>{% endif %}"
    "{% for message in messages %}<|start|>{{ message.role }}"
    "{% if message.role == 'assistant' %}<|channel|>final{% endif %}<|message|>"
    "{{ message.content }}{{ '<|return|>' if loop.last else '<|end|>' }}{% endfor %}"
    "{% if add_generation_prompt %}<|start|>assistant{% endif %}"
)
XML = "<tool_call>\n<function=weather>\n<parameter=city>\nRom\n</parameter></function></tool_call>"
DEEPSEEK = (
    "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>weather\n```json\n"
    '{"city": "Rom"}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>'
)
THOUGHT = "<|channel|>analysis<|message|>Hm, so<|end|><|start|>assistant"
TO_WEATHER = '<|channel|>commentary to=functions.weather<|message|>{"city": "Rom"}<|call|>'
# The template, the control tokens, and the text of a call.
DIALECTS: dict[str, tuple[str, tuple[str, ...], str]] = {
    "qwen3-coder": (TEXT_TEMPLATE, (), XML + "<|im_end|>"),
    "deepseek": (
        TEXT_TEMPLATE + "{# <｜tool▁calls▁begin｜> #}",
        tuple(sorted(set(re.findall("<｜[^｜]*｜>", DEEPSEEK)))),
        DEEPSEEK + "<|im_end|>",
    ),
    "fenced": (
        TEXT_TEMPLATE,
        (),
        '```json\n{"name": "weather", "arguments": {"city": "Rom"}}\n```<|im_end|>',
    ),
    "pythonic": (TEXT_TEMPLATE, (), "[weather(city='Rom')]<|im_end|>"),
    "phi-4-mini": (
        TEXT_TEMPLATE,
        (),
        'functools[{"name": "weather", "arguments": {"city": "Rom"}}]<|im_end|>',
    ),
    "gpt-oss": (HARMONY_TEMPLATE, HARMONY, THOUGHT + TO_WEATHER),
}
LONG = {"temperature": 0, "max_output_tokens": 60}


def ask(
    path: Path, text: str, template: str, special: tuple[str, ...], **settings: Any
) -> list[fmsdk.Response]:
    """The answers, whole and streamed, of a model that writes `text`."""
    say = [piece for piece in re.split(r"(<[^<>\n]*>)|(?<=[ \n])", text) if piece]
    tokens = 1
    for _ in range(2):  # the first answer says how long the prompt is
        tiny_checkpoints.reciting_model(
            path, say, prompt_tokens=tokens, template=template, special=special
        )
        whole = calls.client().generate(f"local:{path}", "Weather?", **settings, **LONG)
        with calls.client().stream(f"local:{path}", "Weather?", **settings, **LONG) as stream:
            list(stream)
        unload(str(path))
        tokens = whole.usage.input.total or 0
    return [whole, stream.response]


@pytest.mark.parametrize("name", DIALECTS)
def test_calls_are_read_in_the_models_own_dialect(tmp_path: Path, name: str) -> None:
    template, special, text = DIALECTS[name]
    for answer in ask(tmp_path, text, template, special, tools=[weather]):
        assert [(call.name, call.arguments) for call in answer.tool_calls] == [
            ("weather", {"city": "Rom"})
        ]
        assert (answer.text, answer.finish, answer.warnings) == ("", "tool_calls", ())
        assert answer.reasoning == ("Hm, so" if name == "gpt-oss" else "")


@pytest.mark.parametrize("shows_channel", [True, False])
def test_channels_are_reasoning_and_text(tmp_path: Path, shows_channel: bool) -> None:
    template = HARMONY_TEMPLATE if shows_channel else HARMONY_TEMPLATE.replace("<|channel|>", "")
    text = THOUGHT + "<|channel|>final<|message|>Paris<|return|>"
    for answer in ask(tmp_path, text, template, HARMONY):
        assert (answer.reasoning, answer.text, answer.finish) == ("Hm, so", "Paris", "stop")


@pytest.mark.parametrize("name", ["qwen3-coder", "deepseek", "phi-4-mini", "gpt-oss"])
def test_a_call_of_no_tool_is_told(tmp_path: Path, name: str) -> None:
    template, special, text = DIALECTS[name]
    for answer in ask(
        tmp_path, text.replace("weather", "news"), template, special, tools=[weather]
    ):
        assert answer.tool_calls == ()
        assert "Rom" in answer.text
        assert [warning.code for warning in answer.warnings] == ["tool_call_unreadable"]


def test_a_template_whose_calls_cannot_be_read_takes_no_tools(tmp_path: Path) -> None:
    template = TEXT_TEMPLATE.replace("tool_call>", "own:call>")
    path = tiny_checkpoints.llama(tmp_path, template=template)
    assert not capabilities_of(path).tools
    with pytest.raises(UnsupportedSetting, match="tools"):
        calls.client().generate(f"local:{path}", "Weather?", tools=[weather], **SHORT)
    answer = calls.client().generate(
        f"local:{path}", "Weather?", tools=[weather], lenient=True, **SHORT
    )
    assert [warning.code for warning in answer.warnings] == ["setting_dropped"]
    unload(str(path))
