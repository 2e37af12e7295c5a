"""What breaks in an answer of the Messages API, and streams however they are cut."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmsdk.errors import FmsdkError, IncompleteStream, InvalidResponse, RateLimitError, ServerError
from fmsdk.response import TextDelta
from fmsdk_anthropic.decode import decode
from tests.support.anthropic.decoding import (
    ANSWER,
    CONTENT,
    FULL,
    SEARCH,
    STREAMED,
    opaque,
    read_all,
    streamed,
)
from tests.support.anthropic.provider import accumulate_events, events, message, sse, text_events

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


@pytest.mark.parametrize(
    "odd", [{"delta": "abc"}, {"index": None}, {"content_block": [1]}], ids=repr
)
def test_events_of_unknown_types_pass_whatever_their_shape(odd: Any) -> None:
    payloads = text_events("Hi")
    payloads.insert(2, {"type": "new_event", **odd})
    assert streamed(payloads).text == "Hi"
    with pytest.raises(InvalidResponse):
        streamed([*text_events("Hi")[:2], {"type": "content_block_delta", **odd, "x": 1}])


def test_input_of_a_server_tool_that_breaks_off() -> None:
    deltas = [{"type": "input_json_delta", "partial_json": "{"}]
    response = streamed(
        events(({**SEARCH, "input": {}}, deltas), delta={"stop_reason": "max_tokens"})
    )
    assert response.finish == "length"
    (kept,) = response.parts
    assert opaque(kept)["input"] == {"INVALID_JSON": "{"}


def test_missing_block_events_of_llama_cpp() -> None:
    left_out = ("message_start", "content_block_start", "content_block_stop")
    thought = ({"type": "thinking"}, [{"type": "thinking_delta", "thinking": "Hm"}])
    text = ({"type": "text"}, [{"type": "text_delta", "text": "Hi"}])
    payloads = [one for one in events(thought, text) if one["type"] not in left_out]
    response = streamed(payloads)
    assert (response.reasoning, response.text, response.served_model) == ("Hm", "Hi", None)
    assert response.usage.input.total is None
    assert response.usage.output.total == 3


WIRE = b"".join(sse(*STREAMED, done=False))
WHOLE = accumulate_events(read_all([WIRE]), ANSWER.request)


@given(st.lists(st.integers(0, len(WIRE)), max_size=12), st.booleans())
def test_answer_does_not_depend_on_chunk_boundaries(cuts: list[int], comments: bool) -> None:
    places = [0, *sorted(cuts), len(WIRE)]
    pieces = [WIRE[a:b] for a, b in pairwise(places)]
    if comments:
        pieces.insert(0, b": keep-alive\n\n")
    assert accumulate_events(read_all(pieces), ANSWER.request) == WHOLE


@given(st.integers(0, len(WIRE) - 40))
def test_broken_stream_is_reported_at_any_position(end: int) -> None:
    with pytest.raises((IncompleteStream, InvalidResponse)):
        read_all([WIRE[:end]])


@given(st.binary(max_size=60))
def test_arbitrary_bytes_raise_only_typed_errors(body: bytes) -> None:
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
def test_odd_values_raise_only_typed_errors(data: st.DataObject, odd: Any) -> None:
    payloads, body = json.loads(json.dumps([STREAMED, message(*CONTENT, usage=FULL)]))
    where, key = data.draw(st.sampled_from([*places(payloads), *places(body)]))
    where[key] = odd
    with suppress(FmsdkError):
        decode(ANSWER, json.dumps(body).encode())
    with suppress(FmsdkError):
        streamed(payloads)


def test_text_comes_in_segments() -> None:
    got = read_all(sse(*text_events("a", "b"), done=False))
    assert [event.text for event in got if isinstance(event, TextDelta)] == ["a", "b"]
