"""Answers of Google's to decode, whole and in chunks."""

from __future__ import annotations

import json
from typing import Any

from fmsdk.hosted.decoding import DecodeContext
from fmsdk.request import Request, build
from fmsdk.response import Response
from fmsdk_google.decode import decode, decoder
from fmsdk_google.errors import GoogleErrorMapper
from tests.support.google.provider import KEY, accumulate_events, chunk

__all__ = ["BLAME", "REQUEST", "answer", "both", "events", "whole"]

REQUEST = build("google:gemini-3.8-flash", "Hello")
BLAME = GoogleErrorMapper("google", "GEMINI_API_KEY", KEY)


def answer(request: Request = REQUEST) -> DecodeContext:
    return DecodeContext(request=request, error_mapper=BLAME, request_id="from-header")


def whole(body: Any, request: Request = REQUEST) -> Response[Any]:
    return decode(answer(request), json.dumps(body).encode())


def events(*chunks: Any, request: Request = REQUEST) -> list[Any]:
    stream = decoder(answer(request))
    found = [event for one in chunks for event in stream.decode_event(json.dumps(one).encode())]
    return [*found, *stream.decode_end()]


def both(*parts: Any, **fields: Any) -> Response[Any]:
    """The answer of these parts, plain and streamed a part at a time, which must be the same."""
    plain = whole(chunk(*parts, **fields))
    pieces = [chunk(part, finish=None) for part in parts]
    streamed = accumulate_events(events(*pieces, chunk(**fields)), REQUEST)
    assert streamed.parts == plain.parts
    assert streamed.finish == plain.finish
    return plain
