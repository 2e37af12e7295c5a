"""Past answers in a ledger's file, for quotes: of the same model, to prompts with the same kinds of
content and of about the same size."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from decimal import Decimal

import msgspec

from fmsdk.errors import LedgerError
from fmsdk.ledger.schema import from_units, open_for_reading
from fmsdk.quoting.history import PastAnswers
from fmsdk.quoting.quote import Quote
from fmsdk.usage import Range

__all__ = ["find_past_answers"]

_FEWEST, _MOST = 5, 300
_ROWS = 20_000
"""The newest rows are looked at, so that a long history costs no time."""
_SIZE = 2
"""Prompts of half to twice the tokens count as alike."""
_SELECT = """
    SELECT output_total, seconds - ifnull(load, 0), time_to_first_token, quote, cost_units
    FROM calls
    WHERE id > (SELECT ifnull(max(id), 0) FROM calls) - ? AND provider = ? AND model = ?
        AND outcome = 'ok' AND finish IN ('stop', 'tool_calls', 'length')
        AND input_total BETWEEN ? AND ? AND output_total IS NOT NULL AND quote IS NOT NULL
    ORDER BY id DESC LIMIT ?
"""


class _Modalities(msgspec.Struct):
    by_modality: dict[str, object]


_read_quote = msgspec.json.Decoder(_Modalities).decode


def find_past_answers(path: str, quote: Quote) -> PastAnswers | None:
    """The newest answers like the one that is quoted; None: there are fewer than 5."""
    tokens = quote.input_tokens
    bounds = (tokens.low / _SIZE, tokens.high * _SIZE)
    try:
        connection = open_for_reading(path)
    except LedgerError:
        return None
    try:
        rows = connection.execute(
            _SELECT, (_ROWS, quote.provider, quote.model, *bounds, _MOST)
        ).fetchall()
    finally:
        connection.close()
    kinds = quote.by_modality.keys()
    alike = [row for row in rows if _read_quote(row[3]).by_modality.keys() == kinds]
    if len(alike) < _FEWEST:
        return None
    lengths = [row[0] for row in alike]
    low, high = _middle(lengths)
    expected = round(statistics.fmean(lengths))
    costs = sorted(row[4] for row in alike if row[4] is not None)
    first_tokens = [row[2] for row in alike if row[2] is not None]
    return PastAnswers(
        calls=len(alike),
        output_tokens=Range(
            min(math.floor(low), expected), expected, max(math.ceil(high), expected)
        ),
        seconds=_seconds([row[1] for row in alike]),
        time_to_first_token=_seconds(first_tokens) if len(first_tokens) >= _FEWEST else None,
        cost=_dollars(costs) if len(costs) >= _FEWEST else None,
    )


def _middle(values: Sequence[float]) -> tuple[float, float]:
    """What nine tenths of the values lie between."""
    cuts = statistics.quantiles(values, n=20, method="inclusive")
    return cuts[0], cuts[-1]


def _dollars(units: Sequence[int]) -> Range[Decimal]:
    low, high = _middle(units)
    expected = statistics.fmean(units)
    ends = (min(low, expected), expected, max(high, expected))
    return Range(*(from_units(round(end)) for end in ends))


def _seconds(values: Sequence[float]) -> Range[float]:
    low, high = _middle(values)
    return Range(low, statistics.median(values), high)
