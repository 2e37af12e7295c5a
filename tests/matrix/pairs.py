"""Few rows in which every two values of two factors meet: a covering array of strength two."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

__all__ = ["Row", "all_pairs", "pairs_of"]

Value = tuple[str, int]
"""A factor's name, and the number of its value."""
Row = dict[str, int]
Pair = frozenset[Value]


def all_pairs(sizes: Mapping[str, int]) -> list[Row]:
    """Rows that hold every pair of values; `sizes` has how many values each factor takes.

    Greedy: a row starts with a pair that no row has yet, and takes for each further factor the
    value that meets the most such pairs.
    """
    left: dict[Pair, None] = {}
    for (one, size), (other, length) in itertools.combinations(sizes.items(), 2):
        for first, second in itertools.product(range(size), range(length)):
            left[frozenset(((one, first), (other, second)))] = None
    rows: list[Row] = []
    while left:
        row: Row = dict(next(iter(left)))
        for factor in sorted(sizes.keys() - row.keys()):
            row[factor] = max(range(sizes[factor]), key=lambda v: _met(row, (factor, v), left))
        for pair in pairs_of(row):
            left.pop(pair, None)
        rows.append(row)
    return rows


def pairs_of(row: Row) -> list[Pair]:
    """The pairs of values in a row."""
    return [frozenset(pair) for pair in itertools.combinations(row.items(), 2)]


def _met(row: Row, value: Value, left: Mapping[Pair, None]) -> int:
    return sum(frozenset((value, other)) in left for other in row.items())
