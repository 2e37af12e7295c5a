"""Whose model it is: by the provider, or on a server with models of many vendors by its name."""

from __future__ import annotations

import re
from functools import lru_cache

__all__ = ["vendor_of"]

_BY_PROVIDER = {
    "anthropic": "anthropic",
    "azure": "openai",  # whose names of models are the user's own
    "google": "google",
    "google-vertex": "google",
    "openai": "openai",
}
_BY_NAME = (
    (re.compile(r"\bgpt-?\d|\bchatgpt|\bgpt-audio|\bgpt-oss|\bo[134](-|$)|computer-use"), "openai"),
    (re.compile(r"\bclaude"), "anthropic"),
    (re.compile(r"\bgemini"), "google"),
)


@lru_cache(maxsize=512)
def vendor_of(provider: str, model: str) -> str:
    """The vendor of the model: "openai", "anthropic" or "google"; "" for any other."""
    vendor = _BY_PROVIDER.get(provider)
    if vendor is None:
        name = model.lower()
        vendor = next((vendor for pattern, vendor in _BY_NAME if pattern.search(name)), "")
    return vendor
