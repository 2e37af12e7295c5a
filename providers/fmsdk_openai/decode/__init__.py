"""From OpenAI's bytes to values: a body to a `Response`, a stream's payloads to events. No I/O.

Only the fields that are read are decoded; whatever else a vendor adds is ignored, and kept in
`raw_body`.
"""

from __future__ import annotations

from typing import Any

from fmsdk.hosted.decoding import StreamDecoder
from fmsdk.response import Response
from fmsdk_openai.decode.chat import ChatDecoder
from fmsdk_openai.decode.context import OpenAIDecodeContext
from fmsdk_openai.decode.responses import ResponsesDecoder

__all__ = ["OpenAIDecodeContext", "decode", "decoder"]


def decode(context: OpenAIDecodeContext, body: bytes) -> Response[Any]:
    """The response of a body. Raises InvalidResponse, or the error that the body reports."""
    return decoder(context).decode_body(body)


def decoder(context: OpenAIDecodeContext) -> StreamDecoder:
    """A decoder for one answer of the API that was asked."""
    return (ChatDecoder if context.api == "chat" else ResponsesDecoder)(context)
