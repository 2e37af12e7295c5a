"""Errors that other libraries made in bills, each with a bill worked out by hand: the vendor's
answer comes over a real socket, and the cost is right to the last digit."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal
from typing import Any

import pytest

import fmsdk
from fmsdk import pricing
from fmsdk.usage import InputUsage, OutputUsage, Usage
from tests.support.hosted.replay import ask, run_replay_server
from tests.support.scripted_server import Answer, run_server
from tests.support.shared_folder import needs_shared

KEY = {"api_key": "k-123456"}


def chat(usage: Any, **more: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": "Yes."}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return {"id": "1", "choices": [choice], "usage": usage, **more}


def claude(usage: Any, model: str = "claude-sonnet-4-5") -> dict[str, Any]:
    return {
        "id": "1", "type": "message", "role": "assistant", "model": model,
        "content": [{"type": "text", "text": "Yes."}], "stop_reason": "end_turn", "usage": usage,
    }  # fmt: skip


def gemini(usage: Any, model: str = "gemini-2.5-flash", **part: Any) -> dict[str, Any]:
    content = {"role": "model", "parts": [part or {"text": "Yes."}]}
    return {
        "candidates": [{"content": content, "finishReason": "STOP"}],
        "usageMetadata": usage,
        "modelVersion": model,
    }


def counts(**modalities: int) -> list[dict[str, Any]]:
    return [{"modality": name, "tokenCount": count} for name, count in modalities.items()]


def bill(model: str, body: Any, **options: Any) -> fmsdk.Response[Any]:
    """The response to `body`; to a list of bodies, that of a stream of them."""
    provider = model.partition(":")[0]
    own = {**KEY, **({"api": "chat"} if provider == "openai" else {})}
    streamed = isinstance(body, list)
    answer = Answer(pieces=body) if streamed else Answer(body)
    with run_server(answer) as server:
        providers = {provider: {**own, "base_url": server.root}}
        with fmsdk.Client(providers=providers, retries=0) as client:
            if not streamed:
                response = client.generate(model, "Hi", **options)
            else:
                with client.stream(model, "Hi", **options) as stream:
                    list(stream)
                response = stream.response
    if response.cost is not None:
        assert sum(line.amount for line in response.cost.lines) == response.cost.total
        assert all(line.quantity * line.unit_price == line.amount for line in response.cost.lines)
    return response


def kinds(response: fmsdk.Response[Any]) -> list[str]:
    return [line.kind for line in response.cost.lines]


def test_cached_tokens_are_not_billed_twice() -> None:
    usage = {
        "prompt_tokens": 10_000,
        "completion_tokens": 500,
        "prompt_tokens_details": {"cached_tokens": 8_000},
    }
    response = bill("openai:gpt-4o", chat(usage, model="gpt-4o-2024-08-06"))
    # 2,000 × $2.50 + 8,000 × $1.25 + 500 × $10, a million
    assert response.cost.total == Decimal("0.02")


def test_anthropics_input_excludes_the_cache_and_openais_includes_it() -> None:
    usage = {
        "input_tokens": 1_000,
        "cache_read_input_tokens": 8_000,
        "cache_creation_input_tokens": 2_000,
        "cache_creation": {"ephemeral_5m_input_tokens": 1_500, "ephemeral_1h_input_tokens": 500},
        "output_tokens": 300,
    }
    response = bill("anthropic:claude-sonnet-4-5", claude(usage))
    # 1,000 × $3 + 8,000 × $0.30 + 1,500 × $3.75 + 500 × $6 + 300 × $15, a million
    assert response.usage.input.total == 11_000
    assert response.cost.total == Decimal("0.018525")


def test_cached_audio_is_billed_as_cached_audio() -> None:
    usage = {
        "promptTokenCount": 5_000,
        "promptTokensDetails": counts(TEXT=1_000, AUDIO=4_000),
        "cachedContentTokenCount": 3_000,
        "cacheTokensDetails": counts(TEXT=500, AUDIO=2_500),
        "candidatesTokenCount": 100,
        "totalTokenCount": 5_100,
    }
    response = bill("google:gemini-2.5-flash", gemini(usage))
    # 500 × $0.30 + 1,500 × $1 + 500 × $0.03 + 2,500 × $0.10 + 100 × $2.50, a million
    assert response.cost.total == Decimal("0.002165")


def test_a_write_for_an_hour_pays_the_long_context_price_and_so_does_the_cache() -> None:
    usage = {
        "input_tokens": 1_000,
        "cache_read_input_tokens": 150_000,
        "cache_creation_input_tokens": 60_000,
        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 60_000},
        "output_tokens": 100,
    }
    response = bill("anthropic:claude-sonnet-4-5", claude(usage))
    # above 200,000 tokens: 1,000 × $6 + 150,000 × $0.60 + 60,000 × $12 + 100 × $22.50, a million
    assert response.cost.total == Decimal("0.81825")


@pytest.mark.parametrize(
    ("served", "total"),
    [("default", "0.00325"), ("flex", "0.001625"), ("priority", "0.0065")],
)
def test_the_tier_that_served_is_billed_and_not_the_one_asked_for(served: str, total: str) -> None:
    usage = {"prompt_tokens": 1_000, "completion_tokens": 50}
    response = bill(
        "openai:gpt-5.4",
        chat(usage, model="gpt-5.4", service_tier=served),
        options={"service_tier": "flex"},
    )
    # 1,000 × $2.50 + 50 × $15, a million; half of it for flex, twice for priority
    assert response.cost.total == Decimal(total)


def test_a_batch_above_the_long_context_threshold_pays_half_of_the_long_price() -> None:
    usage = Usage(
        input=InputUsage(total=300_000),
        output=OutputUsage(total=1_000),
        source="measured",
        service_tier="batch",
    )
    cost = pricing.price("openai", "gpt-5.4", usage)
    # 300,000 × $2.50 + 1,000 × $11.25, a million
    assert cost is not None
    assert cost.total == Decimal("0.76125")


def test_pictures_in_the_answer_are_not_billed_as_text() -> None:
    usage = {
        "promptTokenCount": 10,
        "candidatesTokenCount": 1_310,
        "candidatesTokensDetails": counts(TEXT=20, IMAGE=1_290),
        "totalTokenCount": 1_320,
    }
    response = bill("google:gemini-2.5-flash-image", gemini(usage, "gemini-2.5-flash-image"))
    # 10 × $0.30 + 20 × $2.50 + 1,290 × $30, a million: the picture is $0.039
    assert response.cost.total == Decimal("0.038753")


def test_a_picture_in_the_prompt_is_part_of_the_bill() -> None:
    usage = {
        "promptTokenCount": 1_100,
        "promptTokensDetails": counts(TEXT=10, IMAGE=1_090),
        "candidatesTokenCount": 5,
        "totalTokenCount": 1_105,
    }
    response = bill("google:gemini-2.5-flash", gemini(usage))
    assert kinds(response) == ["input", "input image", "output"]
    assert response.cost.total == Decimal("0.0003425")


def test_audio_is_never_free_and_never_billed_as_text() -> None:
    usage = {
        "prompt_tokens": 200,
        "completion_tokens": 300,
        "prompt_tokens_details": {"audio_tokens": 180, "text_tokens": 20},
        "completion_tokens_details": {"audio_tokens": 250, "text_tokens": 50},
    }
    response = bill("openai:gpt-4o-audio-preview", chat(usage, model="gpt-4o-audio-preview"))
    # 20 × $2.50 + 180 × $40 + 50 × $10 + 250 × $80, a million
    assert response.cost.total == Decimal("0.02775")


@pytest.mark.parametrize(
    ("vendor", "model", "seconds", "total"),
    [
        ("openai", "whisper-1", 60.0, Decimal("0.006")),
        ("groq", "whisper-large-v3-turbo", 3.0, 10 * Decimal("0.0000111111111111111")),
        ("groq", "whisper-large-v3-turbo", 30.0, 30 * Decimal("0.0000111111111111111")),
    ],
)
def test_speech_is_billed_once_and_for_the_minimum(
    vendor: str, model: str, seconds: float, total: Decimal
) -> None:
    usage = Usage(input=InputUsage(audio_seconds=seconds), source="measured")
    cost = pricing.price(vendor, model, usage)
    assert cost is not None
    assert cost.total == total


def event(document: Any, name: str = "") -> bytes:
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {json.dumps(document)}\n\n".encode()


def test_a_stream_without_usage_is_an_estimate_and_not_free() -> None:
    delta = {"index": 0, "delta": {"content": "Yes."}, "finish_reason": "stop"}
    document = {"id": "1", "model": "gpt-4o", "choices": [delta]}
    response = bill("openai:gpt-4o", [event(document), b"data: [DONE]\n\n"])
    assert (response.usage.source, response.cost.source) == ("estimated", "estimated")
    assert response.cost.total > 0
    assert str(response.cost).startswith("~")


def test_geminis_cumulative_chunks_are_not_summed_and_thoughts_count_once() -> None:
    pieces = []
    for text, answer_count in (("Ye", 10), ("s.", 50)):
        usage = {
            "promptTokenCount": 100,
            "candidatesTokenCount": answer_count,
            "thoughtsTokenCount": 200,
            "totalTokenCount": 300 + answer_count,
        }
        document = gemini(usage, text=text)
        if answer_count == 10:
            del document["candidates"][0]["finishReason"]
        pieces.append(event(document))
    response = bill("google:gemini-2.5-flash", pieces)
    assert (response.usage.output.total, response.usage.output.reasoning) == (250, 200)
    # 100 × $0.30 + (50 + 200) × $2.50, a million
    assert response.cost.total == Decimal("0.000655")


def test_openais_reasoning_is_part_of_the_output_and_not_added_to_it() -> None:
    usage = {
        "prompt_tokens": 100,
        "completion_tokens": 250,
        "completion_tokens_details": {"reasoning_tokens": 200},
    }
    response = bill("openai:gpt-5.4", chat(usage, model="gpt-5.4"))
    # 100 × $2.50 + 250 × $15, a million
    assert response.cost.total == Decimal("0.004")


def test_a_stream_keeps_the_split_of_the_cache() -> None:
    start = claude({"input_tokens": 100, "cache_read_input_tokens": 5_000, "output_tokens": 1})
    start |= {"content": [], "stop_reason": None}
    block = {"type": "text", "text": ""}
    delta = {"type": "text_delta", "text": "Yes."}
    pieces = [
        event({"type": "message_start", "message": start}),
        event({"type": "content_block_start", "index": 0, "content_block": block}),
        event({"type": "content_block_delta", "index": 0, "delta": delta}),
        event({"type": "content_block_stop", "index": 0}),
        event(
            {
                "type": "message_delta",
                "delta": {"stop_reason": "end_turn"},
                "usage": {"output_tokens": 40},
            }
        ),
        event({"type": "message_stop"}),
    ]
    response = bill("anthropic:claude-sonnet-4-5", pieces)
    # 100 × $3 + 5,000 × $0.30 + 40 × $15, a million
    assert response.cost.total == Decimal("0.0024")


def test_a_server_that_nobody_knows_has_no_price_although_its_model_sounds_familiar() -> None:
    usage = {"prompt_tokens": 100, "completion_tokens": 10}
    response = bill("vllm:gpt-4o", chat(usage, model="gpt-4o"))
    assert response.cost is None


def test_the_model_that_served_sets_the_price() -> None:
    usage = {"prompt_tokens": 1_000_000, "completion_tokens": 10}
    response = bill("openai:gpt-4o", chat(usage, model="gpt-4o-mini-2024-07-18"))
    # 1,000,000 × $0.15 + 10 × $0.60, a million
    assert response.cost.total == Decimal("0.150006")


def test_tools_that_the_vendor_ran_are_lines_of_their_own() -> None:
    usage = {
        "input_tokens": 1_000,
        "output_tokens": 100,
        "server_tool_use": {"web_search_requests": 2, "web_fetch_requests": 3},
    }
    response = bill("anthropic:claude-sonnet-4-5", claude(usage))
    # 1,000 × $3 + 100 × $15, a million, and two searches at $10 a thousand; fetching is free
    assert response.cost.total == Decimal("0.0245")
    assert kinds(response) == ["input", "output", "web search"]


def test_a_model_that_always_searches_is_billed_for_the_search() -> None:
    usage = {"prompt_tokens": 1_000, "completion_tokens": 100, "total_tokens": 1_100}
    response = bill("openai:gpt-5-search-api", chat(usage, model="gpt-5-search-api-2025-10-14"))
    # 1,000 × $1.25 + 100 × $10, a million, and a search at $10 a thousand
    assert response.cost.total == Decimal("0.01225")
    assert kinds(response) == ["input", "output", "request"]


def test_a_tool_whose_price_no_answer_tells_is_warned_about() -> None:
    body = gemini({"promptTokenCount": 10, "candidatesTokenCount": 5, "totalTokenCount": 15})
    place = {"maps": {"uri": "https://maps.google.com/?cid=1", "title": "A place"}}
    body["candidates"][0]["groundingMetadata"] = {"groundingChunks": [place]}
    response = bill("google:gemini-2.5-flash", body)
    assert response.warnings[-1].code == "usage_elsewhere"
    assert response.warnings[-1].detail == "google_maps"


@pytest.mark.parametrize(("region", "total"), [("us", "0.00495"), ("global", "0.0045")])
def test_computing_in_one_geography_costs_more_and_is_a_line(region: str, total: str) -> None:
    usage = {"input_tokens": 1_000, "output_tokens": 100, "inference_geo": region}
    response = bill("anthropic:claude-sonnet-4-6", claude(usage, "claude-sonnet-4-6"))
    assert response.cost.total == Decimal(total)
    assert ("residency uplift" in kinds(response)) is (region == "us")


@pytest.mark.parametrize(
    ("vendor", "model", "url", "factor"),
    [
        ("openai", "gpt-5.4", "https://eu.api.openai.com/v1", "1.1"),
        ("openai", "gpt-4o", "https://eu.api.openai.com/v1", "1"),
        ("openai", "gpt-5.4", "https://api.openai.com/v1", "1"),
        ("x-ai", "grok-4", "https://us.api.x.ai/v1", "1.1"),
        ("anthropic", "claude-sonnet-4-6", "https://api.anthropic.com", "1"),
    ],
)
def test_a_regional_host_costs_more(vendor: str, model: str, url: str, factor: str) -> None:
    usage = Usage(
        input=InputUsage(total=1_000),
        output=OutputUsage(total=100),
        source="measured",
        server_tools={"web_search": 1} if vendor == "openai" and model == "gpt-5.4" else None,
    )
    plain = pricing.price(vendor, model, usage)
    regional = pricing.price(vendor, model, usage, base_url=url)
    assert plain is not None
    assert regional is not None
    calls = sum(line.amount for line in plain.lines if line.unit == "call")
    assert regional.total == (plain.total - calls) * Decimal(factor) + calls


def test_what_the_vendor_charged_is_the_total_and_the_difference_is_a_line() -> None:
    usage = {"prompt_tokens": 1_000, "completion_tokens": 100, "cost": 0.0042}
    body = chat(usage, model="anthropic/claude-sonnet-4.5", provider="Google")
    response = bill("openrouter:anthropic/claude-sonnet-4.5", body)
    assert response.cost.total == Decimal("0.0042")
    assert kinds(response) == ["input", "output", "difference"]
    # less than the list's 1,000 × $3 + 100 × $15, a million
    assert response.cost.lines[-1].amount == Decimal("-0.0003")


@needs_shared
def test_openrouters_recorded_amount_is_the_cost() -> None:
    with run_replay_server() as root:
        response = asyncio.run(ask(root, "openrouter-reasoning-stream"))
    assert isinstance(response, fmsdk.Response)
    assert response.usage.raw is not None
    assert response.cost.total == Decimal(repr(response.usage.raw["cost"]))
    assert sum(line.amount for line in response.cost.lines) == response.cost.total
