"""What a person at a terminal sees: a passing line, wiped before anything else is written."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import ROOT, Run
from tests.support.soak import IS_SOAK

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
    answer, account, more, rest = screen.split("\n")
    assert answer == "\r\x1b[Kscripted:echo: waiting …\r\x1b[KHello there"
    assert rest == ""
    assert account.startswith("scripted:echo · ")
    assert more.startswith("  ")  # the account is wrapped between words
    assert max(map(len, (account, more))) <= 60


CONTROLS = {
    "title": "\x1b]0;owned\x07",
    "clipboard": "\x1b]52;c;cm0gLXJm\x1b\\",
    "screen": "\x1b[2J\x1b[H",
    "C1": "\x9b2J\x9d0;owned\x9c",
    "backspaces": "\b\b\b\x7f",
    "line": "before\rafter",
    "override": "\u202egpj.exe\u202c",
    "isolate": "\u2066a\u2069\u2067b\u2069",
    "marks": "a\u200fb\u061cc",
    "tags": "a\U000e0041b",
}
CONTROLS["all"] = "".join(CONTROLS.values())
KINDS = list(CONTROLS) if IS_SOAK else ["all"]
FORBIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\U000e0041]"
)


def assert_harmless(screen: str, text: str) -> None:
    rest = screen.replace("\r\x1b[K", "")  # our own passing line
    assert FORBIDDEN.search(rest) is None, ascii(rest)
    assert text in rest


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("model", ["echo", "hostile"])
def test_controls_of_an_answer_or_an_error_are_escaped(
    seen: ReceivedRequest, kind: str, model: str
) -> None:
    text = f"say {CONTROLS[kind]} now"
    for extra in ([], ["--no-stream"]):
        screen = seen("-m", "fmsdk", "ask", text, "-m", f"scripted:{model}", *extra)
        assert_harmless(screen, "now")
        if kind != "line":  # which is a space in the one line of an error
            assert "\\" in screen


@pytest.mark.parametrize("kind", KINDS)
def test_controls_of_names_are_escaped(seen: ReceivedRequest, kind: str) -> None:
    name = f"x{CONTROLS[kind]}y"
    for command in (
        ["ask", "Hi", "-m", f"scripted:{name}"],
        ["ask", "Hi", "-m", name],
        ["ask", "Hi", f"{name}.png", "-m", "scripted:echo"],
        ["transcribe", name, "-m", "scripted:ear"],
        ["models", "show", f"scripted:{name}"],
        ["models", "get", f"scripted:{name}"],
        ["models", "get", f"local:{name}"],
        [name],
        ["ask", f"--{name}"],
    ):
        assert_harmless(seen("-m", "fmsdk", *command), "y")


def test_controls_of_a_folders_name_are_escaped(seen: ReceivedRequest, tmp_path: Path) -> None:
    for number, text in enumerate(CONTROLS.values()):
        folder = tmp_path / "models" / f"m{number}{text.replace('/', '')}"
        folder.mkdir(parents=True)
        (folder / "config.json").write_text('{"architectures": ["XForCausalLM"]}')
    program = (
        "import fmsdk_local.models.listing as listing, pathlib\n"
        f"listing.models_directory = lambda: pathlib.Path({str(tmp_path / 'models')!r})\n"
        "from fmsdk.cli import main\n"
        "main(['models'])\n"
    )
    screen = seen("-c", program)
    assert "local:m0" in screen
    assert_harmless(screen, "m0")


def test_a_traceback_is_escaped_too(seen: ReceivedRequest) -> None:
    program = (
        "import os; os.environ['FMSDK_DEBUG'] = '1'\n"
        "from fmsdk.cli import main\n"
        "main(['ask', 'a\\x1b]0;x\\x07b', '-m', 'scripted:hostile'])\n"
    )
    screen = seen("-c", program)
    assert "Traceback" in screen
    assert_harmless(screen, "b")


def test_pipes_get_answers_as_they_are(fmsdk_process: Run) -> None:
    for text in [CONTROLS[kind] for kind in KINDS]:
        ran = fmsdk_process("ask", f"say {text} now", "-m", "scripted:echo")
        assert ran.out == f"say {text} now\n"


def test_ordinary_text_reaches_the_terminal_as_it_is(seen: ReceivedRequest) -> None:
    text = "Größe 你好 😀 👩\u200d👩\u200d👧 שלום\tمرحبا e\u0301"
    assert text in seen("-m", "fmsdk", "ask", text, "-m", "scripted:echo")


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize(
    "command",
    [
        *("ask Hello -m scripted:echo", "ask Hello -m scripted:oom", "models", "--help"),
        *("ask Hello -m scripted:echo --json", "nonsense", "--version"),
    ],
)
def test_closed_streams_end_cleanly(
    environment: dict[str, str], closed: str, command: str, tmp_path: Path
) -> None:
    shell = f"{sys.executable} -m fmsdk {command} {closed}"
    done = subprocess.run(
        ["/bin/sh", "-c", shell],
        cwd=tmp_path,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == (2 if "oom" in command or command == "nonsense" else 0), done.stderr
    assert b"Traceback" not in done.stderr + done.stdout
    assert b"internal error" not in done.stderr
    assert b"Exception ignored" not in done.stderr


@pytest.mark.parametrize("extra", [[], ["--no-stream"]], ids=["stream", "plain"])
def test_a_retry_is_told_at_once(seen: ReceivedRequest, extra: list[str], closed_port: int) -> None:
    """A machine without a network waits three seconds, and must not be silent."""
    url = f"http://127.0.0.1:{closed_port}/v1"
    program = (
        "import os, sys, time\n"
        f"os.environ.update(VLLM_BASE_URL={url!r}, COLUMNS='200')\n"
        "begin, write = time.monotonic(), os.write\n"
        "from fmsdk.cli import main, terminal\n"
        "draw = terminal._draw_line\n"
        "def timed(text):\n"
        "    draw(f'{text} @{time.monotonic() - begin:.1f}' if 'again' in text else text)\n"
        "terminal._draw_line = timed\n"
        f"main(['ask', 'Hi', '-m', 'vllm:x', *{extra!r}])\n"
    )
    screen = seen("-c", program)
    notices = re.findall(
        r"vllm:x: ConnectionFailed; trying again in (\d\.\d) s … @(\d+\.\d)", screen
    )
    assert len(notices) == 2  # the retries of a client
    # The first is told before its wait begins, not after.
    waits, moments = [float(wait) for wait, _ in notices], [float(moment) for _, moment in notices]
    assert moments[1] - moments[0] >= waits[0] - 0.15
    assert "fmsdk: error: " in screen.rpartition("\x1b[K")[2]


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that nobody listens at and nobody else gets."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]
