"""The ledger in a SQLite file. See docs/decisions/0015-ledger.md.

One daemon thread for each `SqliteLedger` owns the connection, takes work from a queue in its order,
and writes what waits in one transaction. An event loop never waits for SQLite: `reserve` awaits an
answer, everything else returns at once. The thread starts with the first work, and ends after a
minute without any.
"""

from __future__ import annotations

import asyncio
import atexit
import logging
import os
import sqlite3
import sys
import threading
import weakref
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import suppress
from decimal import ROUND_CEILING, Decimal
from time import monotonic
from typing import Any, ClassVar

import msgspec

from fmsdk.budget import Budget, Reservation, Shortfall
from fmsdk.errors import BadRequestError, LedgerError
from fmsdk.files import expand_home
from fmsdk.ledger.history import find_past_answers
from fmsdk.ledger.leases import LEASE_SECONDS, Leases
from fmsdk.ledger.records import AttemptRecord, CallRecord
from fmsdk.ledger.schema import to_units
from fmsdk.ledger.store import Flush, GiveBack, Hold, Reserve, Settle, Store, Work
from fmsdk.ledger.work_queue import WorkQueue
from fmsdk.observe.log import logger
from fmsdk.quoting.history import PastAnswers
from fmsdk.quoting.quote import Quote

__all__ = ["SqliteLedger"]

_MOST_WAITING = 10_000
"""Rows that wait in memory while the file cannot be written; later ones are lost."""
_IDLE_SECONDS = 60.0
_RETRY_SECONDS = 1.0
_EXIT_SECONDS = 10.0
"""How long the end of the interpreter waits for the last rows."""
_NOTHING = Decimal(0)


