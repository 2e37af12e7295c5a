"""What every verb returns: who answered, what it used and cost, how long it took, what to know.

`Response`, `Transcription` and `Embeddings` add what their verbs give. A provider fills in what
the vendor reported; `fmsdk.pipeline` adds latency, cost and tags. Whoever observes calls knows
`Result` alone, so that a new verb changes nothing there.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from fmsdk.content import MediaPart
from fmsdk.request import Message
from fmsdk.usage import Cost, Latency, Timings, Usage

__all__ = ["NO_USAGE", "Finish", "Result", "Warning", "WarningCode"]

Finish = Literal["stop", "length", "tool_calls", "content_filter", "refusal", "cancelled", "other"]
WarningCode = Literal[
    # What the caller asked for, and did not get in full.
    "setting_dropped",
    "setting_ignored",
    "schema_not_strict",
    "audio_format",
    "cache_lifetime",
    "cache_mark_ignored",
    "tag_not_sent",
    # Of the conversation, what was left out, changed, or missed.
    "audio_dropped",
    "blank_text_dropped",
    "citations_dropped",
    "name_dropped",
    "opaque_dropped",
    "reasoning_dropped",
    "refusal_as_text",
    "thought_signature_missing",
    "tool_ids_changed",
    # Of media and texts, what was changed.
    "frames_dropped",
    "image_downsized",
    "input_truncated",
    # Of the answer.
    "content_skipped",
    "finish_message",
    "finish_missing",
    "malformed_arguments",
    "no_speech",
    "raw_completion",
    "refused",
    "vectors_unnormalized",
    # Of the model, its price and its tokens.
    "context_too_long",
    "local_cost_unknown_before_run",
    "model_retired",
    "model_retiring",
    "model_unknown",
    "output_assumed",
    "price_unknown",
    "usage_elsewhere",
]
"""Every code that a warning can have. `fmsdk.Warning.message` says what it means in each case."""
NO_USAGE = Usage()


@dataclass(frozen=True, slots=True)
class Warning:
    """Something the caller should know: `code` for programs, `message` for people, `detail`
    names the setting, part or field meant."""

    code: WarningCode
    message: str
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What all results have in common.

    `provider` and `model` are as asked, `served_model` as answered; `tags` are the request's.
    `request_id` is the vendor's id of the request, for its support. `timings` is what the
    provider alone can time: `latency` and `cost` are made of it. `raw_body` is the vendor's own
    answer as it came.
    """

    provider: str
    model: str
    served_model: str | None = None
    request_id: str | None = None
    usage: Usage = NO_USAGE
    cost: Cost | None = None
    latency: Latency = field(default_factory=lambda: Latency(total=0.0))
    timings: Timings | None = None
    warnings: tuple[Warning, ...] = ()
    tags: tuple[tuple[str, str], ...] = ()
    raw_body: bytes | None = field(default=None, repr=False, compare=False)

    @property
    def raw(self) -> Any:
        """The vendor's own answer, decoded; of a stream, its last object, where it sums up."""
        return None if self.raw_body is None else json.loads(self.raw_body)

    @property
    def finishes(self) -> tuple[Finish, ...]:
        """Why each answer ended; empty for verbs whose answers have no such reason."""
        return ()

    @property
    def messages(self) -> tuple[Message, ...]:
        """The answers as turns of a conversation; empty for verbs that have no conversation."""
        return ()

    def with_media(self, change: Callable[[MediaPart], MediaPart]) -> Self:
        """The result with every media part as `change` returns it."""
        del change
        return self
