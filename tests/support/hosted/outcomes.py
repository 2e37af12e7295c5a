"""Asking through a client, with whatever comes of it as a value."""

from __future__ import annotations

from typing import Any

import fmsdk
from fmsdk.response import Response

__all__ = ["outcome"]


async def outcome(
    client: fmsdk.AsyncClient, model: str, prompt: str, *, stream: bool, **asked: Any
) -> Response[Any] | Exception:
    """The answer, or what was raised."""
    try:
        if not stream:
            return await client.generate(model, prompt, **asked)
        async with client.stream(model, prompt, **asked) as streamed:
            async for _ in streamed:
                pass
        return streamed.response
    except Exception as error:
        return error
