"""Quotes that know past answers: a client with a ledger, over real sockets."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import fmsdk
from fmsdk.testing import FakeProvider
from fmsdk.usage import Device, InputUsage, OutputUsage, Timings, Usage
from tests.support.media_files import picture
from tests.support.scripted_server import Answer, run_server

MODEL = "openai:gpt-4o"


def answer(tokens: int, model: str = "gpt-4o") -> Answer:
    message = {"role": "assistant", "content": "Yes."}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    usage = {"prompt_tokens": 8, "completion_tokens": tokens, "total_tokens": 8 + tokens}
    return Answer({"id": "1", "model": model, "choices": [choice], "usage": usage})


def client(url: str, ledger: Path) -> fmsdk.Client:
    own = {"openai": {"base_url": url, "api_key": "k-123456", "api": "chat"}}
    return fmsdk.Client(providers=own, ledger=ledger, retries=0)


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """A ledger of ten answers of 40 to 58 tokens."""
    path = tmp_path / "fmsdk.db"
    with run_server(*map(answer, range(40, 60, 2))) as server, client(server.url, path) as asked:
        for _ in range(10):
            asked.generate(MODEL, "Hi")
    return path


def test_a_quote_takes_the_length_and_time_of_past_answers(ledger: Path) -> None:
    with client("http://127.0.0.1:9", ledger) as asked:
        quote = asked.quote(MODEL, "Yo")
    blank = fmsdk.Client(ledger=False, providers={"openai": {"api_key": "k-123456"}}).quote(
        MODEL, "Yo"
    )
    assert (quote.past_calls, blank.past_calls) == (10, 0)
    tokens = quote.output_tokens
    assert (tokens.low, tokens.expected, tokens.high) == (40, 49, 58)
    assert blank.output_tokens.high == 16384
    # $10 for a million tokens of the answer, $2.50 for one of the prompt
    assert quote.cost is not None
    assert quote.cost.expected == Decimal("0.0000025") * quote.input_tokens.expected + Decimal(
        "0.00049"
    )
    assert quote.cost.high < Decimal("0.001")
    assert quote.ceiling == blank.ceiling  # a bound is a bound
    assert quote.seconds is not None
    assert 0 < quote.seconds.low <= quote.seconds.expected <= quote.seconds.high < 30
    assert not any(warning.code == "output_assumed" for warning in quote.warnings)
    assert "by 10 past calls" in quote._repr_html_()
    assert fmsdk.from_json(fmsdk.to_json(quote)) == quote


def test_what_the_request_allows_bounds_the_length(ledger: Path) -> None:
    with client("http://127.0.0.1:9", ledger) as asked:
        tokens = asked.quote(MODEL, "Yo", max_output_tokens=45).output_tokens
    assert (tokens.low, tokens.expected, tokens.high) == (40, 45, 45)


@pytest.mark.parametrize(
    ("model", "prompt"),
    [
        ("openai:gpt-4o-mini", "Yo"),  # another model
        (MODEL, "word " * 500),  # a prompt of another size
        (MODEL, ["Yo", fmsdk.Image(picture("png"))]),  # another kind of content
    ],
    ids=["model", "size", "content"],
)
def test_answers_to_other_requests_tell_nothing(ledger: Path, model: str, prompt: Any) -> None:
    with client("http://127.0.0.1:9", ledger) as asked:
        quote = asked.quote(model, prompt)
    assert (quote.past_calls, quote.seconds) == (0, None)


@pytest.mark.parametrize("content", [b"", b"no database at all", None])
def test_a_ledger_that_cannot_be_read_costs_no_quote(tmp_path: Path, content: Any) -> None:
    path = tmp_path / "other.db"
    if content is not None:
        path.write_bytes(content)
    with client("http://127.0.0.1:9", path) as asked:
        assert asked.quote(MODEL, "Yo").past_calls == 0


def test_a_model_of_the_users_own_device_costs_what_it_has_cost(tmp_path: Path) -> None:
    device = Device(kind="cpu", name="c", hourly_price=Decimal("3.60"))
    timings = Timings(device_seconds=0.5, device=device)
    reply = fmsdk.Response(
        provider="mine",
        model="m",
        choices=(fmsdk.Choice((fmsdk.Text("Yes."),), "stop"),),
        usage=Usage(input=InputUsage(total=2), output=OutputUsage(total=1), source="measured"),
        timings=timings,
    )
    provider = FakeProvider([reply] * 6)
    with fmsdk.Client(providers={"mine": provider}, ledger=tmp_path / "x.db") as client:
        assert client.quote("mine:m", "Why not?").cost is None
        for _ in range(6):
            client.generate("mine:m", "Why not?")
        client.close()
        quote = client.quote("mine:m", "Why not?")
    assert quote.cost is not None
    # half a second at a tenth of a cent a second
    assert quote.cost.expected == Decimal("0.0005")
    assert quote.price_source == "6 past calls in the ledger"
