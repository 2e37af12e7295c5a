"""Processes that are killed in the middle of writing: what was committed stays, once."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

from tests.support.ledger import query
from tests.support.ledger.writer import AMOUNT, BILL
from tests.support.paths import ROOT
from tests.support.soak import soak_size

WRITERS = 3
UNIT = 10**12


def test_a_killed_writer_loses_and_doubles_nothing(tmp_path: Path) -> None:
    """Each round, several processes write to one file until they are killed, at a random moment
    each. The kill of one leaves the others and the file intact."""
    path, rng = tmp_path / "fmsdk.db", random.Random()
    claims: dict[str, set[str]] = {"reserved": set(), "written": set()}
    kills = 0
    while kills < soak_size(6, 200):
        writers = [
            subprocess.Popen(
                [sys.executable, "-m", "tests.support.ledger.writer", str(path), f"{kills}-{n}"],
                stdout=subprocess.PIPE,
                text=True,
                cwd=ROOT,
            )
            for n in range(WRITERS)
        ]
        for writer in writers:
            assert writer.stdout is not None
            line = writer.stdout.readline().split()  # it has begun
            claims[line[0]].add(line[1])
        for writer in writers:
            time.sleep(rng.random() * 0.1)
            writer.kill()
            kills += 1
        for writer in writers:
            output, _ = writer.communicate()
            for line in output.splitlines():
                words = line.split()
                if len(words) == 2:  # the last line may be cut off
                    claims[words[0]].add(words[1])
        assert query(path, "PRAGMA integrity_check") == [("ok",)]
    for table in ("calls", "attempts"):
        ids = [row[0] for row in query(path, f"SELECT call_id FROM {table}")]
        assert len(ids) == len(set(ids))
        assert claims["written"] <= set(ids)
    balances = dict(
        query(
            path,
            "SELECT reservation, sum(delta_units) FROM spending WHERE kind <> 'lease' "
            "GROUP BY reservation",
        )
    )
    # What the file does not say yet of a reservation, it holds in advance.
    ((in_advance,),) = query(path, "SELECT sum(delta_units) FROM spending WHERE kind = 'lease'")
    assert len(claims["reserved"] - balances.keys()) * AMOUNT * UNIT <= in_advance
    leases = query(path, "SELECT sum(delta_units) FROM spending WHERE kind = 'lease' GROUP BY id")
    assert leases
    assert all(balances[name] == BILL * UNIT for name in claims["written"])
    # What was reserved and not settled by a process that died stays reserved: maybe billed.
    assert set(balances.values()) <= {BILL * UNIT, AMOUNT * UNIT}
    twice = query(
        path,
        "SELECT reservation FROM spending WHERE kind <> 'lease' "
        "GROUP BY reservation, kind HAVING count(*) > 1",
    )
    assert twice == []
