"""Answers to decode, whole and in events."""

from __future__ import annotations

import json
from typing import Any

from fmsdk.hosted.decoding import StreamReader
from fmsdk.request import Request, build
from fmsdk.response import Event, Response
from fmsdk_openai.decode import OpenAIDecodeContext, decode, decoder
from fmsdk_openai.errors import OpenAIErrorMapper
from tests.support.openai.provider import accumulate_events, chunk, message, response, sse

__all__ = [
    "DELTA",
    "DELTAS",
    "ITEMS",
    "REQUEST",
    "answer",
    "call",
    "compact",
    "ended",
    "events",
    "plain",
    "reader_of",
    "streamed",
]


REQUEST = build("openai:m", "Hello")
DELTA = {"type": "response.output_text.delta", "delta": "Hi."}


def reader_of(answer: OpenAIDecodeContext) -> StreamReader:
    return StreamReader(decoder(answer), answer.error_mapper)


def answer(api: Any = "chat", request: Request = REQUEST) -> OpenAIDecodeContext:
    error_mapper = OpenAIErrorMapper(request.provider, "OPENAI_API_KEY")
    return OpenAIDecodeContext(
        request=request, error_mapper=error_mapper, request_id="req_1", api=api
    )


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
    return accumulate_events(events(sse(*payloads, done=done), api, request), request)


def ended(*payloads: Any, **body: Any) -> Response[Any]:
    end = {"type": "response.completed", "response": response(**body)}
    return streamed(*payloads, end, api="responses", done=False)


def call(index: int | None, id: str | None, name: str | None, arguments: str) -> dict[str, Any]:
    number = {} if index is None else {"index": index}
    return chunk(
        {"tool_calls": [{**number, "id": id, "function": {"name": name, "arguments": arguments}}]}
    )


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
