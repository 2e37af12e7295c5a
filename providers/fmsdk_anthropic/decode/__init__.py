"""From Anthropic's bytes to values: a body to a `Response`, a stream's payloads to events. No I/O.

Only the fields that are read are decoded; whatever else Anthropic adds is ignored, and kept in
`raw_body`.
"""

from __future__ import annotations

from typing import Any

from fmsdk.hosted.decoding import DecodeContext, StreamDecoder
from fmsdk.response import Response
from fmsdk_anthropic.decode.messages import MessagesDecoder

__all__ = ["decode", "decoder"]


def decode(context: DecodeContext, body: bytes) -> Response[Any]:
    """The response of a body. Raises InvalidResponse, or the error that the body reports."""
    return MessagesDecoder(context).decode_body(body)


def decoder(context: DecodeContext) -> StreamDecoder:
    """A decoder for one answer."""
    return MessagesDecoder(context)
