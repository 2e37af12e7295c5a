"""What the price modules share: exact arithmetic."""

from __future__ import annotations

from decimal import Context, Decimal

__all__ = ["MONEY", "per_second"]

# Sums must not depend on the precision that the caller's thread happens to have set.
MONEY = Context(prec=50)
# 15 digits times seconds in microseconds stay exact at Decimal's usual 28.
_SHORT = Context(prec=15)


def per_second(hourly: Decimal) -> Decimal:
    """The price of a second, given that of an hour, to 15 digits."""
    return _SHORT.divide(hourly, Decimal(3600))
