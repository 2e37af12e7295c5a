"""Counts that tests keep over a whole run, printed at its end: how much was tried, what failed.

`tests/conftest.py` prints them. A count of zero is worth printing too ("silent losses"), so that
counting zero makes the line.
"""

from __future__ import annotations

__all__ = ["count", "lines"]

_counts: dict[str, int] = {}


def count(what: str, number: int = 1) -> None:
    """Add `number` to the count of `what` ("faults injected")."""
    _counts[what] = _counts.get(what, 0) + number


def lines() -> list[str]:
    """The counts as they stand, a line each, in the order in which they were first counted."""
    width = max((len(f"{number:,}") for number in _counts.values()), default=0)
    return [f"{number:>{width},} {what}" for what, number in _counts.items()]
