"""What hardware costs an hour: bought, with all that it takes to run it, or rented.

An hour has a fixed part, which is paid whether the hardware works or idles, and a part for each
hour of work. With `hours_per_month` = 730 a year has the 8,760 hours of the usual formula

    hourly = price × (1 − residual) ÷ (years × 8760) + kW × PUE × tariff + hosting + staff
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from fmsdk.tco.figures import Figure, to_decimal

__all__ = ["Hardware", "OwnedHardware", "RentedHardware"]

_MONTHS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnedHardware:
    """Hardware that was bought, `count` pieces of it. Figures are for one piece, except hosting,
    staff and licences.

    price: dollars. years: how long it is used. hours_per_month: hours in which it is on; the costs
    of a month are spread over them. residual: share of the price that selling it brings in the end.
    kilowatts: drawn at work. idle_kilowatts: drawn while it waits; None: as much as at work. pue:
    power of the whole data centre ÷ that of its computers. price_per_kwh: dollars, cooling included
    where that is not in `pue`. maintenance: share of the price, a year. hosting, staff: dollars a
    month for all pieces. licences: dollars a year for all pieces.

    Raises:
        BadRequestError: a figure is no number, or out of its bounds.
    """

    price: Figure
    years: Figure
    hours_per_month: Figure
    count: int = 1
    residual: Figure = 0
    kilowatts: Figure = 0
    idle_kilowatts: Figure | None = None
    pue: Figure = 1
    price_per_kwh: Figure = 0
    maintenance: Figure = 0
    hosting: Figure = 0
    staff: Figure = 0
    licences: Figure = 0

    def __post_init__(self) -> None:
        bounds = {"residual": 1, "maintenance": None}
        for name in ("price", "residual", "kilowatts", "price_per_kwh", "maintenance", "hosting"):
            self._convert(name, to_decimal(name, getattr(self, name), most=bounds.get(name)))
        for name in ("staff", "licences"):
            self._convert(name, to_decimal(name, getattr(self, name)))
        for name in ("years", "count"):
            self._convert(name, to_decimal(name, getattr(self, name), is_open=True))
        hours = to_decimal("hours_per_month", self.hours_per_month, most=744, is_open=True)
        self._convert("hours_per_month", hours)
        self._convert("pue", to_decimal("pue", self.pue, least=1))
        idle = self.kilowatts if self.idle_kilowatts is None else self.idle_kilowatts
        self._convert("idle_kilowatts", to_decimal("idle_kilowatts", idle, most=self.kilowatts))

    def _convert(self, name: str, value: Decimal) -> None:
        object.__setattr__(self, name, value)

    @property
    def capital(self) -> Decimal:
        """Dollars to buy all of it."""
        return _exact(self.price) * self.count

    @property
    def lines(self) -> dict[str, Decimal]:
        """Dollars an hour by what they are paid for, while it waits."""
        hours = _exact(self.hours_per_month)
        yearly = hours * _MONTHS
        loss = self.capital * (1 - _exact(self.residual))
        lines = {
            "capital": loss / (_exact(self.years) * yearly),
            "maintenance": self.capital * _exact(self.maintenance) / yearly,
            "electricity": self._electricity(_exact(self.idle_kilowatts or 0)),
            "hosting": _exact(self.hosting) / hours,
            "staff": _exact(self.staff) / hours,
            "licences": _exact(self.licences) / yearly,
        }
        return {name: amount for name, amount in lines.items() if amount}

    @property
    def fixed_per_hour(self) -> Decimal:
        """Dollars an hour that are paid also while it waits."""
        return sum(self.lines.values(), Decimal(0))

    @property
    def busy_per_hour(self) -> Decimal:
        """Dollars that an hour of work costs more than an hour of waiting."""
        return self._electricity(_exact(self.kilowatts) - _exact(self.idle_kilowatts or 0))

    @property
    def running_per_hour(self) -> Decimal:
        """Dollars an hour at work, without what buying it costs."""
        return self.fixed_per_hour - self.lines.get("capital", Decimal(0)) + self.busy_per_hour

    def _electricity(self, kilowatts: Decimal) -> Decimal:
        return kilowatts * self.count * _exact(self.pue) * _exact(self.price_per_kwh)


@dataclass(frozen=True, slots=True, kw_only=True)
class RentedHardware:
    """Hardware that is rented, `count` pieces of it, for `price_per_hour` dollars each, used or
    not.

    Raises:
        BadRequestError: a figure is no number, or negative.
    """

    price_per_hour: Figure
    count: int = 1

    def __post_init__(self) -> None:
        price = to_decimal("price_per_hour", self.price_per_hour)
        object.__setattr__(self, "price_per_hour", price)
        object.__setattr__(self, "count", to_decimal("count", self.count, is_open=True))

    @property
    def lines(self) -> dict[str, Decimal]:
        """Dollars an hour by what they are paid for."""
        return {"rent": self.fixed_per_hour}

    @property
    def fixed_per_hour(self) -> Decimal:
        """Dollars an hour that are paid also while it waits."""
        return _exact(self.price_per_hour) * self.count

    @property
    def busy_per_hour(self) -> Decimal:
        """Dollars that an hour of work costs more: none."""
        return Decimal(0)


Hardware = OwnedHardware | RentedHardware


def _exact(figure: Figure) -> Decimal:
    """A figure that was converted when its owner was made."""
    return Decimal(figure)
