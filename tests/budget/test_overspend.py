"""Whatever happens to thousands of concurrent requests, what the vendor bills stays below the cap.
The vendor is a server that keeps its own bill, over real sockets."""

from __future__ import annotations

import asyncio
import random
from decimal import Decimal
from typing import Any

import pytest

import fmsdk
from fmsdk.pipeline import retry
from tests.support.billing_server import MODEL, run_billing_server
from tests.support.soak import soak_size


@pytest.fixture(autouse=True)
def _hurried_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "BASE_DELAY", 0.001)


async def ask(client: fmsdk.AsyncClient, chance: random.Random) -> None:
    prompt = "word " * chance.randint(1, 40)
    settings: dict[str, Any] = {"max_output_tokens": chance.randint(1, 200)}
    if chance.random() < 0.2:
        settings["timeout"] = chance.random() * 0.05 + 0.001
    if chance.random() < 0.5:
        await client.generate(MODEL, prompt, **settings)
        return
    most = chance.choice([1, 1000])
    async with client.stream(MODEL, prompt, **settings) as stream:
        async for _ in stream:
            most -= 1
            if not most:
                break


async def storm(url: str, cap: Decimal, seed: int, count: int) -> dict[str, int]:
    chance, outcomes = random.Random(seed), dict[str, int]()
    own = {"openai": {"base_url": url, "api_key": "k-123456", "api": "chat"}}
    client = fmsdk.AsyncClient(
        providers=own,
        budget=[cap, fmsdk.Budget(cap, per="day", model="openai:*")],
        retries=chance.randint(0, 2),
        timeout=20,
    )
    gate = asyncio.Semaphore(200)

    async def one() -> None:
        async with gate:
            task = asyncio.create_task(ask(client, chance))
            if chance.random() < 0.15:
                asyncio.get_running_loop().call_later(chance.random() * 0.03, task.cancel)
            outcome = (await asyncio.gather(task, return_exceptions=True))[0]
            name = "answered" if outcome is None else type(outcome).__name__
            outcomes[name] = outcomes.get(name, 0) + 1

    async with client:
        await asyncio.gather(*(one() for _ in range(count)))
    return outcomes


@pytest.mark.parametrize("seed", range(soak_size(2, 30)))
def test_no_storm_passes_the_cap(seed: int) -> None:
    count = soak_size(600, 4000)
    cap = count * Decimal("0.0003")
    with run_billing_server(seed) as server:
        outcomes = asyncio.run(storm(server.url, cap, seed, count))
    assert server.bill <= cap
    assert outcomes["answered"] > 20
    assert outcomes["BudgetExceeded"] > 20
    assert set(outcomes) <= {
        *("answered", "BudgetExceeded", "CancelledError", "Timeout", "RateLimitError"),
        *("BadRequestError", "ServerError", "ConnectionFailed", "InvalidResponse"),
        "IncompleteStream",
    }
