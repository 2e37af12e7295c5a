"""From a body of `/embeddings` to `Embeddings`. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec

from fmsdk.embedding import Embeddings, EmbedRequest
from fmsdk.hosted.decoding import decode_json
from fmsdk.hosted.embedding import collect_vectors, is_normalized, vector_warnings
from fmsdk.usage import InputUsage, OutputUsage, Usage
from fmsdk_openai.decode.context import OpenAIDecodeContext
from fmsdk_openai.decode.usage import decode_usage

__all__ = ["decode_embeddings"]


class _Item(msgspec.Struct):
    embedding: list[float] | str
    index: int | None = None


class _Answer(msgspec.Struct):
    data: list[_Item] | None = None
    embeddings: list[list[float]] | None = None
    model: str | None = None
    usage: Any = None
    prompt_eval_count: int | None = None


_ANSWER = msgspec.json.Decoder(_Answer)


def decode_embeddings(
    context: OpenAIDecodeContext, request: EmbedRequest, body: bytes
) -> Embeddings:
    """The vectors of a body, in the order of the inputs.

    Servers leave out `index` (Mistral) and `usage` (Together). Ollama's own API has the vectors
    as `embeddings`, in order.

    Raises:
        InvalidResponse: not one finite vector for each input.
    """
    mapper = context.error_mapper
    answer = decode_json(_ANSWER, body, mapper)
    items = answer.data or []
    if answer.data and all(item.index is not None for item in items):
        items = sorted(items, key=lambda item: item.index or 0)
        if [item.index for item in items] != list(range(len(items))):
            raise mapper.invalid("vectors whose indexes are not those of the texts")
    rows = answer.embeddings if answer.data is None else [item.embedding for item in items]
    vectors = collect_vectors(rows or [], request, mapper)
    normalized = is_normalized(vectors)
    if answer.usage is None and answer.prompt_eval_count is not None:  # Ollama
        count = InputUsage(total=answer.prompt_eval_count)
        usage = Usage(input=count, source="measured")
    else:
        usage = decode_usage(answer.usage, None, charge=context.charge)
    if usage.input.total is None:
        usage = replace(usage, source="unknown")
    else:
        usage = replace(usage, output=OutputUsage(total=0))
    return Embeddings(
        provider=request.provider,
        model=request.model,
        vectors=vectors,
        normalized=normalized,
        served_model=answer.model,
        request_id=context.request_id,
        usage=usage,
        warnings=(
            *context.warnings,
            *vector_warnings(vectors, request, normalized=normalized),
        ),
    )
