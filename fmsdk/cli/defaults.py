"""The model that is asked where the command line names none, and the client that asks it."""

from __future__ import annotations

import logging
import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any

from fmsdk import registry
from fmsdk.cli import terminal
from fmsdk.content import Modality
from fmsdk.errors import BadRequestError
from fmsdk.observe.log import logger
from fmsdk.provider import Progress
from fmsdk.sync_client import Client

__all__ = ["VARIABLE", "choose_model", "create_client"]

VARIABLE = "FMSDK_MODEL"
_DEMO_MODELS: tuple[tuple[str, frozenset[Modality]], ...] = (
    ("local:demo-text", frozenset({"text"})),
    ("local:demo-vision", frozenset({"text", "image"})),
    ("local:demo-audio", frozenset({"audio"})),
)


def choose_model(
    option: str | None, modalities: frozenset[Modality], *, quiet: bool = False
) -> str:
    """The model of `-m`, else `FMSDK_MODEL`, else the demo model for all `modalities`, which is
    named on standard error unless `quiet`.

    Raises:
        BadRequestError: there is no such demo model. The message names usable models.
    """
    if model := option or os.environ.get(VARIABLE):
        return model
    for name, supported_modalities in _DEMO_MODELS:
        if modalities <= supported_modalities:
            if not quiet:
                terminal.print_note(f"fmsdk: asking {name} (-m or {VARIABLE} choose another)")
            return name
    usable_models = [
        model.name
        for model in registry.usable_models()
        if model.usable and modalities <= model.input
    ]
    names = " and ".join(sorted(modalities))
    message = f"no demo model takes {names} together; choose a model with -m"
    if usable_models:
        message += f" (usable models that do: {', '.join(usable_models)})"
    if modalities == frozenset[Modality]({"text", "audio"}):
        message += ', or transcribe first: fmsdk transcribe FILE | fmsdk ask "…"'
    raise BadRequestError(message)


class _RetryHandler(logging.Handler):
    """Shows on the terminal why an answer takes long: an attempt failed, and another follows."""

    def __init__(self, progress: Progress) -> None:
        super().__init__(logging.INFO)
        self._progress = progress

    def emit(self, record: logging.LogRecord) -> None:
        figures: Mapping[str, Any] = getattr(record, "fmsdk", {})
        if figures.get("event") == "retry":
            status = "" if figures["status"] is None else f" ({figures['status']})"
            why = f"{figures['error']}{status}"
            self._progress(f"{why}; trying again in {figures['delay']:.1f} s", None, None)


@contextmanager
def create_client(progress: Progress) -> Generator[Client]:
    """A client that reports the loading of local models, and retries, to `progress`."""
    handler, level = _RetryHandler(progress), logger.level
    logger.addHandler(handler)
    logger.setLevel(min(logger.getEffectiveLevel(), logging.INFO))
    try:
        with Client(providers={"local": {"progress": progress}}) as client:
            yield client
    finally:
        logger.setLevel(level)
        logger.removeHandler(handler)
