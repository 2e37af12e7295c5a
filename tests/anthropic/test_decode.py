"""Bodies and streams of the Messages API as values: parts, finishes, usage, and what breaks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmsdk.content import Reasoning, Text, ToolCall
from fmsdk.errors import FmsdkError, IncompleteStream, InvalidResponse, RateLimitError, ServerError
from fmsdk.pricing import price
from fmsdk.response import Event, Response, TextDelta
from fmsdk.usage import InputUsage, OutputUsage
from fmsdk.wire.read import Answer, StreamReader
from fmsdk_anthropic.decode import decode, decoder
from fmsdk_anthropic.errors import AnthropicBlame
from tests.anthropic.kit import asked, events, folded, message, sse, text_events

BLAME = AnthropicBlame("anthropic", "ANTHROPIC_API_KEY")
ANSWER = Answer(request=asked(), blame=BLAME, request_id="req_1")
THINKING = {"type": "thinking", "thinking": "Hm, ä.", "signature": "c2ln"}
REDACTED = {"type": "redacted_thinking", "data": "ZGF0YQ"}
CITATION = {"type": "page_location", "cited_text": "a", "document_index": 0}
CALLER = {"type": "code_execution_20260120", "tool_id": "srvtoolu_1"}
SEARCH = {
    "type": "server_tool_use",
    "id": "srvtoolu_1",
    "name": "web_search",
    "input": {"query": "ä"},
}
FOUND = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []}
COMPACTION = {"type": "compaction", "content": "So far.", "encrypted_content": "ZW5j"}


def plain(*content: Any, **fields: Any) -> Response[Any]:
    return decode(ANSWER, json.dumps(message(*content, **fields)).encode())


def read_all(pieces: list[bytes]) -> list[Event]:
    reader = StreamReader(decoder(ANSWER), BLAME)
    got = [event for piece in pieces for event in reader.feed(piece)]
    return [*got, *reader.finish()]


def streamed(payloads: list[Any]) -> Response[Any]:
    return folded(read_all(sse(*payloads, done=False)), ANSWER.request)


def opaque(part: Any) -> Any:
    return json.loads(part.opaque)


# --- content ---

CONTENT = [
    THINKING,
    REDACTED,
    {"type": "text", "text": "Let me see."},
    SEARCH,
    FOUND,
    COMPACTION,
    {"type": "text", "text": "Cited.", "citations": [CITATION]},
    {"type": "tool_use", "id": "toolu_1", "name": "now", "input": {}},
    {"type": "tool_use", "id": "toolu_2", "name": "add", "input": {"a": 1}, "caller": CALLER},
]
STREAMED = events(
    (
        {"type": "thinking", "thinking": "", "signature": ""},
        [
            {"type": "thinking_delta", "thinking": "Hm, "},
            {"type": "thinking_delta", "thinking": "ä."},
            {"type": "signature_delta", "signature": "c2ln"},
        ],
    ),
    (REDACTED, []),
    (
        {"type": "text", "text": ""},
        [{"type": "text_delta", "text": "Let me "}, {"type": "text_delta", "text": "see."}],
    ),
    (
        {**SEARCH, "input": {}},
        [
            {"type": "input_json_delta", "partial_json": ""},
            {"type": "input_json_delta", "partial_json": '{"query":'},
            {"type": "input_json_delta", "partial_json": ' "ä"}'},
        ],
    ),
    (FOUND, []),
    (
        {"type": "compaction", "content": None},
        [{"type": "compaction_delta", "content": "So far.", "encrypted_content": "ZW5j"}],
    ),
    (
        {"type": "text", "text": "", "citations": []},
        [
            {"type": "citations_delta", "citation": CITATION},
            {"type": "text_delta", "text": "Cited."},
        ],
    ),
    ({"type": "tool_use", "id": "toolu_1", "name": "now", "input": {}}, []),
    (
        {"type": "tool_use", "id": "toolu_2", "name": "add", "input": {}, "caller": CALLER},
        [{"type": "input_json_delta", "partial_json": '{"a": 1}'}],
    ),
    delta={"stop_reason": "tool_use"},
)


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


def test_a_call_by_the_model_itself_brings_nothing_back() -> None:
    call = {"type": "tool_use", "id": "a", "name": "b", "input": {}, "caller": {"type": "direct"}}
    assert plain(call).parts == streamed(events((call, []))).parts == (ToolCall("a", "b", {}),)


def test_a_member_of_a_toolset_is_told() -> None:
    call = {"type": "tool_use", "id": "a", "name": "b", "input": {}, "toolset_name": "browser"}
    for response in (plain(call), streamed(events((call, [])))):
        assert opaque(response.parts[0]) == {"toolset_name": "browser"}


def test_input_that_comes_with_the_start_of_a_call() -> None:
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


def test_pieces_of_unknown_kinds_are_told() -> None:
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


def test_who_answered_and_what_sums_up() -> None:
    container = {"id": "container_1"}
    for response in (
        plain("Hi", container=container),
        streamed(text_events("Hi", delta={"container": container})),
    ):
        assert (response.served_model, response.request_id) == ("claude-1", "req_1")
        assert response.raw["container"] == container
        assert response.raw["usage"]["input_tokens"] == 9


# --- usage ---

FULL = {
    "input_tokens": 10,
    "cache_creation_input_tokens": 300,
    "cache_read_input_tokens": 2000,
    "cache_creation": {"ephemeral_5m_input_tokens": 100, "ephemeral_1h_input_tokens": 200},
    "output_tokens": 50,
    "output_tokens_details": {"thinking_tokens": 20},
    "server_tool_use": {"web_search_requests": 2, "web_fetch_requests": 0},
    "service_tier": "priority",
}


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


def test_tokens_of_another_model_are_told() -> None:
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
        made.feed(payload)
    told = made.usage()
    assert told is not None
    assert (told.input.total, told.output.total) == (9, None)
    for payload in payloads[4:]:
        made.feed(payload)
    told = made.usage()
    assert told is not None
    assert told.output.total == 3


# --- what breaks ---


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'{"type":"message"}',
        b'{"content":[]}',
        b'{"content":[{}],"stop_reason":5}',
        b'{"content":[{"type":"text","text":5}],"stop_reason":"end_turn"}',
        b'{"content":[{"type":"text","text":"\xc3"}],"stop_reason":"end_turn"}',
        b"<html>",
    ],
)
def test_bodies_that_break_the_format(body: bytes) -> None:
    with pytest.raises(InvalidResponse) as caught:
        decode(ANSWER, body)
    assert caught.value.retryable


def test_an_error_with_status_200() -> None:
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}
    with pytest.raises(ServerError, match="busy"):
        decode(ANSWER, json.dumps(error).encode())


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"type": "overloaded_error", "message": "busy"}, ServerError),
        ({"type": "api_error", "message": "oh"}, ServerError),
        ({"type": "rate_limit_error", "message": "slow"}, RateLimitError),
        ({}, ServerError),
    ],
)
def test_errors_inside_a_stream(error: Any, kind: type[FmsdkError]) -> None:
    payloads = [*text_events("Hi")[:4], {"type": "error", "error": error, "request_id": "req_2"}]
    with pytest.raises(kind) as caught:
        streamed(payloads)
    assert caught.value.retryable
    assert caught.value.request_id == "req_2"
    assert caught.value.status is None


@pytest.mark.parametrize(
    "payloads",
    [
        text_events("Hi")[:-1],  # no message_stop
        [*text_events("Hi")[:-2], {"type": "message_stop"}],  # no reason
        text_events("Hi")[:3],
        [{"type": "ping"}],
    ],
)
def test_streams_without_a_finish(payloads: list[Any]) -> None:
    with pytest.raises(IncompleteStream):
        streamed(payloads)


@pytest.mark.parametrize(
    "event",
    [
        b"{",
        b"5",
        b'{"type":"content_block_delta","delta":{"type":"text_delta","text":5}}',
        b'{"type":"content_block_start","content_block":{"type":"tool_use","name":5}}',
        b'{"type":"content_block_delta","index":9,"delta":{"type":"input_json_delta"}}',
        b'{"type":"content_block_delta","delta":{"type":"text_delta","text":"\xc3"}}',
    ],
)
def test_events_that_break_the_format(event: bytes) -> None:
    with pytest.raises(InvalidResponse):
        read_all([*sse(*text_events("Hi")[:3], done=False), b"data: " + event + b"\n\n"])


def test_input_of_a_server_tool_that_breaks_off() -> None:
    deltas = [{"type": "input_json_delta", "partial_json": "{"}]
    with pytest.raises(InvalidResponse):
        streamed(events(({**SEARCH, "input": {}}, deltas)))


def test_llama_cpp_leaves_out_the_start_and_the_ends_of_blocks_now_and_then() -> None:
    left_out = ("message_start", "content_block_start", "content_block_stop")
    thought = ({"type": "thinking"}, [{"type": "thinking_delta", "thinking": "Hm"}])
    text = ({"type": "text"}, [{"type": "text_delta", "text": "Hi"}])
    payloads = [one for one in events(thought, text) if one["type"] not in left_out]
    response = streamed(payloads)
    assert (response.reasoning, response.text, response.served_model) == ("Hm", "Hi", None)
    assert response.usage.input.total is None
    assert response.usage.output.total == 3


WIRE = b"".join(sse(*STREAMED, done=False))
WHOLE = folded(read_all([WIRE]), ANSWER.request)


@given(st.lists(st.integers(0, len(WIRE)), max_size=12), st.booleans())
def test_however_a_stream_is_cut_the_answer_is_the_same(cuts: list[int], comments: bool) -> None:
    places = [0, *sorted(cuts), len(WIRE)]
    pieces = [WIRE[a:b] for a, b in pairwise(places)]
    if comments:
        pieces.insert(0, b": keep-alive\n\n")
    assert folded(read_all(pieces), ANSWER.request) == WHOLE


@given(st.integers(0, len(WIRE) - 40))
def test_wherever_a_stream_breaks_off_it_is_told(end: int) -> None:
    with pytest.raises((IncompleteStream, InvalidResponse)):
        read_all([WIRE[:end]])


@given(st.binary(max_size=60))
def test_no_bytes_make_another_error(body: bytes) -> None:
    for attempt in (lambda: decode(ANSWER, body), lambda: read_all([b"data: " + body + b"\n\n"])):
        with pytest.raises(FmsdkError):
            attempt()


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every container in a JSON value, with each key of it."""
    for key in list(value) if isinstance(value, dict) else range(len(value)):
        yield value, key
        if isinstance(value[key], dict | list):
            yield from places(value[key])


@given(st.data(), st.sampled_from([None, 5, "x", [], [5], {}, {"type": 5}, True]))
def test_no_odd_value_makes_another_error(data: st.DataObject, odd: Any) -> None:
    payloads, body = json.loads(json.dumps([STREAMED, message(*CONTENT, usage=FULL)]))
    where, key = data.draw(st.sampled_from([*places(payloads), *places(body)]))
    where[key] = odd
    with suppress(FmsdkError):
        decode(ANSWER, json.dumps(body).encode())
    with suppress(FmsdkError):
        streamed(payloads)


def test_text_comes_as_it_is_said() -> None:
    got = read_all(sse(*text_events("a", "b"), done=False))
    assert [event.text for event in got if isinstance(event, TextDelta)] == ["a", "b"]
