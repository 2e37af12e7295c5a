"""Chat answers as they come in: every shape that servers of this wire were seen to send."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from fmsdk.content import Audio, Reasoning, Text, ToolCall
from fmsdk.errors import (
    InvalidResponse,
)
from fmsdk.request import build
from tests.support.openai.decoding import call, compact, plain, streamed
from tests.support.openai.provider import chunk, completion

# --- Chat Completions ---


@pytest.mark.parametrize(
    ("raw", "finish"),
    [
        ("stop", "stop"),
        ("length", "length"),
        ("tool_calls", "tool_calls"),
        ("function_call", "tool_calls"),
        ("content_filter", "content_filter"),
        ("model_length", "length"),
        ("eos", "stop"),
        ("content_filter: PROHIBITED_CONTENT", "content_filter"),
        ("unheard_of", "other"),
    ],
)
def test_finishes(raw: str, finish: str) -> None:
    whole = plain(completion() | {"choices": [{"message": {"content": "a"}, "finish_reason": raw}]})
    pieces = streamed(chunk({"content": "a"}), chunk({}, raw))
    for got in (whole, pieces):
        assert (got.finish, got.finish_raw) == (finish, raw)


@pytest.mark.parametrize("finish", ["stop", "tool_calls"])
def test_calls_without_arguments_and_with_broken_ones(finish: str) -> None:
    calls = [
        {"id": "a", "function": {"name": "now", "arguments": ""}},
        {"id": "b", "function": {"name": "now"}},
        {"id": "c", "function": {"name": "now", "arguments": {"x": 1}}},
        {"id": "d", "function": {"name": "now", "arguments": '{"x":'}},
    ]
    numbered = [{"index": n, **call} for n, call in enumerate(calls)]
    choice = {"message": {"tool_calls": calls}, "finish_reason": finish}
    whole = plain({"choices": [choice]})
    pieces = streamed(chunk({"tool_calls": numbered}), chunk({}, finish))
    expected = (
        ToolCall("a", "now"),
        ToolCall("b", "now"),
        ToolCall("c", "now", {"x": 1}),
        ToolCall("d", "now", {}, '{"x":'),
    )
    for got in (whole, pieces):
        assert got.tool_calls == expected
        assert got.finish == "tool_calls"
        assert [warning.code for warning in got.warnings] == ["malformed_arguments"]


@pytest.mark.parametrize(
    "pieces",
    [
        [call(0, "a", "f", '{"x"'), call(0, None, None, ":1}"), call(1, "b", "g", "{}")],
        [call(0, "a", "f", '{"x"'), call(1, "b", "g", "{}"), call(0, None, None, ":1}")],
        [call(0, "a", "f", '{"x"'), call(0, "a", "f", ":1}"), call(1, "b", "g", "{}")],
        [call(0, "a", "f", '{"x":1}'), call(0, "b", "g", "{}")],
        [call(None, "a", "f", '{"x":1}'), call(None, "b", "g", "{}")],
        [call(None, "a", "f", '{"x"'), call(None, None, None, ":1}"), call(None, "b", "g", "{}")],
        [call(0, "a", "f", '{"x"'), call(0, "b", "g", "{}"), call(0, "a", None, ":1}")],
    ],
    ids=[
        "OpenAI's way",
        "interleaved",
        "ids and names repeated",
        "all numbered 0",
        "unnumbered",
        "unnumbered, in pieces",
        "all numbered 0, interleaved",
    ],
)
def test_tool_call_deltas_are_joined(pieces: list[Any]) -> None:
    got = streamed(*pieces, chunk({}, "tool_calls"))
    assert got.tool_calls == (ToolCall("a", "f", {"x": 1}), ToolCall("b", "g"))


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_reasoning_of_compatible_servers(field: str) -> None:
    opaque = compact({field: "Hm, hm."})
    expected = (Reasoning("Hm, hm.", "openai", opaque), Text("Hi."))
    assert plain(completion({"content": "Hi.", field: "Hm, hm."})).parts == expected
    deltas = [{field: "Hm,"}, {field: " hm."}, {"content": "Hi."}]
    assert streamed(*map(chunk, deltas), chunk({}, "stop")).parts == expected


def test_reasoning_details_are_kept_in_order() -> None:
    details = [{"type": "reasoning.text", "text": t, "index": 0} for t in ("Hm,", " hm.")]
    pieces = [chunk({"reasoning": d["text"], "reasoning_details": [d]}) for d in details]
    (thought,) = streamed(*pieces, chunk({}, "stop")).parts
    assert isinstance(thought, Reasoning)
    assert thought.text == "Hm, hm."
    assert thought.opaque == compact({"reasoning": "Hm, hm.", "reasoning_details": details})


def test_fields_a_server_wants_back_with_a_call() -> None:
    extra = {"google": {"thought_signature": "x"}}
    calls = [{"index": 0, "id": "a", "function": {"name": "f"}, "extra_content": extra}]
    opaque = '{"extra_content":{"google":{"thought_signature":"x"}}}'
    whole = plain(completion({"tool_calls": calls, "extra_content": extra}))
    pieces = streamed(chunk({"tool_calls": calls, "extra_content": extra}), chunk({}, "stop"))
    for got in (whole, pieces):
        assert got.tool_calls == (ToolCall("a", "f", {}, None, "openai", opaque),)
        assert Reasoning("", "openai", opaque) in got.parts


def test_content_lists() -> None:
    content = [
        {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]},
        {"type": "text", "text": "Hi"},
        {"type": "reference", "reference_ids": [1]},
        {"type": "text", "text": "."},
    ]
    whole = plain(completion({"content": content}))
    pieces = streamed(chunk({"content": content[:2]}), chunk({"content": content[2:]}, "stop"))
    for got in (whole, pieces):
        assert got.parts == (Reasoning("Hm.", "openai"), Text("Hi."))
        assert [(w.code, w.detail) for w in got.warnings] == [("content_skipped", "reference")]


def test_refusals_and_text() -> None:
    expected = (Text("Well."), Text("I can't.", refusal=True))
    whole = plain(completion({"content": "Well.", "refusal": "I can't."}))
    deltas = [{"content": "Well."}, {"refusal": "I can"}, {"refusal": "'t."}]
    pieces = streamed(*map(chunk, deltas), chunk({}, "stop"))
    for got in (whole, pieces):
        assert got.parts == expected
        assert (got.text, got.refusal, got.finish) == ("Well.", "I can't.", "stop")


def test_spoken_answers() -> None:
    sound = bytes(range(9))
    data = base64.b64encode(sound).decode()
    whole = plain(completion({"content": None, "audio": {"data": data, "transcript": "Hi."}}))
    deltas = [{"audio": {"id": "a", "transcript": "H"}}, {"audio": {"data": data[:4]}}]
    deltas += [{"audio": {"transcript": "i."}}, {"audio": {"data": data[4:]}}]
    pieces = streamed(*map(chunk, deltas), chunk({}, "stop"))
    for got in (whole, pieces):
        assert got.text == "Hi."
        assert isinstance(got.parts[1], Audio)
        assert got.parts[1].read() == sound
        assert got.parts[1].mime == "audio/wav"
    with pytest.raises(InvalidResponse, match="base64"):
        streamed(chunk({"audio": {"data": "?"}}))


def test_logprobs() -> None:
    top = [{"token": "Hi", "logprob": -0.1}, {"token": "Ho", "logprob": -2.5}]
    logprobs = {"content": [{"token": "Hi", "logprob": -0.1, "top_logprobs": top}]}
    whole = plain({"choices": [{"message": {"content": "Hi"}, "logprobs": logprobs}]})
    first = chunk({"content": "Hi"})
    first["choices"][0]["logprobs"] = logprobs
    for got in (whole, streamed(first, chunk({}, "stop"))):
        (token,) = got.logprobs
        assert (token.token, token.logprob) == ("Hi", -0.1)
        assert token.top == (("Hi", -0.1), ("Ho", -2.5))


def test_choices_come_in_order() -> None:
    bodies = [{"index": n, "message": {"content": str(n)}, "finish_reason": "stop"} for n in (1, 0)]
    asked = build("openai:m", "Hello", choices=2)
    whole = plain({"choices": bodies}, request=asked)
    pieces = streamed(
        chunk({"content": "1"}, index=1),
        chunk({"content": "0"}, "stop", index=0),
        chunk({}, "length", index=1),
        request=asked,
    )
    for got in (whole, pieces):
        assert [choice.parts for choice in got.choices] == [(Text("0"),), (Text("1"),)]
    assert [choice.finish for choice in pieces.choices] == ["stop", "length"]


def test_missing_choices_are_warned_about() -> None:
    asked = build("openai:m", "Hello", choices=3)
    pieces = streamed(chunk({"content": "Hi."}, "stop"), request=asked)
    for got in (plain(completion(), request=asked), pieces):
        assert [(w.code, w.detail) for w in got.warnings] == [("setting_ignored", "choices")]


# --- usage ---


def test_every_detail_of_usage() -> None:
    told = {
        "prompt_tokens": 100,
        "completion_tokens": 50,
        "prompt_tokens_details": {
            "cached_tokens": 60,
            "cache_write_tokens": 5,
            "audio_tokens": 10,
            "text_tokens": 70,
            "image_tokens": 20,
        },
        "completion_tokens_details": {
            "reasoning_tokens": 30,
            "audio_tokens": 15,
            "text_tokens": 5,
        },
    }
    last = {**chunk({}), "choices": [], "usage": told, "service_tier": "flex"}
    whole = plain(completion(usage=told, service_tier="flex"))
    for got in (whole, streamed(chunk({"content": "Hi."}, "stop"), last)):
        used = got.usage
        assert (used.source, used.service_tier, used.raw) == ("measured", "flex", told)
        assert (used.input.total, used.input.cache_read, used.input.cache_write) == (100, 60, 5)
        assert (used.input.audio, used.input.text, used.input.image) == (10, 70, 20)
        assert (used.output.total, used.output.reasoning) == (50, 30)
        assert (used.output.audio, used.output.text) == (15, 5)
        assert got.raw["usage"] == told


@pytest.mark.parametrize("usage", [None, {}, {"prompt_tokens": "many"}, [1]])
def test_usage_that_is_missing_or_senseless_is_unknown(usage: Any) -> None:
    used = plain(completion(usage=usage)).usage
    assert used.source == "unknown"
    assert used.input.total is None
    assert used.output.total is None


def test_more_cached_than_input_tokens() -> None:
    told = {"prompt_tokens": 7, "prompt_tokens_details": {"cached_tokens": 163}}
    used = plain(completion(usage=told)).usage
    assert (used.input.total, used.input.cache_read, used.output.total) == (7, 163, None)


def test_served_model_and_provider() -> None:
    for got in (plain(completion()), streamed(chunk({"content": "Hi."}, "stop"))):
        assert (got.provider, got.model, got.served_model) == ("openai", "m", "m-1")
        assert got.request_id == "req_1"
