"""The traffic of a ledger as a workload: how many requests a second, of how many tokens, for how
many seconds of the device, and what they cost where they went."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Context, Decimal

import msgspec

from fmsdk.errors import BadRequestError
from fmsdk.ledger.reader import Filter, LedgerReader

__all__ = ["Traffic", "read_traffic"]

_MEAN = Context(prec=12)
_COLUMNS = ("time_us", "input_total", "output_total", "cost", "cost_lines", "load")


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """The calls of a time, on average.

    requests_per_second: over the whole time, nights and pauses included. device_seconds: of the
    user's own device, for a request; None: they ran elsewhere. load_seconds: of loading, in all.
    cost_per_request: US dollars of calls whose cost is known; None: of none.
    """

    calls: int
    seconds: Decimal
    requests_per_second: Decimal
    input_tokens: Decimal
    output_tokens: Decimal
    device_seconds: Decimal | None
    load_seconds: Decimal
    cost_per_request: Decimal | None

    @property
    def source(self) -> str:
        """What the figures are, in words."""
        return f"{self.calls:,} calls in {self.seconds / 86400:.3g} days, by the ledger"


class _Line(msgspec.Struct):
    kind: str
    quantity: Decimal


_read_lines = msgspec.json.Decoder(list[_Line]).decode


def _mean(values: list[Decimal]) -> Decimal | None:
    return _MEAN.divide(sum(values, Decimal(0)), len(values)) if values else None


def read_traffic(reader: LedgerReader, where: Filter, *, now: datetime | None = None) -> Traffic:
    """The traffic of the calls that `where` means. The time is from `where.since`, else the first
    call, to `where.until`, else `now`.

    Raises:
        BadRequestError: there are no calls, or no time between them.
    """
    count = 0
    first: int | None = None
    tokens = [Decimal(0), Decimal(0)]
    device, load, costs = list[Decimal](), Decimal(0), list[Decimal]()
    for time, tokens_in, tokens_out, cost, lines, loading in reader.rows("calls", _COLUMNS, where):
        count += 1
        first = time if first is None else min(first, time)
        tokens = [tokens[0] + (tokens_in or 0), tokens[1] + (tokens_out or 0)]
        load += Decimal(str(loading or 0))
        if cost is not None:
            costs.append(Decimal(cost))
        device += [
            line.quantity for line in _read_lines(lines or "[]") if line.kind == "device time"
        ]
    end = where.until or now or datetime.now(UTC)
    start = where.since.timestamp() if where.since else (first or 0) / 1e6
    seconds = Decimal(f"{min(end, now or datetime.now(UTC)).timestamp() - start:.6f}")
    if not count or seconds <= 0:
        raise BadRequestError("the ledger has no such calls: see fmsdk ledger, or widen --since")
    return Traffic(
        calls=count,
        seconds=seconds,
        requests_per_second=_MEAN.divide(Decimal(count), seconds),
        input_tokens=_MEAN.divide(tokens[0], count),
        output_tokens=_MEAN.divide(tokens[1], count),
        device_seconds=_mean(device),
        load_seconds=load,
        cost_per_request=_mean(costs),
    )
