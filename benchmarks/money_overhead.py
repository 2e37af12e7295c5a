"""What quote, budget and ledger add to a call's CPU, and what a quote takes beside its tokenizer.

The same question to the same loopback server, with and without `budget=` and `ledger=` (SQLite,
WAL, synchronous=NORMAL), in rounds that alternate; CPU is that of all threads of this process, the
ledger's own included. Medians, and the median of each round's ratio.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fmsdk
from benchmarks.hosted.clients import MODELS, configured
from benchmarks.hosted.server import running
from fmsdk.ledger import SqliteLedger

PROMPT = "Name three primary colours, and say in a sentence why painters mix them at all."
ROUNDS, CALLS = 15, 60
MOST_ADDED = 0.3
MOST_QUOTE = 1.5
TEXT = ("The quick brown fox jumps over the lazy dog, and then 42 of them rest. " * 60)[:4096]


def measure_calls(root: str, folder: Path) -> int:
    """Print what the money adds to a call on each wire; returns how many miss the limit."""
    missed = 0
    print(f"{'CPU of a call, µs':22} {'plain':>8} {'with':>8} {'adds':>6} {'limit':>6}")
    with asyncio.Runner() as runner:
        for wire, model in MODELS.items():
            plain = fmsdk.AsyncClient(providers=configured(wire, root))
            ledger = SqliteLedger(folder / f"{wire}.db")
            careful = fmsdk.AsyncClient(
                providers=configured(wire, root),
                budget=["1000", fmsdk.Budget("1000", per="day")],
                ledger=ledger,
            )

            async def repeat(
                client: fmsdk.AsyncClient, model: str = model, ledger: SqliteLedger = ledger
            ) -> None:
                for _ in range(CALLS):
                    await client.generate(model, PROMPT, max_output_tokens=400)
                await ledger.flush()  # or its rows would be written on the other's account

            pairs = []
            for number in range(ROUNDS + 1):
                times = []
                for client in (plain, careful):
                    start = time.process_time()
                    runner.run(repeat(client))
                    times.append((time.process_time() - start) / CALLS)
                if number:  # the first one imports, opens and reads prices
                    pairs.append(times)
            for each in (plain, careful, ledger):
                runner.run(each.aclose())
            ratio = statistics.median(money / bare - 1 for bare, money in pairs)
            medians = [1e6 * statistics.median(column) for column in zip(*pairs, strict=True)]
            note = "  MISSED" if ratio > MOST_ADDED else ""
            missed += ratio > MOST_ADDED
            figures = f"{medians[0]:8.0f} {medians[1]:8.0f} {ratio:6.2f} {MOST_ADDED:6.2f}"
            print(f"{wire:22} {figures}{note}", flush=True)
    return missed


def _seconds(work: Callable[[], Any], repeat: int) -> float:
    start = time.process_time()
    for _ in range(repeat):
        work()
    return (time.process_time() - start) / repeat


def measure_quotes() -> int:
    """Print a quote's CPU beside that of the tokenizer package; 1 where it misses the limit."""
    import bpe_openai

    encoding = bpe_openai.get_encoding("o200k_base")
    client = fmsdk.Client()

    def quote(text: str) -> Callable[[], Any]:
        return lambda: client.quote("openai:gpt-4o", text, max_output_tokens=100)

    works = (quote(TEXT), lambda: encoding.encode_ordinary(TEXT), quote(PROMPT))
    for work in works:
        work()
    rounds = [[_seconds(work, 200) for work in works] for _ in range(11)]
    ratio = statistics.median(one[0] / one[1] for one in rounds)
    long, tokenizer, short = (1e6 * statistics.median(c) for c in zip(*rounds, strict=True))
    print(f"\nquote of 20 tokens: {short:.0f} µs; of 4 kB: {long:.0f} µs, ", end="")
    is_over = ratio > MOST_QUOTE
    print(f"the tokenizer alone {tokenizer:.0f} µs: {ratio:.2f} times (limit {MOST_QUOTE})"
          + ("  MISSED" if is_over else ""))  # fmt: skip
    return int(is_over)


def main() -> int:
    with running() as root, tempfile.TemporaryDirectory() as folder:
        missed = measure_calls(root, Path(folder))
    missed += measure_quotes()
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
