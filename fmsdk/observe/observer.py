"""The interface of everyone who hears of calls: an `Observer` follows one call from its start."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from fmsdk.errors import FmsdkError
from fmsdk.result import Result
from fmsdk.usage import Attempt, Cost, Usage

__all__ = ["AttemptReport", "Observer", "Outcome", "attempts_of", "request_id_of", "result_of"]

Outcome = Result | Exception
"""How a call ended. One that its caller cancelled, or a stream that was left, is a `Response`
whose finish is "cancelled"; what is no `FmsdkError` is a bug, on its way to the caller."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptReport:
    """One attempt that has ended.

    error: why it failed; None where it gave the answer, or where the caller cancelled it (see
    `attempt.error`). usage, cost: as far as known, also of a failed attempt; None: unknown.
    delay: seconds until the next attempt; None: this one was the last.
    """

    attempt: Attempt
    error: FmsdkError | None = None
    usage: Usage | None = None
    cost: Cost | None = None
    served_model: str | None = None
    request_id: str | None = None
    delay: float | None = None


class Observer(Protocol):
    """Follows one call. `ended` comes once, and last."""

    def attempt_ended(self, report: AttemptReport) -> None:
        """An attempt has ended, the last one of a call included."""
        ...

    def ended(self, outcome: Outcome) -> None:
        """The call is over."""
        ...


def attempts_of(outcome: Outcome) -> int:
    """How many attempts were made, the last one included."""
    if isinstance(outcome, Result):
        return len(outcome.latency.attempts)
    return len(outcome.attempts) if isinstance(outcome, FmsdkError) else 0


def request_id_of(outcome: Outcome) -> str | None:
    """The vendor's id of the request, for its support."""
    return outcome.request_id if isinstance(outcome, Result | FmsdkError) else None


def result_of(outcome: Outcome | None) -> Result | None:
    """The result, or what had arrived of it before an error; None: nothing had."""
    if isinstance(outcome, FmsdkError):
        partial: object = outcome.partial
        return partial if isinstance(partial, Result) else None
    return outcome if isinstance(outcome, Result) else None
