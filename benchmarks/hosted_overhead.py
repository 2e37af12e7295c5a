"""CPU per call and per streamed chunk: fmsdk beside the vendor's own SDK and bare HTTP, in one run.

All talk to the same loopback server, which is a process of its own; fmsdk prices and times every
answer. Rounds alternate between them, so that whatever else the machine does hits all; figures
are medians over rounds, ratios medians of each round's ratio to the SDK's. CPU is that of all
threads of this process; "adds" is what fmsdk takes beyond bare aiohttp, accounting included. Chunks
that arrive slowly have no limit for the sync client: the SDK's reads its socket without an event
loop and a thread to wake.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from benchmarks.hosted import clients
from benchmarks.hosted.server import running
from benchmarks.hosted.wires import CHUNKS, WIRES

Repeat = Callable[[int], object]


@dataclass(frozen=True)
class Line:
    """A comparison: fmsdk's CPU may be at most `limit` times the SDK's. Each repeats its work as
    often as it is told; `units` (calls, or chunks) is how much of it one repetition is. A limit
    of None is for information; so is bare HTTP, where there is one."""

    name: str
    ours: Repeat
    theirs: Repeat
    bare: Repeat | None
    limit: float | None
    rounds: int
    repeat: int
    units: int = 1


def _cpu(work: Repeat, line: Line) -> float:
    began = time.process_time()
    work(line.repeat)
    return (time.process_time() - began) / line.repeat / line.units


def measure(line: Line) -> tuple[float, float, float, float]:
    """Median seconds of CPU a unit: ours, theirs, bare (nan: none); the median of the ratios of
    ours to theirs."""
    works = [line.ours, line.theirs, *([line.bare] if line.bare else [])]
    for work in works:
        work(2)
    rounds = [[_cpu(work, line) for work in works] for _ in range(line.rounds)]
    medians = [statistics.median(column) for column in zip(*rounds, strict=True)]
    ratio = statistics.median([one[0] / one[1] for one in rounds])
    return medians[0], medians[1], medians[2] if line.bare else float("nan"), ratio


def _awaiting(runner: asyncio.Runner, ask: Callable[[], Awaitable[object]]) -> Repeat:
    async def times(count: int) -> None:
        for _ in range(count):
            await ask()

    return lambda count: runner.run(times(count))


def _waiting(ask: Callable[[], object]) -> Repeat:
    def times(count: int) -> None:
        for _ in range(count):
            ask()

    return times


def _lines(runner: asyncio.Runner, root: str) -> Iterable[Line]:
    for wire in WIRES:
        askers = [create(wire, root) for create in (clients.ours, clients.theirs, clients.bare)]
        plain = [_awaiting(runner, one.plain) for one in askers]
        is_anthropic = wire == "anthropic"
        most = 0.6 if is_anthropic else 0.5
        yield Line(f"{wire}: call", *plain, most, rounds=15, repeat=30)
        streams = [_awaiting(runner, one.stream) for one in askers]
        most = 0.25 if is_anthropic else 0.12
        yield Line(f"{wire}: chunk in bursts", *streams, most, rounds=11, repeat=10, units=CHUNKS)
        paced = [create(wire, f"{root}/paced") for create in (clients.ours, clients.theirs)]
        streams = [_awaiting(runner, one.stream) for one in paced]
        yield Line(
            f"{wire}: chunk every 2 ms", *streams, None, 0.4, rounds=9, repeat=1, units=CHUNKS
        )
        for one in askers:
            if one.close is not None:
                runner.run(one.close())
    now, sdk = clients.ours_waiting("chat", root), clients.theirs_waiting(root)
    calls = _waiting(now.plain), _waiting(sdk.plain)
    yield Line("chat, sync: call", *calls, None, 0.75, rounds=15, repeat=30)
    streams = [_waiting(now.stream), _waiting(sdk.stream)]
    yield Line("chat, sync: chunk in bursts", *streams, None, 0.25, 11, 10, CHUNKS)
    paced = clients.ours_waiting("chat", f"{root}/paced"), clients.theirs_waiting(f"{root}/paced")
    streams = [_waiting(one.stream) for one in paced]
    yield Line("chat, sync: chunk every 2 ms", *streams, None, None, 4, 1, CHUNKS)


def main() -> int:
    header = f"{'CPU of one, µs':30} {'fmsdk':>8} {'SDK':>8} {'bare':>8} {'adds':>8}"
    print(f"{header} {'ratio':>6} {'limit':>6}")
    missed = 0
    with running() as root, asyncio.Runner() as runner:
        for line in _lines(runner, root):
            ours, theirs, bare, ratio = measure(line)
            is_over = line.limit is not None and ratio > line.limit
            missed += is_over
            limit = "–" if line.limit is None else f"{line.limit:.2f}"
            under = f"{'–':>8} {'–':>8}"
            if line.bare:
                under = f"{1e6 * bare:8.1f} {1e6 * (ours - bare):8.1f}"
            figures = f"{1e6 * ours:8.1f} {1e6 * theirs:8.1f} {under} {ratio:6.2f} {limit:>6}"
            print(f"{line.name:30} {figures}{'  MISSED' if is_over else ''}", flush=True)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
