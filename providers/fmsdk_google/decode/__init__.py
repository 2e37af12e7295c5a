"""From Google's bytes to values: a body to a `Response`, a stream's payloads to events. No I/O.

Only the fields that are read are decoded; whatever else Google adds (citations, grounding, safety
ratings) is kept in `raw_body`. For a stream that is its last chunk, with the grounding of earlier
chunks.
"""

from __future__ import annotations

from typing import Any

from fmsdk.hosted.decoding import DecodeContext, StreamDecoder
from fmsdk.response import Response
from fmsdk_google.decode.generate_content import GenerateContentDecoder

__all__ = ["decode", "decoder"]


def decode(context: DecodeContext, body: bytes) -> Response[Any]:
    """The response of a body. Raises InvalidResponse, ContentFiltered, or the error in it."""
    return GenerateContentDecoder(context).decode_body(body)


def decoder(context: DecodeContext) -> StreamDecoder:
    """A decoder for one answer."""
    return GenerateContentDecoder(context)
