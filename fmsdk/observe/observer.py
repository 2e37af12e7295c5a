"""The interface of whatever observes calls: an `Observer` follows one call from its start."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import Protocol

from fmsdk.budget import Reservation
from fmsdk.errors import FmsdkError
from fmsdk.quoting.quote import Quote
from fmsdk.result import Result
from fmsdk.usage import Attempt, Cost, Usage

__all__ = [
    "AttemptReport",
    "Observer",
    "Outcome",
    "attempts_of",
    "create_id",
    "request_id_of",
    "result_of",
]

Outcome = Result | Exception
"""How a call ended. A call that its caller cancelled, or a stream that was left early, is a
`Response` whose finish is "cancelled". An exception other than `FmsdkError` is a bug; the caller
gets it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptReport:
    """One attempt that has ended.

    error: why it failed; None if it gave the answer, or if the caller cancelled it (see
    `attempt.error`). usage, cost: as far as they are known, also of a failed attempt; None:
    unknown. delay: seconds until the next attempt; None: this attempt was the last. quote: what was
    expected of it, where the pipeline made a quote. is_unbilled: nobody bills it, for certain.
    held_reservation: its reservation, where that stays, since nobody knows the bill.
    """

    attempt: Attempt
    error: FmsdkError | None = None
    usage: Usage | None = None
    cost: Cost | None = None
    served_model: str | None = None
    request_id: str | None = None
    delay: float | None = None
    quote: Quote | None = None
    is_unbilled: bool = False
    held_reservation: Reservation | None = None


class Observer(Protocol):
    """Follows one call. `call_ended` is called once, after everything else."""

    def attempt_ended(self, report: AttemptReport) -> None:
        """An attempt has ended, the last one of a call included."""
        ...

    def call_ended(self, outcome: Outcome) -> None:
        """The call is over."""
        ...


def create_id() -> str:
    """A new id of a call. Later ids sort behind earlier ones, so that a ledger's index grows at its
    end."""
    return f"{time.time_ns():016x}{os.urandom(6).hex()}"


def attempts_of(outcome: Outcome) -> int:
    """How many attempts were made, the last one included."""
    if isinstance(outcome, Result):
        return len(outcome.latency.attempts)
    return len(outcome.attempts) if isinstance(outcome, FmsdkError) else 0


def request_id_of(outcome: Outcome) -> str | None:
    """The vendor's id of the request, for its support."""
    return outcome.request_id if isinstance(outcome, Result | FmsdkError) else None


def result_of(outcome: Outcome | None) -> Result | None:
    """The result, or the part of it that arrived before an error; None: nothing arrived."""
    if isinstance(outcome, FmsdkError):
        partial: object = outcome.partial
        return partial if isinstance(partial, Result) else None
    return outcome if isinstance(outcome, Result) else None