class SqliteLedger:
    """A ledger in a SQLite file, which several processes can share.

    Args:
        path: the file, which is created with the first call. Its folder must exist.
        content: store requests and answers too, as fmsdk's JSON; media are named, not stored.
        timeout: seconds to wait while another process writes.

    Raises:
        BadRequestError: a path that no file can have.
    """

    def __init__(
        self, path: str | os.PathLike[str], *, content: bool = False, timeout: float = 5.0
    ) -> None:
        name: Any = os.fspath(path) if isinstance(path, os.PathLike) else path
        if not isinstance(name, str) or not name or "\0" in name:
            raise BadRequestError(f"a ledger is a file's path, such as 'fmsdk.db', not {path!r}")
        self.path = os.path.abspath(expand_home(name))
        self._content = content
        self._timeout = timeout
        self._leases = Leases()
        self._store = Store(self.path, timeout, self._leases)
        self.write_lock = threading.Lock()
        self._create_queue()
        self._known_failures: set[str] = set()
        self._lost_rows = Counter[str]()
        with _Ledgers.lock:
            _Ledgers.all.add(self)

    def __repr__(self) -> str:
        return f"SqliteLedger({self.path!r})"

    @property
    def stores_content(self) -> bool:
        """Whether requests and answers are stored."""
        return self._content

    def record_attempt(self, record: AttemptRecord) -> None:
        """As `Ledger.record_attempt`."""
        self._add_row(record)

    def record_call(self, record: CallRecord) -> None:
        """As `Ledger.record_call`."""
        self._add_row(record)

    async def reserve(
        self, reservation: Reservation, budgets: Sequence[Budget]
    ) -> Shortfall | None:
        """As `fmsdk.budget.Spending.reserve`. On a lease or without budgets, nothing waits for the
        file."""
        lease = None
        if budgets:
            units = to_units(reservation.amount, ROUND_CEILING)
            lease = self._leases.draw(reservation, budgets, units)
        if lease is not None or not budgets:
            self._add_row(Reserve(reservation, budgets, None, lease))
            return None
        future: asyncio.Future[Shortfall | None] = asyncio.get_running_loop().create_future()
        try:
            self._enqueue(Reserve(reservation, budgets, future), urgent=True)
            return await future
        except asyncio.CancelledError:
            self.settle(reservation, _NOTHING)  # whether it is written by now or not
            raise

    def settle(self, reservation: Reservation, amount: Decimal) -> None:
        """As `fmsdk.budget.Spending.settle`."""
        self._add_row(Settle(reservation, amount))

    def hold(self, reservation: Reservation, reason: str) -> None:
        """As `fmsdk.budget.Spending.hold`."""
        self._add_row(Hold(reservation, reason))

    def past_answers(self, quote: Quote) -> PastAnswers | None:
        """As `fmsdk.quoting.history.History.past_answers`. Reads the file in this thread."""
        with suppress(sqlite3.Error, msgspec.MsgspecError):
            return find_past_answers(self.path, quote)
        return None

    async def flush(self) -> None:
        """As `Ledger.flush`. What cannot be written now stays in memory for a later try."""
        if self._thread is not None:
            await asyncio.wrap_future(self._add_flush(is_last=False))

    async def aclose(self) -> None:
        """As `Ledger.aclose`. What cannot be written now is lost, and the log says how much."""
        if self._thread is not None:
            await asyncio.wrap_future(self._add_flush(is_last=True))

    def close(self, timeout: float | None = None) -> None:
        """As `aclose`, for a thread that may wait, for `timeout` seconds at most."""
        if self._thread is not None:
            with suppress(TimeoutError):
                self._add_flush(is_last=True).result(timeout)

    def _create_queue(self) -> None:
        self._queue = WorkQueue[Work]()
        self._thread: threading.Thread | None = None
        self._start_lock = threading.Lock()

    def _add_flush(self, *, is_last: bool) -> Future[None]:
        future = Future[None]()
        try:
            self._enqueue(Flush(future, is_last), urgent=True)
        except LedgerError:
            future.set_result(None)
        return future

    def _add_row(self, work: Work) -> None:
        """Have something written that nobody waits for. What is lost frees no money: what stands
        for a reservation, or the lease that it was drawn on, stays."""
        if len(self._queue) >= _MOST_WAITING:
            self._lost_rows[_name_row(work)] += 1
            return
        try:
            self._enqueue(work)
        except LedgerError:
            self._lost_rows[_name_row(work)] += 1

    def _enqueue(self, work: Work, *, urgent: bool = False) -> None:
        self._queue.add(work, urgent=urgent)
        if self._thread is None:  # looked at after the queue got the item: see `_end_thread`
            with self._start_lock:
                if self._thread is None:
                    thread = threading.Thread(target=self._run, name="fmsdk-ledger", daemon=True)
                    try:
                        thread.start()
                    except RuntimeError as error:  # the interpreter ends
                        self._warn("exit", f"its thread cannot be started: {error}")
                        raise LedgerError(f"the ledger {self.path} cannot be written") from error
                    self._thread = thread

    def _run(self) -> None:
        pause: float | None = None
        while True:
            idle_timeout = LEASE_SECONDS if len(self._leases) else _IDLE_SECONDS
            batch = self._queue.take_all(idle_timeout, pause)
            if batch is None and not len(self._leases):
                if self._end_thread():
                    return
                continue
            batch = batch or []
            flushes = [work for work in batch if isinstance(work, Flush)]
            is_last = any(work.is_last for work in flushes)
            since = None if flushes else monotonic() - LEASE_SECONDS
            old_leases, self._store.ended_leases = self._store.ended_leases, []
            old_leases += self._leases.take_back(unused_since=since)
            # First, so that a reservation of this batch can have the money.
            batch[:0] = [GiveBack(lease, units) for lease, units in old_leases if units]
            with self.write_lock:
                failure = self._write(batch, is_last=is_last)
            pause = _RETRY_SECONDS if failure and not is_last else None
            has_ended = is_last and self._end_thread()
            self._answer(batch, failure)
            del batch
            if has_ended:
                return

    def _write(self, batch: list[Work], *, is_last: bool) -> str:
        """Write a batch. Returns why that failed; then its rows wait for the next try, unless this
        was the last."""
        failure = ""
        try:
            for work, refusal in self._store.write(batch):
                self._lost_rows[_name_row(work)] += 1
                self._warn(type(refusal).__name__, f"it cannot hold a record: {refusal}")
        except Exception as error:  # this thread has to go on, whatever it is
            kind = getattr(error, "sqlite_errorname", type(error).__name__)
            folder = os.path.dirname(self.path)
            if kind == "SQLITE_CANTOPEN" and not os.path.isdir(folder):
                failure = f"there is no folder {folder}"
            elif kind.startswith("SQLITE_BUSY"):
                failure = f"another process has locked it for {self._timeout:g} s"
            elif isinstance(error, LedgerError):
                failure = error.message
            else:
                failure = f"it cannot be written: {error}"
            self._warn(kind, failure)
            # The caller of a reservation gets the error, and sends nothing.
            rows = [
                work
                for work in batch
                if not isinstance(work, Flush)
                and not (isinstance(work, Reserve) and work.future is not None)
            ]
            if is_last:
                self._lost_rows.update(map(_name_row, rows))
            else:
                self._queue.put_back(rows)
        if is_last and self._lost_rows:
            rows = ", ".join(f"{count} {name}" for name, count in sorted(self._lost_rows.items()))
            self._lost_rows.clear()
            self._warn("", f"rows were lost: {rows}")
        return failure

    def _answer(self, batch: Sequence[Work], failure: str) -> None:
        """Tell those who wait."""
        reserves: dict[asyncio.AbstractEventLoop, list[Reserve]] = {}
        for work in batch:
            if isinstance(work, Reserve) and work.future is not None:
                if failure:
                    work.error = LedgerError(
                        f"nothing was sent, since no budget can be kept in the ledger "
                        f"{self.path}: {failure}"
                    )
                reserves.setdefault(work.future.get_loop(), []).append(work)
            elif isinstance(work, Flush) and work.future.set_running_or_notify_cancel():
                work.future.set_result(None)
        for loop, answers in reserves.items():
            with suppress(RuntimeError):  # the loop is closed, and nobody waits
                loop.call_soon_threadsafe(_resolve, answers)

    def _end_thread(self) -> bool:
        """End this thread, unless there is work again."""
        self._store.close()
        with self._start_lock:
            # In this order: an `add` in between sees that there is no thread, or its work is seen.
            thread, self._thread = self._thread, None
            if len(self._queue):
                self._thread = thread
            return self._thread is None

    def _warn(self, kind: str, text: str) -> None:
        """Log a warning, once of each kind; "": always. Where the program does nothing with logs,
        it goes to standard error: a loss has to be heard of."""
        if kind in self._known_failures:
            return
        if kind:
            self._known_failures.add(kind)
        figures = {"event": "ledger", "kind": kind}
        logger.warning("ledger %s: %s", self.path, text, extra={"fmsdk": figures})
        listener: logging.Logger | None = logger
        while listener is not None:
            if any(not isinstance(each, logging.NullHandler) for each in listener.handlers):
                return
            listener = listener.parent if listener.propagate else None
        if logger.isEnabledFor(logging.WARNING):
            with suppress(AttributeError, OSError, ValueError):  # there is none, or it is closed
                sys.stderr.write(f"fmsdk: warning: ledger {self.path}: {text}\n")

    def reset_after_fork(self) -> None:
        """The child has neither the thread nor the work, and must not touch the connection."""
        connection = self._store.abandon()
        if connection is not None:
            _Ledgers.abandoned_connections.append(connection)
        self._leases = Leases()
        self._store = Store(self.path, self._timeout, self._leases)
        self.write_lock = threading.Lock()
        self._create_queue()
        self._lost_rows = Counter[str]()


