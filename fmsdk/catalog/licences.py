"""The licences of open weights (`fmsdk/data/licences.json`), by hub id."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache

import msgspec

from fmsdk.catalog.origin import Group, Origin
from fmsdk.data import read_table

__all__ = ["Licence", "licence"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Licence:
    """A licence's name, and its main conditions."""

    name: str
    origin: Origin
    note: str = ""


class _Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    models: tuple[str, ...]
    licence: str
    note: str = ""


class _Group(Group, frozen=True):
    rows: tuple[_Row, ...]


class _Table(msgspec.Struct, frozen=True):
    groups: tuple[_Group, ...]


@lru_cache(maxsize=4096)
def licence(model: str) -> Licence | None:
    """The licence of the weights called `model` ("meta-llama/Llama-3.1-8B"); None where it is
    unknown, which does not mean free."""
    name = model.lower()
    for group in read_table("licences.json", _Table).groups:
        for row in group.rows:
            if any(fnmatchcase(name, pattern) for pattern in row.models):
                return Licence(name=row.licence, origin=group.origin, note=row.note)
    return None
