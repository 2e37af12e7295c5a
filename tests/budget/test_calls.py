"""Calls under a budget, over real sockets: what is reserved, settled, released and held."""

from __future__ import annotations

import threading
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import fmsdk
from fmsdk.ledger import Filter, SqliteReader, summarize
from fmsdk.pipeline import retry
from tests.support.billing_server import INPUT_PRICE, MODEL, OUTPUT_PRICE
from tests.support.patience import PATIENCE
from tests.support.scripted_server import Answer, Raw, ReceivedRequest, run_server

OK = {
    "id": "1",
    "model": "gpt-4o",
    "choices": [
        {"index": 0, "message": {"role": "assistant", "content": "Yes."}, "finish_reason": "stop"}
    ],
    "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
}
BILL = 10 * INPUT_PRICE + 5 * OUTPUT_PRICE


def client(url: str, budget: Any, **options: Any) -> fmsdk.Client:
    options = {"retries": 0, **options}
    own = {"openai": {"base_url": url, "api_key": "k-123456", "api": "chat"}}
    return fmsdk.Client(providers=own, budget=budget, **options)


def ceiling_of(model: str = MODEL, **settings: Any) -> Decimal:
    ceiling = fmsdk.Client().quote(model, "Hi", max_output_tokens=100, **settings).ceiling
    assert ceiling is not None
    return ceiling


def spent_after(asked: fmsdk.Client) -> Decimal:
    """What the budget holds, told by its refusal of a request that no budget has room for."""
    with pytest.raises(fmsdk.BudgetExceeded) as caught:
        asked.generate("openai:gpt-4o", "Hi", max_cost="1000000", max_output_tokens=10**9)
    return caught.value.spent


def test_the_bill_takes_the_place_of_the_ceiling() -> None:
    with run_server(Answer(OK)) as server, client(server.url, "0.05") as asked:
        answer = asked.generate(MODEL, "Hi", max_output_tokens=100)
        assert answer.cost.total == BILL
        assert spent_after(asked) == BILL


def test_a_cap_stops_before_the_money_is_spent_and_says_what_would_pass() -> None:
    cap = ceiling_of() + BILL
    with run_server(Answer(OK)) as server, client(server.url, cap) as asked:
        for _ in range(2):
            asked.generate(MODEL, "Hi", max_output_tokens=100)
        with pytest.raises(fmsdk.BudgetExceeded) as caught:
            asked.generate(MODEL, "Hi", max_output_tokens=100)
        error = caught.value
        assert len(server.seen) == 2
        assert (error.needed, error.spent) == (ceiling_of(), 2 * BILL)
        assert error.budget == fmsdk.Budget(cap)
        assert "nothing was sent" in error.message
        way = error.message.rpartition("max_output_tokens=")[2].partition(",")[0]
        asked.generate(MODEL, "Hi", max_output_tokens=int(way))
        assert len(server.seen) == 3
        with pytest.raises(fmsdk.BudgetExceeded):
            asked.generate(MODEL, "Hi", max_output_tokens=int(way) + 1)


def test_a_bound_of_the_caller_takes_the_place_of_a_ceiling() -> None:
    with run_server(Answer(OK)) as server, client(server.url, "0.05") as asked:
        asked.generate(MODEL, "Hi", max_output_tokens=16000, max_cost="0.01")
        assert len(server.seen) == 1
        with pytest.raises(fmsdk.BudgetExceeded, match=r"\$0\.0499 left"):
            asked.generate(MODEL, "Hi", max_output_tokens=16000)


def test_a_bill_above_the_callers_bound_is_heard_of(caplog: pytest.LogCaptureFixture) -> None:
    bill = {**OK, "usage": {"prompt_tokens": 10, "completion_tokens": 500}}
    with run_server(Answer(bill)) as server, client(server.url, "0.05") as asked:
        answer = asked.generate(MODEL, "Hi", max_cost="0.001")
        assert [warning.code for warning in answer.warnings if "cost" in warning.code] == [
            "cost_above_bound"
        ]
        assert "the bill of $0.00502 is above your max_cost of $0.001" in caplog.text
        assert spent_after(asked) == answer.cost.total


def test_a_request_that_cannot_keep_its_bound_is_not_sent() -> None:
    with (
        run_server(Answer(OK)) as server,
        client(server.url, None) as asked,
        pytest.raises(fmsdk.BudgetExceeded, match=r"costs at least .* more than max_cost"),
    ):
        asked.generate(MODEL, "word " * 2000, max_cost="0.000001")
    assert not server.seen


