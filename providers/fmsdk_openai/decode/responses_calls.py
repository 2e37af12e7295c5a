"""Tool calls of a Responses stream that are still coming, and the numbers of its items."""

from __future__ import annotations

from collections.abc import Mapping

from fmsdk.hosted.decoding import optional_text
from fmsdk_openai.decode.responses_types import Item

__all__ = ["ItemNumbers", "PendingToolCall", "find_output_index"]

_FIRST_OWN_NUMBER = 500_000
"""Items whose number another item has already are numbered from here."""


class PendingToolCall:
    """A call that is still coming: what its events have brought."""

    __slots__ = ("id", "index", "name")

    def __init__(self, index: int) -> None:
        self.index = index
        self.id = ""
        self.name = ""

    def accepts(self, item: Item) -> bool:
        """Whether a finished call may be this one: neither id nor name says otherwise."""
        id, name = item.own_id, item.name or ""
        return (not (id and self.id) or id == self.id) and (
            not (name and self.name) or name == self.name
        )


class ItemNumbers:
    """The numbers of a stream's items. They are the server's, unless it gives one to several."""

    def __init__(self) -> None:
        self._keys: dict[int, str] = {}
        self._by_id: dict[str, int | None] = {}  # None: several items have this id
        self._latest: dict[int, int] = {}

    def start(self, number: int, item: Item) -> int:
        """The number of an item that begins."""
        key = item.own_id or optional_text(item.id) or ""
        if self._keys.setdefault(number, key) != key:
            own_number = _FIRST_OWN_NUMBER + len(self._keys)
            self._latest[number] = number = own_number
            self._keys[number] = key
        if item.id and self._by_id.setdefault(str(item.id), number) != number:
            self._by_id[str(item.id)] = None
        return number

    def find(self, number: int, item_id: object) -> int:
        """The number of the item of an event: by the item's id, or else the latest item with the
        number that the server gave."""
        known = self._by_id.get(str(item_id))
        return self._latest.get(number, number) if known is None else known


def find_output_index(calls: Mapping[int, PendingToolCall], item: Item, place: int) -> int | None:
    """The output index under which the events of a finished call came. Servers differ in how they
    number items: the call is recognised by its id, by its place, or by its name.

    Args:
        calls: the calls of the stream that no finished call has claimed, by output index.
        place: of the call in the finished response's output.
    """
    for index, call in calls.items():
        if item.own_id and call.id == item.own_id:
            return index
    if place in calls and calls[place].accepts(item):
        return place
    return next((index for index, call in calls.items() if call.accepts(item)), None)
