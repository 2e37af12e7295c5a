"""Short ways to ask a provider, without the client around it."""

from __future__ import annotations

import asyncio
from typing import Any

from fmsdk.provider import Provider
from fmsdk.request import Request
from fmsdk.response import Event, Response, ResponseAccumulator

__all__ = ["accumulate_events", "generate", "stream"]


def generate(asked: Provider, request: Request) -> Response[Any]:
    """The plain answer."""

    async def main() -> Response[Any]:
        try:
            return await asked.generate(request)
        finally:
            await asked.aclose()

    return asyncio.run(main())


def stream(asked: Provider, request: Request) -> tuple[list[Event], Response[Any]]:
    """The streamed answer, as events and folded."""

    async def main() -> list[Event]:
        try:
            return [event async for event in asked.stream(request)]
        finally:
            await asked.aclose()

    events = asyncio.run(main())
    return events, accumulate_events(events, request)


def accumulate_events(events: list[Event], request: Request) -> Response[Any]:
    """The response that events make."""
    fold = ResponseAccumulator()
    for event in events:
        fold.add(event)
    return fold.response(request.provider, request.model, output_type=request.output)
