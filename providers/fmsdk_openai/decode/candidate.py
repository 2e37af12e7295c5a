"""One choice of a chat completion that is still coming: its parts, its calls, how it ended.

Servers differ in how they number the pieces of tool calls; which call a piece belongs to is
decided here.
"""

from __future__ import annotations

from typing import Any

from fmsdk.hosted.decoding import arguments_text
from fmsdk.response import tool_call
from fmsdk_openai.decode.chat_types import ECHOED_NAMES, ChatMessage, ChatToolCall

__all__ = ["CandidateState", "PendingToolCall"]


class PendingToolCall:
    """A call that is still coming: what its pieces have brought."""

    __slots__ = ("arguments", "id", "index", "name")

    def __init__(self, index: int) -> None:
        self.index = index
        self.id = ""
        self.name = ""
        self.arguments: list[str] = []

    def add(self, piece: ChatToolCall) -> tuple[str, str, str]:
        """Add a piece. Returns what is new: the id, the name, the arguments."""
        id = "" if self.id else piece.own_id
        name = "" if self.name else piece.name
        self.id, self.name = self.id or id, self.name or name
        arguments = arguments_text(piece.arguments)
        self.arguments.append(arguments)
        return id, name, arguments

    def accepts(self, piece: ChatToolCall) -> bool:
        """Whether a piece of this number may belong to this call. Where a server leaves numbers
        out, or numbers every call 0, another id means another call, or without ids another name,
        or the same name once the arguments are complete."""
        if piece.own_id and self.id and piece.own_id != self.id:
            return piece.index is not None and not piece.name
        if not (piece.name and self.name) or (piece.own_id and self.id):
            return True
        if piece.index is None or piece.name != self.name:
            return False
        if not arguments_text(piece.arguments):
            return True
        is_complete = tool_call("", "", "".join(self.arguments)).raw is None
        return not (is_complete and any(self.arguments))


class CandidateState:
    """One choice: which of its parts has which index, and how it ended."""

    __slots__ = ("_call_by_number", "_indexes", "calls", "echoed_messages", "finish_reason")

    def __init__(self) -> None:
        self.calls: list[PendingToolCall] = []
        self.echoed_messages: list[ChatMessage] = []
        self.finish_reason: str | None = None
        self._indexes: dict[object, int] = {}
        self._call_by_number: dict[int | None, PendingToolCall] = {}

    def index(self, part: str) -> int:
        """The index of a part, by order of first appearance."""
        return self._indexes.setdefault(part, len(self._indexes))

    def new_index(self) -> int:
        """The index of a part to which nothing is added."""
        return self._indexes.setdefault(("part", len(self._indexes)), len(self._indexes))

    def add_call(self, piece: ChatToolCall) -> PendingToolCall:
        """A new call, which begins with this piece."""
        call = PendingToolCall(self.new_index())
        self.calls.append(call)
        self._call_by_number[piece.index] = call
        return call

    def call_of(self, piece: ChatToolCall) -> PendingToolCall:
        """The call that a piece belongs to: by its id, unless a new number and a name begin
        another call, or else by its number."""
        same_number = self._call_by_number.get(piece.index)
        if piece.own_id and (piece.index is None or same_number is not None or not piece.name):
            for call in self.calls:
                if call.id == piece.own_id:
                    self._call_by_number[piece.index] = call
                    return call
        if same_number is not None and same_number.accepts(piece):
            return same_number
        return self.add_call(piece)

    def echoed_fields(self) -> dict[str, Any]:
        """The fields that the server wants back: reasoning, and what the answer cites. Texts and
        lists that came in pieces are joined."""
        fields: dict[str, Any] = {}
        for name in ECHOED_NAMES:
            values = [value for part in self.echoed_messages if (value := getattr(part, name))]
            if not values:
                continue
            if all(isinstance(value, str) for value in values):
                fields[name] = "".join(values)
            elif all(isinstance(value, list) for value in values):
                fields[name] = [item for value in values for item in value]
            else:
                fields[name] = values[-1]
        return fields
