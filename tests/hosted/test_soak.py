"""A soak: 40 workers, 18 faults, cancellations and closings, on every wire. It lasts seconds in
`make test`, and five minutes in `make soak`."""

from __future__ import annotations

import asyncio
import gc
import os
import random
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import fmsdk
from fmsdk.errors import FmsdkError
from fmsdk.pipeline import retry
from fmsdk.response import Response
from tests.support.faulty_server import FATAL, FAULTS, FaultyServer
from tests.support.hosted.outcomes import outcome
from tests.support.hosted.subjects import SUBJECTS, Subject
from tests.support.patience import PATIENCE
from tests.support.soak import IS_SOAK, soak_size
from tests.support.tally import count

WORKERS, RETRIES = 40, 2
SECONDS = soak_size(3, 300) / len(SUBJECTS)
_PROC = Path("/proc/self")
MOST_GROWTH = 60 * 2**20


class Soak:
    """Runs the workers against one server, and keeps what came of each question."""

    def __init__(self, subject: Subject, server: FaultyServer) -> None:
        self.subject = subject
        self.server = server
        self.found: Counter[str] = Counter()
        self.problems: list[str] = []
        self._number = 0
        self._end = time.monotonic() + SECONDS
        self._random = random.Random(subject.name)

    def client(self) -> fmsdk.AsyncClient:
        return self.subject.client(
            self.server.root, retries=RETRIES, timeout=PATIENCE, idle_timeout=0.5
        )

    async def run(self) -> None:
        clients = [self.client() for _ in range(4)]
        closer = asyncio.create_task(self._close_now_and_then(clients))
        async with asyncio.timeout(SECONDS + 2 * PATIENCE):
            await asyncio.gather(*(self._work(clients[n % 4]) for n in range(WORKERS)))
        closer.cancel()
        for client in clients:
            await client.aclose()

    async def _close_now_and_then(self, clients: list[fmsdk.AsyncClient]) -> None:
        while True:
            await asyncio.sleep(self._random.uniform(0.05, 0.3))
            await self._random.choice(clients).aclose()
            self.found["closings"] += 1

    async def _work(self, client: fmsdk.AsyncClient) -> None:
        while time.monotonic() < self._end:
            self._number += 1
            number = self._number
            fault = self._random.choice(("none", *FAULTS))
            call = asyncio.create_task(
                outcome(
                    client,
                    self.subject.model,
                    f"question {number} fault {fault}",
                    stream=self._random.random() < 0.5,
                    timeout=0.7 if fault == "silence" else None,
                )
            )
            if self._random.random() < 0.1:
                asyncio.get_running_loop().call_later(self._random.random() / 10, call.cancel)
            (found,) = await asyncio.gather(call, return_exceptions=True)
            self._judge(number, fault, found)

    def _judge(self, number: int, fault: str, found: Any) -> None:
        requests = self.server.requests[number]
        allowed = 1 if fault in FATAL else RETRIES + 1
        if isinstance(found, Response):
            self.found["answers"] += 1
            is_right = found.text == f"answer {number}"
            allowed = min(allowed, len(found.latency.attempts))
        elif isinstance(found, FmsdkError):
            self.found[type(found).__name__] += 1
            is_right = fault != "none" or isinstance(found, fmsdk.ClientClosed)
            allowed = min(allowed, max(1, len(found.attempts)))
        else:
            self.found[type(found).__name__] += 1
            is_right = isinstance(found, asyncio.CancelledError)
        if not is_right:
            self.problems.append(f"{number} {fault}: {found!r}")
        if requests > allowed:
            self.problems.append(f"{number} {fault}: {requests} requests of {allowed}, {found!r}")


def resources() -> tuple[int, int]:
    """Open descriptors, and bytes of memory."""
    pages = int((_PROC / "statm").read_text().split()[1])
    return len(os.listdir(_PROC / "fd")), pages * os.sysconf("SC_PAGE_SIZE")


async def soak(subject: Subject) -> Soak:
    faulty = FaultyServer(subject.wire)
    server = await faulty.start()
    running = Soak(subject, faulty)
    async with running.client() as client:  # imports what is needed
        await outcome(client, subject.model, "question 0 fault none", stream=False)
    before = resources()
    await running.run()
    sent = sum(faulty.requests.values())
    for _ in range(int(PATIENCE / 0.02)):
        if resources()[0] <= before[0] and not faulty.connected:
            break
        await asyncio.sleep(0.02)
    after = resources()
    assert sum(faulty.requests.values()) == sent, "a request after the end"
    assert after[0] <= before[0], "descriptors are left"
    assert after[1] <= before[1] + MOST_GROWTH, "memory is left"
    server.close()
    return running


@pytest.mark.skipif(not (_PROC / "fd").is_dir(), reason="reads /proc")
@pytest.mark.parametrize("subject", SUBJECTS, ids=repr)
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.timeout(120 + 2 * SECONDS)
def test_a_soak(subject: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "BASE_DELAY", 0.02)
    gc.collect()
    if not IS_SOAK:  # nothing may wait for a collection, but aiohttp's errors are cycles
        gc.disable()
    try:
        running = asyncio.run(soak(subject))
    finally:
        gc.enable()
    assert not running.problems, "\n".join(running.problems[:5])
    assert running.found["answers"]
    assert running.found["ClientClosed"]
    assert running.found["CancelledError"]
    count("calls of the soak", sum(running.found.values()) - running.found["closings"])
    count("closings in the midst of it", running.found["closings"])
