"""Google's error statuses and reasons as errors of `fmsdk.errors`.

Statuses: https://cloud.google.com/apis/design/errors; reasons: google.api.ErrorReason. A reason
says more than the status: a bad key is INVALID_ARGUMENT, told apart by API_KEY_INVALID.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, cast

from fmsdk.errors import (
    AuthenticationError,
    BadRequestError,
    FmsdkError,
    ModelNotFound,
    PermissionDenied,
    QuotaExceeded,
    RateLimitError,
    ServerError,
)
from fmsdk.http.error_mapper import ErrorBody, ErrorMapper, retry_after

__all__ = ["GoogleErrorMapper"]

_REASONS: dict[str, type[FmsdkError]] = {
    "API_KEY_INVALID": AuthenticationError,
    "ACCESS_TOKEN_EXPIRED": AuthenticationError,
    "CREDENTIALS_MISSING": AuthenticationError,
    "BILLING_DISABLED": QuotaExceeded,
    "SERVICE_DISABLED": PermissionDenied,
}
_STATUSES: dict[str, type[FmsdkError]] = {
    "INVALID_ARGUMENT": BadRequestError,
    "OUT_OF_RANGE": BadRequestError,
    "UNAUTHENTICATED": AuthenticationError,
    "PERMISSION_DENIED": PermissionDenied,
    "FAILED_PRECONDITION": PermissionDenied,  # the country, or no billing account
    "NOT_FOUND": ModelNotFound,
    "RESOURCE_EXHAUSTED": RateLimitError,
    "CANCELLED": ServerError,
    "ABORTED": ServerError,
    "INTERNAL": ServerError,
    "UNAVAILABLE": ServerError,
    "DEADLINE_EXCEEDED": ServerError,
}
_SECONDS = re.compile(r"(\d{1,9}(?:\.\d+)?)s")


@dataclass(frozen=True, slots=True)
class GoogleErrorMapper(ErrorMapper):
    """Makes the errors of Google's servers."""

    names: ClassVar[Mapping[str, type[FmsdkError]]] = _REASONS | _STATUSES
    request_ids: ClassVar[tuple[str, ...]] = ("x-goog-request-id", "x-request-id")

    def kind(self, error_body: ErrorBody, status: int | None) -> type[FmsdkError]:
        """Which error it is: by reason, by status, by HTTP status."""
        details = list(_details(error_body))
        words = [str(detail.get("reason")) for detail in details]
        words.append(str(error_body.fields.get("status")))
        by_name = next((self.names[word] for word in words if word in self.names), None)
        # A day's quota is used up, and Google names no sooner time to try again.
        names_no_delay = not any("retryDelay" in detail for detail in details)
        is_per_day = any("PerDay" in str(detail.get("violations")) for detail in details)
        if by_name is RateLimitError and names_no_delay and is_per_day:
            return QuotaExceeded
        if by_name is BadRequestError and (by_text := self.kind_by_text(error_body)) is not None:
            return by_text
        return by_name or ErrorMapper.kind(self, error_body, status)

    def delay(self, error_body: ErrorBody, headers: Mapping[str, str]) -> float | None:
        """Seconds to wait: of `RetryInfo` in the body, where Google puts it, or of a header, which
        a gateway may have put there; the longer, if both tell."""
        delays = (str(detail.get("retryDelay")) for detail in _details(error_body))
        waits = [float(match[1]) for text in delays if (match := _SECONDS.fullmatch(text))]
        header_wait = retry_after(headers)
        return max(waits if header_wait is None else [header_wait, *waits], default=None)


def _details(error_body: ErrorBody) -> Iterator[Mapping[str, Any]]:
    entries: object = error_body.fields.get("details")
    for detail in cast("list[object]", entries) if isinstance(entries, list) else ():
        if isinstance(detail, Mapping):
            yield cast("Mapping[str, Any]", detail)
