"""Each failure as one typed error: by reason, status and HTTP status, and over real sockets."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from fmsdk import errors
from fmsdk.errors import ContextTooLong
from fmsdk.request import build
from fmsdk_google.errors import GoogleErrorMapper
from tests.support.google.provider import (
    KEY,
    Answer,
    chunk,
    generate,
    provider,
    run_server,
    stream,
    streamed,
)

BLAME = GoogleErrorMapper("google", "GEMINI_API_KEY", KEY)
REQUEST = build("google:m", "Hello")
TOO_LONG = "The input token count (1048600) exceeds the maximum number of tokens allowed (1048576)."


def body(status: str | None, code: int = 400, *details: Any, message: str = "why") -> Any:
    error = {"code": code, "message": message, "status": status, "details": list(details)}
    return {"error": error}


def reason(word: str) -> dict[str, Any]:
    return {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": word}


def quota(name: str) -> dict[str, Any]:
    kind = "type.googleapis.com/google.rpc.QuotaFailure"
    return {"@type": kind, "violations": [{"quotaId": name}]}


def retry(delay: str) -> dict[str, Any]:
    return {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}


BAD, BUSY = "INVALID_ARGUMENT", "RESOURCE_EXHAUSTED"
DAY = quota("GenerateRequestsPerDayPerProjectPerModel")
MINUTE = quota("GenerateRequestsPerMinutePerProjectPerModel")
MAPPED = [
    # status, body, error, retryable
    (400, body(BAD), "BadRequestError", False),
    (400, body(BAD, 400, reason("API_KEY_INVALID")), "AuthenticationError", False),
    (400, body(BAD, message=TOO_LONG), "ContextTooLong", False),
    (400, body("FAILED_PRECONDITION"), "PermissionDenied", False),
    (401, body("UNAUTHENTICATED", 401), "AuthenticationError", False),
    (403, body("PERMISSION_DENIED", 403), "PermissionDenied", False),
    (403, body("PERMISSION_DENIED", 403, reason("BILLING_DISABLED")), "QuotaExceeded", False),
    (404, body("NOT_FOUND", 404), "ModelNotFound", False),
    (404, "<html>not here</html>", "ModelNotFound", False),
    (413, "", "BadRequestError", False),
    (429, body(BUSY, 429), "RateLimitError", True),
    (429, body(BUSY, 429, MINUTE, retry("48s")), "RateLimitError", True),
    (429, body(BUSY, 429, DAY, retry("48s")), "RateLimitError", True),
    (429, body(BUSY, 429, DAY), "QuotaExceeded", False),
    (499, body("CANCELLED", 499), "ServerError", True),
    (500, body("INTERNAL", 500), "ServerError", True),
    (502, "<html>bad gateway</html>", "ServerError", True),
    (503, [body("UNAVAILABLE", 503)], "ServerError", True),
    (504, body("DEADLINE_EXCEEDED", 504), "ServerError", True),
    (None, body("UNAVAILABLE", 503), "ServerError", True),
    (None, body(BUSY, 429), "RateLimitError", True),
    (None, body(None, 0), "ServerError", True),
]


@pytest.mark.parametrize(("status", "said", "kind", "retryable"), MAPPED)
def test_bodies(status: int | None, said: Any, kind: str, retryable: bool) -> None:
    error = BLAME.from_response(said, status=status, headers={"x-goog-request-id": "req_1"})
    assert type(error) is getattr(errors, kind)
    assert error.retryable is retryable
    assert error.request_id == "req_1"
    assert error.provider == "google"
    if status is not None:
        assert error.status == status


@pytest.mark.parametrize(
    ("details", "headers", "seconds"),
    [
        ([retry("48s")], {}, 48.0),
        ([MINUTE, retry("0.250s")], {}, 0.25),
        ([retry("48s")], {"retry-after": "3"}, 48.0),
        ([retry("3s")], {"retry-after": "48"}, 48.0),
        ([retry("soon")], {}, None),
        (["nonsense"], {}, None),
        ([], {}, None),
    ],
)
def test_backoff_durations(details: list[Any], headers: Any, seconds: float | None) -> None:
    error = BLAME.from_response(body(BUSY, 429, *details), status=429, headers=headers)
    assert error.retry_after == seconds


def test_context_error_names_the_excess() -> None:
    error = BLAME.from_response(body(BAD, message=TOO_LONG), status=400)
    assert isinstance(error, ContextTooLong)
    assert (error.tokens, error.limit) == (1048600, 1048576)


@pytest.mark.parametrize("status", [400, 401, 403, 500])
def test_the_key_is_never_shown(status: int) -> None:
    said = body(None, status, message=f"the key {KEY} is bad")
    error = BLAME.from_response(said, status=status)
    assert KEY not in f"{error} {error!r} {BLAME!r}"
    assert KEY not in str(pickle.loads(pickle.dumps(error)))


@pytest.mark.parametrize("ask", [generate, stream])
def test_over_the_wire(ask: Any) -> None:
    answer = Answer(body(BUSY, 429, retry("7s")), 429, {"x-request-id": "req_2"})
    with run_server(answer) as server, pytest.raises(errors.RateLimitError) as caught:
        ask(provider(server.root), REQUEST)
    assert (caught.value.status, caught.value.retry_after) == (429, 7.0)
    assert caught.value.request_id == "req_2"


@pytest.mark.parametrize("ask", [generate, stream])
def test_connections_that_break(ask: Any) -> None:
    pieces = streamed(chunk("a", finish=None))
    cut = Answer(pieces=pieces, then="reset")
    with run_server(cut) as server, pytest.raises(errors.ConnectionFailed):
        ask(provider(server.root), REQUEST)
    with pytest.raises(errors.ConnectionFailed, match="base_url"):
        ask(provider("http://127.0.0.1:1"), REQUEST)


def test_answers_that_are_no_stream() -> None:
    answers = [
        (Answer(b""), errors.InvalidResponse),
        (Answer(pieces=[]), errors.InvalidResponse),
        (Answer(pieces=[b": hello\n\n"]), errors.InvalidResponse),
        (Answer(chunk("a")), errors.InvalidResponse),
        (Answer(body("UNAVAILABLE", 503)), errors.ServerError),
        (Answer(pieces=[b'data: {"candidates": [\n\n']), errors.InvalidResponse),
        (Answer(pieces=streamed(chunk("a", finish=None))), errors.IncompleteStream),
        (Answer(pieces=streamed(chunk("a"), body("INTERNAL", 500))), errors.ServerError),
    ]
    for answer, kind in answers:
        with run_server(answer) as server, pytest.raises(kind) as caught:
            stream(provider(server.root), REQUEST)
        assert caught.value.retryable


def test_legal_oddities_pass() -> None:
    text = b"".join(streamed(chunk("Gr\u00fc\u00dfe", finish=None), chunk()))
    odd = b": comment\r\n\r\n" + text.replace(b"\n", b"\r\n")
    pieces = [odd[n : n + 1] for n in range(len(odd))]
    with run_server(Answer(pieces=pieces)) as server:
        _, answer = stream(provider(server.root), REQUEST)
    assert answer.text == "Gr\u00fc\u00dfe"
