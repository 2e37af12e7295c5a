"""Asking through a client, with whatever comes of it as a value."""

from __future__ import annotations

from typing import Any

import fmsdk
from fmsdk.response import Response

__all__ = ["ask", "outcome"]


async def ask(
    client: fmsdk.AsyncClient, model: str, prompt: str, *, stream: bool, **asked: Any
) -> Response[Any]:
    """The answer, whole or of a stream read to its end."""
    if not stream:
        return await client.generate(model, prompt, **asked)
    async with client.stream(model, prompt, **asked) as streamed:
        async for _ in streamed:
            pass
    return streamed.response


async def outcome(
    client: fmsdk.AsyncClient, model: str, prompt: str, *, stream: bool, **asked: Any
) -> Response[Any] | Exception:
    """The answer, or what was raised."""
    try:
        return await ask(client, model, prompt, stream=stream, **asked)
    except Exception as error:
        return error
