"""Whoever stops waiting closes the connection, at once, as the server sees it."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

import fmsdk
from fmsdk.response import TextDelta
from tests.support.child_process import start_interruptible
from tests.support.hosted.subjects import SUBJECTS, Subject
from tests.support.patience import PATIENCE
from tests.support.scripted_server import Answer, Server, run_server

each = pytest.mark.parametrize("subject", SUBJECTS, ids=repr)


@dataclass
class Silent(Answer):
    """No answer at all, not even its head."""

    then: str = "hang"

    def write(self, connection: socket.socket) -> None:
        pass


def unfinished(subject: Subject) -> Answer:
    """A stream whose end never comes."""
    return Answer(pieces=subject.wire.events("Hel", "lo.")[:3], then="hang")


Waiting = Callable[[fmsdk.AsyncClient, Subject, asyncio.Event], Awaitable[None]]


async def plain(client: fmsdk.AsyncClient, subject: Subject, arrived: asyncio.Event) -> None:
    await client.generate(subject.model, "Hi")


async def streamed(client: fmsdk.AsyncClient, subject: Subject, arrived: asyncio.Event) -> None:
    async with client.stream(subject.model, "Hi") as stream:
        async for event in stream:
            if isinstance(event, TextDelta):
                arrived.set()


async def unmanaged(client: fmsdk.AsyncClient, subject: Subject, arrived: asyncio.Event) -> None:
    async for event in client.stream(subject.model, "Hi"):
        if isinstance(event, TextDelta):
            arrived.set()


async def cancelled(subject: Subject, server: Server, waiting: Waiting) -> float:
    """Cancel a task in the midst of it; the seconds until the server saw that."""
    async with subject.client(server.root) as client:
        arrived = asyncio.Event()
        task = asyncio.create_task(waiting(client, subject, arrived))
        if waiting is not plain and not isinstance(server.answers[0], Silent):
            await arrived.wait()
        assert await asyncio.to_thread(server.arrived.wait, PATIENCE)
        await asyncio.sleep(0.02)
        task.cancel()
        began = time.monotonic()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        assert await asyncio.to_thread(server.seen[0].left.wait, PATIENCE)
        return time.monotonic() - began


@each
@pytest.mark.parametrize("waiting", [plain, streamed, unmanaged])
def test_cancelling_before_an_answer(subject: Subject, waiting: Waiting) -> None:
    with run_server(Silent()) as server:
        assert asyncio.run(cancelled(subject, server, waiting)) < PATIENCE


@each
@pytest.mark.parametrize("waiting", [plain, streamed, unmanaged])
def test_cancelling_within_an_answer(subject: Subject, waiting: Waiting) -> None:
    with run_server(unfinished(subject)) as server:
        assert asyncio.run(cancelled(subject, server, waiting)) < PATIENCE


@each
def test_leaving_a_stream_early(subject: Subject) -> None:
    async def main(server: Server) -> float:
        async with subject.client(server.root) as client:
            async with client.stream(subject.model, "Hi") as stream:
                async for event in stream:
                    if isinstance(event, TextDelta):
                        break
                began = time.monotonic()
            assert stream.response.finish == "cancelled"
            assert stream.response.text == "Hel"
            assert stream.response.usage.source in {"measured", "estimated"}
            assert await asyncio.to_thread(server.seen[0].left.wait, PATIENCE)
            return time.monotonic() - began

    with run_server(unfinished(subject)) as server:
        assert asyncio.run(main(server)) < PATIENCE


@each
def test_a_timeout_of_the_callers_own(subject: Subject) -> None:
    async def main(server: Server) -> None:
        async with subject.client(server.root) as client:
            await client.generate(subject.model, "Hi")  # imports what is needed
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.3):
                    await client.generate(subject.model, "Hi")
            assert await asyncio.to_thread(server.seen[1].left.wait, PATIENCE)

    with run_server(Answer(subject.wire.body("Hello.")), Silent()) as server:
        asyncio.run(main(server))


@each
def test_a_group_that_fails_takes_its_calls_along(subject: Subject) -> None:
    async def fail(server: Server) -> None:
        assert await asyncio.to_thread(server.arrived.wait, PATIENCE)
        raise ValueError("something else")

    async def main(server: Server) -> None:
        async with subject.client(server.root) as client:
            with pytest.raises(ExceptionGroup):
                async with asyncio.TaskGroup() as group:
                    group.create_task(client.generate(subject.model, "Hi"))
                    group.create_task(fail(server))
            assert await asyncio.to_thread(server.seen[0].left.wait, PATIENCE)

    with run_server(Silent()) as server:
        asyncio.run(main(server))


@each
def test_closing_a_stream_without_await(subject: Subject) -> None:
    with run_server(unfinished(subject)) as server, subject.sync_client(server.root) as client:
        with client.stream(subject.model, "Hi") as stream:
            next(event for event in stream if isinstance(event, TextDelta))
            began = time.monotonic()
        assert server.seen[0].left.wait(PATIENCE)
        assert time.monotonic() - began < PATIENCE
        assert stream.response.finish == "cancelled"


@each
def test_a_stream_without_references_is_closed(subject: Subject) -> None:
    with run_server(unfinished(subject)) as server, subject.sync_client(server.root) as client:
        stream = client.stream(subject.model, "Hi")
        next(event for event in stream if isinstance(event, TextDelta))
        del stream
        assert server.seen[0].left.wait(PATIENCE)


@each
def test_closing_a_stream_that_another_thread_reads(subject: Subject) -> None:
    read: list[object] = []
    with run_server(unfinished(subject)) as server, subject.sync_client(server.root) as client:
        stream = client.stream(subject.model, "Hi")
        reader = threading.Thread(target=lambda: read.extend([*stream]))
        reader.start()
        assert server.arrived.wait(PATIENCE)
        time.sleep(0.2)
        began = time.monotonic()
        stream.close()
        assert server.seen[0].left.wait(PATIENCE)
        assert time.monotonic() - began < PATIENCE
        reader.join(5)
        assert not reader.is_alive()
        assert any(isinstance(event, TextDelta) for event in read)
        assert stream.response.finish == "cancelled"
        assert [*stream] == []


@each
def test_closing_a_stream_that_another_task_reads(subject: Subject) -> None:
    async def main(server: Server) -> None:
        async with subject.client(server.root) as client:
            stream = client.stream(subject.model, "Hi")

            async def read() -> None:
                async for _ in stream:
                    pass

            reader = asyncio.create_task(read())
            assert await asyncio.to_thread(server.arrived.wait, PATIENCE)
            with pytest.raises(fmsdk.BadRequestError, match="cancel that task"):
                await stream.aclose()
            reader.cancel()
            assert await asyncio.to_thread(server.seen[0].left.wait, PATIENCE)

    with run_server(unfinished(subject)) as server:
        asyncio.run(main(server))


PROGRAM = """
import sys
from tests.support.hosted.subjects import SUBJECTS
subject = next(s for s in SUBJECTS if s.name == sys.argv[1])
with subject.sync_client(sys.argv[2]) as client:
    if sys.argv[3] == "streamed":
        for event in client.stream(subject.model, "Hi"):
            pass
    else:
        client.generate(subject.model, "Hi")
