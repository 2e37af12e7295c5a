"""The base of every verb's result: model, usage, cost, latency, warnings.

`Response`, `Transcription` and `Embeddings` add what their verbs return. A provider fills in what
the vendor reported; `fmsdk.pipeline` adds latency, cost and tags. Observers of calls know only
`Result`, so that a new verb changes nothing there.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from fmsdk.content import MediaPart
from fmsdk.notebook import render_note, render_text
from fmsdk.request import Message
from fmsdk.usage import Cost, Latency, Timings, Usage, to_plain_record

__all__ = ["NO_USAGE", "Finish", "Result", "Warning", "WarningCode"]

Finish = Literal["stop", "length", "tool_calls", "content_filter", "refusal", "cancelled", "other"]
WarningCode = Literal[
    # Of settings: not honoured, or not fully.
    "setting_dropped",
    "setting_ignored",
    "schema_not_strict",
    "audio_format",
    "cache_lifetime",
    "cache_mark_ignored",
    "tag_not_sent",
    # Of the conversation: left out, changed, or missing.
    "audio_dropped",
    "blank_text_dropped",
    "citations_dropped",
    "name_dropped",
    "opaque_dropped",
    "reasoning_dropped",
    "result_images_moved",
    "refusal_as_text",
    "thought_signature_missing",
    "tool_ids_changed",
    # Of media and texts: changed.
    "frames_dropped",
    "image_converted",
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
    "tokens_without_text",
    "tool_call_unreadable",
    "vectors_unnormalized",
    # Of the model, its price and its tokens.
    "context_too_long",
    "cost_above_bound",
    "input_unbounded",
    "local_cost_unknown_before_run",
    "model_retired",
    "model_retiring",
    "model_unknown",
    "output_assumed",
    "price_unknown",
    "usage_elsewhere",
]
"""Every code that a warning can have. docs/reference/api.md says what each one means."""
NO_USAGE = Usage()


@dataclass(frozen=True, slots=True)
class Warning:
    """Something that the caller should know: `code` for programs, `message` for people. `detail` is
    the name of the setting, part or field."""

    code: WarningCode
    message: str
    detail: str = ""

    def __str__(self) -> str:
        return self.message


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What all results have in common.

    `provider` and `model` are those of the request, and so are `tags`. `served_model` is the model
    that answered. `request_id` is the vendor's id of the request, for its support. `timings` are
    those that only the provider can measure; `latency` and `cost` are computed from them.
    `raw_body` is the vendor's own answer as it came.
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
        """The vendor's own answer, decoded; of a stream, its last object, if that sums up the
        answer."""
        return None if self.raw_body is None else json.loads(self.raw_body)

    @property
    def finishes(self) -> tuple[Finish, ...]:
        """Why each answer ended; empty for verbs without such a reason."""
        return ()

    @property
    def messages(self) -> tuple[Message, ...]:
        """The answers as turns of a conversation; empty for verbs without a conversation."""
        return ()

    def to_dict(self) -> dict[str, Any]:
        """The result as plain values, for a table or a log. Money is text, None is unknown. Media
        and the vendor's own objects are left out; `fmsdk.to_json` writes everything."""
        return {
            "provider": self.provider,
            "model": self.model,
            "served_model": self.served_model,
            "request_id": self.request_id,
            "usage": self.usage.to_dict(),
            "cost": None if self.cost is None else self.cost.to_dict(),
            "latency": to_plain_record(self.latency),
            "warnings": [to_plain_record(warning) for warning in self.warnings],
        }

    def _repr_html_(self) -> str:
        cost = "cost unknown" if self.cost is None else str(self.cost)
        name = f"{self.provider}:{self.served_model or self.model}"
        return render_text(str(self)) + render_note(
            " · ".join([name, str(self.usage), str(self.latency), cost]),
            *(f"warning: {warning}" for warning in self.warnings),
        )

    def with_media(self, change: Callable[[MediaPart], MediaPart]) -> Self:
        """The result with `change` applied to every media part."""
        del change
        return self
