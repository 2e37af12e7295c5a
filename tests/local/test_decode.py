"""From a model's text to events: reasoning, tool calls, plain text, in any pieces."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from fmsdk.content import Part, Reasoning, Text, ToolCall
from fmsdk.response import ResponseAccumulator, TokenLogprob, ToolCallDelta
from fmsdk_local.decode import Dialect, HarmonyDecoder, TextDecoder, decode_finish

TOOLS: dict[str, Any] = {
    "weather": {
        "properties": {
            "city": {"type": "string"},
            "days": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
            "now": {"type": "boolean"},
        }
    },
    "add": {"properties": {"a": {"type": "integer"}, "b": {"type": ["array", "null"]}}},
}
CALL = '{"name": "weather", "arguments": {"city": "Zürich"}}'
ALPHABET = (
    "<think>", "</think>", "[THINK]", "[/THINK]", "<tool_call>", "</tool_call>", "[TOOL_CALLS]",
    "[ARGS]", CALL, "{", "}", "<", "</", "[", " ", "\n", "Hello", "weather", "ü",
    "<function=", "</function>", "<parameter=city>", "</parameter>", "weather>", "```", "json",
    "py", "functools[", "]", "[weather(city='Rom')]", "<|python_tag|>", "<｜tool▁calls▁begin｜>",
    "<｜tool▁calls▁end｜>", "<｜tool▁sep｜>", "<|tool_call|>", "<|/tool_call|>",
)  # fmt: skip


TAGGED, HARMONY = Dialect(has_calls=True), Dialect(harmony=True, has_calls=True)


def parts(
    pieces: list[str],
    tools: Mapping[str, Any] = TOOLS,
    *,
    in_reasoning: bool = False,
    dialect: Dialect = TAGGED,
) -> list[Part]:
    return decode(pieces, dialect.decoder(tools, in_reasoning=in_reasoning))


def decode(pieces: list[str], decoder: TextDecoder | HarmonyDecoder) -> list[Part]:
    accumulator = ResponseAccumulator()
    for piece in pieces:
        for event in decoder.decode_text(piece):
            accumulator.add(event)
    for event in decoder.decode_end():
        accumulator.add(event)
    return list(accumulator.response("local", "tiny").parts)


def without_call_ids(items: list[Part]) -> list[object]:
    """The parts without the random ids of calls."""
    return [(p.name, p.arguments) if isinstance(p, ToolCall) else p for p in items]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello", [Text("Hello")]),
        (" Hello", [Text(" Hello")]),
        ("", []),
        ("<think>Hm.</think>\n\nYes", [Reasoning("Hm."), Text("Yes")]),
        ("\n<think>\nHm.</think>Yes", [Reasoning("\nHm."), Text("Yes")]),
        ("[THINK]Hm.[/THINK]Yes", [Reasoning("Hm."), Text("Yes")]),
        ("<think></think>Yes", [Text("Yes")]),
        ("<think>cut off", [Reasoning("cut off")]),
        ("Say <think>", [Text("Say <think>")]),
        ("<thin air", [Text("<thin air")]),
        (f"<tool_call>\n{CALL}\n</tool_call>", [("weather", {"city": "Zürich"})]),
        (
            f"Sure.\n<tool_call>{CALL}</tool_call>\n<tool_call>{CALL}</tool_call>",
            [Text("Sure.\n"), *[("weather", {"city": "Zürich"})] * 2],
        ),
        (f"<tool_call>{CALL}", [("weather", {"city": "Zürich"})]),
        ('<tool_call>{"name": "add"}</tool_call>', [("add", {})]),
        (
            '<tool_call>{"name": "add", "arguments": "{\\"a\\": 1}"}</tool_call>',
            [("add", {"a": 1})],
        ),
        ('{"name": "add", "parameters": {"a": 1}}', [("add", {"a": 1})]),
        (f"[TOOL_CALLS][{CALL}, {CALL}]", [("weather", {"city": "Zürich"})] * 2),
        (
            '[TOOL_CALLS]add[ARGS]{"a": 1}[TOOL_CALLS]weather[CALL_ID]x1[ARGS]{"city": "Rom"}',
            [("add", {"a": 1}), ("weather", {"city": "Rom"})],
        ),
        ('[TOOL_CALLS]add{"a": 1}', [("add", {"a": 1})]),
        (
            f"<think>Ask.</think>\n<tool_call>{CALL}</tool_call>",
            [Reasoning("Ask."), ("weather", {"city": "Zürich"})],
        ),
        # Qwen3-Coder and Qwen3.5; the values are of the types that the schema declares.
        (
            (
                "<tool_call>\n<function=weather>\n<parameter=city>\nZürich\n</parameter>\n"
                "</function>\n</tool_call>"
            ),
            [("weather", {"city": "Zürich"})],
        ),
        (
            (
                "<tool_call><function=add><parameter=a>1</parameter><parameter=b>[2.5]</parameter>"
                "</function></tool_call>\n<tool_call>\n<function=add>\n</function>\n</tool_call>"
            ),
            [("add", {"a": 1, "b": [2.5]}), ("add", {})],
        ),
        (
            (
                "Sure.\n<function=weather>\n<parameter=city>\n42\n<parameter=days>\nnull\n"
                "</function>\n</tool_call>"
            ),
            [Text("Sure.\n"), ("weather", {"city": "42", "days": None})],
        ),
        (
            (
                "<function=weather><parameter=city>a\n<b>\n</parameter><parameter=now>True"
                "</parameter></function>"
            ),
            [("weather", {"city": "a\n<b>", "now": True})],
        ),
        ('<function=add>{"a": 1}</function>', [("add", {"a": 1})]),
        # GLM
        (
            "<tool_call>add\n<arg_key>a</arg_key>\n<arg_value>1</arg_value>\n</tool_call>",
            [("add", {"a": 1})],
        ),
        # DeepSeek V3 and V3.1
        (
            (
                "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>weather\n```json\n"
                '{"city": "Rom"}\n```<｜tool▁call▁end｜>\n<｜tool▁call▁begin｜>'
                "function<｜tool▁sep｜>add"
                '\n```json\n{"a": 1}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>'
            ),
            [("weather", {"city": "Rom"}), ("add", {"a": 1})],
        ),
        (
            (
                "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>"
                'add<｜tool▁sep｜>{"a": 1}<｜tool▁call▁end｜><｜tool▁calls▁end｜>'
            ),
            [("add", {"a": 1})],
        ),
        ('<｜tool▁call▁begin｜>add<｜tool▁sep｜>{"a": 1}<｜tool▁call▁end｜>', [("add", {"a": 1})]),
        # Phi-4-mini, Granite
        (f"functools[{CALL}, {CALL}]", [("weather", {"city": "Zürich"})] * 2),
        (f"<|tool_call|>[{CALL}]<|/tool_call|>", [("weather", {"city": "Zürich"})]),
        (f"<|tool_call|>[{CALL}]", [("weather", {"city": "Zürich"})]),
        # Llama 3.1, 3.2, 4
        ('<|python_tag|>{"name": "add", "parameters": {"a": 1}}', [("add", {"a": 1})]),
        (
            (
                '<|python_tag|>{"type": "function", "name": "add", "parameters": {"a": 1}}; '
                '{"name": "add", "parameters": {"a": 2}}'
            ),
            [("add", {"a": 1}), ("add", {"a": 2})],
        ),
        ('<|python_tag|>weather.call(city="Rom")', [("weather", {"city": "Rom"})]),
        (
            "[weather(city='Rom', days=None), add(a=-1, b=[2.5])]",
            [("weather", {"city": "Rom", "days": None}), ("add", {"a": -1, "b": [2.5]})],
        ),
        ("[add(1, b=[2])]", [("add", {"a": 1, "b": [2]})]),
        ('<|python_start|>[weather(city="Rom")]<|python_end|>', [("weather", {"city": "Rom"})]),
        (f"[{CALL}]", [("weather", {"city": "Zürich"})]),
        ('{"type": "function", "function": {"name": "add", "arguments": {}}}', [("add", {})]),
        (
            "<tool_call>{'name': 'add', 'arguments': {'a': True}}</tool_call>",
            [("add", {"a": True})],
        ),
        # Code fences
        (f"```json\n{CALL}\n```", [("weather", {"city": "Zürich"})]),
        (
            f"I call it.\n```json\n[{CALL}]\n```\nDone.",
            [Text("I call it.\n"), ("weather", {"city": "Zürich"}), Text("Done.")],
        ),
        ("```tool_code\nadd(a=1)\n```", [("add", {"a": 1})]),
        ("```\n[add(a=1)]\n```", [("add", {"a": 1})]),
        (
            f"```py\nx\n```\n<tool_call>{CALL}</tool_call>",
            [Text("```py\nx\n```\n"), ("weather", {"city": "Zürich"})],
        ),
        ('```json\n{"city": "Rom"}\n```\n', [Text('```json\n{"city": "Rom"}\n```\n')]),
        ("```python\nprint(add(1))\n```", [Text("```python\nprint(add(1))\n```")]),
        ("[1, 2]", [Text("[1, 2]")]),
        ("[link](https://x)", [Text("[link](https://x)")]),
        # What is no call of a known tool stays text, to the letter.
        ("<tool_call>no json</tool_call>", [Text("<tool_call>no json</tool_call>")]),
        (
            '<tool_call>{"name": "other", "arguments": {}}</tool_call>',
            [Text('<tool_call>{"name": "other", "arguments": {}}</tool_call>')],
        ),
        ('{"name": "add", "colour": "red"}', [Text('{"name": "add", "colour": "red"}')]),
        ('{"city": "Rom"}', [Text('{"city": "Rom"}')]),
        ('[TOOL_CALLS][{"name": "add"}, 3]', [Text('[TOOL_CALLS][{"name": "add"}, 3]')]),
        ("[TOOL_CALLS]add", [Text("[TOOL_CALLS]add")]),
    ],
)
def test_the_known_forms(text: str, expected: list[object]) -> None:
    assert without_call_ids(parts([text])) == expected
    assert without_call_ids(parts(list(text))) == expected


def test_white_space_after_the_reasoning_goes_however_it_comes() -> None:
    for pieces in (["<think>Hm.</think>\n\nYes"], ["<think>Hm.</think>", "\n", "\nYes"]):
        assert parts(pieces, {}) == [Reasoning("Hm."), Text("Yes")]


def test_without_tools_nothing_is_a_call() -> None:
    text = f"<tool_call>{CALL}</tool_call>"
    assert parts([text], {}) == [Text(text)]
    assert parts([CALL], {}) == [Text(CALL)]


def test_reasoning_may_be_open_from_the_start() -> None:
    assert parts(["Hm.</think>", "\n", "Yes"], in_reasoning=True) == [Reasoning("Hm."), Text("Yes")]


@given(st.lists(st.sampled_from(ALPHABET), max_size=12), st.booleans(), st.booleans(), st.data())
def test_the_result_does_not_depend_on_how_the_text_is_cut(
    words: list[str], tools: bool, reasoning: bool, data: st.DataObject
) -> None:
    text = "".join(words)
    given_tools = TOOLS if tools else {}
    pieces: list[str] = []
    rest = text
    while rest:
        size = data.draw(st.integers(1, len(rest)))
        pieces.append(rest[:size])
        rest = rest[size:]
    expected = without_call_ids(parts([text], given_tools, in_reasoning=reasoning))
    assert without_call_ids(parts(pieces, given_tools, in_reasoning=reasoning)) == expected


@given(st.text("<>/thinkcal_ {}[]\n", max_size=60))
@example("<thin")
@example("</think>")
def test_text_without_tags_comes_out_to_the_letter(text: str) -> None:
    assume("<think>" not in text and "<tool_call>" not in text)
    result = parts(list(text))
    assert "".join(part.text for part in result if isinstance(part, Text)) == text


def test_a_call_has_an_id_of_its_own_that_mistral_takes() -> None:
    decoder = TextDecoder(TOOLS)
    events = [*decoder.decode_text(f"<tool_call>{CALL}</tool_call>" * 2), *decoder.decode_end()]
    calls = [event for event in events if isinstance(event, ToolCallDelta)]
    assert len({call.id for call in calls}) == 2
    assert all(len(call.id) == 9 and call.id.isalnum() for call in calls)
    assert json.loads(calls[0].arguments) == {"city": "Zürich"}
    assert decoder.has_calls


def test_logprobs_go_with_the_visible_text() -> None:
    decoder = TextDecoder()
    thought, answer = TokenLogprob("Hm", -1.0), TokenLogprob("Yes", -2.0)
    events = [
        *decoder.decode_text("<think>Hm", (thought,)),
        *decoder.decode_text("</think>Yes", (answer,)),
        *decoder.decode_text("", (thought,)),
        *decoder.decode_end(),
    ]
    accumulator = ResponseAccumulator()
    for event in events:
        accumulator.add(event)
    response = accumulator.response("local", "tiny")
    assert response.text == "Yes"
    assert response.logprobs == (answer, thought)


@pytest.mark.parametrize(
    ("reason", "has_calls", "finish"),
    [
        ("eos", False, "stop"),
        ("stop", False, "stop"),
        ("length", False, "length"),
        ("cancelled", False, "cancelled"),
        ("eos", True, "tool_calls"),
        ("length", True, "length"),
    ],
)
def test_finish_reasons(reason: str, has_calls: bool, finish: str) -> None:
    assert decode_finish(reason, has_calls=has_calls) == finish


@pytest.mark.parametrize(
    "text",
    [
        "<tool_call>no json</tool_call>",
        '<tool_call>{"name": "other", "arguments": {}}</tool_call>',
        '<tool_call>{"name": "add", "argum',  # cut off by the limit
        "<tool_call><function=other></function></tool_call>",
        "<function=add>rubbish</function>",
        "[TOOL_CALLS]add",
        "<｜tool▁calls▁begin｜>rubbish<｜tool▁calls▁end｜>",
        "functools[rubbish]",
        "<|tool_call|>rubbish<|/tool_call|>",
        "<|python_tag|>print(1)",
        "<|python_start|>print(1)<|python_end|>",
        '{"name": "other", "parameters": {}}',
        '{"name": "add", "parameters": {"a": ',
        "[weather(city=Rom)]",
        "[weather(city='R",
        "[weather(city={1, 2})]",
        "<tool_call>" + "[" * 100_000,
        "<tool_call>{'a': " + "-" * 100_000,
        "[weather(city=" + "(" * 10_000,
        # Without tags in the midst of a text: it was passed on before it could be known.
        'Sure. {"name": "weather", "parameters": {"city": "Rom"}}',
        "I call it:\n[weather(city='Rom')]",
        'weather(city="Rom")',
    ],
    ids=lambda text: text[:40],
)
def test_a_call_that_cannot_be_read_is_told_and_stays_in_the_text(text: str) -> None:
    for pieces in ([text], [*list(text[:200]), text[200:]]):
        decoder = TextDecoder(TOOLS)
        assert decode(pieces, decoder) == [Text(text)]
        assert [warning.code for warning in decoder.warnings] == ["tool_call_unreadable"]
        assert not decoder.has_calls


@pytest.mark.parametrize(
    "text",
    ["Hello", "[1]", '{"a": 1}', 'The tool "weather" (it is free)', "```json\n{}\n```", "a <b> c"],
)
def test_what_is_no_call_is_not_told(text: str) -> None:
    decoder = TextDecoder(TOOLS)
    assert decode([text], decoder) == [Text(text)]
    assert decoder.warnings == []


ANALYSIS = "<|channel|>analysis<|message|>Thinking<|end|>"
TO_WEATHER = (
    '<|channel|>commentary to=functions.weather <|constrain|>json<|message|>{"city": "Rom"}'
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            f"{ANALYSIS}<|start|>assistant<|channel|>final<|message|>Paris",
            [Reasoning("Thinking"), Text("Paris")],
        ),
        ("<|channel|>final<|message|>Paris<|return|>", [Text("Paris")]),
        (
            f"{ANALYSIS}<|start|>assistant{TO_WEATHER}<|call|>",
            [Reasoning("Thinking"), ("weather", {"city": "Rom"})],
        ),
        (TO_WEATHER, [("weather", {"city": "Rom"})]),
        (
            " to=functions.add<|channel|>commentary <|constrain|>json<|message|>{}<|call|>",
            [("add", {})],
        ),
        (
            (f"{ANALYSIS}<|start|>assistant<|channel|>commentary<|message|>I look.<|end|>"
            f"<|start|>assistant{TO_WEATHER}<|call|>"),
            [Reasoning("Thinking"), Text("I look."), ("weather", {"city": "Rom"})],
        ),
        # Messages without an end, without a header, cut off, of nothing.
        ("<|channel|>analysis<|message|>Hm<|channel|>final<|message|>Yes",
         [Reasoning("Hm"), Text("Yes")]),
        ("<|channel|>analysis<|message|>Hm<|start|>assistant<|channel|>final<|message|>Yes",
         [Reasoning("Hm"), Text("Yes")]),
        ("<|channel|>analysis<|message|>Hm", [Reasoning("Hm")]),
        (f"{ANALYSIS}<|start|>assistant<|chan", [Reasoning("Thinking"), Text("<|chan")]),
        (f"{ANALYSIS}<|start|>assistant<|channel|>fin", [Reasoning("Thinking")]),
        (f"{ANALYSIS}<|start|>assistant", [Reasoning("Thinking")]),
        ("Paris", [Text("Paris")]),
        ("tomorrow", [Text("tomorrow")]),
        ("", []),
    ],
)  # fmt: skip
def test_the_channels_of_gpt_oss(text: str, expected: list[object]) -> None:
    for pieces in ([text], list(text)):
        assert without_call_ids(parts(pieces, dialect=HARMONY)) == expected


@pytest.mark.parametrize(
    "text", [TO_WEATHER[:-3], TO_WEATHER.replace("weather", "other"), TO_WEATHER.replace("{", "")]
)
def test_a_call_in_a_channel_that_cannot_be_read_is_told(text: str) -> None:
    decoder = HarmonyDecoder(TOOLS)
    assert decode([text], decoder) == [Text(text.partition("<|message|>")[2])]
    assert [warning.code for warning in decoder.warnings] == ["tool_call_unreadable"]


def test_reasoning_in_a_channel_streams() -> None:
    decoder = HarmonyDecoder()
    assert decoder.decode_text("<|channel|>analysis<|message|>Hm") != []
    assert decoder.decode_text(", so") != []


@pytest.mark.parametrize(
    ("template", "harmony", "has_calls"),
    [
        (None, False, False),
        ("{{ tools | tojson }}", False, False),
        ("<minimax:tool_call>", False, False),
        ("<|start|>assistant<|channel|>final<|message|>", True, True),
        ("<tool_call>", False, True),
        ("<function=example>", False, True),
        ("{{ '<｜tool▁calls▁begin｜>' }}", False, True),
        ("functools[", False, True),
        ("<|python_tag|>", False, True),
        ("{{- '{\"name\": function name, ' }}", False, True),
        ("{{- 'the format of [name1(key1=value1), name2(key2=value2)]' }}", False, True),
        ("```json", False, True),
    ],
)
def test_a_template_shows_its_dialect(template: str | None, harmony: bool, has_calls: bool) -> None:
    assert Dialect.of_template(template) == Dialect(harmony, has_calls)
    assert Dialect.of_template(template, {"<|channel|>", "<|message|>"}).harmony
