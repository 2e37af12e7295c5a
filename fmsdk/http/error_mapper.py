"""Maps error answers and broken connections to the errors of `fmsdk.errors`.

The error's code decides; then its type, if that says more than the HTTP status; then the status.
The text decides only what no code says everywhere (`error_text`). A vendor subclasses `ErrorMapper`
with its own codes.
"""

from __future__ import annotations

import errno
import re
import socket
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, ClassVar, NamedTuple, cast

from fmsdk.errors import (
    AuthenticationError,
    BadRequestError,
    ConnectionFailed,
    ContextTooLong,
    FmsdkError,
    IncompleteStream,
    InvalidResponse,
    ModelNotFound,
    ModelRetired,
    PermissionDenied,
    QuotaExceeded,
    RateLimitError,
    ServerError,
    Timeout,
    UnsupportedContent,
)
from fmsdk.http.credentials import Credential
from fmsdk.http.error_text import exceeded_context, refused_medium

__all__ = [
    "UNREACHABLE",
    "ErrorBody",
    "ErrorMapper",
    "NetworkFailure",
    "exception_chain",
    "retry_after",
]


class NetworkFailure(NamedTuple):
    """An exception of an HTTP library, the error that it stands for, and what to say of the server.
    unsent: it is raised before any of the request is sent."""

    exception: type[Exception]
    kind: type[FmsdkError]
    what: str
    unsent: bool = False


UNREACHABLE = "cannot be reached; is the server running, and base_url right?"
_REFUSED = (
    "cannot be reached: something refused the connection; is a firewall, VPN or proxy in the way?"
)
_UNKNOWN_HOST = (
    "cannot be reached: its host name is unknown; is this machine offline, or base_url misspelt?"
)
_OFFLINE = "cannot be reached: no network leads there; this machine seems to be offline"
_NO_ROUTE = (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN)

_MESSAGE_LIMIT = 600
_SHORTEST_SECRET = 6
# A key of any vendor, or what is left of one behind asterisks or dots.
_KEY_LIKE = re.compile(
    r"[^\s'\"]*(?:\*{2}|…|[^\s.'\"]\.{3}[^\s.'\"])[^\s'\"]*|\b(?:sk|pk|gsk|xai|AIza|ya29)[-_.\w]{12,}"
)
_FIGURE = re.compile(r"\d{1,9}(\.\d*)?")
_BY_STATUS: dict[int, type[FmsdkError]] = {
    401: AuthenticationError,
    402: QuotaExceeded,
    403: PermissionDenied,
    404: ModelNotFound,
    408: Timeout,
    409: ServerError,
    410: ModelRetired,
    425: RateLimitError,
    429: RateLimitError,
}


_DEEPEST = 5
"""Shells around an error that are looked into."""


@dataclass(frozen=True, slots=True)
class ErrorBody:
    """An error body, whatever its shape: `{"error": {…}}`, `{"error": "…"}`, `{"detail": …}`,
    the error's own fields, a list of one of them, or text."""

    message: str = ""
    code: str = ""
    kind: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @classmethod
    def of(cls, body: object, depth: int = 0) -> ErrorBody:
        """Read a body: decoded JSON, or text."""
        if depth > _DEEPEST:
            return cls()
        if isinstance(body, str):
            is_page = body.lstrip()[:1] == "<"
            return cls(message="an HTML page, as a gateway answers" if is_page else body.strip())
        if isinstance(body, list) and body:  # Gemini's compatible endpoint
            return cls.of(cast("list[object]", body)[0], depth + 1)
        if not isinstance(body, Mapping):
            return cls()
        fields = cast("Mapping[str, Any]", body)
        inner = fields.get("error")
        if isinstance(inner, Mapping):
            return cls.of(cast("object", inner), depth + 1)
        kind = fields.get("type")
        text = inner if isinstance(inner, str) else fields.get("message") or fields.get("detail")
        metadata = fields.get("metadata")
        raw = (
            cast("Mapping[str, Any]", metadata).get("raw")
            if isinstance(metadata, Mapping)
            else None
        )
        return cls(
            # OpenRouter says "Provider returned error", and puts the provider's own words aside.
            message=f"{_text(text)}: {raw}" if isinstance(raw, str) else _text(text),
            code=_text(fields.get("code") or None),
            kind=kind if isinstance(kind, str) else "",
            fields=fields,
        )

    @property
    def status(self) -> int | None:
        """Errors inside a stream carry their HTTP status as a code or beside it, if at all."""
        for field_value in (self.code, self.fields.get("status_code"), self.fields.get("status")):
            if re.fullmatch("[45][0-9]{2}", str(field_value)):
                return int(str(field_value))
        return None


