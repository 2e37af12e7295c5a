"""`fmsdk tco`: options, plans, tables, JSON and pages."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.support.ledger import priced_client

RENT = ("--rent", "2.50", "--hours-per-month", "730")
WORK = ("--requests-per-second", "6", "--device-seconds", "0.04")
TOKENS = ("--input-tokens", "800", "--output-tokens", "200")
PLAN = """\
price = 250000
years = 5
hours_per_month = 730
kilowatts = 5.6
price_per_kwh = 0.12
requests_per_second = 6
device_seconds = 0.04
input_tokens = 800
output_tokens = 200
api = ["openai:gpt-4o"]
"""


def test_the_figures_and_the_answer(fmsdk_command: Run) -> None:
    ran = fmsdk_command("tco", *RENT, *WORK, *TOKENS, "--api", "openai:gpt-4o")
    assert ran.code == 0
    lines = ran.out.splitlines()
    assert lines[0].split() == ["utilisation", "24%"]
    assert lines[1].split() == ["hardware", "a", "month", "$1,825.00"]
    # 800 × $2.50 + 200 × $10, a million
    assert "openai:gpt-4o     $0.00400, a month $63,072.00" in ran.out
    assert "Your own hardware costs less than openai:gpt-4o: $0.000116 a request" in ran.out


def test_json_has_every_digit(fmsdk_command: Run) -> None:
    ran = fmsdk_command("tco", *RENT, *WORK, *TOKENS, "--api", "openai:gpt-4o", "--json")
    record = json.loads(ran.out)
    assert record["utilisation"] == "0.24"
    assert Decimal(record["verdicts"][0]["alternative"]["price_per_request"]) == Decimal("0.004")


def test_a_plan_and_options_that_override_it(fmsdk_command: Run, tmp_path: Path) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text(PLAN)
    ran = fmsdk_command("tco", str(plan), "--json")
    assert json.loads(ran.out)["hardware"]["kilowatts"] == "5.6"
    ran = fmsdk_command("tco", str(plan), "--kilowatts", "7", "--json")
    assert json.loads(ran.out)["hardware"]["kilowatts"] == "7"


def test_a_page(fmsdk_command: Run, tmp_path: Path) -> None:
    (tmp_path / "plan.toml").write_text(PLAN)
    page = tmp_path / "page.html"
    ran = fmsdk_command("tco", str(tmp_path / "plan.toml"), "--html", str(page))
    assert (ran.code, ran.out) == (0, "")
    assert page.read_text().count("<svg") == 3


def test_tokens_a_second_and_requests_a_month_do_as_well(fmsdk_command: Run) -> None:
    work = ("--tokens-per-second", "5000", "--requests-per-month", "2628000")
    record = json.loads(fmsdk_command("tco", *RENT, *work, *TOKENS, "--json").out)
    assert record["workload"]["device_seconds"] == "0.04"
    assert record["workload"]["requests_per_second"] == "1"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "what does the hardware cost?"),
        (("--price", "1000"), "--years is missing"),
        (("--price", "1", "--rent", "1"), "bought (--price) or rented (--rent), not both"),
        (RENT, "how much work is a request?"),
        ((*RENT, "--device-seconds", "1"), "--requests-per-month is missing"),
        (("--rent", "x", *WORK), "rent is a number, not 'x'"),
        (("--rent", "2", *WORK), "hours_per_month is missing"),
        ((*RENT, *WORK, "--api", "openai:gpt-4o"), "--input-tokens is missing"),
        (
            (*RENT, *WORK, *TOKENS, "--api", "openai:unheard"),
            "no price is known for openai:unheard",
        ),
        ((*RENT, *WORK, *TOKENS, "--api", "gpt-4o"), "a model's name is provider:model"),
        ((*RENT, *WORK, "--gpu-price", "5"), "over how many requests is it spread?"),
        (("nowhere.toml",), "cannot read nowhere.toml: No such file"),
    ],
)
def test_what_is_missing_or_wrong_is_one_line(
    fmsdk_command: Run, options: tuple[str, ...], message: str
) -> None:
    ran = fmsdk_command("tco", *options)
    assert ran.code == 2
    assert message in ran.err
    assert len(ran.notes) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [("price = ", "is not TOML"), ("cost = 3\n", "has the unknown name 'cost'")],
)
def test_a_broken_plan_is_one_line(
    fmsdk_command: Run, tmp_path: Path, text: str, message: str
) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text(text)
    ran = fmsdk_command("tco", str(plan))
    assert ran.code == 2
    assert message in ran.err


def test_the_traffic_of_a_ledger_is_the_workload(fmsdk_command: Run, tmp_path: Path) -> None:
    path = tmp_path / "fmsdk.db"
    with priced_client(ledger=path) as client:
        for _ in range(20):
            client.generate("fake:gpt-4o", "Why?", max_output_tokens=50)
        spent = client.spent()
    options = ("--ledger", str(path), "-m", "fake:*", "--since", "1h", *RENT)
    ran = fmsdk_command("tco", *options, "--tokens-per-second", "2500", "--json")
    record = json.loads(ran.out)
    work = record["workload"]
    assert Decimal(work["requests_per_second"]) == pytest.approx(
        Decimal(20) / 3600, rel=Decimal("0.01")
    )
    assert work["source"] == "20 calls in 0.0417 days, by the ledger"
    (verdict,) = record["verdicts"]
    assert verdict["alternative"]["name"] == "fake:*"
    price = Decimal(verdict["alternative"]["price_per_request"])
    assert price == pytest.approx(spent.cost / 20, rel=Decimal("1e-9"))


def test_a_ledger_without_such_calls_is_one_line(fmsdk_command: Run, tmp_path: Path) -> None:
    path = tmp_path / "fmsdk.db"
    with priced_client(ledger=path) as client:
        client.generate("fake:gpt-4o", "Why?")
    ran = fmsdk_command("tco", "--ledger", str(path), "-m", "none:*", *RENT, *WORK)
    assert ran.code == 2
    assert "the ledger has no such calls" in ran.err
    ran = fmsdk_command("tco", "--ledger", str(tmp_path / "nowhere.db"), *RENT, *WORK)
    assert ran.code == 2
    assert "there is no ledger" in ran.err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((*RENT, *WORK, "--since", "7d"), "--since chooses calls of a ledger: pass --ledger"),
        ((*RENT, *WORK, "--years", "3"), "--years is of bought hardware"),
        ((*RENT, *WORK, "--requests-per-month", "9"), "say the same thing: give one of them"),
        (("--rent", "1e999999", "--hours-per-month", "730", *WORK), "rent is too large"),
    ],
)
def test_options_without_effect_or_meaning_are_refused(
    fmsdk_command: Run, options: tuple[str, ...], message: str
) -> None:
    ran = fmsdk_command("tco", *options)
    assert ran.code == 2
    assert message in ran.err


def test_a_model_that_is_no_name(fmsdk_command: Run, tmp_path: Path) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text(PLAN.replace('["openai:gpt-4o"]', "5"))
    ran = fmsdk_command("tco", str(plan))
    assert (ran.code, ran.err) == (
        2,
        "fmsdk: error: api is a model's name, or a list of names, not 5\n",
    )


def test_an_answer_without_tokens_has_a_price(fmsdk_command: Run) -> None:
    tokens = ("--input-tokens", "100", "--output-tokens", "0")
    ran = fmsdk_command("tco", *RENT, *WORK, *tokens, "--api", "openai:text-embedding-3-small")
    assert "openai:text-embedding-3-small  $0.00000200" in ran.out


def test_another_way_to_say_it_overrides_too(fmsdk_command: Run, tmp_path: Path) -> None:
    plan, ledger = tmp_path / "plan.toml", tmp_path / "fmsdk.db"
    plan.write_text(PLAN)
    ran = fmsdk_command("tco", str(plan), "--requests-per-month", "262800", "--json")
    assert json.loads(ran.out)["workload"]["requests_per_second"] == "0.1"
    with priced_client(ledger=ledger) as client:
        client.generate("fake:gpt-4o", "Hi")
    traffic = ("--ledger", str(ledger), "--since", "7d", "--device-seconds", "1")
    ran = fmsdk_command("tco", *RENT, *traffic, "--requests-per-month", "262800", "--json")
    assert json.loads(ran.out)["workload"]["requests_per_second"] == "0.1"
