"""Each failure as one typed error: by code, type and status, and over real sockets."""

from __future__ import annotations

import pickle
import socket
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from fmsdk import errors
from fmsdk.errors import ContextTooLong
from fmsdk.http.error_mapper import retry_after
from fmsdk.request import build
from fmsdk_openai.errors import OpenAIErrorMapper
from tests.support.openai.provider import (
    KEY,
    Answer,
    completion,
    generate,
    provider,
    run_server,
    stream,
)

BLAME = OpenAIErrorMapper("openai", "OPENAI_API_KEY", KEY)
REQUEST = build("openai:m", "Hello")


def body(code: Any = None, type: Any = None, message: str = "why") -> dict[str, Any]:
    return {"error": {"message": message, "type": type, "param": None, "code": code}}


BAD, GONE = "invalid_request_error", "model_not_found"
MAPPED = [
    # status, body, error, retryable
    (400, body(None, BAD), "BadRequestError", False),
    (400, body(GONE, BAD), "ModelNotFound", False),
    (400, body("context_length_exceeded", BAD), "ContextTooLong", False),
    (400, body(400, "exceed_context_size_error"), "ContextTooLong", False),
    (400, body("content_policy_violation", BAD), "ContentFiltered", False),
    (400, body("content_filter"), "ContentFiltered", False),
    (400, body("1500", "invalid_model"), "ModelNotFound", False),
    (400, body("model_not_supported", BAD), "ModelNotFound", False),
    (400, body("invalid_image", BAD), "InvalidMedia", False),
    (400, body("tool_use_failed", BAD), "BadRequestError", False),
    (401, body("invalid_api_key", BAD), "AuthenticationError", False),
    (401, {"detail": "Unauthorized"}, "AuthenticationError", False),
    (402, body(), "QuotaExceeded", False),
    (403, body(), "PermissionDenied", False),
    (404, body(GONE, BAD), "ModelNotFound", False),
    (404, {"detail": "Not Found"}, "ModelNotFound", False),
    (408, body(), "Timeout", True),
    (409, body(), "ServerError", True),
    (410, body(), "ModelRetired", False),
    (413, "<html>too large</html>", "BadRequestError", False),
    (422, {"detail": [{"loc": ["body"], "msg": "bad"}]}, "BadRequestError", False),
    (429, body("rate_limit_exceeded", "tokens"), "RateLimitError", True),
    (429, body("insufficient_quota", "insufficient_quota"), "QuotaExceeded", False),
    (429, body(None, "insufficient_quota"), "QuotaExceeded", False),
    (500, body(None, "server_error"), "ServerError", True),
    (502, "<html>bad gateway</html>", "ServerError", True),
    (503, [{"error": {"code": 503, "message": "busy"}}], "ServerError", True),
    (529, body(None, "overloaded_error"), "ServerError", True),
    (None, body("server_error"), "ServerError", True),
    (None, body(None, BAD), "BadRequestError", False),
    (None, body("invalid_prompt"), "BadRequestError", False),
    (None, body(429), "RateLimitError", True),
    (None, {"error": {"message": "bad", "code": 400}}, "BadRequestError", False),
    (None, None, "ServerError", True),
]


@pytest.mark.parametrize(("status", "said", "kind", "retryable"), MAPPED)
def test_bodies(status: int | None, said: Any, kind: str, retryable: bool) -> None:
    error = BLAME.from_response(said, status=status, headers={"x-request-id": "req_1"})
    assert type(error) is getattr(errors, kind)
    assert error.retryable is retryable
    assert error.request_id == "req_1"
    assert error.provider == "openai"
    if status is not None:
        assert error.status == status


@pytest.mark.parametrize("before", [0, 590])
@pytest.mark.parametrize("status", [400, 401, 403, 500])
def test_the_key_is_never_shown(status: int, before: int) -> None:
    text = f"{'x' * before} Incorrect key {KEY} given"
    error = BLAME.from_response(body(message=text), status=status)
    assert KEY[:8] not in str(error)
    assert KEY not in str(error)
    assert KEY not in repr(BLAME)
    if status == 401:
        assert "OPENAI_API_KEY" in str(error)