@dataclass(frozen=True, slots=True)
class ErrorMapper:
    """Makes errors that say who failed. `credential` is the key, which no message may hold, as
    none of the `secrets`; `variable` the environment variable it comes from; `is_official` whether
    the server is the vendor's own, which runs.

    For subclasses: `names` maps a vendor's codes and types of errors; `request_ids` are the
    headers that hold the vendor's id of a request, the likeliest first.
    """

    provider: str
    variable: str
    credential: Credential | str | None = field(default=None, repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)
    is_official: bool = False
    names: ClassVar[Mapping[str, type[FmsdkError]]] = {}
    request_ids: ClassVar[tuple[str, ...]] = ("x-request-id",)

    def _all_secrets(self, more: Iterable[str] = ()) -> list[str]:
        """The key and the other secrets, the longest first; without those that are short enough
        to stand in any text."""
        credential = self.credential
        key = credential.last_value if isinstance(credential, Credential) else credential
        secrets = {secret for secret in (*self.secrets, *more) if len(secret) >= _SHORTEST_SECRET}
        return sorted(secrets | ({key} if key else set()), key=len, reverse=True)

    def hide_secrets(self, error: FmsdkError, more: Iterable[str] = ()) -> None:
        """Take the secrets, and `more` of them, out of what an error shows."""
        secrets = self._all_secrets(more)
        for secret in secrets:
            error.message = error.message.replace(secret, "…")
        error.args = (error.message, *error.args[1:])
        if any(_quotes(one, secrets) for one in exception_chain(error) if one is not error):
            error.__cause__ = None
            error.__suppress_context__ = True
        if error.__suppress_context__:
            error.__context__ = error.__cause__

    def from_response(
        self,
        body: object,
        *,
        status: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> FmsdkError:
        """The error that a server's error body stands for.

        Args:
            body: decoded JSON, or text.
            status: None for an error inside an answer that began with 200.
        """
        error_body = ErrorBody.of(body)
        is_unbilled = status is not None and 300 <= status < 500
        status = status or error_body.status
        kind = self.kind(error_body, status)
        headers = headers or {}
        fields = cast("dict[str, object]", body) if isinstance(body, dict) else {}
        request_id = fields.get("request_id")
        context: dict[str, Any] = {
            "provider": self.provider,
            "status": status,
            "request_id": self.request_id(headers)
            or (request_id if isinstance(request_id, str) else None),
            "retry_after": self.delay(error_body, headers),
            **self.details(kind, error_body),
        }
        error = kind(self._message(kind, error_body, status), **context)
        error.is_unbilled = is_unbilled
        return error

    def from_exception(
        self, error: Exception, failures: tuple[NetworkFailure, ...] = ()
    ) -> FmsdkError:
        """The error of an exception of an HTTP library, or of an SDK's around one.

        Args:
            failures: the library's exceptions, the most specific first.
        """
        library = tuple(
            failure.exception for failure in failures if failure.exception is not Exception
        )
        root: BaseException = error
        visited_ids: set[int] = set()  # causes can go round in circles
        cause: BaseException | None = error
        while cause is not None and id(cause) not in visited_ids:
            visited_ids.add(id(cause))
            root = cause
            if isinstance(cause, library):
                break
            is_group = isinstance(cause, BaseExceptionGroup)  # of anyio's attempts to connect
            cause = cast("Any", cause).exceptions[0] if is_group else cause.__cause__
        _, kind, what, unsent = next(
            (failure for failure in failures if isinstance(root, failure.exception)),
            NetworkFailure(Exception, ConnectionFailed, "could not be asked"),
        )
        if what == UNREACHABLE:
            chain = list(exception_chain(error))
            if any(isinstance(each, socket.gaierror) for each in chain):
                what = _UNKNOWN_HOST
            elif any(isinstance(each, OSError) and each.errno in _NO_ROUTE for each in chain):
                what = _OFFLINE
            elif self.is_official:
                what = _REFUSED
        typed_error = kind(f"{self.provider} {what} ({self._why(root)})", provider=self.provider)
        typed_error.is_unbilled = unsent
        return typed_error

    def missing_credentials(self, error: Exception) -> AuthenticationError:
        """The error of an SDK that has nothing to identify itself by, and sent nothing."""
        what = "cannot be asked: its SDK has no credentials that it can use"
        typed_error = AuthenticationError(
            f"{self.provider} {what} ({self._why(error)}); see {self.variable}",
            provider=self.provider,
        )
        typed_error.is_unbilled = True
        return typed_error

    def cause(self, error: Exception) -> Exception | None:
        """What to raise the error from that another library's became: that one, or None where it,
        or anything that led to it, quotes a secret, for tracebacks show them all. The frames of
        the library are left out: their variables hold the headers."""
        chain, secrets = list(exception_chain(error)), self._all_secrets()
        for one in chain:
            one.__traceback__ = None
        return None if any(_quotes(one, secrets) for one in chain) else error

    def _why(self, error: BaseException) -> str:
        why = str(error) or type(error).__name__
        for secret in self._all_secrets():
            why = why.replace(secret, "…")
        return why

    def invalid(self, what: str) -> InvalidResponse:
        """The error of an answer that breaks the wire's own format."""
        return InvalidResponse(f"{self.provider} answered with {what}", provider=self.provider)

    def incomplete(self, missing: str) -> IncompleteStream:
        """The error of a stream that ended without `missing`."""
        return IncompleteStream(
            f"{self.provider} ended the stream without {missing}", provider=self.provider
        )

    def request_id(self, headers: Mapping[str, str]) -> str | None:
        """The vendor's id of a request, of its answer's headers."""
        return next((headers[name] for name in self.request_ids if name in headers), None)

    def kind(self, error_body: ErrorBody, status: int | None) -> type[FmsdkError]:
        """Which error it is."""
        by_name = self.names.get(error_body.code) or self.names.get(error_body.kind)
        if by_name is not None:
            return by_name
        kind = self._kind_by_status(error_body, status)
        # llama.cpp and Ollama say both with 500 as well, OpenRouter the latter with 404.
        if kind in (BadRequestError, ServerError, ModelNotFound):
            return self.kind_by_text(error_body) or kind
        return kind

    def kind_by_text(self, error_body: ErrorBody) -> type[FmsdkError] | None:
        """Which error the text tells of, where no code does everywhere."""
        names_length = error_body.fields.get("param") == "input_tokens"  # vLLM
        if names_length or exceeded_context(error_body.message) is not None:
            return ContextTooLong
        return None if refused_medium(error_body.message) is None else UnsupportedContent

    def _kind_by_status(self, error_body: ErrorBody, status: int | None) -> type[FmsdkError]:
        if status is None:
            at_fault = error_body.kind == "invalid_request_error" or error_body.code.startswith(
                "invalid_"
            )
            return BadRequestError if at_fault else ServerError
        return _BY_STATUS.get(status, ServerError if status >= 500 else BadRequestError)

    def delay(self, error_body: ErrorBody, headers: Mapping[str, str]) -> float | None:
        """Seconds that the vendor asked to wait."""
        return retry_after(headers)

    def details(self, kind: type[FmsdkError], error_body: ErrorBody) -> dict[str, Any]:
        """Further attributes of the error: the medium that a model does not take; of a request
        that is too long, the tokens asked for and those that fit, as far as the server says."""
        if kind is UnsupportedContent:
            return {"part": refused_medium(error_body.message) or "media"}
        if kind is not ContextTooLong:
            return {}
        tokens, limit = map(error_body.fields.get, ("n_prompt_tokens", "n_ctx"))  # llama.cpp
        if isinstance(tokens, int) and isinstance(limit, int):
            return {"tokens": tokens, "limit": limit}
        return exceeded_context(error_body.message) or {}

    def _message(self, kind: type[FmsdkError], error_body: ErrorBody, status: int | None) -> str:
        number = "" if status is None else f" ({status})"
        if status is not None and 300 <= status < 400:
            return f"{self.provider} redirects elsewhere{number}, unfollowed; is base_url right?"
        text = error_body.message
        secrets = self._all_secrets()
        for secret in secrets:
            text = text.replace(secret, "…")
        text = text[:_MESSAGE_LIMIT]
        if kind in (AuthenticationError, PermissionDenied):  # vendors quote both ends of the key
            ends = [end for key in secrets if len(key) > 8 for end in (key[:6], key[-4:])]
            words = re.split(r"(\s+)", _KEY_LIKE.sub("…", text))
            text = "".join("…" if any(end in word for end in ends) else word for word in words)
        if kind is AuthenticationError:
            reason = f": {text.rstrip('.')}" if text else ""
            return f"{self.provider} refused the API key{number}{reason}; see {self.variable}"
        text = text or "no reason given"
        return f"{self.provider} answered with an error{number}: {text}"


def _quotes(error: BaseException, secrets: list[str]) -> bool:
    text = f"{error} {error!r}"
    return any(secret in text for secret in secrets)


def exception_chain(error: BaseException) -> Iterator[BaseException]:
    """An exception and all that tracebacks show with it, each once."""
    chain: dict[int, BaseException] = {}
    pending: list[BaseException | None] = [error]
    while pending:
        one = pending.pop()
        if one is not None and id(one) not in chain:
            chain[id(one)] = one
            pending += [one.__cause__, one.__context__]
            if isinstance(one, BaseExceptionGroup):
                pending += cast("BaseExceptionGroup[BaseException]", one).exceptions
    yield from chain.values()


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait: the longest of `retry-after-ms`, and `Retry-After` in seconds or as a date;
    None without any. Azure sends `retry-after: 1` beside `retry-after-ms: 0` (2026-11)."""
    waits = [
        float(text) * unit
        for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0))
        for text in map(str.strip, headers.get(name, "").split(","))
        if _FIGURE.fullmatch(text)
    ]
    with suppress(ValueError, OverflowError):
        due = parsedate_to_datetime(headers.get("retry-after", ""))
        if due.tzinfo is None:
            due = due.replace(tzinfo=UTC)
        waits.append(max(0.0, (due - datetime.now(UTC)).total_seconds()))
    return max(waits, default=None)


def _text(value: object) -> str:
    """What an error's body says in a field, in words."""
    if isinstance(value, str):
        return value
    try:
        return "" if value is None else repr(value)
    except (ValueError, RecursionError):  # a number of thousands of digits; no bottom
        return ""
