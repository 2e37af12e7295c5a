"""From a price table's keys to the kinds of lines on a bill, with fallbacks between kinds.

A kind whose price is unknown is left out; billing it makes the cost unknown. Knows what vendors
charge where their tables are silent; knows no models and no dates.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

__all__ = ["unit_prices"]

# OpenAI's audio costs many times what its text costs, so the text price is no fallback. Others
# (Gemini Flash since 3.8) do charge audio input as text.
_VENDORS_WITH_AUDIO_PRICES = frozenset({"openai", "azure"})
_MODALITIES = ("", "image", "video", "audio")
_CACHES = (
    ("cache read", "read"),
    ("cache write", "write"),
    ("cache write 1h", "write_1h"),
)
_OTHERS = {
    "output": "output_mtok",
    "output audio": "output_audio_mtok",
    "output image": "output_image_mtok",
    "audio": "input_audio_hours",
    "request": "requests_kcount",
    "web search": "web_searches_kcount",
    "file search": "storage_searches_kcount",
}


def unit_prices(table_prices: Mapping[str, Decimal], provider_id: str) -> dict[str, Decimal]:
    """{kind of line: US dollars a unit} of {genai-prices' key: US dollars a unit}.

    A cache without a price of its own costs what the input costs, and reasoning what the output
    costs.
    """
    prices: dict[str, Decimal] = {}
    for modality in _MODALITIES:
        infix, suffix = (f"_{modality}", f" {modality}") if modality else ("", "")
        input_price = table_prices.get(f"input{infix}_mtok")
        has_own_price = input_price is not None
        if input_price is None and not (
            modality == "audio" and provider_id in _VENDORS_WITH_AUDIO_PRICES
        ):
            input_price = table_prices.get("input_mtok")
        if input_price is None:
            continue
        prices[f"input{suffix}"] = input_price
        for kind, stem in _CACHES:
            cache_price = table_prices.get(f"cache{infix}_{stem}_mtok")
            if cache_price is None and not has_own_price:
                cache_price = table_prices.get(f"cache_{stem}_mtok")
            if cache_price is None and stem == "write_1h" and "cache_write_mtok" in table_prices:
                continue  # more than other writes, by an unknown amount
            prices[f"{kind}{suffix}"] = input_price if cache_price is None else cache_price
    for kind, key in _OTHERS.items():
        if key in table_prices:
            prices[kind] = table_prices[key]
    reasoning = table_prices.get("output_reasoning_mtok", prices.get("output"))
    if reasoning is not None:
        prices["reasoning"] = reasoning
    return prices
