"""Counting tokens by the vendors' endpoints, over real sockets."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
from PIL import Image as PillowImage

import fmsdk
from fmsdk.content import ToolCall, ToolResult
from fmsdk.pipeline import retry
from fmsdk.provider import Capabilities, Estimate, EventStream, Provider
from fmsdk.request import Message, Tool
from fmsdk.testing import FakeProvider
from fmsdk.usage import Range
from tests.support.google.provider import FakeCredentials
from tests.support.scripted_server import Answer, Server, run_server
from tests.support.shared_folder import needs_shared, validator


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "BASE_DELAY", 0.001)


@dataclass(frozen=True)
class Wire:
    """A vendor's endpoint: its provider's options, its path, and its answer."""

    model: str
    options: Callable[[Server], dict[str, Any]]
    path: str
    answer: dict[str, Any]
    schema: tuple[str, str]

    @property
    def provider(self) -> str:
        return self.model.partition(":")[0]


GEMINI = {
    "totalTokens": 40,
    "promptTokensDetails": [
        {"modality": "TEXT", "tokenCount": 30},
        {"modality": "IMAGE", "tokenCount": 10},
    ],
}
WIRES = {
    "openai": Wire(
        "openai:gpt-5.6-sol",
        lambda server: {"base_url": server.url, "api_key": "k"},
        "/v1/responses/input_tokens",
        {"object": "response.input_tokens", "input_tokens": 40},
        ("openai", "responses"),
    ),
    "anthropic": Wire(
        "anthropic:claude-opus-5-5",
        lambda server: {"base_url": server.root, "api_key": "k"},
        "/v1/messages/count_tokens",
        {"input_tokens": 40},
        ("anthropic", "messages.count_tokens"),
    ),
    "aistudio": Wire(
        "google:gemini-3.8-flash",
        lambda server: {"base_url": server.root, "api_key": "k"},
        "/v1beta/models/gemini-3.8-flash:countTokens",
        GEMINI,
        ("gemini", "countTokens"),
    ),
    "vertex": Wire(
        "google:gemini-3.8-flash",
        lambda server: {
            "base_url": server.root,
            "vertex": True,
            "project": "p",
            "location": "eu",
            "credentials": FakeCredentials(),
        },
        "/v1beta1/projects/p/locations/eu/publishers/google/models/gemini-3.8-flash:countTokens",
        GEMINI,
        ("vertex", "countTokens"),
    ),
}
every_wire = pytest.mark.parametrize("wire", WIRES.values(), ids=WIRES.keys())


def picture() -> fmsdk.Image:
    file = io.BytesIO()
    PillowImage.new("RGB", (60, 30), "red").save(file, "PNG")
    return fmsdk.Image(file.getvalue())


def conversation() -> list[Message]:
    return [
        Message("user", ["What is this?", picture()]),
        Message("assistant", [ToolCall("call_1", "look", {"closely": True})]),
        Message("tool", [ToolResult("call_1", "A red square.", name="look")]),
        Message("user", "Say it in French."),
    ]


LOOK = Tool("look", "Look.", {"type": "object", "properties": {"closely": {"type": "boolean"}}})
ASKED: dict[str, Any] = {
    "system": "Be brief.",
    "tools": [LOOK],
    "max_output_tokens": 300,
    "tags": {"team": "a"},
}


def client_of(wire: Wire, server: Server, **settings: Any) -> fmsdk.Client:
    return fmsdk.Client(providers={wire.provider: wire.options(server)}, **settings)


@every_wire
def test_the_vendor_counts(wire: Wire) -> None:
    with run_server(Answer(wire.answer)) as server, client_of(wire, server) as client:
        count = client.count_tokens(wire.model, conversation(), **ASKED)
    assert count.tokens == int(count) == 40
    assert count.by_modality == ({"text": 30, "image": 10} if "google" in wire.model else {})
    assert str(count) == "40 tokens"
    assert count.cost is not None
    assert count.cost.total == Decimal(0)
    assert count.usage.input.total is None  # nothing was used
    assert (count.provider, count.tags) == (wire.provider, (("team", "a"),))
    assert server.seen[0].path.partition("?")[0] == wire.path
    assert "300" not in server.seen[0].raw.decode() or "google" in wire.model


@needs_shared
@pytest.mark.parametrize("name", ["anthropic", "aistudio", "vertex"])  # OpenAI's schema lacks it
def test_the_body_is_what_the_vendor_documents(name: str) -> None:
    wire = WIRES[name]
    with run_server(Answer(wire.answer)) as server, client_of(wire, server) as client:
        client.count_tokens(wire.model, conversation(), **ASKED)
        client.count_tokens(wire.model, "Hi")
    for seen in server.seen:
        assert seen.body is not None
        assert validator().check(*wire.schema, seen.body) == []


@every_wire
def test_a_count_reserves_no_budget_and_is_retried(wire: Wire) -> None:
    answers = [Answer({"error": {"message": "busy"}}, 503), Answer(wire.answer)]
    budget = "0.0000001"
    with run_server(*answers) as server, client_of(wire, server, budget=budget) as client:
        count = client.count_tokens(wire.model, "Hi")
    assert count.tokens == 40
    assert len(count.latency.attempts) == 2


@every_wire
@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"input_tokens": "many"}', b"not JSON"])
def test_an_answer_without_a_count_is_one_error(wire: Wire, body: bytes) -> None:
    with (
        run_server(Answer(body)) as server,
        client_of(wire, server, retries=0) as client,
        pytest.raises(fmsdk.InvalidResponse),
    ):
        client.count_tokens(wire.model, "Hi")


def test_anthropic_counts_no_media_elsewhere_and_no_tools_of_its_own() -> None:
    wire = WIRES["anthropic"]
    search = {"server_tools": ({"type": "web_search_20250305", "name": "web_search"},)}
    with run_server(Answer(wire.answer)) as server, client_of(wire, server) as client:
        file = fmsdk.Document(fmsdk.FileRef("anthropic", "file_1"))
        with pytest.raises(fmsdk.UnsupportedContent, match="give the bytes"):
            client.count_tokens(wire.model, [file, "What is this?"])
        with pytest.raises(fmsdk.UnsupportedSetting, match="runs itself"):
            client.count_tokens(wire.model, "Hi", options=search)
        count = client.count_tokens(wire.model, "Hi", options=search, lenient=True)
    assert [warning.code for warning in count.warnings] == ["setting_dropped"]
    assert [seen.body.get("tools") for seen in server.seen] == [None]


@pytest.mark.parametrize("name", ["vllm", "ollama", "groq"])
def test_other_servers_have_no_such_endpoint(name: str) -> None:
    options = {name: {"base_url": "http://127.0.0.1:9/v1", "api_key": "k"}}
    with (
        fmsdk.Client(providers=options) as client,
        pytest.raises(fmsdk.BadRequestError, match=r"no endpoint.*quote"),
    ):
        client.count_tokens(f"{name}:model", "Hi")


class Mute(Provider):
    """A provider of the least that the contract wants."""

    contract_version = 2
    name = "mute"

    def capabilities(self, model: str) -> Capabilities:
        return Capabilities()

    async def generate(self, request: fmsdk.Request) -> fmsdk.Response[Any]:
        raise NotImplementedError

    def stream(self, request: fmsdk.Request) -> EventStream:
        raise NotImplementedError

    def estimate(self, request: fmsdk.Request) -> Estimate:
        return Estimate(input=Range(1, 1, 1))


def test_a_provider_without_counting_says_so() -> None:
    with (
        fmsdk.Client(providers={"mute": Mute()}) as client,
        pytest.raises(fmsdk.BadRequestError, match="counts tokens"),
    ):
        client.count_tokens("mute:any", "Hi")


def test_the_fake_provider_counts_words() -> None:
    fake = FakeProvider()
    with fmsdk.Client(providers={"fake": fake}) as client:
        assert int(client.count_tokens("fake:any", "one two three", tags={"a": "b"})) == 3
    assert fake.requests[0].tags == (("a", "b"),)
