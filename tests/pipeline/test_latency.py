"""Latency is the provider's: what this program did meanwhile is in `queue`, or in `load`."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import fmsdk
from fmsdk.response import Response
from fmsdk.testing import FakeProvider
from tests.support.concurrent_server import run_concurrent_server
from tests.support.hosted.outcomes import ask
from tests.support.hosted.subjects import SUBJECTS, Subject

each = pytest.mark.parametrize("subject", SUBJECTS, ids=repr)
ROOT = Path(__file__).resolve().parents[2]
ANSWER_SECONDS = 0.15


def answer_of(subject: Subject) -> Callable[[str, Any], bytes | list[bytes]]:
    def reply(path: str, body: Any) -> bytes | list[bytes]:
        if subject.wire.is_streamed(path, body):
            return subject.wire.events("Hel", "lo.")
        return json.dumps(subject.wire.body("Hello.")).encode()

    return reply


@each
@pytest.mark.parametrize("streamed", [False, True])
def test_a_loop_that_is_held_is_in_the_queue(subject: Subject, streamed: bool) -> None:
    async def main(root: str) -> Response[Any]:
        async with subject.client(root) as client:
            await ask(client, subject.model, "Hi", stream=streamed)
            call = asyncio.create_task(ask(client, subject.model, "Hi", stream=streamed))
            await asyncio.sleep(ANSWER_SECONDS / 3)
            time.sleep(1)  # noqa: ASYNC251 - holds the loop
            return await call

    with run_concurrent_server(answer_of(subject), delay=ANSWER_SECONDS) as server:
        latency = asyncio.run(main(server.root)).latency
    assert latency.queue >= 0.95
    assert latency.queue <= latency.total - ANSWER_SECONDS / 4
    if streamed:
        assert latency.time_to_first_token is not None
        assert latency.time_to_first_token + latency.queue <= latency.total + 0.001


def test_a_loop_that_is_held_after_the_first_token_is_not_before_it() -> None:
    async def main() -> tuple[float | None, fmsdk.Latency]:
        provider = FakeProvider(["one two three four five six seven eight nine ten"], delay=0.05)
        client = fmsdk.AsyncClient(providers={"fake": provider})
        first = None
        async with client.stream("fake:any", "Hi") as stream:
            async for _ in stream:
                if first is None:
                    first = stream.response.latency.time_to_first_token
                    asyncio.get_running_loop().call_soon(time.sleep, 1)
        return first, stream.response.latency

    first, latency = asyncio.run(main())
    assert latency.time_to_first_token == pytest.approx(first, abs=1e-6)
    assert latency.queue >= 0.95
    assert latency.output_tokens_per_second is not None
    decode = latency.total - latency.queue - (latency.time_to_first_token or 0)
    assert latency.output_tokens_per_second == pytest.approx(9 / decode, rel=0.1)


PROGRAM = """
import asyncio, json, sys, time, importlib
from fmsdk.hosted import connection
from tests.support.hosted.subjects import SUBJECTS

SLOW = 0.7
imported = importlib.import_module

def import_slowly(name):
    time.sleep(SLOW)
    return imported(name)

connection.importlib.import_module = import_slowly
subject = next(s for s in SUBJECTS if s.name == sys.argv[1])

async def main():
    async with subject.client(sys.argv[2]) as client:
        async with client.stream(subject.model, "Hi") as stream:
            async for _ in stream:
                pass
        latency = stream.response.latency
        print(json.dumps([latency.queue, latency.time_to_first_token, latency.total,
                          len(latency.attempts), latency.attempts[0].seconds]))

asyncio.run(main())
"""


@each
def test_a_first_import_is_in_the_queue(subject: Subject) -> None:
    with run_concurrent_server(answer_of(subject), delay=ANSWER_SECONDS) as server:
        ran = subprocess.run(
            [sys.executable, "-c", PROGRAM, subject.name, server.root],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
    queue, first, total, attempts, seconds = json.loads(ran.stdout)
    assert queue >= 0.7
    assert first + queue <= total + 0.001
    assert attempts == 1
    assert seconds <= total - 0.7


class Loads(FakeProvider):
    """Takes half a second to load, in which it holds the loop, and says that it took less."""

    async def load(self, model: str) -> float | None:
        await asyncio.sleep(0.1)
        time.sleep(0.4)  # noqa: ASYNC251 - as a load that holds the interpreter
        return 0.1


@pytest.mark.parametrize("streamed", [False, True])
def test_loading_is_in_load_alone(streamed: bool) -> None:
    async def main() -> Response[Any]:
        client = fmsdk.AsyncClient(providers={"fake": Loads(["a b c"], delay=0.02)})
        return await ask(client, "fake:any", "Hi", stream=streamed)

    latency = asyncio.run(main()).latency
    assert latency.load is not None
    assert latency.load >= 0.5
    assert latency.queue + latency.load <= latency.total
    assert latency.queue < 0.4
    if latency.time_to_first_token is not None:
        assert latency.time_to_first_token + latency.load <= latency.total


@pytest.mark.parametrize(
    ("words", "delay", "has_rate"), [(40, 0.0, False), (5, 0.05, False), (12, 0.02, True)]
)
def test_a_rate_needs_tokens_and_time(words: int, delay: float, has_rate: bool) -> None:
    client = fmsdk.Client(providers={"fake": FakeProvider(["word " * words], delay=delay)})
    with client.stream("fake:any", "Hi") as stream:
        list(stream)
    assert (stream.response.latency.output_tokens_per_second is not None) is has_rate


def test_a_plain_answer_at_once_has_no_rate() -> None:
    client = fmsdk.Client(providers={"fake": FakeProvider(["word " * 300])})
    assert client.generate("fake:any", "Hi").latency.output_tokens_per_second is None


def test_an_undisturbed_call_has_no_queue() -> None:
    client = fmsdk.Client(providers={"fake": FakeProvider(["a", "b"])})
    client.generate("fake:any", "Hi")
    assert client.generate("fake:any", "Hi").latency.queue < 0.5
