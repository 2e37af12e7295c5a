"""The tokens of Google Cloud that Vertex wants, made by google-auth."""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

from fmsdk.errors import AuthenticationError, ConnectionFailed, FmsdkError, MissingKey
from fmsdk.http.environment import environment_error
from fmsdk.threads import run_in_thread

__all__ = ["CloudToken"]

_SCOPE = "https://www.googleapis.com/auth/cloud-platform"


class Credentials(Protocol):
    """google-auth's credentials, as far as they are used here."""

    @property
    def valid(self) -> bool: ...

    def refresh(self, request: Any) -> None: ...

    def apply(self, headers: dict[str, str]) -> None: ...


class CloudToken:
    """A token of Google Cloud, fetched when it is needed and again shortly before it expires.

    Args:
        credentials: google-auth's; None finds the machine's own (Application Default
            Credentials) on first use.
    """

    def __init__(self, credentials: Credentials | None, provider: str, variable: str) -> None:
        self._credentials = credentials
        self._provider = provider
        self._variable = variable
        self._lock = asyncio.Lock()

    async def headers(self) -> dict[str, str]:
        """The headers that let a request in.

        Raises:
            MissingKey: this machine has no credentials.
            AuthenticationError: Google refused them.
            ConnectionFailed: the server that gives tokens cannot be reached.
            ConfigurationError: the environment's proxy or certificates cannot be used.
        """
        if self._credentials is None or not self._credentials.valid:
            async with self._lock:
                if self._credentials is None or not self._credentials.valid:
                    self._credentials = await run_in_thread(self._refresh)
        headers: dict[str, str] = {}
        self._credentials.apply(headers)
        return headers

    def _refresh(self) -> Credentials:
        # Blocking: google-auth reads files, asks a metadata server, fetches tokens.
        import google.auth
        import google.auth.exceptions as auth_errors
        from google.auth.transport.requests import Request

        try:
            auth: Any = google.auth
            credentials = self._credentials or auth.default(scopes=[_SCOPE])[0]
            credentials.refresh(Request())
        except auth_errors.DefaultCredentialsError as error:
            raise MissingKey(
                f"no Google Cloud credentials: set {self._variable}, or run "
                "gcloud auth application-default login",
                variable=self._variable,
                provider=self._provider,
            ) from error
        except (auth_errors.GoogleAuthError, OSError, ValueError) as error:
            configuration_error = environment_error()  # of requests, which google-auth uses
            if configuration_error is not None:
                raise configuration_error from None
            if isinstance(error, (auth_errors.TransportError, OSError)):
                what = "gave no token: its server is out of reach"
                raise self._error(ConnectionFailed, what) from error
            is_refused = isinstance(error, auth_errors.GoogleAuthError)
            what = "refused the credentials" if is_refused else "credentials cannot be used"
            raise self._error(AuthenticationError, what) from error
        return credentials

    def _error(self, kind: type[FmsdkError], what: str) -> FmsdkError:
        return kind(f"Google Cloud {what}; see {self._variable}", provider=self._provider)
