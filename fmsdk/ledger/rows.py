"""Records as rows of the file: a statement and the values of its columns, encoded on the writer's
thread."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from decimal import ROUND_CEILING, Decimal
from functools import lru_cache
from itertools import compress, repeat
from operator import attrgetter, is_not
from typing import Any, Literal, TypeVar

import msgspec

from fmsdk.ledger.records import AttemptRecord, CallRecord
from fmsdk.ledger.schema import to_microseconds, to_units
from fmsdk.ledger.spending import encode_tags
from fmsdk.quoting.quote import Quote
from fmsdk.usage import Cost, InputUsage, Latency, OutputUsage, Usage

__all__ = ["USAGE", "attempt_row", "call_row"]

V = TypeVar("V")
R = TypeVar("R")
Table = Literal["calls", "attempts"]
Row = tuple[str, tuple[Any, ...]]
"""A statement, and the values of its columns."""

_INPUT = tuple(spec.name for spec in fields(InputUsage))
_OUTPUT = tuple(spec.name for spec in fields(OutputUsage))
USAGE = (
    *("usage_source", "service_tier", "server_tools"),
    *(f"input_{name}" for name in _INPUT),
    *(f"output_{name}" for name in _OUTPUT),
)
_COST = ("cost", "cost_units", "cost_source", "cost_lines", "price_source")
_QUOTE = ("quote", "quote_expected_units", "quote_ceiling_units")
_LATENCY = (
    *("time_to_first_token", "queue", "load", "prefill", "decode"),
    "output_tokens_per_second",
)
_NO_USAGE, _NO_COST = (None,) * len(USAGE), (None,) * len(_COST)
_NO_QUOTE, _NO_LATENCY = (None,) * len(_QUOTE), (None,) * len(_LATENCY)

_COLUMNS: dict[Table, tuple[str, ...]] = {
    "calls": (
        *("call_id", "time_us", "verb", "provider", "model", "tags", "outcome", "attempts"),
        *("served_model", "request_id", "finish", "error", "status", *USAGE, *_COST),
        *("unpriced_attempts", "seconds", *_LATENCY, *_QUOTE, "request", "answer"),
    ),
    "attempts": (
        *("call_id", "number", "time_us", "verb", "provider", "model", "tags"),
        *("seconds", "waited", "error", "status", "served_model", "request_id"),
        *("is_unbilled", "held_reservation", "held_units", *USAGE, *_COST, *_QUOTE),
    ),
}
_read_counts: Callable[[Usage], tuple[Any, ...]] = attrgetter(
    *(f"input.{name}" for name in _INPUT), *(f"output.{name}" for name in _OUTPUT)
)
_read_latency: Callable[[Latency], tuple[Any, ...]] = attrgetter(*_LATENCY)


def call_row(record: CallRecord) -> Row:
    """The row of a call."""
    values = (
        record.call_id,
        to_microseconds(record.time),
        record.verb,
        record.provider,
        record.model,
        encode_tags(record.tags),
        record.outcome,
        record.attempts,
        record.served_model,
        record.request_id,
        record.finish,
        record.error,
        record.status,
        *_usage_values(record.usage),
        *_cost_values(record.cost, record.last_cost),
        record.unpriced_attempts,
        record.seconds,
        *(_NO_LATENCY if record.latency is None else _read_latency(record.latency)),
        *_quote_values(record.quote),
        record.request,
        record.answer,
    )
    return _create_row("calls", values)


def attempt_row(record: AttemptRecord) -> Row:
    """The row of an attempt."""
    attempt, cost, held_reservation = record.attempt, record.cost, record.held_reservation
    values = (
        record.call_id,
        record.number,
        to_microseconds(record.time),
        record.verb,
        record.provider,
        record.model,
        encode_tags(record.tags),
        attempt.seconds,
        attempt.waited,
        attempt.error,
        attempt.status,
        record.served_model,
        record.request_id,
        int(record.is_unbilled),
        held_reservation and held_reservation.id,
        held_reservation and to_units(held_reservation.amount, ROUND_CEILING),
        *_usage_values(record.usage),
        *_cost_values(cost and cost.total, cost),
        *_quote_values(record.quote),
    )
    return _create_row("attempts", values)


def _create_row(table: Table, values: tuple[Any, ...]) -> Row:
    """The row without the columns that have no value: Python's SQLite module takes longer for None
    than for a number or a text."""
    has_value = tuple(map(is_not, values, repeat(None)))
    return _insert_into(table, has_value), tuple(compress(values, has_value))


@lru_cache(maxsize=1024)
def _insert_into(table: Table, has_value: tuple[bool, ...]) -> str:
    # A row that was written already, by a transaction whose end was not heard of, stays.
    columns = tuple(compress(_COLUMNS[table], has_value))
    marks = ", ".join("?" * len(columns))
    return f"INSERT OR IGNORE INTO {table} ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608


def _remember_last(function: Callable[[V], R]) -> Callable[[V], R]:
    """The function, which answers for the last object anew without work: the record of a call has
    the values of its last attempt."""
    last: tuple[V, R] | None = None

    def remember(value: V) -> R:
        nonlocal last
        known = last
        if known is None or known[0] is not value:
            known = last = (value, function(value))
        return known[1]

    return remember


@_remember_last
def _usage_values(usage: Usage | None) -> tuple[Any, ...]:
    if usage is None:
        return _NO_USAGE
    tools = usage.server_tools
    tools_text = _encode(dict(tools)) if tools else None
    return (usage.source, usage.service_tier, tools_text, *_read_counts(usage))


def _cost_values(total: Decimal | None, last: Cost | None) -> tuple[Any, ...]:
    if total is None:
        return _NO_COST
    source, lines, price_source = _bill_values(last)
    return f"{total:f}", to_units(total), source, lines, price_source


@_remember_last
def _bill_values(cost: Cost | None) -> tuple[str | None, str | None, str | None]:
    """Its source, its lines, and the source of its prices."""
    if cost is None:
        return None, None, None
    lines = [
        {
            "kind": line.kind,
            "quantity": f"{line.quantity:f}",
            "unit": line.unit,
            "unit_price": f"{line.unit_price:f}",
            "amount": f"{line.amount:f}",
            **({"note": line.note} if line.note else {}),
        }
        for line in cost.lines
    ]
    return cost.source, _encode(lines), cost.price_source


@_remember_last
def _quote_values(quote: Quote | None) -> tuple[Any, ...]:
    if quote is None:
        return _NO_QUOTE
    cost, ceiling = quote.cost, quote.ceiling
    return (
        _encode(quote),
        None if cost is None else to_units(cost.expected),
        None if ceiling is None else to_units(ceiling),
    )


_encoder = msgspec.json.Encoder(decimal_format="string")


def _encode(value: Any) -> str:
    return _encoder.encode(value).decode()
