"""A request over the wire and its answer as bytes; what breaks on the way, translated.

How the bytes get there (a vendor's SDK, plain HTTP) a subclass says. Nothing here retries,
because `fmsdk.pipeline.call` does.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import cast

import httpx2
import msgspec

from fmsdk.errors import FmsdkError
from fmsdk.hosted.body import Body
from fmsdk.hosted.decoding import UNREADABLE
from fmsdk.http.decompression import decompressed
from fmsdk.http.error_mapper import ErrorMapper

__all__ = ["CONNECT_SECONDS", "Incoming", "Transport", "error_body"]

CONNECT_SECONDS = 5.0
_DRAIN_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class Incoming:
    """A body on its way in. `chunks` are its bytes, decompressed, as they come; b"" for bytes
    that decompress to nothing yet."""

    response: httpx2.Response
    chunks: AsyncGenerator[bytes]

    @property
    def headers(self) -> Mapping[str, str]:
        """The answer's headers."""
        return self.response.headers

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


class Transport(ABC):
    """The connections to one server. Raises `FmsdkError`s alone.

    Args:
        blame: makes the errors.
        idle_timeout: seconds that an answer may stay silent once it has begun; None for ever.
    """

    def __init__(self, error_mapper: ErrorMapper, idle_timeout: float | None) -> None:
        self.error_mapper = error_mapper
        self._idle = _silent(idle_timeout)

    @asynccontextmanager
    async def open(
        self,
        path: str,
        body: Body,
        *,
        headers: Mapping[str, str],
        read_timeout: float | None = None,
    ) -> AsyncGenerator[Incoming]:
        """Ask, and read the answer as it comes. Leaving closes the connection, unless the answer
        was read to its end. What goes wrong while reading is translated here.

        Args:
            patience: seconds before an answer has to begin that comes when it is done; None for a
                stream, which may never stay silent for longer than `idle_timeout`.
        """
        waiting = self._idle if read_timeout is None else _silent(read_timeout)
        response = await self._sent(path, body, headers, waiting)
        try:
            # Its connection reads each piece of the body by the timeout that stands here.
            response.request.extensions["timeout"] |= self._idle.as_dict()
            async with aclosing(_chunks(response)) as chunks:
                yield Incoming(response, chunks)
        except httpx2.HTTPError as error:
            raise self.error_mapper.from_exception(error) from self.error_mapper.cause(error)
        finally:
            await response.aclose()

    async def _sent(
        self, path: str, body: Body, headers: Mapping[str, str], timeout: httpx2.Timeout
    ) -> httpx2.Response:
        try:
            return await self.send(path, body, headers, timeout)
        except FmsdkError:
            raise
        except Exception as error:  # an SDK raises what it likes
            raise self.error_mapper.from_exception(error) from self.error_mapper.cause(error)

    @abstractmethod
    async def send(
        self,
        path: str,
        body: Body,
        headers: Mapping[str, str],
        timeout: httpx2.Timeout,
    ) -> httpx2.Response:
        """Post `body`, JSON; the response is not read yet. Raises for an error status what
        `blame.of_body` makes of it; anything else that it raises is translated."""

    @abstractmethod
    async def aclose(self) -> None:
        """Close the connections, but not those of a client that the caller built."""


def _silent(seconds: float | None) -> httpx2.Timeout:
    # Waiting for a connection that others hold is no silence of the server's.
    return httpx2.Timeout(seconds, connect=CONNECT_SECONDS, pool=None)


def error_body(content: bytes) -> object:
    """An error's body as decoded JSON, or else as text."""
    try:
        return msgspec.json.decode(content)
    except UNREADABLE:
        return content.decode("utf-8", "replace")


def _chunks(response: httpx2.Response) -> AsyncGenerator[bytes]:
    if "content-encoding" in response.headers:
        return decompressed(response)
    # Three generators fewer for each chunk than aiter_bytes, which would only pass them on.
    return cast("AsyncGenerator[bytes]", aiter(cast("httpx2.AsyncByteStream", response.stream)))
