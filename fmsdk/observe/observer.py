"""The interface of everyone who hears of calls: a `Watch` follows one call, from its begin."""

from __future__ import annotations

from typing import Any, Literal, Protocol

from fmsdk.errors import FmsdkError
from fmsdk.provider import Transcription
from fmsdk.response import Response
from fmsdk.usage import Attempt

__all__ = ["Observer", "Outcome", "Verb", "attempts_of", "request_id_of"]

Verb = Literal["generate", "stream", "transcribe"]
Outcome = Response[Any] | Transcription | Exception
"""How a call ended. One that its caller cancelled, or a stream that was left, is a `Response`
whose finish is "cancelled"; what is no `FmsdkError` is a bug, on its way to the caller."""


class Observer(Protocol):
    """Follows one call. `ended` comes once, and last."""

    def retrying(self, error: FmsdkError, attempt: Attempt, delay: float) -> None:
        """An attempt failed, and another one follows in `delay` seconds."""
        ...

    def ended(self, outcome: Outcome) -> None:
        """The call is over."""
        ...


def attempts_of(outcome: Outcome) -> int:
    """How many attempts were made, the last one included."""
    if isinstance(outcome, Exception):
        return len(outcome.attempts) if isinstance(outcome, FmsdkError) else 0
    return len(outcome.latency.attempts)


def request_id_of(outcome: Outcome) -> str | None:
    """The vendor's id of the request, for its support."""
    return outcome.request_id if isinstance(outcome, (Response, FmsdkError)) else None
