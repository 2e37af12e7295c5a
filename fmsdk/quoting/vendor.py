"""Whose model it is, by the provider, or on a server with models of many vendors by its name; and
of which generation."""

from __future__ import annotations

import re
from functools import lru_cache

__all__ = ["claude_generation", "gemini_generation", "is_gemini_alias", "vendor_of"]

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

_CLAUDE_NAME = re.compile(r"claude-(?:[a-z]+-)?(\d)(?:[-.](\d)(?!\d))?")
_GEMINI_NAME = re.compile(r"gemini-(\d+)(?:\.(\d+))?")


@lru_cache(maxsize=512)
def vendor_of(provider: str, model: str) -> str:
    """The vendor of the model: "openai", "anthropic" or "google"; "" for any other."""
    vendor = _BY_PROVIDER.get(provider)
    if vendor is None:
        name = model.lower()
        vendor = next((vendor for pattern, vendor in _BY_NAME if pattern.search(name)), "")
    return vendor


def claude_generation(model: str) -> float:
    """The version of a Claude, such as 4.5; 5.0 if the name does not tell."""
    match = _CLAUDE_NAME.search(model)
    return float(f"{match[1]}.{match[2] or 0}") if match else 5.0


def gemini_generation(model: str) -> float:
    """The version of a Gemini, such as 2.5; 3.0 if the name has none ("flash-latest")."""
    match = _GEMINI_NAME.search(model)
    return float(f"{match[1]}.{match[2] or 0}") if match else 3.0


def is_gemini_alias(model: str) -> bool:
    """Whether the name of a Gemini has no version: "gemini-flash-latest"."""
    return _GEMINI_NAME.search(model) is None
