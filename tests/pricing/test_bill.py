"""Money: the rules for overlapping counts, tiers and dates, what has no price."""

from __future__ import annotations

import decimal
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from importlib.metadata import version

import pytest
from genai_prices import Usage as TableUsage
from genai_prices import calc_price, data_snapshot

from fmsdk.pricing import context_window, max_output_tokens, price, table
from fmsdk.usage import InputUsage, OutputUsage, Usage
from tests.support.pricing import SNAPSHOT, amounts, bill, usage


def test_every_kind_has_a_line_of_its_own() -> None:
    cost = bill("openai:gpt-5.6-sol", usage(1000, 200, cache_read=300, out_reasoning=50))
    assert amounts(cost) == {
        "input": (700, 4),
        "cache read": (300, Decimal("0.4")),
        "output": (150, 20),
        "reasoning": (50, 20),
    }
    assert cost.total == Decimal("0.00692")
    assert cost.currency == "USD"
    assert cost.source == "measured"
    assert "openai/gpt-5.6-sol" in cost.price_source


def test_counts_that_cannot_be_are_not_billed() -> None:
    """Of a provider that is not fmsdk's own: fmsdk's decoders drop such counts."""
    used = Usage(
        input=InputUsage(total=100, audio=-50, image=-50, cache_read=-50),
        output=OutputUsage(total=10, reasoning=-5),
        server_tools={"web_search": -2},
        source="measured",
    )
    plain = replace(used, input=InputUsage(total=100), output=OutputUsage(total=10))
    cost = price("openai", "gpt-5.5", used)
    assert cost is not None
    assert cost == price("openai", "gpt-5.5", replace(plain, server_tools=None))
    for seconds in (float("nan"), float("inf")):
        endless = Usage(input=InputUsage(audio_seconds=seconds), source="measured")
        assert price("openai", "whisper-1", endless) is None


def test_a_write_for_an_hour_is_part_of_the_writes() -> None:
    used = usage(1000, 0, cache_read=100, cache_write=500, cache_write_1h=200)
    assert amounts(bill("anthropic:claude-opus-5-5", used)) == {
        "input": (400, 4),
        "cache read": (100, Decimal("0.2")),
        "cache write": (300, 5),
        "cache write 1h": (200, 8),
    }


def test_a_write_for_an_hour_without_a_price_of_its_own_has_none() -> None:
    used = usage(1000, 0, cache_write=500, cache_write_1h=200)
    assert price("openai", "gpt-5.6-sol", used) is None


def test_excess_cached_tokens_are_cut_with_a_note() -> None:
    cost = bill("openai:gpt-4o", usage(7, 1, cache_read=163))
    assert amounts(cost) == {"cache read": (7, Decimal("1.25")), "output": (1, 10)}
    assert "163" in cost.lines[0].note


def test_the_whole_request_pays_the_long_context_price_above_the_threshold() -> None:
    below = bill("openai:gpt-5.6-sol", usage(272_000, 10))
    above = bill("openai:gpt-5.6-sol", usage(272_001, 10))
    assert amounts(below) == {"input": (272_000, 4), "output": (10, 20)}
    assert amounts(above) == {"input": (272_001, 8), "output": (10, 30)}


