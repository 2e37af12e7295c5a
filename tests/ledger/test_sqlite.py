"""The ledger in a file: what calls leave in it, and how long it lives."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import fmsdk
from fmsdk.ledger import SqliteLedger, rows, schema
from fmsdk.pipeline import retry
from tests.support.ledger import MODEL, create_call, priced_client, query
from tests.support.media_files import picture
from tests.support.patience import PATIENCE
from tests.support.soak import soak_size


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "BASE_DELAY", 0.001)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "fmsdk.db"


class TestRows:
    def test_a_call_is_a_row_and_so_is_each_attempt(self, path: Path) -> None:
        busy = fmsdk.ServerError("busy", status=503, request_id="req-7")
        with priced_client([busy, "Hello there"], ledger=path) as client:
            answer = client.generate(MODEL, "Say hello", tags={"team": "blue"})
        (call,) = query(
            path,
            "SELECT verb, provider, model, tags, outcome, attempts, finish, input_total, "
            "output_total, usage_source, cost, cost_units, price_source, cost_lines FROM calls",
        )
        assert answer.cost is not None
        assert call[:10] == (
            *("generate", "fake", "gpt-4o", '{"team":"blue"}', "ok", 2, "stop"),
            *(2, 2, "measured"),
        )
        assert Decimal(call[10]) == answer.cost.total
        assert call[11] == answer.cost.total * 10**12
        assert call[12] == answer.cost.price_source
        lines = json.loads(call[13])
        assert sum(Decimal(line["amount"]) for line in lines) == answer.cost.total
        attempts = query(path, "SELECT number, error, status, request_id, cost FROM attempts")
        assert attempts[0] == (1, "ServerError", 503, "req-7", None)
        assert attempts[1][:3] == (2, None, None)
        assert Decimal(attempts[1][4]) == answer.cost.total

    def test_an_error_a_cancelled_stream_and_other_verbs_are_calls(self, path: Path) -> None:
        replies = [fmsdk.BadRequestError("no", status=400), "one two three four"]
        with priced_client(replies, delay=0.02, ledger=path) as client:
            with pytest.raises(fmsdk.BadRequestError):
                client.generate(MODEL, "Hi")
            with client.stream(MODEL, "Hi") as stream:
                next(iter(stream))
            client.embed(MODEL, ["one", "two words"])
        table = query(path, "SELECT verb, outcome, finish, error, status FROM calls ORDER BY id")
        assert table == [
            ("generate", "error", None, "BadRequestError", 400),
            ("stream", "cancelled", "cancelled", None, None),
            ("embed", "ok", None, None, None),
        ]

    def test_no_prompt_or_answer_unless_asked(self, path: Path) -> None:
        with priced_client(["a secret answer"], ledger=path) as client:
            client.generate(MODEL, "a secret question")
        assert b"secret" not in path.read_bytes()

    def test_content_is_stored_without_media(self, path: Path) -> None:
        image = fmsdk.Image(picture("PNG"))
        ledger = SqliteLedger(path, content=True)
        with priced_client(["It is blue."], ledger=ledger) as client:
            client.generate(MODEL, ["What is it?", image])
        ledger.close(PATIENCE)
        ((request, answer),) = query(path, "SELECT request, answer FROM calls")
        stored = fmsdk.from_json(request)
        assert stored.messages[0].parts[0].text == "What is it?"
        assert stored.messages[0].parts[1].file.provider == "ledger"
        assert len(request) < 1000
        assert fmsdk.from_json(answer).text == "It is blue."

    def test_the_variable_names_a_file_and_false_means_none(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("FMSDK_LEDGER", str(path))
        with priced_client(ledger=False) as client:
            client.generate(MODEL, "Hi")
        assert not path.exists()
        with priced_client() as client:
            client.generate(MODEL, "Hi")
        assert query(path, "SELECT count(*) FROM calls") == [(1,)]

    def test_a_client_opens_nothing_before_its_first_call(self, path: Path) -> None:
        with priced_client(ledger=path):
            pass
        assert not path.exists()

    def test_importing_fmsdk_leaves_sqlite_out(self) -> None:
        code = "import fmsdk, sys; fmsdk.Client(); assert 'sqlite3' not in sys.modules"
        environment = {k: v for k, v in os.environ.items() if k != "FMSDK_LEDGER"}
        subprocess.run([sys.executable, "-c", code], check=True, timeout=60, env=environment)

    @pytest.mark.parametrize("wrong", [5, True, "", "a\0b", object(), b"x.db"])
    def test_what_is_no_ledger_is_refused(self, wrong: Any) -> None:
        with pytest.raises(fmsdk.BadRequestError, match="ledger"):
            fmsdk.Client(ledger=wrong)

    def test_columns_of_usage_are_the_fields_of_usage(self) -> None:
        names = {text.split()[0] for text in schema.USAGE_COLUMNS.split(",")}
        assert names == set(rows.USAGE)

    def test_a_row_is_never_written_twice(self, path: Path) -> None:
        ledger = SqliteLedger(path)
        for _ in range(2):
            ledger.record_call(create_call("same"))
        ledger.close(PATIENCE)
        assert query(path, "SELECT call_id FROM calls") == [("same",)]


class TestLifetime:
    def test_rows_are_written_at_the_end_of_the_interpreter(self, path: Path) -> None:
        code = (
            "import fmsdk, sys\n"
            "from fmsdk.testing import FakeProvider\n"
            "client = fmsdk.Client(providers={'fake': FakeProvider()}, ledger=sys.argv[1])\n"
            "for n in range(20): client.generate('fake:gpt-4o', 'Hi')\n"
        )
        subprocess.run([sys.executable, "-c", code, str(path)], check=True, timeout=60)
        assert query(path, "SELECT count(*) FROM calls") == [(20,)]
        assert os.listdir(path.parent) == [path.name]  # the log was merged into the file

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
    def test_the_child_of_a_fork_opens_its_own_connection(self, path: Path) -> None:
        code = (
            "import fmsdk, os, sys\n"
            "from fmsdk.testing import FakeProvider\n"
            "client = fmsdk.Client(providers={'fake': FakeProvider()}, ledger=sys.argv[1])\n"
            "for n in range(10): client.generate('fake:gpt-4o', 'Hi', tags={'of': 'parent'})\n"
            "children = []\n"
            "for child in range(3):\n"
            "    pid = os.fork()\n"
            "    if pid == 0:\n"
            "        for n in range(10):\n"
            "            client.generate('fake:gpt-4o', 'Hi', tags={'of': 'child'})\n"
            "        client.close()\n"
            "        os._exit(0)\n"
            "    children.append(pid)\n"
            "for n in range(10): client.generate('fake:gpt-4o', 'Hi', tags={'of': 'parent'})\n"
            "assert all(os.waitpid(pid, 0)[1] == 0 for pid in children)\n"
        )
        command = [sys.executable, "-W", "ignore", "-c", code, str(path)]
        subprocess.run(command, check=True, timeout=100)
        counts = query(path, "SELECT tags, count(*) FROM calls GROUP BY tags ORDER BY tags")
        assert counts == [('{"of":"child"}', 30), ('{"of":"parent"}', 20)]
        assert query(path, "PRAGMA integrity_check") == [("ok",)]

    def test_a_closed_ledger_opens_again(self, path: Path) -> None:
        client = priced_client(ledger=path)
        for _ in range(2):
            client.generate(MODEL, "Hi")
            client.close()
            assert os.listdir(path.parent) == [path.name]
        assert query(path, "SELECT count(*) FROM calls") == [(2,)]

    def test_nothing_is_lost_while_the_thread_ends_and_starts(self, path: Path) -> None:
        ledger, count = SqliteLedger(path), soak_size(50, 1000)

        def write(number: int) -> None:
            for n in range(count):
                ledger.record_call(create_call(f"{number}-{n}"))
                if n % 10 == number:
                    ledger.close(PATIENCE)

        threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        ledger.close(PATIENCE)
        assert query(path, "SELECT count(*) FROM calls") == [(4 * count,)]

    def test_an_event_loop_never_waits_for_sqlite(self, path: Path) -> None:
        """A lock of another process holds up what waits for the file, and no other task."""

        async def main() -> None:
            import sqlite3

            ledger = SqliteLedger(path)
            ledger.record_call(create_call("first"))
            await ledger.flush()
            other = sqlite3.connect(path, isolation_level=None)
            other.execute("BEGIN IMMEDIATE")
            ledger.record_call(create_call("second"))
            flush = asyncio.create_task(ledger.flush())
            for _ in range(100):
                await asyncio.sleep(0.001)
            assert not flush.done()
            other.execute("ROLLBACK")
            other.close()
            await flush
            await ledger.aclose()

        asyncio.run(main())
        assert query(path, "SELECT count(*) FROM calls") == [(2,)]
