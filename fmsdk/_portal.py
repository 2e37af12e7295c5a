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

from fmsdk.errors import BadRequestError

__all__ = ["drain", "run"]

T = TypeVar("T")


class _Portal:
    loop: asyncio.AbstractEventLoop | None = None
    thread: threading.Thread | None = None
    lock = threading.Lock()


def _loop() -> asyncio.AbstractEventLoop:
    loop = _Portal.loop
    if loop is None:
        with _Portal.lock:
            loop = _Portal.loop
            if loop is None:
                loop = _Portal.loop = asyncio.new_event_loop()
                thread = threading.Thread(target=loop.run_forever, name="fmsdk", daemon=True)
                _Portal.thread = thread
                thread.start()
    return loop


def _forget() -> None:
    # The child of a fork has the loop object and not its thread.
    _Portal.loop = _Portal.thread = None
    _Portal.lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


def _refuse_to_wait_for_itself() -> None:
    if threading.current_thread() is _Portal.thread:
        raise BadRequestError(
            "this thread runs the calls of every synchronous client, so it cannot wait for one; "
            "in a hook, hand the work to another thread"
        )


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on the background loop and wait for its result.

    Raises:
        BadRequestError: from a hook, which runs on that loop's own thread.
    """
    try:
        _refuse_to_wait_for_itself()
    except BadRequestError:
        work.close()
        raise
    future = asyncio.run_coroutine_threadsafe(work, _loop())
    try:
        return future.result()
    except BaseException:
        future.cancel()
        raise


def drain(source: Callable[[], AsyncIterator[T]]) -> Iterator[T]:
    """Iterate, in this thread, over an async iterator driven by one task on the loop. Raises as
    `run` does.

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

    _refuse_to_wait_for_itself()
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
