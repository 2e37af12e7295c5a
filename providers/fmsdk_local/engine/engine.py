"""One inference thread for a loaded model, and the queue before it.

A coroutine submits a task and iterates over the items that the thread emits for it. Every call
of torch happens on the one thread; asyncio stays outside. Requests are served first come, first
served. The engine knows neither models nor requests: a `Runner` does the work.
"""

from __future__ import annotations

import asyncio
import atexit
import logging
import os
import sys
import threading
import weakref
from collections import deque
from collections.abc import AsyncIterator, Callable
from time import perf_counter
from typing import Any, Protocol

from fmsdk.errors import ConfigurationError, FmsdkError, RateLimitError
from fmsdk_local.engine.job import Job
from fmsdk_local.errors import (
    broken_device_error,
    first_line,
    is_device_broken,
    map_request_error,
    release_tensors,
    typed_panics,
)

__all__ = ["Engine", "Runner", "close_device", "require_device", "select_device"]

_log = logging.getLogger("fmsdk_local")


class Runner(Protocol):
    """The work of an engine's thread."""

    def run(self, job: Job) -> None:
        """Run one job, on the inference thread: `job.emit` each item as it comes, and return
        early once `job.is_cancelled` is true."""
        ...


class _JobEnd:
    """The last item of a job. `error` is None where it succeeded."""

    __slots__ = ("error",)

    def __init__(self, error: FmsdkError | None = None) -> None:
        self.error = error


class Engine:
    """Runs jobs one after the other, on a thread of its own that starts with the first job.

    Many threads and event loops may use it at once. When the interpreter exits, the thread stops
    within a decode step. After a fork the child starts a new thread.

    Args:
        runner: does the work.
        name: the model's name, for messages and the thread.
        device: what the runner computes on, such as "cuda:1".
        max_queue: how many requests may wait; more are refused.
    """

    def __init__(
        self, runner: Runner, *, name: str, device: str = "cpu", max_queue: int = 1000
    ) -> None:
        self.runner: Runner | None = runner
        self.name = name
        self.device = device
        self.max_queue = max_queue
        self.closed = False
        self._device_error: BaseException | None = None
        self._reset()
        _engines.add(self)

    def _reset(self) -> None:
        self._pid = os.getpid()
        self._queue_changed = threading.Condition()
        self._queue: deque[Job] = deque()
        self._running: Job | None = None
        self._thread: threading.Thread | None = None

    async def submit(
        self, task: object, on_job: Callable[[Job], None] | None = None
    ) -> AsyncIterator[object]:
        """Queue `task`; yields the items that the runner emits for it.

        Closing the iterator, or cancelling the asyncio task that iterates, cancels the job within
        one decode step. `on_job` is called with the job, whose times can be read at any moment.

        Raises:
            RateLimitError: the queue is full.
            ConfigurationError: the model was unloaded.
            ServerError: its GPU is broken.
            FmsdkError: the runner failed.
        """
        job = Job(task, asyncio.get_running_loop())
        if on_job is not None:
            on_job(job)
        if self._pid != os.getpid():
            self._reset()
        with self._queue_changed:
            if self.closed:
                raise self._closed_error()
            if len(self._queue) >= self.max_queue:
                raise RateLimitError(
                    f"the queue of {self.name} is full: {len(self._queue)} requests wait in it. "
                    "Wait for some of them, or raise the option max_queue"
                )
            self._queue.append(job)
            if self._thread is None:
                name = f"fmsdk {self.name}"
                self._thread = threading.Thread(target=self._run_jobs, name=name, daemon=True)
                self._thread.start()
            self._queue_changed.notify()
        try:
            while not isinstance(item := await job.next_item(), _JobEnd):
                yield item
            if item.error is not None:
                raise item.error
        finally:
            job.is_cancelled = True
            with self._queue_changed:
                if job in self._queue:
                    self._queue.remove(job)
                    job.ended_at = perf_counter()

    def close(self, timeout: float = 10.0) -> None:
        """Stop the thread after the current decode step, and wait for it for `timeout` seconds.
        Requests in the queue fail."""
        if self._pid != os.getpid():
            return  # the thread is the parent process's
        thread = self._thread
        self._close_queue()
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout)
        # Whoever keeps the engine, such as a stream that has ended, does not keep the weights.
        self.runner = None

    def fail(self, error: BaseException) -> None:
        """Close the engine since its GPU is broken: all requests get an error that says so. Does
        not wait for the thread, and may be called from it."""
        self._device_error = error
        self._close_queue()

    def _close_queue(self) -> None:
        with self._queue_changed:
            self.closed = True
            queue, running = list(self._queue), self._running
            self._queue.clear()
            self._queue_changed.notify_all()
        if running is not None:
            running.is_cancelled = True
        for job in queue:
            job.emit(_JobEnd(self._closed_error()))

    def _closed_error(self) -> FmsdkError:
        if self._device_error is not None:
            return broken_device_error(self._device_error, self.name)
        return ConfigurationError(f"{self.name} was unloaded while this request waited for it")

    def _run_jobs(self) -> None:
        while (job := self._next_job()) is not None:
            job.started_at = perf_counter()
            error = self._run_job(job)
            job.ended_at = perf_counter()
            job.task = None  # whoever keeps the job does not keep its tensors
            job.emit(_JobEnd(error))

    def _next_job(self) -> Job | None:
        with self._queue_changed:
            self._running = None
            while not self._queue and not self.closed:
                self._queue_changed.wait()
            if self.closed:
                return None
            self._running = self._queue.popleft()
            return self._running

    def _run_job(self, job: Job) -> FmsdkError | None:
        # A function of its own: its frame, and with it the caught exception, must be gone before
        # the next job starts, or the tensors of a failed job stay in memory.
        try:
            select_device(self.device)
            if self.runner is not None:  # None: closed since the job was taken
                with typed_panics(self.name):
                    self.runner.run(job)
        except Exception as error:
            if is_device_broken(error):
                close_device(self.device, error)
            fmsdk_error = map_request_error(error, self.name)
            release_tensors(error)
            return fmsdk_error
        # Another engine's job has broken the GPU meanwhile, and this one was cut short.
        return None if self._device_error is None else self._closed_error()


_engines: weakref.WeakSet[Engine] = weakref.WeakSet()
_broken_devices: dict[str, str] = {}


def close_device(device: str, error: BaseException) -> None:
    """Close every engine on `device`, a GPU that `error` has broken for this process."""
    # Without the stack of the error, which holds the tensors of the job that failed.
    reason = RuntimeError(first_line(error))
    if device.startswith("cuda"):
        _broken_devices[device] = str(reason)
    for engine in tuple(_engines):
        if engine.device == device and not engine.closed:
            engine.fail(reason)
    _log.error("%s is broken for this process, restart it: %s", device, reason)


def require_device(device: str, name: str) -> None:
    """Require that no error has broken `device` for this process, before `name` is loaded on it.

    Raises:
        ServerError: one has.
    """
    if device in _broken_devices:
        raise broken_device_error(RuntimeError(_broken_devices[device]), name)


def select_device(device: str) -> None:
    """Make `device`, if it is a GPU, the current one of this thread: kernels that libraries bring
    themselves run on the current one, wherever their tensors are."""
    torch: Any = sys.modules.get("torch")
    if device.startswith("cuda") and torch is not None:
        torch.cuda.set_device(device)


@atexit.register
def _close_engines() -> None:
    # A thread that computes while the interpreter shuts down aborts the process.
    for engine in tuple(_engines):
        engine.close()
