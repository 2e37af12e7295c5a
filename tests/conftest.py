"""What holds for every test: the tally of what was tried is printed at the end of the run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support import tally

if TYPE_CHECKING:
    import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if lines := tally.lines():
        terminalreporter.section("tally")
        for line in lines:
            terminalreporter.write_line(line)
