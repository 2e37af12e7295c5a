"""What the price modules share: reading fmsdk's own dated tables, and exact arithmetic."""

from __future__ import annotations

from decimal import Context, Decimal
from pathlib import Path
from typing import TypeVar

import msgspec

__all__ = ["MONEY", "per_second", "read"]

T = TypeVar("T")

# Sums must not depend on the precision that the caller's thread happens to have set.
MONEY = Context(prec=50)
# 15 digits times seconds in microseconds stay exact at Decimal's usual 28.
_SHORT = Context(prec=15)


def per_second(hourly: Decimal) -> Decimal:
    """The price of a second, given that of an hour, to 15 digits."""
    return _SHORT.divide(hourly, Decimal(3600))


def read(name: str, kind: type[T]) -> T:
    """The table `fmsdk/data/<name>`, checked against the type `kind`."""
    file = Path(__file__).parents[1] / "data" / name
    return msgspec.json.decode(file.read_bytes(), type=kind)
