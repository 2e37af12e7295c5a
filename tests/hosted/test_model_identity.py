"""What a model is, in one view: known, retired, priced, held to its settings; or none of these."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

import fmsdk
from fmsdk.response import Response
from tests.support.hosted.outcomes import outcome
from tests.support.hosted.subjects import KEY, SUBJECTS, Subject
from tests.support.scripted_server import Answer, run_server

each = pytest.mark.parametrize("subject", SUBJECTS, ids=repr)
# By provider: a model that is known, a setting that it refuses, and one that was switched off.
MODELS: dict[str, tuple[str, dict[str, Any], str]] = {
    "openai": ("gpt-5.5-pro", {"temperature": 0.5}, "gpt-4-32k"),
    "anthropic": ("claude-sonnet-5", {"temperature": 0.5}, "claude-2.1"),
    "google": ("gemini-3.8-flash", {"reasoning": "none"}, "gemini-1.5-pro"),
}


def ask_model(
    subject: Subject, model: str, *, mine: bool = False, stream: bool = False, **settings: Any
) -> tuple[Any, int]:
    """The outcome, and how many requests the server saw."""

    async def main(root: str) -> Any:
        options = {"base_url": root + subject.below, "api_key": KEY, **subject.options}
        name = subject.provider
        providers = {"mine": {"wire": name, **options}} if mine else {name: options}
        async with fmsdk.AsyncClient(providers=providers, retries=0) as client:
            full_name = f"{'mine' if mine else name}:{model}"
            return await outcome(client, full_name, "Hi", stream=stream, **settings)

    wire = subject.wire
    named = f'"{model}"'.encode()
    pieces = [piece.replace(b'"m-1"', named) for piece in wire.events("Hi")]
    body = json.dumps(wire.body("Hi")).encode().replace(b'"m-1"', named)
    with run_server(Answer(pieces=pieces) if stream else Answer(body)) as server:
        got = asyncio.run(main(server.root))
    return got, len(server.seen)


def codes(answer: Response[Any]) -> set[str]:
    return {warning.code for warning in answer.warnings}


@each
@pytest.mark.parametrize("stream", [False, True])
def test_behind_a_gateway_a_model_is_its_vendors(subject: Subject, stream: bool) -> None:
    model, setting, retired = MODELS[subject.provider]
    answer, _ = ask_model(subject, model, stream=stream)
    assert isinstance(answer, Response), repr(answer)
    assert "model_unknown" not in codes(answer)
    assert answer.cost is not None
    assert f"list price at {subject.provider} itself, behind another" in answer.cost.price_source
    refusal, count = ask_model(subject, model, stream=stream, **setting)
    assert isinstance(refusal, fmsdk.UnsupportedSetting), repr(refusal)
    assert count == 0
    late, count = ask_model(subject, retired, stream=stream)
    assert isinstance(late, Response), repr(late)
    assert {"model_retired", "model_retiring"} & codes(late)
    assert count == 1


@each
def test_under_a_name_of_ones_own_a_models_name_says_nothing(subject: Subject) -> None:
    model, setting, retired = MODELS[subject.provider]
    answer, _ = ask_model(subject, model, mine=True)
    assert isinstance(answer, Response), repr(answer)
    assert "model_unknown" in codes(answer)
    assert answer.cost is None
    for name, settings in ((model, setting), (retired, setting), (retired, {"reasoning": "high"})):
        got, count = ask_model(subject, name, mine=True, **settings)
        assert isinstance(got, Response), repr(got)
        assert not {"model_retired", "model_retiring", "setting_dropped"} & codes(got)
        assert count == 1


@pytest.mark.parametrize("provider", MODELS)
@pytest.mark.parametrize("mine", [False, True])
def test_a_quote_has_the_same_view(provider: str, mine: bool) -> None:
    model, _, retired = MODELS[provider]
    options = {"base_url": "http://127.0.0.1:9", "api_key": KEY}
    name = "mine" if mine else provider
    providers = {name: {"wire": provider, **options} if mine else options}
    with fmsdk.Client(providers=providers) as client:
        quote = client.quote(f"{name}:{model}", "Hi", max_output_tokens=9)
        late = client.quote(f"{name}:{retired}", "Hi", max_output_tokens=9)
    assert (quote.cost is None) is mine
    assert (quote.price_source is None) is mine
    assert mine or "behind another server" in str(quote.price_source)
    assert ("model_retired" in {warning.code for warning in late.warnings}) is not mine


@pytest.mark.parametrize("provider", MODELS)
def test_at_the_vendors_own_host_the_providers_name_does_not_matter(provider: str) -> None:
    url = {
        "openai": "https://api.openai.com/v1",
        "anthropic": "https://api.anthropic.com",
        "google": "https://generativelanguage.googleapis.com",
    }[provider]
    model, _, retired = MODELS[provider]
    providers = {"mine": {"wire": provider, "base_url": url, "api_key": KEY}}
    with fmsdk.Client(providers=providers) as client:
        quote = client.quote(f"mine:{model}", "Hi")
        assert quote.cost is not None
        assert "behind" not in str(quote.price_source)
        with pytest.raises(fmsdk.ModelRetired):
            client.generate(f"mine:{retired}", "Hi")
