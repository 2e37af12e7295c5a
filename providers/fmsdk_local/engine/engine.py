"""One inference thread for a loaded model, and the queue before it.

asyncio stays outside: a coroutine submits a task and iterates over what the thread emits for
it; every call of torch happens on the one thread. Requests are served in turn, first come,
first served. The engine knows neither models nor requests: a `Runner` does the work.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
import weakref
from collections import deque
from collections.abc import AsyncIterator, Callable
from time import perf_counter
from typing import Any, Protocol

from fmsdk.errors import ConfigurationError, FmsdkError, RateLimitError
from fmsdk_local.errors import release, translate

__all__ = ["Engine", "Job", "Runner"]


class Runner(Protocol):
    """What an engine's thread runs."""

    def run(self, job: Job) -> None:
        """Serve one request, on the inference thread: `job.emit` each result as it comes, and
        return early where `job.cancelled` turns true."""
        ...


class _End:
    """The last thing a job hands over; `error` is how it failed."""

    __slots__ = ("error",)

    def __init__(self, error: FmsdkError | None = None) -> None:
        self.error = error


class Job:
    """One request in the engine.

    Attributes:
        task: what the runner needs, prepared off the thread.
        cancelled: nobody waits for the rest; to be looked at once a decode step.
        submitted, started, ended: `time.perf_counter()` when it was queued, when its turn came
            and when that was over; None: not yet.
    """

    def __init__(self, task: Any, loop: asyncio.AbstractEventLoop) -> None:
        self.task = task
        self.cancelled = False
        self.submitted = perf_counter()
        self.started: float | None = None
        self.ended: float | None = None
        self._loop = loop
        self._items: deque[object] = deque()
        self._notified = False
        self._waiter: asyncio.Future[None] | None = None

    @property
    def queued(self) -> float:
        """Seconds spent waiting for its turn, so far."""
        return (self.started or self.ended or perf_counter()) - self.submitted

    @property
    def seconds(self) -> float:
        """Seconds that it has had the device, so far."""
        return 0.0 if self.started is None else (self.ended or perf_counter()) - self.started

    def emit(self, item: object) -> None:
        """Hand `item` over to the coroutine that waits; callable from any thread."""
        self._items.append(item)
        # One wake-up serves everything that arrives until it runs, so bursts cost the loop little.
        if not self._notified:
            self._notified = True
            try:
                self._loop.call_soon_threadsafe(self._wake)
            except RuntimeError:  # the loop was closed under the request
                self.cancelled = True

    def _wake(self) -> None:
        self._notified = False
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def next(self) -> object:
        """What was emitted next; waits for it."""
        # An item that comes after the look at the queue has its wake-up still ahead, on this very
        # loop; and a wake-up may find that its items were taken already.
        while not self._items:
            self._waiter = self._loop.create_future()
            await self._waiter
        return self._items.popleft()


class Engine:
    """Serves jobs one after the other on a thread of its own, made on first use.

    Usable from many threads and event loops at once. An exiting interpreter stops it within a
    decode step. After a fork the child makes a fresh thread.

    Args:
        runner: does the work.
        name: the model's name, for messages and the thread.
        max_queue: how many requests may wait; more are refused.
    """

    def __init__(self, runner: Runner, *, name: str, max_queue: int = 1000) -> None:
        self.runner = runner
        self.name = name
        self.max_queue = max_queue
        self.closed = False
        self._reset()
        _engines.add(self)

    def _reset(self) -> None:
        self._pid = os.getpid()
        self._changed = threading.Condition()
        self._waiting: deque[Job] = deque()
        self._running: Job | None = None
        self._thread: threading.Thread | None = None

    async def submit(
        self, task: object, on_job: Callable[[Job], None] | None = None
    ) -> AsyncIterator[object]:
        """Run `task` in its turn; yields what the runner emits. Closing the iterator, or
        cancelling the task that iterates, cancels the job within one decode step. `on_job` is
        called with the job, whose times can be read at any moment.

        Raises:
            RateLimitError: the queue is full.
            ConfigurationError: the model was unloaded.
            FmsdkError: whatever the runner ran into.
        """
        job = Job(task, asyncio.get_running_loop())
        if on_job is not None:
            on_job(job)
        self._enqueue(job)
        try:
            while not isinstance(item := await job.next(), _End):
                yield item
            if item.error is not None:
                raise item.error
        finally:
            self._cancel(job)

    def close(self, timeout: float = 10.0) -> None:
        """Stop the thread after the current decode step, which gets `timeout` seconds; requests
        that wait fail."""
        if self._pid != os.getpid():
            return  # the thread is the parent's
        with self._changed:
            self.closed = True
            waiting, running, thread = list(self._waiting), self._running, self._thread
            self._waiting.clear()
            self._changed.notify_all()
        if running is not None:
            running.cancelled = True
        for job in waiting:
            job.emit(_End(self._gone()))
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout)

    def _enqueue(self, job: Job) -> None:
        if self._pid != os.getpid():
            self._reset()
        with self._changed:
            if self.closed:
                raise self._gone()
            if len(self._waiting) >= self.max_queue:
                raise RateLimitError(
                    f"{self.name} has {len(self._waiting)} requests waiting already, its limit; "
                    "wait for some of them, or raise the option max_queue"
                )
            self._waiting.append(job)
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._serve, name=f"fmsdk {self.name}", daemon=True
                )
                self._thread.start()
            self._changed.notify()

    def _cancel(self, job: Job) -> None:
        job.cancelled = True
        with self._changed:
            if job in self._waiting:
                self._waiting.remove(job)
                job.ended = perf_counter()

    def _gone(self) -> FmsdkError:
        return ConfigurationError(f"{self.name} was unloaded while this request waited for it")

    def _serve(self) -> None:
        while (job := self._next()) is not None:
            job.started = perf_counter()
            failure = self._run(job)
            job.ended = perf_counter()
            job.emit(_End(failure))

    def _next(self) -> Job | None:
        with self._changed:
            self._running = None
            while not self._waiting and not self.closed:
                self._changed.wait()
            if self.closed:
                return None
            self._running = self._waiting.popleft()
            return self._running

    def _run(self, job: Job) -> FmsdkError | None:
        try:
            self.runner.run(job)
        except Exception as error:
            failure = translate(error, self.name)
            release(error)
            return failure
        return None


_engines: weakref.WeakSet[Engine] = weakref.WeakSet()


@atexit.register
def _close_engines() -> None:
    # A thread that computes while the interpreter is taken down aborts the process.
    for engine in tuple(_engines):
        engine.close()
