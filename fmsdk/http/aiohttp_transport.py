"""Our own connections, over aiohttp. `docs/decisions/0012-connections.md` says why aiohttp."""

from __future__ import annotations

import asyncio
import socket
import sys
import weakref
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, ClassVar, cast

import aiohttp
from aiohttp.client_proto import ResponseHandler
from multidict import CIMultiDict
from yarl import URL

from fmsdk.errors import ConnectionFailed, Timeout
from fmsdk.hosted.body import Body
from fmsdk.http.decompression import ENCODINGS
from fmsdk.http.environment import environment_proxy, trusted_certificates
from fmsdk.http.error_mapper import UNREACHABLE, ErrorMapper, NetworkFailure
from fmsdk.http.patience import PatientTimer
from fmsdk.http.resolver import HostResolver
from fmsdk.http.transport import CONNECT_SECONDS, Endpoint, HttpResponse, Transport

if TYPE_CHECKING:
    from aiohttp.connector import Connection

__all__ = ["AiohttpTransport"]

_CONNECTIONS = 1000
_KEEP_ALIVE_SECONDS = 5.0
"""As the vendors' SDKs; uvicorn, below many compatible servers, closes at the same age."""
_STARTS, _START_SECONDS = 64, 0.25
"""Connections that begin at once, and how long each keeps others from it."""
_NO_LIMIT = aiohttp.ClientTimeout(total=None)
_LONGEST_HEADER = 1 << 16
_MOST_HEADERS = 1000
_LARGEST_PIECE = 1 << 20
"""Bytes from which aiohttp wants a body in pieces."""
_SILENT = "sent nothing for too long; see timeout, idle_timeout"


class _ProxyNotFound(aiohttp.ClientConnectionError):
    """The name of the environment's proxy has no address."""


def _unsent(exception: type[Exception], what: str) -> NetworkFailure:
    return NetworkFailure(exception, ConnectionFailed, what, unsent=True)


class AiohttpTransport(Transport):
    """Sends requests over connections of its own, all to one server. Belongs to the event loop
    that runs when it is made. It follows no redirects: a key in a header of the vendor's own
    must not go along to another host.

    Raises:
        ConfigurationError: the environment names a proxy that cannot be used.
    """

    failures: ClassVar[tuple[NetworkFailure, ...]] = (
        _unsent(aiohttp.ConnectionTimeoutError, "let no connection be made in time"),
        NetworkFailure(aiohttp.ServerTimeoutError, Timeout, _SILENT),
        _unsent(aiohttp.ClientProxyConnectionError, "is behind a proxy that is down"),
        _unsent(_ProxyNotFound, "is behind a proxy that has no address"),
        _unsent(aiohttp.ClientHttpProxyError, "is behind a proxy that refused"),
        _unsent(aiohttp.ClientConnectorError, UNREACHABLE),
        _unsent(aiohttp.InvalidURL, UNREACHABLE),
        NetworkFailure(aiohttp.ClientError, ConnectionFailed, "broke the connection"),
    )

    def __init__(
        self, endpoint: Endpoint, error_mapper: ErrorMapper, idle_timeout: float | None
    ) -> None:
        super().__init__(error_mapper, idle_timeout)
        url = endpoint.url
        self.endpoint = self._endpoint = endpoint

        @lru_cache(maxsize=256)
        def url_of(path: str) -> URL:
            return URL(endpoint.url_of(path), encoded=True)

        self._url_of = url_of
        self._proxy = environment_proxy(url)
        connector = _Connector(
            ssl=trusted_certificates() if url.startswith("https:") else True,
            limit=_CONNECTIONS,
            keepalive_timeout=_KEEP_ALIVE_SECONDS,
            resolver=HostResolver(),
            socket_factory=_open_socket,
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            request_class=_Request,
            response_class=_Response,
            headers={"accept-encoding": ENCODINGS},
            skip_auto_headers=("Accept", "User-Agent", "Content-Type"),
            max_line_size=_LONGEST_HEADER,
            max_field_size=_LONGEST_HEADER,
            max_headers=_MOST_HEADERS,
        )
        weakref.finalize(self, self._session.detach)

    async def send(
        self,
        method: str,
        path: str,
        body: Body | None,
        headers: Mapping[str, str],
        read_timeout: float | None,
    ) -> HttpResponse:
        """As `Transport.send`."""
        all_headers = await self._endpoint.request_headers(headers)
        url = self._url_of(path)
        data: Any = None
        if body is not None:
            data = body.content
            if data is body or len(body) >= _LARGEST_PIECE:
                data = aiter(body)
                all_headers["content-length"] = str(len(body))
        timeout = aiohttp.ClientTimeout(
            total=None, sock_connect=CONNECT_SECONDS, sock_read=read_timeout
        )
        try:
            response = await self._session.request(
                method,
                url,
                data=data,
                headers=all_headers,
                allow_redirects=False,
                proxy=self._proxy,
                timeout=timeout,
            )
        except (aiohttp.ClientConnectorDNSError, aiohttp.InvalidURL, UnicodeError) as error:
            if self._proxy is not None:  # whose name is the only one that is looked up
                raise _ProxyNotFound(type(error).__name__) from None
            if isinstance(error, UnicodeError):  # a name that DNS cannot carry
                raise aiohttp.InvalidURL(url, str(error)) from error
            raise
        except RuntimeError as error:  # closed while this call was on its way
            if not self._session.closed:
                raise
            raise aiohttp.ClientConnectionError(str(error)) from error
        return _AiohttpResponse(response)

    async def aclose(self) -> None:
        """As `Transport.aclose`."""
        await self._session.close()


