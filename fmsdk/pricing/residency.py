"""What a vendor adds to the price of tokens that are computed in one geography.

The rows are `fmsdk/data/residency.json`, each with its source and date. The geography is the one
that the answer names, else that of the server's host.
"""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal
from fnmatch import fnmatchcase
from functools import lru_cache
from urllib.parse import urlsplit

import msgspec

from fmsdk.data import read_table
from fmsdk.pricing.datafile import MONEY
from fmsdk.pricing.table import Rates

__all__ = ["Uplift", "find_uplift", "regional_rates"]


_OF_NO_TOKENS = frozenset({"audio", "request", "web search", "file search"})


class Uplift(msgspec.Struct, frozen=True):
    """`factor` times the list price. See the table for the conditions."""

    provider: str
    factor: Decimal
    source: str
    retrieved: str
    hosts: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    models: str = ""


class _Table(msgspec.Struct, frozen=True):
    rows: tuple[Uplift, ...]


@lru_cache(maxsize=4096)
def find_uplift(
    provider_id: str, model: str, *, region: str | None = None, base_url: str | None = None
) -> Uplift | None:
    """The uplift that holds for an answer; None: the list price holds.

    Args:
        region: the geography that the answer names.
        base_url: the server's address.
    """
    for row in read_table("residency.json", _Table).rows:
        if row.provider != provider_id or not re.match(row.models, model):
            continue
        host = urlsplit(base_url or "").hostname or ""
        if region in row.regions or any(fnmatchcase(host, name) for name in row.hosts):
            return row
    return None


def regional_rates(
    rates: Rates,
    provider_id: str,
    model: str,
    *,
    region: str | None = None,
    base_url: str | None = None,
) -> Rates:
    """The rates with the uplift of a geography on every token. Arguments as in `find_uplift`."""
    uplift = find_uplift(provider_id, model, region=region, base_url=base_url)
    if uplift is None:
        return rates
    bands = tuple(
        (
            start,
            {
                kind: price if kind in _OF_NO_TOKENS else MONEY.multiply(price, uplift.factor)
                for kind, price in prices.items()
            },
        )
        for start, prices in rates.bands
    )
    return replace(rates, bands=bands, source=f"{rates.source}, with the residency uplift")
