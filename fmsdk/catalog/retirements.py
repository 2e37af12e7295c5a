"""When vendors switch models off at their own endpoints (`fmsdk/data/retirements.json`)."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, replace
from functools import cache, lru_cache

import msgspec

from fmsdk.catalog.names import look_up
from fmsdk.catalog.origin import Group, Origin
from fmsdk.data import read

__all__ = ["Retirement", "announcements", "retirement"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Retirement:
    """The end of a model: gone from the start of `date`, in UTC. `successor` is the model named
    in its place, `note` what else there is to say.

    is_own: the day is that of the endpoint asked about. False: it is the maker's own endpoint's,
    and this one's is not known.
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
    """When the vendor switches (or switched) `model` off; None where no end is announced. Of an
    endpoint with days of its own (Vertex), where one is not known, when the maker does."""
    end = look_up(_table().get(vendor, {}), model)
    maker = _data().follows.get(vendor)
    if end is not None or maker is None:
        return end
    end = look_up(_table().get(maker, {}), model)
    note = f"that is {maker}'s own day; when it ends at {vendor} is not known"
    return None if end is None else replace(end, note=note, is_own=False)


def announcements(vendor: str) -> Origin | None:
    """Where the vendor announces ends, and when that was last looked at; None where nobody did."""
    groups = _data().groups
    return next((group.origin for group in groups if group.vendor == vendor), None)


@cache
def _data() -> _Table:
    return read("retirements.json", _Table)


@cache
def _table() -> dict[str, dict[str, Retirement]]:
    table: dict[str, dict[str, Retirement]] = {}
    for group in _data().groups:
        rows = table.setdefault(group.vendor, {})
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
    return table
