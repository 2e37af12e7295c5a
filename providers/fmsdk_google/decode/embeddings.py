"""From a body of one of Google's embedding methods to `Embeddings`. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import msgspec

from fmsdk.embedding import Embeddings, EmbedRequest
from fmsdk.hosted.decoding import DecodeContext, decode_json
from fmsdk.hosted.embedding import collect_vectors, is_normalized, vector_warnings
from fmsdk.hosted.token_counts import TokenCounts
from fmsdk.response import Warning
from fmsdk.usage import InputUsage, OutputUsage, Usage
from fmsdk_google.decode.usage import decode_usage

__all__ = ["decode_embeddings"]


class _Vector(msgspec.Struct):
    values: list[float]
    statistics: Any = None


class _Prediction(msgspec.Struct):
    embeddings: _Vector


class _Answer(msgspec.Struct):
    embedding: _Vector | None = None
    embeddings: list[_Vector] | None = None
    predictions: list[_Prediction] | None = None
    truncated: bool | None = None
    usage: dict[str, Any] | None = msgspec.field(default=None, name="usageMetadata")


_ANSWER = msgspec.json.Decoder(_Answer)


def decode_embeddings(context: DecodeContext, request: EmbedRequest, body: bytes) -> Embeddings:
    """The vectors of a body, which are in the order of the inputs.

    Raises:
        InvalidResponse: not one finite vector for each input.
    """
    answer = decode_json(_ANSWER, body, context.error_mapper)
    rows = answer.embeddings or [one.embeddings for one in answer.predictions or []]
    if answer.embedding is not None:
        rows = [answer.embedding]
    vectors = collect_vectors([one.values for one in rows], request, context.error_mapper)
    normalized = is_normalized(vectors)
    warnings = (*context.warnings, *vector_warnings(vectors, request, normalized=normalized))
    statistics = [cast("object", one.statistics) for one in rows]
    is_cut = [
        bool(answer.truncated)
        or (isinstance(one, dict) and bool(cast("dict[str, Any]", one).get("truncated")))
        for one in statistics
    ]
    if any(is_cut):
        message = f"{sum(is_cut)} texts were longer than {request.name} takes, and were cut off"
        warnings = (*warnings, Warning("input_truncated", message, "inputs"))
    return Embeddings(
        provider=request.provider,
        model=request.model,
        vectors=vectors,
        normalized=normalized,
        request_id=context.request_id,
        usage=_usage(answer, rows),
        warnings=warnings,
    )


def _usage(answer: _Answer, rows: list[_Vector]) -> Usage:
    if answer.usage:
        raw = answer.usage
        # AI Studio spells it without the s that generateContent has.
        details = raw.get("promptTokensDetails") or raw.get("promptTokenDetails")
        usage = decode_usage({**raw, "promptTokensDetails": details})
        if usage.input.total is None:
            usage = replace(
                usage, input=replace(usage.input, total=TokenCounts(raw)["totalTokenCount"])
            )
        if usage.input.total is None:
            return Usage(raw=raw)
        return replace(usage, output=OutputUsage(total=0), raw=raw)
    counts = [TokenCounts(one.statistics) for one in rows]
    tokens = [count["token_count"] or count["tokenCount"] for count in counts]
    present = [count for count in tokens if count is not None]
    if not present or len(present) < len(tokens):
        return Usage()
    return Usage(
        input=InputUsage(total=sum(present)), output=OutputUsage(total=0), source="measured"
    )
