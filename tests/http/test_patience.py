"""Time limits of connections: lag of this program is no silence of the server's."""

from __future__ import annotations

import asyncio
import time

import pytest

import fmsdk
from fmsdk.http.patience import PatientTimer
from tests.support.hosted.subjects import SUBJECTS, Subject
from tests.support.patience import PATIENCE
from tests.support.scripted_server import Answer, run_server

each = pytest.mark.parametrize("subject", SUBJECTS, ids=repr)


async def seconds_until(limit: float, hold: float = 0.0, restart: float | None = None) -> float:
    """Seconds until a timer of `limit` seconds fires, on a loop that is held."""
    loop, fired, start = asyncio.get_running_loop(), asyncio.Event(), time.perf_counter()
    timer = PatientTimer(loop, limit, fired.set)
    if hold:
        loop.call_later(limit / 20, time.sleep, hold)
    if restart is not None:
        loop.call_later(restart, timer.restart)
    async with asyncio.timeout(PATIENCE):
        await fired.wait()
    return time.perf_counter() - start


def test_a_timer_counts_the_time_of_a_loop_that_runs() -> None:
    assert asyncio.run(seconds_until(0.2)) >= 0.2


def test_a_held_loop_costs_a_timer_one_step() -> None:
    assert asyncio.run(seconds_until(0.4, hold=0.6)) >= 0.6 + 0.4 * 7 / 8 - 0.05


def test_a_timer_that_restarts_counts_anew() -> None:
    assert asyncio.run(seconds_until(0.4, restart=0.2)) >= 0.6


def test_a_timer_that_is_cancelled_calls_nothing() -> None:
    async def main() -> bool:
        fired = asyncio.Event()
        timer = PatientTimer(asyncio.get_running_loop(), 0.05, fired.set)
        await asyncio.sleep(0.02)
        timer.cancel()
        await asyncio.sleep(0.15)
        return fired.is_set()

    assert not asyncio.run(main())


@each
@pytest.mark.parametrize("phase", ["head", "stream"])
def test_an_answer_that_came_while_the_loop_was_held_is_read(subject: Subject, phase: str) -> None:
    """The loop is held for longer than the server may be silent."""
    wire = subject.wire
    pieces = wire.events("Hel", "lo.")
    slow = Answer(pieces=pieces, pause=0.02) if phase == "stream" else Answer(wire.body("Hello."))

    async def main(root: str) -> str:
        async with subject.client(root, retries=0, idle_timeout=0.5) as client:
            await client.load(subject.model)
            if phase == "head":
                call = asyncio.create_task(client.generate(subject.model, "Hi"))
                await asyncio.sleep(0)
                time.sleep(1)  # noqa: ASYNC251
                return (await call).text
            async with client.stream(subject.model, "Hi") as stream:
                async for _ in stream:
                    asyncio.get_running_loop().call_soon(time.sleep, 0.6)
            return stream.response.text

    with run_server(slow) as server:
        assert asyncio.run(main(server.root)) == "Hello."


@each
def test_a_server_that_is_silent_still_ends_in_a_timeout(subject: Subject) -> None:
    stalled = Answer(pieces=subject.wire.events("Hel", "lo.")[:3], then="hang")

    async def main(root: str) -> None:
        client = subject.client(root, retries=0, idle_timeout=0.3)
        async with client, client.stream(subject.model, "Hi") as stream:
            with pytest.raises(fmsdk.Timeout):
                async for _ in stream:
                    pass

    with run_server(stalled) as server:
        asyncio.run(main(server.root))