@pytest.mark.parametrize("bad", ["ten", -1, "nan"])
def test_a_bound_that_is_no_money_is_named(bad: Any) -> None:
    with pytest.raises(fmsdk.BadRequestError, match="max_cost is US dollars"):
        fmsdk.Client().quote(MODEL, "Hi", max_cost=bad)


@pytest.mark.parametrize(
    ("model", "settings", "why"),
    [
        ("openai:gpt-unheard-of", {"max_output_tokens": 10}, "no price is known"),
        ("openai:gpt-4o-search-preview", {"max_output_tokens": 10}, "nobody can bound"),
    ],
)
def test_without_a_bound_a_budget_refuses(model: str, settings: Any, why: str) -> None:
    with run_server(Answer(OK)) as server, client(server.url, "5.00") as asked:
        with pytest.raises(fmsdk.BudgetExceeded, match=why) as caught:
            asked.generate(model, "Hi", **settings)
        assert "max_cost=" in caught.value.message
        assert not server.seen
        asked.generate(model, "Hi", max_cost="0.10", **settings)


def refuse(status: int) -> Answer:
    return Answer({"error": {"message": "no"}}, status)


@pytest.mark.parametrize(
    ("answer", "kept"),
    [
        (refuse(400), False),
        (refuse(401), False),
        (refuse(404), False),
        (refuse(429), False),
        (refuse(301), False),
        (refuse(500), True),
        (refuse(503), True),
        (Raw(b""), True),  # closes after it has read the request
        (Raw(b"HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n{", then="end"), True),
        (Answer({"error": {"message": "no", "code": 429}}), True),  # inside a 200
    ],
    ids=lambda value: getattr(value, "status", None) or repr(value),
)
@pytest.mark.parametrize("streamed", [False, True])
def test_what_may_have_been_billed_stays_reserved(
    answer: Answer, kept: bool, streamed: bool
) -> None:
    with run_server(answer) as server, client(server.url, "0.05") as asked:
        with pytest.raises(fmsdk.FmsdkError):
            if streamed:
                list(asked.stream(MODEL, "Hi", max_output_tokens=100))
            else:
                asked.generate(MODEL, "Hi", max_output_tokens=100)
        assert spent_after(asked) == (ceiling_of() if kept else 0)


def test_a_refused_connection_costs_nothing() -> None:
    with run_server(Answer(OK)) as server:
        url = server.url
    with client(url, "0.05") as asked:
        with pytest.raises(fmsdk.ConnectionFailed) as caught:
            asked.generate(MODEL, "Hi", max_output_tokens=100)
        assert caught.value.is_unbilled
        assert spent_after(asked) == 0


def test_a_timeout_may_have_been_billed() -> None:
    silent = Answer(pieces=[b" "], then="hang")
    with run_server(silent) as server, client(server.url, "0.05", timeout=0.3) as asked:
        with pytest.raises(fmsdk.Timeout):
            asked.generate(MODEL, "Hi", max_output_tokens=100)
        assert spent_after(asked) == ceiling_of()


def test_a_stream_that_is_left_may_be_billed_in_full() -> None:
    event = b'data: {"choices": [{"index": 0, "delta": {"content": "Hi"}}]}\n\n'
    endless = Answer(pieces=[event] * 3, then="hang")
    with run_server(endless) as server, client(server.url, "0.05") as asked:
        with asked.stream(MODEL, "Hi", max_output_tokens=100) as stream:
            next(iter(stream))
        assert spent_after(asked) == ceiling_of()


def test_each_retry_reserves_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "BASE_DELAY", 0.001)
    answers = (refuse(500), refuse(500), Answer(OK))
    with run_server(*answers) as server, client(server.url, "0.05", retries=2) as asked:
        asked.generate(MODEL, "Hi", max_output_tokens=100)
        assert spent_after(asked) == 2 * ceiling_of() + BILL
    cap = ceiling_of() * Decimal("1.5")
    with run_server(refuse(500)) as server, client(server.url, cap, retries=2) as asked:
        with pytest.raises(fmsdk.BudgetExceeded) as caught:
            asked.generate(MODEL, "Hi", max_output_tokens=100)
        assert len(server.seen) == 1
        assert isinstance(caught.value.__cause__, fmsdk.ServerError)
        assert len(caught.value.attempts) == 1


def test_an_answer_of_the_wrong_shape_is_paid_for() -> None:
    with run_server(Answer(OK)) as server, client(server.url, "0.05") as asked:
        schema = {"type": "object", "properties": {"a": {"type": "integer"}}}
        with pytest.raises(fmsdk.InvalidOutput):
            _ = asked.generate(MODEL, "Hi", max_output_tokens=100, output=schema).output
        assert spent_after(asked) == BILL


