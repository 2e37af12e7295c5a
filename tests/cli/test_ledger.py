"""`fmsdk ledger`, over a ledger that a client wrote."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

import fmsdk
from fmsdk.testing import FakeProvider
from tests.cli.conftest import Run

LONG_MODEL = "openai:gpt-4o-mini-2024-07-18"
LONG_WORDS = re.compile(r"\S+:\S+|\w{28}")


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three calls of two models, a failure, and a timeout that may have been billed."""
    path = tmp_path / "fmsdk.db"
    replies = ["one two", "three", "four", fmsdk.BadRequestError("no"), fmsdk.Timeout("late")]
    provider = FakeProvider(replies, name="openai", price_id="openai")
    providers = {"openai": provider}
    with fmsdk.Client(providers=providers, ledger=path, budget="5.00", retries=0) as client:
        for model in (LONG_MODEL, "openai:gpt-4o", "openai:gpt-4o"):
            client.generate(model, "Hello there", max_output_tokens=50, tags={"team": "blue"})
        for error in (fmsdk.BadRequestError, fmsdk.Timeout):
            with pytest.raises(error):
                client.generate("openai:gpt-4o", "Hi", max_output_tokens=50)
    return path


def test_a_summary_in_a_pipe(fmsdk_command: Run, ledger: Path) -> None:
    ran = fmsdk_command("ledger", "--ledger", str(ledger))
    lines = ran.out.splitlines()
    assert ran.code == 0
    assert lines[0].split() == ["model", "calls", "tokens", "in", "out", "cost", "p50", "p99"]
    assert lines[1].startswith("openai:gpt-4o ")
    assert lines[1].split()[1] == "4"
    assert lines[2].split()[:2] == [LONG_MODEL, "1"]
    assert lines[3].split()[:2] == ["total", "5"]
    assert lines[4:] == [
        "calls that ended in an error: 2",
        "attempts of unknown cost, which is not included: 1",
        lines[6],
    ]
    assert lines[6].startswith("maybe billed in addition (fmsdk ledger settle): up to $0.000")


def test_the_variable_and_filters(fmsdk_command: Run, ledger: Path) -> None:
    env = {"FMSDK_LEDGER": str(ledger)}
    ran = fmsdk_command("ledger", "--by", "tag:team", "-m", "openai:*mini*", "--json", env=env)
    record = json.loads(ran.out)
    assert record["by"] == ["tag:team"]
    assert [group["key"] for group in record["groups"]] == [["blue"]]
    assert record["total"]["calls"] == 1
    ran = fmsdk_command("ledger", "--until", "yesterday", env=env)
    assert (ran.out, ran.notes) == ("", ["fmsdk: no calls match"])
    ran = fmsdk_command("ledger", "--since", "1h", "--until", "today", "--tag", "team", env=env)
    assert ran.out.splitlines()[-1].split()[:2] == ["total", "3"]


@pytest.mark.parametrize("action", ["summary", "latency", "quotes", "settle"])
@pytest.mark.parametrize("columns", [40, 80])
def test_nothing_is_wider_than_the_terminal(
    fmsdk_terminal: Callable[..., str], ledger: Path, action: str, columns: int
) -> None:
    screen = fmsdk_terminal("ledger", action, "--ledger", str(ledger), columns=columns)
    for line in screen.splitlines():
        assert len(line) <= columns or LONG_WORDS.fullmatch(line.strip()), line
    assert "gpt-4o" in screen


@pytest.mark.parametrize(
    "action", ["summary", "latency", "quotes", "settle", "reprice openai:gpt-4o-mini"]
)
def test_json_is_one_object_for_each_line(fmsdk_command: Run, ledger: Path, action: str) -> None:
    ran = fmsdk_command("ledger", *action.split(), "--ledger", str(ledger), "--json")
    assert (ran.code, ran.err) == (0, "")
    assert isinstance(json.loads(ran.out), dict)


def test_settling(fmsdk_command: Run, ledger: Path) -> None:
    def run(*args: str) -> str:
        ran = fmsdk_command("ledger", *args, "--ledger", str(ledger))
        assert ran.code == 0, ran.err
        return ran.out

    (line,) = run("settle").splitlines()
    assert "openai:gpt-4o" in line
    assert line.endswith("it ended without a bill")
    assert run("settle", line.split()[0], "0.25") == "attempts settled: 1\n"
    assert run("settle") == "nothing is open\n"
    summary = json.loads(run("--json"))["total"]
    assert (summary["unknown_costs"], summary["maybe_billed"]) == (0, "0")
    assert summary["cost"].startswith("0.25")
    assert run("settle", "all", "reserved") == "attempts settled: 0\n"


def test_repricing_and_export(fmsdk_command: Run, ledger: Path, tmp_path: Path) -> None:
    def run(*args: str) -> str:
        ran = fmsdk_command("ledger", *args, "--ledger", str(ledger))
        assert (ran.code, ran.err) == (0, "")
        return ran.out

    table = run("reprice", "openai:gpt-4o-mini", "anthropic:claude-haiku-4-5")
    assert [line.split()[0] for line in table.splitlines()[1:3]] == [
        "openai:gpt-4o-mini",
        "anthropic:claude-haiku-4-5",
    ]
    target = tmp_path / "attempts.csv"
    assert run("export", str(target), "--table", "attempts") == (
        f"5 rows of attempts are in {target}\n"
    )
    assert len(target.read_text("utf-8").splitlines()) == 6


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--by", "colour"], "calls are grouped by model, provider"),
        (["settle", "all", "1e30"], "a ledger holds no more than $9 million of one attempt"),
        (["--since", "soon"], "--since is a time such as"),
        (["--since", "99999999d"], "--since is a time such as"),
        (["--since", "999999w"], "--since is a time such as"),
        (["summary", "openai:gpt-4o"], "takes options only"),
        (["reprice"], "with which model?"),
        (["reprice", "gpt-4o"], "provider:model"),
        (["reprice", "nobody:x"], "nobody"),
        (["settle", "abc"], "settles one attempt"),
        (["settle", "abc", "0"], "no open reservation has the id 'abc'"),
        (["settle", "all", "much"], "is US dollars"),
        (["settle", "all", "-1"], "is US dollars"),
        (["export"], "which file?"),
        (["export", "calls.xlsx"], "names the format"),
        (["export", "no/calls.csv"], "cannot write"),
        (["html"], "which file?"),
        (["html", "no/page.html"], "cannot write"),
        (["fly"], "invalid choice"),
        (["--until", "9999-12-31"], "--until is a time such as"),
    ],
)
def test_bad_input_gets_one_clear_error(
    fmsdk_command: Run, ledger: Path, args: list[str], message: str
) -> None:
    ran = fmsdk_command("ledger", *args, "--ledger", str(ledger))
    assert ran.code == 2
    (line,) = ran.notes
    assert line.startswith("fmsdk: error: ")
    assert message in line


def test_no_ledger(fmsdk_command: Run, tmp_path: Path) -> None:
    assert "which ledger?" in fmsdk_command("ledger").err
    ran = fmsdk_command("ledger", "--ledger", str(tmp_path / "none.db"))
    assert (ran.code, len(ran.notes)) == (2, 1)
    assert "there is no ledger" in ran.err
    assert list(tmp_path.glob("*.db*")) == []
