"""Every error fmsdk raises, as one small tree.

    FmsdkError
    ├── BadRequestError            the request can never work as it stands
    │   ├── UnsupportedContent     the model or its API does not support a part
    │   ├── UnsupportedSetting     a setting is not supported
    │   ├── InvalidMedia           an image, recording or document that is not one
    │   ├── ContextTooLong         more tokens than the model's context has
    │   └── QuoteUnavailable       the size of the request cannot be computed offline
    ├── ConfigurationError         this installation lacks something
    │   ├── UnknownProvider
    │   ├── MissingExtra           the SDK or engine behind the provider is not installed
    │   └── MissingKey             no API key
    ├── AuthenticationError        the vendor refused the key (401)
    ├── PermissionDenied           the key may not do this (403)
    ├── QuotaExceeded              the account is out of credit (402, or 429 for quota)
    ├── RateLimitError             429; `retry_after` in seconds where the vendor states it
    ├── ModelNotFound
    │   └── ModelRetired           with `successor` and `date`
    ├── ContentFiltered            the vendor's filter refused the request
    ├── BudgetExceeded             the caller's own limit
    ├── LedgerError                the ledger's file cannot be read or written
    ├── CheckpointError            local weights that cannot be read
    ├── OutOfMemory                the device is too small for this request
    ├── Timeout                    a deadline or the time between bytes ran out
    ├── ConnectionFailed           no connection, or it broke
    ├── ClientClosed               the client was closed while the call ran
    ├── IncompleteStream           a stream ended without the vendor's finish
    ├── InvalidResponse            an answer that breaks the vendor's own format
    │   └── InvalidOutput          an answer that does not match the caller's `output` type
    └── ServerError                5xx, or an error inside a stream

The core's lowest layer: it imports nothing of fmsdk. `partial`, which arrived before an error, is
therefore a plain object (a `Response` in practice).
"""

from __future__ import annotations

import datetime
from typing import Any, ClassVar

__all__ = [
    "AuthenticationError",
    "BadRequestError",
    "BudgetExceeded",
    "CheckpointError",
    "ClientClosed",
    "ConfigurationError",
    "ConnectionFailed",
    "ContentFiltered",
    "ContextTooLong",
    "FmsdkError",
    "IncompleteStream",
    "InvalidMedia",
    "InvalidOutput",
    "InvalidResponse",
    "LedgerError",
    "MissingExtra",
    "MissingKey",
    "ModelNotFound",
    "ModelRetired",
    "OutOfMemory",
    "PermissionDenied",
    "QuotaExceeded",
    "QuoteUnavailable",
    "RateLimitError",
    "ServerError",
    "Timeout",
    "UnknownProvider",
    "UnsupportedContent",
    "UnsupportedSetting",
]