def test_a_price_is_that_of_its_day() -> None:
    used = usage(1_000_000 // 4, 0)
    before = bill("openai:gpt-5.6-sol", used, datetime(2026, 8, 20, 23, 59, tzinfo=UTC))
    since = bill("openai:gpt-5.6-sol", used, datetime(2026, 8, 21))
    assert (before.total, since.total) == (Decimal("1.25"), Decimal(1))


def test_a_price_is_that_of_its_hour() -> None:
    def at(hour: int, minute: int) -> Decimal:
        when = datetime(2026, 11, 23, hour, minute, tzinfo=UTC)
        theirs = calc_price(
            TableUsage(input_tokens=1000, output_tokens=1000),
            "deepseek-reasoner",
            provider_id="deepseek",
            genai_request_timestamp=when,
        )
        total = bill("deepseek:deepseek-reasoner", usage(1000, 1000), when).total
        assert total == theirs.total_price
        return total

    assert at(0, 29) != at(0, 30)
    assert at(16, 29) != at(16, 30)


@pytest.mark.parametrize("tier", [None, "", "default", "standard", "auto", "on_demand", "STANDARD"])
def test_names_of_the_standard_tier(tier: str | None) -> None:
    assert amounts(bill("openai:gpt-5.6-sol", usage(10, 0, tier=tier))) == {"input": (10, 4)}


def test_the_tier_that_served_is_billed() -> None:
    assert amounts(bill("openai:gpt-5.6-sol", usage(10, 0, tier="flex"))) == {"input": (10, 2)}
    assert amounts(bill("openai:gpt-5.6-sol", usage(10, 0, tier="priority"))) == {"input": (10, 8)}
    assert amounts(bill("anthropic:claude-opus-5-5", usage(10, 0, tier="fast"))) == {
        "input": (10, 8)
    }


def test_a_tier_without_a_price_of_its_own_has_no_cost() -> None:
    used = usage(10, 10, tier="flex")
    assert price("openai", "gpt-4o", used) is None
    assert price("openai", "gpt-5.6-sol", used, when=datetime(2026, 10, 11, tzinfo=UTC)) is None
    assert price("openai", "gpt-5.6-sol", usage(10, 10, tier="scale")) is None
    assert price("openai", "gpt-4o-audio-preview", usage(10, 10, tier="flex")) is None
    # Google has this Claude from Anthropic's list, whose tiers are not Google's.
    assert price("google", "claude-opus-4-1", usage(10, 10)) is not None
    assert price("google", "claude-opus-4-1", usage(10, 10, tier="batch")) is None


@pytest.mark.parametrize(
    ("provider", "model", "used"),
    [
        (None, "gpt-4o", usage(1, 1)),
        ("openai", None, usage(1, 1)),
        ("openai", "no-such-model", usage(1, 1)),
        ("my-openai-server", "gpt-4o", usage(1, 1)),  # looks like OpenAI, and is not
        ("openai", "gpt-4o", Usage()),
        ("openai", "gpt-4o", usage(None, 1)),
        ("openai", "gpt-4o", usage(1, None)),
        ("openai", "tts-1", usage(1, 1)),  # billed by characters, which no usage tells
        ("openai", "whisper-1", usage(1, 1)),  # billed by seconds, which this usage lacks
        ("mistral", "voxtral-small-24b-2507", usage(10, 1, audio=9)),
    ],
)
def test_unknown_price_costs_none(provider: str | None, model: str | None, used: Usage) -> None:
    assert price(provider, model, used) is None


def test_a_model_listed_without_any_price_costs_none() -> None:
    assert price("openrouter", "allenai/molmo-7b-d:free", usage(10, 10)) is None


def test_estimated_usage_gives_an_estimated_cost() -> None:
    used = Usage(input=InputUsage(total=1), output=OutputUsage(total=1), source="estimated")
    assert bill("openai:gpt-4o", used).source == "estimated"


@pytest.mark.parametrize("model", ["gpt-4o-audio-preview", "gpt-4o-audio-preview-2025-06-03"])
def test_overrides_go_before_the_table(model: str) -> None:
    used = usage(1000, 200, audio=900, out_audio=150)
    cost = bill(f"openai:{model}", used)
    assert amounts(cost) == {
        "input": (100, Decimal("2.5")),
        "input audio": (900, 40),
        "output": (50, 10),
        "output audio": (150, 80),
    }
    assert cost.price_source.startswith("fmsdk overrides (developers.openai.com")
    assert "2026-11-23" in cost.price_source


def test_mistrals_latest_large_model_is_not_its_second() -> None:
    used = Usage(input=InputUsage(total=1_000), output=OutputUsage(total=100), source="measured")
    latest = price("mistral", "mistral-large-latest", used)
    dated = price("mistral", "mistral-large-2512", used)
    assert latest is not None
    assert dated is not None
    assert latest.total == dated.total == Decimal("0.00065")


def test_openai_audio_is_never_billed_as_text() -> None:
    first = "gpt-4o-audio-preview-2024-10-01"  # in genai-prices at the price of text
    assert price("openai", first, usage(100, 10, audio=90)) is None
    assert price("openai", first, usage(100, 10)) is not None
    assert amounts(bill("google:gemini-3.8-flash", usage(100, 0, audio=90))) == {
        "input": (10, Decimal("0.75")),
        "input audio": (90, Decimal("0.75")),
    }


def test_media_beside_text_is_not_billed_as_text() -> None:
    assert price("openai", "gpt-4o", usage(1, 10, out_audio=9)) is None
    assert price("openai", "gpt-4o", usage(1, 10, out_image=9)) is None
    speech = bill("google:gemini-2.5-flash-tts", usage(0, 10, out_audio=10))
    assert amounts(speech) == {"output audio": (10, 10)}
    picture = bill("google:gemini-2.5-flash-image", usage(0, 1300, out_image=1290))
    assert amounts(picture) == {"output": (10, Decimal("2.5")), "output image": (1290, 30)}


def test_speech_to_text_is_billed_by_the_second_and_once() -> None:
    used = usage(None, None, audio_seconds=90.0)
    cost = bill("openai:whisper-1", used)
    assert cost.total == Decimal("0.009")
    assert [(line.kind, line.unit) for line in cost.lines] == [("audio", "second")]


@pytest.mark.parametrize("seconds", [0.0, 3.2, 10.0, 90.5])
def test_groq_bills_ten_seconds_at_least(seconds: float) -> None:
    theirs = calc_price(
        TableUsage(audio_seconds=seconds, input_audio_seconds=seconds),
        "whisper-large-v3",
        provider_id="groq",
    )
    cost = bill("groq:whisper-large-v3", usage(None, None, audio_seconds=seconds))
    assert float(cost.total) == pytest.approx(float(theirs.total_price), rel=1e-12)
    assert ("minimum" in cost.lines[0].note) == (0 < seconds < 10)


def test_a_price_for_each_request_is_a_line() -> None:
    cost = bill("perplexity:sonar", usage(1000, 0))
    assert [(line.kind, line.unit) for line in cost.lines] == [
        ("input", "token"),
        ("request", "request"),
    ]
    assert cost.total == Decimal("0.001") + Decimal("0.012")


def test_foreign_price_updater_changes_no_price() -> None:
    empty = data_snapshot.DataSnapshot(providers=[], from_auto_update=True)
    data_snapshot.set_custom_snapshot(empty)
    try:
        table._rates.cache_clear()
        table._find.cache_clear()
        assert bill("openai:gpt-4o", usage(1_000_000, 0)).total == Decimal("2.5")
    finally:
        data_snapshot.set_custom_snapshot(None)


def test_sums_do_not_depend_on_the_callers_precision() -> None:
    used = usage(123_457, 98_765, cache_read=1_234)
    exact = bill("openai:gpt-4o", used).total
    with decimal.localcontext(prec=3):
        assert bill("openai:gpt-4o", used).total == exact


def test_the_installed_snapshot_is_dated() -> None:
    """A new release of genai-prices needs a row with the newest price change it holds."""
    source = bill("openai:gpt-4o", usage(1, 1)).price_source
    dated = source.rpartition("snapshot ")[2].rstrip(")")
    assert source.startswith(f"genai-prices {version('genai-prices')} ")
    started = [
        each.constraint.start_date
        for provider in SNAPSHOT.providers
        for info in provider.models
        for each in (info.prices if isinstance(info.prices, list) else ())
        if hasattr(each.constraint, "start_date")
    ]
    assert date.fromisoformat(dated) in started


def test_importing_loads_no_price_table() -> None:
    code = (
        "import sys, fmsdk.pricing, fmsdk.quoting.quote;"
        "print({'genai_prices', 'pydantic', 'httpx2'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_limits_of_hosted_models() -> None:
    assert context_window("anthropic", "claude-opus-5-5") == 1_000_000
    assert context_window("openai", "gpt-4o") == 128_000
    assert context_window("openai", "no-such-model") is None
    assert max_output_tokens("openai", "gpt-4o-2024-05-13") == 4096
    assert max_output_tokens("openai", "gpt-5.6-sol-2026-07-09") == 128_000  # by its family
    assert max_output_tokens("google", "gemini-3.8-flash") == 65_536
    assert max_output_tokens("openai", "no-such-model") is None
