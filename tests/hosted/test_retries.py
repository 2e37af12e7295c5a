"""Retries over real sockets: when, how often, how long after, and that each attempt is told."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

import fmsdk
from fmsdk.errors import FmsdkError
from fmsdk.pipeline import retry
from fmsdk.response import Response
from tests.support.hosted.outcomes import outcome
from tests.support.hosted.subjects import SUBJECTS, Subject
from tests.support.patience import PATIENCE
from tests.support.scripted_server import Answer, Server, run_server

each = pytest.mark.parametrize("subject", SUBJECTS, ids=repr)
both_ways = pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
BUSY: dict[str, Any] = {"error": {"message": "busy"}}


def good(subject: Subject, stream: bool) -> Answer:
    wire = subject.wire
    return Answer(pieces=wire.events("Hel", "lo.")) if stream else Answer(wire.body("Hello."))


def busy(status: int = 503, **headers: str) -> Answer:
    return Answer(BUSY, status, {name.replace("_", "-"): text for name, text in headers.items()})


def ask(
    subject: Subject, server: Server, stream: bool, *, retries: int = 2, **asked: Any
) -> Response[Any] | Exception:
    async def main() -> Response[Any] | Exception:
        async with subject.client(server.root, retries=retries, idle_timeout=5) as client:
            return await outcome(client, subject.model, "Hi", stream=stream, **asked)

    return asyncio.run(main())


def told(found: Any) -> list[tuple[str | None, int | None]]:
    attempts = found.attempts if isinstance(found, FmsdkError) else found.latency.attempts
    return [(attempt.error, attempt.status) for attempt in attempts]


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a vendor's word on it, retries follow soon here."""
    monkeypatch.setattr(retry, "BASE_DELAY", 0.02)


@each
@both_ways
def test_retries_give_one_clean_answer(subject: Subject, stream: bool) -> None:
    with run_server(busy(500), busy(529), good(subject, stream)) as server:
        answer = ask(subject, server, stream)
    assert isinstance(answer, Response), repr(answer)
    assert answer.text == "Hello."
    assert answer.usage.source == "measured"
    assert told(answer) == [("ServerError", 500), ("ServerError", 529), (None, None)]
    assert answer.latency.total >= sum(attempt.seconds for attempt in answer.latency.attempts)
    waits = [attempt.waited for attempt in answer.latency.attempts]
    assert waits[0] == 0
    assert 0.015 <= waits[1] <= 0.02, "a backoff that doubles, and is jittered"
    assert 0.03 <= waits[2] <= 0.04
    assert len({seen.raw for seen in server.seen}) == 1, "the same bytes each time"
    assert len({seen.path for seen in server.seen}) == 1
    assert server.connections == 1, "the connection serves again"


@each
@both_ways
def test_no_more_retries_than_asked_for(subject: Subject, stream: bool) -> None:
    for retries in (0, 1):
        with run_server(busy()) as server:
            error = ask(subject, server, stream, retries=retries)
        assert isinstance(error, fmsdk.ServerError)
        assert told(error) == [("ServerError", 503)] * (retries + 1)
        assert len(server.seen) == retries + 1


@each
@both_ways
@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 422])
def test_permanent_failures_are_not_retried(subject: Subject, stream: bool, status: int) -> None:
    with run_server(busy(status, retry_after="0")) as server:
        error = ask(subject, server, stream)
    assert isinstance(error, FmsdkError)
    assert not error.retryable
    assert told(error) == [(type(error).__name__, status)]
    assert len(server.seen) == 1


def in_a_while() -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True)


SAID: list[tuple[str, Callable[[], dict[str, str]], float, float]] = [
    ("seconds", lambda: {"retry_after": "0.3"}, 0.3, 0.3),
    ("milliseconds", lambda: {"retry_after_ms": "300"}, 0.3, 0.3),
    ("both", lambda: {"retry_after_ms": "300", "retry_after": "0"}, 0.3, 0.3),
    ("Azure's both", lambda: {"retry_after_ms": "0", "retry_after": "0.3"}, 0.3, 0.3),
    ("a date", lambda: {"retry_after": in_a_while()}, 0.8, 2.0),
]


