"""What a call that did not end well has to account for: attempts that were made and no others, an
answer's id, status and model as far as they were told, a bill where there may be one.
"""

from __future__ import annotations

import asyncio
import socket
import time
from dataclasses import dataclass
from typing import Any

import pytest

import fmsdk
from fmsdk.response import Response, TextDelta
from tests.support.hosted.outcomes import outcome
from tests.support.hosted.subjects import SUBJECTS, Subject
from tests.support.patience import PATIENCE
from tests.support.scripted_server import Answer, Server, run_server

each = pytest.mark.parametrize("subject", SUBJECTS, ids=repr)
both_ways = pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
IDS = {"openai-chat": "chat_1", "openai-responses": "resp_1", "anthropic": "msg_1", "google": "r_1"}
HEADERS = {"x-request-id": "req_1", "request-id": "req_1", "x-goog-request-id": "req_1"}
LONG = "Hi " * 500


@dataclass
class HalfAnswered(Answer):
    """A head, and a part of its body; then nothing more."""

    def write(self, connection: socket.socket) -> None:
        head = [f"{name}: {value}" for name, value in HEADERS.items()]
        lines = ["HTTP/1.1 200 OK", "content-type: application/json", "content-length: 99", *head]
        connection.sendall(("\r\n".join(lines) + "\r\n\r\n{").encode())


def interrupted_answer(subject: Subject, then: str, **how: Any) -> Answer:
    """A stream that brings "Hel" and breaks."""
    events = subject.wire.events("Hel", "lo.")
    until = next(n for n, event in enumerate(events) if b"Hel" in event) + 1
    return Answer(pieces=[*events[:until], b": hello\n\n"], pause=0.05, then=then, **how)


@each
@pytest.mark.parametrize("then", ["end", "reset"])
def test_a_broken_stream_has_its_id(subject: Subject, then: str) -> None:
    async def main() -> Any:
        with run_server(interrupted_answer(subject, then)) as server:
            async with subject.client(server.root, retries=0) as client:
                return await outcome(client, subject.model, "Hi", stream=True)

    error = asyncio.run(main())
    assert error.request_id == IDS[subject.name]
    assert (error.partial.request_id, error.partial.served_model) == (error.request_id, "m-1")
    assert (error.partial.text, error.partial.finish) == ("Hel", "cancelled")


@each
def test_an_abandoned_stream_has_its_id(subject: Subject) -> None:
    async def main() -> Response[Any]:
        with run_server(interrupted_answer(subject, "hang")) as server:
            async with subject.client(server.root) as client:
                async with client.stream(subject.model, "Hi") as stream:
                    async for event in stream:
                        if isinstance(event, TextDelta):
                            break
                return stream.response

    left = asyncio.run(main())
    assert (left.request_id, left.served_model) == (IDS[subject.name], "m-1")
    assert [attempt.error for attempt in left.latency.attempts] == ["Cancelled"]
    assert left.usage.input.total


@each
@both_ways
def test_deadline_during_an_answer_keeps_the_request_id(subject: Subject, stream: bool) -> None:
    async def main() -> Any:
        half = interrupted_answer(subject, "hang", headers=HEADERS) if stream else HalfAnswered()
        with run_server(half) as server:
            async with subject.client(server.root, retries=0, timeout=1.5) as client:
                return await outcome(client, subject.model, "Hi", stream=stream)

    error = asyncio.run(main())
    assert isinstance(error, fmsdk.Timeout)
    assert (error.status, error.request_id) == (200, "req_1")


def cancelled(subject: Subject, server: Server, *, stream: bool, **settings: Any) -> Any:
    """What `on_response` hears of a call that is cancelled, half a second after another began."""
    heard: list[Any] = []

    async def main() -> None:
        async with subject.client(server.root, on_response=heard.append, **settings) as client:
            first = asyncio.create_task(outcome(client, subject.model, "Hi", stream=True))
            assert await asyncio.to_thread(server.arrived.wait, PATIENCE)
            await asyncio.sleep(0.05)
            asked = asyncio.create_task(outcome(client, subject.model, LONG, stream=stream))
            await asyncio.sleep(0.3)
            asked.cancel()
            await asyncio.gather(asked, return_exceptions=True)
            first.cancel()
            await asyncio.gather(first, return_exceptions=True)

    asyncio.run(main())
    return heard[0]


@each
@both_ways
def test_unsent_request_has_no_attempt_and_no_bill(subject: Subject, stream: bool) -> None:
    with run_server(interrupted_answer(subject, "hang")) as server:
        heard = cancelled(subject, server, stream=stream, max_concurrency=1)
        assert len(server.seen) == 1
    assert heard.latency.attempts == ()
    assert (heard.usage.source, heard.cost) == ("unknown", None)


@each
@both_ways
def test_refused_request_is_one_attempt_and_no_bill(subject: Subject, stream: bool) -> None:
    busy = Answer({"error": {"message": "busy"}}, 503, {"retry-after": "60"})
    with run_server(interrupted_answer(subject, "hang"), busy) as server:
        heard = cancelled(subject, server, stream=stream)
        assert len(server.seen) == 2
    assert [attempt.error for attempt in heard.latency.attempts] == ["ServerError"]
    assert (heard.usage.source, heard.cost) == ("unknown", None)


@pytest.mark.parametrize("provider", ["openrouter", "ollama", "vllm", "lmstudio"])
def test_deadline_covers_model_discovery(provider: str) -> None:
    """Which models there are is asked of it first, and that may hang."""

    async def main(root: str) -> Any:
        options = {provider: {"base_url": f"{root}/v1", "api_key": "k"}}
        async with fmsdk.AsyncClient(providers=options, timeout=0.5, retries=0) as client:
            await outcome(client, f"{provider}:m-1", "Hi", stream=False)  # imports what is needed
            began = time.monotonic()
            got = await outcome(client, f"{provider}:m-2", "Hi", stream=False)
            return got, time.monotonic() - began

    with run_server(Answer(pieces=[], then="hang")) as server:
        error, seconds = asyncio.run(main(server.root))
    assert isinstance(error, fmsdk.Timeout)
    assert seconds < PATIENCE


@each
@both_ways
def test_an_error_leads_to_its_cause(subject: Subject, stream: bool) -> None:
    async def main() -> Any:
        async with subject.client("http://127.0.0.1:9", retries=0) as client:
            return await outcome(client, subject.model, "Hi", stream=stream)

    error = asyncio.run(main())
    assert isinstance(error, fmsdk.ConnectionFailed)
    assert isinstance(error.__cause__, Exception)
