"""Connections for the HTTP library, straight on asyncio: a read that finds bytes waiting costs no
task switch, and one that must wait, one future and one timer.

The HTTP library's own connections serve several event-loop libraries, at four times the price a
read. HTTP stays the library's; this is its documented way in for other connections.
"""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
import sys
import urllib.request
from collections.abc import AsyncIterator, Iterable
from contextlib import aclosing, suppress
from typing import Any, cast

import httpcore2
import httpx2

from fmsdk.http.chunk_framing import ChunkJoiner
from fmsdk.http.decompression import ENCODINGS, bound_errors

__all__ = ["http_client"]

_ENOUGH = 1 << 20
"""Unread bytes at which the connection's other side is left waiting."""
_PACKET = 1 << 16
"""Bytes of a request that are gathered before they are sent."""
_CONNECTIONS = 1000
_KEPT_ALIVE = 100
_OWN_LOOP = asyncio.BaseEventLoop
_REFUSAL = re.compile(rb"HTTP/1\.\d [45]")


class _Wire(asyncio.Protocol):
    """One connection: what has arrived, and who waits for it."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.arrived = bytearray()
        self.ended = False
        self.error: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._full: asyncio.Future[None] | None = None
        self._paused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self.arrived += data
        if len(self.arrived) > _ENOUGH and not self._paused and self.transport is not None:
            self._paused = True
            self.transport.pause_reading()
        self._wake()
        if self._full is not None and self.wants_no_more:
            _settle(self._full)

    def eof_received(self) -> bool:
        self.ended = True
        self._wake()
        _settle(self._full)
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended = True
        self.error = exc
        self._wake()
        _settle(self._full)

    def pause_writing(self) -> None:
        self._full = asyncio.get_running_loop().create_future()

    def resume_writing(self) -> None:
        _settle(self._full)
        self._full = None

    @property
    def takes_no_more(self) -> bool:
        """Whether the system's buffers are full."""
        return self._full is not None

    @property
    def wants_no_more(self) -> bool:
        """Whether the other side has ended, or refused a request of which it has not seen all."""
        is_gone = self.ended or self.transport is None or self.transport.is_closing()
        return is_gone or _REFUSAL.match(self.arrived) is not None

    async def written(self) -> None:
        """Return when the connection takes more, or the other side wants none."""
        if self._full is not None:
            await self._full

    async def arrival(self) -> None:
        """Return when there is something to take, or nothing will come."""
        if not self.arrived and not self.ended:
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None

    def take(self) -> bytes:
        """All that has arrived."""
        data = bytes(self.arrived)
        self.arrived.clear()
        if self._paused and self.transport is not None and not self.ended:
            self._paused = False
            self.transport.resume_reading()
        return data

    def _wake(self) -> None:
        _settle(self._waiter)


def _settle(future: asyncio.Future[None] | None) -> None:
    if future is not None and not future.done():
        future.set_result(None)


class _Stream(httpcore2.AsyncNetworkStream):
    """A connection as the HTTP library reads and writes it."""

    def __init__(self, wire: _Wire) -> None:
        self._wire = wire
        self._joiner = ChunkJoiner()
        self._rest = b""
        self._unsent = bytearray()

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if self._unsent:
            await self._send(timeout)
        if not self._rest:
            self._rest = self._arrived() or await self._next_within(timeout)
        data, self._rest = self._rest[:max_bytes], self._rest[max_bytes:]
        return data

    def _arrived(self) -> bytes:
        """What is here, and can be passed on."""
        data = self._joiner.feed(self._wire.take()) if self._wire.arrived else b""
        if self._joiner.surplus and not data:
            raise httpcore2.ReadError("the server sent bytes that belong to no answer")
        return data

    async def _next_within(self, timeout: float | None) -> bytes:
        try:
            async with asyncio.timeout(timeout):
                return await self._next()
        except TimeoutError as error:
            raise httpcore2.ReadTimeout(f"nothing for {timeout:g} s") from error

    async def _next(self) -> bytes:
        wire = self._wire
        while True:
            await wire.arrival()
            if wire.arrived:
                if data := self._arrived():
                    return data
            elif wire.error is not None:
                raise httpcore2.ReadError(str(wire.error)) from wire.error
            else:
                return self._joiner.flush()

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        # The head of a request waits for its body, or for the first read: one system call less,
        # and one packet.
        self._unsent += buffer
        if len(self._unsent) >= _PACKET:
            await self._send(timeout)

    async def _send(self, timeout: float | None) -> None:
        wire, data = self._wire, bytes(self._unsent)
        self._unsent.clear()
        if self._joiner.surplus or (self._joiner.at_rest and wire.arrived):
            raise httpcore2.ReadError("the server answered before it was asked")
        if wire.transport is None or wire.wants_no_more:
            raise httpcore2.WriteError("the server takes no request")  # and its answer is read
        self._joiner.begin()
        wire.transport.write(data)
        if wire.takes_no_more:
            try:
                async with asyncio.timeout(timeout):
                    await wire.written()
            except TimeoutError as error:
                raise httpcore2.WriteTimeout(f"nothing taken for {timeout:g} s") from error
            if wire.wants_no_more:
                raise httpcore2.WriteError("the server takes no more of the request")

    async def aclose(self) -> None:
        if self._wire.transport is not None:
            # What waits to be sent is for nobody.
            self._wire.transport.abort()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        loop, plain = asyncio.get_running_loop(), self._wire.transport
        wire = _Wire()
        if plain is None:
            raise httpcore2.ConnectError("the connection is closed")
        try:
            async with asyncio.timeout(timeout):
                secured = await loop.start_tls(
                    plain, wire, ssl_context, server_hostname=server_hostname
                )
        except TimeoutError as error:
            plain.abort()
            raise httpcore2.ConnectTimeout("no TLS handshake in time") from error
        except OSError as error:  # ssl.SSLError is one
            plain.abort()
            raise httpcore2.ConnectError(str(error)) from error
        wire.connection_made(cast("asyncio.Transport", secured))
        return _Stream(wire)

    def get_extra_info(self, info: str) -> Any:
        transport = self._wire.transport
        if info == "is_readable":  # asked of a connection that might be used again
            return self._wire.ended or bool(self._wire.arrived) or not self._joiner.at_rest
        names = {"client_addr": "sockname", "server_addr": "peername"}
        return None if transport is None else transport.get_extra_info(names.get(info, info))


