"""Numbers as callers write them, as exact decimals."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import cast

from fmsdk.errors import BadRequestError

__all__ = ["Figure", "to_decimal"]

_MOST_DIGITS = 30
"""Before or after the point, of figures that a page or a line can show."""

Figure = Decimal | int | float | str


def to_decimal(
    name: str,
    figure: Figure,
    *,
    least: Figure | None = 0,
    most: Figure | None = None,
    is_open: bool = False,
) -> Decimal:
    """The figure as a decimal. A float counts as the digits that it prints.

    Args:
        least, most: the bounds, None: there is none; `is_open`: whether the lower one is excluded.

    Raises:
        BadRequestError: no number, not finite, or out of bounds. `name` is in the message.
    """
    value = cast("object", figure)
    is_number = isinstance(value, (Decimal, int, float, str)) and not isinstance(value, bool)
    try:
        number = Decimal(str(cast("Figure", value))) if is_number else Decimal("NaN")
    except InvalidOperation:
        number = Decimal("NaN")
    low = Decimal("-Infinity") if least is None else Decimal(str(least))
    high = None if most is None else Decimal(str(most))
    if not number.is_finite():
        raise BadRequestError(f"{name} is a number, not {value!r}")
    if number and abs(number.adjusted()) > _MOST_DIGITS:
        raise BadRequestError(f"{name} is too {'large' if number.adjusted() > 0 else 'small'}")
    is_low = number <= low if is_open else number < low
    if is_low or (high is not None and number > high):
        lower_bound = f"more than {low}" if is_open else f"at least {low}"
        limit = "" if high is None else f" and at most {high}"
        raise BadRequestError(f"{name} is {lower_bound}{limit}, not {number}")
    return number
