"""The shapes that are read of Google's answers. Parts stay as they came: those of kinds that are
not known here go back to Google unchanged."""

from __future__ import annotations

from typing import Any

import msgspec

__all__ = ["CHUNK", "PART", "Blob", "Call", "Candidate", "Chunk", "Logprobs", "Part"]


class Call(msgspec.Struct, rename="camel"):
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
    """A part, as far as it is read; no field of content is set in kinds not known here."""

    text: str | None = None
    thought: bool | None = None
    thought_signature: str | None = None
    function_call: Call | None = None
    inline_data: Blob | None = None


class _Content(msgspec.Struct):
    parts: list[msgspec.Raw] | None = None


class _Logprob(msgspec.Struct, rename="camel"):
    token: str = ""
    log_probability: float = 0.0


class _Top(msgspec.Struct):
    candidates: list[_Logprob] | None = None


class Logprobs(msgspec.Struct, rename="camel"):
    """The tokens of an answer, and the likeliest in the place of each."""

    chosen_candidates: list[_Logprob] | None = None
    top_candidates: list[_Top] | None = None


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

    @property
    def has_sources(self) -> bool:
        """Whether it tells what the answer rests on."""
        told = self.citation_metadata or self.grounding_metadata or self.url_context_metadata
        return bool(told)


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
