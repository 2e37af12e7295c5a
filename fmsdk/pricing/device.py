"""What a local request cost: the seconds it occupied a device times the device's hourly price.

The price is the user's own, or that of renting the same device (`fmsdk/data/device_prices.json`,
each row dated and sourced). What a machine cost to buy and run is not known here.
"""

from __future__ import annotations

import logging
import os
from decimal import Decimal, InvalidOperation
from fnmatch import fnmatchcase
from typing import Literal

import msgspec

from fmsdk.data import read_table
from fmsdk.pricing.datafile import MONEY, per_second
from fmsdk.usage import Cost, CostLine, Device, Timings

__all__ = ["DEVICE_PRICES", "VARIABLE", "device_cost"]

VARIABLE = "FMSDK_DEVICE_PRICE"
DEVICE_PRICES = f"fmsdk's table of device prices, each with its date; {VARIABLE} goes before it"
_log = logging.getLogger(__name__)


class _Row(msgspec.Struct, frozen=True):
    """A device's rent: `hourly` US dollars buy one `per`."""

    kind: str
    match: str
    hourly: Decimal
    per: Literal["device", "vcpu"]
    offer: str
    source: str
    retrieved: str


class _Table(msgspec.Struct, frozen=True):
    rows: tuple[_Row, ...]


def device_cost(timings: Timings) -> Cost | None:
    """Device seconds × hourly price ÷ 3600, in US dollars, as one line.

    The hourly price is `timings.device.hourly_price`, else the environment's
    FMSDK_DEVICE_PRICE (dollars an hour for all devices together), else the table's row for the
    device times the number of devices (of a CPU: of threads). The line's note says which.
    None where the seconds or the price are not known.
    """
    device, seconds = timings.device, timings.device_seconds
    if device is None or seconds is None:
        return None
    priced = _own_price(device) or _rent(device)
    if priced is None:
        return None
    hourly, note, source = priced
    quantity = Decimal(f"{max(seconds, 0.0):.6f}")
    unit_price = per_second(hourly)
    amount = MONEY.multiply(quantity, unit_price)
    line = CostLine(
        kind="device time",
        quantity=quantity,
        unit="second",
        unit_price=unit_price,
        amount=amount,
        note=note,
    )
    return Cost(total=amount, lines=(line,), price_source=source)


def _own_price(device: Device) -> tuple[Decimal, str, str] | None:
    price, source = device.hourly_price, "your own figure"
    if price is None:
        price, source = _from_environment(), f"your own figure ({VARIABLE})"
    return None if price is None else (price, f"{source}: ${price}/h", source)


def _from_environment() -> Decimal | None:
    given = os.environ.get(VARIABLE, "").strip().removeprefix("$")
    if not given:
        return None
    try:
        price = Decimal(given)
    except InvalidOperation:
        price = Decimal("nan")
    if price.is_finite() and price >= 0:
        return price
    # The answer is there already and must not be lost to a typing error about its price.
    _log.warning("%s=%r is no price; it takes dollars an hour, such as 1.20", VARIABLE, given)
    return None


def _rent(device: Device) -> tuple[Decimal, str, str] | None:
    name = f" {device.name.lower()}"
    if " mig " in name:
        return None  # a slice of a device; the table prices whole ones
    for row in read_table("device_prices.json", _Table).rows:
        if row.kind == device.kind and fnmatchcase(name, row.match):
            hourly = MONEY.multiply(row.hourly, Decimal(device.count))
            unit = "vCPU" if row.per == "vcpu" else "device"
            note = f"rental equivalent: {device.count} {unit} at ${row.hourly}/h ({row.offer})"
            return hourly, note, f"{row.source}; retrieved {row.retrieved}"
    return None
