"""The counts in a wire's usage object, each read by itself: one of an odd shape costs no more than
that count."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import cast

__all__ = ["Counts", "count"]

_MOST = 2**53


def count(value: object) -> int | None:
    """A count: a whole number from 0, which some servers write as 12.0. Anything else tells
    nothing, and is None."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if type(value) is int and 0 <= value < _MOST else None


class Counts:
    """A usage object, or one inside it; of what is none, every count is None."""

    __slots__ = ("_fields",)

    def __init__(self, told: object) -> None:
        fields = cast("Mapping[str, object]", told)
        self._fields: Mapping[str, object] = fields if isinstance(told, Mapping) else {}

    def __bool__(self) -> bool:
        return bool(self._fields)

    def __getitem__(self, name: str) -> int | None:
        return count(self._fields.get(name))

    def word(self, name: str) -> str | None:
        """A field that is text."""
        value = self._fields.get(name)
        return value if isinstance(value, str) else None

    def under(self, name: str) -> Counts:
        """The counts of an object inside this one."""
        return Counts(self._fields.get(name))

    def each(self, name: str) -> Iterator[Counts]:
        """The counts of each object of a list."""
        listed = self._fields.get(name)
        for one in cast("list[object]", listed) if isinstance(listed, list) else ():
            yield Counts(one)
