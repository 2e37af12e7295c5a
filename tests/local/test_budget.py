"""Budgets over models on the user's own device, which cost its time."""

from __future__ import annotations

import pytest

import fmsdk


def test_a_deadline_bounds_what_a_local_answer_may_cost() -> None:
    with fmsdk.Client(budget="0.05", providers={"local": {"price_per_hour": "3.60"}}) as client:
        answer = client.generate("local:demo-text", "Hi", max_output_tokens=4, timeout=45)
        assert 0 < answer.cost.total < 0.05
        # 60 seconds at a tenth of a cent each are more than is left.
        with pytest.raises(fmsdk.BudgetExceeded, match=r"may cost \$0\.06"):
            client.generate("local:demo-text", "Hi", timeout=60)


def test_without_a_deadline_nobody_knows_what_it_costs() -> None:
    with (
        fmsdk.Client(budget="5.00") as client,
        pytest.raises(fmsdk.BudgetExceeded, match=r"Pass timeout=…, or max_cost='0\.10'"),
    ):
        client.generate("local:demo-text", "Hi")


def test_what_costs_nothing_reserves_nothing() -> None:
    with fmsdk.Client(budget="0.05", providers={"local": {"price_per_hour": "0"}}) as client:
        answer = client.generate(
            "local:demo-text", "Hi", max_output_tokens=4, timeout=45, max_cost="0.06"
        )
        assert answer.cost.total == 0
