"""The codes of OpenAI's errors, and of servers that speak its wire, as errors of `fmsdk.errors`.

OpenAI's documented codes, and those that compatible servers were seen to send.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from fmsdk.errors import (
    AuthenticationError,
    ContentFiltered,
    ContextTooLong,
    FmsdkError,
    InvalidMedia,
    ModelNotFound,
    ModelRetired,
    QuotaExceeded,
    RateLimitError,
)
from fmsdk.wire.blame import Blame

__all__ = ["OpenAIBlame"]

_INVALID_IMAGE = ("invalid_image", "invalid_image_format", "invalid_base64_image")
_UNREADABLE_IMAGE = ("image_parse_error", "empty_image_file", "unsupported_image_media_type")
_POLICY = ("content_filter", "content_policy_violation", "image_content_policy_violation")
_POLICY_2026 = ("bio_policy", "cyber_policy", "misalignment_policy_violation")

_NAMES: dict[str, type[FmsdkError]] = {
    "invalid_api_key": AuthenticationError,
    "insufficient_quota": QuotaExceeded,
    "billing_hard_limit_reached": QuotaExceeded,
    "billing_not_active": QuotaExceeded,
    "rate_limit_exceeded": RateLimitError,
    "model_not_found": ModelNotFound,
    "DeploymentNotFound": ModelNotFound,  # Azure
    "invalid_model": ModelNotFound,  # Mistral, as a type
    "model_not_supported": ModelNotFound,  # GitHub Copilot
    "model_decommissioned": ModelRetired,
    "context_length_exceeded": ContextTooLong,
    "exceed_context_size_error": ContextTooLong,  # llama.cpp, as a type
    **dict.fromkeys((*_INVALID_IMAGE, *_UNREADABLE_IMAGE), InvalidMedia),
    **dict.fromkeys((*_POLICY, *_POLICY_2026), ContentFiltered),
}


@dataclass(frozen=True, slots=True)
class OpenAIBlame(Blame):
    """Makes the errors of OpenAI, and of servers that speak its wire."""

    names: ClassVar[Mapping[str, type[FmsdkError]]] = _NAMES
