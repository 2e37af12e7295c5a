"""From usage to money: what tokens, seconds and devices cost. The only access to the price tables.

`price` bills a hosted request, `device_cost` a local one. `context_window` and `max_output_tokens`
are a hosted model's limits. Nothing here uses the network. Where a price is unknown the cost is
None, never 0.

Not included: charges that no usage reports (storage of caches, regional premiums, taxes), and
prices agreed with one customer.
"""

from __future__ import annotations

from fmsdk.pricing.bill import name_price_source, price
from fmsdk.pricing.device import DEVICE_PRICES, device_cost
from fmsdk.pricing.residency import regional_rates
from fmsdk.pricing.table import Rates, context_window, max_output_tokens, rates_for, release

__all__ = [
    "DEVICE_PRICES",
    "Rates",
    "context_window",
    "device_cost",
    "max_output_tokens",
    "name_price_source",
    "price",
    "rates_for",
    "regional_rates",
    "release",
]
