"""A client of httpx2 that the caller built: for Unix sockets, own certificates, own proxies."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import ClassVar, cast

import httpx2

from fmsdk.errors import BadRequestError, ConnectionFailed, FmsdkError, InvalidResponse, Timeout
from fmsdk.hosted.body import Body
from fmsdk.http.environment import environment_error
from fmsdk.http.error_mapper import UNREACHABLE, ErrorMapper, NetworkFailure
from fmsdk.http.transport import CONNECT_SECONDS, Endpoint, HttpResponse, Transport
from fmsdk.media.source import shown_url

__all__ = ["HTTPX2_FAILURES", "Httpx2Response", "Httpx2Transport", "read_limits"]

HTTPX2_FAILURES: tuple[NetworkFailure, ...] = (
    NetworkFailure(
        httpx2.ConnectTimeout, ConnectionFailed, "let no connection be made in time", unsent=True
    ),
    NetworkFailure(
        httpx2.PoolTimeout, ConnectionFailed, "has no connection free in this client", unsent=True
    ),
    NetworkFailure(
        httpx2.TimeoutException, Timeout, "sent nothing for too long; see timeout, idle_timeout"
    ),
    NetworkFailure(httpx2.ConnectError, ConnectionFailed, UNREACHABLE, unsent=True),
    NetworkFailure(
        httpx2.DecodingError, InvalidResponse, "sent a body that cannot be decompressed"
    ),
    NetworkFailure(httpx2.HTTPError, ConnectionFailed, "broke the connection"),
)


def read_limits(seconds: float | None) -> httpx2.Timeout:
    """The time limits of a request whose answer may stay silent for `seconds`. Waiting for a
    connection that others hold is no silence of the server's."""
    return httpx2.Timeout(seconds, connect=CONNECT_SECONDS, pool=None)


class _LoggedUrl(httpx2.URL):
    """A URL that httpx2 logs, and quotes in its errors, without query, user and password."""

    def __str__(self) -> str:
        return shown_url(super().__str__())

    def __repr__(self) -> str:
        return f"URL({str(self)!r})"


class Httpx2Response(HttpResponse):
    """A response of httpx2, opened as a stream."""

    def __init__(self, response: httpx2.Response) -> None:
        self._response = response
        self.status = response.status_code
        self.headers = response.headers

    def raw_chunks(self) -> AsyncIterator[bytes]:
        """As `HttpResponse.raw_chunks`."""
        # Three generators fewer for each chunk than aiter_raw, which would only pass them on.
        return aiter(cast("httpx2.AsyncByteStream", self._response.stream))

    def chunks(self) -> AsyncIterator[bytes]:
        """As `HttpResponse.chunks`; encodings that the caller's client asks for besides ours
        (br, zstd) are its own to undo."""
        encoding = self.headers.get("content-encoding", "").strip().lower()
        if encoding in ("", "identity", "gzip", "x-gzip", "deflate"):
            return super().chunks()
        return self._response.aiter_bytes()

    def limit_silence(self, seconds: float | None) -> None:
        """As `HttpResponse.limit_silence`."""
        # The connection reads each piece of the body by the limits that stand here.
        limits = self._response.request.extensions.get("timeout", {})
        self._response.request.extensions["timeout"] = limits | read_limits(seconds).as_dict()

    async def aclose(self) -> None:
        """As `HttpResponse.aclose`."""
        await self._response.aclose()


class Httpx2Transport(Transport):
    """Sends requests through the caller's `httpx2.AsyncClient`, which stays the caller's to
    close. Its own headers, proxies and certificates hold; redirects are not followed."""

    failures: ClassVar[tuple[NetworkFailure, ...]] = HTTPX2_FAILURES

    def __init__(
        self,
        client: httpx2.AsyncClient,
        endpoint: Endpoint,
        error_mapper: ErrorMapper,
        idle_timeout: float | None,
    ) -> None:
        super().__init__(error_mapper, idle_timeout)
        self._client = client
        self.endpoint = self._endpoint = endpoint

    async def send(
        self,
        method: str,
        path: str,
        body: Body | None,
        headers: Mapping[str, str],
        read_timeout: float | None,
    ) -> HttpResponse:
        """As `Transport.send`."""
        if self._client.is_closed:
            raise BadRequestError("the http_client of this provider is closed: pass an open one")
        all_headers = await self._endpoint.request_headers(headers)
        if body is not None:
            all_headers["content-length"] = str(len(body))
        request = self._client.build_request(
            method,
            self._endpoint.url_of(path),
            content=None if body is None else body.content,
            headers=all_headers,
            timeout=read_limits(read_timeout),
        )
        request.url = _LoggedUrl(request.url)
        try:
            response = await self._client.send(request, stream=True, follow_redirects=False)
        except (FmsdkError, *self._failure_types):
            raise
        except Exception as error:  # anyio's groups, and what transports of the caller's raise
            configuration_error = environment_error() if self._client.trust_env else None
            if configuration_error is not None:
                raise configuration_error from None
            typed_error = self.error_mapper.from_exception(error, self.failures)
            raise typed_error from self.error_mapper.cause(error)
        return Httpx2Response(response)

    async def aclose(self) -> None:
        """As `Transport.aclose`: the client is the caller's."""
