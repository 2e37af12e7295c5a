"""What calls cost and how long they took, by model, provider, verb, tag or day; and how far quotes
were from the bills.

Money and tokens are those of attempts, since failed ones cost money, too. Times and errors are
those of calls. Days are those of UTC, as on the vendors' invoices.
"""

from __future__ import annotations

import re
import statistics
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import msgspec

from fmsdk.errors import BadRequestError
from fmsdk.ledger.reader import EVERYTHING, Filter, LedgerReader
from fmsdk.ledger.schema import from_units, to_microseconds, to_time, to_units
from fmsdk.usage import to_plain_record

__all__ = ["Group", "Percentiles", "QuoteErrors", "compare_quotes", "read_keys", "summarize"]

_NO_TAG, _UNKNOWN = "(none)", "(unknown)"
_KEY_COLUMNS = ("time_us", "verb", "provider", "model", "tags")
_TOKENS = ("input_total", "input_cache_read", "output_total")
_KEYS = ("model", "provider", "verb", "day", "month", "hour")
_LENGTHS = {"day": 10, "month": 7, "hour": 13}
_KEY = re.compile(rf"{'|'.join(_KEYS)}|tag:.+")

Key = tuple[str, ...]


def _cut_points(values: Sequence[float]) -> list[float]:
    """The 99 values that divide the values into hundredths."""
    values = values if len(values) > 1 else [*values, *values]
    return statistics.quantiles(values, n=100, method="inclusive")


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Seconds that half, nine tenths and 99 of a hundred stay below. count: of how many."""

    count: int
    p50: float
    p90: float
    p99: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Percentiles | None:
        """Those of the values, interpolated; None without any."""
        if not values:
            return None
        cuts = _cut_points(values)
        return cls(len(values), cuts[49], cuts[89], cuts[98])


@dataclass(slots=True, kw_only=True)
class Group:
    """Calls that have something in common.

    key: the values of what they are grouped by. cost: US dollars of all attempts whose cost is
    known, of which `estimated_cost` is an estimate. unknown_costs: attempts that were, or may have
    been, billed with an amount that is unknown. maybe_billed: US dollars beyond `cost` that stay
    reserved.
    seconds, time_to_first_token: of calls that gave an answer; None: of none.
    """

    key: Key
    calls: int = 0
    attempts: int = 0
    errors: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    cost: Decimal = Decimal(0)
    estimated_cost: Decimal = Decimal(0)
    unknown_costs: int = 0
    maybe_billed: Decimal = Decimal(0)
    seconds: Percentiles | None = None
    time_to_first_token: Percentiles | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values; money is text, with every digit."""
        return to_plain_record(self)


@dataclass(slots=True)
class _Sums:
    """A group while its rows are read. Money is in 10⁻¹² dollars."""

    attempts: int = 0
    units: int = 0
    estimated_units: int = 0
    unknown_costs: int = 0
    tokens: list[int] = field(default_factory=lambda: [0, 0, 0])
    calls: int = 0
    errors: int = 0
    seconds: list[float] = field(default_factory=list[float])
    first_tokens: list[float] = field(default_factory=list[float])
    reserved_amount: Decimal = Decimal(0)

    def add_attempt(self, units: int | None, source: str | None, tokens: Sequence[Any]) -> None:
        """Add an attempt's cost (None: unknown) and its tokens."""
        self.attempts += 1
        if units is None:
            self.unknown_costs += 1
        else:
            self.units += units
            self.estimated_units += units if source == "estimated" else 0
        for place, count in enumerate(tokens):
            self.tokens[place] += count or 0

    def add_call(self, outcome: str, seconds: float, first_token: float | None) -> None:
        """Add a call."""
        self.calls += 1
        self.errors += outcome == "error"
        if outcome == "ok":
            self.seconds.append(seconds)
            if first_token is not None:
                self.first_tokens.append(first_token)

    def to_group(self, key: Key) -> Group:
        """The group of all that was added."""
        return Group(
            key=key,
            calls=self.calls,
            attempts=self.attempts,
            errors=self.errors,
            input_tokens=self.tokens[0],
            cached_tokens=self.tokens[1],
            output_tokens=self.tokens[2],
            cost=from_units(self.units),
            estimated_cost=from_units(self.estimated_units),
            unknown_costs=self.unknown_costs,
            maybe_billed=self.reserved_amount,
            seconds=Percentiles.of(self.seconds),
            time_to_first_token=Percentiles.of(self.first_tokens),
        )


def read_keys(names: Sequence[str]) -> tuple[str, ...]:
    """Check what to group by: "model", "provider", "verb", "hour", "day", "month", "tag:NAME".

    Raises:
        BadRequestError: something else.
    """
    for name in names:
        if not _KEY.fullmatch(name):
            raise BadRequestError(
                f"calls are grouped by {', '.join(_KEYS)} or tag:NAME, not {name!r}"
            )
    return tuple(names)


