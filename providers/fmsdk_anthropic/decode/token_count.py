"""The answer of `POST /v1/messages/count_tokens`."""

from __future__ import annotations

import msgspec

from fmsdk.hosted.decoding import decode_json
from fmsdk.hosted.provider import TokenTotals
from fmsdk.http.error_mapper import ErrorMapper

__all__ = ["decode_token_count"]


class _InputTokens(msgspec.Struct):
    input_tokens: int


_DECODER = msgspec.json.Decoder(_InputTokens)


def decode_token_count(error_mapper: ErrorMapper, body: bytes) -> TokenTotals:
    """The tokens, of which Anthropic names no parts. Raises InvalidResponse."""
    return decode_json(_DECODER, body, error_mapper).input_tokens, {}
