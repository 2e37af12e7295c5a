"""Files that cannot be written: the call succeeds, and the loss is heard, once while it lasts and
with its size at the end. A budget that needs the file refuses."""

from __future__ import annotations

import asyncio
import logging
import os
import resource
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import fmsdk
from fmsdk.budget import Budget
from fmsdk.ledger import SqliteLedger, schema
from tests.support.ledger import MODEL, create_call, create_reservation, priced_client, query
from tests.support.patience import PATIENCE


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "fmsdk.db"


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    with caplog.at_level(logging.WARNING, logger="fmsdk.ledger"):
        yield caplog


def messages(log: pytest.LogCaptureFixture) -> list[str]:
    found = [record for record in log.records if record.levelno >= logging.WARNING]
    return [record.getMessage() for record in found if "ledger" in record.getMessage()]


def check_loss(path: Path, log: pytest.LogCaptureFixture, message: str) -> None:
    with priced_client(["Yes"] * 3, ledger=path) as client:
        for _ in range(3):
            assert client.generate(MODEL, "Hi").text == "Yes"
    texts = messages(log)
    assert sum(message in text for text in texts) == 1, texts
    assert "rows were lost: 3 attempts, 3 calls, 6 entries of spending" in texts[-1]
    assert len(texts) == 2
    assert all(str(path) in text for text in texts)


def one_call(path: Path) -> None:
    with priced_client(ledger=path) as client:
        client.generate(MODEL, "Hi")


def test_a_folder_that_does_not_exist(tmp_path: Path, log: pytest.LogCaptureFixture) -> None:
    check_loss(tmp_path / "no" / "fmsdk.db", log, f"there is no folder {tmp_path / 'no'}")


def test_a_file_that_is_no_database(path: Path, log: pytest.LogCaptureFixture) -> None:
    content = b"this is a text file, with some text in it\n" * 200
    path.write_bytes(content)
    check_loss(path, log, "file is not a database")
    assert path.read_bytes() == content


def test_a_folder_in_its_place(path: Path, log: pytest.LogCaptureFixture) -> None:
    path.mkdir()
    check_loss(path, log, "unable to open database file")


def test_a_database_of_another_program(path: Path, log: pytest.LogCaptureFixture) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    check_loss(path, log, "is a database of another program")
    assert query(path, "SELECT name FROM sqlite_master") == [("theirs",)]


def test_a_newer_schema(path: Path, log: pytest.LogCaptureFixture) -> None:
    one_call(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {schema.VERSION + 1}")
    check_loss(path, log, "was written by a newer fmsdk")
    assert query(path, "SELECT count(*) FROM calls") == [(1,)]


def test_a_read_only_file(
    path: Path, log: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_call(path)
    path.chmod(0o444)
    connect = sqlite3.connect

    def connect_read_only(name: str, *args: Any, **settings: Any) -> sqlite3.Connection:
        return connect(f"{Path(name).as_uri()}?mode=ro", *args, uri=True, **settings)

    with monkeypatch.context() as patched:
        if os.access(path, os.W_OK):  # root may write any file
            patched.setattr(schema.sqlite3, "connect", connect_read_only)
        check_loss(path, log, "readonly database")
    assert query(path, "SELECT count(*) FROM calls") == [(1,)]


def test_a_full_disk(path: Path, log: pytest.LogCaptureFixture) -> None:
    """The limit of a file's size stands in for the disk's."""
    one_call(path)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with priced_client(ledger=path) as client:
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 8192, hard))
            for _ in range(30):
                client.generate(MODEL, "Hi", tags={"name": "x" * 5000})
            client.close()
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "cannot be written" in messages(log)[0]
    assert "rows were lost" in messages(log)[-1]
    assert 1 <= query(path, "SELECT count(*) FROM calls")[0][0] < 31
    assert query(path, "PRAGMA integrity_check") == [("ok",)]


