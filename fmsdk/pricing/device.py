"""What a local request cost: its seconds on a device times the device's hourly price.

The price is the user's own, or the rent of the same device (`fmsdk/data/device_prices.json`, each
row with date and source). The price of buying and running a machine is unknown here.
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
DEVICE_PRICES = f"fmsdk's table of device prices, each with its date; {VARIABLE} overrides it"
_log = logging.getLogger(__name__)


class _Row(msgspec.Struct, frozen=True):
    """A device's rent: `hourly` US dollars for one `per`."""

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
    None where the seconds or the price are unknown.
    """
    device, seconds = timings.device, timings.device_seconds
    if device is None or seconds is None or (price := _hourly_price(device)) is None:
        return None
    hourly, message, source = price
    quantity = Decimal(f"{max(seconds, 0.0):.6f}")
    unit_price = per_second(hourly)
    amount = MONEY.multiply(quantity, unit_price)
    line = CostLine(
        kind="device time",
        quantity=quantity,
        unit="second",
        unit_price=unit_price,
        amount=amount,
        note=message,
    )
    return Cost(total=amount, lines=(line,), price_source=source)


def _hourly_price(device: Device) -> tuple[Decimal, str, str] | None:
    """(dollars an hour, what they are, where they come from) for all of the device."""
    hourly, source = device.hourly_price, "your own figure"
    if hourly is None:
        hourly, source = _read_environment(), f"your own figure ({VARIABLE})"
    if hourly is not None:
        return hourly, f"{source}: ${hourly}/h", source
    name = f" {device.name.lower()}"
    if " mig " in name:
        return None  # a slice of a device; the table has prices of entire ones
    rows = read_table("device_prices.json", _Table).rows
    matches = (r for r in rows if r.kind == device.kind and fnmatchcase(name, r.match))
    if (row := next(matches, None)) is None:
        return None
    unit = "vCPU" if row.per == "vcpu" else "device"
    message = f"rental equivalent: {device.count} {unit} at ${row.hourly}/h ({row.offer})"
    hourly = MONEY.multiply(row.hourly, Decimal(device.count))
    return hourly, message, f"{row.source}; retrieved {row.retrieved}"


def _read_environment() -> Decimal | None:
    text = os.environ.get(VARIABLE, "").strip().removeprefix("$")
    if not text:
        return None
    try:
        price = Decimal(text)
    except InvalidOperation:
        price = Decimal("nan")
    if price.is_finite() and price >= 0:
        return price
    # No error: the answer has arrived, and must not be lost to a typing error in its price.
    _log.warning("%s=%r is not a price; set it to dollars an hour, such as 1.20", VARIABLE, text)
    return None
