"""Quotes: the offline estimate against recorded bills, its bounds, and what it costs."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import fmsdk
from fmsdk import pricing
from fmsdk.content import Reasoning, Text, ToolCall, ToolResult
from fmsdk.provider import Estimate
from fmsdk.quoting.estimate import estimate_text, most_tokens
from fmsdk.quoting.missing_usage import estimated_usage
from fmsdk.quoting.offline import make_quote
from fmsdk.quoting.quote import Quote
from fmsdk.quoting.text_tokens import count_tokens
from fmsdk.request import Message, Request, Tool, build
from fmsdk.response import Choice, Response
from fmsdk.testing import FakeProvider
from fmsdk.usage import InputUsage, OutputUsage, Range, Usage
from fmsdk_anthropic.options import AnthropicOptions

MODELS = st.sampled_from(
    [
        "openai:gpt-5.6-sol",
        "openai:gpt-4o",
        "anthropic:claude-opus-5-5",
        "anthropic:claude-sonnet-4-5",
        "google:gemini-3.8-flash",
        "elsewhere:some-model",
    ]
)
WEATHER = Tool("weather", "Tell the weather of a city.", {"type": "object", "properties": {}})


def quote(model: str, prompt: Any = "Explain entropy.", **asked: Any) -> Quote:
    request = build(model, prompt, **asked)
    return make_quote(request, estimate=estimate_text(request), price_id=request.provider)


def codes(quoted: Quote) -> list[str]:
    return [warning.code for warning in quoted.warnings]


@pytest.mark.parametrize(
    ("text", "tokens"),  # counted with OpenAI's o200k vocabulary
    [
        ("The keeper wrote down the weather every morning and compared it in the evening.", 15),
        ("Der Wärter schrieb jeden Morgen das Wetter auf und verglich es am Abend.", 16),
        ("Le gardien notait le temps chaque matin et le comparait à l'été précédent.", 18),
        ("Смотритель каждое утро записывал погоду, а вечером сравнивал её с рассказами.", 23),
        ("Ο φαροφύλακας έγραφε κάθε πρωί τον καιρό και το βράδυ τον σύγκρινε.", 28),
        ("كان الحارس يدون حالة الطقس كل صباح، ويقارنها كل مساء بما أخبره به الصيادون.", 27),
        ("रखवाला हर सुबह मौसम लिखता था और हर शाम उसकी तुलना हवाओं से करता था।", 21),
        ("灯塔看守人每天早晨记录天气，每天傍晚把它和渔民告诉他的海湾外的风向作比较。", 32),
        ("灯台守は毎朝天気を書き留め、毎晩それを漁師たちから聞いた風の話と比べていた。", 35),
        ("등대지기는 매일 아침 날씨를 적고, 저녁마다 어부들의 바람 이야기와 견주어 보았다.", 30),
        ("for value in values:\n    if not value.ready():\n        raise ValueError('late')\n", 18),
        ('{"city":"Vienna","high":21.5,"conditions":["sunny","windy"],"at":"2026-11-23"}', 30),
        ("3141592653589793 2718281828 1618033 577215 42 7 1024 65536", 28),
    ],
)
def test_scripts_code_and_digits_are_counted_within_a_quarter(text: str, tokens: int) -> None:
    assert count_tokens(text) == pytest.approx(tokens, rel=0.25)


@given(MODELS, st.text(min_size=1).filter(str.strip), st.text(), st.booleans())
def test_low_expected_high_and_the_bound_are_in_order(
    model: str, prompt: str, system: str, tools: bool
) -> None:
    request = build(model, prompt, system=system, tools=(WEATHER,) if tools else ())
    tokens = estimate_text(request).input
    assert 1 <= tokens.low <= tokens.expected <= tokens.high <= most_tokens(request)


@given(MODELS, st.text(min_size=1, max_size=50).filter(str.strip), st.integers(1, 50))
def test_longer_request_never_has_a_smaller_estimate(model: str, text: str, times: int) -> None:
    once = build(model, text)
    more = build(model, [Message("user", text)] * (times + 1))
    assert estimate_text(more).input.expected >= estimate_text(once).input.expected
    assert most_tokens(more) > most_tokens(once)


def test_quote_counts_everything_sent() -> None:
    def expected(*messages: Message, **more: Any) -> int:
        request = build("openai:gpt-5.6-sol", [Message("user", "Hi"), *messages], **more)
        return estimate_text(request).input.expected

    words = "word " * 100
    plain = expected()
    call = Message("assistant", [ToolCall("1", "weather", {"city": words})])
    result = Message("tool", [ToolResult("1", words)])
    thought = Message("assistant", [Reasoning("", "openai", "x" * 2000)])
    assert expected(system=words) > plain + 90
    assert expected(Message("assistant", words)) > plain + 90
    assert expected(call) > plain + 90
    assert expected(call, result) > expected(call) + 90
    assert expected(thought) > plain + 90
    assert expected(tools=[Tool("weather", words)]) > plain + 70
    schema = {"type": "object", "properties": {"a": {"type": "string", "description": words}}}
    assert expected(output=schema) > plain + 60


def test_reasoning_of_another_vendor_stays_out() -> None:
    theirs = Message("assistant", [Reasoning("", "anthropic", "x" * 1000)])
    request = build("openai:gpt-5.6-sol", [Message("user", "Hi"), theirs])
    bare = build("openai:gpt-5.6-sol", "Hi")
    assert estimate_text(request).input.expected == estimate_text(bare).input.expected


def test_claude_counts_more_tokens_since_4_7() -> None:
    def expected(model: str) -> int:
        return estimate_text(build(f"anthropic:{model}", "word " * 1000)).input.expected

    older = {expected("claude-3-5-haiku-20241022"), expected("claude-sonnet-4-20250514")}
    newer = {expected("claude-opus-4-7"), expected("claude-opus-5"), expected("claude-opus-5-5")}
    assert max(older) * 1.2 < min(newer)


def test_broken_media_are_not_quoted() -> None:
    part = fmsdk.Image(b"no picture")
    for prompt in ([part, "What is it?"], [ToolResult("1", [part])]):
        request = build("openai:gpt-5.6-sol", prompt)
        with pytest.raises(fmsdk.QuoteUnavailable, match=r"this image.*is not an image"):
            estimate_text(request)
        with pytest.raises(fmsdk.QuoteUnavailable):
            most_tokens(request)


def test_a_quote_with_a_limit() -> None:
    quoted = quote("openai:gpt-5.6-sol", max_output_tokens=300)
    assert quoted.output_tokens == Range(1, 300, 300)
    assert quoted.cost is not None
    assert quoted.cost.expected == 300 * Decimal(
        "0.00002"
    ) + quoted.input_tokens.expected * Decimal("0.000004")
    assert quoted.ceiling is not None
    assert quoted.cost.high < quoted.ceiling < quoted.cost.high * 2
    assert (quoted.source, codes(quoted)) == ("estimated", [])
    assert "openai/gpt-5.6-sol" in (quoted.price_source or "")
    assert (quoted.provider, quoted.model) == ("openai", "gpt-5.6-sol")


def test_without_a_limit_the_models_own_is_the_end() -> None:
    quoted = quote("anthropic:claude-opus-5-5")
    assert quoted.output_tokens.high == 128_000
    assert quoted.ceiling is not None
    assert codes(quoted) == ["output_assumed"]
    thinking = quote("anthropic:claude-opus-5-5", reasoning="high")
    assert thinking.output_tokens.expected > quoted.output_tokens.expected


def test_without_any_limit_there_is_no_ceiling() -> None:
    quoted = quote("openai:gpt-6-astra")  # how much it answers at most is not in our table
    assert quoted.cost is not None
    assert quoted.ceiling is None


def test_each_choice_counts_in_the_quote() -> None:
    quoted = quote("openai:gpt-4o", max_output_tokens=100, choices=3)
    assert quoted.output_tokens == Range(3, 300, 300)


def test_unpriced_model_is_quoted_in_tokens() -> None:
    quoted = quote("openai:no-such-model", max_output_tokens=10)
    assert (quoted.cost, quoted.ceiling, quoted.price_source) == (None, None, None)
    assert quoted.input_tokens.expected > 0
    assert codes(quoted) == ["price_unknown"]


@dataclass(frozen=True)
class Options:
    service_tier: str | None = None


def test_the_tier_asked_for_is_quoted() -> None:
    standard = quote("openai:gpt-5.6-sol", max_output_tokens=10)
    flex = quote("openai:gpt-5.6-sol", max_output_tokens=10, options=Options("flex"))
    assert standard.cost is not None
    assert flex.cost is not None
    assert flex.cost.expected * 2 == standard.cost.expected
    unknown = quote("openai:gpt-4o", max_output_tokens=10, options=Options("flex"))
    assert unknown.cost is None
    assert "flex" in unknown.warnings[-1].message


@pytest.mark.parametrize(
    ("mark", "asked", "rate"),
    [(True, {}, "0.00000375"), ("1h", {}, "0.000006"),
     (False, {"options": AnthropicOptions(cache="1h")}, "0.000006"), (False, {}, "0.000003")],
)  # fmt: skip
def test_a_marked_cache_is_in_the_range(mark: Any, asked: dict[str, Any], rate: str) -> None:
    text = Text("word " * 3000, cache=mark)
    quoted = quote("anthropic:claude-sonnet-4-5", [text], max_output_tokens=1, **asked)
    assert quoted.cost is not None
    assert quoted.ceiling is not None
    answer = Decimal("0.000015")
    assert quoted.cost.high == quoted.input_tokens.high * Decimal(rate) + answer
    low = "0.0000003" if rate != "0.000003" else rate
    assert quoted.cost.low == quoted.input_tokens.low * Decimal(low) + answer
    assert quoted.cost.high <= quoted.ceiling


def test_the_standard_tier_alone_has_the_standard_price() -> None:
    asked = build("anthropic:claude-sonnet-4-5", "Hi", max_output_tokens=10)
    alone = replace(asked, options=AnthropicOptions(service_tier="standard_only"))
    standard, only = (
        make_quote(request, estimate=estimate_text(request), price_id="anthropic")
        for request in (asked, alone)
    )
    assert standard.ceiling is not None
    assert (only.cost, only.ceiling) == (standard.cost, standard.ceiling)


def test_speech_out_is_in_the_ceiling() -> None:
    asked = {"max_output_tokens": 1000, "modalities": ("text", "audio")}
    spoken = quote("openai:gpt-audio", **asked)
    assert spoken.ceiling is not None
    assert spoken.ceiling > 1000 * Decimal("0.000064")
    assert quote("openai:gpt-4o", **asked).ceiling is None  # audio has no price there

    assert spoken.cost is not None
    assert spoken.cost.high > 1000 * Decimal("0.000064")
    assert spoken.cost.low < Decimal("0.0001")
    alone = quote("google:gemini-2.5-flash-preview-tts", **{**asked, "modalities": ("audio",)})
    assert alone.ceiling is not None


@pytest.mark.parametrize("modalities", [{}, {"modalities": ("text", "image")}])
def test_pictures_that_are_drawn_are_in_the_quote(modalities: dict[str, Any]) -> None:
    drawn = quote("google:gemini-3-pro-image", max_output_tokens=2000, **modalities)
    used = Usage(
        input=InputUsage(total=2), output=OutputUsage(total=1120, image=1120), source="measured"
    )
    cost = pricing.price("google", "gemini-3-pro-image", used)
    assert cost is not None
    assert drawn.ceiling is not None
    assert drawn.cost is not None
    assert cost.total == Decimal("0.134404")
    assert drawn.cost.low < cost.total < drawn.cost.high <= drawn.ceiling
    assert drawn.cost.expected > Decimal("0.1")


def test_a_prompt_longer_than_the_context_is_warned_about() -> None:
    assert "context_too_long" in codes(quote("openai:gpt-4o", "word " * 200_000))


def test_a_counted_prompt_is_measured() -> None:
    request = build("openai:gpt-4o", "Hi", max_output_tokens=10)
    counted = Estimate(input=Range(8, 8, 8), exact=True)
    quoted = make_quote(request, estimate=counted, price_id="openai")
    assert quoted.source == "measured"
    assert quoted.ceiling == 8 * Decimal("0.0000025") + 10 * Decimal("0.00001")


@given(MODELS, st.text(min_size=1).filter(str.strip), st.integers(1, 10_000), st.data())
def test_no_bill_within_the_bounds_exceeds_the_ceiling(
    model: str, prompt: str, limit: int, data: st.DataObject
) -> None:
    request = build(model, prompt, max_output_tokens=limit)
    quoted = make_quote(request, estimate=estimate_text(request), price_id=request.provider)
    if quoted.ceiling is None:
        assert quoted.cost is None
        return
    total = data.draw(st.integers(0, most_tokens(request)))
    read = data.draw(st.integers(0, total))
    write = data.draw(st.integers(0, total - read))
    out = data.draw(st.integers(0, limit))
    used = Usage(
        input=InputUsage(total=total, cache_read=read, cache_write=write),
        output=OutputUsage(total=out, reasoning=data.draw(st.integers(0, out))),
        source="measured",
    )
    cost = pricing.price(request.provider, request.model, used)
    assert cost is not None
    assert cost.total <= quoted.ceiling


@pytest.mark.parametrize("model", ["anthropic:claude-opus-5-5", "google:gemini-3.8-flash"])
def test_vendors_are_quoted_with_no_provider_installed(model: str) -> None:
    with fmsdk.Client() as client:
        quoted = client.quote(model, "Explain entropy.", max_output_tokens=100)
    assert quoted.cost is not None
    assert quoted.source == "estimated"


def test_an_unknown_provider_is_not_quoted() -> None:
    with fmsdk.Client() as client, pytest.raises(fmsdk.UnknownProvider):
        client.quote("elsewhere:model", "Hi")


def test_a_providers_own_estimate_and_price_id_go_first() -> None:
    with fmsdk.Client(providers={"fake": FakeProvider(price_id="openai")}) as client:
        quoted = client.quote("fake:gpt-4o", "one two three", max_output_tokens=2)
    assert quoted.input_tokens == Range(3, 3, 3)
    assert quoted.source == "measured"
    assert quoted.cost is not None


class LocalProvider(FakeProvider):
    is_local = True


def test_local_quote_has_no_cost() -> None:
    with fmsdk.Client(providers={"here": LocalProvider(name="here")}) as client:
        quoted = client.quote("here:model", "Hi", max_output_tokens=5)
    assert quoted.cost is None
    assert codes(quoted) == ["local_cost_unknown_before_run"]


def partial(*parts: Any) -> Response[Any]:
    return Response(provider="fake", model="any", choices=(Choice(parts, "cancelled"),))


def test_a_broken_answer_has_estimated_usage() -> None:
    request = build("fake:any", "one two three")
    used = estimated_usage(
        FakeProvider(),
        request,
        partial(Reasoning("so"), Text("word " * 100), ToolCall("1", "weather", {"city": "Wien"})),
    )
    assert used.source == "estimated"
    assert used.input.total == 3
    assert used.output.total == pytest.approx(120, rel=0.15)
    assert estimated_usage(FakeProvider(), request, partial()).output.total == 0


def test_a_broken_answer_of_unknown_size_has_unknown_usage() -> None:
    class NoEstimate(FakeProvider):
        def estimate(self, request: Request) -> Estimate:
            raise fmsdk.QuoteUnavailable("no rule")

    request = build("fake:any", "Hi")
    sound = partial(fmsdk.Audio(b"RIFF"))
    assert estimated_usage(NoEstimate(), request, partial(Text("Hi"))) == Usage()
    assert estimated_usage(FakeProvider(), request, sound) == Usage()


def test_quote_works_with_and_without_a_running_loop() -> None:
    async def inside() -> Quote:
        async with fmsdk.AsyncClient() as client:
            return client.quote("google:gemini-3.8-flash", "Hi", max_output_tokens=5)

    with fmsdk.Client() as client:
        outside = client.quote("google:gemini-3.8-flash", "Hi", max_output_tokens=5)
    assert asyncio.run(inside()) == outside
