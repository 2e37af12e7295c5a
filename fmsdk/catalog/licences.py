"""The licences of weights that anyone can run (`fmsdk/data/licences.json`), by hub id."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache

import msgspec

from fmsdk.catalog.origin import Group, Origin
from fmsdk.data import read

__all__ = ["Licence", "licence"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Licence:
    """A licence by its name, and the conditions worth knowing before reading it."""

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


def licence(model: str) -> Licence | None:
    """The licence of the weights called `model` ("meta-llama/Llama-3.1-8B"); None where it is not
    known, which is not the same as free."""
    name = model.lower()
    for pattern, found in _table():
        if fnmatchcase(name, pattern):
            return found
    return None


@cache
def _table() -> tuple[tuple[str, Licence], ...]:
    return tuple(
        (pattern, Licence(name=row.licence, origin=group.origin, note=row.note))
        for group in read("licences.json", _Table).groups
        for row in group.rows
        for pattern in row.models
    )
