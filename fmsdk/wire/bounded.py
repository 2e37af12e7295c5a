"""Bodies of errors, cut off where they take too long or get too long.

The HTTP library's own time limit starts anew with every byte, so that an error whose body drips
would hold its caller up for as long as it likes, though its status has said all that counts.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import cast

import httpx2

__all__ = ["bound_errors"]

_MOST_BYTES = 1 << 20


def bound_errors(seconds: float | None) -> Callable[[httpx2.Response], Awaitable[None]]:
    """A response hook: of an error's body, what comes within `seconds` (None: for ever), and its
    first MiB."""

    async def hook(response: httpx2.Response) -> None:
        if not response.is_success:
            body = cast("httpx2.AsyncByteStream", response.stream)
            response.stream = _Bounded(body, seconds)

    return hook


class _Bounded(httpx2.AsyncByteStream):
    def __init__(self, body: httpx2.AsyncByteStream, seconds: float | None) -> None:
        self._body = body
        self._seconds = seconds

    async def __aiter__(self) -> AsyncIterator[bytes]:
        until = self._seconds and asyncio.get_running_loop().time() + self._seconds
        left = _MOST_BYTES
        async with aclosing(cast("AsyncGenerator[bytes]", aiter(self._body))) as chunks:
            while left > 0:
                try:
                    async with asyncio.timeout_at(until):
                        chunk = await anext(chunks, None)
                except (TimeoutError, httpx2.ReadTimeout):
                    return
                if chunk is None:
                    return
                left -= len(chunk)
                yield chunk

    async def aclose(self) -> None:
        await self._body.aclose()
