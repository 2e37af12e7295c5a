"""`client.spent()`: what a client's calls cost, with a ledger or without."""

from __future__ import annotations

import threading
from decimal import Decimal

import pytest

import fmsdk
from fmsdk.pipeline import retry
from fmsdk.testing import FakeProvider
from tests.support.ledger import MODEL, priced_client


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "BASE_DELAY", 0.001)


def test_nothing_was_spent() -> None:
    spent = priced_client().spent()
    assert (spent.cost, spent.calls, spent.unknown_costs) == (Decimal(0), 0, 0)
    assert str(spent) == "$0.00 for 0 calls, 0 tokens in, 0 out"


def test_calls_of_every_verb_add_up() -> None:
    client = priced_client()
    answers = [client.generate(MODEL, "one two three") for _ in range(2)]
    with client.stream(MODEL, "one two") as stream:
        list(stream)
    costs = [answer.cost for answer in (*answers, stream.response)]
    total = sum((cost.total for cost in costs if cost is not None), Decimal(0))
    spent = client.spent()
    assert spent.cost == total > 0
    assert (spent.calls, spent.attempts) == (3, 3)
    assert (spent.input_tokens, spent.output_tokens) == (8, 8)
    assert spent.to_dict()["cost"] == f"{total:f}"


def test_a_retry_is_an_attempt_whose_cost_is_unknown() -> None:
    client = priced_client([fmsdk.ServerError("busy", status=503), "Yes"])
    client.generate(MODEL, "Hi")
    spent = client.spent()
    assert (spent.calls, spent.attempts, spent.unknown_costs) == (1, 2, 1)


def test_what_was_not_billed_for_certain_is_no_unknown_cost() -> None:
    client = priced_client([fmsdk.BadRequestError("no", status=400)])
    with pytest.raises(fmsdk.BadRequestError):
        client.generate(MODEL, "Hi")
    assert client.spent().unknown_costs == 0


def test_what_may_have_been_billed_is_said() -> None:
    client = priced_client([fmsdk.Timeout("late")], budget="1.00", retries=0)
    with pytest.raises(fmsdk.Timeout):
        client.generate(MODEL, "Hi", max_output_tokens=100)
    spent = client.spent()
    assert spent.unknown_costs == 1
    assert Decimal(0) < spent.maybe_billed < Decimal("0.1")
    assert "maybe billed" in str(spent)


def test_cost_and_what_may_be_billed_are_what_the_budget_holds() -> None:
    with priced_client(["one two three"], budget="1.00") as client:
        with client.stream(MODEL, "Hi", max_output_tokens=100) as stream:
            next(iter(stream))
        spent = client.spent()
        assert spent.cost > 0
        with pytest.raises(fmsdk.BudgetExceeded) as caught:
            client.generate(MODEL, "Hi", max_output_tokens=10**9, max_cost=10**6)
        assert caught.value.spent == spent.cost + spent.maybe_billed


def test_an_unknown_price_is_not_zero() -> None:
    client = fmsdk.Client(providers={"fake": FakeProvider()})
    client.generate("fake:any", "Hi")
    assert (client.spent().cost, client.spent().unknown_costs) == (Decimal(0), 1)


def test_many_threads_add_up() -> None:
    client = priced_client()
    threads = [
        threading.Thread(target=lambda: [client.generate(MODEL, "one") for _ in range(20)])
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert client.spent().calls == 80
    assert client.spent().input_tokens == 80
