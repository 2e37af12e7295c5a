"""Asks a server what it says of its models: seldom, shortly, and never in a request's way."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic

from fmsdk_openai.model_info import ANY_MODEL, ModelInfo, ModelsEndpoint

__all__ = ["SECONDS", "ModelDiscovery"]

SECONDS = 2.0
_RETRY_AFTER = 60.0
"""Seconds until a server that gave no answer is asked again."""


class ModelDiscovery:
    """What one server has said of its models so far. Made and used on one event loop.

    Args:
        endpoints: where it describes them; an earlier one takes precedence over a later one.
        fetch: fetches an endpoint's answer, for one model; b"" where there is no answer.
    """

    def __init__(
        self,
        endpoints: tuple[ModelsEndpoint, ...],
        fetch: Callable[[ModelsEndpoint, str], Awaitable[bytes]],
    ) -> None:
        self._endpoints = endpoints
        self._fetch = fetch
        self._by_model = any(endpoint.by_model for endpoint in endpoints)
        self._models: dict[str, ModelInfo] = {}
        self._fetch_times: dict[str, float] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def model_info(self, model: str) -> ModelInfo | None:
        """What is known of a model by now."""
        info = self._models.get(model)
        if self._by_model:
            return info
        # OpenRouter's variants ("…:free") are the model before the colon, unless listed.
        info = info or self._models.get(model.partition(":")[0])
        common = self._models.get(ANY_MODEL)
        return info.combined_with(common) if info and common else info or common

    async def learn(self, model: str) -> None:
        """Ask about a model, unless it is known, or was asked about in vain less than a minute
        ago. Callers at the same time share one request."""
        if not self._endpoints or self.model_info(model) is not None:
            return
        key = model if self._by_model else ANY_MODEL
        task = self._tasks.get(key)
        if task is None:
            if monotonic() - self._fetch_times.get(key, -_RETRY_AFTER) < _RETRY_AFTER:
                return
            task = self._tasks[key] = asyncio.create_task(self._fetch_all(key, model))
        # Not awaited itself: if this caller is cancelled, the others still get their answer.
        await asyncio.wait([task])

    async def aclose(self) -> None:
        """Stop asking."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _fetch_all(self, key: str, model: str) -> None:
        try:
            async with asyncio.timeout(SECONDS):
                for endpoint in self._endpoints:
                    facts = endpoint.read(await self._fetch(endpoint, model))
                    for name, info in facts.items():
                        name = model if endpoint.by_model else name
                        earlier = self._models.get(name)
                        self._models[name] = (
                            info if earlier is None else earlier.combined_with(info)
                        )
        except TimeoutError:
            pass  # what has come until then is used
        finally:
            self._fetch_times[key] = monotonic()
            del self._tasks[key]
