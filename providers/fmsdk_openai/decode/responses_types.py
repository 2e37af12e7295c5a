"""The shapes that are read of Responses, bodies and streams alike.

Items are left as they came, since some go back unchanged. What only some servers or some events
have in this shape is left untyped where it is no reason to refuse an answer.
"""

from __future__ import annotations

from typing import Any

import msgspec

from fmsdk.hosted.decoding import arguments_text, decode_json, encode_opaque, optional_text
from fmsdk.http.error_mapper import ErrorMapper

__all__ = [
    "EVENT",
    "RESPONSE",
    "Item",
    "ResponseEvent",
    "ResponseObject",
    "decode_item",
]


class _Content(msgspec.Struct):
    """A piece of a message's or of a reasoning item's content."""

    type: str = ""
    text: str | None = None
    refusal: str | None = None
    logprobs: Any = None


class Item(msgspec.Struct):
    """An element of `output`: a message, reasoning, a function call, or a web search's action."""

    type: str = ""
    id: Any = None
    content: list[_Content] | None = None
    summary: list[_Content] | None = None
    call_id: str | int | None = None
    name: str | None = None
    arguments: Any = None
    phase: str | None = None
    action: Any = None

    @property
    def thoughts(self) -> list[str]:
        """Reasoning in words: its summary, and where a server gives it, the reasoning itself."""
        pieces = [*(self.summary or ()), *(self.content or ())]
        return [piece.text for piece in pieces if piece.text]

    @property
    def texts(self) -> list[tuple[str, bool, Any]]:
        """The text of each piece of a message, whether it is a refusal, and its logprobs."""
        return [
            (piece.refusal or piece.text or "", bool(piece.refusal), piece.logprobs)
            for piece in self.content or ()
        ]

    @property
    def own_id(self) -> str:
        """A function call's id; "" where it has none."""
        return optional_text(self.call_id) or ""

    @property
    def arguments_text(self) -> str:
        """A function call's arguments as JSON text."""
        return arguments_text(self.arguments)

    @property
    def text_metadata(self) -> str | None:
        """What has to go back with a message besides its text: whether it was a commentary or the
        final answer. None where the vendor did not say."""
        return encode_opaque({"type": "message", "phase": self.phase}) if self.phase else None


class _ItemType(msgspec.Struct):
    type: str = ""
    action: Any = None


class _IncompleteDetails(msgspec.Struct):
    """Why a response is incomplete."""

    reason: str | None = None


class ResponseObject(msgspec.Struct):
    """A response."""

    output: list[msgspec.Raw] | None = None
    status: str | None = None
    incomplete_details: _IncompleteDetails | None = None
    error: Any = None
    id: Any = None
    model: Any = None
    usage: Any = None
    service_tier: Any = None


class ResponseEvent(msgspec.Struct):
    """Any event of a stream. A number of its item that is none is 0, as a missing one."""

    type: str = ""
    delta: Any = None
    text: Any = None
    refusal: Any = None
    arguments: Any = None
    item_id: Any = None
    output_index: Any = 0
    content_index: int = 0
    summary_index: int = 0
    logprobs: Any = None
    error: Any = None
    item: msgspec.Raw = msgspec.Raw(b"{}")
    response: msgspec.Raw = msgspec.Raw(b"{}")

    def __post_init__(self) -> None:
        if type(self.output_index) is not int:
            text = str(self.output_index)
            self.output_index = int(text) if text.isdecimal() else 0


RESPONSE = msgspec.json.Decoder(ResponseObject)
EVENT = msgspec.json.Decoder(ResponseEvent)
_ITEM_TYPE = msgspec.json.Decoder(_ItemType)
_ITEM = msgspec.json.Decoder(Item)
_READ_TYPES = frozenset({"message", "reasoning", "function_call"})


def decode_item(raw: msgspec.Raw, error_mapper: ErrorMapper) -> Item:
    """An item; of types that are not read, only type and action. Raises InvalidResponse."""
    item = decode_json(_ITEM_TYPE, raw, error_mapper)
    if item.type not in _READ_TYPES:
        return Item(item.type, action=item.action)
    return decode_json(_ITEM, raw, error_mapper)
