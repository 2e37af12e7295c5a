"""Should one own the hardware, or pay an API? One workload, priced both ways, and what moves the
answer: time, utilisation, and each input that may be wrong.

`compare` computes the figures; `fmsdk.tco.report` shows them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from fmsdk.errors import BadRequestError
from fmsdk.tco.adaptation import Adaptation
from fmsdk.tco.break_even import BreakEven, break_even
from fmsdk.tco.energy import carbon, energy
from fmsdk.tco.figures import Figure, to_decimal
from fmsdk.tco.hardware import Hardware, OwnedHardware, RentedHardware
from fmsdk.tco.requests import RequestCost, request_cost, utilisation
from fmsdk.usage import to_plain_record

__all__ = ["Alternative", "Comparison", "Sensitivity", "Verdict", "Workload", "compare"]

_UTILISATIONS = tuple(
    map(Decimal, ("0.01", "0.02", "0.05", "0.1", "0.2", "0.3", "0.5", "0.7", "1"))
)
_SWING = Decimal("0.3")
"""How far each input is moved for the sensitivity, up and down."""
_ROUNDING = Decimal("1e-20")
"""Share of a figure that its last digits may differ by."""
_HARDWARE_INPUTS = {
    "price": "price of the hardware",
    "price_per_hour": "rent of the hardware",
    "years": "years of use",
    "residual": "residual value",
    "kilowatts": "power",
    "price_per_kwh": "price of electricity",
    "maintenance": "maintenance",
    "hosting": "hosting",
    "staff": "staff",
    "licences": "licences",
}
_WORKLOAD_INPUTS = {
    "requests_per_second": "requests a second",
    "device_seconds": "device seconds of a request",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """What the model is used for, on average.

    requests_per_second: over all paid hours. device_seconds: in which the whole hardware works for
    a request, its share of a batch counted: 1 ÷ (requests a second at full load). input_tokens,
    output_tokens: of a request. load_seconds: of loading the model, for every `requests_per_load`
    requests. source: where the figures come from.

    Raises:
        BadRequestError: a figure is no number, or out of its bounds.
    """

    requests_per_second: Figure
    device_seconds: Figure
    input_tokens: Figure = 0
    output_tokens: Figure = 0
    load_seconds: Figure = 0
    requests_per_load: Figure = 1
    source: str = "your own figures"

    def __post_init__(self) -> None:
        for name in ("requests_per_second", "device_seconds", "requests_per_load"):
            value = to_decimal(name, getattr(self, name), is_open=True)
            object.__setattr__(self, name, value)
        for name in ("input_tokens", "output_tokens", "load_seconds"):
            object.__setattr__(self, name, to_decimal(name, getattr(self, name)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Alternative:
    """What somebody else takes for the same request. name: of the model. price_per_request:
    dollars. source: where the price comes from."""

    name: str
    price_per_request: Figure
    source: str = "your own figure"

    def __post_init__(self) -> None:
        price = to_decimal("price_per_request", self.price_per_request, is_open=True)
        object.__setattr__(self, "price_per_request", price)


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakEvenMove:
    """Months until a purchase has paid for itself, where one input is 30% lower (`low`) and 30%
    higher (`high`), but not more than the hardware can serve. None: never."""

    name: str
    low: Decimal | None
    high: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The hardware beside one alternative. per_month: dollars that the alternative costs a month.
    break_even: when a purchase has paid for itself; None: the hardware is rented.
    break_even_utilisation: the share of time in which the hardware has to work to cost less; None:
    it never does, since even at full load a request costs more. break_even_rate: requests an hour
    that are as much work. moves: how the break-even of a purchase moves with price and use."""

    alternative: Alternative
    per_month: Decimal
    break_even: BreakEven | None
    break_even_utilisation: Decimal | None
    break_even_rate: Decimal | None
    moves: tuple[BreakEvenMove, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensitivity:
    """Dollars for a request, where one input is 30% lower (`low`) and 30% higher (`high`)."""

    name: str
    low: Decimal
    high: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class CurvePoint:
    """Dollars for a request at a utilisation."""

    utilisation: Decimal
    per_request: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The figures, in US dollars.

    utilisation: the share of paid time in which the hardware works. request: what a request costs
    on it. per_month: what the hardware costs a month, adaptation aside. hours_per_month: paid hours
    in a month. curve: what a request costs at other utilisations. energy_per_request:
    kilowatt-hours, the idle time's share included; None: the power is unknown. carbon_per_request:
    kilograms of CO₂ equivalent.
    """

    hardware: Hardware
    workload: Workload
    hours_per_month: Decimal
    utilisation: Decimal
    request: RequestCost
    per_month: Decimal
    verdicts: tuple[Verdict, ...]
    sensitivities: tuple[Sensitivity, ...]
    curve: tuple[CurvePoint, ...]
    adaptation: Adaptation | None = None
    energy_per_request: Decimal | None = None
    carbon_per_request: Decimal | None = None

    @property
    def requests_per_month(self) -> Decimal:
        """Requests that the workload has in a month of paid hours."""
        return Decimal(self.workload.requests_per_second) * 3600 * self.hours_per_month

    def to_dict(self) -> dict[str, Any]:
        """Plain values; money is text, with every digit."""
        record = to_plain_record(self)
        record["request"]["total"] = f"{self.request.total:f}"
        record["hardware"]["lines"] = {
            name: f"{amount:f}" for name, amount in self.hardware.lines.items()
        }
        return record


def compare(
    hardware: Hardware,
    workload: Workload,
    alternatives: Sequence[Alternative] = (),
    *,
    hours_per_month: Figure | None = None,
    adaptation: Adaptation | None = None,
    kilograms_per_kwh: Figure | None = None,
) -> Comparison:
    """Price the workload on the hardware and with each alternative.

    Args:
        hours_per_month: paid hours in a month; None: as the owned hardware says.
        kilograms_per_kwh: CO₂ equivalent of the grid's electricity.

    Raises:
        BadRequestError: the hardware cannot serve the workload, or `hours_per_month` is missing,
            or not that of the owned hardware.
    """
    own_hours = hardware.hours_per_month if isinstance(hardware, OwnedHardware) else None
    hours = own_hours if hours_per_month is None else hours_per_month
    if hours is None:
        raise BadRequestError(
            "hours_per_month is missing: for rented hardware, say how many hours a month are "
            "paid (730 is always on)"
        )
    month = to_decimal("hours_per_month", hours, most=744, is_open=True)
    if own_hours is not None and month != own_hours:
        raise BadRequestError(
            f"hours_per_month is {own_hours} for the hardware and {month} for the comparison: its "
            "monthly costs are spread over the former, so leave out the latter"
        )
    used = utilisation(workload.requests_per_second, workload.device_seconds)
    kilowatt_hours = _energy(hardware, workload, used)
    request = _request_cost(hardware, workload, used, adaptation)
    return Comparison(
        hardware=hardware,
        workload=workload,
        hours_per_month=month,
        utilisation=used,
        request=request,
        per_month=(hardware.fixed_per_hour + used * hardware.busy_per_hour) * month,
        verdicts=tuple(
            _verdict(hardware, workload, each, month, used, request.load + request.adaptation)
            for each in alternatives
        ),
        sensitivities=tuple(_sensitivities(hardware, workload, adaptation)),
        curve=tuple(
            CurvePoint(
                utilisation=share,
                per_request=_request_cost(hardware, workload, share, adaptation).total,
            )
            for share in _UTILISATIONS
        ),
        adaptation=adaptation,
        energy_per_request=kilowatt_hours,
        carbon_per_request=None
        if kilowatt_hours is None or kilograms_per_kwh is None
        else carbon(kilowatt_hours, kilograms_per_kwh),
    )


def _request_cost(
    hardware: Hardware, workload: Workload, share: Decimal, adaptation: Adaptation | None
) -> RequestCost:
    return request_cost(
        hardware,
        workload.device_seconds,
        utilisation=share,
        load_seconds=workload.load_seconds,
        requests_per_load=workload.requests_per_load,
        adaptation=adaptation,
    )


def _verdict(
    hardware: Hardware,
    workload: Workload,
    other: Alternative,
    month: Decimal,
    used: Decimal,
    extra: Decimal,
) -> Verdict:
    """extra: dollars of a request for loading and adaptation, which the alternative saves."""
    price, seconds = Decimal(other.price_per_request), Decimal(workload.device_seconds)
    requests_per_month = Decimal(workload.requests_per_second) * 3600 * month
    per_month = price * requests_per_month
    # In an hour, U × 3600 ÷ s requests cost fixed + U × busy here and extra each, and their number
    # × price there.
    gain = (price - extra) * 3600 / seconds - hardware.busy_per_hour
    share = hardware.fixed_per_hour / gain if gain > 0 else None
    share = None if share is None or share > 1 else share

    def pay_back(
        price_factor: Decimal = Decimal(1), rate: Decimal = Decimal(1)
    ) -> BreakEven | None:
        if isinstance(hardware, RentedHardware):
            return None
        rate = min(rate, 1 / used)
        saved = (price * price_factor - extra) * requests_per_month * rate
        return break_even(
            hardware, max(saved, Decimal(0)), utilisation=min(used * rate, Decimal(1))
        )

    less, more = 1 - _SWING, 1 + _SWING
    pairs = {
        "price of the alternative": (pay_back(less), pay_back(more)),
        "requests a second": (pay_back(rate=less), pay_back(rate=more)),
    }
    return Verdict(
        alternative=other,
        per_month=per_month,
        break_even=pay_back(),
        moves=tuple(
            BreakEvenMove(name=name, low=low.months, high=high.months)
            for name, (low, high) in pairs.items()
            if low and high
        ),
        break_even_utilisation=share,
        break_even_rate=None if share is None else share * 3600 / seconds,
    )


def _sensitivities(
    hardware: Hardware, workload: Workload, adaptation: Adaptation | None
) -> Iterator[Sensitivity]:
    """Inputs by how much they move the cost, those that move nothing left out."""

    def cost(name: str, factor: Decimal) -> Decimal:
        changed: dict[str, Any] = {name: Decimal(getattr(owner, name)) * factor}
        if name == "kilowatts" and isinstance(hardware, OwnedHardware):
            changed["idle_kilowatts"] = Decimal(hardware.idle_kilowatts or 0) * factor
        hardware_then = replace(hardware, **changed) if owner is hardware else hardware
        workload_then = replace(workload, **changed) if owner is workload else workload
        rate, seconds = workload_then.requests_per_second, workload_then.device_seconds
        # More than one set of hardware can serve needs another, as busy as this one.
        share = min(Decimal(rate) * Decimal(seconds), Decimal(1))
        return _request_cost(hardware_then, workload_then, share, adaptation).total

    rows: list[Sensitivity] = []
    for owner, names in ((hardware, _HARDWARE_INPUTS), (workload, _WORKLOAD_INPUTS)):
        for name, label in names.items():
            if getattr(owner, name, None):
                row = Sensitivity(
                    name=label, low=cost(name, 1 - _SWING), high=cost(name, 1 + _SWING)
                )
                rows.append(row)
    rows.sort(key=lambda row: abs(row.high - row.low), reverse=True)
    return (row for row in rows if abs(row.high - row.low) > row.high * _ROUNDING)


def _energy(hardware: Hardware, workload: Workload, used: Decimal) -> Decimal | None:
    """Kilowatt-hours of a request: those of its work, and its share of those of waiting."""
    if isinstance(hardware, RentedHardware) or not hardware.kilowatts:
        return None
    busy, idle = Decimal(hardware.kilowatts), Decimal(hardware.idle_kilowatts or 0)
    watts = (busy + idle * (1 / used - 1)) * hardware.count * 1000
    return energy(watts, Decimal(workload.device_seconds) / 3600, pue=hardware.pue)
