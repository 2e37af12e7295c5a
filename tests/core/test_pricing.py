"""Money: bills against genai-prices, the rules for overlapping counts, what has no price."""

from __future__ import annotations

import decimal
import subprocess
import sys
from datetime import UTC, date, datetime
from decimal import Decimal
from fnmatch import fnmatchcase
from importlib.metadata import version
from typing import Any

import pytest
from genai_prices import Usage as TableUsage
from genai_prices import calc_price, data_snapshot
from hypothesis import given
from hypothesis import strategies as st

from fmsdk.data import read
from fmsdk.pricing import context_window, device_cost, max_output_tokens, price, table
from fmsdk.pricing.datafile import MONEY
from fmsdk.pricing.device import VARIABLE, _Table
from fmsdk.usage import Cost, Device, InputUsage, OutputUsage, Timings, Usage

WHEN = datetime(2026, 11, 23, 12, tzinfo=UTC)
VENDORS = ("anthropic", "deepseek", "google", "groq", "mistral", "openai", "x-ai")
SNAPSHOT = data_snapshot.get_snapshot()
TOKENS = st.integers(0, 2_000_000)


def usage(total: int | None = 0, out: int | None = 0, **more: Any) -> Usage:
    """Measured usage: fields of `InputUsage`, `out_…` ones of `OutputUsage`, or `tier`."""
    tier = more.pop("tier", None)
    answer = {key.removeprefix("out_"): more.pop(key) for key in list(more) if "out_" in key}
    return Usage(
        input=InputUsage(total=total, **more),
        output=OutputUsage(total=out, **answer),
        source="measured",
        service_tier=tier,
    )


def bill(model: str, used: Usage, when: datetime = WHEN) -> Cost:
    vendor, _, name = model.partition(":")
    cost = price(vendor, name, used, when=when)
    assert cost is not None
    return cost


def amounts(cost: Cost) -> dict[str, tuple[int, Decimal]]:
    """{kind: (quantity, dollars a million)} of a bill's lines."""
    return {line.kind: (int(line.quantity), line.unit_price * 1_000_000) for line in cost.lines}


def text_models() -> list[str]:
    """Every model of `VENDORS` that is billed by plain tokens at that time."""
    found: list[str] = []
    for provider in SNAPSHOT.providers:
        for info in provider.models if provider.id in VENDORS else ():
            keys = {key for key, value in vars(info.get_prices(WHEN)).items() if value is not None}
            plain = {"input_mtok", "output_mtok"} <= keys and "input_audio_hours" not in keys
            if plain and provider.find_model(info.id) is info:
                found.append(f"{provider.id}:{info.id}")
    return found


MODELS = st.sampled_from(text_models())


@st.composite
def text_usages(draw: st.DrawFn) -> Usage:
    total, out = draw(TOKENS), draw(TOKENS)
    read = draw(st.integers(0, total))
    write = draw(st.integers(0, total - read))
    return usage(
        total, out, cache_read=read, cache_write=write, out_reasoning=draw(st.integers(0, out))
    )


any_count = st.none() | st.integers(0, 3_000_000)


@st.composite
def any_usages(draw: st.DrawFn) -> Usage:
    """Usage as a careless vendor may tell it: parts larger than the whole, parts that overlap."""
    names = ("text", "image", "audio", "video", "document")
    caches = ("cache_read", "cache_write", "cache_write_1h")
    parts = {name: draw(any_count) for name in (*names, *caches)}
    answer = {f"out_{name}": draw(any_count) for name in ("audio", "image", "reasoning")}
    return usage(draw(TOKENS), draw(TOKENS), **parts, **answer)


@given(MODELS, text_usages())
def test_text_costs_what_genai_prices_says(model: str, used: Usage) -> None:
    vendor, _, name = model.partition(":")
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
    assert bill(model, used).total == theirs.total_price


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
def test_a_cache_never_makes_reading_dearer(model: str, total: int, data: st.DataObject) -> None:
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
def test_text_is_taken_for_cached_first_which_never_understates(
    text: int, audio: int, read: int
) -> None:
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


def test_more_cached_tokens_than_tokens_are_cut_and_said_so() -> None:
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
def test_words_for_the_standard_tier(tier: str | None) -> None:
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
def test_what_is_not_known_costs_none(provider: str | None, model: str | None, used: Usage) -> None:
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
    assert ("least" in cost.lines[0].note) == (0 < seconds < 10)


def test_a_price_for_each_request_is_a_line() -> None:
    cost = bill("perplexity:sonar", usage(1000, 0))
    assert [(line.kind, line.unit) for line in cost.lines] == [
        ("input", "token"),
        ("request", "request"),
    ]
    assert cost.total == Decimal("0.001") + Decimal("0.012")


