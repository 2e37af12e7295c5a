"""The SQLite file: its tables, their version, and how one is opened.

Money is an integer of 10⁻¹² dollars (`…_units`), so that sums are exact; the exact amount of a bill
stands beside it as text. Times are microseconds since 1970 in UTC.

A file of an older version is migrated when it is opened for writing. One of a newer version, or of
another program, is refused. `spending` is only ever appended to: see `fmsdk.ledger.spending`.
"""

from __future__ import annotations

import os
import sqlite3
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Context, Decimal
from pathlib import Path
from time import monotonic, sleep

from fmsdk.errors import LedgerError

__all__ = [
    "USAGE_COLUMNS",
    "VERSION",
    "from_units",
    "open_for_reading",
    "open_for_writing",
    "to_microseconds",
    "to_time",
    "to_units",
]

VERSION = 1
_APPLICATION_ID = 0x666D7364  # "fmsd"
_SCALE = 12
_BUSY_SECONDS = 0.02
_MONEY = Context(prec=60)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

USAGE_COLUMNS = """
    usage_source TEXT, service_tier TEXT, server_tools TEXT,
    input_total INTEGER, input_text INTEGER, input_image INTEGER, input_audio INTEGER,
    input_document INTEGER, input_video INTEGER, input_cache_read INTEGER,
    input_cache_read_image INTEGER, input_cache_read_audio INTEGER,
    input_cache_read_video INTEGER, input_cache_write INTEGER, input_cache_write_1h INTEGER,
    input_audio_seconds REAL, output_total INTEGER, output_text INTEGER, output_audio INTEGER,
    output_image INTEGER, output_reasoning INTEGER
"""
_COST_COLUMNS = """
    cost TEXT, cost_units INTEGER, cost_source TEXT, cost_lines TEXT, price_source TEXT
"""
_QUOTE_COLUMNS = "quote TEXT, quote_expected_units INTEGER, quote_ceiling_units INTEGER"
_MIGRATIONS = (
    f"""
    CREATE TABLE calls (
        id INTEGER PRIMARY KEY, call_id TEXT NOT NULL UNIQUE, time_us INTEGER NOT NULL,
        verb TEXT NOT NULL, provider TEXT NOT NULL, model TEXT NOT NULL, tags TEXT NOT NULL,
        outcome TEXT NOT NULL, attempts INTEGER NOT NULL, served_model TEXT, request_id TEXT,
        finish TEXT, error TEXT, status INTEGER, {USAGE_COLUMNS}, {_COST_COLUMNS},
        unpriced_attempts INTEGER NOT NULL, seconds REAL NOT NULL, time_to_first_token REAL,
        queue REAL, load REAL, prefill REAL, decode REAL, output_tokens_per_second REAL,
        {_QUOTE_COLUMNS}, request TEXT, answer TEXT);
    CREATE INDEX calls_by_time ON calls (time_us);
    CREATE TABLE attempts (
        id INTEGER PRIMARY KEY, call_id TEXT NOT NULL, number INTEGER NOT NULL,
        time_us INTEGER NOT NULL, verb TEXT NOT NULL, provider TEXT NOT NULL, model TEXT NOT NULL,
        tags TEXT NOT NULL, seconds REAL NOT NULL, waited REAL NOT NULL, error TEXT,
        status INTEGER, served_model TEXT, request_id TEXT, is_unbilled INTEGER NOT NULL,
        held_reservation TEXT, held_units INTEGER,
        {USAGE_COLUMNS}, {_COST_COLUMNS}, {_QUOTE_COLUMNS}, UNIQUE (call_id, number));
    CREATE INDEX attempts_by_time ON attempts (time_us);
    CREATE TABLE spending (
        id INTEGER PRIMARY KEY, reservation TEXT NOT NULL, call_id TEXT NOT NULL,
        kind TEXT NOT NULL CHECK (kind IN ('reserve', 'settle', 'hold', 'lease')),
        time_us INTEGER NOT NULL, written_us INTEGER NOT NULL, delta_units INTEGER NOT NULL,
        model TEXT NOT NULL, tags TEXT NOT NULL, note TEXT);
    CREATE INDEX spending_by_reservation ON spending (reservation);
    CREATE INDEX spending_by_time ON spending (time_us);
    """,
)
"""The statements that lead from each version to the next. They never change once released."""


