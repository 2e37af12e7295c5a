"""The answer of `countTokens`."""

from __future__ import annotations

from typing import cast, get_args

import msgspec

from fmsdk.content import Modality
from fmsdk.hosted.decoding import decode_json
from fmsdk.hosted.provider import TokenTotals
from fmsdk.http.error_mapper import ErrorMapper

__all__ = ["decode_token_count"]


class _Part(msgspec.Struct, rename="camel"):
    modality: str = ""
    token_count: int = 0


class _Tokens(msgspec.Struct, rename="camel"):
    total_tokens: int
    prompt_tokens_details: list[_Part] = []


_DECODER = msgspec.json.Decoder(_Tokens)


def decode_token_count(error_mapper: ErrorMapper, body: bytes) -> TokenTotals:
    """The tokens, in all and by modality. Raises InvalidResponse."""
    tokens = decode_json(_DECODER, body, error_mapper)
    by_modality: dict[Modality, int] = {}
    for part in tokens.prompt_tokens_details:
        name = part.modality.lower()
        modality = cast("Modality", name) if name in get_args(Modality) else "text"
        by_modality[modality] = by_modality.get(modality, 0) + part.token_count
    return tokens.total_tokens, by_modality
