"""Threads of our own: stuck work starves nothing, and nothing waits for it."""

from __future__ import annotations

import asyncio
import functools
import subprocess
import sys
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

import fmsdk.threads
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
