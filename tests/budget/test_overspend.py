"""Whatever happens to thousands of concurrent requests, what the vendor bills stays below the cap.
The vendor is a server that keeps its own bill, over real sockets."""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
import threading
from decimal import Decimal
from pathlib import Path

import pytest

from fmsdk.pipeline import retry
from tests.support.billing_server import run_billing_server
from tests.support.budget_storm import OUTCOMES, storm
from tests.support.paths import ROOT
from tests.support.soak import soak_size


@pytest.fixture(autouse=True)
def _hurried_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "BASE_DELAY", 0.001)


@pytest.mark.parametrize("kept_in", ["memory", "ledger"])
@pytest.mark.parametrize("seed", range(soak_size(2, 30)))
def test_no_storm_passes_the_cap(seed: int, kept_in: str, tmp_path: Path) -> None:
    count = soak_size(600, 4000)
    cap = count * Decimal("0.0003")
    ledger = str(tmp_path / "ledger.db") if kept_in == "ledger" else None
    with run_billing_server(seed) as server:
        outcomes = asyncio.run(storm(server.url, cap, seed, count, ledger))
    assert server.bill <= cap
    assert outcomes["answered"] > 20
    assert outcomes["BudgetExceeded"] > 20
    assert set(outcomes) <= OUTCOMES


@pytest.mark.parametrize("seed", range(soak_size(1, 12)))
def test_processes_that_share_a_file_share_the_cap_although_some_are_killed(
    seed: int, tmp_path: Path
) -> None:
    chance, processes, count = random.Random(seed), soak_size(4, 8), soak_size(200, 1000)
    cap = processes * count * Decimal("0.0002")
    with run_billing_server(seed) as server:
        running = []
        for number in range(processes):
            command = [
                *(sys.executable, "-m", "tests.support.budget_storm", server.url, str(cap)),
                *(str(seed * 100 + number), str(count), str(tmp_path / "ledger.db")),
            ]
            child = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
            assert child.stdout is not None
            assert child.stdout.readline() == "begun\n"
            running.append(child)
        for child in running[::2]:  # in the midst of their calls
            threading.Timer(0.1 + chance.random(), child.kill).start()
        texts = [child.communicate(timeout=100)[0] for child in running]
    assert server.bill <= cap
    outcomes = [json.loads(text) for text in texts if text]
    assert outcomes
    assert sum(each.get("BudgetExceeded", 0) for each in outcomes) > 0
    assert server.bill > cap / 20
