"""The queue and the thread of a model, with runners that do only what the test needs."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from typing import Any, cast

import pytest

from fmsdk.errors import ConfigurationError, OutOfMemory, RateLimitError, ServerError
from fmsdk_local.engine import Engine, Job
from tests.support.patience import PATIENCE


class Counter:
    """Emits the numbers below the task's, and notes what ran where."""

    def __init__(self) -> None:
        self.tasks: list[object] = []
        self.threads: set[int] = set()

    def run(self, job: Job) -> None:
        self.tasks.append(job.task)
        self.threads.add(threading.get_ident())
        for number in range(job.task):
            job.emit(number)


class Endless:
    """Emits until it is cancelled; `stopped` is set then. Waits for `gate` first."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.running = threading.Event()
        self.stopped = threading.Event()

    def run(self, job: Job) -> None:
        self.running.set()
        self.gate.wait(PATIENCE)
        while not job.is_cancelled:
            job.emit("token")
            time.sleep(0.001)
        self.stopped.set()


class Failing:
    def __init__(self, error: Callable[[], Exception]) -> None:
        self.error = error

    def run(self, job: Job) -> None:
        job.emit("first")
        if job.task == "fail":
            raise self.error()


async def collect(items: AsyncIterator[object]) -> list[object]:
    return [item async for item in items]


def submit(engine: Engine, task: object) -> Any:
    return aclosing(cast("Any", engine.submit(task)))


def wait_for(event: threading.Event) -> Any:
    return asyncio.to_thread(event.wait, PATIENCE)


def test_items_arrive_in_order_from_one_thread() -> None:
    runner = Counter()
    engine = Engine(runner, name="counter")

    async def main() -> list[list[object]]:
        return await asyncio.gather(*(collect(engine.submit(n)) for n in (3, 1000, 0, 5)))

    assert asyncio.run(main()) == [list(range(n)) for n in (3, 1000, 0, 5)]
    assert runner.tasks == [3, 1000, 0, 5]
    assert len(runner.threads) == 1
    assert runner.threads != {threading.get_ident()}
    engine.close()


def test_many_threads_and_event_loops_share_it() -> None:
    engine = Engine(Counter(), name="counter")
    items: list[list[object]] = []

    def collect_in_loop(n: int) -> None:
        items.append(asyncio.run(collect(engine.submit(n))))

    threads = [threading.Thread(target=collect_in_loop, args=(n,)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(items) == sorted(list(range(n)) for n in range(20))
    engine.close()


def test_a_burst_costs_one_wake_up() -> None:
    engine = Engine(Counter(), name="counter")

    async def main() -> int:
        loop = asyncio.get_running_loop()
        original, wake_ups = loop.call_soon_threadsafe, 0

        def count_and_call(*args: Any, **kwargs: Any) -> Any:
            nonlocal wake_ups
            wake_ups += 1
            return original(*args, **kwargs)

        cast("Any", loop).call_soon_threadsafe = count_and_call
        items = cast("Any", engine.submit(5000))
        first = await anext(items)
        time.sleep(0.2)  # noqa: ASYNC251 - the loop is busy while the thread emits
        rest = [item async for item in items]
        assert [first, *rest] == list(range(5000))
        return wake_ups

    assert asyncio.run(main()) < 100
    engine.close()


def test_items_that_trickle_in_while_others_are_taken_all_arrive() -> None:
    class Trickle:
        def run(self, job: Job) -> None:
            for number in range(job.task):
                job.emit(number)
                if number % 7 == 0:
                    time.sleep(0.0001)

    engine = Engine(Trickle(), name="trickle")

    async def collect_slowly(count: int) -> None:
        items: list[object] = []
        async for item in engine.submit(count):
            items.append(item)
            if len(items) % 5 == 0:
                await asyncio.sleep(0)
        assert items == list(range(count))

    async def main() -> None:
        await asyncio.gather(*(collect_slowly(2000) for _ in range(3)))

    asyncio.run(main())
    engine.close()


def test_closing_the_iterator_cancels_the_job_at_once() -> None:
    runner = Endless()
    runner.gate.set()
    engine = Engine(runner, name="endless")

    async def main() -> None:
        async with submit(engine, "long") as items:
            assert await anext(items) == "token"
        assert await asyncio.to_thread(runner.stopped.wait, PATIENCE)

    asyncio.run(main())
    engine.close()


def test_cancelling_the_caller_cancels_the_job() -> None:
    runner = Endless()
    runner.gate.set()
    engine = Engine(runner, name="endless")

    async def main() -> None:
        task = asyncio.create_task(collect(engine.submit("long")))
        await wait_for(runner.running)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await asyncio.to_thread(runner.stopped.wait, PATIENCE)

    asyncio.run(main())
    engine.close()


def test_a_job_cancelled_in_the_queue_is_never_run() -> None:
    runner = Endless()
    engine = Engine(runner, name="endless")

    async def main() -> None:
        first = asyncio.create_task(collect(engine.submit("first")))
        await wait_for(runner.running)
        second = asyncio.create_task(collect(engine.submit("second")))
        await asyncio.sleep(0.01)
        second.cancel()
        first.cancel()
        await asyncio.gather(first, second, return_exceptions=True)
        runner.gate.set()
        assert await wait_for(runner.stopped)
        runner.running.clear()
        assert not await asyncio.to_thread(runner.running.wait, 0.2)

    asyncio.run(main())
    engine.close()


def test_a_full_queue_refuses_and_frees_up_again() -> None:
    runner = Endless()
    engine = Engine(runner, name="endless", max_queue=1)

    async def main() -> None:
        running = asyncio.create_task(collect(engine.submit("running")))
        await wait_for(runner.running)
        waiting = asyncio.create_task(collect(engine.submit("waiting")))
        await asyncio.sleep(0.01)
        with pytest.raises(RateLimitError, match="max_queue") as caught:
            await collect(engine.submit("refused"))
        assert caught.value.retryable
        waiting.cancel()
        await asyncio.sleep(0.01)
        fits = asyncio.create_task(collect(engine.submit("fits")))
        await asyncio.sleep(0.01)
        assert not fits.done()
        for task in (running, fits):
            task.cancel()
        await asyncio.gather(running, waiting, fits, return_exceptions=True)
        runner.gate.set()

    asyncio.run(main())
    engine.close()


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (lambda: ValueError("bad shape"), ServerError),
        (MemoryError, OutOfMemory),
        (lambda: RuntimeError("DefaultCPUAllocator: can't allocate memory"), OutOfMemory),
        (lambda: ConfigurationError("mine"), ConfigurationError),
    ],
)
def test_an_error_reaches_its_caller_typed_and_the_thread_survives(
    error: Callable[[], Exception], kind: type[Exception]
) -> None:
    engine = Engine(Failing(error), name="failing")

    async def main() -> None:
        items: list[object] = []
        with pytest.raises(kind) as caught:
            async for item in engine.submit("fail"):
                items.append(item)  # noqa: PERF401 - what came before the error is wanted
        assert items == ["first"]
        assert not cast("Any", caught.value).retryable
        assert await collect(engine.submit("work")) == ["first"]

    asyncio.run(main())
    engine.close()


def test_closing_fails_those_that_wait_and_stops_the_one_that_runs() -> None:
    runner = Endless()
    runner.gate.set()
    engine = Engine(runner, name="endless")

    async def main() -> None:
        running = asyncio.create_task(collect(engine.submit("running")))
        await wait_for(runner.running)
        waiting = asyncio.create_task(collect(engine.submit("waiting")))
        await asyncio.sleep(0.01)
        await asyncio.to_thread(engine.close)
        with pytest.raises(ConfigurationError, match="unloaded"):
            await waiting
        assert set(await running) == {"token"}
        with pytest.raises(ConfigurationError, match="unloaded"):
            await collect(engine.submit("late"))

    asyncio.run(main())
    assert runner.stopped.is_set()


def test_time_in_the_queue_is_reported() -> None:
    class Slow:
        def run(self, job: Job) -> None:
            time.sleep(0.1)
            job.emit(job.queue_seconds)

    engine = Engine(Slow(), name="slow")

    async def main() -> list[list[Any]]:
        return await asyncio.gather(*(collect(engine.submit(None)) for _ in range(2)))

    first, second = asyncio.run(main())
    assert first[0] < second[0]
    assert second[0] >= 0.09
    engine.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_serves_afresh() -> None:
    engine = Engine(Counter(), name="counter")
    assert asyncio.run(collect(engine.submit(2))) == [0, 1]
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, str(asyncio.run(collect(engine.submit(3)))).encode())
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert status == 0
    assert os.read(reading, 100) == b"[0, 1, 2]"
    os.close(reading)
    os.close(writing)
    engine.close()


def test_closed_loop_cancels_its_tasks() -> None:
    loop = asyncio.new_event_loop()
    job = Job("left", loop)
    loop.close()
    job.emit("token")
    assert job.is_cancelled
