"""Asks a server what it says of its models: seldom, shortly, and never in a request's way."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic

from fmsdk_openai.model_info import ANY, ModelInfo, ModelsEndpoint

__all__ = ["SECONDS", "ModelDiscovery"]

SECONDS = 2.0
_AGAIN_AFTER = 60.0
"""Seconds until a server that told nothing is asked again."""


class ModelDiscovery:
    """What one server told so far. Made and used on one event loop.

    Args:
        listings: where it tells; what an earlier one says goes before a later one.
        ask: fetches a listing, for one model; b"" where there is no answer.
    """

    def __init__(
        self,
        listings: tuple[ModelsEndpoint, ...],
        ask: Callable[[ModelsEndpoint, str], Awaitable[bytes]],
    ) -> None:
        self._listings = listings
        self._ask = ask
        self._by_model = any(listing.by_model for listing in listings)
        self._told: dict[str, ModelInfo] = {}
        self._asked: dict[str, float] = {}
        self._asking: dict[str, asyncio.Task[None]] = {}

    def told(self, model: str) -> ModelInfo | None:
        """What is known of a model by now."""
        told = self._told.get(model)
        if self._by_model:
            return told
        # OpenRouter's variants ("…:free") are the model before the colon, unless listed.
        told = told or self._told.get(model.partition(":")[0])
        common = self._told.get(ANY)
        return told.merged(common) if told and common else told or common

    async def learn(self, model: str) -> None:
        """Ask about a model, unless that is known, or was asked in vain a minute ago. Callers at
        the same time share one request."""
        if not self._listings or self.told(model) is not None:
            return
        key = model if self._by_model else ANY
        task = self._asking.get(key)
        if task is None:
            if monotonic() - self._asked.get(key, -_AGAIN_AFTER) < _AGAIN_AFTER:
                return
            task = self._asking[key] = asyncio.create_task(self._fetch(key, model))
        # Not awaited itself: the others that wait for it are not to lose it with this caller.
        await asyncio.wait([task])

    async def aclose(self) -> None:
        """Stop asking."""
        tasks = list(self._asking.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _fetch(self, key: str, model: str) -> None:
        try:
            async with asyncio.timeout(SECONDS):
                for listing in self._listings:
                    self._add(listing.read(await self._ask(listing, model)), listing, model)
        except TimeoutError:
            pass  # What was told until then stays.
        finally:
            self._asked[key] = monotonic()
            del self._asking[key]

    def _add(self, found: dict[str, ModelInfo], listing: ModelsEndpoint, model: str) -> None:
        for name, told in found.items():
            name = model if listing.by_model else name
            known = self._told.get(name)
            self._told[name] = told if known is None else known.merged(told)
