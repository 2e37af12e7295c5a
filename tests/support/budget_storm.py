"""Concurrent calls under a budget that are cancelled, time out and are left, for tests of caps. As
a program it is one of several processes that share a ledger, and may be killed at any time:

    python -m tests.support.budget_storm URL CAP SEED COUNT LEDGER
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
from decimal import Decimal
from typing import Any

import fmsdk
from fmsdk.pipeline import retry
from tests.support.billing_server import MODEL

__all__ = ["OUTCOMES", "storm"]

OUTCOMES = frozenset(
    {
        *("answered", "BudgetExceeded", "CancelledError", "Timeout", "RateLimitError"),
        *("BadRequestError", "ServerError", "ConnectionFailed", "InvalidResponse"),
        "IncompleteStream",
    }
)


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


async def storm(
    url: str, cap: Decimal, seed: int, count: int, ledger: str | None = None
) -> dict[str, int]:
    """Ask `count` times, in every way that can go wrong; returns how many calls ended how."""
    chance, outcomes = random.Random(seed), dict[str, int]()
    own = {"openai": {"base_url": url, "api_key": "k-123456", "api": "chat"}}
    client = fmsdk.AsyncClient(
        providers=own,
        budget=[cap, fmsdk.Budget(cap, per="day", model="openai:*")],
        ledger=ledger or False,
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


def main() -> None:
    """Run the storm of the command line, and print its outcomes."""
    url, cap, seed, count, ledger = sys.argv[1:]
    retry.BASE_DELAY = 0.001
    print("begun", flush=True)
    outcomes = asyncio.run(storm(url, Decimal(cap), int(seed), int(count), ledger))
    print(json.dumps(outcomes))


if __name__ == "__main__":
    main()
