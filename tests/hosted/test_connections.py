"""Connections are used again, and idle time is what it says; the same for every vendor."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

import fmsdk
from fmsdk.response import Response
from tests.support.hosted.outcomes import outcome
from tests.support.hosted.subjects import SUBJECTS, Subject
from tests.support.patience import PATIENCE
from tests.support.scripted_server import Answer, Raw, run_server

each = pytest.mark.parametrize("subject", SUBJECTS, ids=repr)
# Google ends a stream by ending the body, which it is therefore waited for.
ending = [subject for subject in SUBJECTS if subject.provider != "google"]


async def ask(client: fmsdk.AsyncClient, subject: Subject, *, stream: bool) -> str:
    got = await outcome(client, subject.model, "Hi", stream=stream)
    assert isinstance(got, Response), got
    return got.text


@each
def test_connections_are_used_again_after_answers_and_streams(subject: Subject) -> None:
    whole, streamed = Answer(subject.wire.body("Hi")), Answer(pieces=subject.wire.events("Hi"))

    async def main(root: str) -> list[str]:
        async with subject.client(root, retries=0) as client:
            return [await ask(client, subject, stream=n % 2 > 0) for n in range(4)]

    with run_server(whole, streamed, whole, streamed) as server:
        assert asyncio.run(main(server.root)) == ["Hi"] * 4
    assert server.connections == 1


@each
def test_a_client_can_be_asked_again_after_closing(subject: Subject) -> None:
    async def main(root: str) -> list[str]:
        client = subject.client(root, retries=0)
        texts: list[str] = []
        for _ in range(2):
            texts.append(await ask(client, subject, stream=False))
            await client.aclose()
        return texts

    with run_server(Answer(subject.wire.body("Hi"))) as server:
        assert asyncio.run(main(server.root)) == ["Hi", "Hi"]
    assert server.connections == 2


@pytest.mark.parametrize("subject", ending, ids=repr)
def test_a_server_that_does_not_hang_up_costs_a_moment_at_most(subject: Subject) -> None:
    async def main(root: str) -> float:
        async with subject.client(root, retries=0, idle_timeout=60) as client:
            began = time.perf_counter()
            assert await ask(client, subject, stream=True) == "Hi"
            return time.perf_counter() - began

    with run_server(Answer(pieces=subject.wire.events("Hi"), then="hang")) as server:
        assert asyncio.run(main(server.root)) < PATIENCE


@each
def test_idle_time_is_between_bytes_not_in_all(subject: Subject) -> None:
    slow = Answer(pieces=subject.wire.events(*"aaaaaaaa"), pause=0.1)

    async def main(root: str) -> None:
        async with subject.client(root, retries=0, idle_timeout=PATIENCE) as client:
            assert await ask(client, subject, stream=True) == "a" * 8
        async with subject.client(root, retries=0, idle_timeout=0.03) as client:
            got = await outcome(client, subject.model, "Hi", stream=True)
            assert isinstance(got, fmsdk.Timeout)

    with run_server(slow) as server:
        asyncio.run(main(server.root))


def on_the_wire(subject: Subject, text: str, how: str) -> bytes:
    """A whole answer as bytes."""
    if how == "stream":
        body = b"".join(subject.wire.events(text))
    else:
        body = json.dumps(subject.wire.body(text)).encode()
    mime = "text/event-stream" if how == "stream" else "application/json"
    framing, framed = f"content-length: {len(body)}", body
    if how != "length":
        framing = "transfer-encoding: chunked"
        framed = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    return f"HTTP/1.1 200 OK\r\ncontent-type: {mime}\r\n{framing}\r\n\r\n".encode() + framed


@each
@pytest.mark.parametrize("how", ["length", "chunks", "stream"])
def test_a_surplus_answer_is_discarded(subject: Subject, how: str) -> None:
    one, stale = (on_the_wire(subject, text, how) for text in ("one", "stale"))
    two = Raw(on_the_wire(subject, "two", how), then="keep")

    async def main(root: str) -> list[str]:
        async with subject.client(root, retries=0) as client:
            return [await ask(client, subject, stream=how == "stream") for _ in range(3)]

    with run_server(Raw(one + stale, then="keep"), two) as server:
        assert asyncio.run(main(server.root)) == ["one", "two", "two"]
    assert server.connections == 2


@contextmanager
def refusing(how: str) -> Iterator[str]:
    """A server that answers 413 before it has read the request, and reads on no more."""
    listener = socket.create_server(("127.0.0.1", 0))
    body = b'{"error": {"message": "too large"}}'
    head = b"HTTP/1.1 413 X\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
    held: list[socket.socket] = []

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            held.append(connection)
            connection.recv(1000)
            connection.sendall(head % len(body) + body)
            if how == "says no more":
                connection.shutdown(socket.SHUT_WR)
            elif how == "leaves":
                connection.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()
        for connection in held:
            connection.close()


@each
@pytest.mark.parametrize("how", ["waits", "says no more", "leaves"])
def test_a_request_refused_while_it_goes_out(subject: Subject, how: str) -> None:
    async def main(root: str) -> Response[object] | Exception:
        async with subject.client(root, retries=0, timeout=20) as client:
            return await outcome(client, subject.model, "x" * 12_000_000, stream=False)

    with refusing(how) as root:
        error = asyncio.run(main(root))
    assert isinstance(error, fmsdk.BadRequestError), repr(error)
    assert (error.status, error.retryable) == (413, False)
    assert "too large" in str(error)
