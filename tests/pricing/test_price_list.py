"""The price lists that fmsdk ships say what the genai-prices package says."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import genai_prices
import msgspec
import pytest
from genai_prices.data import providers

from fmsdk.data import read_table
from fmsdk.pricing import genai_prices as package
from fmsdk.pricing import table
from fmsdk.pricing.price_list import PriceList, TieredPrice, find_model
from tests.support.paths import ROOT

MOMENTS = [
    datetime(2024, 6, 1, 12, tzinfo=UTC),
    datetime(2026, 1, 1, 3, 30, tzinfo=UTC),
    datetime(2026, 11, 28, 17, tzinfo=UTC),
    datetime(2027, 3, 1, 23, 59, tzinfo=UTC),
]
VENDORS = {provider.id: provider for provider in providers}


def shipped(vendor: str) -> PriceList:
    return read_table(f"prices/{vendor}.json", PriceList)


def names(provider: Any) -> Iterator[str]:
    """The ids of a vendor's models, and spellings of them that occur."""
    for model in provider.models:
        yield from (model.id, model.id.upper(), f"{model.id}-2025-12-11", f"{model.id}-20251211")
    yield "a-model-of-nobody"


def comparable(prices: Any) -> dict[str, Any]:
    """Prices of either side, in one form."""
    items = prices if isinstance(prices, dict) else vars(prices)
    return {
        key: value
        if isinstance(value, Decimal)
        else (value.base, [(tier.start, tier.price) for tier in value.tiers])
        for key, value in items.items()
        if value is not None
    }


def test_the_lists_are_of_the_pinned_release_and_of_every_vendor() -> None:
    assert {shipped(vendor).release for vendor in VENDORS} == {genai_prices.__version__}
    for vendor in VENDORS:
        made = package.convert_provider(VENDORS[vendor], genai_prices.__version__)
        assert msgspec.json.encode(made) == msgspec.json.encode(shipped(vendor)), (
            f"run scripts/write_price_lists.py: {vendor} differs"
        )


@pytest.mark.parametrize("vendor", VENDORS)
def test_every_model_is_found_and_priced_as_the_package_does(vendor: str) -> None:
    provider, prices = VENDORS[vendor], shipped(vendor)
    read_list = {other: shipped(other) for other in (vendor, *prices.fallbacks)}.get
    for name in names(provider):
        theirs = provider.find_model(name, all_providers=providers)
        ours = find_model(name, prices, read_list)
        assert (ours and ours[0].id) == (theirs and theirs.id), name
        if ours is None or theirs is None:
            continue
        assert ours[1] == any(theirs is model for model in provider.models)
        assert ours[0].context_window == theirs.context_window
        contexts = [None, *(variant.when for variant in theirs.price_variants or ())]
        for moment in MOMENTS:
            for context in contexts:
                expected = comparable(theirs.get_prices(moment, context)) if theirs.prices else {}
                assert comparable(ours[0].prices(moment, context)) == expected


def test_an_unknown_vendor_has_no_list() -> None:
    assert table.rates_for("nobody", "gpt-5.6-sol") is None
    assert table.rates_for("../../etc/passwd", "x") is None


def test_a_newer_package_goes_before_the_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    package.newer_release.cache_clear()
    monkeypatch.setattr(package, "version", lambda name: "99.0.0")
    assert package.newer_release("0.2.3") == "99.0.0"
    monkeypatch.setattr(package, "version", lambda name: "0.2.3")
    package.newer_release.cache_clear()
    assert package.newer_release("0.2.3") is None
    package.newer_release.cache_clear()
    assert package.installed_lists()["openai"] == shipped("openai")


def test_a_price_imports_neither_the_package_nor_pydantic() -> None:
    program = (
        "import sys; sys.path[:0] = ['.', 'providers']; from fmsdk import pricing; "
        "assert pricing.rates_for('openai', 'gpt-5.6-sol') is not None; "
        "print({'genai_prices', 'pydantic'} & set(sys.modules))"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert run.stdout.strip() == "set()"


def test_tiers_are_kept() -> None:
    prices = shipped("google")
    found = find_model("gemini-2.5-pro", prices, lambda _: None)
    assert found is not None
    assert any(isinstance(value, TieredPrice) for value in found[0].prices(MOMENTS[2]).values())