class _AiohttpResponse(HttpResponse):
    __slots__ = ("_response", "headers", "status")

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self.status = response.status
        self.headers = response.headers

    def raw_chunks(self) -> AsyncIterator[bytes]:
        return self._response.content.iter_any()

    def limit_silence(self, seconds: float | None) -> None:
        connection = self._response.connection
        if connection is not None and isinstance(connection.protocol, _Protocol):
            connection.protocol.limit_silence(seconds)

    async def aclose(self) -> None:
        connection = self._response.connection
        if connection is None:
            return  # read to its end, and back in the pool
        if connection.transport is not None:
            connection.transport.abort()  # what waits to be sent is for nobody
        self._response.close()

    def joined_headers(self) -> Mapping[str, str]:
        by_name = CIMultiDict[str]()
        for name in self.headers:
            by_name[name] = ", ".join(self._response.headers.getall(name))
        return by_name


class _Request(aiohttp.ClientRequest):
    async def send(self, conn: Connection) -> aiohttp.ClientResponse:
        # Bytes that came before the request belong to no answer of this request.
        if conn.protocol is None or conn.protocol.should_close:
            raise aiohttp.ServerDisconnectedError("the server answered before it was asked")
        return await super().send(conn)


class _Response(aiohttp.ClientResponse):
    async def start(self, connection: Connection) -> aiohttp.ClientResponse:
        """Wait for the head of the answer. aiohttp's own time limit starts anew with each interim
        answer (1xx), which a server can send for ever."""
        protocol = connection.protocol
        seconds = None if protocol is None else protocol.read_timeout
        if protocol is None or seconds is None:
            return await super().start(connection)
        loop, timer = asyncio.get_running_loop(), list[PatientTimer]()

        def start_timer(_: object = None) -> None:
            error = aiohttp.SocketTimeoutError(f"no answer for {seconds:g} s")
            timer.append(PatientTimer(loop, seconds, partial(protocol.set_exception, error)))

        upload = self._writer
        if upload is None:
            start_timer()
        else:
            upload.add_done_callback(start_timer)
        try:
            return await super().start(connection)
        finally:
            if upload is not None:
                upload.remove_done_callback(start_timer)
            for handle in timer:
                handle.cancel()


