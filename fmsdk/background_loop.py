"""The background event loop behind the synchronous facade: one thread for the whole process.

Safe from many threads; after a fork the child starts its own. Interrupting a waiting caller
(Ctrl-C) cancels what it waits for.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import os
import queue
import sys
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Generator
from typing import Any, Generic, TypeVar

from fmsdk.errors import BadRequestError

__all__ = ["SyncIterator", "run"]

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
                thread = threading.Thread(target=_serve, args=(loop,), name="fmsdk", daemon=True)
                _Portal.thread = thread
                thread.start()
    return loop


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    while True:
        try:
            loop.run_forever()
            return
        except BaseException:  # noqa: S112 - a task's SystemExit is for whoever waits for the task
            continue


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


class SyncIterator(Generic[T]):
    """An async iterator driven by one task on the loop, to be iterated over, once, in another
    thread. Iterating raises as `run` does."""

    def __init__(self, source: Callable[[], AsyncIterator[T]]) -> None:
        self._source = source
        self._arrived: queue.SimpleQueue[tuple[bool, Any]] = queue.SimpleQueue()
        self._task: concurrent.futures.Future[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._over = threading.Event()
        self._closed = False

    def __iter__(self) -> Generator[T, None, None]:
        """Begin, and end with the last item, or quietly where another thread closes it."""
        _refuse_to_wait_for_itself()
        if self._closed:
            return
        arrived = self._arrived
        self._loop = _loop()
        work = _pump(self._source, arrived.put, self._over)
        self._task = asyncio.run_coroutine_threadsafe(work, self._loop)
        get = arrived.get
        try:
            if self._closed:  # by another thread, since it was looked at
                return
            while True:
                more, item = get()
                if more:
                    yield item
                    continue
                if item is not None and not self._closed:
                    raise item
                return
        finally:
            self.close()

    def close(self) -> None:
        """Stop, from any thread: the iterator's own end is reached when this returns."""
        self._closed = True
        # An iterator nobody holds is closed wherever that is found out: at the interpreter's end
        # and after a fork the loop's thread is not there, and that thread cannot wait for itself.
        if self._task is None or self._over.is_set() or sys.is_finalizing():
            return
        if self._loop is not _Portal.loop:
            return
        self._task.cancel()
        if threading.current_thread() is not _Portal.thread:
            self._over.wait()


async def _pump(
    source: Callable[[], AsyncIterator[Any]],
    put: Callable[[tuple[bool, Any]], None],
    over: threading.Event,
) -> None:
    # Knows no `Drain`: a task that held one would keep it from being found to be dropped.
    ended: BaseException | None = None
    try:
        async for item in source():
            put((True, item))
    except BaseException as error:
        ended = error
        raise
    finally:
        over.set()
        put((False, ended))