"""


@each
@pytest.mark.parametrize("way", ["plain", "streamed"])
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for one process")
def test_an_interrupt_from_the_keyboard(subject: Subject, way: str) -> None:
    root = Path(__file__).resolve().parents[2]
    with run_server(Silent()) as server:
        running = start_interruptible(
            [sys.executable, "-c", PROGRAM, subject.name, server.root, way],
            cwd=root,
            stderr=subprocess.PIPE,
        )
        with running:
            assert server.arrived.wait(PATIENCE)
            time.sleep(0.1)
            running.send_signal(signal.SIGINT)
            assert server.seen[0].left.wait(PATIENCE)
            assert running.wait(PATIENCE) != 0
            assert running.stderr is not None
            assert b"KeyboardInterrupt" in running.stderr.read()


@each
def test_threads_do_not_wait_for_one_another(subject: Subject) -> None:
    hung = threading.Event()

    def pick(_: object) -> Answer:
        if hung.is_set():
            return Answer(subject.wire.body("Hello."))
        hung.set()
        return Silent()

    with run_server(pick) as server, subject.sync_client(server.root, timeout=2.5) as client:

        def wait() -> None:
            with pytest.raises(fmsdk.Timeout):
                client.generate(subject.model, "Hi")

        stuck = threading.Thread(target=wait)
        stuck.start()
        assert hung.wait(PATIENCE)
        assert client.generate(subject.model, "Hi").text == "Hello."
        assert stuck.is_alive()
        stuck.join()
