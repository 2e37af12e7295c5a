"""Runs programs one after another in one child process, which loads each model once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.support.paths import ROOT

__all__ = ["ExampleRunner", "ProgramResult", "run_example_process"]

_CHILD = """
import contextlib, io, json, os, sys, traceback, warnings

warnings.filterwarnings("error", category=DeprecationWarning, module="fmsdk")
replies, sys.stdout = sys.stdout, sys.stderr
start = dict(os.environ)
for line in sys.stdin:
    program = json.loads(line)
    os.environ.clear()
    os.environ.update({**start, **program["environment"]})
    sys.argv = [program["file"], *program["arguments"]]
    names = {"__name__": "__main__", "__file__": program["file"]}
    output, error = io.StringIO(), ""
    try:
        with contextlib.redirect_stdout(output):
            exec(compile(program["source"], program["file"], "exec"), names)
    except BaseException:
        error = traceback.format_exc()
    print(json.dumps({"output": output.getvalue(), "error": error}), file=replies, flush=True)
"""


@dataclass(frozen=True)
class ProgramResult:
    """What a program printed, and the traceback of its error ("": it ended well)."""

    output: str
    error: str


class ExampleRunner:
    """A child process that runs programs in a folder of its own, beside the examples."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def run(
        self, source: str, file: str = "<snippets>", *arguments: str, **environment: str
    ) -> ProgramResult:
        """Run `source` as the main program, with `environment` added to the process's own."""
        program: dict[str, Any] = {
            "source": source,
            "file": file,
            "arguments": arguments,
            "environment": environment,
        }
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(program) + "\n")
        self._process.stdin.flush()
        reply = self._process.stdout.readline()
        assert reply, "the process of the examples ended"
        return ProgramResult(**json.loads(reply))


@contextmanager
def run_example_process() -> Iterator[ExampleRunner]:
    """A running child process."""
    environment = {name: value for name, value in os.environ.items() if name != "FMSDK_MODEL"}
    with TemporaryDirectory() as folder:
        (Path(folder) / "examples").symlink_to(ROOT / "examples")
        process = subprocess.Popen(
            [sys.executable, "-c", _CHILD],
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        with process:
            try:
                yield ExampleRunner(process)
            finally:
                process.kill()
