"""When owning is less than paying somebody else: after how long, from which rate, at which
utilisation.

    months = capital ÷ (what the other costs a month − what running costs a month)

Sources: arXiv 2509.18101 (break-even months against an API), Lenovo Press LP2368 (against a rented
server). Neither discounts; `net_present_value` does.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from fmsdk.errors import BadRequestError
from fmsdk.tco.figures import Figure, to_decimal
from fmsdk.tco.hardware import Hardware, OwnedHardware

__all__ = [
    "BreakEven",
    "blended_price",
    "break_even",
    "break_even_rate",
    "break_even_utilisation",
    "net_present_value",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakEven:
    """When the price of hardware has come back. `hours`, `months`: of use; None: never, since
    running it costs more than the other. savings_per_month: dollars."""

    hours: Decimal | None
    months: Decimal | None
    savings_per_month: Decimal


def break_even(
    hardware: OwnedHardware, other_per_month: Figure, *, utilisation: Figure = 1
) -> BreakEven:
    """When owning has paid for itself.

    Args:
        other_per_month: dollars a month for the same work elsewhere: tokens × an API's price, or
            the rent of a server × `hours_per_month`.
        utilisation: the share of time in which it works; while it waits, it may draw less power.
    """
    hours = Decimal(hardware.hours_per_month)
    waiting = 1 - to_decimal("utilisation", utilisation, most=1)
    running = hardware.running_per_hour - waiting * hardware.busy_per_hour
    savings = to_decimal("other_per_month", other_per_month) - running * hours
    if savings <= 0:
        return BreakEven(hours=None, months=None, savings_per_month=savings)
    months = hardware.capital / savings
    return BreakEven(hours=months * hours, months=months, savings_per_month=savings)


def blended_price(input_price: Figure, output_price: Figure, *, input_share: Figure) -> Decimal:
    """The price of a token, where `input_share` of all tokens are input."""
    share = to_decimal("input_share", input_share, most=1)
    low = to_decimal("input_price", input_price)
    return low * share + to_decimal("output_price", output_price) * (1 - share)


def break_even_utilisation(hardware: OwnedHardware, other_per_hour: Figure) -> Decimal:
    """The share of time in which it has to work, to cost as much as `other_per_hour` dollars for
    each hour of work. Above 1: it never does.

    U × other = fixed + U × busy, solved for U.
    """
    other = to_decimal("other_per_hour", other_per_hour, is_open=True) - hardware.busy_per_hour
    return Decimal("Infinity") if other <= 0 else hardware.fixed_per_hour / other


def break_even_rate(hardware: Hardware, price_per_request: Figure) -> Decimal:
    """Requests an hour from which the hardware costs less than an API that takes
    `price_per_request` dollars for each."""
    price = to_decimal("price_per_request", price_per_request, is_open=True)
    return (hardware.fixed_per_hour + hardware.busy_per_hour) / price


def net_present_value(
    capital: Figure, savings_per_year: Figure, *, years: int, discount: Figure, residual: Figure = 0
) -> Decimal:
    """Dollars that the purchase is worth today: −capital + Σ saved ÷ (1 + discount)ᵗ, and the
    residual dollars at the end."""
    factor = 1 + to_decimal("discount", discount)
    savings = to_decimal("savings_per_year", savings_per_year, least=None)
    count = to_decimal("years", years, least=1)
    if count % 1:
        raise BadRequestError(f"years is a whole number, not {years}")
    gains = sum((savings / factor**year for year in range(1, int(count) + 1)), Decimal(0))
    rest = to_decimal("residual", residual) / factor**count
    return gains + rest - to_decimal("capital", capital)