def to_units(amount: Decimal, rounding: str = ROUND_HALF_EVEN) -> int:
    """US dollars as an integer of 10⁻¹² dollars. The file holds those of 64 bits, which is 9
    million dollars."""
    return int(_MONEY.scaleb(amount, _SCALE).to_integral_value(rounding))


def from_units(units: int) -> Decimal:
    """An integer of 10⁻¹² dollars as US dollars."""
    return _MONEY.scaleb(Decimal(units), -_SCALE)


def to_microseconds(time: datetime) -> int:
    """A time as microseconds since 1970."""
    return (time - _EPOCH) // _MICROSECOND


def to_time(microseconds: int) -> datetime:
    """Microseconds since 1970 as a time in UTC."""
    return _EPOCH + timedelta(microseconds=microseconds)


def open_for_writing(path: str, timeout: float) -> sqlite3.Connection:
    """Open a file, create or migrate its tables, and leave transactions to the caller.

    Args:
        timeout: seconds to wait for other processes that write.

    Raises:
        sqlite3.Error: SQLite cannot use the file.
        LedgerError: the file is another program's, or of a newer fmsdk.
    """
    deadline = monotonic() + timeout
    while True:
        connection = sqlite3.connect(path, timeout, isolation_level=None, check_same_thread=False)
        try:
            # One state of the file, which another process may just create.
            connection.execute("BEGIN")
            version = _read_version(connection, path)
            connection.execute("COMMIT")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            if version < VERSION:
                _migrate(connection, path)
            return connection
        except BaseException as error:
            connection.close()
            # SQLite does not wait where another process switches the file to WAL.
            is_busy = getattr(error, "sqlite_errorname", "").startswith("SQLITE_BUSY")
            if not is_busy or monotonic() > deadline:
                raise
        sleep(_BUSY_SECONDS)


def open_for_reading(path: str) -> sqlite3.Connection:
    """Open an existing file to read it. Nothing is created.

    Raises:
        LedgerError: there is no such file, SQLite cannot read it, or it is no ledger of this
            version or an older one.
    """
    if not os.path.isfile(path):
        raise LedgerError(f"there is no ledger {path}; Client(ledger=…) or FMSDK_LEDGER makes one")
    uri = Path(path).absolute().as_uri()
    # In a folder that cannot be written, SQLite opens a WAL file only as one that nobody changes.
    modes = ("mode=ro",) if os.path.exists(f"{path}-wal") else ("mode=ro", "immutable=1")
    for mode in modes:
        try:
            connection = sqlite3.connect(f"{uri}?{mode}", uri=True, isolation_level=None)
            connection.execute("BEGIN")
            version = _read_version(connection, path)
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            if mode != modes[-1] and getattr(error, "sqlite_errorname", "") == "SQLITE_CANTOPEN":
                continue
            raise LedgerError(f"cannot read the ledger {path}: {error}") from error
        if version == 0:
            raise LedgerError(f"{path} is no ledger of fmsdk: it has no calls")
        return connection
    raise AssertionError("the last mode returns or raises")


def _read_version(connection: sqlite3.Connection, path: str) -> int:
    """The version of the tables; 0: there are none yet."""
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application != _APPLICATION_ID:
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if tables or application:
            raise LedgerError(f"{path} is a database of another program; name another file")
        return 0
    if version > VERSION:
        raise LedgerError(
            f"{path} was written by a newer fmsdk (its schema is {version}, that of this one "
            f"{VERSION}): upgrade fmsdk, or name another file"
        )
    return version


def _migrate(connection: sqlite3.Connection, path: str) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Read again: another process may have migrated the file in the meantime.
        for number in range(_read_version(connection, path), VERSION):
            for statement in _MIGRATIONS[number].split(";"):
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
