"""What holds for every test: which tier it belongs to, and the tally that is printed at the end of
the run."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from tests.support import tally
from tests.support.fault_kinds import kinds_of
from tests.support.soak import IS_SOAK

# On cores that other work shares, OpenMP threads that spin while they wait starve each other.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# How long an example takes says how busy the machine is.
hypothesis.settings.register_profile("short", deadline=None)
hypothesis.settings.register_profile("soak", deadline=None, max_examples=1000)
hypothesis.settings.load_profile("soak" if IS_SOAK else "short")

TESTS = Path(__file__).parent

# Files whose tests need torch or real weights.
WEIGHTS = {
    "cli/test_local.py",
    "hosted/test_engines.py",
    "local",
    "openai/test_engine.py",
    "test_docs.py",
}
# Files that are long, or wait.
SLOW = {
    "budget/test_overspend.py",
    "cli/test_terminal.py",
    "cli/test_widths.py",
    "core/test_threads.py",
    "core/test_typing.py",
    "hosted/test_accounts.py",
    "hosted/test_broken_errors.py",
    "hosted/test_bursts.py",
    "hosted/test_cancelling.py",
    "hosted/test_connections.py",
    "hosted/test_faults.py",
    "hosted/test_llmock.py",
    "hosted/test_memory.py",
    "hosted/test_mutations.py",
    "hosted/test_recorded.py",
    "hosted/test_retries.py",
    "hosted/test_sdk_parity.py",
    "hosted/test_slow.py",
    "hosted/test_soak.py",
    "hosted/test_thousand.py",
    "http/test_patience.py",
    "ledger/test_killed.py",
    "ledger/test_failures.py",
    "ledger/test_report.py",
    "matrix",
    "media/test_hostile_files.py",
    "openai/test_local_servers.py",
    "pipeline/test_closing.py",
    "pipeline/test_latency.py",
    "quoting/test_recorded_bills.py",
    "tco/test_report.py",
    "test_wheel.py",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        path = item.path.relative_to(TESTS)
        places = {path.as_posix(), path.parts[0]}
        is_slow = item.get_closest_marker("slow") or places & SLOW
        if places & WEIGHTS:
            item.add_marker(pytest.mark.weights)
        if is_slow:
            item.add_marker(pytest.mark.slow)
        if not is_slow and not places & WEIGHTS:
            item.add_marker(pytest.mark.fast)


def pytest_runtest_call(item: pytest.Item) -> None:
    for kind in kinds_of(item.nodeid):
        tally.count(f"tests of {kind}")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker hands its counts to the process that started it."""
    if (output := getattr(session.config, "workeroutput", None)) is not None:
        output["tally"] = tally.counts()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """The process that started a worker takes its counts."""
    tally.add_counts(getattr(node, "workeroutput", {}).get("tally", {}))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if lines := tally.lines():
        terminalreporter.section("tally")
        for line in lines:
            terminalreporter.write_line(line)
