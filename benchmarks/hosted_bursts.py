"""Many calls at once on one client: fmsdk beside OpenAI's SDK, Chat, CPU a call.

Nothing is retried: each call that fails is counted.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from statistics import median

from benchmarks.hosted.clients import KEY, MODELS, configured
from benchmarks.hosted.server import running

SIZES = (100, 1_000, 5_000)
LIMIT = 0.25
ROUNDS = 3


async def burst(ask: Callable[[], Awaitable[object]], count: int) -> tuple[float, float, int]:
    """(CPU seconds a call, wall seconds in all, calls that failed)."""
    cpu, began = time.process_time(), time.perf_counter()
    answers = await asyncio.gather(*(ask() for _ in range(count)), return_exceptions=True)
    failed = sum(isinstance(answer, BaseException) for answer in answers)
    return (time.process_time() - cpu) / count, time.perf_counter() - began, failed


async def ours(root: str, count: int) -> tuple[float, float, int]:
    import fmsdk

    async with fmsdk.AsyncClient(providers=configured("chat", root), retries=0) as client:
        await client.generate(MODELS["chat"], "Say hello.")
        return await burst(lambda: client.generate(MODELS["chat"], "Say hello."), count)


async def theirs(root: str, count: int) -> tuple[float, float, int]:
    import openai

    async with openai.AsyncOpenAI(base_url=f"{root}/v1", api_key=KEY, max_retries=0) as client:

        def ask() -> Awaitable[object]:
            return client.chat.completions.create(
                model="gpt-4o-mini", messages=[{"role": "user", "content": "Say hello."}]
            )

        await ask()
        return await burst(ask, count)


def main() -> int:
    missed = 0
    header = f"{'calls at once':>13} {'fmsdk µs':>9} {'SDK µs':>9} {'ratio':>6}"
    print(f"{header} {'failed':>14} {'wall s':>13}")
    with running() as root:
        for size in SIZES:
            rounds = [
                (asyncio.run(ours(root, size)), asyncio.run(theirs(root, size)))
                for _ in range(ROUNDS)
            ]
            ratio = median(one[0] / other[0] for one, other in rounds)
            own, sdk = (median(pair[side][0] for pair in rounds) for side in (0, 1))
            walls = [median(pair[side][1] for pair in rounds) for side in (0, 1)]
            failed = [sum(pair[side][2] for pair in rounds) for side in (0, 1)]
            is_over = (size >= 1_000 and ratio > LIMIT) or failed[0] > 0
            missed += is_over
            print(
                f"{size:13,} {1e6 * own:9.0f} {1e6 * sdk:9.0f} {ratio:6.2f} "
                f"{failed[0]:6} {failed[1]:7} {walls[0]:6.2f} {walls[1]:6.2f}"
                f"{'  MISSED' if is_over else ''}",
                flush=True,
            )
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
