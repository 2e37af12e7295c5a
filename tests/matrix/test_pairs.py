"""Any two things at once: settings with settings, with content, with a history."""

from __future__ import annotations

import itertools

import pytest

from tests.matrix.factors import Factors, factors_of, request_of_row
from tests.matrix.pairs import Row, all_pairs, pairs_of
from tests.matrix.probe import Lab, Verdict
from tests.matrix.wires import WIRES, Wire
from tests.support import tally


def test_covering_array_covers_all_pairs() -> None:
    sizes = {"a": 2, "b": 3, "c": 4, "d": 2, "e": 3}
    rows = all_pairs(sizes)
    met = {pair for row in rows for pair in pairs_of(row)}
    wanted = {
        frozenset(((one, n), (other, m)))
        for one, other in itertools.combinations(sizes, 2)
        for n in range(sizes[one])
        for m in range(sizes[other])
    }
    assert met == wanted
    assert len(rows) < 2 * 12  # of 144; no fewer than 4 × 3 can do


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
@pytest.mark.parametrize("wire", WIRES, ids=str)
def test_nothing_is_lost_beside_something_else(wire: Wire, stream: bool, lab: Lab) -> None:
    factors = factors_of(lab, wire)
    rows = all_pairs({name: len(values) for name, values in factors.items()})
    broken = [fault for row in rows for fault in _faults(lab, wire, factors, row, stream)]
    assert broken == []


def _faults(lab: Lab, wire: Wire, factors: Factors, row: Row, stream: bool) -> list[str]:
    """The faults of a row; where it is refused, of each pair in it, so that one pair that cannot
    go together hides no other."""
    verdict = _asked(lab, wire, factors, row, stream)
    if verdict.word != "refused":
        return [f"{_named(row)}: {fault}" for fault in verdict.faults]
    pairs = [dict(pair) for pair in pairs_of({name: n for name, n in row.items() if n})]
    verdicts = [(pair, _asked(lab, wire, factors, pair, stream)) for pair in pairs]
    if all(verdict.word != "refused" for _, verdict in verdicts):
        return [f"{_named(row)}: refused as a whole, and no pair of it: {verdict.why}"]
    return [f"{_named(pair)}: {fault}" for pair, one in verdicts for fault in one.faults]


def _asked(lab: Lab, wire: Wire, factors: Factors, row: Row, stream: bool) -> Verdict:
    tally.count("combinations asked, every pair among them")
    return lab.judge(wire, request_of_row(lab, wire, factors, row), stream=stream)


def _named(row: Row) -> str:
    return ", ".join(f"{name} {n}" for name, n in sorted(row.items()) if n)
