"""Providers that no longer exist (`fmsdk/data/tombstones.json`)."""

from __future__ import annotations

import datetime

import msgspec

from fmsdk.data import read_table
from fmsdk.errors import ModelRetired

__all__ = ["Tombstone", "tombstone"]


class Tombstone(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A provider that ended on `date`. `alternatives` are providers of fmsdk ("copilot:"), or
    other services."""

    name: str
    title: str
    date: datetime.date
    alternatives: tuple[str, ...]
    note: str
    source: str
    checked: datetime.date

    def error(self) -> ModelRetired:
        """The error that a request to it raises."""
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
    """The end of the provider called `name`; None where it exists, or never did."""
    rows = read_table("tombstones.json", _Table).rows
    return next((row for row in rows if row.name == name), None)
