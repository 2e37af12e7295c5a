"""The command with a scripted provider plugged in: inside this process, where that shows the
same, and as the process a person starts, where signals, pipes and tracebacks matter."""

from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from fmsdk import registry
from fmsdk.cli import main

ROOT = Path(__file__).resolve().parents[2]
PLUGINS = {
    "scripted": "tests.support.cli.scripted_provider:Scripted",
    "fancy": "no_such_sdk:Provider [fancy]",
    "plain": "fmsdk.testing:FakeProvider",
}
# pytest-xdist sets COLUMNS.
_VARIABLES = ("FMSDK_", "OPENAI_", "COLUMNS")


@dataclass(frozen=True)
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def notes(self) -> list[str]:
        return self.err.splitlines()


Run = Callable[..., Ran]


@pytest.fixture
def fmsdk_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run `main` in an empty directory, with `stdin` and more variables in `env`."""
    points = {name: EntryPoint(name, value, registry.GROUP) for name, value in PLUGINS.items()}
    everything = {**registry.installed_providers(), **points}
    monkeypatch.setattr(registry, "installed_providers", lambda: everything)
    for name in [name for name in os.environ if name.startswith(_VARIABLES)]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)

    def run(*args: str, stdin: bytes | None = None, env: Mapping[str, str] | None = None) -> Ran:
        given = Path(os.devnull)
        if stdin is not None:
            given = tmp_path / ".stdin"
            given.write_bytes(stdin)
        out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8") for _ in range(2))
        with monkeypatch.context() as patched, given.open("r", encoding="utf-8") as file:
            for name, stream in (("stdin", file), ("stdout", out), ("stderr", err)):
                patched.setattr(sys, name, stream)
            for name, value in (env or {}).items():
                patched.setenv(name, value)
            code = main(args)
        for stream in (out, err):
            stream.seek(0)
        return Ran(code, out.read(), err.read())

    return run


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The variables of a process in which the plug-ins are installed as packages are."""
    site = tmp_path_factory.mktemp("site")
    info = site / "fmsdk_scripted-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: fmsdk-scripted\nVersion: 1.0\n")
    points = "\n".join(f"{name} = {value}" for name, value in PLUGINS.items())
    (info / "entry_points.txt").write_text(f"[{registry.GROUP}]\n{points}\n")
    kept = {name: v for name, v in os.environ.items() if not name.startswith(_VARIABLES)}
    return {**kept, "PYTHONPATH": f"{site}{os.pathsep}{ROOT}"}


@pytest.fixture
def fmsdk_terminal(fmsdk_command: Run, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Run `main` at a terminal that is `columns` wide; returns all that reaches it. `env` holds
    more variables."""
    if os.name != "posix":
        pytest.skip("needs a pseudo-terminal")

    def run(*args: str, columns: int, env: Mapping[str, str] | None = None) -> str:
        import fcntl
        import termios

        ours, its_end = os.openpty()
        fcntl.ioctl(its_end, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        pieces: list[bytes] = []

        def collect() -> None:
            with suppress(OSError):  # how Linux says that the other end is closed
                while piece := os.read(ours, 4096):
                    pieces.append(piece)

        reader = threading.Thread(target=collect)
        reader.start()
        with (
            open(its_end, "w", encoding="utf-8", closefd=True) as screen,
            open(os.devnull, encoding="utf-8") as nothing,
            monkeypatch.context() as patched,
        ):
            for name, stream in (("stdin", nothing), ("stdout", screen), ("stderr", screen)):
                patched.setattr(sys, name, stream)
            for name, value in (env or {}).items():
                patched.setenv(name, value)
            main(args)
        reader.join()
        os.close(ours)
        return b"".join(pieces).decode().replace("\r\n", "\n")

    return run


@pytest.fixture
def fmsdk_process(environment: dict[str, str], tmp_path: Path) -> Run:
    """Run `python -m fmsdk` in an empty directory; `encoding` is that of its output."""

    def run(
        *args: str,
        stdin: bytes | None = None,
        env: Mapping[str, str] | None = None,
        encoding: str = "utf-8",
    ) -> Ran:
        done = subprocess.run(
            [sys.executable, "-m", "fmsdk", *args],
            cwd=tmp_path,
            env={**environment, "PYTHONIOENCODING": encoding, **(env or {})},
            capture_output=True,
            timeout=120,
            **({"stdin": subprocess.DEVNULL} if stdin is None else {"input": stdin}),
        )
        return Ran(done.returncode, done.stdout.decode(encoding), done.stderr.decode(encoding))

    return run
