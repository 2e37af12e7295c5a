"""From the wire to values: a body to a `Response`, a stream's payloads to events. No I/O.

A body has the shape of a stream's only chunk, and is read as one. Only the fields that are read
are decoded; what else Google adds (citations, sources of grounding, safety ratings) is kept in
`raw_body`, of a stream its last chunk, with the sources that earlier ones told of.
"""

from __future__ import annotations

from typing import Any

from fmsdk.hosted.decoding import DecodeContext, StreamDecoder
from fmsdk.response import Response, ResponseAccumulator
from fmsdk_google.decode.stream import GeminiStream

__all__ = ["decode", "decoder"]


def decode(context: DecodeContext, body: bytes) -> Response[Any]:
    """The response of a body. Raises InvalidResponse, ContentFiltered, or the error in it."""
    stream, fold, request = GeminiStream(context), ResponseAccumulator(), context.request
    for event in (*stream.feed(body), stream.finished()):
        fold.add(event)
    return fold.response(request.provider, request.model, output_type=request.output)


def decoder(context: DecodeContext) -> StreamDecoder:
    """A decoder for one stream."""
    return GeminiStream(context)
