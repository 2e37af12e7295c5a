"""Compressed bodies, in small pieces and within bounds: a megabyte of gzip can hold a gigabyte."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncGenerator, AsyncIterator, Iterator

__all__ = ["ENCODINGS", "DecodingError", "decompress"]

ENCODINGS = "gzip, deflate"
"""The content encodings that are asked for: those that the standard library undoes in pieces."""
_PIECE = 1 << 18
_RATIO_FLOOR = 1 << 26
"""Decompressed bytes below which no ratio is checked."""
_RATIO = 100
"""Decompressed bytes that one received byte may hold in a longer body: ten times what text has."""


class DecodingError(Exception):
    """A body that its content encoding does not describe, or that decompresses without bound."""


async def decompress(chunks: AsyncIterator[bytes], encoding: str) -> AsyncGenerator[bytes]:
    """Decompress a body as it comes; b"" for received bytes that hold no output yet.

    Raises:
        DecodingError: the body is broken, its encoding was not asked for, or it holds far more
            than any real body does.
    """
    inflater = _Inflater(encoding)
    bytes_in = bytes_out = 0
    async for chunk in chunks:
        bytes_in += len(chunk)
        is_empty = True
        for piece in inflater.pieces(chunk):
            is_empty = False
            bytes_out += len(piece)
            if bytes_out > max(_RATIO_FLOOR, _RATIO * bytes_in):
                raise DecodingError(f"{bytes_in:,} bytes decompress to more than {bytes_out:,}")
            yield piece
            if len(piece) >= _PIECE:
                await asyncio.sleep(0)  # other calls get their turn
        if bytes_in > max(_RATIO_FLOOR, 2 * bytes_out):
            raise DecodingError(f"{bytes_in:,} bytes decompress to no more than {bytes_out:,}")
        if is_empty:
            yield b""


class _Inflater:
    """Undoes gzip and deflate; "deflate" is the name of two formats (RFC 9110, 8.4.1.2)."""

    def __init__(self, encoding: str) -> None:
        if encoding not in ("gzip", "x-gzip", "deflate"):
            raise DecodingError(f"the content encoding {encoding!r} was not asked for")
        self._inflate = zlib.decompressobj(zlib.MAX_WBITS | (16 if "gzip" in encoding else 0))
        self._may_be_raw = encoding == "deflate"

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """The decompressed data, in pieces of bounded size."""
        while not self._inflate.eof:  # what follows the end is padding, and not kept
            piece = self._next_piece(data)
            data = self._inflate.unconsumed_tail
            if piece:
                yield piece
            if not data and len(piece) < _PIECE:
                return

    def _next_piece(self, data: bytes) -> bytes:
        try:
            piece = self._inflate.decompress(data, _PIECE)
        except zlib.error as error:
            if not self._may_be_raw:
                raise DecodingError(str(error)) from error
            self._inflate, self._may_be_raw = zlib.decompressobj(-zlib.MAX_WBITS), False
            return self._next_piece(data)
        self._may_be_raw = self._may_be_raw and not data
        return piece
