"""Bodies, decompressed in small pieces and within bounds.

A megabyte of gzip can stand for a gigabyte. And the HTTP library's own time limit starts anew with
every byte, so that an error whose body drips would hold its caller up for as long as it likes,
though its status has said all that counts.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing, suppress
from typing import cast

import httpx2

__all__ = ["ENCODINGS", "bound_errors", "decompressed"]

ENCODINGS = "gzip, deflate"
"""The content encodings that are asked for: those which the standard library undoes in pieces."""
_MOST_BYTES = 1 << 20
_PIECE = 1 << 18
_ANYWAY = 1 << 26
"""Bytes of a body that may come of however few."""
_RATIO = 100
"""Bytes of a longer body that one on the wire may stand for: ten times what texts are."""


def bound_errors(seconds: float | None) -> Callable[[httpx2.Response], Awaitable[None]]:
    """A response hook: of an error's body, what comes within `seconds` (None: for ever), and its
    first MiB, up to where it breaks."""

    async def hook(response: httpx2.Response) -> None:
        if not response.is_success:
            body = cast("httpx2.AsyncByteStream", response.stream)
            response.stream = _Bounded(body, _inflater(response), seconds)
            response.headers.pop("content-encoding", None)

    return hook


async def decompressed(response: httpx2.Response) -> AsyncGenerator[bytes]:
    """A compressed body's bytes; b"" for bytes on the wire that made none yet.

    Raises:
        httpx2.DecodingError: it is broken, or stands for far more than any real one does.
    """
    inflater = _inflater(response)
    chunks = response.aiter_bytes()
    if inflater is not None:
        chunks = _inflated(response.aiter_raw(), inflater)
    given = 0
    async with aclosing(chunks):
        async for piece in chunks:
            given += len(piece)
            if given > max(_ANYWAY, _RATIO * response.num_bytes_downloaded):
                raise httpx2.DecodingError(
                    f"{response.num_bytes_downloaded:,} bytes stand for more than {given:,}"
                )
            yield piece
            if len(piece) >= _PIECE:
                await asyncio.sleep(0)  # others are to have their turn


class _Bounded(httpx2.AsyncByteStream):
    def __init__(
        self, body: httpx2.AsyncByteStream, inflater: _Inflater | None, seconds: float | None
    ) -> None:
        self._body = body
        self._inflater = inflater
        self._seconds = seconds

    async def __aiter__(self) -> AsyncIterator[bytes]:
        chunks = cast("AsyncGenerator[bytes]", aiter(self._body))
        if self._inflater is not None:
            chunks = _inflated(chunks, self._inflater)
        # Its status has told already: what of its body can be read is a help, and no more.
        with suppress(httpx2.HTTPError):
            async with aclosing(chunks), aclosing(_within(chunks, self._seconds)) as first:
                async for chunk in first:
                    yield chunk

    async def aclose(self) -> None:
        await self._body.aclose()


async def _within(
    chunks: AsyncGenerator[bytes], seconds: float | None
) -> AsyncGenerator[bytes, None]:
    """What comes of a body within `seconds`, and its first MiB."""
    until = seconds and asyncio.get_running_loop().time() + seconds
    left = _MOST_BYTES
    while left > 0:
        try:
            async with asyncio.timeout_at(until):
                chunk = await anext(chunks, None)
        except (TimeoutError, httpx2.ReadTimeout):
            return
        if chunk is None:
            return
        yield chunk[:left]
        left -= len(chunk)


async def _inflated(
    chunks: AsyncGenerator[bytes], inflater: _Inflater
) -> AsyncGenerator[bytes, None]:
    async with aclosing(chunks):
        async for chunk in chunks:
            is_empty = True
            for piece in inflater.pieces(chunk):
                is_empty = False
                yield piece
            if is_empty:
                yield b""


class _Inflater:
    """Undoes gzip and deflate, of which the latter goes by the name of two formats."""

    def __init__(self, coding: str) -> None:
        self._inflate = zlib.decompressobj(zlib.MAX_WBITS | (16 if "gzip" in coding else 0))
        self._may_be_raw = coding == "deflate"

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """What the data stand for, in pieces that are none too large."""
        while True:
            piece = self._next(data)
            data = self._inflate.unconsumed_tail
            if piece:
                yield piece
            if not data and len(piece) < _PIECE:
                return

    def _next(self, data: bytes) -> bytes:
        try:
            piece = self._inflate.decompress(data, _PIECE)
        except zlib.error as error:
            if not self._may_be_raw:
                raise httpx2.DecodingError(str(error)) from error
            self._inflate, self._may_be_raw = zlib.decompressobj(-zlib.MAX_WBITS), False
            return self._next(data)
        self._may_be_raw = self._may_be_raw and not data
        return piece


def _inflater(response: httpx2.Response) -> _Inflater | None:
    coding = response.headers.get("content-encoding", "").strip().lower()
    return _Inflater(coding) if coding in ("gzip", "x-gzip", "deflate") else None
