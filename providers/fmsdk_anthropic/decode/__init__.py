"""From the wire to values: a body to a `Response`, a stream's payloads to events. No I/O.

Only the fields that are read are decoded; what else the vendor adds is skipped unseen, and kept
in `raw_body`.
"""

from __future__ import annotations

from typing import Any

from fmsdk.hosted.decoding import DecodeContext, StreamDecoder
from fmsdk.response import Response
from fmsdk_anthropic.decode.message import message_response
from fmsdk_anthropic.decode.stream import MessageStream

__all__ = ["decode", "decoder"]


def decode(context: DecodeContext, body: bytes) -> Response[Any]:
    """The response of a body. Raises InvalidResponse, or the error that the body reports."""
    return message_response(context, body)


def decoder(context: DecodeContext) -> StreamDecoder:
    """A decoder for one stream."""
    return MessageStream(context)