def test_missing_usage_is_settled_with_the_estimate() -> None:
    bare = {key: value for key, value in OK.items() if key != "usage"}
    with run_server(Answer(bare)) as server, client(server.url, "0.05") as asked:
        answer = asked.generate(MODEL, "Hi", max_output_tokens=100)
        assert (answer.usage.source, answer.cost.source) == ("estimated", "estimated")
        assert 0 < answer.cost.total < ceiling_of()
        assert spent_after(asked) == answer.cost.total


def test_budgets_of_tags_and_models_hold_for_what_they_cover() -> None:
    budgets = [fmsdk.Budget("0.0000001", tag="team=ads"), fmsdk.Budget(0, model="anthropic:*")]
    with run_server(Answer(OK)) as server, client(server.url, budgets) as asked:
        asked.generate(MODEL, "Hi", max_output_tokens=100, tags={"team": "search"})
        with pytest.raises(fmsdk.BudgetExceeded, match=r"for team=ads has .* left"):
            asked.generate(MODEL, "Hi", max_output_tokens=100, tags={"team": "ads"})
        assert len(server.seen) == 1


def test_every_verb_is_under_the_budget() -> None:
    body = {
        "model": "text-embedding-3-small",
        "data": [{"index": 0, "embedding": [1.0, 0.0]}],
        "usage": {"prompt_tokens": 3, "total_tokens": 3},
    }
    with run_server(Answer(body)) as server, client(server.url, "0.01") as asked:
        answer = asked.embed("openai:text-embedding-3-small", "Hi")
        assert answer.cost.total == 3 * Decimal("2E-8")
        assert spent_after(asked) == answer.cost.total
        with pytest.raises(fmsdk.BudgetExceeded):
            asked.embed("openai:text-embedding-3-small", "word " * 500_000)


EMBEDDER = "openai:text-embedding-3-small"


def test_texts_on_their_way_when_others_are_refused_may_be_billed() -> None:
    on_its_way = threading.Event()

    def answer(received: ReceivedRequest) -> Answer:
        if received.body["input"][0] == "billed":
            on_its_way.set()
            return Answer(pieces=[b" "], then="hang")
        on_its_way.wait(PATIENCE)
        return refuse(429)

    texts = ["billed"] * 2048 + ["refused"] * 2048
    with run_server(answer) as server, client(server.url, "1.00") as asked:
        with pytest.raises(fmsdk.RateLimitError) as caught:
            asked.embed(EMBEDDER, texts)
        assert not caught.value.is_unbilled
        assert spent_after(asked) == asked.quote(EMBEDDER, texts, verb="embed").ceiling


def test_a_bound_is_named_only_where_it_would_pass() -> None:
    with run_server(Answer(OK)) as server, client(server.url, "0.0001") as asked:
        with pytest.raises(fmsdk.BudgetExceeded) as caught:
            asked.generate(MODEL, "word " * 500, max_output_tokens=100)
        assert "max_cost" not in caught.value.message
        with pytest.raises(fmsdk.BudgetExceeded, match=r"max_cost='0\.0001"):
            asked.generate(MODEL, "Hi", max_output_tokens=100)


def answer_vectors(received: ReceivedRequest) -> Answer:
    vectors = [{"index": n, "embedding": [1.0, 0.0]} for n in range(len(received.body["input"]))]
    usage = {"prompt_tokens": 1000, "total_tokens": 1000}
    return Answer({"model": "text-embedding-3-small", "data": vectors, "usage": usage})


def test_texts_that_a_retry_need_not_send_are_paid_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(retry, "BASE_DELAY", 0.001)
    is_answered, refusals = threading.Event(), [refuse(429)]

    def answer(received: ReceivedRequest) -> Answer:
        if received.body["input"][0] == "first":
            is_answered.set()
        elif refusals and is_answered.wait(PATIENCE):
            time.sleep(0.1)  # until the client has the answer
            return refusals.pop()
        return answer_vectors(received)

    file = tmp_path / "fmsdk.db"
    with (
        run_server(answer) as server,
        client(server.url, "1.00", retries=1, ledger=file) as asked,
    ):
        embeddings = asked.embed(EMBEDDER, ["first"] * 2048 + ["later"] * 2048)
        assert len(server.seen) == 3
        assert embeddings.cost.total == 2000 * Decimal("2E-8")
        spent = asked.spent()
        assert (spent.cost, spent.input_tokens) == (embeddings.cost.total, 2000)
        assert spent_after(asked) == spent.cost + spent.maybe_billed
    with SqliteReader(file) as reader:
        (group,) = summarize(reader, (), Filter(model=EMBEDDER))
        assert (group.cost, group.input_tokens) == (embeddings.cost.total, 2000)
        assert next(iter(reader.rows("calls", ("cost",)))) == ("0.00004000",)
