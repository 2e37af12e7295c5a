"""Finds the row of a table for a model's name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TypeVar

__all__ = ["find_row", "spellings"]

T = TypeVar("T")
# The snapshots of OpenAI and Anthropic. Four digits are not removed: at Mistral and xAI they
# distinguish models.
_SNAPSHOT = re.compile(r"-(\d{4}-\d{2}-\d{2}|\d{8})$")
_VERSION = re.compile(r"^(gemini-.*)-00\d$")  # only Google's: babbage-002 is not babbage


def find_row(rows: Mapping[str, T], model: str) -> T | None:
    """The row for `model`: that of its own name, else that of the model of which it is a snapshot,
    else that of its family ("gemini-1.5-*")."""
    for name in spellings(model):
        if (row := rows.get(name)) is not None:
            return row
    families = (name for name in rows if name.endswith("*"))
    base_name = _strip_resource_path(model)
    return next((rows[name] for name in families if base_name.startswith(name[:-1])), None)


def spellings(model: str) -> Iterator[str]:
    """The names that a row for `model` may have, the most exact first. A fine-tuned model
    ("ft:gpt-4o-mini-2024-07-18:org::id") has the row of its base model."""
    name = _strip_resource_path(model)
    if name.startswith("ft:"):
        name = name.split(":")[1]
    yield name
    base_name = _VERSION.sub(r"\1", _SNAPSHOT.sub("", name))
    if base_name != name:
        yield base_name


def _strip_resource_path(model: str) -> str:
    """A model's name without the path in Google's resource names."""
    return model.removeprefix("publishers/").removeprefix("google/").removeprefix("models/")
