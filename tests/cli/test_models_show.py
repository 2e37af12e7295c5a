"""`fmsdk models show`: what is known of a model, from where, with and without its provider."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import EntryPoint
from threading import Thread
from typing import Any
from urllib.request import urlopen

import pytest

import fmsdk
from fmsdk import registry
from fmsdk.testing import FakeProvider
from tests.cli.conftest import Run
from tests.support.patience import PATIENCE


def shown(run: Run, *names: str, **rest: Any) -> str:
    ran = run("models", "show", *names, **rest)
    assert (ran.code, ran.err) == (0, "")
    return ran.out


def row(card: str, title: str) -> str:
    """The figure called `title`, without the number of its source."""
    (line,) = (line for line in card.splitlines() if line.startswith(f"  {title}  "))
    return re.sub(r" \[\d\]$", "", line.removeprefix(f"  {title}").strip())


def source_of(card: str, title: str) -> str:
    (line,) = (line for line in card.splitlines() if line.startswith(f"  {title}  "))
    number = re.search(r"\[(\d)\]$", line)
    assert number, line
    (source,) = (line for line in card.splitlines() if line.startswith(f"  {number[0]} "))
    return source


class TestHostedModels:
    def test_everything_with_its_source_and_date(self, fmsdk_command: Run) -> None:
        card = shown(fmsdk_command, "openai:gpt-5.6-sol")
        assert card.startswith("openai:gpt-5.6-sol\n")
        assert row(card, "input") == "document, image, text"
        assert row(card, "output") == "text"
        assert row(card, "features") == "tools, structured output, reasoning"
        assert row(card, "context") == "1,050,000 tokens"
        assert row(card, "max output") == "128,000 tokens"
        assert row(card, "prices").startswith("input $4.00, cache read $0.400")
        assert "above 272,000 tokens in: input $8.00" in card
        assert row(card, "licence").startswith("weights not published")
        assert row(card, "retirement") == "none announced"
        for title in ("input", "features", "context", "prices", "licence", "retirement"):
            assert re.search(r"20\d\d-\d\d-\d\d", source_of(card, title)), title
        assert "genai-prices" in source_of(card, "prices")
        assert "deprecations" in source_of(card, "retirement")

    def test_retirement_has_a_date_and_a_successor(self, fmsdk_command: Run) -> None:
        card = shown(fmsdk_command, "openai:gpt-4o-2024-08-06")
        assert row(card, "retirement") == "2027-01-14, successor gpt-6-luna"
        assert row(card, "features") == "tools, structured output, no reasoning"
        rerouted = shown(fmsdk_command, "google:gemini-2.5-pro")
        assert row(rerouted, "retirement") == "2026-12-01, successor gemini-3.8-flash"
        assert "answers with gemini-3.8-flash instead" in rerouted
        assert "second-hand" in source_of(rerouted, "retirement")

    def test_settings_it_refuses(self, fmsdk_command: Run) -> None:
        assert row(shown(fmsdk_command, "openai:o1"), "refuses") == "logprobs, temperature, top_p"
        assert "refuses" not in shown(fmsdk_command, "openai:gpt-4o")

    def test_listing_without_a_key(self, fmsdk_command: Run) -> None:
        assert "set OPENAI_API_KEY" in shown(fmsdk_command, "openai:gpt-4o")
        assert "cannot be asked" not in shown(
            fmsdk_command, "openai:gpt-4o", env={"OPENAI_API_KEY": "sk-x"}
        )

    def test_it_works_without_the_package(
        self, fmsdk_command: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        point = EntryPoint("anthropic", "no_such_sdk:Provider [anthropic]", registry.GROUP)
        everything = {**registry.installed_providers(), "anthropic": point}
        monkeypatch.setattr(registry, "installed_providers", lambda: everything)
        card = shown(fmsdk_command, "anthropic:claude-opus-5-5")
        assert "pip install 'fmsdk[anthropic]'" in card
        assert row(card, "context") == "1,000,000 tokens"
        assert row(card, "prices").startswith("input $4.00")

    def test_provider_with_another_name_than_its_vendor(
        self, fmsdk_command: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        point = EntryPoint("xai", "no_such_sdk:Provider [openai]", registry.GROUP)
        everything = {**registry.installed_providers(), "xai": point}
        monkeypatch.setattr(registry, "installed_providers", lambda: everything)
        assert row(shown(fmsdk_command, "xai:grok-4.6"), "context") == "500,000 tokens"

    def test_vendor_table_holds_behind_another_server(self, fmsdk_command: Run) -> None:
        elsewhere = {"OPENAI_BASE_URL": "http://127.0.0.1:9/v1"}
        card = shown(fmsdk_command, "openai:gpt-4", env=elsewhere)
        assert card == shown(fmsdk_command, "openai:gpt-4")
        assert row(card, "retirement") != "not known"


class TestUnknownModels:
    def test_unknown_price_is_stated(self, fmsdk_command: Run) -> None:
        card = shown(fmsdk_command, "openai:no-such-model")
        assert "fmsdk has no facts on this model" in card
        for title in ("input", "features", "context", "prices", "licence", "retirement"):
            assert row(card, title) == "not known"

    def test_known_prices_and_context_are_shown(self, fmsdk_command: Run) -> None:
        card = shown(fmsdk_command, "openai:gpt-realtime-2")
        assert "has no facts on this model" in card
        assert row(card, "context") == "128,000 tokens"
        assert "genai-prices" in source_of(card, "context")
        assert "$" in row(card, "prices")

    @pytest.mark.parametrize("name", ["", "openai:"])
    def test_incomplete_model_name_is_an_error(self, fmsdk_command: Run, name: str) -> None:
        done = fmsdk_command("models", "show", name)
        assert done.code == 2
        assert "provider:model" in done.err

    def test_an_unknown_provider_is_an_error(self, fmsdk_command: Run) -> None:
        ran = fmsdk_command("models", "show", "nowhere:x", "openai:gpt-4o")
        assert ran.code == 2
        assert "no provider is called 'nowhere'" in ran.err
        assert ran.out.startswith("openai:gpt-4o\n")


class TestLocalModels:
    def test_a_model_that_ships_with_fmsdk(self, fmsdk_command: Run) -> None:
        card = shown(fmsdk_command, "local:demo-vision")
        assert row(card, "input") == "image, text"
        assert "files" in source_of(card, "input")
        assert row(card, "prices") == "what the time on the device costs"
        assert row(card, "licence") == "Apache-2.0"
        assert "2026" in source_of(card, "licence")
        assert card == shown(fmsdk_command, "demo-vision")  # a bare name is a local one

    def test_a_model_that_is_not_here_yet(
        self, fmsdk_command: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
    ) -> None:
        monkeypatch.setenv("FMSDK_HOME", str(tmp_path))
        monkeypatch.setenv("HF_HOME", str(tmp_path))
        card = shown(fmsdk_command, "local:demo-audio")
        assert "run `fmsdk models get demo-audio`" in card
        assert row(card, "input") == "audio"
        assert row(card, "licence") == "MIT"
        hub = shown(fmsdk_command, "local:meta-llama/Llama-3.1-8B-Instruct")
        assert "fmsdk models get meta-llama/Llama-3.1-8B-Instruct" in hub
        assert "700 million monthly users" in row(hub, "licence")


class Described(BaseHTTPRequestHandler):
    """A server that says how long a context its models have."""

    def do_GET(self) -> None:
        body = json.dumps({"context": 4096, "input": ["text", "image"]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


class Asking(FakeProvider):
    """Asks the server at `url` what its models take; knows nothing where it is silent."""

    url = ""

    def __init__(self, config: fmsdk.ProviderConfig) -> None:
        super().__init__(name=config.name)
        self._told: fmsdk.Capabilities | None = None

    def capabilities(self, model: str) -> fmsdk.Capabilities:
        return self._told or fmsdk.Capabilities(known=False)

    async def learn(self, model: str) -> None:
        try:
            told = json.loads(
                await asyncio.to_thread(lambda: urlopen(self.url, timeout=PATIENCE).read())
            )
        except OSError:
            return
        self._told = fmsdk.Capabilities(input=frozenset(told["input"]), context=told["context"])


class TestServersThatTell:
    @pytest.fixture(autouse=True)
    def plugged_in(self, fmsdk_command: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        point = EntryPoint("asking", f"{__name__}:Asking", registry.GROUP)
        everything = {**registry.installed_providers(), "asking": point}
        monkeypatch.setattr(registry, "installed_providers", lambda: everything)

    @pytest.fixture
    def url(self) -> Iterator[str]:
        server = ThreadingHTTPServer(("127.0.0.1", 0), Described)
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        server.server_close()

    def test_the_server_is_asked_and_named(
        self, fmsdk_command: Run, url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(Asking, "url", url)
        card = shown(fmsdk_command, "asking:any")
        assert row(card, "context") == "4,096 tokens"
        assert "the listing of asking's server" in source_of(card, "context")

    def test_without_network_it_is_not_known(
        self, fmsdk_command: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(Asking, "url", "http://127.0.0.1:9/")
        card = shown(fmsdk_command, "asking:any")
        assert "has no facts on this model" in card
        assert row(card, "context") == "not known"


class TestJson:
    def test_values_with_their_sources(self, fmsdk_command: Run) -> None:
        card = json.loads(shown(fmsdk_command, "openai:gpt-4o", "--json"))
        assert (card["name"], card["known"], card["usable"]) == ("openai:gpt-4o", True, False)
        assert card["usable_note"] == "set OPENAI_API_KEY"
        assert card["input"]["value"] == ["document", "image", "text"]
        assert card["input"]["checked"] == "2026-11-23"
        assert card["features"]["value"]["tools"] is True
        assert card["context"]["value"] == 128_000
        (band,) = card["prices"]["value"]
        assert band["above"] == 0
        assert (band["usd"]["input"], band["usd"]["output"]) == ("2.5", "10")
        assert card["retirement"]["value"]["date"] == "2027-01-14"
        assert card["retirement"]["value"]["successor"] == "gpt-6-luna"

    def test_missing_figures_are_null(self, fmsdk_command: Run) -> None:
        card = json.loads(shown(fmsdk_command, "openai:no-such-model", "--json"))
        assert card["known"] is False
        assert {card[name] for name in ("input", "context", "prices", "retirement")} == {None}

    def test_an_error_is_an_object_as_well(self, fmsdk_command: Run) -> None:
        ran = fmsdk_command("models", "show", "github:gpt-4o", "--json")
        error = json.loads(ran.out)["error"]
        assert (ran.code, error["type"]) == (2, "ModelRetired")
        assert "copilot:" in error["message"]
