"""Which model is asked where the command line names none, and the client that asks it."""

from __future__ import annotations

import os
from collections.abc import Iterable

from fmsdk import registry
from fmsdk.cli import terminal
from fmsdk.client import Client
from fmsdk.content import Modality
from fmsdk.errors import BadRequestError
from fmsdk.provider import Progress

__all__ = ["VARIABLE", "chosen_model", "client_showing"]

VARIABLE = "FMSDK_MODEL"
_DEMO_MODELS: tuple[tuple[str, frozenset[Modality]], ...] = (
    ("local:demo-text", frozenset({"text"})),
    ("local:demo-vision", frozenset({"text", "image"})),
    ("local:demo-audio", frozenset({"audio"})),
)


def chosen_model(given: str | None, kinds: frozenset[Modality], *, quiet: bool = False) -> str:
    """`given`, else `FMSDK_MODEL`, else the demo model that takes all of `kinds`, with a line
    on standard error that says so, unless `quiet`.

    Raises:
        BadRequestError: no demo model does; the message names models here that do.
    """
    named = given or os.environ.get(VARIABLE)
    if named:
        return named
    for name, taken in _DEMO_MODELS:
        if kinds <= taken:
            if not quiet:
                terminal.note(f"fmsdk: asking {name} (-m or {VARIABLE} choose another)")
            return name
    raise BadRequestError(_nothing_fits(kinds))


def client_showing(progress: Progress) -> Client:
    """A client that reports to `progress` what it does before a local model can answer."""
    return Client(providers={"local": {"progress": progress}})


def _nothing_fits(kinds: frozenset[Modality]) -> str:
    taking = [
        model.name for model in registry.usable_models() if model.usable and kinds <= model.input
    ]
    message = f"no demo model takes {_list(kinds)} together; choose a model with -m"
    if taking:
        message += f" (usable models that do: {', '.join(taking)})"
    if kinds == frozenset[Modality]({"text", "audio"}):
        message += ', or go by text: fmsdk transcribe FILE | fmsdk ask "…"'
    return message


def _list(kinds: Iterable[str]) -> str:
    return " and ".join(sorted(kinds))
