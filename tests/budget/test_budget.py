"""Budgets as values, and the sums that a client keeps in memory."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import fmsdk
from fmsdk.budget import Budget, MemorySpending, Reservation, Shortfall, read_budgets

NOON = datetime(2026, 11, 25, 12, 30, 15, tzinfo=UTC)  # a Wednesday


def reservation(number: int, amount: Any, when: datetime = NOON, **changes: Any) -> Reservation:
    return Reservation(
        id=str(number),
        call_id="c",
        time=when,
        model=changes.get("model", "openai:gpt-4o"),
        tags=changes.get("tags", ()),
        amount=Decimal(amount),
    )


@pytest.mark.parametrize("limit", ["5.00", "$5", 5, 5.0, Decimal("5.000")])
def test_a_limit_is_money_in_any_usual_form(limit: Any) -> None:
    assert Budget(limit).limit == 5


def test_a_float_is_what_its_writer_meant() -> None:
    assert Budget(0.1).limit == Decimal("0.1")


@pytest.mark.parametrize("limit", ["five", -1, "nan", "inf", None, True, [1]])
def test_what_is_no_money_is_named(limit: Any) -> None:
    with pytest.raises(fmsdk.BadRequestError, match=r"US dollars, such as '0\.10', not"):
        Budget(limit)


def test_what_else_cannot_be_is_named() -> None:
    with pytest.raises(fmsdk.BadRequestError, match="per is one of hour, day, week, month"):
        Budget(1, per="year")  # type: ignore[arg-type]
    with pytest.raises(fmsdk.BadRequestError, match="provider:model, or a pattern"):
        Budget(1, model="gpt-4o")
    with pytest.raises(fmsdk.BadRequestError, match="tag is 'name', 'name=value' or a pair"):
        Budget(1, tag=3)  # type: ignore[arg-type]
    with pytest.raises(fmsdk.BadRequestError, match="budget is US dollars"):
        fmsdk.Client(budget={"limit": 1})  # type: ignore[arg-type]


def test_what_a_budget_covers() -> None:
    tags = (("team", "search"), ("user", "7"))
    assert Budget(1).covers("openai:gpt-4o", ())
    assert Budget(1, model="openai:*").covers("openai:gpt-4o", ())
    assert not Budget(1, model="openai:*").covers("anthropic:claude", ())
    assert Budget(1, tag="team").covers("m", tags)
    assert Budget(1, tag="team=search").covers("m", tags)
    assert Budget(1, tag=("team", "search")) == Budget(1, tag="team=search")
    assert not Budget(1, tag="team=ads").covers("m", tags)
    assert not Budget(1, tag="team").covers("m", ())


@pytest.mark.parametrize(
    ("per", "start"),
    [
        ("hour", datetime(2026, 11, 25, 12, tzinfo=UTC)),
        ("day", datetime(2026, 11, 25, tzinfo=UTC)),
        ("week", datetime(2026, 11, 23, tzinfo=UTC)),
        ("month", datetime(2026, 11, 1, tzinfo=UTC)),
        (None, None),
    ],
)
def test_where_a_period_begins(per: Any, start: datetime | None) -> None:
    assert Budget(1, per=per).window_start(NOON) == start


def test_several_budgets_are_read_from_any_list() -> None:
    assert read_budgets(None) == ()
    assert read_budgets(["5", Budget(1, per="day")]) == (Budget(5), Budget(1, per="day"))


def test_a_new_period_starts_at_zero_and_a_late_one_counts_in_the_new() -> None:
    async def run() -> None:
        spending, daily = MemorySpending(), [Budget(1, per="day")]
        tomorrow = NOON.replace(day=26)
        assert await spending.reserve(reservation(1, "0.8"), daily) is None
        assert await spending.reserve(reservation(2, "0.3"), daily) == Shortfall(
            daily[0], Decimal("0.8")
        )
        assert await spending.reserve(reservation(3, "0.6", tomorrow), daily) is None
        # Yesterday's bill arrives late, and is of yesterday.
        spending.settle(reservation(1, "0.8"), Decimal(0))
        shortfall = await spending.reserve(reservation(4, "0.5", tomorrow), daily)
        assert shortfall is not None
        assert (shortfall.spent, shortfall.remaining) == (Decimal("0.6"), Decimal("0.4"))
        # A clock that goes back a moment does not open the day again.
        assert await spending.reserve(reservation(5, "0.5", NOON), daily) is not None

    asyncio.run(run())


def test_a_refusal_reserves_nothing_anywhere() -> None:
    async def run() -> None:
        spending = MemorySpending()
        wide, narrow = Budget(10), Budget(1, per="day")
        assert await spending.reserve(reservation(1, 5), [wide, narrow]) == Shortfall(
            narrow, Decimal(0)
        )
        assert await spending.reserve(reservation(2, 10), [wide]) is None

    asyncio.run(run())


EVENTS = st.lists(
    st.tuples(
        st.decimals(0, 2, places=4),
        st.sampled_from(["settle", "hold", "release", "unknown"]),
        st.decimals(0, 1, places=4),
        st.integers(0, 3),
    ),
    max_size=40,
)


@given(EVENTS)
def test_no_order_of_events_passes_the_cap(events: list[Any]) -> None:
    async def run() -> None:
        spending, cap = MemorySpending(), Budget("3")
        running: list[Reservation] = []
        bill = Decimal(0)
        for number, (amount, fate, share, index) in enumerate(events):
            new = reservation(number, amount)
            if await spending.reserve(new, [cap]) is None:
                running.append(new)
            if not running:
                continue
            ended = running.pop(index % len(running))
            if fate == "settle":
                bill += ended.amount * share
                spending.settle(ended, ended.amount * share)
                spending.settle(ended, Decimal(0))  # a second time changes nothing
            elif fate == "hold":
                bill += ended.amount
                spending.hold(ended, "timeout")
            elif fate == "release":
                spending.settle(ended, Decimal(0))
            else:
                running.append(ended)
            assert bill <= cap.limit
        shortfall = await spending.reserve(reservation(-1, 4), [cap])
        assert shortfall is not None
        assert shortfall.spent == bill + sum(each.amount for each in running)

    asyncio.run(run())
