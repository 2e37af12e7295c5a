"""What a vendor adds to the price of tokens that are computed in one geography.

The rows are `fmsdk/data/residency.json`, each with its source and date. The geography is the one
that the answer names, else that of the server's host.
"""

from __future__ import annotations

import re
from decimal import Decimal
from fnmatch import fnmatchcase
from urllib.parse import urlsplit

import msgspec

from fmsdk.data import read_table

__all__ = ["Uplift", "find_uplift"]


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
