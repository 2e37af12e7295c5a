"""Caps on what calls may cost: `Budget`, and what a store of spent money has to do (`Spending`).

`MemorySpending` is the store of a client without a ledger. Knows no prices: `fmsdk.pipeline` says
how much a call reserves, and what it cost.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import Any, Literal, Protocol, cast, get_args

import msgspec

from fmsdk.errors import BadRequestError
from fmsdk.usage import format_dollars
from fmsdk.validation import check_amount

__all__ = [
    "Budget",
    "BudgetOption",
    "MemorySpending",
    "Period",
    "Reservation",
    "Shortfall",
    "Spending",
    "read_budgets",
]

Period = Literal["hour", "day", "week", "month"]
Tags = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, init=False)
class Budget:
    """A cap on what calls cost, in US dollars, checked before each attempt is sent.

    limit: text, a Decimal or a number. per: the cap holds for each calendar hour, day, week (from
    Monday) or month in UTC; None: for the client's life, or for all that the ledger holds.
    tag: only calls with this tag, as "name", "name=value" or a pair. model: only calls of this
    model ("openai:gpt-5.6-sol"); `*` stands for any text ("openai:*").

    Raises:
        BadRequestError: an amount, a period, a tag or a model that cannot be.
    """

    limit: Decimal
    per: Period | None
    tag: tuple[str, str | None] | None
    model: str | None

    def __init__(
        self,
        limit: str | float | Decimal,
        *,
        per: Period | None = None,
        tag: str | tuple[str, str] | None = None,
        model: str | None = None,
    ) -> None:
        if per is not None and per not in get_args(Period):
            raise BadRequestError(
                f"per is one of {', '.join(get_args(Period))}, or None, not {per!r}"
            )
        if model is not None and ":" not in model and "*" not in model:
            raise BadRequestError(
                f"the model of a budget is provider:model, or a pattern such as openai:*, "
                f"not {model!r}"
            )
        object.__setattr__(self, "limit", check_amount("the limit of a budget", limit))
        object.__setattr__(self, "per", per)
        object.__setattr__(self, "tag", None if tag is None else _read_tag(tag))
        object.__setattr__(self, "model", model)

    def __str__(self) -> str:
        text = f"{format_dollars(self.limit)}" + (f" per {self.per}" if self.per else "")
        if self.tag is not None:
            name, value = self.tag
            text += f" for {name}" + ("" if value is None else f"={value}")
        return text if self.model is None else f"{text} for {self.model}"

    def covers(self, model: str, tags: Tags) -> bool:
        """Whether calls of `model` ("provider:model") with these tags count."""
        if self.model is not None and not fnmatchcase(model, self.model):
            return False
        if self.tag is None:
            return True
        wanted_name, wanted_value = self.tag
        return any(name == wanted_name and wanted_value in (None, value) for name, value in tags)

    def window_start(self, when: datetime) -> datetime | None:
        """Where the period begins in which `when` lies; None: there is none."""
        if self.per is None:
            return None
        start = when.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        if self.per == "hour":
            return start
        start = start.replace(hour=0)
        if self.per == "week":
            return start - timedelta(days=start.weekday())
        return start.replace(day=1) if self.per == "month" else start


def _read_tag(tag: object) -> tuple[str, str | None]:
    if isinstance(tag, str):
        name, equals, value = tag.partition("=")
        pair: tuple[Any, ...] = (name, value if equals else None)
    else:
        pair = cast("tuple[Any, ...]", tag) if isinstance(tag, tuple) else ()
    if len(pair) != 2 or not all(isinstance(text, str) for text in (pair[0], pair[1] or "")):
        raise BadRequestError(f"a budget's tag is 'name', 'name=value' or a pair, not {tag!r}")
    return pair


BudgetOption = str | float | Decimal | Budget | Sequence[Budget] | None
"""What callers pass as `budget`."""


def read_budgets(value: object) -> tuple[Budget, ...]:
    """The budgets of a client: an amount, a `Budget`, or several of them.

    Raises:
        BadRequestError: something else.
    """
    if value is None:
        return ()
    if isinstance(value, Budget):
        return (value,)
    if isinstance(value, (list, tuple, set, frozenset)):
        return tuple(
            budget for item in cast("Sequence[object]", value) for budget in read_budgets(item)
        )
    return (Budget(check_amount("budget", value)),)


class Reservation(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Money that one attempt may cost. id: unique. call_id: of the call whose attempt it is. time:
    in UTC, which decides in which period of a budget the attempt counts. model: "provider:model".
    amount: US dollars."""

    id: str
    call_id: str
    time: datetime
    model: str
    tags: Tags
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Shortfall:
    """A budget that a reservation would exceed. spent: US dollars in its period, those that are
    reserved for running and maybe billed attempts included."""

    budget: Budget
    spent: Decimal

    @property
    def remaining(self) -> Decimal:
        """US dollars that are left, never below zero."""
        return max(self.budget.limit - self.spent, Decimal(0))


class Spending(Protocol):
    """Where money is reserved and settled."""

    async def reserve(
        self, reservation: Reservation, budgets: Sequence[Budget]
    ) -> Shortfall | None:
        """Reserve under all budgets at once, or under none.

        Args:
            budgets: those that cover the call.

        Returns:
            None: it is reserved. Else the budget that it would exceed; nothing is reserved.

        Raises:
            LedgerError: the store cannot be written.
        """
        ...

    def settle(self, reservation: Reservation, amount: Decimal) -> None:
        """Put the bill in the place of a reservation; 0: nothing was billed. Of a reservation that
        was refused or is unknown, nothing happens. Never waits, and never raises."""
        ...

    def hold(self, reservation: Reservation, reason: str) -> None:
        """The attempt may have been billed, and nobody knows how much: the reservation stays until
        a person settles it or its period ends. Never waits, and never raises."""
        ...


class MemorySpending:
    """`Spending` in memory, for a client without a ledger. Safe from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._totals: dict[Budget, tuple[datetime | None, Decimal]] = {}
        self._open: dict[str, dict[Budget, datetime | None]] = {}

    async def reserve(
        self, reservation: Reservation, budgets: Sequence[Budget]
    ) -> Shortfall | None:
        """As `Spending.reserve`."""
        with self._lock:
            totals: dict[Budget, tuple[datetime | None, Decimal]] = {}
            for budget in budgets:
                start = budget.window_start(reservation.time)
                last_start, total = self._totals.get(budget, (start, Decimal(0)))
                if start is not None and last_start is not None and start > last_start:
                    total = Decimal(0)  # a new period
                else:
                    start = last_start
                if total + reservation.amount > budget.limit:
                    return Shortfall(budget, total)
                totals[budget] = start, total + reservation.amount
            self._totals |= totals
            self._open[reservation.id] = {budget: totals[budget][0] for budget in budgets}
        return None

    def settle(self, reservation: Reservation, amount: Decimal) -> None:
        """As `Spending.settle`."""
        with self._lock:
            for budget, reserved_start in self._open.pop(reservation.id, {}).items():
                start, total = self._totals[budget]
                if start == reserved_start:
                    self._totals[budget] = start, total + amount - reservation.amount

    def hold(self, reservation: Reservation, reason: str) -> None:
        """As `Spending.hold`. There is nobody to settle it: it stays for good."""
        del reason
        with self._lock:
            self._open.pop(reservation.id, None)
