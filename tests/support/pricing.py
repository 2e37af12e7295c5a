"""Usage to price, and bills."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from genai_prices import data_snapshot
from hypothesis import strategies as st

from fmsdk.pricing import price
from fmsdk.usage import Cost, InputUsage, OutputUsage, Usage

__all__ = [
    "MODELS",
    "SNAPSHOT",
    "TOKENS",
    "VENDORS",
    "WHEN",
    "amounts",
    "any_count",
    "any_usages",
    "bill",
    "text_models",
    "text_usages",
    "usage",
]


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
    kinds = ("", "_image", "_audio", "_video")
    caches = (*(f"cache_read{kind}" for kind in kinds), "cache_write", "cache_write_1h")
    parts = {name: draw(any_count) for name in (*names, *caches)}
    answer = {f"out_{name}": draw(any_count) for name in ("audio", "image", "reasoning")}
    return usage(draw(TOKENS), draw(TOKENS), **parts, **answer)
