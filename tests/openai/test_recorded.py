"""What real servers answered, read by the providers of their names: six of the table's servers,
without an entry point between. Faults are `tests/hosted`'s to try."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from fmsdk.errors import FmsdkError
from fmsdk.pricing import price
from fmsdk.provider import ProviderConfig
from fmsdk.request import build
from fmsdk.response import Response
from fmsdk_openai import OpenAIProvider
from fmsdk_openai.servers import SERVERS
from tests.support.hosted.replay import (
    EXPECTED,
    FAILS_INSIDE,
    ROWS,
    run_replay_server,
    summarize_response,
)
from tests.support.openai.provider import KEY, generate, stream
from tests.support.shared_folder import needs_shared

pytestmark = needs_shared
NAMED = {"azure-ai": "azure"}
THEIRS = {
    name: NAMED.get(row["provider"], row["provider"])
    for name, row in ROWS.items()
    if NAMED.get(row["provider"], row["provider"]) in SERVERS
}


@pytest.fixture(scope="module")
def root() -> Iterator[str]:
    with run_replay_server() as root:
        yield root


def ask(root: str, name: str) -> tuple[OpenAIProvider, Response[Any]]:
    row, called = ROWS[name], THEIRS[name]
    options = {"base_url": f"{root}/replay/{name}/v1", "api_key": KEY, "api": "chat"}
    asked = SERVERS[called](ProviderConfig(name=called, options=options))
    request = build(f"{called}:{row['model']}", "Hello")
    return asked, stream(asked, request)[1] if row["stream"] else generate(asked, request)


def test_six_servers_were_recorded() -> None:
    six = {"azure", "groq", "mistral", "ollama", "openrouter", "vllm"}
    assert six <= set(THEIRS.values())


@pytest.mark.parametrize("name", sorted(THEIRS))
def test_a_recorded_row_reads_as_the_wire_says(root: str, name: str) -> None:
    expected = EXPECTED[name]
    if expected["status"] != 200 or name in FAILS_INSIDE:
        with pytest.raises(FmsdkError) as caught:
            ask(root, name)
        assert caught.value.provider == THEIRS[name]
        assert caught.value.status in (expected["status"], expected["error"]["code"])
        return
    _, answer = ask(root, name)
    seen = summarize_response(answer)
    assert seen == {key: expected[key] for key in seen}


@pytest.mark.parametrize(
    ("name", "total"),
    [
        ("openrouter-reasoning-stream", Decimal("0.000669")),  # as its usage says
        ("mistral-stream", Decimal("22") * Decimal("0.15e-6") + Decimal("8") * Decimal("0.6e-6")),
        ("ollama-local-chat", None),
        ("vllm-chat-stream", None),
    ],
)
def test_cost_of_a_recorded_row(root: str, name: str, total: Decimal | None) -> None:
    asked, answer = ask(root, name)
    cost = price(asked.price_id, answer.served_model, answer.usage)
    assert (cost and cost.total) == total