@each
@both_ways
@pytest.mark.parametrize(("how", "headers", "least", "most"), SAID, ids=[case[0] for case in SAID])
def test_retry_after_is_obeyed(
    subject: Subject,
    stream: bool,
    how: str,
    headers: Callable[[], dict[str, str]],
    least: float,
    most: float,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    jitter = 0.5
    monkeypatch.setattr(retry.random, "random", lambda: jitter)
    came: list[float] = []

    def first(_: object) -> Answer:
        came.append(time.monotonic())
        return busy(429, **headers())

    def second(_: object) -> Answer:
        came.append(time.monotonic())
        return good(subject, stream)

    with run_server(first, second) as server:
        answer = ask(subject, server, stream)
    assert isinstance(answer, Response), repr(answer)
    assert told(answer) == [("RateLimitError", 429), (None, None)]
    scale = 1 + retry.RETRY_AFTER_JITTER * jitter
    waited = answer.latency.attempts[1].waited
    assert least * scale <= waited <= most * scale + 1e-9
    assert came[1] - came[0] >= waited - 0.001


@each
@both_ways
@pytest.mark.parametrize(
    "headers",
    [
        {"retry_after": "0"},
        {"retry_after_ms": "0"},
        {"retry_after_ms": "0.4"},
        {"retry_after_ms": "0", "retry_after": "0"},
        {"retry_after": "Thu, 01 Jan 2026 00:00:00 GMT"},
    ],
)
def test_a_wait_of_nothing_does_not_undercut_the_backoff(
    subject: Subject, stream: bool, headers: dict[str, str]
) -> None:
    refusal = busy(429, **headers)
    with run_server(refusal, refusal, good(subject, stream)) as server:
        answer = ask(subject, server, stream)
    assert isinstance(answer, Response), repr(answer)
    waits = [attempt.waited for attempt in answer.latency.attempts]
    assert 0.015 <= waits[1] <= 0.02
    assert 0.03 <= waits[2] <= 0.04


@pytest.mark.parametrize("subject", [s for s in SUBJECTS if s.provider == "google"], ids=repr)
@both_ways
def test_googles_wait_is_in_the_body(subject: Subject, stream: bool) -> None:
    info = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "0.25s"}
    error = {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "busy", "details": [info]}
    with run_server(Answer({"error": error}, 429), good(subject, stream)) as server:
        answer = ask(subject, server, stream)
    assert isinstance(answer, Response), repr(answer)
    assert 0.25 <= answer.latency.attempts[1].waited <= 0.25 * 1.1


@each
@both_ways
def test_no_wait_beyond_the_deadline(subject: Subject, stream: bool) -> None:
    began = time.monotonic()
    with run_server(busy(429, retry_after="30"), good(subject, stream)) as server:
        error = ask(subject, server, stream, timeout=25)
    assert isinstance(error, fmsdk.RateLimitError)
    assert error.retry_after == 30
    assert len(server.seen) == 1
    assert time.monotonic() - began < PATIENCE


@each
@both_ways
def test_a_deadline_covers_all_attempts(subject: Subject, stream: bool) -> None:
    began = time.monotonic()
    with run_server(busy(), Answer(pieces=[], then="hang")) as server:
        error = ask(subject, server, stream, timeout=1.5)
    assert isinstance(error, fmsdk.Timeout)
    assert told(error)[0] == ("ServerError", 503)
    assert told(error)[1][0] == "Timeout"
    assert 1.4 < time.monotonic() - began < PATIENCE


@each
@both_ways
def test_a_connection_that_breaks_is_tried_again(subject: Subject, stream: bool) -> None:
    with run_server(Answer(pieces=[], then="reset"), good(subject, stream)) as server:
        answer = ask(subject, server, stream)
    assert isinstance(answer, Response), repr(answer)
    assert [error for error, _ in told(answer)] == ["ConnectionFailed", None]


@each
def test_a_stream_is_tried_again_until_something_was_seen(subject: Subject) -> None:
    events = subject.wire.events("Hel", "lo.")
    before = next(n for n, event in enumerate(events) if b"Hel" in event)
    broken = Answer(pieces=[b": hello\n\n", *events[:before]], then="reset")
    ended = Answer(pieces=[b": hello\n\n", *events[:before]])
    with run_server(broken, ended, good(subject, stream=True)) as server:
        answer = ask(subject, server, stream=True)
    assert isinstance(answer, Response), repr(answer)
    assert answer.text == "Hello."
    assert len(answer.latency.attempts) == 3
    assert len(server.seen) == 3


@each
@pytest.mark.parametrize("then", ["reset", "end"])
def test_a_stream_is_never_tried_again_after_its_first_token(subject: Subject, then: str) -> None:
    events = subject.wire.events("Hel", "lo.")
    seen_until = next(n for n, event in enumerate(events) if b"Hel" in event) + 1
    broken = Answer(pieces=[*events[:seen_until], b": hello\n\n"], pause=0.1, then=then)
    with run_server(broken, good(subject, stream=True)) as server:
        error = ask(subject, server, stream=True)
    assert isinstance(error, FmsdkError)
    assert error.retryable, "by the caller, who has seen what came"
    assert error.partial is not None
    assert (error.partial.text, error.partial.finish) == ("Hel", "cancelled")
    assert error.partial.usage.source != "unknown"
    assert len(error.attempts) == 1
    assert len(server.seen) == 1


@each
def test_without_await_it_is_the_same(subject: Subject) -> None:
    headers = {"retry_after": "0.1"}
    plain, streamed = good(subject, stream=False), good(subject, stream=True)
    unsupported_names = busy(429, **headers)
    with (
        run_server(unsupported_names, plain, unsupported_names, streamed) as server,
        subject.sync_client(server.root) as client,
    ):
        answer = client.generate(subject.model, "Hi")
        with client.stream(subject.model, "Hi") as stream:
            events = list(stream)
    for one in (answer, stream.response):
        assert one.text == "Hello."
        assert told(one) == [("RateLimitError", 429), (None, None)]
    assert sum(isinstance(event, fmsdk.Finished) for event in events) == 1
