"""Each failure as one typed error: by type, code and status, and over real sockets."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from fmsdk import errors
from fmsdk.errors import ContextTooLong
from fmsdk_anthropic.errors import AnthropicErrorMapper
from tests.support.anthropic.provider import (
    KEY,
    Answer,
    build_request,
    generate,
    message,
    provider,
    run_server,
    sse,
    stream,
    text_events,
)

BLAME = AnthropicErrorMapper("anthropic", "ANTHROPIC_API_KEY", KEY)
REQUEST = build_request()
BAD = "invalid_request_error"


def body(type: Any = None, message: str = "why", **fields: Any) -> dict[str, Any]:
    return {"type": "error", "error": {"type": type, "message": message, **fields}}


def coded(code: str) -> dict[str, Any]:
    return {"details": {"error_code": code}}


TOO_LONG = "prompt is too long: 208310 tokens > 200000 maximum"
MAPPED = [
    # status, body, error, retryable
    (400, body(BAD), "BadRequestError", False),
    (400, body(BAD, TOO_LONG), "ContextTooLong", False),
    (400, body(BAD, f"[type=x, input_value='{TOO_LONG}']"), "BadRequestError", False),
    (
        400,
        body(BAD, "Your credit balance is too low to access the Anthropic API. Please"),
        "QuotaExceeded",
        False,
    ),
    (400, body(BAD, **coded("image_dimensions_too_large")), "InvalidMedia", False),
    (400, body(BAD, **coded("enforced_spend_limit_reached")), "QuotaExceeded", False),
    (400, body(BAD, **coded("of_tomorrow")), "BadRequestError", False),
    (400, body(BAD, details=[5]), "BadRequestError", False),
    (401, body("authentication_error"), "AuthenticationError", False),
    (402, body("billing_error"), "QuotaExceeded", False),
    (403, body("permission_error"), "PermissionDenied", False),
    (404, body("not_found_error"), "ModelNotFound", False),
    (409, body("conflict_error"), "ServerError", True),
    (413, body("request_too_large"), "BadRequestError", False),
    (429, body("rate_limit_error"), "RateLimitError", True),
    (429, body("rate_limit_error", **coded("ramp_limit_exceeded")), "RateLimitError", True),
    (
        429,
        body("rate_limit_error", **coded("enforced_spend_limit_reached")),
        "QuotaExceeded",
        False,
    ),
    (500, body("api_error"), "ServerError", True),
    (503, "<html>", "ServerError", True),
    (504, body("timeout_error"), "ServerError", True),
    (529, body("overloaded_error"), "ServerError", True),
    (None, body("overloaded_error"), "ServerError", True),
    (None, body(BAD), "BadRequestError", False),
]


@pytest.mark.parametrize(("status", "given", "name", "retryable"), MAPPED)
def test_types_codes_and_statuses(status: Any, given: Any, name: str, retryable: bool) -> None:
    error = BLAME.from_response(given, status=status)
    assert type(error) is getattr(errors, name)
    assert (error.status, error.retryable, error.provider) == (status, retryable, "anthropic")


@pytest.mark.parametrize(
    ("text", "tokens", "limit"),
    [
        (TOO_LONG, 208_310, 200_000),
        (
            "input length and `max_tokens` exceed context limit: 188240 + 21333 > 200000",
            209_573,
            200_000,
        ),
    ],
)
def test_context_error_names_the_excess(text: str, tokens: int, limit: int) -> None:
    error = BLAME.from_response(body(BAD, text), status=400)
    assert isinstance(error, ContextTooLong)
    assert (error.tokens, error.limit) == (tokens, limit)


def test_request_ids_of_header_and_body() -> None:
    told = {**body(BAD), "request_id": "req_body"}
    headers = {"request-id": "req_header", "retry-after": "7"}
    both = BLAME.from_response(told, status=400, headers=headers)
    assert (both.request_id, both.retry_after) == ("req_header", 7.0)
    assert BLAME.from_response(told, status=400).request_id == "req_body"
    assert BLAME.from_response({**told, "request_id": 5}, status=400).request_id is None


def test_the_key_is_never_shown() -> None:
    for status in (400, 401, 500):
        error = BLAME.from_response(body(BAD, f"not {KEY}"), status=status)
        assert KEY not in str(error)


@pytest.mark.parametrize("ask", [generate, stream])
@pytest.mark.parametrize(
    ("status", "type", "kind"),
    [
        (401, "authentication_error", errors.AuthenticationError),
        (429, "rate_limit_error", errors.RateLimitError),
        (529, "overloaded_error", errors.ServerError),
    ],
)
def test_over_the_wire(ask: Any, status: int, type: str, kind: Any) -> None:
    headers = {"request-id": "req_9", "retry-after": "3"}
    with (
        run_server(Answer(body(type), status, headers)) as server,
        pytest.raises(kind) as caught,
    ):
        ask(provider(server.root), REQUEST)
    error = caught.value
    assert (error.status, error.request_id, error.retry_after) == (status, "req_9", 3.0)
    assert len(server.seen) == 1, "the SDK's own retries are off"


def test_a_server_that_is_not_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    for ask in (generate, stream):
        with pytest.raises(errors.ConnectionFailed, match="cannot be reached"):
            ask(provider(f"http://127.0.0.1:{port}"), REQUEST)


FIRST = sse(*text_events("Hi")[:4], done=False)
BROKEN = [
    (Answer(pieces=FIRST), errors.IncompleteStream),
    (Answer(pieces=FIRST, then="reset"), errors.ConnectionFailed),
    (Answer(pieces=FIRST, then="hang"), errors.Timeout),
    (Answer(pieces=[*FIRST, *sse(body("overloaded_error"), done=False)]), errors.ServerError),
    (Answer(pieces=[*FIRST, b"data: {\n\n"]), errors.InvalidResponse),
    (Answer(pieces=[]), errors.InvalidResponse),
    (Answer(b"", then="reset"), errors.InvalidResponse),
    (Answer(body("overloaded_error")), errors.ServerError),
    (Answer(message("Hi")), errors.InvalidResponse),
]


@pytest.mark.parametrize(("answer", "kind"), BROKEN)
def test_streams_that_break(answer: Answer, kind: Any) -> None:
    answer.headers["request-id"] = "req_3"
    with run_server(answer) as server, pytest.raises(kind) as caught:
        stream(provider(server.root, idle_timeout=0.3), REQUEST)
    assert caught.value.retryable
    assert caught.value.request_id == "req_3"


@pytest.mark.parametrize("content", [b"", b'{"content":', b'{"content":"\xc3'])
def test_bodies_that_break(content: bytes) -> None:
    answer = Answer(content, headers={"request-id": "req_3"})
    with run_server(answer) as server, pytest.raises(errors.InvalidResponse) as caught:
        generate(provider(server.root), REQUEST)
    assert caught.value.request_id == "req_3"
