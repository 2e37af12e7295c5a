"""What a person at a terminal sees: a passing line, wiped before anything else is written."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

import pytest

from tests.cli.conftest import ROOT

if os.name != "posix":
    pytest.skip("needs a pseudo-terminal", allow_module_level=True)

ReceivedRequest = Callable[..., str]


@pytest.fixture
def seen(environment: dict[str, str]) -> ReceivedRequest:
    """All that reaches the terminal on which a command line is typed."""

    def watch(*program: str) -> str:
        terminal, its_end = os.openpty()
        with subprocess.Popen(
            [sys.executable, *program],
            cwd=ROOT,
            env={**environment, "COLUMNS": "60"},
            stdin=its_end,
            stdout=its_end,
            stderr=its_end,
        ) as process:
            os.close(its_end)
            pieces: list[bytes] = []
            try:
                while piece := os.read(terminal, 4096):
                    pieces.append(piece)
            except OSError:  # how Linux says that the other end is closed
                pass
            process.wait(60)
        os.close(terminal)
        return b"".join(pieces).decode().replace("\r\n", "\n")

    return watch


def test_download_shows_a_progress_bar_and_clears_it(seen: ReceivedRequest) -> None:
    screen = seen("-m", "fmsdk", "models", "get", "scripted:one")
    assert "\r\x1b[Kone: downloading …" in screen
    assert screen.endswith("\r\x1b[Kscripted:one is in /models/one\n")


def test_a_bar_shows_the_share_done_and_keeps_to_its_line(seen: ReceivedRequest) -> None:
    program = (
        "from fmsdk.cli.terminal import ProgressBar\n"
        "with ProgressBar('x' * 200) as progress: progress('load', 1, 2)\n"
        "with ProgressBar('a') as progress: progress('load', 1, 2)\n"
    )
    screen = seen("-c", program)
    assert "\r\x1b[K" + "x" * 59 + "\r\x1b[K" in screen
    assert "a: load [############............] 50%" in screen


def test_the_answer_and_its_account_share_the_terminal(seen: ReceivedRequest) -> None:
    screen = seen("-m", "fmsdk", "ask", "Hello there", "-m", "scripted:echo")
    answer, account, rest = screen.split("\n")
    assert answer == "\r\x1b[Kscripted:echo: waiting …\r\x1b[KHello there"
    assert rest == ""
    assert account.startswith("scripted:echo · ")