class _Protocol(ResponseHandler):
    """aiohttp's, mended where framing that breaks (seen with aiohttp 3.14.5, 2026-11-28) loses the
    head of an answer in the same packet, or leaves the reader of its body waiting for ever."""

    _wants_head = False
    _silence: PatientTimer | None = None

    def set_response_params(self, **settings: Any) -> None:
        self._wants_head = True
        super().set_response_params(**settings)

    def data_received(self, data: bytes) -> None:
        if self._wants_head:
            self._wants_head = False
            end = data.find(b"\r\n\r\n") + 4
            if 4 <= end < len(data):
                super().data_received(data[:end])
                data = data[end:]
        super().data_received(data)

    def limit_silence(self, seconds: float | None) -> None:
        """Let the server be silent for `seconds` at a time from now on."""
        self._drop_timeout()
        self._read_timeout = seconds
        self._reschedule_timeout()

    def _reschedule_timeout(self) -> None:
        # One timer for the whole silence limit, where aiohttp cancels and makes one for each
        # piece of data: a tenth of the CPU of a chunk that arrives alone.
        if not self._read_timeout:
            self._drop_timeout()
        elif self._silence is not None:
            self._silence.restart()
        else:
            self._silence = PatientTimer(self._loop, self._read_timeout, self._on_read_timeout)

    def _on_read_timeout(self) -> None:
        self._silence = None
        super()._on_read_timeout()

    def _drop_timeout(self) -> None:
        if self._silence is not None:
            self._silence.cancel()
            self._silence = None

    def set_exception(self, exc: BaseException, exc_cause: BaseException | None = None) -> None:
        payload, cause = self._payload, () if exc_cause is None else (exc_cause,)
        super().set_exception(exc, *cause)
        if payload is not None and payload.exception() is None and not payload.is_eof():
            error = exc if isinstance(exc, aiohttp.ClientError) else None
            payload.set_exception(error or aiohttp.ClientPayloadError(str(exc)), *cause)


class _Connector(aiohttp.TCPConnector):
    """aiohttp's, without its complaint where nobody closed it: a client need not be closed."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)  # pyright: ignore[reportUnknownMemberType] - partly typed
        self._factory = partial(_Protocol, loop=self._loop)
        self._starts = asyncio.Semaphore(_STARTS)

    async def _create_connection(self, *args: Any, **settings: Any) -> ResponseHandler:
        # Thousands of connections that begin at once would overflow the server's queue, and hold
        # up this loop. A slow server's begin in turn all the same.
        await self._starts.acquire()
        slots = [self._starts]

        def release() -> None:
            if slots:
                slots.pop().release()

        timer = self._loop.call_later(_START_SECONDS, release)
        try:
            return await super()._create_connection(*args, **settings)
        finally:
            timer.cancel()
            release()

    async def _wrap_create_connection(
        self, *args: Any, **settings: Any
    ) -> tuple[asyncio.Transport, ResponseHandler]:
        async with asyncio.timeout(None) as limit:
            now = self._loop.time
            timer = PatientTimer(self._loop, CONNECT_SECONDS, lambda: limit.reschedule(now()))
            try:
                # Partly typed, like the rest of the connector.
                connect = cast("Any", super())._wrap_create_connection
                return await connect(*args, **{**settings, "timeout": _NO_LIMIT})
            finally:
                timer.cancel()

    def __del__(self, _warnings: Any = None) -> None:
        for idle in self._conns.values():
            for protocol, _ in idle:
                with suppress(RuntimeError):  # the event loop is closed
                    self._loop.call_soon_threadsafe(protocol.close)


def _open_socket(address: Any) -> socket.socket:
    """A socket with TCP keep-alive, as in the vendors' SDKs: after a minute of silence the system
    probes the peer, so that a dead connection is distinguished from a slow answer."""
    family, kind, protocol, *_ = address
    new_socket = socket.socket(family=family, type=kind, proto=protocol)
    new_socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if sys.platform == "linux":
        new_socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 60)
        new_socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 60)
        new_socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 5)
    return new_socket
