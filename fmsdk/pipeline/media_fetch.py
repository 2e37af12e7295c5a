"""Fetches media behind URLs: those that the provider cannot fetch itself, and pictures that have to
be made smaller. `fmsdk.media.fetch` does so safely."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TypeVar

from fmsdk.content import Image
from fmsdk.media.limits import DEFAULT_FETCH, FetchLimits
from fmsdk.media.sniff import Kind
from fmsdk.media.source import BytesSource
from fmsdk.pipeline.media_memory import Reservation
from fmsdk.provider import Capabilities
from fmsdk.request import Request

__all__ = ["fetch_media"]

Q = TypeVar("Q", bound=Request)


async def fetch_media(
    request: Q,
    capabilities: Capabilities,
    limits: FetchLimits = DEFAULT_FETCH,
    reservation: Reservation | None = None,
) -> Q:
    """The request with the bytes of every URL that the provider cannot take as a URL, and of
    every picture by URL that is to be made smaller (`max_side`).

    Args:
        reservation: gets what the media take of the client's memory.

    Raises:
        InvalidMedia, ConnectionFailed, Timeout: as `fmsdk.media.fetch.fetch` does.
    """
    targets: set[tuple[str, Kind]] = {
        (part.url, part.kind)
        for part in request.media()
        if part.url
        and (
            part.kind not in capabilities.remote
            or (isinstance(part, Image) and part.max_side is not None)
        )
    }
    if not targets:
        return request
    from fmsdk.media.fetch import FetchedBytes, fetch

    if reservation is not None:
        most = min(limits.max_request_bytes, len(targets) * limits.max_bytes)
        await reservation.reserve_bytes(most, limits.max_client_bytes)
    fetched_bytes = FetchedBytes(limits.max_request_bytes)
    tasks: dict[tuple[str, Kind], asyncio.Task[BytesSource]] = {}
    failure: Exception | None = None
    try:
        async with asyncio.TaskGroup() as group:  # when one fails, the others are cancelled
            for url, kind in targets:
                tasks[url, kind] = group.create_task(
                    fetch(url, kind, limits=limits, fetched_bytes=fetched_bytes)
                )
    except ExceptionGroup as group_error:
        failure = group_error.exceptions[0]
    if failure is not None:
        raise failure
    if reservation is not None:
        reservation.shrink(sum(len(task.result().data) for task in tasks.values()))
    return request.with_media(
        lambda part: (
            replace(part, source=task.result())
            if (task := tasks.get((part.url or "", part.kind))) is not None
            else part
        )
    )
