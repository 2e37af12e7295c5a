"""What a client's calls have cost so far, kept in memory: `Client.spent()`."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from fmsdk.observe.observer import AttemptReport, Outcome
from fmsdk.usage import format_dollars, to_plain_record

__all__ = ["ExpenseObserver", "ExpenseTotal", "Expenses"]

_NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expenses:
    """What calls that have ended cost.

    cost: US dollars, of all attempts whose cost is known. unknown_costs: attempts that were, or may
    have been, billed, and whose cost is not known; it is not 0. maybe_billed: US dollars beyond
    `cost` that stay reserved for attempts under a budget, which may have been billed. calls,
    attempts: how many. input_tokens, output_tokens: as far as they are known.
    """

    cost: Decimal = _NOTHING
    unknown_costs: int = 0
    maybe_billed: Decimal = _NOTHING
    calls: int = 0
    attempts: int = 0
    input_tokens: int = 0
    output_tokens: int = 0

    def __str__(self) -> str:
        calls = "1 call" if self.calls == 1 else f"{self.calls:,} calls"
        texts = [f"{format_dollars(self.cost)} for {calls}"]
        if self.unknown_costs:
            texts.append(f"attempts of unknown cost: {self.unknown_costs:,}")
        if self.maybe_billed:
            texts.append(f"up to {format_dollars(self.maybe_billed)} maybe billed")
        texts.append(f"{self.input_tokens:,} tokens in, {self.output_tokens:,} out")
        return ", ".join(texts)

    def to_dict(self) -> dict[str, Any]:
        """Plain values; money is text, with every digit."""
        return to_plain_record(self)


class ExpenseTotal:
    """The running total of a client, whose calls may run on several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._cost = self._maybe_billed = _NOTHING
        self._counts = [0, 0, 0, 0, 0]

    def value(self) -> Expenses:
        """The total until now."""
        with self._lock:
            unknown, calls, attempts, tokens_in, tokens_out = self._counts
            return Expenses(
                cost=self._cost,
                unknown_costs=unknown,
                maybe_billed=self._maybe_billed,
                calls=calls,
                attempts=attempts,
                input_tokens=tokens_in,
                output_tokens=tokens_out,
            )

    def add_attempt(self, report: AttemptReport) -> None:
        """Add an attempt that has ended."""
        usage, counts = report.usage, self._counts
        with self._lock:
            counts[2] += 1
            if report.cost is not None:
                self._cost += report.cost.total
            elif not report.is_unbilled:
                counts[0] += 1
            if report.held_reservation is not None:
                known = _NOTHING if report.cost is None else report.cost.total
                self._maybe_billed += max(report.held_reservation.amount - known, _NOTHING)
            if usage is not None:
                counts[3] += usage.input.total or 0
                counts[4] += usage.output.total or 0

    def add_call(self) -> None:
        """Count a call that has ended."""
        with self._lock:
            self._counts[1] += 1


class ExpenseObserver:
    """Adds one call to the total."""

    __slots__ = ("_total",)

    def __init__(self, total: ExpenseTotal) -> None:
        self._total = total

    def attempt_ended(self, report: AttemptReport) -> None:
        """Add its cost and tokens."""
        self._total.add_attempt(report)

    def call_ended(self, outcome: Outcome) -> None:
        """Count the call, however it ended."""
        del outcome
        self._total.add_call()
