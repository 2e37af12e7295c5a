"""Bursts of calls on one client: none fails, none leaves a connection, and each costs the same."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

import fmsdk
from benchmarks.hosted.clients import MODELS, configured
from benchmarks.hosted.server import running
from fmsdk.response import Response
from tests.support.hosted.outcomes import ask
from tests.support.patience import PATIENCE
from tests.support.soak import IS_SOAK, soak_size

_OPEN = Path("/proc/self/fd")
MODEL = MODELS["chat"]
BUSY = "import time; end = time.time() + 600\nwhile time.time() < end: pass"

pytestmark = pytest.mark.skipif(not _OPEN.is_dir(), reason="counts descriptors in /proc")


@contextmanager
def busy_processes(count: int) -> Iterator[None]:
    with ExitStack() as stack:
        for _ in range(count):
            process = stack.enter_context(subprocess.Popen([sys.executable, "-c", BUSY]))
            stack.callback(process.kill)
        yield


def left_open(before: int) -> int:
    """Descriptors beyond `before`, once what closes soon has closed; nothing is collected."""
    deadline = time.monotonic() + PATIENCE
    while (count := len(os.listdir(_OPEN)) - before) > 0 and time.monotonic() < deadline:
        time.sleep(0.02)
    return count


async def burst(
    root: str, size: int, *, streamed: bool = False, cancel: bool = False
) -> tuple[list[Any], float]:
    """What comes of the calls, and the CPU seconds of one of them."""
    async with fmsdk.AsyncClient(providers=configured("chat", root), retries=0) as client:
        await client.generate(MODEL, "Say hello.")
        start = time.process_time()
        calls = [
            asyncio.create_task(ask(client, MODEL, "Say hello.", stream=streamed))
            for _ in range(size)
        ]
        if cancel:
            await asyncio.sleep(0.02)
            for call in calls:
                asyncio.get_running_loop().call_later(random.random() / 2, call.cancel)
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        return outcomes, (time.process_time() - start) / size


@pytest.fixture
def uncollected() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("uncollected")
@pytest.mark.parametrize("size", [soak_size(300, 1000), soak_size(1000, 5000)])
@pytest.mark.parametrize("streamed", [False, True])
def test_no_call_of_a_burst_fails(size: int, streamed: bool) -> None:
    with running() as root, busy_processes(soak_size(0, 2)):
        before = len(os.listdir(_OPEN))
        outcomes, _ = asyncio.run(burst(root, size, streamed=streamed))
        failures = [one for one in outcomes if not isinstance(one, Response)]
        assert not failures, f"{len(failures)}, the first: {failures[0]!r}"
        assert left_open(before) <= 0


@pytest.mark.usefixtures("uncollected")
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_cancelled_burst_leaves_no_connection(host: str) -> None:
    with running() as root:
        url = root.replace("127.0.0.1", host)
        asyncio.run(burst(url, 1))
        before = len(os.listdir(_OPEN))
        outcomes, _ = asyncio.run(burst(url, soak_size(500, 2000), cancel=True))
        assert any(isinstance(one, asyncio.CancelledError) for one in outcomes)
        assert left_open(before) <= 0


@pytest.mark.skipif(not IS_SOAK, reason="CPU times are compared where nothing else runs")
def test_a_call_of_a_large_burst_costs_what_one_of_a_small_does() -> None:
    with running() as root:
        small = min(asyncio.run(burst(root, 100))[1] for _ in range(5))
        large = min(asyncio.run(burst(root, 5000))[1] for _ in range(3))
    assert large <= 1.5 * small, json.dumps({"100": small, "5000": large})