def test_rows_wait_in_memory_until_the_file_can_be_written(
    path: Path, log: pytest.LogCaptureFixture
) -> None:
    ledger = SqliteLedger(path, timeout=0.05)
    ledger.record_call(create_call("one"))
    ledger.close(PATIENCE)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        ledger.record_call(create_call("two"))
        asyncio.run(ledger.flush())
        other.execute("ROLLBACK")
    ledger.record_call(create_call("three"))
    ledger.close(PATIENCE)
    assert query(path, "SELECT call_id FROM calls ORDER BY id") == [
        ("one",),
        ("two",),
        ("three",),
    ]
    assert [text.partition(": ")[2] for text in messages(log)] == [
        "another process has locked it for 0.05 s"
    ]


def test_memory_is_bounded(
    path: Path, log: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fmsdk.ledger.sqlite._MOST_WAITING", 10)
    ledger = SqliteLedger(path.parent / "no" / "fmsdk.db")
    for number in range(100):
        ledger.record_call(create_call(str(number)))
    for _ in range(100):
        asyncio.run(ledger.reserve(create_reservation("0.01"), []))
        ledger.settle(create_reservation("0.01"), Decimal(0))
    assert len(ledger._queue) <= 20
    ledger.close(PATIENCE)
    assert "rows were lost: 100 calls, 200 entries of spending" in messages(log)[-1]


def test_a_record_that_no_column_can_hold_costs_only_itself(
    path: Path, log: pytest.LogCaptureFixture
) -> None:
    ledger = SqliteLedger(path)
    ledger.record_call(create_call("one"))
    ledger.record_call(create_call("half a pair", served_model="\ud800"))
    ledger.record_call(create_call("large", attempts=2**70))
    ledger.record_call(create_call("two"))
    ledger.close(PATIENCE)
    assert query(path, "SELECT call_id FROM calls ORDER BY id") == [("one",), ("two",)]
    assert "rows were lost: 2 calls" in messages(log)[-1]


def test_a_budget_needs_the_file(path: Path) -> None:
    path.mkdir()
    with (
        priced_client(ledger=path, budget="5.00") as client,
        pytest.raises(fmsdk.LedgerError, match="nothing was sent, since no budget can be kept"),
    ):
        client.generate(MODEL, "Hi", max_output_tokens=10)


def test_a_program_without_logs_hears_it_on_standard_error(tmp_path: Path) -> None:
    code = (
        "import fmsdk, logging, sys\n"
        "from fmsdk.testing import FakeProvider\n"
        "if sys.argv[2:]: logging.basicConfig(filename=sys.argv[2])\n"
        "client = fmsdk.Client(providers={'fake': FakeProvider()}, ledger=sys.argv[1])\n"
        "for n in range(2): client.generate('fake:any', 'Hi')\n"
    )
    path, file = tmp_path / "no" / "fmsdk.db", tmp_path / "log.txt"

    def run(*names: str) -> str:
        command = [sys.executable, "-c", code, str(path), *names]
        return subprocess.run(
            command, check=True, timeout=60, stderr=subprocess.PIPE, text=True
        ).stderr

    lines = run().splitlines()
    assert len(lines) == 2
    assert lines[0] == f"fmsdk: warning: ledger {path}: there is no folder {path.parent}"
    assert lines[1].endswith("rows were lost: 2 attempts, 2 calls, 4 entries of spending")
    assert run(str(file)) == ""
    assert "there is no folder" in file.read_text()


@pytest.mark.parametrize("replaced", [False, True])
def test_a_file_that_is_gone_while_in_use(
    path: Path, log: pytest.LogCaptureFixture, replaced: bool
) -> None:
    """SQLite alone would go on in the deleted file, and budgets of others begin at zero."""
    ledger, budgets = SqliteLedger(path), [Budget("1.00")]
    assert asyncio.run(ledger.reserve(create_reservation("0.9"), budgets)) is None
    asyncio.run(ledger.flush())
    path.rename(path.with_name("old.db"))
    if replaced:
        one_call(path)
    with pytest.raises(fmsdk.LedgerError, match="deleted, moved or replaced while in use"):
        asyncio.run(ledger.reserve(create_reservation("0.9"), budgets))
    assert path.exists() == replaced
    if not replaced:
        path.with_name("old.db").rename(path)
        assert asyncio.run(ledger.reserve(create_reservation("0.2"), budgets)) is not None
        path.unlink()
    ledger.record_call(create_call("lost"))
    ledger.close(PATIENCE)
    assert "rows were lost: 1 calls" in messages(log)[-1]
