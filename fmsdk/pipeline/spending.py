"""What one call may spend: its quote, the reservation of each attempt, and its settlement.

An attempt reserves its ceiling, or the caller's `max_cost` where that is lower, under every budget
that covers the call. What is settled afterwards:

- the bill, where the answer came (with the estimate, where the vendor told no usage);
- nothing, where nothing was billed for certain (`FmsdkError.is_unbilled`), or in this process;
- else the attempt may have been billed, and nobody knows how much: the reservation stays.

Knows no provider and no store: `fmsdk.budget.Spending` keeps the sums.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

from fmsdk.budget import Budget, Reservation, Shortfall, Spending
from fmsdk.errors import BudgetExceeded, FmsdkError, QuoteUnavailable
from fmsdk.observe.observer import result_of
from fmsdk.pricing import device_cost
from fmsdk.provider import Provider
from fmsdk.quoting import vocabulary
from fmsdk.quoting.offline import quote_request
from fmsdk.quoting.quote import Quote
from fmsdk.request import Request
from fmsdk.result import Result, Warning
from fmsdk.threads import run_in_thread
from fmsdk.usage import Cost, Timings, format_dollars

__all__ = ["CallSpending"]

_LONG_TEXT = 20_000
"""Characters from which a request is quoted in a thread: more take milliseconds."""


class CallSpending:
    """The quote of one call, and the money that its running attempt reserves.

    Args:
        budgets: all of the client's; those that cover the call count.
        store: keeps the sums. None: only `max_cost` is checked.
    """

    __slots__ = (
        "_budgets", "_call_id", "_limit", "_number", "_provider", "_request", "_reservation",
        "_store", "quote",
    )  # fmt: skip

    def __init__(
        self,
        request: Request,
        provider: Provider,
        budgets: Sequence[Budget],
        store: Spending | None,
        call_id: str,
    ) -> None:
        self._request = request
        self._provider = provider
        self._budgets = tuple(b for b in budgets if b.covers(request.name, request.tags))
        self._store = store
        self._call_id = call_id
        self._reservation: Reservation | None = None
        self._limit: Decimal | None = None
        self._number = 0
        self.quote: Quote | None = None

    async def make_quote(self, request: Request, seconds: float | None) -> None:
        """Quote the request as it is sent, and refuse it where it cannot keep the caller's bound,
        or where a budget covers it and there is no bound.

        Args:
            seconds: that are left until the deadline, which bounds the time on a device of the
                user's own; None: there is no deadline.

        Raises:
            BudgetExceeded: by the caller's `max_cost`, or without any bound.
        """
        self._request = request
        why_none = ""
        try:
            takes_long = not vocabulary.is_loaded() or any(True for _ in request.media())
            if takes_long or _length(request) > _LONG_TEXT:
                self.quote = await run_in_thread(quote_request, request, self._provider)
            else:
                self.quote = quote_request(request, self._provider)
        except QuoteUnavailable as error:
            why_none = error.message
        quote, max_cost = self.quote, request.max_cost
        ceiling = None if quote is None else quote.ceiling
        if ceiling is None and seconds is not None:
            ceiling = self._device_ceiling(seconds)
        bounds = [bound for bound in (ceiling, max_cost) if bound is not None]
        self._limit = min(bounds, default=None)
        if max_cost is not None and quote and quote.cost and quote.cost.low > max_cost:
            raise BudgetExceeded(
                f"this request costs at least {format_dollars(quote.cost.low)} with "
                f"{request.name}, more than max_cost={format_dollars(max_cost)}; nothing was sent",
                needed=quote.cost.low,
                **self._context(),
            )
        if self._limit is None and self._budgets:
            raise BudgetExceeded(
                f"the budget of {self._budgets[0]} needs to know what this request can cost, and "
                f"there is no bound with {request.name}: {why_none or self._missing_bound()}. Pass "
                f"{'timeout' if self._provider.is_local else 'max_output_tokens'}=…, or "
                "max_cost='0.10' as your own bound; nothing was sent",
                budget=self._budgets[0],
                **self._context(),
            )

    def _device_ceiling(self, seconds: float) -> Decimal | None:
        """What the user's own device costs in so many seconds; None: it has no price."""
        device = self._provider.device(self._request.model)
        bill = device_cost(Timings(device=device, device_seconds=seconds))
        return None if bill is None else bill.total

    def _missing_bound(self) -> str:
        """Why the quote has no ceiling."""
        causes = ("price_unknown", "input_unbounded", "local_cost_unknown_before_run")
        warnings = self.quote.warnings if self.quote else ()
        cause = next((warning.message for warning in warnings if warning.code in causes), None)
        return cause or "the length of its answer has no known limit"

    async def reserve(self) -> None:
        """Reserve what the next attempt may cost.

        Raises:
            BudgetExceeded: it is more than a budget has left.
            LedgerError: the ledger cannot be written.
        """
        if self._store is None:
            return
        self._number += 1
        reservation = self._reservation = Reservation(
            id=f"{self._call_id}-{self._number}",
            call_id=self._call_id,
            time=datetime.now(UTC),
            model=self._request.name,
            tags=self._request.tags,
            amount=self._limit or Decimal(0),
        )
        try:
            shortfall = await self._store.reserve(reservation, self._budgets)
        except asyncio.CancelledError:
            self._settle(Decimal(0))  # it may have been written, and nothing is sent
            raise
        except FmsdkError:
            self._reservation = None
            raise
        if shortfall is not None:
            self._reservation = None
            raise self._refusal(shortfall, reservation.amount)

    def _refusal(self, shortfall: Shortfall, amount: Decimal) -> BudgetExceeded:
        budget, remaining = shortfall.budget, shortfall.remaining
        tokens = self._affordable_tokens(remaining)
        ways = [] if tokens is None else [f"max_output_tokens={tokens}"]
        cost = None if self.quote is None else self.quote.cost
        if remaining and (cost is None or cost.low <= remaining):
            ways.append(f"max_cost={str(remaining)!r} if you know that it costs no more")
        message = (
            f"the budget of {budget} has {format_dollars(remaining)} left, and this request may "
            f"cost {format_dollars(amount)} with {self._request.name}; nothing was sent"
        )
        if ways:
            message += f". It would pass with {', or '.join(ways)}"
        return BudgetExceeded(
            message, budget=budget, spent=shortfall.spent, needed=amount, **self._context()
        )

    def _affordable_tokens(self, remaining: Decimal) -> int | None:
        """How long an answer could be so that its ceiling is below what remains; None: no answer
        is that cheap, or it depends on more."""
        quote = self.quote
        if quote is None or quote.ceiling is None:
            return None
        settings = replace(self._request.settings, max_output_tokens=1)
        least = quote_request(replace(self._request, settings=settings), self._provider)
        if least.ceiling is None or not remaining >= least.ceiling:
            return None
        longer = quote.output_tokens.high - least.output_tokens.high
        if longer <= 0:
            return None
        price = (quote.ceiling - least.ceiling) / longer * self._request.settings.choices
        return math.floor((remaining - least.ceiling) / price) + 1 if price > 0 else None

    def _context(self) -> dict[str, str]:
        return {"provider": self._request.provider, "model": self._request.model}

    def settle(
        self, outcome: Result | FmsdkError, cost: Cost | None, *, is_failed: bool
    ) -> Reservation | None:
        """Settle the attempt that has just ended.

        Args:
            cost: of this attempt, where it is known.
            is_failed: it gave no whole answer.

        Returns:
            The reservation, where it stays, since nobody knows the bill.
        """
        result = result_of(outcome)
        if self._provider.is_local:  # nobody else sends a bill
            self._settle(Decimal(0) if cost is None else cost.total)
        elif isinstance(outcome, FmsdkError) and outcome.is_unbilled and result is None:
            self._settle(Decimal(0))
        elif cost is not None and result is not None and _is_whole(result, is_failed=is_failed):
            self._settle(cost.total)
        else:
            reservation = self._reservation
            self.hold("its cost is unknown" if not is_failed else "it ended without a bill")
            return reservation
        return None

    def _settle(self, amount: Decimal) -> None:
        reservation, self._reservation = self._reservation, None
        if reservation is not None and self._store is not None:
            self._store.settle(reservation, amount)

    def hold(self, reason: str) -> None:
        """Leave the reservation of an attempt that may have been billed, if there is one."""
        reservation, self._reservation = self._reservation, None
        if reservation is not None and self._store is not None:
            self._store.hold(reservation, reason)

    def overrun(self, amount: Decimal) -> tuple[Warning, ...]:
        """A warning, where a bill is above the bound that was reserved for it."""
        limit = self._limit
        if limit is None or amount <= limit:
            return ()
        whose = "your max_cost of" if limit == self._request.max_cost else "the ceiling of"
        message = f"the bill of {format_dollars(amount)} is above {whose} {format_dollars(limit)}"
        return (Warning("cost_above_bound", message, "max_cost"),)


def _is_whole(result: Result, *, is_failed: bool) -> bool:
    """Whether the vendor's bill covers the whole answer: not of one that broke off, whose usage is
    what had been told by then."""
    return not is_failed or (
        result.usage.source == "measured"
        and bool(result.finishes)
        and "cancelled" not in result.finishes
    )


def _length(request: Request) -> int:
    return sum(len(getattr(part, "text", "")) for part in request.parts())
