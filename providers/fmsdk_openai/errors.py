"""The codes of OpenAI's errors, and of servers that speak its wire, as errors of `fmsdk.errors`.

OpenAI's documented codes, and those that compatible servers were seen to send.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from fmsdk.errors import (
    AuthenticationError,
    BadRequestError,
    ContentFiltered,
    ContextTooLong,
    FmsdkError,
    InvalidMedia,
    ModelNotFound,
    ModelRetired,
    PermissionDenied,
    QuotaExceeded,
    RateLimitError,
)
from fmsdk.http.error_mapper import ErrorBody, ErrorMapper

__all__ = ["OpenAIErrorMapper"]

_INVALID_IMAGE = ("invalid_image", "invalid_image_format", "invalid_base64_image")
_UNREADABLE_IMAGE = ("image_parse_error", "empty_image_file", "unsupported_image_media_type")
_UNFIT_IMAGE = (
    *("image_too_large", "image_too_small", "image_file_too_large", "image_file_not_found"),
    "failed_to_download_image",
)
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
    "model_max_prompt_tokens_exceeded": ContextTooLong,  # GitHub Copilot
    **dict.fromkeys((*_INVALID_IMAGE, *_UNREADABLE_IMAGE, *_UNFIT_IMAGE), InvalidMedia),
    **dict.fromkeys((*_POLICY, *_POLICY_2026), ContentFiltered),
}


_BY_STATUS: dict[int | None, type[FmsdkError]] = {413: BadRequestError, 498: RateLimitError}


@dataclass(frozen=True, slots=True)
class OpenAIErrorMapper(ErrorMapper):
    """Makes the errors of OpenAI, and of servers that speak its wire."""

    names: ClassVar[Mapping[str, type[FmsdkError]]] = _NAMES
    request_ids: ClassVar[tuple[str, ...]] = (
        "x-request-id",
        "apim-request-id",  # Azure
        "x-generation-id",  # OpenRouter
        "mistral-correlation-id",
    )

    def kind(self, error_body: ErrorBody, status: int | None) -> type[FmsdkError]:
        """Which error it is. Of two statuses a general code says less: Groq calls a request that
        is larger than a minute's tokens rate-limited (413), its full flex tier 498."""
        kind = ErrorMapper.kind(self, error_body, status)
        if status in _BY_STATUS and kind in (BadRequestError, RateLimitError):
            return _BY_STATUS[status]
        # OpenRouter has no code for a prompt that its moderation stopped.
        metadata = error_body.fields.get("metadata")
        is_flagged = isinstance(metadata, Mapping) and "flagged_input" in metadata
        return ContentFiltered if kind is PermissionDenied and is_flagged else kind
