"""When vendors switch models off at their own endpoints (`fmsdk/data/retirements.json`)."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, replace
from functools import lru_cache

import msgspec

from fmsdk.catalog.names import find_row
from fmsdk.catalog.origin import Group, Origin
from fmsdk.data import read_table

__all__ = ["Retirement", "announcements", "retirement"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Retirement:
    """The end of a model, at the start of `date` in UTC. `successor` is the model that the vendor
    names in its place, `note` is anything else worth knowing.

    is_own: the date is that of the endpoint in question. False: it is that of the maker's own
    endpoint, and this one's is unknown.
    """

    vendor: str
    model: str
    date: datetime.date
    origin: Origin
    successor: str | None = None
    note: str = ""
    is_own: bool = True


class _Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    models: tuple[str, ...]
    date: datetime.date
    successor: str | None = None
    note: str = ""


class _Group(Group, frozen=True):
    vendor: str
    rows: tuple[_Row, ...]


class _Table(msgspec.Struct, frozen=True):
    groups: tuple[_Group, ...]
    follows: dict[str, str]


@lru_cache(maxsize=4096)
def retirement(vendor: str, model: str) -> Retirement | None:
    """When the vendor switches (or switched) `model` off; None where no end is announced. Some
    endpoints have dates of their own (Vertex): where theirs is unknown, the maker's counts."""
    index = read_table("retirements.json", _Table, _index_models)
    end = find_row(index.get(vendor, {}), model)
    maker = read_table("retirements.json", _Table).follows.get(vendor)
    if end is not None or maker is None:
        return end
    end = find_row(index.get(maker, {}), model)
    note = f"this is the date at {maker} itself; the date at {vendor} is unknown"
    return None if end is None else replace(end, note=note, is_own=False)


def announcements(vendor: str) -> Origin | None:
    """Where the vendor announces ends, and when that page was last checked; None if never."""
    groups = read_table("retirements.json", _Table).groups
    return next((group.origin for group in groups if group.vendor == vendor), None)


def _index_models(table: _Table) -> dict[str, dict[str, Retirement]]:
    """{vendor: {model: its end}}."""
    index: dict[str, dict[str, Retirement]] = {}
    for group in table.groups:
        rows = index.setdefault(group.vendor, {})
        for row in group.rows:
            for name in row.models:
                rows[name] = Retirement(
                    vendor=group.vendor,
                    model=name,
                    date=row.date,
                    origin=group.origin,
                    successor=row.successor,
                    note=row.note,
                )
    return index
