"""Every Python snippet of the README and the docs runs, and so does every example."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.vendor_server import run_vendor_server

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
WITH_SNIPPETS = [page for page in PAGES if "```python" in page.read_text("utf-8")]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


THREE_VENDORS = ("openai:gpt-5.6-sol", "anthropic:claude-sonnet-5", "google:gemini-3.8-flash")


def run(source: list[str], **environment: str) -> str:
    """Run a program from the repository's root, with the vendors' places taken by a server."""
    inherited = {name: value for name, value in os.environ.items() if name != "FMSDK_MODEL"}
    with run_vendor_server() as reachable:
        done = subprocess.run(
            [sys.executable, "-W", "error::DeprecationWarning:fmsdk", *source],
            cwd=ROOT,
            env={**inherited, **reachable, **environment},
            capture_output=True,
            text=True,
            timeout=300,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("page", WITH_SNIPPETS, ids=lambda page: page.name)
def test_the_snippets_of_a_page_run_top_to_bottom(page: Path) -> None:
    snippets = re.findall(r"```python\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
    assert run(["-c", "\n".join(snippets)]) or "print" not in "".join(snippets)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.stem)
def test_an_example_runs_and_says_something(example: Path) -> None:
    assert run([str(example)]).strip()


@pytest.mark.parametrize("model", THREE_VENDORS)
@pytest.mark.parametrize("example", ["structured", "tools"])
def test_an_example_runs_on_every_vendor(example: str, model: str) -> None:
    assert run([f"examples/{example}.py"], FMSDK_MODEL=model).strip()


def test_swapping_models_changes_nothing_else() -> None:
    said = run(["examples/swap.py", *THREE_VENDORS]).splitlines()
    assert [line.partition(": ")[2].partition(" (")[0] for line in said] == ["Hello."] * 3
