"""Total cost of ownership: what a request costs on hardware that is owned or rented, and when that
is less than an API's price.

All figures are US dollars, hours and kilowatts. Numbers may be `Decimal`, `int`, text ("0.15") or
`float`, which counts as the digits that it prints. How long a month is has to be said
(`hours_per_month`): published examples use 176, 720 and 730 hours. The formulas and their sources
are in docs/reference/tco.md; `tests/tco` reproduces the published tables.
"""

from __future__ import annotations

from fmsdk.tco.adaptation import Adaptation, Method, training_hours
from fmsdk.tco.break_even import (
    BreakEven,
    blended_price,
    break_even,
    break_even_rate,
    break_even_utilisation,
    net_present_value,
)
from fmsdk.tco.comparison import (
    Alternative,
    BreakEvenMove,
    Comparison,
    Sensitivity,
    Verdict,
    Workload,
    compare,
)
from fmsdk.tco.energy import carbon, energy, joules_per_token, parity
from fmsdk.tco.figures import Figure
from fmsdk.tco.hardware import Hardware, OwnedHardware, RentedHardware
from fmsdk.tco.meters import MeasuredEnergy, find_counters, measure_energy
from fmsdk.tco.report import render_report
from fmsdk.tco.requests import RequestCost, price_per_million, request_cost, utilisation

__all__ = [
    "Adaptation",
    "Alternative",
    "BreakEven",
    "BreakEvenMove",
    "Comparison",
    "Figure",
    "Hardware",
    "MeasuredEnergy",
    "Method",
    "OwnedHardware",
    "RentedHardware",
    "RequestCost",
    "Sensitivity",
    "Verdict",
    "Workload",
    "blended_price",
    "break_even",
    "break_even_rate",
    "break_even_utilisation",
    "carbon",
    "compare",
    "energy",
    "find_counters",
    "joules_per_token",
    "measure_energy",
    "net_present_value",
    "parity",
    "price_per_million",
    "render_report",
    "request_cost",
    "training_hours",
    "utilisation",
]
