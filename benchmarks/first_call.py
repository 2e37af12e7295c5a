"""One call in a fresh process: fmsdk beside the vendor's SDK, imports included, in pairs.

And how late a task that sleeps 10 ms gets while a first call imports what it needs, two busy
processes beside it; for a local model the first load (torch) as well.
"""

from __future__ import annotations

import subprocess
import sys
from statistics import median

from benchmarks.hosted.clients import MODELS
from benchmarks.hosted.server import running

ROUNDS = 9
LIMIT = 0.75
LATEST = 0.1
LATEST_TORCH = 0.5
WIRES = ("chat", "responses", "anthropic", "google")

CALL = """
import asyncio, sys, time
began = time.perf_counter()
from benchmarks.hosted.first import {who}
asyncio.run({who}({wire!r}, {root!r}))
print(time.perf_counter() - began, time.process_time())
"""
LATE = """
import asyncio, sys, time

async def main():
    import fmsdk
    latest = 0.0
    async def tick():
        nonlocal latest
        while True:
            began = time.perf_counter()
            await asyncio.sleep(0.01)
            latest = max(latest, time.perf_counter() - began - 0.01)
    ticking = asyncio.create_task(tick())
    await asyncio.sleep(0.05)
    latest = 0.0
    async with fmsdk.AsyncClient(providers={providers!r}) as client:
        await client.generate({model!r}, "Say hello.", max_output_tokens=1)
    ticking.cancel()
    print(latest)

asyncio.run(main())
"""


def run(program: str) -> list[float]:
    """The figures that a program prints, in a fresh interpreter."""
    finished = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return [float(figure) for figure in finished.stdout.split()]


def main() -> int:
    missed = 0
    print(
        f"{'one call, a fresh process':26} {'fmsdk s':>8} {'SDK s':>8} {'CPU s':>14} {'ratio':>6}"
    )
    with running() as root:
        for wire in WIRES:
            pairs = [
                [run(CALL.format(who=who, wire=wire, root=root)) for who in ("ours", "theirs")]
                for _ in range(ROUNDS)
            ]
            ours, theirs = (median(pair[side][0] for pair in pairs) for side in (0, 1))
            cpu = [median(pair[side][1] for pair in pairs) for side in (0, 1)]
            ratio = median(pair[0][0] / pair[1][0] for pair in pairs)
            is_over = ratio > LIMIT
            missed += is_over
            print(
                f"{wire:26} {ours:8.3f} {theirs:8.3f} {cpu[0]:6.3f} {cpu[1]:6.3f} {ratio:7.2f}"
                f"{'  MISSED' if is_over else ''}",
                flush=True,
            )
        missed += measure_lateness(root)
    return 1 if missed else 0


def measure_lateness(root: str) -> int:
    """Prints how late a task gets beside a first call; returns how many limits are missed."""
    from benchmarks.hosted.clients import configured

    print(f"\n{'while a first call imports':26} {'latest s':>8} {'limit':>6}")
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2)]
    missed = 0
    try:
        cases = [(wire, configured(wire, root), MODELS[wire], LATEST) for wire in WIRES]
        cases.append(("local (torch)", {}, "local:demo-text", LATEST_TORCH))
        for name, providers, model, limit in cases:
            program = LATE.format(providers=providers, model=model)
            latest = median(run(program)[0] for _ in range(3))
            missed += latest > limit
            over = "  MISSED" if latest > limit else ""
            print(f"{name:26} {latest:8.3f} {limit:6.2f}{over}", flush=True)
    finally:
        for process in busy:
            process.kill()
            process.wait()
    return missed


if __name__ == "__main__":
    sys.exit(main())
