"""Recorded traffic over real sockets, whole: what every vendor's server answered, plain and
streamed, reads as `expected.jsonl` says, and no legal variation of the wire changes it.
"""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest

from fmsdk import errors
from fmsdk.errors import FmsdkError
from fmsdk.response import Response
from tests.support.hosted.replay import (
    EXPECTED,
    FAILS_INSIDE,
    ROWS,
    ask,
    run_replay_server,
    summarize_response,
)
from tests.support.shared_folder import needs_shared

pytestmark = needs_shared

# The server says "length", and then that it failed: an answer that cannot be trusted.
ANSWERED = [name for name in ROWS if EXPECTED[name]["status"] == 200 and name not in FAILS_INSIDE]
REFUSED = [name for name in ROWS if EXPECTED[name]["status"] != 200]


@pytest.fixture(scope="module")
def root() -> Iterator[str]:
    with run_replay_server() as root:
        yield root


def answer(root: str, name: str) -> Response[Any]:
    got = asyncio.run(ask(root, name))
    assert isinstance(got, Response), repr(got)
    return got


@pytest.mark.parametrize("name", ANSWERED)
def test_answers_read_as_the_wire_says(root: str, name: str) -> None:
    got = answer(root, name)
    seen = summarize_response(got)
    expected = copy.deepcopy({key: EXPECTED[name][key] for key in seen})
    if seen["usage"] and not expected["usage"]["cache_write"]:
        # The expectations do not read OpenAI's cache writes, of which a 0 tells nothing here.
        assert not seen["usage"]["cache_write"]
        seen["usage"]["cache_write"] = expected["usage"]["cache_write"]
    for call, wired in zip(seen["tool_calls"], expected["tool_calls"], strict=False):
        # Where the wire names a call with nothing (Gemini 2.5), it gets an id to answer it by.
        wired["id"] = wired["id"] or call["id"]
    assert seen == expected
    assert got.served_model
    assert got.request_id


@pytest.mark.parametrize("name", REFUSED)
def test_errors_read_as_the_wire_says(root: str, name: str) -> None:
    error, expected = asyncio.run(ask(root, name)), EXPECTED[name]
    assert isinstance(error, FmsdkError)
    kinds = {401: errors.AuthenticationError, 404: errors.ModelNotFound}
    kind = kinds.get(expected["status"], errors.BadRequestError)
    if "API_KEY_INVALID" in ROWS[name]["response_body"]:
        kind = errors.AuthenticationError
    assert type(error) is kind
    assert (error.status, error.retryable) == (expected["status"], False)
    headers, body = ROWS[name]["response_headers"], json.loads(ROWS[name]["response_body"])
    told = headers.get("x-request-id") or headers.get("request-id") or body.get("request_id")
    assert error.request_id == told
    if kind is not errors.AuthenticationError:
        assert expected["error"]["message"] in str(error)


@pytest.mark.parametrize("name", sorted(FAILS_INSIDE & ROWS.keys()))
def test_an_error_after_comments_inside_a_200(root: str, name: str) -> None:
    error = asyncio.run(ask(root, name))
    assert isinstance(error, errors.BadRequestError)
    assert "Token limit reached" in str(error)
    assert (error.status, error.retryable) == (400, False)
    seen, expected = summarize_response(error.partial), EXPECTED[name]
    for field in ("text", "thinking", "tool_calls", "refusal", "choices", "usage"):
        assert seen[field] == expected[field], field
    assert error.request_id
    assert (error.partial.request_id, bool(error.partial.served_model)) == (error.request_id, True)


LEGAL = ["chunk=7", "crlf", "gzip", "lax", "delay_ms=10", "ctype=text%2Fplain"]
LEGAL_STREAMS = [*LEGAL, "comments", "gap_ms=1", "crlf~comments~chunk=3", "comments~gzip"]


@pytest.mark.parametrize("name", ANSWERED)
def test_legal_variations_change_nothing(root: str, name: str) -> None:
    async def main() -> tuple[Any, list[Any]]:
        ways = LEGAL_STREAMS if ROWS[name]["stream"] else LEGAL
        if len(ROWS[name]["response_body"]) < 6000:  # a byte at a time takes a while
            ways = [*ways, "chunk=1"]
        usual = await ask(root, name)
        return usual, await asyncio.gather(*(ask(root, name, f"~{way}") for way in ways))

    usual, varied = asyncio.run(main())
    assert isinstance(usual, Response)
    for got in varied:
        assert isinstance(got, Response), repr(got)
        assert (got.choices, got.usage, got.request_id) == (
            usual.choices,
            usual.usage,
            usual.request_id,
        )