class FmsdkError(Exception):
    """The root. Catch this to catch everything fmsdk raises on purpose.

    Attributes:
        message: what went wrong, and what to do.
        retryable: whether the same request may work later.
        provider, model: where the request went.
        status: the HTTP status, where there was one.
        request_id: the vendor's id of the request, for its support.
        retry_after: seconds the vendor asked to wait, or None.
        partial: the part of the answer that arrived before the error (a `Response`), or None.
        attempts: all attempts (`fmsdk.Attempt`), with the last, which failed.
        is_unbilled: whether nothing was billed for certain: the request was never sent, or the
            server refused it (3xx, 4xx).
    """

    default_retryable: ClassVar[bool] = False
    default_is_unbilled: ClassVar[bool] = False

    def __init__(
        self,
        message: str,
        *,
        provider: str | None = None,
        model: str | None = None,
        status: int | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
        retryable: bool | None = None,
        partial: Any = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.provider = provider
        self.model = model
        self.status = status
        self.request_id = request_id
        self.retry_after = retry_after
        self.retryable = self.default_retryable if retryable is None else retryable
        self.partial = partial
        self.attempts: tuple[Any, ...] = ()
        self.is_unbilled = self.default_is_unbilled

    def __reduce__(self) -> tuple[Any, ...]:
        # Errors cross process pools; the default rebuilds from args alone and loses the rest.
        return (_restore_error, (type(self), self.message, dict(self.__dict__)))


def _restore_error(kind: type[FmsdkError], message: str, state: dict[str, Any]) -> FmsdkError:
    error = kind.__new__(kind, message)
    Exception.__init__(error, message)
    error.__dict__.update(state)
    return error


class BadRequestError(FmsdkError):
    """The request can never work as it stands."""

    default_is_unbilled = True  # raised before anything is sent, unless a server said so


class UnsupportedContent(BadRequestError):
    """The model or its API does not support a part. It is raised before anything is sent, where
    that is known, else when the server refuses the part.

    Attributes:
        part: the kind of the part ("image", "audio", …); "media" where the server does not say
            which.
        alternatives: usable models ("provider:model") that take it.
    """

    def __init__(
        self, message: str, *, part: str, alternatives: tuple[str, ...] = (), **context: Any
    ) -> None:
        super().__init__(message, **context)
        self.part = part
        self.alternatives = alternatives


class UnsupportedSetting(BadRequestError):
    """A setting is not supported. `lenient=True` drops it with a warning instead.

    Attributes:
        setting: the name of the keyword.
    """

    def __init__(self, message: str, *, setting: str, **context: Any) -> None:
        super().__init__(message, **context)
        self.setting = setting


class InvalidMedia(BadRequestError):
    """An image, recording, video or document that is missing, broken, or not what it claims."""


class ContextTooLong(BadRequestError):
    """The request is longer than the model's context.

    Attributes:
        tokens: the length of the request (with the output it asks for), or None.
        limit: the length of the context, or None.
    """

    def __init__(
        self, message: str, *, tokens: int | None = None, limit: int | None = None, **context: Any
    ) -> None:
        super().__init__(message, **context)
        self.tokens = tokens
        self.limit = limit


class QuoteUnavailable(BadRequestError):
    """The size of the request cannot be computed offline."""


class ConfigurationError(FmsdkError):
    """This installation lacks something; the message says what to type."""

    default_is_unbilled = True


class UnknownProvider(ConfigurationError):
    """No provider has that name. `nearest` has similar names."""

    def __init__(self, message: str, *, nearest: tuple[str, ...] = (), **context: Any) -> None:
        super().__init__(message, **context)
        self.nearest = nearest


class MissingExtra(ConfigurationError):
    """The SDK or engine behind a provider is not installed; `extra` is its name."""

    def __init__(self, message: str, *, extra: str, **context: Any) -> None:
        super().__init__(message, **context)
        self.extra = extra


class MissingKey(ConfigurationError):
    """No API key; `variable` is the environment variable that would hold it."""

    def __init__(self, message: str, *, variable: str, **context: Any) -> None:
        super().__init__(message, **context)
        self.variable = variable


class AuthenticationError(FmsdkError):
    """The vendor refused the key."""


class PermissionDenied(FmsdkError):
    """The key is good but may not do this."""


class QuotaExceeded(FmsdkError):
    """The account has no credit left; waiting does not help."""


class RateLimitError(FmsdkError):
    """Too many requests. `retry_after` is how long to wait, where the vendor states it."""

    default_retryable = True


class ModelNotFound(FmsdkError):
    """No such model there."""


class ModelRetired(ModelNotFound):
    """The vendor switched the model off, or its whole service.

    Attributes:
        successor: the model that replaced it, by the vendor's name for it, where known.
        date: the date of its end (`datetime.date`), where known.
        alternatives: other providers ("openai:", …), where the service has ended.
    """

    def __init__(
        self,
        message: str,
        *,
        successor: str | None = None,
        date: datetime.date | None = None,
        alternatives: tuple[str, ...] = (),
        **context: Any,
    ) -> None:
        super().__init__(message, **context)
        self.successor = successor
        self.date = date
        self.alternatives = alternatives


class ContentFiltered(FmsdkError):
    """The vendor's filter refused the request."""


class BudgetExceeded(FmsdkError):
    """The caller's own limit would be exceeded. Nothing was sent; of a retry, `__cause__` says why
    the attempt before it failed.

    Attributes:
        budget: the `fmsdk.Budget`; None: the call's own `max_cost`.
        spent: US dollars (`Decimal`) spent or reserved in the budget's period, or None.
        needed: US dollars that the attempt may cost, or None: there is no bound.
    """

    default_is_unbilled = True

    def __init__(
        self,
        message: str,
        *,
        budget: Any = None,
        spent: Any = None,
        needed: Any = None,
        **context: Any,
    ) -> None:
        super().__init__(message, **context)
        self.budget = budget
        self.spent = spent
        self.needed = needed


class LedgerError(FmsdkError):
    """The ledger's file cannot be read or written. With a budget, nothing is sent then."""

    default_is_unbilled = True


class CheckpointError(FmsdkError):
    """Local weights that cannot be read, or must not be (pickles)."""


class OutOfMemory(FmsdkError):
    """The device has no room for this model or request."""


class Timeout(FmsdkError):
    """The deadline, or the time allowed between bytes, ran out."""

    default_retryable = True


class ConnectionFailed(FmsdkError):
    """No connection could be made, or it broke."""

    default_retryable = True


class ClientClosed(FmsdkError):
    """The client was closed while the call ran; `partial` has what had arrived of a stream. The
    vendor may bill the request."""


class IncompleteStream(FmsdkError):
    """A stream ended without the vendor's finish; `partial` has what arrived."""

    default_retryable = True


class InvalidResponse(FmsdkError):
    """An answer that breaks the vendor's own format (cut-off JSON, cut UTF-8, an empty 200)."""

    default_retryable = True


class InvalidOutput(InvalidResponse):
    """An answer that does not match the caller's `output` type. `partial` has the answer."""

    default_retryable = False


class ServerError(FmsdkError):
    """The vendor failed (5xx, or an error inside a stream)."""

    default_retryable = True