class _Backend(httpcore2.AsyncNetworkBackend):
    """Makes connections."""

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        loop = asyncio.get_running_loop()
        local = None if local_address is None else (local_address, 0)
        # The next address is tried after a quarter of a second (RFC 8305), but by loops of others
        # (uvloop) when the one before has failed.
        eager: Any = {"happy_eyeballs_delay": 0.25} if isinstance(loop, _OWN_LOOP) else {}
        try:
            async with asyncio.timeout(timeout):
                transport, wire = await loop.create_connection(
                    _Wire, host, port, local_addr=local, **eager
                )
        except TimeoutError as error:
            raise httpcore2.ConnectTimeout(f"no connection to {host} in time") from error
        except (OSError, UnicodeError) as error:  # UnicodeError: no name that DNS can carry
            raise httpcore2.ConnectError(str(error)) from error
        opened: socket.socket = transport.get_extra_info("socket")
        with suppress(OSError):  # one that broke at once, which reading from it will tell
            for option in socket_options or ():
                opened.setsockopt(*option)
        return _Stream(wire)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class _Response(httpx2.AsyncByteStream):
    """A body, with the pool's exceptions as those of httpx2."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async with aclosing(aiter(self._stream)) as chunks:
                async for chunk in chunks:
                    yield chunk
        except Exception as error:
            raise _translated(error) from error

    async def aclose(self) -> None:
        await self._stream.aclose()


class _Transport(httpx2.AsyncBaseTransport):
    """The HTTP library's connection pool over these connections."""

    def __init__(self) -> None:
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=httpx2.create_ssl_context(),
            max_connections=_CONNECTIONS,
            max_keepalive_connections=_KEPT_ALIVE,
            keepalive_expiry=5.0,
            socket_options=_keepalive(),
            network_backend=_Backend(),
        )

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        url = request.url
        asked = httpcore2.Request(
            method=request.method,
            url=httpcore2.URL(
                scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
            ),
            headers=request.headers.raw,
            content=cast("Any", request.stream),
            extensions=cast("Any", request).extensions,
        )
        try:
            response: Any = await self._pool.handle_async_request(asked)
        except Exception as error:
            raise _translated(error) from error
        return httpx2.Response(
            status_code=response.status,
            headers=response.headers,
            stream=_Response(response.stream),
            extensions=response.extensions,
        )

    async def aclose(self) -> None:
        await self._pool.aclose()


def _translated(error: Exception) -> Exception:
    """httpx2's exception of the same name as httpcore2's; for any other, that the connection
    failed."""
    if isinstance(error, httpx2.HTTPError):
        return error
    known = type(error).__module__.startswith("httpcore2")
    kind = getattr(httpx2, type(error).__name__, None) if known else None
    text = str(error) if known else f"{type(error).__name__}: {error}"
    return (kind or httpx2.TransportError)(text)


def _keepalive() -> list[tuple[int, int, int]]:
    """Half a minute of silence is asked about, so that a dead connection is told from a slow
    answer (as the vendors' SDKs do)."""
    options = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)]
    for name, seconds in (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 60), ("TCP_KEEPCNT", 5)):
        if sys.platform == "linux":
            options.append((socket.IPPROTO_TCP, getattr(socket, name), seconds))
    return options


def http_client(
    idle_timeout: float | None = None, *, on_request: Iterable[Any] = ()
) -> httpx2.AsyncClient:
    """A client on these connections; where the environment asks for a proxy, on httpx2's own.

    It follows no redirects: of a key in a header of the vendor's own, nobody would know that it
    must not go along to another host.

    Args:
        idle_timeout: seconds that the body of an error may take, from its head to its end; it
            is cut off there, since its status says the most. None for ever.
        on_request: awaited with each request before it goes out.
    """
    limits = httpx2.Limits(max_connections=_CONNECTIONS, max_keepalive_connections=_KEPT_ALIVE)
    transport = None if urllib.request.getproxies() else _Transport()
    hooks = {"request": list(on_request), "response": [bound_errors(idle_timeout)]}
    accepted = {"accept-encoding": ENCODINGS}
    return httpx2.AsyncClient(
        transport=transport, limits=limits, event_hooks=hooks, headers=accepted
    )
