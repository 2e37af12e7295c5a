"""The official SDK as the transport: keys, base URL, headers, connection pool, and no more.

The one importer of the SDK. Bodies come out raw, since the SDK's typed objects cost more than
everything else here; it never retries, because `fmsdk.call` does.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, cast

import httpx2
import msgspec
from openai import AsyncOpenAI, AsyncStream, OpenAIError

from fmsdk_openai.errors import Blame
from fmsdk_openai.options import Api, Connection

__all__ = ["Incoming", "Transport"]

_PATHS: dict[Api, str] = {"chat": "/chat/completions", "responses": "/responses"}
_CONNECT_SECONDS = 5.0
_DRAIN_SECONDS = 0.25
_FAILURES = (OpenAIError, httpx2.HTTPError)


@dataclass(frozen=True, slots=True)
class Incoming:
    """A body on its way in. `chunks` are its bytes, decompressed, as they come."""

    response: httpx2.Response
    chunks: AsyncGenerator[bytes]

    @property
    def request_id(self) -> str | None:
        """The vendor's id of the request."""
        return self.response.headers.get("x-request-id")

    @property
    def is_json(self) -> bool:
        """Whether the server says that this is one JSON document, and so no stream of events."""
        return "json" in self.response.headers.get("content-type", "")

    async def read(self) -> bytes:
        """The whole body."""
        return b"".join([chunk async for chunk in self.chunks])

    async def drain(self) -> None:
        """Read on to the end, so that the connection can be used again; give up soon, where a
        server says no more and does not end."""
        with suppress(TimeoutError, httpx2.HTTPError):
            async with asyncio.timeout(_DRAIN_SECONDS):
                async for _ in self.chunks:
                    pass


class Transport:
    """The connections to one server. Raises `FmsdkError`s alone.

    Args:
        blame: makes the errors.
        idle_timeout: seconds that a stream may stay silent; None for ever.
    """

    def __init__(self, connection: Connection, blame: Blame, idle_timeout: float | None) -> None:
        self._blame = blame
        self._idle = httpx2.Timeout(idle_timeout, connect=_CONNECT_SECONDS)
        self._is_own = connection.client is None
        self._sdk = _own(connection) if self._is_own else _given(connection)

    async def post(
        self, api: Api, body: bytes, *, seconds: float, headers: Mapping[str, str]
    ) -> httpx2.Response:
        """Ask, and read the whole answer; `seconds` is how long the server may stay silent."""
        timeout = httpx2.Timeout(seconds, connect=_CONNECT_SECONDS)
        try:
            return await self._sdk.post(
                _PATHS[api],
                cast_to=httpx2.Response,
                options={"timeout": timeout, "headers": headers},
                **self._payload(body),
            )
        except _FAILURES as error:
            raise self._blame.of_exception(error) from error

    @asynccontextmanager
    async def open(
        self, api: Api, body: bytes, *, headers: Mapping[str, str]
    ) -> AsyncGenerator[Incoming]:
        """Ask, and read the answer as it comes. Leaving closes the connection, unless the answer
        was read to its end. What goes wrong while reading is translated here."""
        try:
            # Asked for as a stream of a raw response, the SDK hands that over unread.
            opened = await self._sdk.post(
                _PATHS[api],
                cast_to=cast("type[AsyncStream[Any]]", httpx2.Response),
                options={"timeout": self._idle, "headers": headers},
                stream=True,
                stream_cls=AsyncStream[Any],
                **self._payload(body),
            )
            response = cast("httpx2.Response", opened)
            try:
                async with aclosing(_chunks(response)) as chunks:
                    yield Incoming(response, chunks)
            finally:
                await response.aclose()
        except _FAILURES as error:
            raise self._blame.of_exception(error) from error

    async def aclose(self) -> None:
        """Close the connections, but not a client that the caller built."""
        if self._is_own:
            await self._sdk.close()

    def _payload(self, body: bytes) -> dict[str, Any]:
        # Clients of the SDK's cloud variants (Azure, …) look into the body, so that they get it
        # undone; ours take it as it is.
        return {"content": body} if self._is_own else {"body": msgspec.json.decode(body)}


def _own(connection: Connection) -> AsyncOpenAI:
    return AsyncOpenAI(
        api_key=connection.key(),
        base_url=connection.url,
        organization=connection.organization,
        project=connection.project,
        default_headers=connection.default_headers,
        max_retries=0,
    )


def _given(connection: Connection) -> AsyncOpenAI:
    client: AsyncOpenAI = connection.client
    return client.with_options(max_retries=0)


def _chunks(response: httpx2.Response) -> AsyncGenerator[bytes]:
    if "content-encoding" in response.headers:
        return response.aiter_bytes()
    # Three generators fewer for each chunk than aiter_bytes, which would only pass them on.
    return cast("AsyncGenerator[bytes]", aiter(cast("httpx2.AsyncByteStream", response.stream)))
