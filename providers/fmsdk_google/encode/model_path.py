"""A Google model's generation and its path, by its name."""

from __future__ import annotations

import re
from urllib.parse import quote

__all__ = ["FIRST_THINKING", "FIRST_WITH_LEVELS", "model_generation", "model_path"]

FIRST_THINKING = (2, 5)
FIRST_WITH_LEVELS = (3, 0)
"""Gemini 3 thinks in levels rather than budgets, and wants its thought signatures back."""
_NEWEST = (99, 0)
_GENERATION = re.compile(r"gemini-(\d+)(?:\.(\d+))?(?!\d)")


def model_generation(model: str) -> tuple[int, int]:
    """(2, 5) or (3, 0); a name without a number (an alias, a tuned model) counts as the newest."""
    match = _GENERATION.search(model)
    return _NEWEST if match is None else (int(match[1]), int(match[2] or 0))


def model_path(model: str, *, vertex: bool, root: str) -> str:
    """The path of a model, by its bare name or its resource name.

    "gemini-3.8-flash", "models/…", "tunedModels/…"; on Vertex also "publishers/…/models/…",
    "meta/llama-…" for another publisher's model, and "projects/…" for the user's own endpoint.
    """
    path = quote(model, safe="/")
    if vertex and path.startswith("projects/"):
        return f"{root.partition('/projects/')[0]}/{path}"
    if not vertex:
        return f"{root}/{path}" if "/" in path else f"{root}/models/{path}"
    path = path.removeprefix("models/")
    if path.startswith("publishers/"):
        return f"{root}/{path}"
    publisher, slash, name = path.partition("/")
    return f"{root}/publishers/{publisher if slash else 'google'}/models/{name or publisher}"
