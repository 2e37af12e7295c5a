"""Bodies and streams of the Messages API as values: parts, finishes, usage."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fmsdk.content import Reasoning, Text, ToolCall
from fmsdk.pricing import price
from fmsdk.response import Response
from fmsdk.usage import InputUsage, OutputUsage
from fmsdk_anthropic.decode import decoder
from tests.support.anthropic.decoding import (
    ANSWER,
    CALLER,
    CITATION,
    COMPACTION,
    CONTENT,
    FOUND,
    FULL,
    REDACTED,
    SEARCH,
    STREAMED,
    THINKING,
    opaque,
    plain,
    streamed,
)
from tests.support.anthropic.provider import events, text_events


@pytest.mark.parametrize(
    "response",
    [plain(*CONTENT, stop_reason="tool_use"), streamed(STREAMED)],
    ids=["plain", "stream"],
)
def test_every_block_arrives_in_its_place(response: Response[Any]) -> None:
    thinking, redacted, text, search, found, compaction, cited, cited_text, now, add = (
        response.parts
    )
    assert isinstance(thinking, Reasoning)
    assert (thinking.text, thinking.provider, opaque(thinking)) == ("Hm, ä.", "anthropic", THINKING)
    assert (redacted.text, opaque(redacted)) == ("", REDACTED)  # type: ignore[union-attr]
    assert text == Text("Let me see.")
    assert [opaque(part) for part in (search, found, compaction)] == [SEARCH, FOUND, COMPACTION]
    assert opaque(cited) == {"type": "text", "citations": [CITATION]}
    assert cited_text == Text("Cited.")
    assert now == ToolCall("toolu_1", "now", {})
    assert isinstance(add, ToolCall)
    assert (add.id, add.arguments, opaque(add)) == ("toolu_2", {"a": 1}, {"caller": CALLER})
    assert response.tool_calls == (now, add)
    assert response.reasoning == "Hm, ä."
    assert response.text == "Let me see.Cited."
    assert response.warnings == ()
    assert response.finish == "tool_calls"


def test_calls_the_vendor_ran_need_no_result() -> None:
    call = {"type": "tool_use", "id": "a", "name": "b", "input": {}, "caller": {"type": "direct"}}
    assert plain(call).parts == streamed(events((call, []))).parts == (ToolCall("a", "b", {}),)


def test_a_member_of_a_toolset_is_reported() -> None:
    call = {"type": "tool_use", "id": "a", "name": "b", "input": {}, "toolset_name": "browser"}
    for response in (plain(call), streamed(events((call, [])))):
        assert opaque(response.parts[0]) == {"toolset_name": "browser"}


def test_tool_input_in_the_start_event() -> None:
    call = {"type": "tool_use", "id": "a", "name": "b", "input": {"x": [1]}}
    assert streamed(events((call, []))).tool_calls[0].arguments == {"x": [1]}


def test_a_call_that_was_cut_off() -> None:
    call = {"type": "tool_use", "id": "a", "name": "b", "input": {}}
    deltas = [{"type": "input_json_delta", "partial_json": '{"x": '}]
    response = streamed(events((call, deltas), delta={"stop_reason": "max_tokens"}))
    assert response.tool_calls[0].raw == '{"x": '
    assert [warning.code for warning in response.warnings] == ["malformed_arguments"]
    assert response.finish == "length"


def test_thinking_that_is_not_shown_still_goes_back() -> None:
    hidden = {"type": "thinking", "thinking": "", "signature": "c2ln"}
    start = {"type": "thinking", "thinking": "", "signature": ""}
    deltas = [{"type": "signature_delta", "signature": "c2ln"}]
    for response in (plain(hidden, "Hi"), streamed(events((start, deltas)))):
        assert response.reasoning == ""
        assert opaque(response.parts[0]) == hidden


def test_text_and_thoughts_that_come_with_the_start_of_a_block() -> None:
    thought = {"type": "thinking", "thinking": "Hm", "signature": "c2ln"}
    response = streamed(events((thought, []), ({"type": "text", "text": "Hi"}, [])))
    assert (response.reasoning, response.text) == ("Hm", "Hi")
    assert opaque(response.parts[0]) == thought


def test_unknown_pieces_are_warned_about() -> None:
    deltas = [{"type": "mood_delta", "mood": "good"}, {"type": "text_delta", "text": "Hi"}]
    response = streamed(events(({"type": "text", "text": ""}, deltas)))
    assert response.text == "Hi"
    assert [(w.code, w.detail) for w in response.warnings] == [("content_skipped", "mood_delta")]


def test_unknown_events_and_done_marks_pass() -> None:
    payloads = text_events("Hi")
    payloads.insert(2, {"type": "fireworks", "index": 1})
    assert streamed(payloads).text == "Hi"


# --- the end ---


@pytest.mark.parametrize(
    ("raw", "finish"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("tool_use", "tool_calls"),
        ("refusal", "refusal"),
        ("pause_turn", "other"),
        ("compaction", "other"),
    ],
)
def test_finishes(raw: str, finish: str) -> None:
    both = plain("Hi", stop_reason=raw), streamed(text_events("Hi", delta={"stop_reason": raw}))
    for response in both:
        assert (response.finish, response.finish_raw) == (finish, raw)


def test_a_refusal_says_why() -> None:
    details = {"type": "refusal", "category": "bio", "explanation": "Not that."}
    last = {"stop_reason": "refusal", "stop_details": details}
    for response in (plain(**last), streamed(events(delta=last))):
        assert response.parts == ()
        (warning,) = response.warnings
        assert (warning.code, warning.message, warning.detail) == ("refused", "Not that.", "bio")
    category = {**last, "stop_details": {"type": "refusal", "category": "cyber"}}
    assert plain(**category).warnings[0].message == "refused as cyber"
    silent = {**last, "stop_details": {"type": "refusal"}}
    assert plain(**silent).warnings == ()


def test_served_model_and_summary() -> None:
    container = {"id": "container_1"}
    for response in (
        plain("Hi", container=container),
        streamed(text_events("Hi", delta={"container": container})),
    ):
        assert (response.served_model, response.request_id) == ("claude-1", "req_1")
        assert response.raw["container"] == container
        assert response.raw["usage"]["input_tokens"] == 9


# --- usage ---


def test_every_field_of_usage() -> None:
    usage = plain("Hi", usage=FULL).usage
    assert usage.input == InputUsage(
        total=2310, cache_read=2000, cache_write=300, cache_write_1h=200
    )
    assert usage.output == OutputUsage(total=50, reasoning=20)
    assert (usage.source, usage.service_tier) == ("measured", "priority")
    assert usage.raw == FULL


def test_a_stream_reports_twice_and_its_newest_figures_count() -> None:
    payloads = text_events("Hi", usage={"output_tokens": 50, "cache_read_input_tokens": None})
    payloads[0]["message"]["usage"] = {**FULL, "output_tokens": 1}
    usage = streamed(payloads).usage
    assert usage == plain("Hi", usage=FULL).usage
    payloads[-2]["usage"] = {"output_tokens": 60, "input_tokens": 40}
    assert streamed(payloads).usage.input.total == 2340
    payloads[-2]["usage"] = {"output_tokens": 60, "input_tokens": 0, "cache_read_input_tokens": 0}
    assert streamed(payloads).usage.input.total == 2310


def test_fast_mode_is_a_tier() -> None:
    usage = plain("Hi", usage={**FULL, "speed": "fast", "service_tier": "standard"}).usage
    assert usage.service_tier == "fast"
    dear = price("anthropic", "claude-opus-4-6", usage)
    cheap = price("anthropic", "claude-opus-4-6", plain("Hi").usage)
    assert cheap is not None
    assert dear is None or dear.total > cheap.total


def test_compactions_are_billed_and_so_counted() -> None:
    steps = [
        {"type": "compaction", "input_tokens": 100, "output_tokens": 7},
        {"type": "message", "input_tokens": 10, "output_tokens": 50},
    ]
    usage = plain("Hi", usage={**FULL, "iterations": steps}).usage
    assert (usage.input.total, usage.output.total) == (2410, 57)


def test_tokenizer_of_another_model_is_a_warning() -> None:
    steps = [
        {"type": "advisor_message", "model": "claude-x", "input_tokens": 8, "output_tokens": 2}
    ]
    told = {**FULL, "iterations": steps}
    for response in (plain("Hi", usage=told), streamed(text_events("Hi", usage=told))):
        assert response.usage.input.total == 2310
        (warning,) = response.warnings
        assert (warning.code, warning.detail) == ("usage_elsewhere", "claude-x")
        assert "8 tokens in, 2 out" in warning.message


@pytest.mark.parametrize("usage", [None, {}, [], {"input_tokens": "many"}, {"input_tokens": None}])
def test_usage_that_is_missing_or_senseless_is_unknown(usage: Any) -> None:
    found = plain("Hi", usage=usage).usage
    assert found.source == "unknown"
    assert (found.input.total, found.output.total) == (None, None)


def test_a_broken_stream_knows_what_went_in_but_not_what_came_out() -> None:
    made = decoder(ANSWER)
    assert made.usage() is None
    payloads = [json.dumps(payload).encode() for payload in text_events("Hi")]
    for payload in payloads[:4]:
        made.decode_event(payload)
    told = made.usage()
    assert told is not None
    assert (told.input.total, told.output.total) == (9, None)
    for payload in payloads[4:]:
        made.decode_event(payload)
    told = made.usage()
    assert told is not None
    assert told.output.total == 3