def summarize(
    reader: LedgerReader, by: Sequence[str] = ("model",), where: Filter = EVERYTHING
) -> list[Group]:
    """A group for each value, those that cost most first; by time in its order.

    Args:
        by: see `read_keys`; several make a group of each combination, none one group of all.
    """
    by = read_keys(by)
    sums: defaultdict[Key, _Sums] = defaultdict(_Sums)
    settlements = reader.settled_by_hand()
    without_row = reader.settled_by_hand(where)  # their processes ended before they wrote one
    known_units: dict[str, int] = {}
    columns = ("is_unbilled", "held_reservation", "cost_units", "cost_source", *_TOKENS)
    for row in reader.rows("attempts", (*_KEY_COLUMNS, *columns), where):
        is_unbilled, reservation, units, source, *tokens = row[len(_KEY_COLUMNS) :]
        if reservation in settlements:
            without_row.pop(reservation, None)
            units, source = to_units(settlements[reservation].amount), "settled"
        elif is_unbilled and units is None:
            units = 0
        elif reservation and units:
            known_units[reservation] = units
        sums[_key_of(by, row)].add_attempt(units, source, tokens)
    columns = ("outcome", "seconds", "time_to_first_token")
    for row in reader.rows("calls", (*_KEY_COLUMNS, *columns), where):
        sums[_key_of(by, row)].add_call(*row[len(_KEY_COLUMNS) :])
    open_reservations = [one.reservation for one in reader.open_reservations(where)]
    for reservation in (*open_reservations, *without_row.values()):
        provider, _, name = reservation.model.partition(":")
        tags = msgspec.json.encode(dict(reservation.tags)).decode()
        row = (to_microseconds(reservation.time), _UNKNOWN, provider, name, tags)
        sums_of_key, amount = sums[_key_of(by, row)], reservation.amount
        if reservation.id not in without_row:
            known = from_units(known_units.get(reservation.id, 0))
            sums_of_key.reserved_amount += max(amount - known, Decimal(0))
        elif amount:
            sums_of_key.add_attempt(to_units(amount), "settled", ())
    groups = [each.to_group(key) for key, each in sums.items()]
    if by and by[0] in _LENGTHS:
        return sorted(groups, key=lambda group: group.key)
    return sorted(groups, key=lambda group: (-group.cost, -group.calls, group.key))


def _key_of(by: Sequence[str], row: Sequence[Any]) -> Key:
    """The values to group a row by, which begins with `_KEY_COLUMNS`."""
    time, verb, provider, model, tags = row[:5]
    names = {"model": f"{provider}:{model}", "provider": provider, "verb": verb}
    values: list[str] = []
    for name in by:
        if name in _LENGTHS:
            values.append(to_time(time).isoformat(" ")[: _LENGTHS[name]])
        elif name.startswith("tag:"):
            tag_values: dict[str, str] = msgspec.json.decode(tags)
            values.append(tag_values.get(name[4:], _NO_TAG))
        else:
            values.append(names[name])
    return tuple(values)


@dataclass(frozen=True, slots=True, kw_only=True)
class QuoteErrors:
    """How far the expected costs of quotes were from the bills of whole answers.

    count: attempts with both a quote and a measured bill. quoted_cost, billed_cost: US dollars of
    all. median: the middle of (expected − bill) ÷ bill; p90: nine tenths were nearer than this.
    within_3, within_10: shares of quotes that were at most 3 or 10 % off. inside: the share of
    bills between the quote's low and high. above_ceiling: bills above the ceiling.
    """

    key: Key
    count: int
    quoted_cost: Decimal
    billed_cost: Decimal
    median: float
    p90: float
    within_3: float
    within_10: float
    inside: float
    above_ceiling: int

    def to_dict(self) -> dict[str, Any]:
        """Plain values; money is text, with every digit."""
        return to_plain_record(self)


def compare_quotes(
    reader: LedgerReader, by: Sequence[str] = ("model",), where: Filter = EVERYTHING
) -> list[QuoteErrors]:
    """For each group, how good its quotes were; those with most quotes first."""
    by = read_keys(by)
    pairs: defaultdict[Key, list[tuple[int, int, bool, bool]]] = defaultdict(list)
    columns = ("quote", "quote_expected_units", "quote_ceiling_units", "cost_units")
    columns = (*_KEY_COLUMNS, *columns, "cost_source", "error")
    for row in reader.rows("attempts", columns, where):
        quote, expected, ceiling, bill, source, error = row[len(_KEY_COLUMNS) :]
        if None in (expected, bill) or source != "measured" or error is not None:
            continue
        cost: dict[str, str] = msgspec.json.decode(quote)["cost"]
        low, high = (to_units(Decimal(cost[name])) for name in ("low", "high"))
        is_above = ceiling is not None and bill > ceiling
        pairs[_key_of(by, row)].append((expected, bill, low <= bill <= high, is_above))
    results: list[QuoteErrors] = []
    for key, group in pairs.items():
        errors = [(expected - bill) / bill for expected, bill, *_ in group if bill]
        sizes = [abs(error) for error in errors] or [0.0]
        results.append(
            QuoteErrors(
                key=key,
                count=len(group),
                quoted_cost=from_units(sum(expected for expected, *_ in group)),
                billed_cost=from_units(sum(bill for _, bill, *_ in group)),
                median=statistics.median(errors or [0.0]),
                p90=_cut_points(sizes)[89],
                within_3=sum(size <= 0.03 for size in sizes) / len(sizes),
                within_10=sum(size <= 0.10 for size in sizes) / len(sizes),
                inside=sum(is_inside for *_, is_inside, _ in group) / len(group),
                above_ceiling=sum(is_above for *_, is_above in group),
            )
        )
    return sorted(results, key=lambda each: (-each.count, each.key))
