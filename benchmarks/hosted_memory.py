"""Memory: 20,000 calls on one client, and a picture of 10 MB on its way into a request.

Resident memory after the first 4,000 calls and after all of them, plain and streamed by turns.
The picture's peak is what Python allocates while the request is made and sent, beside the file's
own size; base64 encoding is counted in bytes put in.
"""

from __future__ import annotations

import asyncio
import binascii
import gc
import os
import random
import sys
import tempfile
import tracemalloc
from pathlib import Path
from unittest.mock import patch

import psutil
from PIL import Image as Pillow

import fmsdk
from benchmarks.hosted import clients
from benchmarks.hosted.server import running
from benchmarks.hosted.wires import WIRES

CALLS, WARM = 20_000, 4_000
AT_ONCE = 20
GROWTH_LIMIT = 1.0  # MB
PEAK_LIMIT = 3.0  # times the file


def _resident() -> float:
    gc.collect()
    return psutil.Process(os.getpid()).memory_info().rss / 2**20


async def _flat(wire: str, root: str, calls: int) -> tuple[float, float]:
    asker = clients.ours(wire, root)

    async def some(count: int) -> None:
        for _ in range(count // AT_ONCE):
            await asyncio.gather(*(asker.plain() for _ in range(AT_ONCE - 1)), asker.stream())

    await some(WARM)
    before = _resident()
    await some(calls - WARM)
    return before, _resident()


def _picture(folder: str) -> Path:
    path = Path(folder) / "noise.png"
    noise = random.Random(1).randbytes(1860 * 1860 * 3)
    Pillow.frombytes("RGB", (1860, 1860), noise).save(path, compress_level=0)
    return path


async def _peak(wire: str, root: str, path: Path, size: int) -> tuple[float, float]:
    """The peak in times of the file's `size`, and how often its bytes were base64-encoded."""
    encoded = 0
    real = binascii.b2a_base64

    def counted(data: bytes, **how: bool) -> bytes:
        nonlocal encoded
        encoded += len(data)
        return real(data, **how)

    client = fmsdk.AsyncClient(providers=clients.configured(wire, root))
    await client.generate(clients.MODELS[wire], "Hello")
    with patch("binascii.b2a_base64", counted):
        tracemalloc.start()
        await client.generate(clients.MODELS[wire], ["What is this?", fmsdk.Image(path)])
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    await client.aclose()
    return peak / size, encoded / size


def main(calls: int = CALLS) -> int:
    missed = 0
    with running() as root, tempfile.TemporaryDirectory() as folder:
        print(f"{'MB resident after':22} {WARM:>8,} {calls:>8,} calls  {'growth':>7} {'limit':>6}")
        for wire in WIRES:
            before, after = asyncio.run(_flat(wire, root, calls))
            missed += after - before > GROWTH_LIMIT
            grown = f"{after - before:7.2f} {GROWTH_LIMIT:6.1f}"
            print(f"{wire:22} {before:8.1f} {after:8.1f}        {grown}", flush=True)
        path = _picture(folder)
        title = f"a picture of {path.stat().st_size / 1e6:.1f} MB"
        print(f"{title:22} {'peak ×':>8} {'base64 ×':>8} {'limit':>22}")
        for wire in WIRES:
            peak, encoded = asyncio.run(_peak(wire, root, path, path.stat().st_size))
            missed += peak > PEAK_LIMIT or encoded > 1
            print(f"{wire:22} {peak:8.2f} {encoded:8.2f} {PEAK_LIMIT:22.1f}", flush=True)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
