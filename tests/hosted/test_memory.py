"""Memory is bounded: answers without end, media by URL, files that the vendor would refuse."""

from __future__ import annotations

import asyncio
import gzip
import http.server
import os
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import fmsdk
from fmsdk import Document, FetchLimits
from fmsdk.pipeline.media_memory import MediaMemory, Reservation
from tests.support.hosted.outcomes import outcome
from tests.support.hosted.subjects import SUBJECTS, Subject
from tests.support.media_files import pdf
from tests.support.patience import PATIENCE
from tests.support.scripted_server import Answer, run_server

each = pytest.mark.parametrize("subject", SUBJECTS, ids=repr)


@contextmanager
def endless_server(encoding: str) -> Iterator[tuple[str, list[int]]]:
    """A server whose answers never end; it counts the bytes that it could send."""
    sent = [0]
    deflate = zlib.compressobj(wbits=31)
    head, piece = b'{"a":"', b"a" * (1 << 20)
    if encoding == "gzip":
        head = deflate.compress(head) + deflate.flush(zlib.Z_FULL_FLUSH)
        piece = deflate.compress(os.urandom(1 << 20)) + deflate.flush(zlib.Z_FULL_FLUSH)
    elif encoding == "after":  # a whole body, and then more without end
        head = gzip.compress(b"{}")

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(200)
            self.send_header("content-type", "application/json")
            if encoding != "plain":
                self.send_header("content-encoding", "gzip")
            self.end_headers()
            try:
                self.wfile.write(head)
                while sent[0] < 1 << 30:
                    self.wfile.write(piece)
                    sent[0] += len(piece)
            except OSError:
                pass

        def log_message(self, format: str, *args: Any) -> None:
            del format, args

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", sent
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@each
@pytest.mark.parametrize("encoding", ["plain", "gzip", "after"])
def test_an_answer_without_end_stops(subject: Subject, encoding: str) -> None:
    async def main(root: str) -> Any:
        async with subject.client(root, timeout=PATIENCE, retries=2) as client:
            return await outcome(client, subject.model, "Hi", stream=False)

    with endless_server(encoding) as (root, sent):
        error = asyncio.run(main(root))
    assert isinstance(error, fmsdk.InvalidResponse)
    assert sent[0] < 2**30 // (1 if encoding == "after" else 4)
    if encoding != "after":
        assert "max_response_bytes" in str(error)
        assert not error.retryable
        assert len(error.attempts) == 1


@each
def test_an_option_says_how_long_an_answer_may_be(subject: Subject) -> None:
    async def main(root: str, limit: Any) -> Any:
        options = {**subject.configured(root)[subject.provider], "max_response_bytes": limit}
        async with fmsdk.AsyncClient(providers={subject.provider: options}) as client:
            return await outcome(client, subject.model, "Hi", stream=False)

    with run_server(Answer(subject.wire.body("x" * 5000))) as server:
        assert isinstance(asyncio.run(main(server.root, 4000)), fmsdk.InvalidResponse)
        answer = asyncio.run(main(server.root, 40_000))
        assert answer.text == "x" * 5000
        for wrong in ("x", 0, 1.5):
            assert isinstance(asyncio.run(main(server.root, wrong)), fmsdk.BadRequestError)


@each
def test_a_file_beyond_the_vendors_limit_is_not_read(subject: Subject, tmp_path: Path) -> None:
    async def main(root: str) -> Any:
        document = Document(pdf() + b"\n" * 10)
        long = tmp_path / "long.pdf"
        long.write_bytes(pdf()[:-6])
        with long.open("r+b") as file:
            file.truncate(1_500_000_000)
            file.seek(0, os.SEEK_END)
            file.write(b"\n%%EOF\n")
        async with subject.client(root, retries=0) as client:
            first = client.generate(subject.model, [document, Document(str(long))])
            with pytest.raises(fmsdk.InvalidMedia, match="at most") as caught:
                await first
            return caught.value

    with run_server(Answer(subject.wire.body("x"))) as server:
        error = asyncio.run(main(server.root))
    assert "1,500,000" in str(error)
    assert server.seen == []


def test_the_urls_of_one_request_have_a_common_limit() -> None:
    body = b"a" * 400_000
    subject = next(each for each in SUBJECTS if each.name == "openai-chat")
    limits = FetchLimits(allow_private=True, max_request_bytes=1_000_000)

    async def main(root: str, count: int) -> Any:
        documents = [Document(f"{root}/{n}.txt") for n in range(count)]
        async with subject.client(root, retries=0, fetch=limits) as client:
            try:
                return await client.generate(subject.model, documents)
            except fmsdk.FmsdkError as error:
                return error

    plain = Answer(body, headers={"content-type": "text/plain"})
    with run_server(*[plain] * 8, Answer(subject.wire.body("x"))) as server:
        error = asyncio.run(main(server.root, 8))
        assert isinstance(error, fmsdk.InvalidMedia)
        assert "1,000,000 bytes together" in str(error)


def test_calls_wait_for_the_memory_of_others_in_turn() -> None:
    async def main() -> None:
        memory, order = MediaMemory(), list[int]()

        async def call(number: int, size: int) -> None:
            reservation = Reservation(memory)
            await reservation.reserve_bytes(size, 100)
            order.append(number)
            await asyncio.sleep(0.01)
            reservation.shrink(size // 2)
            await asyncio.sleep(0.01)
            reservation.shrink(0)
            reservation.shrink(0)

        calls = [asyncio.create_task(call(n, 60)) for n in range(5)]
        alone = asyncio.create_task(call(9, 1000))  # more than there is
        await asyncio.sleep(0.005)
        assert order == [0]
        calls[1].cancel()
        await asyncio.wait_for(asyncio.gather(*calls, alone, return_exceptions=True), PATIENCE)
        assert order == [0, 2, 3, 4, 9]
        assert memory._bytes_in_use == 0  # pyright: ignore[reportPrivateUsage]

    asyncio.run(main())


def test_a_client_holds_only_so_many_fetched_bytes() -> None:
    subject = next(each for each in SUBJECTS if each.name == "openai-chat")
    limits = FetchLimits(allow_private=True, max_bytes=1000, max_client_bytes=2000)
    inside, most = 0, 0
    lock = threading.Lock()

    def answer(request: Any) -> Answer:
        nonlocal inside, most
        if request.body is None:
            with lock:
                inside += 1
                most = max(most, inside)
            return Answer(b"a" * 900, headers={"content-type": "text/plain"})
        with lock:
            inside -= 1
        return Answer(subject.wire.body("x"))

    async def main(root: str) -> None:
        async with subject.client(root, retries=0, fetch=limits) as client:
            calls = [
                client.generate(subject.model, [Document(f"{root}/{n}.txt")]) for n in range(20)
            ]
            assert len(await asyncio.gather(*calls)) == 20

    with run_server(answer) as server:
        asyncio.run(asyncio.wait_for(main(server.root), PATIENCE))
    assert most <= 3
