"""What is wrong with an answer, and streams however they are cut."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fmsdk.errors import (
    BadRequestError,
    ContentFiltered,
    FmsdkError,
    IncompleteStream,
    InvalidResponse,
    RateLimitError,
    ServerError,
)
from fmsdk.response import Finished, TextDelta
from fmsdk_openai.decode import decode
from tests.support.openai.decoding import (
    DELTA,
    answer,
    call,
    ended,
    events,
    plain,
    reader_of,
    streamed,
)
from tests.support.openai.provider import chunk, message, response, sse
from tests.support.soak import soak_size

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


@pytest.mark.parametrize("reason", ["error", "abort", "insufficient_system_resource"])
def test_server_reports_a_broken_answer(reason: str) -> None:
    with pytest.raises(ServerError, match=f"broke the answer off: {reason}"):
        streamed(chunk({"content": "Hi"}, reason))
    body = {"choices": [{"message": {"content": "Hi"}, "finish_reason": reason}]}
    with pytest.raises(ServerError, match=f"broke the answer off: {reason}") as caught:
        plain(body | {"usage": {"prompt_tokens": 7, "completion_tokens": 1}})
    assert caught.value.partial.text == "Hi"
    assert caught.value.partial.usage.input.total == 7


BROKEN_CHOICE = {"error": {"code": 429, "message": "Upstream"}, "finish_reason": "stop"}


def test_a_choice_with_an_error_of_its_own() -> None:
    """OpenRouter's, beside a finish that looks like any other."""
    part = chunk({"content": "Hi"})
    part["choices"][0] |= BROKEN_CHOICE
    for ask in (
        lambda: plain({"choices": [{"message": {"content": "Hi"}, **BROKEN_CHOICE}]}),
        lambda: streamed(part, chunk({}, "stop")),
    ):
        with pytest.raises(RateLimitError, match="Upstream") as caught:
            ask()
        assert caught.value.status == 429


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ({"object": "error", "message": "boom", "type": "InternalServerError", "code": 500}, 500),
        ({"x_groq": {"id": "req", "error": "over_capacity"}, "choices": []}, None),
    ],
    ids=["vLLM, SGLang", "Groq"],
)
def test_errors_of_other_shapes_inside_a_200(said: Any, status: int | None) -> None:
    for ask in (
        lambda: plain(said),
        lambda: streamed(chunk({"content": "Hi"}), said, chunk({}, "stop")),
    ):
        with pytest.raises(ServerError, match=r"boom|over_capacity") as caught:
            ask()
        assert caught.value.status == status


def test_an_error_without_a_type_inside_a_stream_of_responses() -> None:
    error = {"error": {"message": "no", "type": "invalid_request_error", "code": 400}}
    with pytest.raises(BadRequestError, match="no"):
        streamed(DELTA, error, api="responses")


@pytest.mark.parametrize("delta", [{}, {"delta": None}, {"delta": {"a": 1}}])
def test_a_delta_of_responses_without_text(delta: Any) -> None:
    for kind in ("output_text", "refusal", "reasoning_summary_text", "function_call_arguments"):
        with pytest.raises(InvalidResponse, match=kind):
            streamed({"type": f"response.{kind}.delta", **delta}, api="responses")


def test_a_failed_response_keeps_what_it_had() -> None:
    said = message({"type": "output_text", "text": "Once"})
    used = {"input_tokens": 7, "output_tokens": 1}
    body = response(said, status="failed", error={"code": "server_error"}, usage=used)
    with pytest.raises(ServerError) as caught:
        plain(body, api="responses")
    partial = caught.value.partial
    assert (partial.text, partial.finish) == ("Once", "cancelled")
    assert partial.usage.input.total == 7


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


def test_partial_answer_survives_an_error() -> None:
    reader = reader_of(answer())
    piece = b"".join([*sse(chunk({"content": "Hi"}), done=False), b"data: {\n\n"])
    assert reader.feed(piece) == [TextDelta("Hi")]
    with pytest.raises(InvalidResponse):
        reader.raise_error()


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


@settings(max_examples=soak_size(60, 1000), deadline=None)
@given(data=st.data(), api=st.sampled_from(sorted(STREAMS)), crlf=st.booleans())
def test_answer_does_not_depend_on_chunk_boundaries(
    data: st.DataObject, api: str, crlf: bool
) -> None:
    body = STREAMS[api].replace(b"\n", b"\r\n") if crlf else STREAMS[api]
    cuts = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=12)))
    pieces = [body[a:b] for a, b in zip([0, *cuts], [*cuts, len(body)], strict=True)]
    assert events(pieces, api) == events([STREAMS[api]], api)


@settings(max_examples=soak_size(60, 1000), deadline=None)
@given(end=st.integers(0, len(CHAT_STREAM) - 1))
def test_broken_stream_is_reported_at_any_position(end: int) -> None:
    whole = CHAT_STREAM[:end].rstrip(b"\n") == CHAT_STREAM.rstrip(b"\n")
    if whole:
        assert isinstance(events([CHAT_STREAM[:end]])[-1], Finished)
        return
    with pytest.raises((IncompleteStream, InvalidResponse)):
        events([CHAT_STREAM[:end]])


@settings(max_examples=soak_size(60, 1000), deadline=None)
@given(body=st.binary(max_size=80))
def test_arbitrary_bytes_raise_only_typed_errors(body: bytes) -> None:
    for api in ("chat", "responses"):
        with pytest.raises(FmsdkError):
            decode(answer(api), body)
        with pytest.raises(FmsdkError):
            events([b"data: " + body + b"\n\n"], api)
