"""`fmsdk quote`: models side by side, no network, no key."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

from tests.cli.conftest import Run
from tests.support.media_files import office, picture
from tests.support.pdf_files import text_pdf

AT_MOST = ("at", "most")
VENDORS = ("-m", "openai:gpt-5.6-sol", "-m", "anthropic:claude-sonnet-5-5")


def test_models_are_side_by_side_and_the_cheapest_is_first(fmsdk_command: Run) -> None:
    models = (*VENDORS, "-m", "scripted:echo", "-m", "openai:gpt-5.6-luna")
    ran = fmsdk_command("quote", "Explain entropy.", *models, "--max-output-tokens", "100")
    assert (ran.code, len(ran.notes)) == (0, 1)  # of the model without a price
    heads, *lines = ran.out.splitlines()
    assert heads.split() == ["model", "tokens", "in", "out", "cost", "low", "to", "high", *AT_MOST]
    assert len({len(line) for line in lines[:-1]} | {len(heads)}) == 1
    costs = [float(line.split("$")[1].split()[0]) for line in lines[:-1]]
    assert costs == sorted(costs)
    assert lines[-1].split() == ["scripted:echo", "2", "100", "unknown"]


def test_one_model_is_one_line(fmsdk_command: Run) -> None:
    ran = fmsdk_command("quote", "Explain entropy.", *VENDORS[:2], "--max-output-tokens", "100")
    assert ran.out.startswith("openai:gpt-5.6-sol  ~")
    assert "~100 out · ~$" in ran.out
    assert "at most $" in ran.out
    assert ran.out.count("\n") == 1


def test_an_assumed_length_is_warned_about_once(fmsdk_command: Run) -> None:
    ran = fmsdk_command("quote", "Explain entropy.", *VENDORS)
    assert [note.partition(" the length")[0] for note in ran.notes] == ["fmsdk: warning:"]


def test_money_is_exact_in_json(fmsdk_command: Run) -> None:
    ran = fmsdk_command("quote", "Hi", *VENDORS, "--json", "--max-output-tokens", "100")
    for line in ran.out.splitlines():
        quote = json.loads(line)
        cost = quote["cost"]
        low, expected, high = (Decimal(cost[key]) for key in ("low", "expected", "high"))
        assert low <= expected <= high <= Decimal(quote["ceiling"])
        assert quote["price_source"]
    names = [json.loads(line)["name"] for line in ran.out.splitlines()]
    assert sorted(names) == sorted(VENDORS[1::2])


def test_files_are_quoted_beside_the_question(fmsdk_command: Run, tmp_path: Path) -> None:
    (tmp_path / "red.png").write_bytes(picture("PNG", (1024, 1024)))
    (tmp_path / "page.pdf").write_bytes(text_pdf(["Much text, and more of it."]))
    names = ("openai:gpt-4o", "anthropic:claude-opus-5", "google:gemini-3-pro-preview")
    models = [word for name in names for word in ("-m", name)]
    ran = fmsdk_command("quote", "Q", "red.png", "page.pdf", *models, "--json")
    quotes = {(quote := json.loads(line))["name"]: quote for line in ran.out.splitlines()}
    assert {name: quote["by_modality"]["image"]["expected"] for name, quote in quotes.items()} == {
        "openai:gpt-4o": 765,
        "anthropic:claude-opus-5": 37 * 37,
        "google:gemini-3-pro-preview": 33 * 33,
    }
    assert quotes["google:gemini-3-pro-preview"]["by_modality"]["document"]["expected"] == 520
    assert {quote["basis"]["image"] for quote in quotes.values()} == {"rule"}


def test_unquotable_model_is_one_error_and_leaves_other_lines(
    fmsdk_command: Run, tmp_path: Path
) -> None:
    (tmp_path / "plan.docx").write_bytes(office())
    ran = fmsdk_command("quote", "Q", "plan.docx", "-m", "openai:gpt-5.6-sol")
    assert (ran.code, ran.out, len(ran.notes)) == (2, "", 1)
    ran = fmsdk_command("quote", "Q", "-m", "nowhere:x", "-m", "scripted:echo")
    assert ran.code == 2
    assert ran.out.startswith("scripted:echo  ~1 tokens in")
    assert ran.out.endswith("cost unknown\n")
