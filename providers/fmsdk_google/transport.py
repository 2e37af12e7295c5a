"""Plain HTTP as the transport, and the tokens of Google Cloud that Vertex wants.

google-genai is not in between: it gives no raw access to streams, fails on legal comment lines in
them, and lets its HTTP client's errors out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from fmsdk.errors import AuthenticationError, ConnectionFailed, FmsdkError, MissingKey
from fmsdk.hosted.body import Body
from fmsdk.http.connections import http_client
from fmsdk.http.error_mapper import ErrorMapper
from fmsdk.http.transport import Transport, error_body

if TYPE_CHECKING:
    import httpx2

__all__ = ["CloudToken", "HttpTransport"]

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
        """
        if self._credentials is None or not self._credentials.valid:
            async with self._lock:
                if self._credentials is None or not self._credentials.valid:
                    self._credentials = await asyncio.to_thread(self._refreshed)
        headers: dict[str, str] = {}
        self._credentials.apply(headers)
        return headers

    def _refreshed(self) -> Credentials:
        # Blocking: google-auth reads files, asks a metadata server, fetches tokens.
        import google.auth
        import google.auth.exceptions as broken
        from google.auth.transport.requests import Request

        try:
            found = self._credentials or _of_this_machine(google.auth)
            found.refresh(Request())
        except broken.DefaultCredentialsError as error:
            raise MissingKey(
                f"no Google Cloud credentials: set {self._variable}, or run "
                "gcloud auth application-default login",
                variable=self._variable,
                provider=self._provider,
            ) from error
        except broken.TransportError as error:
            raise self._named(ConnectionFailed, "gave no token: its server is out of reach") from (
                error
            )
        except broken.GoogleAuthError as error:
            raise self._named(AuthenticationError, "refused the credentials") from error
        except OSError as error:
            raise self._named(ConnectionFailed, "gave no token: its server is out of reach") from (
                error
            )
        except ValueError as error:
            raise self._named(AuthenticationError, "credentials cannot be used") from error
        return found

    def _named(self, kind: type[FmsdkError], what: str) -> FmsdkError:
        return kind(f"Google Cloud {what}; see {self._variable}", provider=self._provider)


def _of_this_machine(auth: Any) -> Credentials:
    found, _ = auth.default(scopes=[_SCOPE])
    return found


class HttpTransport(Transport):
    """Asks over httpx2.

    Args:
        url: what every path comes below.
        headers: of every request.
        token: adds the headers that let a request in; None where `headers` hold a key.
    """

    def __init__(
        self,
        url: str,
        headers: Mapping[str, str],
        token: CloudToken | None,
        error_mapper: ErrorMapper,
        idle_timeout: float | None,
    ) -> None:
        super().__init__(error_mapper, idle_timeout)
        self._url = url
        self._headers = dict(headers)
        self._token = token
        self._client = http_client(idle_timeout)

    async def send(
        self,
        path: str,
        body: Body,
        headers: Mapping[str, str],
        timeout: httpx2.Timeout,
    ) -> httpx2.Response:
        """As `Transport.send`."""
        sent = {**self._headers, "content-length": str(len(body))}
        if self._token is not None:
            sent |= await self._token.headers()
        request = self._client.build_request(
            "POST",
            self._url + path,
            content=body.content,
            headers={**sent, **headers},
            timeout=timeout,
        )
        response = await self._client.send(request, stream=True)
        if response.is_success:
            return response
        try:
            content = await response.aread()
        finally:
            await response.aclose()
        raise self.error_mapper.from_response(
            error_body(content), status=response.status_code, headers=response.headers
        )

    async def aclose(self) -> None:
        """As `Transport.aclose`."""
        await self._client.aclose()
