"""The background event loop behind the synchronous facade: one thread for the whole process.

It is safe to use from many threads. After a fork, the child starts its own. If a waiting caller is
interrupted (Ctrl-C), the coroutine that it waits for is cancelled.
"""

from __future__ import annotations

import asyncio
import atexit
import concurrent.futures
import os
import queue
import sys
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Generator
from typing import Any, Generic, TypeVar

from fmsdk.errors import BadRequestError
from fmsdk.threads import pause_forever

__all__ = ["SyncIterator", "run"]

T = TypeVar("T")

_WAIT_SECONDS = 0.5
"""How long a thread waits at a time: Ctrl-C does not always interrupt a lock (on Windows never, on
Linux not where the signal comes just before)."""
_PAUSE_SECONDS = 2.0
"""How long the end of the interpreter waits for the loop, which a hook may hold."""


class _Background:
    """The loop and its thread, one for the process."""

    loop: asyncio.AbstractEventLoop | None = None
    thread: threading.Thread | None = None
    lock = threading.Lock()


def _running_loop() -> asyncio.AbstractEventLoop:
    loop = _Background.loop
    if loop is None:
        with _Background.lock:
            loop = _Background.loop
            if loop is None:
                loop = _Background.loop = asyncio.new_event_loop()
                thread = threading.Thread(
                    target=_run_forever, args=(loop,), name="fmsdk", daemon=True
                )
                _Background.thread = thread
                thread.start()
    return loop


def _run_forever(loop: asyncio.AbstractEventLoop) -> None:
    while True:
        try:
            loop.run_forever()
            return
        except BaseException:  # noqa: S112 - the task's caller gets its SystemExit
            continue


@atexit.register
def _pause_loop() -> None:
    """Pause the thread before the interpreter ends. A call at a later moment of the exit gets a
    new loop."""
    loop, is_paused = _Background.loop, threading.Event()
    if loop is not None:
        _reset()
        loop.call_soon_threadsafe(is_paused.set)
        loop.call_soon_threadsafe(pause_forever)
        is_paused.wait(_PAUSE_SECONDS)


def _reset() -> None:
    # Also in the child of a fork, which has the loop object without its thread.
    _Background.loop = _Background.thread = None
    _Background.lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reset)


def _refuse_own_thread() -> None:
    if threading.current_thread() is _Background.thread:
        raise BadRequestError(
            "this thread runs the calls of every synchronous client, so it cannot wait for one. "
            "In a hook, hand the work to another thread"
        )


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on the background loop and wait for its result.

    Raises:
        BadRequestError: called from a hook, which runs on that loop's own thread.
    """
    try:
        _refuse_own_thread()
    except BadRequestError:
        coroutine.close()
        raise
    future = asyncio.run_coroutine_threadsafe(coroutine, _running_loop())
    try:
        while True:
            try:
                return future.result(_WAIT_SECONDS)
            except TimeoutError:
                if future.done():  # the coroutine's own
                    return future.result()
    except BaseException:
        future.cancel()
        raise


class SyncIterator(Generic[T]):
    """Iterates over an async iterator from another thread: one task on the background loop reads
    it. It can be iterated over once, and raises as `run` does."""

    def __init__(self, source: Callable[[], AsyncIterator[T]]) -> None:
        self._source = source
        self._items: queue.SimpleQueue[tuple[bool, Any]] = queue.SimpleQueue()
        self._task: concurrent.futures.Future[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._end_event = threading.Event()
        self._closed = False

    def __iter__(self) -> Generator[T, None, None]:
        """Yield the items, until the last one or until another thread closes the iterator."""
        _refuse_own_thread()
        if self._closed:
            return
        items = self._items
        self._loop = _running_loop()
        reading = _read_to_end(self._source, items.put, self._end_event)
        self._task = asyncio.run_coroutine_threadsafe(reading, self._loop)
        get = items.get
        try:
            if self._closed:  # by another thread, since the first check
                return
            while True:
                try:
                    is_item, item = get(True, _WAIT_SECONDS)
                except queue.Empty:
                    continue
                if is_item:
                    yield item
                    continue
                if item is not None and not self._closed:
                    raise item
                return
        finally:
            self.close()

    def close(self) -> None:
        """Stop, from any thread. When this returns, the async iterator has ended."""
        self._closed = True
        # The garbage collector may call this in any thread. The loop's thread does not run at the
        # interpreter's end and after a fork, and it cannot wait for itself.
        if self._task is None or self._end_event.is_set() or sys.is_finalizing():
            return
        if self._loop is not _Background.loop:
            return
        self._task.cancel()
        if threading.current_thread() is not _Background.thread:
            self._end_event.wait()


async def _read_to_end(
    source: Callable[[], AsyncIterator[Any]],
    put: Callable[[tuple[bool, Any]], None],
    end_event: threading.Event,
) -> None:
    # Has no reference to the `SyncIterator`, which could then never be collected as garbage.
    failure: BaseException | None = None
    try:
        async for item in source():
            put((True, item))
    except BaseException as error:
        failure = error
        raise
    finally:
        end_event.set()
        put((False, failure))