def test_long_and_html_messages_are_cut() -> None:
    assert len(str(BLAME.from_response(body(message="x" * 9999), status=500))) < 700
    assert "HTML page" in str(BLAME.from_response(" <!doctype html> " + "x" * 99, status=502))
    assert "no reason given" in str(BLAME.from_response("", status=502))


@pytest.mark.parametrize(
    "said",
    [
        body(
            "context_length_exceeded",
            message="This model's maximum context length is 8192 tokens. However, you requested "
            "9001 tokens (8001 in the messages, 1000 in the completion).",
        ),
        {"error": {"type": "exceed_context_size_error", "n_prompt_tokens": 9001, "n_ctx": 8192}},
    ],
)
def test_context_error_names_the_excess(said: Any) -> None:
    error = BLAME.from_response(said, status=400)
    assert isinstance(error, ContextTooLong)
    assert (error.tokens, error.limit) == (9001, 8192)


def test_too_long_without_figures() -> None:
    error = BLAME.from_response(body("context_length_exceeded"), status=400)
    assert isinstance(error, ContextTooLong)
    assert (error.tokens, error.limit) == (None, None)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "2"}, 2.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "2", "retry-after-ms": "1500"}, 2.0),
        ({"retry-after": "1", "retry-after-ms": "0"}, 1.0),
        ({"retry-after": "1", "retry-after-ms": "1500"}, 1.5),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
    ],
)
def test_retry_after(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers) == seconds


def test_retry_after_as_a_date() -> None:
    due = datetime.now(UTC) + timedelta(seconds=30)
    for text in (format_datetime(due, usegmt=True), format_datetime(due.replace(tzinfo=None))):
        assert 28 < (retry_after({"retry-after": text}) or 0) <= 30


# --- over sockets ---


def plain(url: str, **config: Any) -> Any:
    return generate(provider(url, api="chat", **config), REQUEST)


def streamed(url: str, **config: Any) -> Any:
    return stream(provider(url, api="chat", **config), REQUEST)


@pytest.mark.parametrize("ask", [plain, streamed])
def test_a_status_error_carries_everything(ask: Callable[..., Any]) -> None:
    headers = {"x-request-id": "req_9", "retry-after": "7"}
    with run_server(Answer(body("rate_limit_exceeded"), 429, headers)) as server:
        with pytest.raises(errors.RateLimitError) as caught:
            ask(server.url)
        error = caught.value
        assert (error.status, error.request_id, error.retry_after) == (429, "req_9", 7.0)
        assert len(server.seen) == 1, "retries are the core's"
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), copy.status) == (errors.RateLimitError, 429)


@pytest.mark.parametrize("ask", [plain, streamed])
def test_a_port_without_a_server(ask: Callable[..., Any]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(errors.ConnectionFailed, match="is the server running") as caught:
        ask(f"http://127.0.0.1:{port}/v1")
    assert caught.value.retryable


@pytest.mark.parametrize("ask", [plain, streamed])
def test_a_server_that_never_answers(ask: Callable[..., Any]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/v1"
        with pytest.raises(errors.Timeout) as caught:
            ask(url, timeout=0.3, idle_timeout=0.3)
    assert caught.value.retryable


def test_a_requests_own_timeout_comes_first() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/v1"
        with pytest.raises(errors.Timeout):
            generate(provider(url, timeout=60), build("openai:m", "Hello", timeout=0.2))


def test_a_body_that_is_not_compressed_as_it_says() -> None:
    with run_server(Answer(completion(), headers={"content-encoding": "gzip"})) as server:
        with pytest.raises(errors.InvalidResponse, match="decompressed"):
            plain(server.url)
        with pytest.raises(errors.InvalidResponse):
            streamed(server.url)


def test_a_stream_that_is_one_json_document() -> None:
    with run_server(Answer(body("insufficient_quota")), Answer(completion())) as server:
        with pytest.raises(errors.QuotaExceeded):
            streamed(server.url)
        with pytest.raises(errors.InvalidResponse, match="no stream of events"):
            streamed(server.url)
