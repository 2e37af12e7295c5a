"""Pieces of streamed tool calls that do not line up: the call gets its arguments, or a warning
says that there was no call."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fmsdk.content import ToolCall
from fmsdk.response import Response, ToolCallDelta
from tests.support.anthropic import decoding as anthropic
from tests.support.anthropic.provider import events as anthropic_events
from tests.support.google import decoding as google
from tests.support.openai.decoding import ended, events, plain, streamed
from tests.support.openai.provider import chunk, completion, response, sse

ARGUMENTS = '{"city": "Paris"}'
PIECES = [ARGUMENTS[:4], ARGUMENTS[4:9], ARGUMENTS[9:]]
WEATHER = ToolCall("a", "weather", {"city": "Paris"})
TIME = ToolCall("b", "time")
_ABSENT: Any = object()


def piece(number: Any, id: Any, name: Any, arguments: Any) -> dict[str, Any]:
    def without_absent(fields: dict[str, Any]) -> dict[str, Any]:
        return {key: value for key, value in fields.items() if value is not _ABSENT}

    function = without_absent({"name": name, "arguments": arguments})
    return without_absent({"index": number, "id": id, "function": function})


# The number and the id of the nth piece after the first one of a call.
MISALIGNED: dict[str, tuple[Any, Any]] = {
    "new ids": (lambda n: 0, lambda n: f"new-{n}"),
    "new numbers": (lambda n: n + 1, lambda n: None),
    "new ids and numbers": (lambda n: n + 1, lambda n: f"new-{n}"),
    "no number": (lambda n: _ABSENT, lambda n: _ABSENT),
    "no number, new ids": (lambda n: _ABSENT, lambda n: f"new-{n}"),
    "null as the number": (lambda n: None, lambda n: None),
    "null as the number, new ids": (lambda n: None, lambda n: f"new-{n}"),
    "a text as the number": (lambda n: "0", lambda n: None),
    "a text that is no number": (lambda n: "call", lambda n: None),
    "a float as the number": (lambda n: 0.0, lambda n: ""),
}


@pytest.mark.parametrize("first", [0, "0", None, _ABSENT], ids=["0", "text", "null", "absent"])
@pytest.mark.parametrize("start", ["", PIECES[0]], ids=["empty start", "start with arguments"])
@pytest.mark.parametrize("names", [None, "", _ABSENT], ids=["null", "empty", "no name"])
@pytest.mark.parametrize("variant", MISALIGNED)
def test_misaligned_pieces_reach_their_call(
    variant: str, names: Any, start: str, first: Any
) -> None:
    number, id = MISALIGNED[variant]
    rest = PIECES[1:] if start else PIECES
    pieces = [piece(first, "a", "weather", start)]
    pieces += [piece(number(n), id(n), names, text) for n, text in enumerate(rest)]
    second = piece(9 if first == 0 else first, "b", "time", "{}")
    got = streamed(*(chunk({"tool_calls": [one]}) for one in (*pieces, second)), chunk({}, "stop"))
    assert got.tool_calls == (WEATHER, TIME)
    assert got.finish == "tool_calls"
    assert got.warnings == ()


def test_events_of_a_call_wait_for_its_name() -> None:
    chunks = [
        chunk({"tool_calls": [piece(0, "a", None, PIECES[0])]}),
        chunk({"tool_calls": [piece(0, None, None, PIECES[1])]}),
        chunk({"tool_calls": [piece(0, None, "weather", PIECES[2])]}),
        chunk({}, "tool_calls"),
    ]
    calls = [one for one in events(sse(*chunks)) if isinstance(one, ToolCallDelta)]
    assert calls == [ToolCallDelta(0, "a", "weather", ARGUMENTS)]


def unnamed(name: Any) -> list[tuple[str, Response[Any]]]:
    """Answers of every wire with a text and a call without a name, whole and streamed."""
    chat = {"content": "Hi.", "tool_calls": [piece(0, "a", name, ARGUMENTS)]}
    item = {"type": "function_call", "call_id": "a", "name": name, "arguments": ARGUMENTS}
    message = {"type": "message", "content": [{"type": "output_text", "text": "Hi."}]}
    call = {"type": "tool_use", "id": "a", "name": name, "input": {}}
    deltas = [{"type": "input_json_delta", "partial_json": ARGUMENTS}]
    texts = ({"type": "text", "text": ""}, [{"type": "text_delta", "text": "Hi."}])
    return [
        ("chat", plain(completion(chat))),
        ("chat, streamed", streamed(chunk(chat), chunk({}, "stop"))),
        ("responses", plain(response(message, item), api="responses")),
        ("responses, streamed", ended(output=[message, item])),
        ("anthropic", anthropic.plain("Hi.", {**call, "input": {"city": "Paris"}})),
        ("anthropic, streamed", anthropic.streamed(anthropic_events(texts, (call, deltas)))),
        ("google", google.both({"text": "Hi."}, {"functionCall": {"name": name, "args": {}}})),
    ]


@pytest.mark.parametrize("name", [None, ""])
def test_a_call_without_a_name_is_none_and_a_warning(name: Any) -> None:
    for wire, got in unnamed(name):
        assert got.tool_calls == (), wire
        assert got.text == "Hi.", wire
        assert [warning.code for warning in got.warnings] == ["content_skipped"], wire
        assert not any(isinstance(part, ToolCall) for part in got.message.parts), wire


@pytest.mark.parametrize("item_id", ["fc_1", None])
@pytest.mark.parametrize("number", [1, 7, 0])
@pytest.mark.parametrize("has_output", [True, False])
def test_arguments_of_responses_under_another_number(
    item_id: str | None, number: int, has_output: bool
) -> None:
    item = {"type": "function_call", "id": item_id, "call_id": "a", "name": "weather"}
    added = {"type": "response.output_item.added", "output_index": 0, "item": item}
    kind = "response.function_call_arguments"
    deltas = [
        {"type": f"{kind}.delta", "output_index": number, "item_id": item_id, "delta": text}
        for text in PIECES
    ]
    done = {"type": f"{kind}.done", "output_index": number, "item_id": item_id}
    whole = {**item, "arguments": ARGUMENTS}
    closed = {"type": "response.output_item.done", "output_index": 0, "item": whole}
    output = [whole] if has_output else []
    for last in ([], [closed]):
        got = ended(added, *deltas, {**done, "arguments": ARGUMENTS}, *last, output=output)
        assert got.tool_calls == (WEATHER,)
        assert got.warnings == ()


ODD_NUMBERS = pytest.mark.parametrize(
    "numbers",
    [(0, 0), (None, None), ("0", "1"), ("a", "b"), (0.0, 1.0), (_ABSENT, _ABSENT), (1, 0)],
    ids=["all 0", "null", "text", "text that is no number", "float", "absent", "backwards"],
)
CALLS = (WEATHER, ToolCall("b", "weather", {"city": "Rome"}))
TEXTS = (ARGUMENTS, '{"city": "Rome"}')


def anthropic_streamed(*pieces: dict[str, Any]) -> Response[Any]:
    first, ping, *last = anthropic_events()
    return anthropic.streamed([first, ping, *pieces, *last])


def numbered(event: dict[str, Any], name: str, number: Any) -> dict[str, Any]:
    return event if number is _ABSENT else {**event, name: number}


@ODD_NUMBERS
@pytest.mark.parametrize("is_interleaved", [False, True])
def test_items_of_responses_under_odd_numbers(numbers: Any, is_interleaved: bool) -> None:
    kind = "response.function_call_arguments"
    groups: list[list[dict[str, Any]]] = []
    output: list[dict[str, Any]] = []
    for call, text, number in zip(CALLS, TEXTS, numbers, strict=True):
        item = {"type": "function_call", "id": f"fc_{call.id}", "call_id": call.id}
        item |= {"name": call.name, "arguments": ""}
        whole = {**item, "arguments": text}
        deltas = [{"type": f"{kind}.delta", "item_id": item["id"], "delta": d} for d in text]
        group = [{"type": "response.output_item.added", "item": item}, *deltas]
        group += [{"type": f"{kind}.done", "item_id": item["id"], "arguments": text}]
        group += [{"type": "response.output_item.done", "item": whole}]
        groups.append([numbered(event, "output_index", number) for event in group])
        output.append(whole)
    together = [event for pair in zip(*groups, strict=False) for event in pair]
    together += [event for group in groups for event in group[min(map(len, groups)) :]]
    stream = together if is_interleaved else [*groups[0], *groups[1]]
    for items in (output, []):
        got = ended(*stream, output=items)
        assert got.tool_calls == CALLS
        assert got.warnings == ()


@ODD_NUMBERS
def test_blocks_of_anthropic_under_odd_numbers(numbers: Any) -> None:
    blocks: list[dict[str, Any]] = []
    for call, text, number in zip(CALLS, TEXTS, numbers, strict=True):
        start = {"type": "tool_use", "id": call.id, "name": call.name, "input": {}}
        deltas = [{"type": "input_json_delta", "partial_json": d} for d in text]
        group = [{"type": "content_block_start", "content_block": start}]
        group += [{"type": "content_block_delta", "delta": delta} for delta in deltas]
        group += [{"type": "content_block_stop"}]
        blocks += [numbered(event, "index", number) for event in group]
    got = anthropic_streamed(*blocks)
    assert got.tool_calls == CALLS
    assert got.warnings == ()


def test_pieces_of_anthropic_under_another_number_reach_the_open_call() -> None:
    start = {"type": "tool_use", "id": "a", "name": "weather", "input": {}}
    got = anthropic_streamed(
        {
            "type": "content_block_start",
            "index": 0,
            "content_block": {"type": "text", "text": "Hi"},
        },
        {"type": "content_block_start", "index": 1, "content_block": start},
        *(
            {
                "type": "content_block_delta",
                "index": number,
                "delta": {"type": "input_json_delta", "partial_json": text},
            }
            for number, text in zip((0, 7, 1), PIECES, strict=True)
        ),
    )
    assert got.tool_calls == (WEATHER,)
    assert got.text == "Hi"


def test_a_call_of_anthropic_without_an_id_gets_one() -> None:
    for id in (None, ""):
        call = {"type": "tool_use", "id": id, "name": "weather"}
        got = anthropic.plain({**call, "input": {"city": "Paris"}})
        assert got.tool_calls[0].id.startswith("call_0")


def test_arguments_that_are_encoded_twice_are_read() -> None:
    twice = json.dumps(ARGUMENTS)
    chat = {"tool_calls": [piece(0, "a", "weather", twice)]}
    item = {"type": "function_call", "call_id": "a", "name": "weather", "arguments": twice}
    call = {"type": "tool_use", "id": "a", "name": "weather", "input": ARGUMENTS}
    for got in (
        plain(completion(chat)),
        streamed(chunk(chat), chunk({}, "stop")),
        plain(response(item), api="responses"),
        ended(output=[item]),
        anthropic.plain(call),
    ):
        assert got.tool_calls == (WEATHER,)
        assert got.warnings == ()
