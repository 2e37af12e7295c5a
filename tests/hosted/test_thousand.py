"""Many calls at once on one client, a thousand in `make soak`: each gets its own answer, and
nothing is left over."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import fmsdk
from fmsdk.response import Response
from tests.support.concurrent_server import BusyServer, run_concurrent_server
from tests.support.hosted.outcomes import outcome
from tests.support.hosted.subjects import SUBJECTS, Subject
from tests.support.patience import PATIENCE
from tests.support.soak import soak_size

each = pytest.mark.parametrize("subject", SUBJECTS, ids=repr)
CALLS = soak_size(200, 1000)
_OPEN = Path("/proc/self/fd")


class Echo:
    """Answers with the question, backwards. `arrived`: who wants to hear of each question."""

    def __init__(self, subject: Subject) -> None:
        self._wire = subject.wire
        self.arrived: Callable[[int], None] = lambda _: None

    def __call__(self, path: str, body: Any) -> bytes | list[bytes]:
        asked = self._wire.question(body)
        self.arrived(int(asked.split()[1]))
        if self._wire.is_streamed(path, body):
            return self._wire.events(*asked[::-1])
        return json.dumps(self._wire.body(asked[::-1])).encode()


def question(n: int) -> str:
    return f"question {n}"


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    """No file descriptor more than before."""

    def opened() -> int:
        gc.collect()
        return len(os.listdir(_OPEN)) if _OPEN.is_dir() else 0

    fmsdk.Client().close()  # starts the loop behind the synchronous clients, which stays
    before = opened()
    yield
    deadline = time.monotonic() + PATIENCE
    while opened() > before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert opened() <= before


async def soon(is_so: Callable[[], bool]) -> bool:
    """Whether it gets so within `PATIENCE`."""
    for _ in range(int(PATIENCE / 0.02)):
        if is_so():
            break
        await asyncio.sleep(0.02)
    return is_so()


async def thousand(
    subject: Subject, server: BusyServer, echo: Echo, *, cancel: bool = False, **settings: Any
) -> list[Any]:
    """What comes of the calls, every second one streamed; where asked to, of every third, that it
    was cancelled when its question had arrived."""
    before, loop = asyncio.all_tasks(), asyncio.get_running_loop()
    calls: list[asyncio.Task[Any]] = []

    def stop(n: int) -> None:
        if cancel and n % 3 == 0:
            loop.call_soon_threadsafe(calls[n].cancel)

    echo.arrived = stop
    async with subject.client(server.root, retries=0, **settings) as client:
        calls += [
            asyncio.create_task(outcome(client, subject.model, question(n), stream=bool(n % 2)))
            for n in range(CALLS)
        ]
        found = await asyncio.gather(*calls, return_exceptions=True)
    assert await soon(lambda: server.connected == 0), f"{server.connected} connections left"
    assert await soon(lambda: not asyncio.all_tasks() - before)
    return found


def wrong(found: list[Any]) -> list[int]:
    return [
        n
        for n, got in enumerate(found)
        if not isinstance(got, Response) or got.text != question(n)[::-1]
    ]


@each
def test_each_gets_its_own_answer(subject: Subject) -> None:
    echo = Echo(subject)
    with run_concurrent_server(echo, delay=0.01) as server:
        found = asyncio.run(thousand(subject, server, echo))
        assert not wrong(found), found[wrong(found)[0]]
        assert server.served == CALLS
        assert server.most > CALLS / 10, "they ran at once"


@each
def test_burst_with_a_third_cancelled(subject: Subject) -> None:
    echo = Echo(subject)
    with run_concurrent_server(echo, delay=0.2) as server:
        found = asyncio.run(thousand(subject, server, echo, cancel=True))
    cancelled = [n for n, got in enumerate(found) if isinstance(got, asyncio.CancelledError)]
    assert set(cancelled) <= set(range(0, CALLS, 3))
    assert len(cancelled) > CALLS / 6
    assert wrong(found) == cancelled


@pytest.mark.parametrize("cancel", [False, True])
def test_no_more_than_allowed_run_at_once(cancel: bool) -> None:
    subject = SUBJECTS[0]
    echo = Echo(subject)
    with run_concurrent_server(echo, delay=0.005) as server:
        found = asyncio.run(thousand(subject, server, echo, cancel=cancel, max_concurrency=50))
        # A cancelled call has left its place before the server sees its connection close.
        assert 10 < server.most <= (100 if cancel else 50)
    answered = [got for got in found if isinstance(got, Response)]
    assert len(answered) == CALLS - len(wrong(found))
    assert set(wrong(found)) <= (set(range(0, CALLS, 3)) if cancel else set())
    assert max(got.latency.queue for got in answered) > 0


@each
def test_threads_share_a_client(subject: Subject) -> None:
    with (
        run_concurrent_server(Echo(subject)) as server,
        subject.sync_client(server.root, retries=0) as client,
    ):

        def ask(n: int) -> Response[Any]:
            if n % 2:
                with client.stream(subject.model, question(n)) as stream:
                    list(stream)
                return stream.response
            return client.generate(subject.model, question(n))

        with ThreadPoolExecutor(50) as threads:
            found = list(threads.map(ask, range(CALLS)))
        assert not wrong(found)
        client.close()
        assert asyncio.run(soon(lambda: server.connected == 0))
    assert sum(thread.name == "fmsdk" for thread in threading.enumerate()) == 1


def test_waiting_for_a_connection_is_no_silence_of_the_server() -> None:
    openai, httpx2 = pytest.importorskip("openai"), pytest.importorskip("httpx2")
    subject = SUBJECTS[0]

    async def main(server: BusyServer) -> list[Any]:
        narrow = httpx2.AsyncClient(limits=httpx2.Limits(max_connections=2))
        made = openai.AsyncOpenAI(api_key="k", base_url=f"{server.root}/v1", http_client=narrow)
        async with (
            narrow,
            fmsdk.AsyncClient(
                providers={"openai": {"client": made, "api": "chat"}}, retries=0, idle_timeout=1.5
            ) as client,
        ):
            asked = [
                outcome(client, subject.model, question(n), stream=bool(n % 2)) for n in range(8)
            ]
            return await asyncio.gather(*asked)

    with run_concurrent_server(Echo(subject), delay=0.15) as server:
        found = asyncio.run(main(server))
    assert not wrong(found), found
    assert max(got.latency.total for got in found) > 1.5


def test_a_client_serves_several_event_loops() -> None:
    subject = SUBJECTS[0]
    with run_concurrent_server(Echo(subject)) as server:
        client = subject.client(server.root)
        for n in range(3):

            async def main(n: int = n) -> fmsdk.Response[Any]:
                answer = await client.generate(subject.model, question(n))
                await client.aclose()
                return answer

            assert asyncio.run(main()).text == question(n)[::-1]
