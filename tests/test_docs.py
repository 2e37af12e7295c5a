"""Every Python snippet of the README and the docs runs, and so does every example."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers import openai_server

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
WITH_SNIPPETS = [page for page in PAGES if "```python" in page.read_text("utf-8")]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


def run(source: list[str]) -> str:
    """Run a program from the repository's root, with OpenAI's place taken by a server here."""
    with openai_server() as base_url:
        done = subprocess.run(
            [sys.executable, "-W", "error::DeprecationWarning:fmsdk", *source],
            cwd=ROOT,
            env={**_environment(), "OPENAI_BASE_URL": base_url, "OPENAI_API_KEY": "sk-test"},
            capture_output=True,
            text=True,
            timeout=300,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _environment() -> dict[str, str]:
    import os

    return {name: value for name, value in os.environ.items() if name != "FMSDK_MODEL"}


@pytest.mark.parametrize("page", WITH_SNIPPETS, ids=lambda page: page.name)
def test_the_snippets_of_a_page_run_top_to_bottom(page: Path) -> None:
    snippets = re.findall(r"```python\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
    assert run(["-c", "\n".join(snippets)]) or "print" not in "".join(snippets)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.stem)
def test_an_example_runs_and_says_something(example: Path) -> None:
    assert run([str(example)]).strip()
