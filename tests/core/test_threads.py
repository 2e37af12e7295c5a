"""Threads of our own: stuck work starves nothing, and nothing waits for it."""

from __future__ import annotations

import _thread
import asyncio
import functools
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

import fmsdk
import fmsdk.threads
from fmsdk import background_loop
from fmsdk.testing import FakeProvider
from fmsdk.threads import run_in_thread
from tests.support.patience import PATIENCE

ROOT = Path(__file__).parents[2]


def asynchronous(test: Callable[[], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    @functools.wraps(test)
    def run() -> None:
        asyncio.run(test())

    return run


@asynchronous
async def test_stuck_work_starves_no_other() -> None:
    release = threading.Event()
    stuck = [asyncio.create_task(run_in_thread(release.wait)) for _ in range(100)]
    try:
        await asyncio.sleep(0)
        assert await asyncio.wait_for(run_in_thread(lambda: 7), PATIENCE) == 7
    finally:
        release.set()
    assert await asyncio.wait_for(asyncio.gather(*stuck), PATIENCE) == [True] * 100


@asynchronous
async def test_much_short_work_takes_few_threads() -> None:
    threads: set[str] = set()
    before = threading.active_count()

    def work() -> None:
        threads.add(threading.current_thread().name)

    await asyncio.gather(*(run_in_thread(work) for _ in range(2000)))
    assert threads == {"fmsdk-worker"}
    assert threading.active_count() - before <= 40


@asynchronous
async def test_results_errors_and_context_come_back() -> None:
    with pytest.raises(ZeroDivisionError):
        await run_in_thread(lambda: 1 / 0)
    assert await run_in_thread(sorted, [2, 1], reverse=True) == [2, 1]


@asynchronous
async def test_cancelled_work_that_has_not_begun_never_runs() -> None:
    release, ran = threading.Event(), list[int]()
    stuck = [asyncio.create_task(run_in_thread(release.wait)) for _ in range(60)]
    await asyncio.sleep(0)
    waiting = asyncio.create_task(run_in_thread(ran.append, 1))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    release.set()
    await asyncio.gather(*stuck)
    assert ran == []


@pytest.mark.parametrize("folder", ["fmsdk", "providers"])
def test_nothing_uses_the_default_executor(folder: str) -> None:
    words = ("to_thread", "run_in_executor", "loop.getaddrinfo", "ThreadedResolver", "getnameinfo")
    for file in (ROOT / folder).rglob("*.py"):
        if file.name != "threads.py":
            text = file.read_text("utf-8")
            assert [word for word in words if word in text] == [], file


def test_neither_asyncio_run_nor_the_interpreter_waits_for_a_stuck_thread() -> None:
    code = (
        "import asyncio, threading\n"
        "from fmsdk.threads import run_in_thread\n"
        "async def main():\n"
        "    stuck = [asyncio.ensure_future(run_in_thread(threading.Event().wait))"
        " for _ in range(8)]\n"
        "    print(await run_in_thread(lambda: 'free'), flush=True)\n"
        "asyncio.run(main())\n"
    )
    child = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert (child.returncode, child.stdout.strip(), child.stderr) == (0, "free", "")


def test_a_fork_has_threads_of_its_own() -> None:
    workers = fmsdk.threads._Process.workers  # pyright: ignore[reportPrivateUsage]
    asyncio.run(run_in_thread(lambda: None))
    fmsdk.threads._reset_after_fork()  # pyright: ignore[reportPrivateUsage]
    assert fmsdk.threads._Process.workers is not workers  # pyright: ignore[reportPrivateUsage]
    assert asyncio.run(run_in_thread(lambda: 1)) == 1


def run_script(code: str, *arguments: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
        cwd=ROOT,
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize("place", ["loop", "thread"])
def test_the_interpreter_ends_quietly_while_our_threads_are_in_cpp(place: str) -> None:
    # torch frees a tensor without the GIL: what wants it back in the end aborts the process.
    pytest.importorskip("torch")
    code = """
        import asyncio, sys, torch
        from fmsdk import background_loop
        from fmsdk.threads import hold_exit, run_in_thread

        def free_tensors(count):
            for _ in range(count):
                torch.empty(1)

        async def free_on_the_loop():
            while True:
                free_tensors(1000)
                await asyncio.sleep(0)

        async def start():
            work = (
                free_on_the_loop()
                if sys.argv[1] == "loop"
                else run_in_thread(hold_exit, free_tensors, 200_000)
            )
            tasks.append(asyncio.create_task(work))
            await asyncio.sleep(0.05)

        tasks = []
        background_loop.run(start())
    """
    assert run_script(code, place) == (0, "")


def test_the_end_waits_for_held_work_alone() -> None:
    code = """
        import asyncio, pathlib, sys, time
        from fmsdk import background_loop
        from fmsdk.threads import hold_exit, run_in_thread

        def finish():
            time.sleep(0.3)
            print("finished", file=sys.stderr)

        async def start():
            tasks.append(asyncio.create_task(run_in_thread(time.sleep, 3600)))
            tasks.append(asyncio.create_task(run_in_thread(hold_exit, finish)))
            await asyncio.sleep(0.05)

        tasks = []
        background_loop.run(start())
    """
    assert run_script(code) == (0, "finished\n")


def test_a_synchronous_call_works_late_in_the_exit() -> None:
    code = """
        import atexit, sys

        @atexit.register
        def call():
            print(background_loop.run(answer()), file=sys.stderr)

        from fmsdk import background_loop

        async def answer():
            return 7

        background_loop.run(answer())
    """
    assert run_script(code) == (0, "7\n")


@pytest.mark.parametrize("verb", ["generate", "stream"])
def test_ctrl_c_ends_a_wait_that_no_signal_interrupts(verb: str) -> None:
    # As on Windows, where a signal interrupts no lock.
    client = fmsdk.Client(providers={"fake": FakeProvider(delay=3600)})
    timer = threading.Timer(0.1, _thread.interrupt_main)
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        if verb == "generate":
            client.generate("fake:any", "Hi")
        else:
            with client.stream("fake:any", "Hi") as events:
                list(events)
    timer.join()


def test_a_timeout_of_the_coroutine_is_its_own() -> None:
    async def run_out() -> None:
        raise TimeoutError("mine")

    with pytest.raises(TimeoutError, match="mine"):
        background_loop.run(run_out())
