"""Reserved and settled money: exact sums, and never more than a cap, whoever writes."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import accumulate
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fmsdk.budget import Budget, MemorySpending, Reservation
from fmsdk.errors import LedgerError
from fmsdk.ledger import SqliteLedger, SqliteReader
from fmsdk.ledger.leases import LEASE_SECONDS
from fmsdk.ledger.schema import from_units, open_for_writing, to_units
from fmsdk.ledger.spending import SpendingTable
from tests.support.ledger import create_reservation, query
from tests.support.paths import ROOT
from tests.support.patience import PATIENCE
from tests.support.soak import soak_size

MIDDAY = datetime(2026, 11, 29, 12, tzinfo=UTC)
BUDGETS = (
    Budget("5.00"),
    Budget("2.00", per="hour"),
    Budget("3.00", per="day", tag="team=blue"),
    Budget("1.50", model="openai:*"),
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "fmsdk.db"


def create_table(path: Path) -> SpendingTable:
    connection = open_for_writing(str(path), 5.0)
    connection.execute("BEGIN IMMEDIATE")
    return SpendingTable(connection)


class TestReservations:
    def test_the_bill_takes_the_place_of_the_reservation(self, path: Path) -> None:
        table, budget = create_table(path), Budget("1.00", per="day")
        first, second = create_reservation("0.60"), create_reservation("0.60")
        assert table.reserve(first, [budget]) is None
        shortfall = table.reserve(second, [budget])
        assert shortfall is not None
        assert (shortfall.budget, shortfall.spent) == (budget, Decimal("0.60"))
        table.settle(first, Decimal("0.10"))
        assert table.reserve(second, [budget]) is None
        table.hold(second, "a timeout")
        third = create_reservation("0.31")
        shortfall = table.reserve(third, [budget])
        assert shortfall is not None
        assert shortfall.spent == Decimal("0.70")
        table.settle(second, Decimal(0))
        table.settle(third, Decimal("0.01"))  # it was refused: nothing happens
        assert table.reserve(create_reservation("0.90"), [budget]) is None

    def test_the_last_of_several_bills_counts(self, path: Path) -> None:
        table, budget = create_table(path), Budget("1.00")
        one = create_reservation("0.60")
        assert table.reserve(one, [budget]) is None
        for bill in ("0", "0.30", "0.30", "0.20"):
            table.settle(one, Decimal(bill))
        shortfall = table.reserve(create_reservation("1"), [budget])
        assert shortfall is not None
        assert shortfall.spent == Decimal("0.20")

    def test_a_bill_counts_in_the_period_of_its_reservation(self, path: Path) -> None:
        table, budget = create_table(path), Budget("1.00", per="hour")
        before = create_reservation("0.90", when=MIDDAY - timedelta(seconds=1))
        assert table.reserve(before, [budget]) is None
        assert table.reserve(create_reservation("0.90", when=MIDDAY), [budget]) is None
        table.settle(before, Decimal("0.80"))
        shortfall = table.reserve(create_reservation("0.20", when=MIDDAY), [budget])
        assert shortfall is not None
        assert shortfall.spent == Decimal("0.90")

    def test_amounts_are_rounded_against_the_spender(self, path: Path) -> None:
        table, budget = create_table(path), Budget("0.000000000003")
        for _ in range(3):
            assert table.reserve(create_reservation("0.0000000000001"), [budget]) is None
        assert table.reserve(create_reservation("0.0000000000001"), [budget]) is not None

    def test_a_sum_may_be_larger_than_what_a_file_holds_of_one_amount(self, path: Path) -> None:
        table, budget = create_table(path), Budget("100000000")
        for _ in range(20):
            assert table.reserve(create_reservation("4000000"), [budget]) is None
        table.forget()
        shortfall = table.reserve(create_reservation("4000000"), [Budget("1")])
        assert shortfall is not None
        assert shortfall.spent == 80_000_000
        with pytest.raises(LedgerError, match=r"no more than \$"):
            table.reserve(create_reservation("10000000"), [budget])

    def test_a_cancelled_reservation_leaves_nothing(self, path: Path) -> None:
        async def main() -> None:
            ledger, budget = SqliteLedger(path), Budget("1.00")
            for delay in (0.0, 0.0001, 0.001, 0.01):
                task = asyncio.create_task(ledger.reserve(create_reservation("0.9"), [budget]))
                await asyncio.sleep(delay)
                if not task.cancel():
                    break
                with pytest.raises(asyncio.CancelledError):
                    await task
            else:
                assert await ledger.reserve(create_reservation("0.9"), [budget]) is None
            await ledger.aclose()

        asyncio.run(main())
        (total,) = query(path, "SELECT sum(delta_units) FROM spending")
        assert total == (900_000_000_000,)

    @given(st.decimals(0, 10**7, places=12))
    def test_money_survives_the_file(self, amount: Decimal) -> None:
        assert from_units(to_units(amount)) == amount


AMOUNTS = st.decimals("0.000001", "0.9", places=6)
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["reserve", "reserve", "settle", "hold", "forget"]),
        AMOUNTS,
        st.integers(0, 1),  # which connection
        st.sampled_from(["openai:gpt-6", "local:demo"]),
        st.sampled_from([(), (("team", "blue"),), (("team", "red"),)]),
        st.integers(-3, 3),  # hours
        st.integers(0, 50),
    ),
    max_size=60,
)


@settings(max_examples=soak_size(40, 1000))
@given(STEPS)
def test_two_connections_agree_with_the_plain_sum(steps: list[Any]) -> None:
    """Random interleavings of two connections on one file: each answer is the one that a sum over
    all reservations gives, and no budget is ever exceeded."""
    with TemporaryDirectory() as folder:
        path = str(Path(folder) / "x.db")
        connections = [open_for_writing(path, 5.0) for _ in range(2)]
        tables = [SpendingTable(connection) for connection in connections]
        balances: dict[str, tuple[Reservation, Decimal]] = {}
        for kind, amount, which, model, tags, hours, choice in steps:
            connection, table = connections[which], tables[which]
            connection.execute("BEGIN IMMEDIATE")
            if kind == "reserve":
                when = MIDDAY + timedelta(hours=hours)
                one = create_reservation(str(amount), model=model, tags=tags, when=when)
                covering = [budget for budget in BUDGETS if budget.covers(model, tags)]
                expected = [
                    budget
                    for budget in covering
                    if _spent(budget, balances, when) + amount > budget.limit
                ]
                shortfall = table.reserve(one, covering)
                assert (shortfall.budget if shortfall else None) == next(iter(expected), None)
                if shortfall:
                    assert shortfall.spent == _spent(shortfall.budget, balances, when)
                else:
                    balances[one.id] = one, amount
            elif kind == "forget":
                table.forget()
            elif balances:
                one = list(balances.values())[choice % len(balances)][0]
                if kind == "settle":
                    bill = min(amount, one.amount)
                    table.settle(one, bill)
                    balances[one.id] = one, bill
                else:
                    table.hold(one, "unknown")
            connection.execute("COMMIT")
        for connection in connections:
            connection.close()


def _spent(
    budget: Budget, balances: dict[str, tuple[Reservation, Decimal]], when: datetime
) -> Decimal:
    start = budget.window_start(when)
    return sum(
        (
            amount
            for one, amount in balances.values()
            if budget.covers(one.model, one.tags) and (start is None or one.time >= start)
        ),
        Decimal(0),
    )


SPENDER = """
import asyncio, random, sys
from decimal import Decimal
import fmsdk.ledger.spending
from fmsdk.budget import Budget
from fmsdk.ledger import SqliteLedger, SqliteReader
from tests.support.ledger import create_reservation

