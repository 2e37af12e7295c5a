"""The line of tokens, latency and cost: nothing made up, nothing called zero that is unknown."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmsdk import (
    Attempt,
    Choice,
    Cost,
    CostLine,
    InputUsage,
    Latency,
    OutputUsage,
    Response,
    Text,
    Usage,
)
from fmsdk.cli.account import describe_result, format_dollars
from fmsdk.response import Finish


def answer(
    *,
    usage: Usage | None = None,
    cost: Cost | None = None,
    latency: Latency | None = None,
    finish: Finish = "stop",
) -> Response[str]:
    return Response(
        provider="openai",
        model="small",
        choices=(Choice((Text("Hi"),), finish),),
        served_model="small-2026-10-01",
        usage=usage or Usage(),
        cost=cost,
        latency=latency or Latency(total=1.234),
    )


def priced(total: str, source: str = "measured") -> Cost:
    amount = Decimal(total)
    line = CostLine(
        kind="output", quantity=Decimal(1), unit="token", unit_price=amount, amount=amount
    )
    return Cost(total=amount, lines=(line,), price_source="a table, 2026", source=source)  # type: ignore[arg-type]


def test_missing_figures_are_called_unknown() -> None:
    line = describe_result(answer())
    assert line == "openai:small-2026-10-01 · tokens unknown · 1.23 s · cost unknown"


def test_all_known_facts_are_shown() -> None:
    usage = Usage(
        input=InputUsage(total=100, cache_read=40),
        output=OutputUsage(total=20, reasoning=5),
        source="measured",
    )
    latency = Latency(
        total=2.0,
        time_to_first_token=0.5,
        load=0.25,
        output_tokens_per_second=12.66,
        attempts=(Attempt(0.1, error="ServerError"), Attempt(1.0)),
    )
    assert describe_result(answer(usage=usage, cost=priced("0.01234"), latency=latency)) == (
        "openai:small-2026-10-01 · 100 tokens in (40 cached), 20 tokens out (5 reasoning)"
        " · 2.00 s (0.25 s loading), first token 0.50 s, 12.7 tok/s, 2 attempts · $0.0123"
    )


def test_estimates_are_marked() -> None:
    usage = Usage(input=InputUsage(total=9), output=OutputUsage(total=3), source="estimated")
    line = describe_result(answer(usage=usage, cost=priced("0.5", "estimated"), finish="cancelled"))
    assert "~9 tokens in, ~3 tokens out" in line
    assert line.endswith("~$0.500 · incomplete")
    assert describe_result(answer(finish="cancelled"), was_interrupted=True).endswith("interrupted")


@pytest.mark.parametrize(
    ("finish", "told"),
    [("length", "token limit"), ("content_filter", "filter"), ("refusal", "refused")],
)
def test_a_foreign_retirement_date_is_marked(finish: Finish, told: str) -> None:
    assert told in describe_result(answer(finish=finish)).rpartition(" · ")[2]


@given(st.decimals(min_value=0, max_value=10_000, places=12))
def test_money_keeps_its_leading_digits(amount: Decimal) -> None:
    shown = format_dollars(amount)
    assert shown.startswith("$")
    assert abs(Decimal(shown[1:].replace(",", "")) - amount) <= max(amount * Decimal("0.005"), 0)
    assert len(shown.partition(".")[2]) >= 2
