"""Providers that no longer exist (`fmsdk/data/tombstones.json`)."""

from __future__ import annotations

import datetime
from functools import cache

import msgspec

from fmsdk.data import read
from fmsdk.errors import ModelRetired

__all__ = ["Tombstone", "tombstone"]


class Tombstone(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A provider gone since `date`. `alternatives` are providers of fmsdk ("copilot:"), or
    services to go to."""

    name: str
    title: str
    date: datetime.date
    alternatives: tuple[str, ...]
    note: str
    source: str
    checked: datetime.date

    def error(self) -> ModelRetired:
        """What a request to it ends in."""
        return ModelRetired(
            f"{self.title} ({self.name}:) was retired on {self.date}: {self.note}. "
            f"Use {', '.join(self.alternatives[:-1])} or {self.alternatives[-1]} instead",
            date=self.date,
            alternatives=self.alternatives,
            provider=self.name,
        )


class _Table(msgspec.Struct, frozen=True):
    rows: tuple[Tombstone, ...]


def tombstone(name: str) -> Tombstone | None:
    """The stone of the provider called `name`; None where it is alive, or never was."""
    return _table().get(name)


@cache
def _table() -> dict[str, Tombstone]:
    return {row.name: row for row in read("tombstones.json", _Table).rows}
