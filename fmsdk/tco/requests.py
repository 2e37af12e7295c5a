"""What a request costs on hardware that is paid by the hour.

    cost = hourly × device seconds ÷ (3600 × utilisation)

`hourly` is split into a part for work and a part for waiting, so that what idle hardware adds is
visible. Utilisation is the share of paid time in which the hardware works.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from fmsdk.errors import BadRequestError
from fmsdk.tco.adaptation import Adaptation
from fmsdk.tco.figures import Figure, to_decimal
from fmsdk.tco.hardware import Hardware

__all__ = ["RequestCost", "price_per_million", "request_cost", "utilisation"]

_HOUR = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestCost:
    """Dollars for one request. work: its own seconds of the device. idle: its share of the time in
    which the device waits. load: its share of loading the model. adaptation: its share of that."""

    work: Decimal
    idle: Decimal
    load: Decimal
    adaptation: Decimal

    @property
    def total(self) -> Decimal:
        """The sum of all parts."""
        return self.work + self.idle + self.load + self.adaptation


def utilisation(requests_per_second: Figure, device_seconds: Figure, *, count: int = 1) -> Decimal:
    """The share of time in which `count` devices work, by Little's law: the mean number of requests
    at work is their rate times the seconds that each takes.

    Args:
        device_seconds: seconds of one device that a request takes, its share of a batch counted.

    Raises:
        BadRequestError: the rate is more than the devices can serve.
    """
    rate = to_decimal("requests_per_second", requests_per_second, is_open=True)
    at_work = rate * to_decimal("device_seconds", device_seconds, is_open=True)
    devices = to_decimal("count", count, is_open=True)
    if at_work > devices:
        device_count = at_work.to_integral_value(rounding="ROUND_CEILING")
        raise BadRequestError(
            f"{rate} requests a second of {device_seconds} s each keep {at_work:.3g} devices "
            f"at work, and there are {devices}: plan for at least {device_count}"
        )
    return at_work / devices


def request_cost(
    hardware: Hardware,
    device_seconds: Figure,
    *,
    utilisation: Figure = 1,
    load_seconds: Figure = 0,
    requests_per_load: Figure = 1,
    adaptation: Adaptation | None = None,
) -> RequestCost:
    """What one request costs.

    Args:
        device_seconds: seconds in which the whole `hardware` works for it, its share of a batch
            counted: `response.latency.device_seconds`, or 1 ÷ (requests a second at full load).
        utilisation: the share of paid time in which the hardware works; 1: no waiting at all.
        load_seconds: seconds in which it loads the model, for every `requests_per_load` requests.
        adaptation: what making the model cost.
    """
    seconds = to_decimal("device_seconds", device_seconds)
    share = to_decimal("utilisation", utilisation, most=1, is_open=True)
    load = to_decimal("load_seconds", load_seconds)
    request_count = to_decimal("requests_per_load", requests_per_load, is_open=True)
    hourly = hardware.fixed_per_hour + hardware.busy_per_hour
    return RequestCost(
        work=hourly * seconds / _HOUR,
        idle=hardware.fixed_per_hour * seconds / _HOUR * (1 / share - 1),
        load=hourly * load / _HOUR / request_count,
        adaptation=Decimal(0) if adaptation is None else adaptation.per_request,
    )


def price_per_million(hardware: Hardware, tokens_per_second: Figure) -> Decimal:
    """Dollars for a million tokens at a measured rate: hourly ÷ (tokens a second × 0.0036)."""
    rate = to_decimal("tokens_per_second", tokens_per_second, is_open=True)
    hourly = hardware.fixed_per_hour + hardware.busy_per_hour
    return hourly / (rate * Decimal("0.0036"))
