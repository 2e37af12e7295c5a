"""Threads for work that would hold up the event loop: files, names of hosts, imports, a caller's
own functions.

asyncio's default executor is not used: `asyncio.run` and the end of the interpreter wait for its
threads, and a few that are stuck (a dead disk, a dead name server) starve all others. These here
are daemons, which hold up no exit, and get company where they are stuck.

A daemon that wants the GIL while the interpreter ends is unwound, which aborts the process where a
frame of C++ is on its stack (torch frees tensors without the GIL). So our threads pause before
that: `pause_forever`, and `hold_exit` for work in C++ that cannot be cut short.
"""

from __future__ import annotations

import asyncio
import atexit
import contextvars
import os
import queue
import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from time import monotonic
from typing import Any, ParamSpec, TypeVar

__all__ = ["hold_exit", "pause_forever", "resolve_host", "run_in_thread"]

P = ParamSpec("P")
T = TypeVar("T")

_WORKERS = min(32, (os.cpu_count() or 1) + 4)
"""As many as asyncio's own executor has. Each may hold a picture in memory."""
_STUCK_SECONDS = 0.25
"""How long work waits for a thread before there are more."""
_EXIT_SECONDS = 10.0
"""How long the end of the interpreter waits for work of `hold_exit`."""


class _Workers:
    """Daemon threads that take work from one queue."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._work = queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]]]()
        self._threads = self._idle = 0
        self._last_start = 0.0

    def submit(self, function: Callable[[], T]) -> Future[T]:
        """Have a thread call the function."""
        future = Future[T]()
        with self._lock:
            self._work.put((future, function))
            if self._idle:
                self._idle -= 1
            elif self._threads < _WORKERS:
                self._add_thread()
        return future

    def relieve(self) -> None:
        """Double the threads where work waits and none has begun for a while: a hundred stuck
        files then delay the next work by a second, not by one step each."""
        with self._lock:
            is_stuck = monotonic() - self._last_start > _STUCK_SECONDS
            if is_stuck and not self._idle:
                for _ in range(min(self._threads, self._work.qsize())):
                    self._add_thread()

    def _add_thread(self) -> None:
        threading.Thread(target=self._run, name="fmsdk-worker", daemon=True).start()
        self._threads += 1
        self._last_start = monotonic()

    def _run(self) -> None:
        while True:
            with self._lock:
                is_idle = self._work.empty()
                self._idle += is_idle
                item = None if is_idle else self._work.get_nowait()
            future, function = item or self._work.get()
            self._last_start = monotonic()
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(function())
                except BaseException as error:
                    future.set_exception(error)
            del item, future, function  # what they hold does not wait for the next work


class _Process:
    """The workers of this process: a fork has none of its parent's threads."""

    workers = _Workers()


class _Exit:
    """The calls that the end of the interpreter waits for."""

    calls = 0
    is_near = False
    condition = threading.Condition()


def _reset_after_fork() -> None:
    _Process.workers = _Workers()
    _Exit.calls, _Exit.condition = 0, threading.Condition()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reset_after_fork)


def hold_exit(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Call the function, such as one that loads a model: the end of the interpreter waits for it,
    for 10 seconds at most."""
    with _Exit.condition:
        _Exit.calls += 1
    try:
        return function(*args, **kwargs)
    finally:
        with _Exit.condition:
            _Exit.calls -= 1
            _Exit.condition.notify_all()
            is_near = _Exit.is_near
        if is_near:
            pause_forever()


@atexit.register
def _await_calls() -> None:
    with _Exit.condition:
        _Exit.is_near = True
        _Exit.condition.wait_for(lambda: not _Exit.calls, _EXIT_SECONDS)


def pause_forever() -> None:
    """Stop this daemon thread without ending it, since the interpreter ends."""
    lock = threading.Lock()
    with lock:
        lock.acquire()


async def run_in_thread(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """As `asyncio.to_thread`, but neither `asyncio.run` nor the end of the interpreter waits for
    the thread, and a thread that is stuck starves no other work."""
    workers, context = _Process.workers, contextvars.copy_context()
    future = asyncio.wrap_future(
        workers.submit(partial(context.run, partial(function, *args, **kwargs)))
    )
    try:
        while not (await asyncio.wait((future,), timeout=_STUCK_SECONDS))[0]:
            workers.relieve()
    except asyncio.CancelledError:
        future.cancel()  # work that has not begun is dropped
        raise
    return future.result()


async def resolve_host(
    host: str, port: int = 0, *, family: int = 0, flags: int = 0
) -> list[tuple[Any, ...]]:
    """The addresses of a host, as `socket.getaddrinfo` returns them."""
    return await run_in_thread(
        socket.getaddrinfo, host, port, family=family, type=socket.SOCK_STREAM, flags=flags
    )
