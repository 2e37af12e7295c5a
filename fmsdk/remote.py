"""Media behind URLs that the provider cannot fetch itself, fetched for it, guarded."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any, cast

from fmsdk.content import MediaPart, Part, ToolResult
from fmsdk.provider import Capabilities
from fmsdk.request import Message, Request

__all__ = ["bring"]


async def bring(request: Request, can: Capabilities) -> Request:
    """The request with the bytes of every URL that the provider cannot take as a URL.

    Raises:
        InvalidMedia, ConnectionFailed, Timeout: as `fmsdk.media.fetch.fetch` does.
    """
    wanted = {
        part.url: part for part in request.media() if part.url and part.kind not in can.remote
    }
    if not wanted:
        return request
    from fmsdk.media.fetch import fetch

    sources = await asyncio.gather(*(fetch(url, part.kind) for url, part in wanted.items()))
    brought = dict(zip(wanted, sources, strict=True))

    def swap(part: Part) -> Part:
        if isinstance(part, ToolResult):
            content: list[Any] = [swap(inner) for inner in part.content]
            return replace(part, content=tuple(content))
        if isinstance(part, MediaPart) and part.url in brought:
            return cast("Part", replace(part, source=brought[part.url]))
        return part

    messages = tuple(
        Message(message.role, [swap(part) for part in message.parts])
        for message in request.messages
    )
    return replace(request, messages=messages)
