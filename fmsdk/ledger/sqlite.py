"""The ledger in a SQLite file. See docs/decisions/0015-ledger.md.

One daemon thread for each `SqliteLedger` owns the connection, takes work from a queue in its order,
and writes what waits in one transaction. An event loop never waits for SQLite: `reserve` awaits an
answer, everything else returns at once. The thread starts with the first work, and ends after a
minute without any.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import sqlite3
import threading
import weakref
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from decimal import Decimal
from time import monotonic
from typing import Any, ClassVar, TypeVar

import msgspec

from fmsdk.budget import Budget, Reservation, Shortfall
from fmsdk.errors import BadRequestError, LedgerError
from fmsdk.files import expand_home
from fmsdk.ledger.history import find_past_answers
from fmsdk.ledger.records import AttemptRecord, CallRecord
from fmsdk.ledger.rows import INSERT_ATTEMPT, INSERT_CALL, attempt_row, call_row
from fmsdk.ledger.store import Flush, Hold, Reserve, Row, Settle, Store, Work
from fmsdk.ledger.work_queue import WorkQueue
from fmsdk.observe.log import logger
from fmsdk.quoting.history import PastAnswers
from fmsdk.quoting.quote import Quote

__all__ = ["SqliteLedger"]

R = TypeVar("R", AttemptRecord, CallRecord)
_MOST_WAITING = 10_000
"""Records that wait in memory while the file cannot be written; later ones are lost."""
_IDLE_SECONDS = 60.0
_RETRY_SECONDS = 1.0
_EXIT_SECONDS = 10.0
"""How long the end of the interpreter waits for the last rows."""
_SLOW_SECONDS, _FIRST_DOUBT, _LONGEST_DOUBT = 0.003, 0.05, 30.0
"""After a write that took longer than the first, the thread writes for a while, which doubles with
each slow one up to the last: a busy machine is slow once, a slow disk is so again."""
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
        self._store = Store(self.path, timeout)
        self._slow_until, self._doubt = 0.0, _FIRST_DOUBT
        self.write_lock = threading.Lock()
        self._create_queue()
        self._known_failures: set[str] = set()
        self._losses = Counter[str]()
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
        self._put_row(INSERT_ATTEMPT, attempt_row, record)

    def record_call(self, record: CallRecord) -> None:
        """As `Ledger.record_call`."""
        self._put_row(INSERT_CALL, call_row, record)

    async def reserve(
        self, reservation: Reservation, budgets: Sequence[Budget]
    ) -> Shortfall | None:
        """As `fmsdk.budget.Spending.reserve`. Without budgets, nothing waits for the file."""
        if not budgets:
            with suppress(LedgerError):
                self._put(Reserve(reservation, (), None))
            return None
        if self._reserve_at_once(reservation, budgets):
            return None
        future: asyncio.Future[Shortfall | None] = asyncio.get_running_loop().create_future()
        try:
            self._put(Reserve(reservation, budgets, future), urgent=True)
            return await future
        except asyncio.CancelledError:
            self.settle(reservation, _NOTHING)  # whether it is written by now or not
            raise

    def _reserve_at_once(self, reservation: Reservation, budgets: Sequence[Budget]) -> bool:
        """Reserve in this thread, where nothing has to be waited for: the file is open, nobody
        writes, and it was fast. SQLite then writes into memory of the system (WAL); the switch to
        the other thread and back takes four times as long. False: ask the thread."""
        if monotonic() < self._slow_until or not self.write_lock.acquire(blocking=False):
            return False
        try:
            if not self._store.is_open or (work := self._queue.take_unhurried()) is None:
                return False
            item, start = Reserve(reservation, budgets, None), monotonic()
            try:
                refusals = self._store.write([*work, item], waits=False)
            except (sqlite3.Error, LedgerError, OSError):
                self._queue.put_back(work, ())
                return False
            if monotonic() - start > _SLOW_SECONDS:
                is_again = start - self._slow_until < _LONGEST_DOUBT
                self._doubt = min(2 * self._doubt, _LONGEST_DOUBT) if is_again else _FIRST_DOUBT
                self._slow_until = start + self._doubt
            # What is refused is asked again, in its turn.
            return not refusals and item.shortfall is None
        finally:
            self.write_lock.release()

    def settle(self, reservation: Reservation, amount: Decimal) -> None:
        """As `fmsdk.budget.Spending.settle`."""
        with suppress(LedgerError):  # the reservation stays, and the log says why
            self._put(Settle(reservation, amount))

    def hold(self, reservation: Reservation, reason: str) -> None:
        """As `fmsdk.budget.Spending.hold`."""
        with suppress(LedgerError):
            self._put(Hold(reservation, reason))

    def past_answers(self, quote: Quote) -> PastAnswers | None:
        """As `fmsdk.quoting.history.History.past_answers`. Reads the file in this thread."""
        with suppress(sqlite3.Error, msgspec.MsgspecError):
            return find_past_answers(self.path, quote)
        return None

    async def flush(self) -> None:
        """As `Ledger.flush`. What cannot be written now stays in memory for a later try."""
        if self._thread is not None:
            await asyncio.wrap_future(self._put_flush(is_last=False))

    async def aclose(self) -> None:
        """As `Ledger.aclose`. What cannot be written now is lost, and the log says how much."""
        if self._thread is not None:
            await asyncio.wrap_future(self._put_flush(is_last=True))

    def close(self, timeout: float | None = None) -> None:
        """As `aclose`, for a thread that may wait, for `timeout` seconds at most."""
        if self._thread is not None:
            with suppress(TimeoutError):
                self._put_flush(is_last=True).result(timeout)

    def _create_queue(self) -> None:
        self._queue = WorkQueue[Work, Row]()
        self._thread: threading.Thread | None = None
        self._start_lock = threading.Lock()

    def _put_flush(self, *, is_last: bool) -> Future[None]:
        future = Future[None]()
        try:
            self._put(Flush(future, is_last), urgent=True, with_records=True)
        except LedgerError:
            future.set_result(None)
        return future

    def _put_row(self, statement: str, encode: Callable[[R], tuple[Any, ...]], record: R) -> None:
        try:
            row = Row(statement, encode(record))
        except Exception as error:  # a value of an odd kind loses its row, and no call
            self._losses[_name_row(statement)] += 1
            self._warn(type(error).__name__, f"it cannot hold a record: {error}")
            return
        if len(self._queue) >= _MOST_WAITING:
            self._losses[_name_row(statement)] += 1
            return
        self._queue.put_record(row)
        try:
            self._ensure_thread()
        except LedgerError:
            self._losses[_name_row(statement)] += 1

    def _put(self, work: Work, *, urgent: bool = False, with_records: bool = False) -> None:
        self._queue.put(work, urgent=urgent, with_records=with_records)
        self._ensure_thread()

    def _ensure_thread(self) -> None:
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
            taken = self._queue.take(_IDLE_SECONDS, pause)
            if taken is None:
                if self._end_thread():
                    return
                continue
            batch, records = taken
            with self.write_lock:
                failure = self._write(batch, records)
                self._store.checkpoint()
            pause = _RETRY_SECONDS if failure else None
            is_last = any(isinstance(work, Flush) and work.is_last for work in batch)
            if failure:
                self._keep(batch, records, is_last=is_last)
            if is_last:
                pause = None
                self._report_losses()
            has_ended = is_last and self._end_thread()
            self._answer(batch, failure)
            del batch, records, taken
            if has_ended:
                return

    def _write(self, batch: Sequence[Work], records: Sequence[Row]) -> str:
        """Write a batch, or return why that failed."""
        try:
            refusals = self._store.write(batch, records)
        except Exception as error:  # this thread has to go on, whatever it is
            kind = getattr(error, "sqlite_errorname", type(error).__name__)
            failure = self._describe(kind, error)
            self._warn(kind, failure)
            return failure
        for item, error in refusals:
            self._losses[_name_row(item)] += 1
            self._warn(type(error).__name__, f"it cannot hold a record: {error}")
        return ""

    def _describe(self, kind: str, error: Exception) -> str:
        folder = os.path.dirname(self.path)
        if kind == "SQLITE_CANTOPEN" and not os.path.isdir(folder):
            return f"there is no folder {folder}"
        if kind.startswith("SQLITE_BUSY"):
            return f"another process has locked it for {self._timeout:g} s"
        if isinstance(error, LedgerError):
            return error.message
        return f"it cannot be written: {error}"

    def _keep(self, batch: Sequence[Work], records: Sequence[Row], *, is_last: bool) -> None:
        """Have what could not be written wait for the next try, unless this was the last."""
        waiting = [
            work
            for work in batch
            if not isinstance(work, Flush)
            and not (isinstance(work, Reserve) and work.future is not None)
        ]
        if is_last:
            self._losses.update(map(_name_row, (*waiting, *records)))
        else:
            self._queue.put_back(waiting, records)

    def _report_losses(self) -> None:
        losses, self._losses = self._losses, Counter[str]()
        if losses:
            rows = ", ".join(f"{count} {name}" for name, count in sorted(losses.items()))
            self._warn("", f"rows were lost: {rows}")

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
            # In this order: a `put` in between sees that there is no thread, or its work is seen.
            thread, self._thread = self._thread, None
            if len(self._queue):
                self._thread = thread
            return self._thread is None

    def _warn(self, kind: str, text: str) -> None:
        """Log a warning, once of each kind; "": always."""
        if kind not in self._known_failures:
            logger.warning(
                "ledger %s: %s", self.path, text, extra={"fmsdk": {"event": "ledger", "kind": kind}}
            )
            if kind:
                self._known_failures.add(kind)

    def reset_after_fork(self) -> None:
        """The child has neither the thread nor the work, and must not touch the connection."""
        connection = self._store.abandon()
        if connection is not None:
            _Ledgers.abandoned.append(connection)
        self.write_lock = threading.Lock()
        self._create_queue()
        self._losses = Counter[str]()


def _name_row(item: Work | Row | str) -> str:
    """What is lost with an item, or with a row of the statement `item`."""
    statement = item.statement if isinstance(item, Row) else item
    if statement == INSERT_CALL:
        return "calls"
    return "attempts" if statement == INSERT_ATTEMPT else "entries of spending"


def _resolve(answers: Sequence[Reserve]) -> None:
    for work in answers:
        if work.future is None or work.future.done():  # cancelled
            continue
        if work.error is not None:
            work.future.set_exception(work.error)
        else:
            work.future.set_result(work.shortfall)


class _Ledgers:
    """Those of this process. abandoned: connections of the process that this one was forked of."""

    all: ClassVar[weakref.WeakSet[SqliteLedger]] = weakref.WeakSet()
    lock = threading.Lock()
    abandoned: ClassVar[list[sqlite3.Connection]] = []
    locked: ClassVar[list[threading.Lock]] = []


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
            _Ledgers.locked.append(lock)


def _unlock_in_parent() -> None:
    for lock in _Ledgers.locked:
        lock.release()
    _Ledgers.locked.clear()
    _Ledgers.lock.release()


def _reset_in_child() -> None:
    _Ledgers.locked.clear()
    _Ledgers.lock = threading.Lock()
    for ledger in list(_Ledgers.all):
        ledger.reset_after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_lock_before_fork,
        after_in_parent=_unlock_in_parent,
        after_in_child=_reset_in_child,
    )