def _name_row(work: Work) -> str:
    if isinstance(work, CallRecord):
        return "calls"
    return "attempts" if isinstance(work, AttemptRecord) else "entries of spending"


def _resolve(answers: Sequence[Reserve]) -> None:
    for work in answers:
        if work.future is None or work.future.done():  # cancelled
            continue
        if work.error is not None:
            work.future.set_exception(work.error)
        else:
            work.future.set_result(work.shortfall)


class _Ledgers:
    """Those of this process. abandoned_connections: of the process that this one was forked
    from."""

    all: ClassVar[weakref.WeakSet[SqliteLedger]] = weakref.WeakSet()
    lock = threading.Lock()
    abandoned_connections: ClassVar[list[sqlite3.Connection]] = []
    held_locks: ClassVar[list[threading.Lock]] = []


@atexit.register
def _close_ledgers() -> None:
    with _Ledgers.lock:
        ledgers = list(_Ledgers.all)
    for ledger in ledgers:
        ledger.close(_EXIT_SECONDS)


def _lock_before_fork() -> None:
    # A child that is made while SQLite holds one of its own locks could wait for it forever.
    _Ledgers.lock.acquire()
    for ledger in list(_Ledgers.all):
        lock = ledger.write_lock
        if lock.acquire(timeout=1.0):
            _Ledgers.held_locks.append(lock)


def _unlock_in_parent() -> None:
    for lock in _Ledgers.held_locks:
        lock.release()
    _Ledgers.held_locks.clear()
    _Ledgers.lock.release()


def _reset_in_child() -> None:
    _Ledgers.held_locks.clear()
    _Ledgers.lock = threading.Lock()
    for ledger in list(_Ledgers.all):
        ledger.reset_after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_lock_before_fork,
        after_in_parent=_unlock_in_parent,
        after_in_child=_reset_in_child,
    )
