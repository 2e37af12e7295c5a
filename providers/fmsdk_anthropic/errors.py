"""The types and codes of Anthropic's errors as errors of `fmsdk.errors`.

Source: https://platform.claude.com/docs/en/api/errors, and the SDK's list of error codes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, cast

from fmsdk.errors import (
    AuthenticationError,
    BadRequestError,
    ContextTooLong,
    FmsdkError,
    InvalidMedia,
    ModelNotFound,
    PermissionDenied,
    QuotaExceeded,
    RateLimitError,
    ServerError,
)
from fmsdk.http.error_mapper import ErrorBody, ErrorMapper

__all__ = ["AnthropicErrorMapper"]

_SPEND_LIMITS = (
    "contract_spend_limit_reached",
    "enforced_spend_limit_reached",
    "linked_organization_billing_unavailable",
    "linked_organization_spend_limit_reached",
    "organization_on_hold",
    "user_profile_not_billable",
)
_NAMES: dict[str, type[FmsdkError]] = {
    "authentication_error": AuthenticationError,
    "billing_error": QuotaExceeded,
    "exceed_context_size_error": ContextTooLong,  # llama.cpp
    "not_found_error": ModelNotFound,
    "overloaded_error": ServerError,
    "permission_error": PermissionDenied,
    "rate_limit_error": RateLimitError,
    "request_too_large": BadRequestError,
}
_CODES: dict[str, type[FmsdkError]] = {
    "image_dimensions_too_large": InvalidMedia,
    "ramp_limit_exceeded": RateLimitError,
    **dict.fromkeys(_SPEND_LIMITS, QuotaExceeded),
}
# No code tells it apart from other bad requests.
_NO_CREDIT = "Your credit balance is too low to access the Anthropic API"


@dataclass(frozen=True, slots=True)
class AnthropicErrorMapper(ErrorMapper):
    """Makes the errors of Anthropic, and of servers that speak its wire."""

    names: ClassVar[Mapping[str, type[FmsdkError]]] = _NAMES
    request_ids: ClassVar[tuple[str, ...]] = ("request-id", "x-request-id")

    def kind(self, error_body: ErrorBody, status: int | None) -> type[FmsdkError]:
        """Which error it is."""
        details = error_body.fields.get("details")
        if isinstance(details, Mapping):
            code = cast("Mapping[str, object]", details).get("error_code")
            if isinstance(code, str) and code in _CODES:
                return _CODES[code]
        is_bad_request = error_body.kind == "invalid_request_error"
        if is_bad_request and error_body.message.startswith(_NO_CREDIT):
            return QuotaExceeded
        return ErrorMapper.kind(self, error_body, status)
