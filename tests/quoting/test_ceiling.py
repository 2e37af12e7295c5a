"""The ceiling of a quote: no bill exceeds it, and where there is no bound it says so."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

import fmsdk
from fmsdk import pricing
from fmsdk.content import Document, FileRef
from fmsdk.provider import Estimate
from fmsdk.quoting.estimate import estimate_text, most_tokens
from fmsdk.quoting.offline import make_quote
from fmsdk.quoting.quote import Quote
from fmsdk.request import Request, Tool, build
from fmsdk.usage import InputUsage, OutputUsage, Range, Usage
from fmsdk_anthropic.options import AnthropicOptions
from fmsdk_google.options import GoogleOptions
from fmsdk_openai.options import OpenAIOptions
from tests.support.recorded_requests import billed_rows, to_request, unscored_rows
from tests.support.shared_folder import needs_shared
from tests.support.tally import count

OPTIONS: dict[str, Any] = {
    "anthropic": AnthropicOptions,
    "google": GoogleOptions,
    "openai": OpenAIOptions,
}
MODELS = {
    "openai": "openai:gpt-4o",
    "anthropic": "anthropic:claude-sonnet-4-5",
    "google": "google:gemini-2.5-flash",
}
SEARCH = ({"type": "web_search_20250305", "name": "web_search"},)


def quote(request: Request) -> Quote:
    return make_quote(request, estimate=estimate_text(request), price_id=request.provider)


def ask(provider: str, **options: Any) -> Quote:
    chosen = OPTIONS[provider](**options)
    return quote(build(MODELS[provider], "Hi", max_output_tokens=100, options=chosen))


@pytest.mark.parametrize(
    ("provider", "options", "name"),
    [
        ("anthropic", {"server_tools": SEARCH}, "server_tools"),
        ("anthropic", {"container": "container_1"}, "container"),
        ("anthropic", {"extra_body": {"mcp_servers": []}}, "mcp_servers"),
        ("anthropic", {"extra_body": {"max_tokens": 9000}}, "max_tokens"),
        ("google", {"server_tools": [{"googleSearch": {}}]}, "server_tools"),
        ("google", {"cached_content": "cachedContents/1"}, "cached_content"),
        ("google", {"extra_body": {"cachedContent": "cachedContents/1"}}, "cachedContent"),
        (
            "google",
            {"extra_body": {"generationConfig": {"topK": 3, "candidateCount": 8}}},
            "generationConfig.candidateCount",
        ),
        ("openai", {"previous_response_id": "resp_1"}, "previous_response_id"),
        ("openai", {"extra_body": {"conversation": "conv_1"}}, "conversation"),
        ("openai", {"extra_body": {"prompt": {"id": "pmpt_1"}}}, "prompt"),
        ("openai", {"extra_body": {"tools": [{"type": "web_search"}]}}, "tools"),
        ("openai", {"extra_body": {"web_search_options": {}}}, "web_search_options"),
        ("openai", {"extra_body": {"n": 8}}, "n"),
        ("openai", {"extra_body": {"max_output_tokens": None}}, "max_output_tokens"),
    ],
)
def test_input_that_nobody_can_bound_has_no_ceiling(
    provider: str, options: dict[str, Any], name: str
) -> None:
    quoted = ask(provider, **options)
    assert quoted.ceiling is None
    assert quoted.cost is not None
    (warning,) = [warning for warning in quoted.warnings if warning.code == "input_unbounded"]
    assert name in warning.message


@pytest.mark.parametrize(
    ("provider", "options"),
    [
        ("anthropic", {"top_k": 5, "cache": True, "extra_body": {"top_k": 5}}),
        ("google", {"top_k": 5, "extra_body": {"generationConfig": {"topK": 5}}}),
        ("openai", {"user": "u", "extra_body": {"seed": 1, "logit_bias": {}}}),
    ],
)
def test_options_that_bring_no_input_keep_the_ceiling(
    provider: str, options: dict[str, Any]
) -> None:
    quoted = ask(provider, **options)
    assert quoted.ceiling == ask(provider).ceiling
    assert quoted.ceiling is not None
    assert "input_unbounded" not in [warning.code for warning in quoted.warnings]


@pytest.mark.parametrize("model", ["gpt-4o-search-preview", "o3-deep-research", "x:online"])
def test_models_that_search_have_no_ceiling(model: str) -> None:
    quoted = quote(build(f"openai:{model}", "Hi", max_output_tokens=100))
    assert quoted.ceiling is None
    assert "input_unbounded" in [warning.code for warning in quoted.warnings]


def test_a_file_by_id_has_no_ceiling() -> None:
    part = Document(FileRef("openai", "file-1"))
    request = build(MODELS["openai"], ["Read this", part], max_output_tokens=100)
    estimate = Estimate(input=Range(1, 10, 100), exact=True)
    quoted = make_quote(request, estimate=estimate, price_id="openai")
    assert quoted.ceiling is None
    assert "input_unbounded" in [warning.code for warning in quoted.warnings]


def test_the_fast_mode_has_its_own_price() -> None:
    request = build("anthropic:claude-opus-5-5", "Hi", max_output_tokens=100)
    fast = quote(replace(request, options=AnthropicOptions(speed="fast")))
    standard = quote(request)
    assert fast.ceiling is not None
    assert standard.ceiling is not None
    assert fast.ceiling > standard.ceiling


def test_hidden_prompts_are_in_the_bound() -> None:
    tool = fmsdk.Tool("f", "", {"type": "object"})
    plain = build(MODELS["anthropic"], "Hi")
    tools = build(MODELS["anthropic"], "Hi", tools=[tool])
    cited = replace(plain, options=AnthropicOptions(citations=True))
    assert most_tokens(tools) - most_tokens(plain) >= 610 * 1.5
    assert most_tokens(cited) - most_tokens(plain) >= 550 * 1.5
    assert most_tokens(plain) >= 29 * 1.5
    openai_tools = build(MODELS["openai"], "Hi", tools=[tool])
    assert most_tokens(openai_tools) - most_tokens(build(MODELS["openai"], "Hi")) >= 230 * 1.5


def recorded_rows() -> Iterator[tuple[dict[str, Any], Request]]:
    """Recorded requests with a bill, and those whose vendor added input."""
    for row in (*billed_rows(), *unscored_rows()):
        body, options = dict(row["request"]), dict[str, Any]()
        if row["vendor"] == "openai":
            tools = body.get("tools") or []
            own = [tool for tool in tools if tool["type"] != "function"]
            body["tools"] = [tool for tool in tools if tool["type"] == "function"]
            options = {"extra_body": {"tools": own}} if own else {}
        try:
            request = to_request({**row, "request": body})
        except (KeyError, ValueError, TypeError):
            continue  # of parts that no request has
        yield row, replace(request, options=replace(request.options, **options))


@pytest.mark.parametrize(
    "model", ["openai:gpt-5", "anthropic:claude-opus-5", "google:gemini-3.5-flash",
              "google:gemini-2.5-flash", "google:gemini-2.0-flash"],
)  # fmt: skip
def test_every_byte_of_a_tool_is_in_the_bound(model: str) -> None:
    """Of keywords too that no vendor was seen to bill."""
    schema = {"type": "object", "x-note": "字" * 400, "properties": {"a": {"pattern": "字" * 400}}}
    plain = most_tokens(build(model, "Hi", tools=[Tool("f", "", {})]))
    assert most_tokens(build(model, "Hi", tools=[Tool("f", "", schema)])) - plain >= 2300
    asked = build(model, "Hi", output={**schema, "title": "字" * 400})
    assert most_tokens(asked) - most_tokens(build(model, "Hi")) >= 3600


@needs_shared
def test_no_recorded_bill_exceeds_its_ceiling() -> None:
    bounded = unbounded = 0
    for row, request in recorded_rows():
        billed = row["billed"]
        answer = billed.get("output_tokens") or 1
        settings = replace(request.settings, max_output_tokens=answer)
        try:
            quoted = quote(replace(request, settings=settings))
        except fmsdk.QuoteUnavailable:
            continue
        bill = pricing.price(
            request.provider,
            request.model,
            Usage(
                input=InputUsage(total=billed["input_tokens"]),
                output=OutputUsage(total=answer),
                source="measured",
                service_tier=getattr(request.options, "service_tier", None),
            ),
        )
        options = request.options
        names = ("server_tools", "previous_response_id", "extra_body")
        if any(getattr(options, name, None) for name in names):
            assert quoted.ceiling is None, row["id"]
            unbounded += 1
        elif quoted.ceiling is not None and bill is not None:
            assert bill.total <= quoted.ceiling, row["id"]
            bounded += 1
        if quoted.input_ceiling is not None:
            assert billed["input_tokens"] <= quoted.input_ceiling, row["id"]
    count("recorded bills below their ceiling", bounded)
    count("recorded requests without a bound, told so", unbounded)
    assert bounded > 500
    assert unbounded > 5


@pytest.mark.parametrize(
    ("model", "options", "base_url"),
    [
        ("anthropic:claude-sonnet-4-6", {"inference_geo": "us"}, None),
        ("openai:gpt-5.4", {}, "https://eu.api.openai.com/v1"),
    ],
)
def test_a_geography_that_costs_more_is_in_the_quote(
    model: str, options: dict[str, Any], base_url: str | None
) -> None:
    provider = model.partition(":")[0]

    def quote(base_url: str | None, **settings: Any) -> Quote:
        own = {provider: {"api_key": "k-123456", "base_url": base_url}}
        return fmsdk.Client(providers=own).quote(model, "Hi", max_output_tokens=50, **settings)

    plain, regional = quote(None), quote(base_url, options=options or None)
    assert plain.ceiling is not None
    assert regional.ceiling == plain.ceiling * Decimal("1.1")
    assert "residency uplift" in (regional.price_source or "")