def test_an_updater_of_somebody_else_changes_no_price() -> None:
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
        "import sys, fmsdk.pricing, fmsdk.quote;"
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


def spent(seconds: float | None, device: Device | None) -> Cost | None:
    return device_cost(Timings(device_seconds=seconds, device=device))


@pytest.fixture
def no_price(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)


@pytest.mark.usefixtures("no_price")
@pytest.mark.parametrize(
    ("kind", "name", "count", "hourly"),
    [
        ("cuda", "NVIDIA H100 80GB HBM3", 1, "6.88"),
        ("cuda", "NVIDIA H100 PCIe", 1, "2.89"),
        ("cuda", "NVIDIA H200", 2, "15.824"),
        ("cuda", "NVIDIA A100-SXM4-40GB", 1, "2.74470525"),
        ("cuda", "NVIDIA A100-SXM4-80GB", 1, "3.43088125"),
        ("cuda", "NVIDIA A100 80GB PCIe", 1, "3.673"),
        ("cuda", "NVIDIA L4", 1, "0.8048"),
        ("cuda", "NVIDIA L40S", 1, "1.861"),
        ("cuda", "NVIDIA A10G", 1, "1.006"),
        ("cuda", "Tesla T4", 4, "2.104"),
        ("cuda", "NVIDIA GeForce RTX 4090", 1, "0.29"),
        ("cpu", "AMD EPYC 7B13", 4, "0.1785"),
    ],
)
def test_a_device_costs_what_renting_it_costs(
    kind: str, name: str, count: int, hourly: str
) -> None:
    cost = spent(3600.0, Device(kind=kind, name=name, count=count))
    assert cost is not None
    assert float(cost.total) == pytest.approx(float(hourly), rel=1e-12)
    (line,) = cost.lines
    assert (line.kind, line.unit) == ("device time", "second")
    assert line.quantity * line.unit_price == line.amount == cost.total
    assert "rental equivalent" in line.note
    assert "retrieved 2026" in cost.price_source


@pytest.mark.usefixtures("no_price")
@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("cuda", "NVIDIA GH200 480GB"),
        ("cuda", "NVIDIA GeForce RTX 4090 Laptop GPU"),
        ("cuda", "NVIDIA H100 80GB HBM3 MIG 1g.10gb"),
        ("cuda", "NVIDIA L40"),
        ("mps", "Apple M3"),
    ],
)
def test_an_unknown_device_costs_none(kind: str, name: str) -> None:
    assert spent(1.0, Device(kind=kind, name=name)) is None


def test_unknown_seconds_cost_none() -> None:
    assert spent(None, Device(kind="cpu", name="x")) is None
    assert spent(1.0, None) is None


def test_the_users_own_price_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "3.60")
    device = Device(kind="cuda", name="NVIDIA L4")
    by_variable = spent(10.0, device)
    assert by_variable is not None
    assert by_variable.total == Decimal("0.01")
    assert VARIABLE in by_variable.lines[0].note
    own = Device(kind="cuda", name="NVIDIA L4", count=8, hourly_price=Decimal("7.2"))
    by_option = spent(10.0, own)
    assert by_option is not None
    assert by_option.total == Decimal("0.02")  # for all of them together
    assert by_option.lines[0].note.startswith("your own figure")
    assert by_option.price_source == "your own figure"


@pytest.mark.parametrize("given_price", ["cheap", "-1", "nan", "inf"])
def test_a_price_that_is_none_is_said_and_left_out(
    given_price: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(VARIABLE, given_price)
    cost = spent(3600.0, Device(kind="cuda", name="NVIDIA L4"))
    assert cost is not None
    assert "rental equivalent" in cost.lines[0].note
    assert VARIABLE in caplog.text


@pytest.mark.usefixtures("no_price")
@given(st.floats(0, 1e7, allow_nan=False), st.integers(1, 256))
def test_device_time_multiplies_exactly(seconds: float, threads: int) -> None:
    cost = device_cost(
        Timings(device_seconds=seconds, device=Device(kind="cpu", name="x", count=threads))
    )
    assert cost is not None
    (line,) = cost.lines
    assert line.quantity * line.unit_price == line.amount == cost.total >= 0


def test_every_row_of_the_device_table_can_be_reached() -> None:
    rows = read("device_prices.json", _Table).rows
    for row in rows:
        name = row.match.replace("*", " ")
        first = next(r for r in rows if r.kind == row.kind and fnmatchcase(name, r.match))
        assert first is row
        assert row.hourly > 0
        assert row.source
        assert date.fromisoformat(row.retrieved)


def test_money_has_digits_to_spare() -> None:
    assert MONEY.prec > 28
