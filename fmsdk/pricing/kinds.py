"""From a price table's keys to the kinds of lines on a bill, with every fallback settled.

A kind that has no known price is left out, and whoever bills it finds that out. Knows what the
vendors mean where their tables are silent; no models, no dates.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

__all__ = ["unit_prices"]

# OpenAI charges audio many times the price of text; where the table lacks its price, the text
# price is not a fallback. Others (Gemini Flash since 3.8) do charge audio input as text.
_AUDIO_APART = frozenset({"openai", "azure"})
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


def unit_prices(listed: Mapping[str, Decimal], provider_id: str) -> dict[str, Decimal]:
    """{kind of line: US dollars a unit} of {genai-prices' key: US dollars a unit}.

    A cache without a price of its own costs what the input costs; so does reasoning and output.
    """
    prices: dict[str, Decimal] = {}
    for modality in _MODALITIES:
        _add_input(prices, listed, modality, provider_id)
    for kind, key in _OTHERS.items():
        if key in listed:
            prices[kind] = listed[key]
    thinking = listed.get("output_reasoning_mtok", prices.get("output"))
    if thinking is not None:
        prices["reasoning"] = thinking
    return prices


def _add_input(
    prices: dict[str, Decimal], listed: Mapping[str, Decimal], modality: str, provider_id: str
) -> None:
    infix, suffix = (f"_{modality}", f" {modality}") if modality else ("", "")
    fresh = listed.get(f"input{infix}_mtok")
    apart = fresh is not None
    if fresh is None and not (modality == "audio" and provider_id in _AUDIO_APART):
        fresh = listed.get("input_mtok")
    if fresh is None:
        return
    prices[f"input{suffix}"] = fresh
    for kind, stem in _CACHES:
        cached = listed.get(f"cache{infix}_{stem}_mtok")
        if cached is None and not apart:
            cached = listed.get(f"cache_{stem}_mtok")
        if cached is None and stem == "write_1h" and "cache_write_mtok" in listed:
            continue  # dearer than other writes, by how much is not known
        prices[f"{kind}{suffix}"] = fresh if cached is None else cached
