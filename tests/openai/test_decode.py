"""Answers as they come in: every shape that servers of this wire were seen to send."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fmsdk.content import Audio, Reasoning, Text, ToolCall
from fmsdk.errors import (
    ContentFiltered,
    FmsdkError,
    IncompleteStream,
    InvalidResponse,
    RateLimitError,
    ServerError,
)
from fmsdk.request import Request, build
from fmsdk.response import Event, Finished, Response, TextDelta
from fmsdk.wire.read import StreamReader
from fmsdk_openai.decode import OpenAIAnswer, decode, decoder
from fmsdk_openai.errors import OpenAIBlame
from tests.openai.kit import chunk, completion, folded, message, response, sse

REQUEST = build("openai:m", "Hello")
DELTA = {"type": "response.output_text.delta", "delta": "Hi."}


def reader_of(answer: OpenAIAnswer) -> StreamReader:
    return StreamReader(decoder(answer), answer.blame)


def answer(api: Any = "chat", request: Request = REQUEST) -> OpenAIAnswer:
    blame = OpenAIBlame(request.provider, "OPENAI_API_KEY")
    return OpenAIAnswer(request=request, blame=blame, request_id="req_1", api=api)


def compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def plain(body: Any, *, api: str = "chat", request: Request = REQUEST) -> Response[Any]:
    return decode(answer(api, request), json.dumps(body).encode())


def events(pieces: list[bytes], api: str = "chat", request: Request = REQUEST) -> list[Event]:
    reader = reader_of(answer(api, request))
    found = [event for piece in pieces for event in reader.feed(piece)]
    return [*found, *reader.finish()]


def streamed(
    *payloads: Any, api: str = "chat", request: Request = REQUEST, done: bool = True
) -> Response[Any]:
    return folded(events(sse(*payloads, done=done), api, request), request)


def ended(*payloads: Any, **body: Any) -> Response[Any]:
    end = {"type": "response.completed", "response": response(**body)}
    return streamed(*payloads, end, api="responses", done=False)


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
        ("eos", "other"),
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


def call(index: int | None, id: str | None, name: str | None, arguments: str) -> dict[str, Any]:
    number = {} if index is None else {"index": index}
    return chunk(
        {"tool_calls": [{**number, "id": id, "function": {"name": name, "arguments": arguments}}]}
    )


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
def test_pieces_of_calls_find_each_other(pieces: list[Any]) -> None:
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


def test_what_a_server_wants_back_with_a_call() -> None:
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


def test_fewer_choices_than_asked_for_are_told() -> None:
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


def test_more_cached_than_asked_is_passed_on() -> None:
    told = {"prompt_tokens": 7, "prompt_tokens_details": {"cached_tokens": 163}}
    used = plain(completion(usage=told)).usage
    assert (used.input.total, used.input.cache_read, used.output.total) == (7, 163, None)


def test_who_answered() -> None:
    for got in (plain(completion()), streamed(chunk({"content": "Hi."}, "stop"))):
        assert (got.provider, got.model, got.served_model) == ("openai", "m", "m-1")
        assert got.request_id == "req_1"


# --- Responses ---


@pytest.mark.parametrize(
    ("status", "details", "finish", "raw"),
    [
        ("completed", None, "stop", "completed"),
        ("incomplete", {"reason": "max_output_tokens"}, "length", "incomplete:max_output_tokens"),
        ("incomplete", {"reason": "content_filter"}, "content_filter", "incomplete:content_filter"),
        ("incomplete", None, "other", "incomplete:"),
        ("cancelled", None, "cancelled", "cancelled"),
        ("queued", None, "other", "queued"),
    ],
)
def test_statuses(status: str, details: Any, finish: str, raw: str) -> None:
    fields = {"status": status, "incomplete_details": details}
    whole = plain(response(**fields), api="responses")
    end = {"type": "response.incomplete", "response": response(**fields)}
    for got in (whole, streamed(end, api="responses", done=False)):
        assert (got.finish, got.finish_raw) == (finish, raw)


ITEMS: list[dict[str, Any]] = [
    {
        "type": "reasoning",
        "id": "rs_1",
        "summary": [{"type": "summary_text", "text": t} for t in ("One.", "Two.")],
        "encrypted_content": "gAAA",
    },
    message({"type": "output_text", "text": "Let me see."}, phase="commentary"),
    {"type": "web_search_call", "id": "ws_1", "action": {"query": "x"}, "arguments": None},
    {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "f", "arguments": '{"x":1}'},
    message({"type": "output_text", "text": "A."}, {"type": "refusal", "refusal": "B."}),
]
DELTAS: list[list[dict[str, Any]]] = [
    [
        {"type": "response.reasoning_summary_text.delta", "summary_index": 0, "delta": "One"},
        {"type": "response.reasoning_summary_text.delta", "summary_index": 0, "delta": "."},
        {"type": "response.reasoning_summary_text.delta", "summary_index": 1, "delta": "Two."},
    ],
    [{"type": "response.output_text.delta", "delta": d} for d in ("Let me", " see.")],
    [{"type": "response.web_search_call.completed"}],
    [{"type": "response.function_call_arguments.delta", "delta": d} for d in ('{"x"', ":1}")],
    [
        {"type": "response.output_text.delta", "content_index": 0, "delta": "A."},
        {"type": "response.refusal.delta", "content_index": 1, "delta": "B."},
    ],
]


def expected_parts() -> tuple[Any, ...]:
    return (
        Reasoning("One.\n\nTwo.", "openai", compact(ITEMS[0])),
        Reasoning("", "openai", '{"type":"message","phase":"commentary"}'),
        Text("Let me see."),
        Reasoning("", "openai", compact(ITEMS[2])),
        ToolCall("c1", "f", {"x": 1}),
        Text("A."),
        Text("B.", refusal=True),
    )


@pytest.mark.parametrize("with_deltas", [True, False], ids=["deltas", "whole items alone"])
def test_items_keep_their_order_and_opaque_ones_their_values(with_deltas: bool) -> None:
    payloads: list[dict[str, Any]] = [{"type": "response.created", "response": {"id": "resp_1"}}]
    for n, (item, deltas) in enumerate(zip(ITEMS, DELTAS, strict=True)):
        bare = {k: v for k, v in item.items() if k not in ("content", "summary", "arguments")}
        payloads.append({"type": "response.output_item.added", "output_index": n, "item": bare})
        payloads += [{**delta, "output_index": n} for delta in deltas if with_deltas]
        payloads.append({"type": "response.output_item.done", "output_index": n, "item": item})
    whole = plain(response(*ITEMS), api="responses")
    for got in (whole, ended(*payloads)):
        assert got.parts == expected_parts()
        assert got.finish == "tool_calls"
        assert got.text == "Let me see.A."
        assert got.reasoning == "One.\n\nTwo."


def test_reasoning_in_the_open() -> None:
    said = [{"type": "reasoning_text", "text": "Hm."}]
    item = {"type": "reasoning", "id": "rs", "summary": [], "content": said}
    whole = plain(response(item), api="responses")
    pieces = ended(
        {"type": "response.reasoning_text.delta", "delta": "Hm."},
        {"type": "response.output_item.done", "item": item},
    )
    for got in (whole, pieces):
        assert got.parts == (Reasoning("Hm.", "openai", compact(item)),)


def test_a_call_that_was_never_announced() -> None:
    item = {"type": "function_call", "call_id": "c", "name": "f", "arguments": ""}
    got = ended({"type": "response.output_item.done", "item": item})
    assert got.tool_calls == (ToolCall("c", "f"),)


def test_logprobs_of_responses() -> None:
    logprobs = [{"token": "Hi.", "logprob": -0.5, "top_logprobs": []}]
    text = {"type": "output_text", "text": "Hi.", "logprobs": logprobs}
    whole = plain(response(message(text)), api="responses")
    for got in (whole, ended({**DELTA, "logprobs": logprobs})):
        assert [(one.token, one.logprob) for one in got.logprobs] == [("Hi.", -0.5)]


def test_usage_of_responses() -> None:
    told = {
        "input_tokens": 100,
        "input_tokens_details": {"cached_tokens": 60, "cache_write_tokens": 7},
        "output_tokens": 50,
        "output_tokens_details": {"reasoning_tokens": 30},
    }
    whole = plain(response(usage=told, service_tier="priority"), api="responses")
    for got in (whole, ended(DELTA, usage=told, service_tier="priority")):
        used = got.usage
        assert (used.source, used.service_tier) == ("measured", "priority")
        assert (used.input.total, used.input.cache_read, used.input.cache_write) == (100, 60, 7)
        assert (used.output.total, used.output.reasoning) == (50, 30)
        assert got.raw["usage"] == told


# --- what is wrong ---


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b"<html>",
        b"{}",
        b'{"choices":[]}',
        b'{"choices":{}}',
        b'{"choices":[{"message":{"content":"\xff"}}]}',
        b'{"choices":[{"message":{"content":1}}]}',
        b'{"output":[{"type":"reasoning","unread":"\xff"}]}',
        b'{"output":[7]}',
    ],
)
@pytest.mark.parametrize("api", ["chat", "responses"])
def test_bodies_that_break_the_format(api: str, body: bytes) -> None:
    with pytest.raises(InvalidResponse) as caught:
        decode(answer(api), body)
    assert caught.value.retryable


@pytest.mark.parametrize(
    "event",
    [
        b'{"type":"error","message":"\xff"}',
        b'{"type":"response.output_item.done","item":{"type":"x","unread":"\xff"}}',
        b'{"type":"response.output_text.delta","delta":"\xff"}',
        b'{"type":"response.completed","response":7}',
    ],
)
def test_events_that_break_the_format(event: bytes) -> None:
    with pytest.raises(InvalidResponse):
        events([b"data: " + event + b"\n\n"], "responses")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"message": "x", "code": "rate_limit_exceeded"}, RateLimitError),
        ({"message": "x", "code": 502}, ServerError),
        ({"message": "x", "code": "content_filter"}, ContentFiltered),
        ("it broke", ServerError),
    ],
)
def test_errors_inside_a_200(error: Any, kind: type[FmsdkError]) -> None:
    for ask in (
        lambda: plain({"error": error}),
        lambda: streamed(chunk({"content": "Hi"}), {"error": error}),
        lambda: plain({"status": "failed", "error": error}, api="responses"),
        lambda: ended(DELTA, status="failed", error=error),
    ):
        with pytest.raises(kind):
            ask()


@pytest.mark.parametrize(
    "event",
    [
        {"type": "error", "code": "rate_limit_exceeded", "message": "x"},
        {"type": "error", "error": {"code": "rate_limit_exceeded", "message": "x"}},
        {
            "type": "response.failed",
            "response": response(status="failed", error={"code": "rate_limit_exceeded"}),
        },
    ],
)
def test_error_events_of_responses(event: Any) -> None:
    with pytest.raises(RateLimitError):
        streamed(DELTA, event, api="responses")


def test_a_server_that_says_it_broke_off() -> None:
    with pytest.raises(ServerError, match="broke off"):
        streamed(chunk({"content": "Hi"}, "error"))
    with pytest.raises(ServerError, match="broke off"):
        plain({"choices": [{"message": {"content": "Hi"}, "finish_reason": "error"}]})


@pytest.mark.parametrize(
    "pieces",
    [
        sse(chunk({"content": "Hi."}), done=False),
        sse(chunk({"content": "Hi."}, "stop"), done=False),
        sse(chunk({"content": "Hi."})),
        sse(chunk({"content": "a"}, "stop"), chunk({"content": "b"}, index=1)),
        sse(),
    ],
    ids=["nothing", "no [DONE]", "no finish reason", "one choice unfinished", "no choice"],
)
def test_chat_streams_without_a_finish(pieces: list[bytes]) -> None:
    with pytest.raises(IncompleteStream) as caught:
        events(pieces)
    assert caught.value.retryable


def test_responses_streams_without_a_finish() -> None:
    with pytest.raises(IncompleteStream):
        streamed(DELTA, api="responses")


@pytest.mark.parametrize("body", [b"", b"<html></html>", b": nothing but a comment\n\n"])
def test_streams_without_events(body: bytes) -> None:
    with pytest.raises(InvalidResponse, match="without a single event"):
        events([body])


def test_what_arrived_before_an_error_is_not_lost() -> None:
    reader = reader_of(answer())
    piece = b"".join([*sse(chunk({"content": "Hi"}), done=False), b"data: {\n\n"])
    assert reader.feed(piece) == [TextDelta("Hi")]
    with pytest.raises(InvalidResponse):
        reader.raise_found()


# --- however it is cut ---

CHAT_STREAM = b"".join(
    sse(
        chunk({"role": "assistant", "content": "", "reasoning": "Hm – "}),
        chunk({"content": "Grüße, "}),
        chunk({"content": "世界 🎉"}),
        call(0, "a", "f", '{"x":'),
        call(0, None, None, '"é"}'),
        chunk({}, "tool_calls"),
        {**chunk({}), "choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 2}},
    )
)
RESPONSES_STREAM = b"".join(
    f"event: {payload['type']}\ndata: {json.dumps(payload, ensure_ascii=False)}\n\n".encode()
    for payload in (
        {**DELTA, "delta": "Grüße, "},
        {**DELTA, "delta": "世界 🎉"},
        {"type": "response.completed", "response": response()},
    )
)
STREAMS = {"chat": CHAT_STREAM, "responses": RESPONSES_STREAM}


@settings(max_examples=60, deadline=None)
@given(data=st.data(), api=st.sampled_from(sorted(STREAMS)), crlf=st.booleans())
def test_however_a_stream_is_cut_the_answer_is_the_same(
    data: st.DataObject, api: str, crlf: bool
) -> None:
    body = STREAMS[api].replace(b"\n", b"\r\n") if crlf else STREAMS[api]
    cuts = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=12)))
    pieces = [body[a:b] for a, b in zip([0, *cuts], [*cuts, len(body)], strict=True)]
    assert events(pieces, api) == events([STREAMS[api]], api)


@settings(max_examples=60, deadline=None)
@given(end=st.integers(0, len(CHAT_STREAM) - 1))
def test_wherever_a_stream_breaks_off_it_is_told(end: int) -> None:
    whole = CHAT_STREAM[:end].rstrip(b"\n") == CHAT_STREAM.rstrip(b"\n")
    if whole:
        assert isinstance(events([CHAT_STREAM[:end]])[-1], Finished)
        return
    with pytest.raises((IncompleteStream, InvalidResponse)):
        events([CHAT_STREAM[:end]])


@settings(max_examples=60, deadline=None)
@given(body=st.binary(max_size=80))
def test_no_bytes_make_another_error(body: bytes) -> None:
    for api in ("chat", "responses"):
        with pytest.raises(FmsdkError):
            decode(answer(api), body)
        with pytest.raises(FmsdkError):
            events([b"data: " + body + b"\n\n"], api)
