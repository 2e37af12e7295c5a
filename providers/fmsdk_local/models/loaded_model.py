"""The protocol of a loaded checkpoint, whether it generates text or transcribes speech."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from decimal import Decimal
from pathlib import Path
from typing import Protocol, Self

from fmsdk.provider import Capabilities
from fmsdk.request import Request
from fmsdk.response import Event
from fmsdk.usage import Device, InputUsage
from fmsdk_local.engine import Job

__all__ = ["LoadedModel"]


class LoadedModel(Protocol):
    """A checkpoint in memory that serves requests: a `TextModel` or a `SpeechModel`."""

    @property
    def name(self) -> str:
        """The name that it was loaded by."""
        ...

    @property
    def path(self) -> Path:
        """The directory of its checkpoint; for a GGUF file, of the conversion."""
        ...

    @property
    def device(self) -> Device:
        """The device that it runs on."""
        ...

    @property
    def capabilities(self) -> Capabilities:
        """The content and the settings that it takes."""
        ...

    def with_hourly_price(self, price: Decimal | None) -> Self:
        """The same model with a device that costs `price` dollars an hour."""
        ...

    def count_input(self, request: Request) -> InputUsage | None:
        """The exact input tokens of the request, or None where they cannot be counted."""
        ...

    def generate_events(
        self,
        request: Request,
        *,
        load_seconds: float,
        stream: bool,
        on_job: Callable[[Job], None] | None = None,
    ) -> AsyncGenerator[Event]:
        """The events of one response; the last one is `Finished`.

        Args:
            request: what to respond to.
            load_seconds: how long this request waited for the model to load.
            stream: send each token as it comes, rather than all text at the end.
            on_job: called with the engine's job as soon as it is submitted.
        """
        ...

    def unload(self) -> None:
        """Stop the inference thread after its current decode step; waiting requests fail."""
        ...
