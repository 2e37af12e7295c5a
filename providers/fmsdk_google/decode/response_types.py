"""The shapes that are read of Google's answers. Parts are left as they came: parts of unknown kinds
go back to Google unchanged."""

from __future__ import annotations

from typing import Any

import msgspec

__all__ = ["CHUNK", "PART", "Blob", "Candidate", "Chunk", "FunctionCall", "Logprobs", "Part"]


class FunctionCall(msgspec.Struct, rename="camel"):
    """A call of one of the caller's functions."""

    id: str | None = None
    name: str | None = None
    args: msgspec.Raw = msgspec.Raw(b"null")
    partial_args: Any = None


class Blob(msgspec.Struct, rename="camel"):
    """Media as base64."""

    mime_type: str = ""
    data: str = ""


class Part(msgspec.Struct, rename="camel"):
    """The fields that are read of a part. In a part of an unknown kind, none of them is set."""

    text: str | None = None
    thought: bool | None = None
    thought_signature: str | None = None
    function_call: FunctionCall | None = None
    inline_data: Blob | None = None


class _Content(msgspec.Struct):
    parts: list[msgspec.Raw] | None = None


class _Logprob(msgspec.Struct, rename="camel"):
    token: str = ""
    log_probability: float = 0.0


class _TopLogprobs(msgspec.Struct):
    candidates: list[_Logprob] | None = None


class Logprobs(msgspec.Struct, rename="camel"):
    """The tokens of an answer, and the likeliest tokens in the place of each."""

    chosen_candidates: list[_Logprob] | None = None
    top_candidates: list[_TopLogprobs] | None = None


class Candidate(msgspec.Struct, rename="camel"):
    """One choice, or in a stream a piece of it."""

    content: _Content | None = None
    finish_reason: str | None = None
    finish_message: str | None = None
    index: int | None = None
    logprobs_result: Any = None
    citation_metadata: Any = None
    grounding_metadata: Any = None
    url_context_metadata: Any = None


class _Feedback(msgspec.Struct, rename="camel"):
    block_reason: str | None = None
    block_reason_message: str | None = None


class Chunk(msgspec.Struct, rename="camel"):
    """A body, or one event of a stream."""

    candidates: list[Candidate] | None = None
    prompt_feedback: _Feedback | None = None
    usage_metadata: Any = None
    model_version: str | None = None
    response_id: str | None = None
    error: Any = None


CHUNK = msgspec.json.Decoder(Chunk)
PART = msgspec.json.Decoder(Part)
