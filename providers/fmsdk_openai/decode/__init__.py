"""From the wire to values: a body to a `Response`, a stream's payloads to events. No I/O.

Only the fields that are read are decoded; what else a vendor adds is skipped unseen, and kept in
`raw_body`.
"""

from __future__ import annotations

from typing import Any

from fmsdk.hosted.decoding import StreamDecoder
from fmsdk.response import Response
from fmsdk_openai.decode.chat import chat_response
from fmsdk_openai.decode.chat_stream import ChatStream
from fmsdk_openai.decode.context import OpenAIDecodeContext
from fmsdk_openai.decode.responses import responses_response
from fmsdk_openai.decode.responses_stream import ResponsesStream

__all__ = ["OpenAIDecodeContext", "decode", "decoder"]


def decode(context: OpenAIDecodeContext, body: bytes) -> Response[Any]:
    """The response of a body. Raises InvalidResponse, or the error that the body reports."""
    return (chat_response if context.api == "chat" else responses_response)(context, body)


def decoder(context: OpenAIDecodeContext) -> StreamDecoder:
    """A decoder for one stream of the API that was asked."""
    return (ChatStream if context.api == "chat" else ResponsesStream)(context)
