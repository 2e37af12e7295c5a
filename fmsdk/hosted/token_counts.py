"""The counts in a vendor's usage object. Each is read by itself: a count of an unexpected shape
costs no more than that count."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

__all__ = ["TokenCounts", "merge_usage", "parse_count"]

_LIMIT = 2**53


def parse_count(value: object) -> int | None:
    """A count: a whole number from 0, which some servers write as 12.0. Anything else is None."""
    if type(value) is int:
        return value if 0 <= value < _LIMIT else None
    return parse_count(int(value)) if isinstance(value, float) and value.is_integer() else None


class TokenCounts:
    """A usage object, or an object inside one. Where there is no object, every count is None."""

    __slots__ = ("_fields",)

    def __init__(self, usage: object) -> None:
        fields = cast("Mapping[str, object]", usage)
        self._fields: Mapping[str, object] = fields if isinstance(usage, Mapping) else {}

    def __bool__(self) -> bool:
        return bool(self._fields)

    def __getitem__(self, name: str) -> int | None:
        value = self._fields.get(name)
        return None if value is None else parse_count(value)

    def text(self, name: str) -> str | None:
        """A field that is text."""
        value = self._fields.get(name)
        return value if isinstance(value, str) else None

    def nested(self, name: str) -> TokenCounts:
        """The counts of an object inside this one."""
        return TokenCounts(self._fields.get(name))

    def nested_list(self, name: str) -> Iterator[TokenCounts]:
        """The counts of each object of a list."""
        values = self._fields.get(name)
        for value in cast("list[object]", values) if isinstance(values, list) else ():
            yield TokenCounts(value)


def merge_usage(earlier: Mapping[str, Any], newest: Mapping[str, Any]) -> dict[str, Any]:
    """A stream's usage by its newest event. Vendors' counts are totals, and an event may leave out
    what an earlier one said. Some gateways end a stream with zeros, which replace no count."""
    totals = dict(earlier)
    for name, value in newest.items():
        before = totals.get(name)
        if isinstance(value, dict) and isinstance(before, dict):
            totals[name] = merge_usage(
                cast("dict[str, Any]", before), cast("dict[str, Any]", value)
            )
        elif value or not before:
            totals[name] = value
    return totals
