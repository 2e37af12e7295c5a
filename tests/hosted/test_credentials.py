"""Keys that a function returns: asked before every attempt, for every vendor, and never shown."""

from __future__ import annotations

import asyncio
import threading
import traceback
from typing import Any

import pytest

import fmsdk
from fmsdk.response import Response
from tests.support.hosted.outcomes import outcome
from tests.support.hosted.subjects import SUBJECTS, Subject
from tests.support.scripted_server import Answer, ReceivedRequest, run_server

each = pytest.mark.parametrize("subject", SUBJECTS, ids=repr)
kinds = pytest.mark.parametrize("kind", ["async", "sync", "sync returning an awaitable"])


def key_function(kind: str, *values: Any) -> Any:
    """A function that returns the next of `values` at each call, the last over and over."""
    left = list(values)

    def following() -> Any:
        value = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(value, Exception):
            raise value
        return value

    async def asynchronous() -> Any:
        return following()

    return {"async": asynchronous, "sync": following}.get(kind, lambda: asynchronous())


def ask(subject: Subject, function: Any, *answers: Answer, **settings: Any) -> Any:
    with run_server(*answers) as server:
        options = {**subject.configured(server.root)[subject.provider], "api_key": function}

        async def main() -> Any:
            providers = {subject.provider: options}
            async with fmsdk.AsyncClient(providers=providers, **settings) as client:
                return await outcome(client, subject.model, "Hi", stream=False)

        return asyncio.run(main()), server.seen


def sent_key(request: ReceivedRequest) -> str | None:
    headers = request.headers
    return headers.get("x-goog-api-key") or headers.get("authorization", "").removeprefix("Bearer ")


@each
@kinds
def test_every_attempt_asks_anew(subject: Subject, kind: str) -> None:
    busy = Answer({"error": {"message": "busy"}}, 503, {"retry-after-ms": "1"})
    whole = Answer(subject.wire.body("Hi"))
    got, seen = ask(subject, key_function(kind, "first", "second"), busy, whole)
    assert isinstance(got, Response), got
    assert [sent_key(request) for request in seen] == ["first", "second"]


@each
def test_a_function_without_async_runs_beside_the_event_loop(subject: Subject) -> None:
    threads: list[int] = []

    def function() -> str:
        threads.append(threading.get_ident())
        return "key"

    got, _ = ask(subject, function, Answer(subject.wire.body("Hi")))
    assert isinstance(got, Response), got
    assert threads != [threading.get_ident()]


@each
@kinds
@pytest.mark.parametrize("value", ["tok-123\n", "tok-123 ", "tok-äöü", "", None, b"tok-123"])
def test_a_value_that_no_header_carries_is_not_shown(
    subject: Subject, kind: str, value: Any
) -> None:
    error, seen = ask(subject, key_function(kind, value), Answer({}), retries=0)
    assert isinstance(error, fmsdk.AuthenticationError), repr(error)
    assert not seen
    assert "tok-" not in "".join(traceback.format_exception(error))
    assert "api_key" in str(error)


@each
@kinds
def test_a_function_that_fails_is_named(subject: Subject, kind: str) -> None:
    error, seen = ask(subject, key_function(kind, OSError("no network")), Answer({}), retries=0)
    assert isinstance(error, fmsdk.AuthenticationError)
    assert isinstance(error.__cause__, OSError)
    assert not seen


@each
def test_a_server_that_echoes_the_token_does_not_show_it(subject: Subject) -> None:
    echo = Answer({"error": {"message": "the key tok-123 is bad", "type": "tok-123"}}, 400)
    error, _ = ask(subject, key_function("async", "tok-123"), echo, retries=0)
    assert isinstance(error, fmsdk.FmsdkError)
    assert "tok-123" not in "".join(traceback.format_exception(error)) + repr(error)
