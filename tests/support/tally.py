"""Counts that tests keep over a whole run, printed at its end: how much was tried, what failed.

`tests/conftest.py` prints them. A count of zero is worth printing too ("silent losses"), so that
counting zero makes the line.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fmsdk.errors import FmsdkError
from fmsdk.response import Response

__all__ = ["add_counts", "count", "count_faults", "counts", "lines"]

_counts: dict[str, int] = {}


def count(what: str, number: int = 1) -> None:
    """Add `number` to the count of `what` ("faults injected")."""
    _counts[what] = _counts.get(what, 0) + number


def count_faults(outcomes: Sequence[object]) -> None:
    """What came of faults, each of which has to be one typed error."""
    count("faults injected", len(outcomes))
    answered = [one for one in outcomes if isinstance(one, Response)]
    typed = [one for one in outcomes if isinstance(one, FmsdkError)]
    count("faults taken for an answer", len(answered))
    count("untyped errors", len(outcomes) - len(answered) - len(typed))


def counts() -> dict[str, int]:
    """The counts of this process."""
    return dict(_counts)


def add_counts(others: Mapping[str, int]) -> None:
    """Add the counts of another process, such as a worker of a parallel run."""
    for what, number in others.items():
        count(what, number)


def lines() -> list[str]:
    """The counts as they stand, a line each, in the order in which they were first counted."""
    width = max((len(f"{number:,}") for number in _counts.values()), default=0)
    return [f"{number:>{width},} {what}" for what, number in _counts.items()]
