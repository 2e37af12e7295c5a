"""How a server's API differs from OpenAI's and from other servers', as data for encoders and
decoders.

A dialect knows no addresses and keys; the servers are in `servers`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from fnmatch import fnmatchcase
from typing import Any, Literal

from fmsdk.content import Modality
from fmsdk.request import Request

__all__ = [
    "CALL_ID_LIMITS",
    "CHAT_INPUT",
    "OPENAI",
    "PDF",
    "PICTURES",
    "PLAIN_DIALECT",
    "Api",
    "Charge",
    "Dialect",
    "Refusal",
]

Api = Literal["responses", "chat"]
Charge = Literal["cost", "cost_in_usd_ticks"]

CHAT_INPUT: frozenset[Modality] = frozenset({"text", "image", "audio", "document"})
PDF = frozenset({"application/pdf"})
PICTURES = frozenset({"image/png", "image/jpeg", "image/webp", "image/gif"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """What a server refuses, or takes and ignores.

    names: fields of `Settings`; fields of `OpenAIOptions`, as "options.x"; "output", "tool_choice",
        "named_tool" (a tool's name as tool_choice) or "detail" (of images).
    why: for the user, after "cannot honour x: ".
    source, checked: where the server's documentation says so, and when that was read.
    models: patterns of the models that it holds for.
    only_thinking: it does not hold for requests with `reasoning="none"`.
    only_chat: it does not hold for the server's Responses.
    """

    names: tuple[str, ...]
    why: str
    source: str
    checked: date
    models: tuple[str, ...] = ("*",)
    only_thinking: bool = False
    only_chat: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """Where a server's API differs from what most servers that speak OpenAI's API take.

    is_openai: it runs OpenAI's own code: Responses before Chat Completions, encrypted reasoning,
        explicit cache breakpoints, refusals as parts, metadata.
    limit, seed, required: its names for max_output_tokens, seed, tool_choice="required".
    no_reasoning: the fields that mean reasoning="none", where the usual field does not.
    input, output: the modalities of its Chat Completions. remote: those that it takes by URL.
    images, documents: the media types that it is known to read; None: not known, so that all are
        sent.
    reads_orientation: whether it turns pictures as their EXIF orientation says, as far as is known.
    document_url: documents are parts of the type "document_url" (Mistral), not "file".
    result_images: whether a user message with pictures may follow the results of tools, which hold
        no pictures in Chat Completions. Mistral refuses such a turn; of others it is unknown.
    bare_audio: audio is only its base64 (Mistral), not an object with a format.
    call_id_length: the only length of tool-call ids that it takes, of letters and digits (Mistral).
    call_id_limits: the longest ids that its APIs take.
    annotations: what its answers cite is sent back with the turn (OpenRouter, which then need not
        parse a PDF again).
    stream_usage: whether `stream_options` must ask for the usage of a stream.
    cache_control: patterns of models whose parts take Anthropic's cache marks (OpenRouter).
    strictly: objects that make the server refuse what it would otherwise ignore. They are sent
        with every request that sets anything; the caller's own fields in them take precedence.
    charge: the field of the usage with what the request cost: US dollars in "cost", or
        ten-billionths of them in "cost_in_usd_ticks".
    headers: further headers of a request.
    """

    is_openai: bool = False
    limit: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    seed: Literal["seed", "random_seed"] = "seed"
    required: Literal["required", "any"] = "required"
    no_reasoning: Mapping[str, Any] = field(default_factory=dict[str, Any])
    input: frozenset[Modality] = CHAT_INPUT
    output: frozenset[str] = frozenset({"text"})
    remote: frozenset[Modality] = frozenset({"image"})
    images: frozenset[str] | None = None
    documents: frozenset[str] | None = None
    reads_orientation: bool = True
    document_url: bool = False
    result_images: bool = False
    bare_audio: bool = False
    call_id_length: int | None = None
    call_id_limits: Mapping[Api, int] = field(default_factory=dict["Api", int])
    annotations: bool = False
    stream_usage: bool = True
    cache_control: tuple[str, ...] = ()
    strictly: Mapping[str, Mapping[str, Any]] = field(default_factory=dict[str, Any])
    charge: Charge | None = None
    headers: Callable[[Request], Mapping[str, str]] = lambda _: {}
    refuses: tuple[Refusal, ...] = ()

    def unsupported_names(
        self, model: str, *, thinking: bool = False, api: Api | None = None
    ) -> dict[str, str]:
        """What `model` refuses: why, by name. With `thinking` also what only answers with reasoning
        refuse."""
        return {
            name: refusal.why
            for refusal in self.refuses
            if any(fnmatchcase(model, pattern) for pattern in refusal.models)
            and (thinking or not refusal.only_thinking)
            and not (refusal.only_chat and api == "responses")
            for name in refusal.names
        }

    def marks_caches(self, model: str) -> bool:
        """Whether parts for `model` take Anthropic's cache marks."""
        return any(fnmatchcase(model, pattern) for pattern in self.cache_control)


# Chat Completions answer 400 to longer ids, "Expected a string with maximum length 40"; the limit
# of Responses is in its schema.
CALL_ID_LIMITS: Mapping[Api, int] = {"chat": 40, "responses": 64}
OPENAI = Dialect(
    is_openai=True,
    call_id_limits=CALL_ID_LIMITS,
    limit="max_completion_tokens",
    output=frozenset({"text", "audio"}),
    images=PICTURES,
    result_images=True,
    documents=PDF,
)
"""OpenAI's own host."""

PLAIN_DIALECT = Dialect(output=frozenset({"text", "audio"}))
"""An unknown server that speaks OpenAI's API."""
