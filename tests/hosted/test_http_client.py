"""`http_client=`: connections of an httpx2 client that the caller built, for every vendor."""

from __future__ import annotations

import asyncio
import shutil
import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest

import fmsdk
from fmsdk.response import Response
from tests.support.hosted.outcomes import outcome
from tests.support.hosted.subjects import KEY, SUBJECTS, Subject
from tests.support.scripted_server import Answer, run_server

each = pytest.mark.parametrize("subject", SUBJECTS, ids=repr)


@contextmanager
def unix_socket(target: str) -> Iterator[str]:
    """A Unix socket that passes everything on to the server `target` ("127.0.0.1:port")."""
    folder = tempfile.mkdtemp(prefix="fmsdk-")  # a socket's path has 108 bytes at most
    path = Path(folder) / "s"
    host, _, port = target.rpartition("//")[2].partition(":")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()

    def pump(source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

    def relay(near: socket.socket) -> None:
        with near, socket.create_connection((host, int(port))) as far:
            back = threading.Thread(target=pump, args=(far, near))
            back.start()
            pump(near, far)
            back.join()

    relays: list[threading.Thread] = []

    def accept() -> None:
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            relays.append(threading.Thread(target=relay, args=(near,)))
            relays[-1].start()

    accepting = threading.Thread(target=accept)
    accepting.start()
    try:
        yield str(path)
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        for thread in (accepting, *relays):
            thread.join()
        listener.close()
        shutil.rmtree(folder)


@each
@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
def test_a_unix_socket(subject: Subject, stream: bool) -> None:
    answers = [Answer(subject.wire.body("Hi")), Answer(pieces=subject.wire.events("Hi"))]

    async def main(root: str) -> Any:
        with unix_socket(root) as path:
            transport = httpx2.AsyncHTTPTransport(uds=path)
            async with httpx2.AsyncClient(transport=transport) as http_client:
                options = subject.configured("http://model.example")[subject.provider]
                providers = {subject.provider: {**options, "http_client": http_client}}
                async with fmsdk.AsyncClient(providers=providers, retries=0) as client:
                    got = await outcome(client, subject.model, "Hi", stream=stream)
                assert not http_client.is_closed
                return got

    with run_server(answers[stream]) as server:
        got = asyncio.run(main(server.root))
    assert isinstance(got, Response), got
    assert got.text == "Hi"
    headers = server.seen[0].headers
    assert KEY in headers.get("authorization", headers.get("x-goog-api-key", ""))
    assert headers["host"] == "model.example"
    assert headers["user-agent"].startswith("fmsdk/")


@each
@pytest.mark.parametrize("given", ["a string", httpx2.Client()], ids=["text", "synchronous"])
def test_anything_else_is_refused(subject: Subject, given: Any) -> None:
    options = subject.configured("http://model.example")[subject.provider]
    client = fmsdk.Client(providers={subject.provider: {**options, "http_client": given}})
    with pytest.raises(fmsdk.BadRequestError, match=r"httpx2\.AsyncClient"):
        client.generate(subject.model, "Hi")


@each
def test_a_status_and_a_broken_connection_are_typed(subject: Subject) -> None:
    busy = Answer({"error": {"message": "busy"}}, 503, {"retry-after": "7"})

    async def main(root: str) -> tuple[Any, Any]:
        async with httpx2.AsyncClient() as http_client:
            found: list[Any] = []
            for place in (root, "http://127.0.0.1:1"):
                options = subject.configured(place)[subject.provider]
                providers = {subject.provider: {**options, "http_client": http_client}}
                async with fmsdk.AsyncClient(providers=providers, retries=0) as client:
                    found.append(await outcome(client, subject.model, "Hi", stream=False))
            return found[0], found[1]

    with run_server(busy) as server:
        unsupported_names, unreachable = asyncio.run(main(server.root))
    assert isinstance(unsupported_names, fmsdk.ServerError)
    assert (unsupported_names.status, unsupported_names.retry_after) == (503, 7.0)
    assert isinstance(unreachable, fmsdk.ConnectionFailed)


@each
def test_a_closed_client_is_named(subject: Subject) -> None:
    async def main() -> Any:
        http_client = httpx2.AsyncClient()
        await http_client.aclose()
        options = subject.configured("http://127.0.0.1:1")[subject.provider]
        providers = {subject.provider: {**options, "http_client": http_client}}
        async with fmsdk.AsyncClient(providers=providers) as client:
            return await outcome(client, subject.model, "Hi", stream=False)

    error = asyncio.run(main())
    assert isinstance(error, fmsdk.BadRequestError), repr(error)
    assert "http_client" in str(error)
