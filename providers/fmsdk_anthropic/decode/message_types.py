"""The shapes that are read of Anthropic's answers: messages, their blocks, and a stream's events.

Unknown fields are ignored.
"""

from __future__ import annotations

from typing import Any

import msgspec

__all__ = [
    "BLOCK",
    "BLOCK_TYPE",
    "EVENT",
    "MESSAGE",
    "OBJECT",
    "Block",
    "Delta",
    "StopDetails",
    "StreamEvent",
    "WholeMessage",
]


class Block(msgspec.Struct):
    """One element of `content`: a text, thinking, or a call of the caller's tools."""

    type: str = ""
    text: str | None = None
    citations: list[Any] | None = None
    thinking: str | None = None
    id: str | None = None
    name: str | None = None
    input: Any = None
    caller: Any = None
    toolset_name: str | None = None


class BlockType(msgspec.Struct):
    """Only the type of a block."""

    type: str = ""


class StopDetails(msgspec.Struct):
    """Why Anthropic refused to answer."""

    category: str | None = None
    explanation: str | None = None


class WholeMessage(msgspec.Struct):
    """A body. Blocks are left as they came, since some go back unchanged."""

    content: list[msgspec.Raw] | None = None
    error: Any = None
    type: str = ""
    id: str | None = None
    model: str | None = None
    stop_reason: str | None = None
    stop_details: StopDetails | None = None
    usage: Any = None


class Delta(msgspec.Struct):
    """A piece of a block, or what `message_delta` says of the message."""

    type: str = ""
    text: str | None = None
    thinking: str | None = None
    signature: str | None = None
    partial_json: str | None = None
    citation: Any = None
    content: Any = None
    encrypted_content: Any = None
    stop_reason: str | None = None
    stop_details: StopDetails | None = None


class StreamEvent(msgspec.Struct):
    """Any event of a stream."""

    type: str = ""
    index: int | float | str | None = 0
    delta: Delta | None = None
    content_block: dict[str, Any] | None = None


MESSAGE = msgspec.json.Decoder(WholeMessage)
BLOCK = msgspec.json.Decoder(Block)
BLOCK_TYPE = msgspec.json.Decoder(BlockType)
EVENT = msgspec.json.Decoder(StreamEvent)
OBJECT = msgspec.json.Decoder(dict[str, Any])
