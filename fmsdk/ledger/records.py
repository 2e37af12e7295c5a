"""What a ledger is told of calls: a record for each attempt and one for each call.

Knows no storage. Records hold references to values that the call has anyway; whoever stores them
encodes them, away from the event loop. They are structs, since a frozen dataclass of so many fields
takes ten times as long.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Literal, Protocol

import msgspec

from fmsdk.budget import Budget, Reservation, Shortfall
from fmsdk.quoting.history import PastAnswers
from fmsdk.quoting.quote import Quote
from fmsdk.usage import Attempt, Cost, Latency, Usage

__all__ = ["AttemptRecord", "CallRecord", "Ledger"]

Tags = tuple[tuple[str, str], ...]


class AttemptRecord(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One attempt that has ended.

    number: 1 for the first attempt of the call. time: when it began, in UTC. usage, cost: None
    where they are unknown. is_unbilled: nobody bills it, for certain. held_reservation: that
    which stays, since nobody knows the bill. quote: what was expected before it was sent.
    """

    call_id: str
    number: int
    time: datetime
    verb: str
    provider: str
    model: str
    tags: Tags
    attempt: Attempt
    served_model: str | None = None
    request_id: str | None = None
    usage: Usage | None = None
    cost: Cost | None = None
    is_unbilled: bool = False
    held_reservation: Reservation | None = None
    quote: Quote | None = None


class CallRecord(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One call that has ended.

    time: when it began, in UTC. outcome: how it ended; finish: why the answer ended; error: the
    class of its error. attempts: how many were made. usage, latency: those of the answer, or of the
    part that arrived. cost: of all attempts together, with the lines of the last; None: unknown.
    unpriced_attempts: those that were, or may have been, billed with an amount that is unknown.
    seconds: from the begin of the call to its end.
    request, answer: as JSON of fmsdk without media, where the ledger stores content.
    """

    call_id: str
    time: datetime
    verb: str
    provider: str
    model: str
    tags: Tags
    outcome: Literal["ok", "cancelled", "error"]
    attempts: int
    seconds: float
    served_model: str | None = None
    request_id: str | None = None
    finish: str | None = None
    error: str | None = None
    status: int | None = None
    usage: Usage | None = None
    cost: Decimal | None = None
    last_cost: Cost | None = None
    unpriced_attempts: int = 0
    latency: Latency | None = None
    quote: Quote | None = None
    request: str | None = None
    answer: str | None = None


class Ledger(Protocol):
    """Where calls are recorded and money is reserved (`fmsdk.budget.Spending`).

    Safe from many threads and event loops. Nothing here waits on an event loop for a disk or a
    network. What is recorded may be written later; `flush` waits until it is.
    """

    @property
    def stores_content(self) -> bool:
        """Whether records are to have `request` and `answer`."""
        ...

    def record_attempt(self, record: AttemptRecord) -> None:
        """Write an attempt. Never raises: a loss is logged as a warning."""
        ...

    def record_call(self, record: CallRecord) -> None:
        """Write a call. Never raises: a loss is logged as a warning."""
        ...

    async def reserve(
        self, reservation: Reservation, budgets: Sequence[Budget]
    ) -> Shortfall | None:
        """As `fmsdk.budget.Spending.reserve`."""
        ...

    def settle(self, reservation: Reservation, amount: Decimal) -> None:
        """As `fmsdk.budget.Spending.settle`."""
        ...

    def hold(self, reservation: Reservation, reason: str) -> None:
        """As `fmsdk.budget.Spending.hold`."""
        ...

    def past_answers(self, quote: Quote) -> PastAnswers | None:
        """As `fmsdk.quoting.history.History.past_answers`."""
        ...

    async def flush(self) -> None:
        """Wait until everything recorded so far is written, or known to be lost."""
        ...

    async def aclose(self) -> None:
        """Flush, and let go of the storage. A later record opens it again."""
        ...
