"""Tool calls of a Responses stream that are still coming."""

from __future__ import annotations

from collections.abc import Mapping

from fmsdk_openai.decode.responses_types import Item

__all__ = ["PendingToolCall", "find_output_index"]


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
