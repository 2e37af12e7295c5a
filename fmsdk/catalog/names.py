"""From a model's name to the row of a table that means it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TypeVar

__all__ = ["look_up", "spellings"]

T = TypeVar("T")
# OpenAI's and Anthropic's snapshots. Four digits are left alone: with Mistral and xAI they tell
# models of their own apart.
_SNAPSHOT = re.compile(r"-(\d{4}-\d{2}-\d{2}|\d{8})$")
_VERSION = re.compile(r"^(gemini-.*)-00\d$")  # Google's alone: babbage-002 is no babbage


def look_up(rows: Mapping[str, T], model: str) -> T | None:
    """The row for `model`: that of its very name, else that of the model it is a snapshot of,
    else that of its family ("gemini-1.5-*")."""
    for name in spellings(model):
        if (row := rows.get(name)) is not None:
            return row
    families = (name for name in rows if name.endswith("*"))
    plain = _bare(model)
    return next((rows[name] for name in families if plain.startswith(name[:-1])), None)


def spellings(model: str) -> Iterator[str]:
    """The names a row may mean `model` by, the most exact first: a fine-tuned model
    ("ft:gpt-4o-mini-2024-07-18:org::id") is and ends as what it was made of."""
    name = _bare(model)
    if name.startswith("ft:"):
        name = name.split(":")[1]
    yield name
    undated = _VERSION.sub(r"\1", _SNAPSHOT.sub("", name))
    if undated != name:
        yield undated


def _bare(model: str) -> str:
    """A model without what Google's resource names have before it."""
    return model.removeprefix("publishers/").removeprefix("google/").removeprefix("models/")
