"""Money, for any usage: bills against genai-prices, and what holds for each of them."""

from __future__ import annotations

from decimal import Decimal

from genai_prices import Usage as TableUsage
from genai_prices import calc_price
from hypothesis import assume, given
from hypothesis import strategies as st

from fmsdk.pricing import price
from fmsdk.usage import Usage
from tests.support.pricing import MODELS, TOKENS, WHEN, any_usages, bill, text_usages, usage


@given(MODELS, text_usages())
def test_text_costs_what_genai_prices_says(model: str, used: Usage) -> None:
    vendor, _, name = model.partition(":")
    ours = bill(model, used)
    assume(not ours.price_source.startswith("fmsdk overrides"))
    theirs = calc_price(
        TableUsage(
            input_tokens=used.input.total,
            cache_read_tokens=used.input.cache_read,
            cache_write_tokens=used.input.cache_write,
            output_tokens=used.output.total,
            output_reasoning_tokens=used.output.reasoning,
        ),
        name,
        provider_id=vendor,
        genai_request_timestamp=WHEN,
    )
    assert ours.total == theirs.total_price


@given(st.sampled_from(["anthropic:claude-opus-5-5", "openai:gpt-6-astra"]), TOKENS, TOKENS)
def test_a_tier_costs_what_genai_prices_says(model: str, total: int, out: int) -> None:
    vendor, _, name = model.partition(":")
    theirs = calc_price(
        TableUsage(input_tokens=total, output_tokens=out),
        name,
        provider_id=vendor,
        genai_request_timestamp=WHEN,
        price_context={"processing": "batch"},
    )
    cost = bill(model, usage(total, out, tier="batch"))
    assert cost.total == theirs.total_price
    assert cost.total * 2 == bill(model, usage(total, out)).total
    assert "batch tier" in cost.price_source


@given(MODELS, any_usages())
def test_lines_add_up_and_bill_every_token_once(model: str, used: Usage) -> None:
    vendor, _, name = model.partition(":")
    cost = price(vendor, name, used, when=WHEN)
    if cost is None:  # something was used whose price is not known
        into, out = used.input, used.output
        assert into.audio or into.cache_write_1h or out.audio or out.image
        return
    assert cost.total == sum((line.amount for line in cost.lines), Decimal(0))
    into = ("input", "cache")
    for line in cost.lines:
        assert line.quantity > 0
        assert line.amount >= 0
        assert line.amount == line.quantity * line.unit_price
    tokens = [line for line in cost.lines if line.unit == "token"]
    assert sum(x.quantity for x in tokens if x.kind.startswith(into)) == used.input.total
    assert sum(x.quantity for x in tokens if not x.kind.startswith(into)) == used.output.total


@given(MODELS, text_usages(), st.integers(1, 100_000), st.integers(0, 100_000))
def test_more_tokens_never_cost_less(model: str, used: Usage, more: int, answer: int) -> None:
    grown = usage(
        (used.input.total or 0) + more,
        (used.output.total or 0) + answer,
        cache_read=used.input.cache_read,
        cache_write=used.input.cache_write,
        out_reasoning=used.output.reasoning,
    )
    assert bill(model, grown).total >= bill(model, used).total


@given(MODELS, TOKENS, st.data())
def test_cached_tokens_never_cost_more(model: str, total: int, data: st.DataObject) -> None:
    read = data.draw(st.integers(0, total))
    assert bill(model, usage(total, 1, cache_read=read)).total <= bill(model, usage(total, 1)).total


@given(st.lists(text_usages(), min_size=2, max_size=5))
def test_a_batch_costs_the_sum_of_its_parts(parts: list[Usage]) -> None:
    def add(*names: str) -> int:
        return sum(getattr(getattr(part, names[0]), names[1]) or 0 for part in parts)

    together = usage(
        add("input", "total"),
        add("output", "total"),
        cache_read=add("input", "cache_read"),
        cache_write=add("input", "cache_write"),
        out_reasoning=add("output", "reasoning"),
    )
    flat = "anthropic:claude-opus-5-5"
    assert bill(flat, together).total == sum(bill(flat, part).total for part in parts)


@given(st.integers(0, 10_000), st.integers(0, 10_000), st.integers(0, 10_000))
def test_cached_tokens_are_taken_from_text_first(text: int, audio: int, read: int) -> None:
    used = usage(text + audio, 0, audio=audio, cache_read=min(read, text + audio))
    cost = bill("google:gemini-2.5-flash", used)
    for cached_audio in range(0, min(audio, used.input.cache_read or 0) + 1, 997):
        if cached_audio + text < (used.input.cache_read or 0):
            continue  # more cached text than there is text
        theirs = calc_price(
            TableUsage(
                input_tokens=used.input.total,
                input_audio_tokens=audio,
                cache_read_tokens=used.input.cache_read,
                cache_audio_read_tokens=cached_audio,
                output_tokens=0,
            ),
            "gemini-2.5-flash",
            provider_id="google",
            genai_request_timestamp=WHEN,
        )
        assert cost.total >= theirs.total_price


@given(st.integers(0, 10_000), st.integers(0, 10_000), st.integers(0, 10_000))
def test_cached_tokens_of_a_modality_are_taken_from_it(
    text: int, audio: int, cached_audio: int
) -> None:
    cached_audio = min(cached_audio, audio)
    used = usage(
        text + audio,
        0,
        audio=audio,
        cache_read=text + cached_audio,
        cache_read_audio=cached_audio,
    )
    theirs = calc_price(
        TableUsage(
            input_tokens=text + audio,
            input_audio_tokens=audio,
            cache_read_tokens=text + cached_audio,
            cache_audio_read_tokens=cached_audio,
            output_tokens=0,
        ),
        "gemini-2.5-flash",
        provider_id="google",
        genai_request_timestamp=WHEN,
    )
    assert bill("google:gemini-2.5-flash", used).total == theirs.total_price
