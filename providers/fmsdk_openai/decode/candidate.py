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
    """A call that is still coming: what its pieces have brought. Its events wait for the name,
    without which it is no call."""

    __slots__ = ("arguments", "extra_content", "id", "index", "name")

    def __init__(self, index: int) -> None:
        self.index = index
        self.id = ""
        self.name = ""
        self.arguments: list[str] = []
        self.extra_content: Any = None

    def add(self, piece: ChatToolCall) -> tuple[str, str, str] | None:
        """Add a piece. Returns the news: the id, the name, the arguments; None while there is no
        name."""
        had_name = bool(self.name)
        id = "" if self.id and had_name else self.id or piece.own_id
        self.id, self.name = self.id or piece.own_id, self.name or piece.name
        self.extra_content = piece.extra_content or self.extra_content
        self.arguments.append(arguments_text(piece.arguments))
        if not self.name:
            return None
        if had_name:
            return id, "", self.arguments[-1]
        return id, self.name, "".join(self.arguments)

    @property
    def is_complete(self) -> bool:
        """Whether its arguments are a whole JSON object."""
        return any(self.arguments) and tool_call("", "", "".join(self.arguments)).raw is None

    def accepts(self, piece: ChatToolCall) -> bool:
        """Whether a piece of this number may belong to this call. Where a server leaves numbers
        out, or numbers every call 0, another id means another call, or without ids another name,
        or the same name once the arguments are complete."""
        if piece.own_id and self.id and piece.own_id != self.id:
            return piece.number is not None and not piece.name
        if not (piece.name and self.name) or (piece.own_id and self.id):
            return True
        if piece.number is None or piece.name != self.name:
            return False
        return not arguments_text(piece.arguments) or not self.is_complete


class CandidateState:
    """One choice: which of its parts has which index, and how it ended."""

    __slots__ = (
        "_call_by_number",
        "_indexes",
        "_latest_call",
        "calls",
        "echoed_messages",
        "finish_reason",
    )

    def __init__(self) -> None:
        self.calls: list[PendingToolCall] = []
        self.echoed_messages: list[ChatMessage] = []
        self.finish_reason: str | None = None
        self._indexes: dict[object, int] = {}
        self._call_by_number: dict[int | None, PendingToolCall] = {}
        self._latest_call: PendingToolCall | None = None

    def index(self, part: str) -> int:
        """The index of a part, by order of first appearance."""
        return self._indexes.setdefault(part, len(self._indexes))

    def new_index(self) -> int:
        """The index of a part to which nothing is added."""
        return self._indexes.setdefault(("part", len(self._indexes)), len(self._indexes))

    def add_call(self, piece: ChatToolCall) -> PendingToolCall:
        """A new call, which begins with this piece."""
        call = self._latest_call = PendingToolCall(self.new_index())
        self.calls.append(call)
        self._call_by_number[piece.number] = call
        return call

    def call_of(self, piece: ChatToolCall) -> PendingToolCall:
        """The call that a piece belongs to: by its id, unless a new number and a name begin
        another call, or else by its number.

        A piece without a name continues the latest call while that has no complete arguments, even
        under a new id or number, which some gateways give to every piece.
        """
        call = self._known_call(piece)
        if call is None:
            latest = self._latest_call
            brings_more = piece.number is None or arguments_text(piece.arguments)
            if piece.name or not brings_more or latest is None or latest.is_complete:
                return self.add_call(piece)
            call = latest
        self._latest_call = self._call_by_number[piece.number] = call
        return call

    def _known_call(self, piece: ChatToolCall) -> PendingToolCall | None:
        same_number = self._call_by_number.get(piece.number)
        if piece.own_id and (piece.number is None or same_number is not None or not piece.name):
            for call in self.calls:
                if call.id == piece.own_id:
                    return call
        return same_number if same_number is not None and same_number.accepts(piece) else None

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
