"""Every Python snippet of the README and the docs runs, and so does every example."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.example_runner import ExampleRunner, run_example_process
from tests.support.paths import ROOT
from tests.support.vendor_server import run_vendor_server

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
WITH_SNIPPETS = [page for page in PAGES if "```python" in page.read_text("utf-8")]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
THREE_VENDORS = ("openai:gpt-5.6-sol", "anthropic:claude-sonnet-5", "google:gemini-3.8-flash")


@pytest.fixture(scope="module")
def runner() -> Iterator[ExampleRunner]:
    with run_example_process() as running:
        yield running


def run(runner: ExampleRunner, source: str, file: str, *arguments: str, **environment: str) -> str:
    """What a program prints, where a server takes the vendors' places."""
    with run_vendor_server() as reachable:
        result = runner.run(source, file, *arguments, **reachable, **environment)
    assert not result.error, result.output + result.error
    return result.output


def run_example(runner: ExampleRunner, name: str, *arguments: str, **environment: str) -> str:
    example = ROOT / "examples" / f"{name}.py"
    return run(runner, example.read_text("utf-8"), str(example), *arguments, **environment)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.stem)
def test_an_example_prints_something(runner: ExampleRunner, example: Path) -> None:
    assert run_example(runner, example.stem).strip()


@pytest.mark.parametrize("model", THREE_VENDORS)
@pytest.mark.parametrize("example", ["structured", "tools"])
def test_an_example_runs_on_every_vendor(runner: ExampleRunner, example: str, model: str) -> None:
    assert run_example(runner, example, FMSDK_MODEL=model).strip()


def test_another_model_changes_nothing_else(runner: ExampleRunner) -> None:
    lines = run_example(runner, "swap", *THREE_VENDORS).splitlines()
    assert [line.partition(": ")[2].partition(" (")[0] for line in lines] == ["Hello."] * 3


def test_every_path_in_the_map_of_contributing_exists() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    paths = re.findall(r"`((?:fmsdk|providers|scripts|tests)/[\w./]+)`", text)
    assert len(paths) > 20
    assert [path for path in paths if not (ROOT / path).exists()] == []


# Last, since pages set up logs and hooks of the whole process.
@pytest.mark.parametrize("page", WITH_SNIPPETS, ids=lambda page: page.name)
def test_the_snippets_of_a_page_run_top_to_bottom(runner: ExampleRunner, page: Path) -> None:
    snippets = re.findall(r"```python\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
    assert run(runner, "\n".join(snippets), page.name) or "print" not in "".join(snippets)