fmsdk.ledger.spending._MOST_IN_ADVANCE = int(sys.argv[4])

async def spend(ledger, budget, rng):
    for _ in range(int(sys.argv[2])):
        one = create_reservation(str(rng.randint(1, 20) * Decimal("0.001")))
        if await ledger.reserve(one, [budget]) is not None:
            continue
        await asyncio.sleep(rng.random() * 0.002)
        chance = rng.random()
        if chance < 0.7:
            ledger.settle(one, one.amount * rng.randint(0, 10) / 10)
        elif chance < 0.9:
            ledger.hold(one, "a timeout")

async def main():
    rng = random.Random(int(sys.argv[3]))
    ledgers = [SqliteLedger(sys.argv[1]) for _ in range(2)]
    budget = Budget("3.00")
    await asyncio.gather(*(spend(ledgers[n % 2], budget, rng) for n in range(20)))
    for ledger in ledgers:
        await ledger.aclose()

asyncio.run(main())
"""


@pytest.mark.parametrize("most_in_advance", [0, 64])
def test_processes_and_threads_share_a_cap(path: Path, most_in_advance: int) -> None:
    """What is reserved and settled is never above the cap: in no state of the file that others see,
    and without leases at no entry either. A transaction that draws on a lease writes what was drawn
    before it takes that off the lease."""
    # 3 * 20 * 15 reservations of about a cent are far more than the cap, whatever is settled.
    count = soak_size(15, 200)
    connection = open_for_writing(str(path), 5.0)
    command = [sys.executable, "-c", SPENDER, str(path), str(count)]
    processes = [
        subprocess.Popen([*command, str(seed), str(most_in_advance)], cwd=ROOT) for seed in range(3)
    ]
    deadline = time.monotonic() + 100
    seen = set[int]()
    while any(process.poll() is None for process in processes) and time.monotonic() < deadline:
        (total,) = connection.execute("SELECT sum(delta_units) FROM spending").fetchone()
        seen.add(total or 0)
    assert [process.wait(1) for process in processes] == [0, 0, 0]
    deltas = [delta for (delta,) in query(path, "SELECT delta_units FROM spending ORDER BY id")]
    totals = [*accumulate(deltas)]
    connection.close()
    assert len(seen) > 10
    assert max(totals) > 2.9 * 10**12
    assert max([*seen, totals[-1]] if most_in_advance else totals) <= 3 * 10**12
    kinds = Counter(kind for (kind,) in query(path, "SELECT kind FROM spending"))
    assert min(kinds["settle"], kinds["hold"]) > 0
    assert (kinds["lease"] > 0) == (most_in_advance > 0)
    leases = query(path, "SELECT total(delta_units) FROM spending WHERE kind = 'lease'")
    assert leases == [(0,)]  # all were given back


class TestLeases:
    """What is reserved in advance is never refused to its own process, and is given back."""

    @pytest.fixture
    def balance(self, path: Path) -> Callable[[], Decimal]:
        return lambda: from_units(query(path, "SELECT sum(delta_units) FROM spending")[0][0])

    def reserve(self, path: Path, amounts: list[str]) -> list[bool]:
        """Which of the amounts a budget of a dollar has room for, one after the other."""

        async def main() -> list[bool]:
            ledger, budgets = SqliteLedger(path), [Budget("1.00")]
            answers = [await ledger.reserve(create_reservation(a), budgets) for a in amounts]
            await ledger.aclose()
            return [answer is None for answer in answers]

        return asyncio.run(main())

    def test_every_cent_can_be_spent(self, path: Path, balance: Callable[[], Decimal]) -> None:
        assert all(self.reserve(path, ["0.001"] * 950 + ["0.04"] + ["0.001"] * 10))
        assert self.reserve(path, ["0.001"]) == [False]
        assert balance() == 1
        (count,) = query(path, "SELECT count(*) FROM spending WHERE kind = 'lease'")
        assert count[0] > 10

    def test_close_to_the_cap_there_are_none(self, path: Path) -> None:
        assert self.reserve(path, ["0.02"] * 51) == [True] * 50 + [False]
        assert query(path, "SELECT count(*) FROM spending WHERE kind = 'lease'") == [(0,)]

    def test_other_connections_count_them_as_spent(self, path: Path) -> None:
        table = create_table(path)
        one = create_reservation("0.001")
        assert table.reserve(one, [Budget("1.00")]) is None
        assert table.lease(one, [Budget("1.00")]) is not None
        shortfall = table.reserve(create_reservation("0.99"), [Budget("1.00")])
        assert shortfall is not None
        assert shortfall.spent == Decimal("0.001") + Decimal("0.999") / 64

    def test_one_that_nobody_draws_on_is_given_back(
        self, path: Path, balance: Callable[[], Decimal], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("fmsdk.ledger.sqlite.LEASE_SECONDS", 0.2)
        ledger, budgets = SqliteLedger(path), [Budget("1.00")]
        for _ in range(3):
            one = create_reservation("0.001")
            assert asyncio.run(ledger.reserve(one, budgets)) is None
        deadline = time.monotonic() + PATIENCE
        while balance() != Decimal("0.003") and time.monotonic() < deadline:
            time.sleep(0.02)
        assert balance() == Decimal("0.003")
        assert query(path, "SELECT count(*) > 0 FROM spending WHERE kind = 'lease'") == [(1,)]
        ledger.close(PATIENCE)

    def test_one_that_ends_with_a_request_refuses_it_nothing(self, path: Path) -> None:
        async def main() -> None:
            ledger, budgets = SqliteLedger(path), [Budget("1.00")]
            for _ in range(3):
                assert await ledger.reserve(create_reservation("0.001"), budgets) is None
            await asyncio.sleep(LEASE_SECONDS * 0.7)
            ledger.settle(create_reservation("1"), Decimal(0))  # the thread begins to wait anew
            await asyncio.sleep(LEASE_SECONDS * 0.6)
            assert await ledger.reserve(create_reservation("0.997"), budgets) is None
            await ledger.aclose()

        asyncio.run(main())

    def test_that_of_a_process_that_died_can_be_settled(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        table, one = create_table(path), create_reservation("0.001")
        assert table.reserve(one, [Budget("1.00")]) is None
        lease = table.lease(one, [Budget("1.00")])
        assert lease is not None
        table.settle(one, Decimal("0.0005"))
        table._execute("COMMIT")
        with SqliteReader(path) as reader:
            assert reader.open_reservations() == []  # it may be in use
            monkeypatch.setattr("fmsdk.ledger.reader._LIFE_OF_A_LEASE", timedelta(seconds=-1))
            (open_lease,) = reader.open_reservations()
            assert open_lease.reservation.amount == from_units(lease.units)
            assert open_lease.reason == "a process reserved it in advance, and ended"
            reader.settle([open_lease.reservation], Decimal(0))
            assert reader.open_reservations() == []
        assert query(path, "SELECT sum(delta_units) FROM spending") == [(500_000_000,)]

    def test_a_lease_is_of_one_period(self, path: Path) -> None:
        async def main() -> None:
            ledger, budgets = SqliteLedger(path), [Budget("1.00", per="hour")]
            for minutes in (0, 0, 60, 60):
                when = MIDDAY + timedelta(minutes=minutes)
                one = create_reservation("0.001", when=when)
                assert await ledger.reserve(one, budgets) is None
            await ledger.aclose()

        asyncio.run(main())
        totals = query(path, "SELECT time_us, sum(delta_units) FROM spending GROUP BY 1")
        assert [total for _, total in totals] == [2_000_000_000, 2_000_000_000]


def test_it_agrees_with_the_store_in_memory(path: Path) -> None:
    async def main() -> None:
        stores: list[Any] = [SqliteLedger(path), MemorySpending()]
        for number in range(50):
            one = create_reservation(f"0.{number % 7 + 1}", when=MIDDAY)
            covering = [budget for budget in BUDGETS if budget.covers(one.model, one.tags)]
            answers = [await store.reserve(one, covering) for store in stores]
            assert answers[0] == answers[1]
            if answers[0] is None:
                for store in stores:
                    store.settle(one, Decimal(number % 5) / 100)
        await stores[0].aclose()

    asyncio.run(main())
