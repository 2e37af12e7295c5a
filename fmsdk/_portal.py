"""The background event loop behind the synchronous facade: one thread for the whole process.

Safe from many threads; after a fork the child starts its own. Interrupting a waiting caller
(Ctrl-C) cancels what it waits for.
"""

from __future__ import annotations

import asyncio
import os
import queue
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Any, TypeVar

__all__ = ["drain", "run"]

T = TypeVar("T")


class _Portal:
    loop: asyncio.AbstractEventLoop | None = None
    lock = threading.Lock()


def _loop() -> asyncio.AbstractEventLoop:
    loop = _Portal.loop
    if loop is None:
        with _Portal.lock:
            loop = _Portal.loop
            if loop is None:
                loop = _Portal.loop = asyncio.new_event_loop()
                threading.Thread(target=loop.run_forever, name="fmsdk", daemon=True).start()
    return loop


def _forget() -> None:
    # The child of a fork has the loop object and not its thread.
    _Portal.loop = None
    _Portal.lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on the background loop and wait for its result."""
    future = asyncio.run_coroutine_threadsafe(work, _loop())
    try:
        return future.result()
    except BaseException:
        future.cancel()
        raise


def drain(source: Callable[[], AsyncIterator[T]]) -> Iterator[T]:
    """Iterate, in this thread, over an async iterator driven by one task on the loop.

    Closing the iterator cancels the task and waits for its end, so that the connection is
    closed when `close` returns.
    """
    arrived: queue.SimpleQueue[tuple[bool, Any]] = queue.SimpleQueue()
    put = arrived.put

    async def pump() -> None:
        try:
            async for item in source():
                put((True, item))
        except BaseException as error:
            put((False, error))
            raise
        put((False, None))

    task = asyncio.run_coroutine_threadsafe(pump(), _loop())
    ended = False
    try:
        while True:
            more, item = arrived.get()
            if more:
                yield item
                continue
            ended = True
            if item is not None:
                raise item
            return
    finally:
        if not ended:
            task.cancel()
            while arrived.get()[0]:
                pass
