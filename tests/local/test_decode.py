"""From a model's text to events: reasoning, tool calls, plain text, in any pieces."""

from __future__ import annotations

import json

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from fmsdk.content import Part, Reasoning, Text, ToolCall
from fmsdk.response import ResponseAccumulator, TokenLogprob, ToolCallDelta
from fmsdk_local.decode import TextDecoder, decode_finish

TOOLS = ("weather", "add")
CALL = '{"name": "weather", "arguments": {"city": "Zürich"}}'
ALPHABET = (
    "<think>", "</think>", "[THINK]", "[/THINK]", "<tool_call>", "</tool_call>", "[TOOL_CALLS]",
    "[ARGS]", CALL, "{", "}", "<", "</", "[", " ", "\n", "Hello", "weather", "ü",
)  # fmt: skip


def parts(
    pieces: list[str], tools: tuple[str, ...] = TOOLS, *, in_reasoning: bool = False
) -> list[Part]:
    decoder = TextDecoder(tools, in_reasoning=in_reasoning)
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
        assert parts(pieces, ()) == [Reasoning("Hm."), Text("Yes")]


def test_without_tools_nothing_is_a_call() -> None:
    text = f"<tool_call>{CALL}</tool_call>"
    assert parts([text], ()) == [Text(text)]
    assert parts([CALL], ()) == [Text(CALL)]


def test_reasoning_may_be_open_from_the_start() -> None:
    assert parts(["Hm.</think>", "\n", "Yes"], in_reasoning=True) == [Reasoning("Hm."), Text("Yes")]


@given(st.lists(st.sampled_from(ALPHABET), max_size=12), st.booleans(), st.booleans(), st.data())
def test_the_result_does_not_depend_on_how_the_text_is_cut(
    words: list[str], tools: bool, reasoning: bool, data: st.DataObject
) -> None:
    text = "".join(words)
    given_tools = TOOLS if tools else ()
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
