"""How many bytes of fetched media the calls of a client hold at once. A call that needs more waits
until others end."""

from __future__ import annotations

import asyncio
import threading
from collections import deque

__all__ = ["MediaMemory", "Reservation"]


class MediaMemory:
    """The memory of one client, whose calls may run on several event loops. Calls that wait get
    it in the order in which they came."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._bytes_in_use = 0
        self._waiting = deque[tuple[int, int, asyncio.Future[None]]]()

    async def reserve_bytes(self, size: int, most: int) -> None:
        """Wait until so many bytes are free of `most`; one call alone gets any number."""
        future = asyncio.get_running_loop().create_future()
        with self._lock:
            self._waiting.append((size, most, future))
        self.give_back(0)
        try:
            await future
        except asyncio.CancelledError:
            with self._lock:
                self._waiting = deque(entry for entry in self._waiting if entry[2] is not future)
                size = size if future.done() and not future.cancelled() else 0
            self.give_back(size)
            raise

    def give_back(self, size: int) -> None:
        """These bytes are free again."""
        with self._lock:
            self._bytes_in_use -= size
            while self._waiting:
                next_size, most, future = self._waiting[0]
                if self._bytes_in_use and self._bytes_in_use + next_size > most:
                    return
                self._waiting.popleft()
                self._bytes_in_use += next_size
                future.get_loop().call_soon_threadsafe(_wake, future, self, next_size)


def _wake(future: asyncio.Future[None], memory: MediaMemory, size: int) -> None:
    if future.done():  # the call was cancelled
        memory.give_back(size)
    else:
        future.set_result(None)


class Reservation:
    """What one call holds of its client's memory."""

    def __init__(self, memory: MediaMemory) -> None:
        self._memory = memory
        self._size = 0

    async def reserve_bytes(self, size: int, most: int) -> None:
        """As `MediaMemory.reserve_bytes`, once."""
        await self._memory.reserve_bytes(size, most)
        self._size = size

    def shrink(self, size: int) -> None:
        """Keep `size` bytes of it."""
        if size < self._size:
            surplus, self._size = self._size - size, size
            self._memory.give_back(surplus)
