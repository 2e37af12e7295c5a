"""What a ledger says of recorded calls: sums, percentiles, quotes against bills, other models'
prices, and files for other programs."""

from __future__ import annotations

import asyncio
import csv
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import fmsdk
from fmsdk import pricing
from fmsdk.budget import Budget
from fmsdk.ledger import Filter, SqliteReader
from fmsdk.ledger.export import export
from fmsdk.ledger.repricing import reprice
from fmsdk.ledger.summary import compare_quotes, summarize
from fmsdk.quoting.quote import Quote
from fmsdk.usage import Range
from tests.support.lazy_import import LazyModule
from tests.support.ledger import create_reservation
from tests.support.ledger.book import NOON, Book, create_usage
from tests.support.patience import PATIENCE

pyarrow_parquet = LazyModule("pyarrow.parquet")


@pytest.fixture
def book(tmp_path: Path) -> Iterator[Book]:
    book = Book(tmp_path / "fmsdk.db")
    yield book
    book.ledger.close(PATIENCE)


class TestSummary:
    def test_sums_are_exact_and_the_dearest_comes_first(self, book: Book) -> None:
        for _ in range(3):
            book.add("0.000000000001", model="local:small")
        book.add("0.1", usage=create_usage(100, 10, cache_read=30))
        book.add("0.2", usage=create_usage(200, 20))
        with book.open() as reader:
            first, second = summarize(reader)
        assert (first.key, first.cost) == (("openai:gpt-4o",), Decimal("0.3"))
        assert (first.calls, first.input_tokens, first.cached_tokens) == (2, 300, 30)
        assert first.output_tokens == 30
        assert (second.key, second.cost) == (("local:small",), Decimal("0.000000000003"))

    def test_by_time_tag_and_several_at_once(self, book: Book) -> None:
        for hours, team in ((0, "blue"), (1, "blue"), (24, "red"), (24 * 3, "blue")):
            book.add(time=NOON + timedelta(hours=hours), tags=(("team", team),))
        book.add(time=NOON)
        with book.open() as reader:
            days = summarize(reader, ("day",))
            both = summarize(reader, ("tag:team", "month"))
            (total,) = summarize(reader, ())
        assert [(group.key[0], group.calls) for group in days] == [
            ("2026-11-29", 3),
            ("2026-11-30", 1),
            ("2026-12-02", 1),
        ]
        assert {group.key: group.calls for group in both} == {
            ("blue", "2026-11"): 2,
            ("red", "2026-11"): 1,
            ("blue", "2026-12"): 1,
            ("(none)", "2026-11"): 1,
        }
        assert total.calls == 5

    @pytest.mark.parametrize(
        ("where", "count"),
        [
            (Filter(since=NOON + timedelta(hours=1)), 2),
            (Filter(until=NOON + timedelta(hours=1)), 1),
            (Filter(model="openai:*"), 2),
            (Filter(model="gpt-4o"), 2),
            (Filter(model="claude*"), 1),
            (Filter(model="openai:gpt-4"), 0),
            (Filter(tag=("na'me\"", None)), 2),
            (Filter(tag=("na'me\"", "two")), 1),
            (Filter(tag=("name", None)), 0),
        ],
    )
    def test_filters(self, book: Book, where: Filter, count: int) -> None:
        book.add(tags=(("na'me\"", "one"),))
        book.add(time=NOON + timedelta(hours=1), tags=(("na'me\"", "two"),))
        book.add(time=NOON + timedelta(hours=2), model="anthropic:claude-sonnet-4-5")
        with book.open() as reader:
            assert sum(group.calls for group in summarize(reader, (), where)) == count

    def test_percentiles_are_those_of_answers(self, book: Book) -> None:
        for number in range(101):
            book.add(seconds=float(number))
        book.add(seconds=1e6, outcome="error")
        with book.open() as reader:
            (group,) = summarize(reader)
        assert group.errors == 1
        assert group.seconds is not None
        assert (group.seconds.count, group.seconds.p50, group.seconds.p90) == (101, 50.0, 90.0)
        assert group.seconds.p99 == pytest.approx(99.0)

    def test_an_unknown_cost_is_counted_and_is_not_zero(self, book: Book) -> None:
        book.add("0.01", source="estimated")
        book.add(None)
        book.add(None, is_unbilled=True)  # never sent
        with book.open() as reader:
            (group,) = summarize(reader)
        assert (group.cost, group.estimated_cost) == (Decimal("0.01"), Decimal("0.01"))
        assert group.unknown_costs == 1

    def test_a_settlement_by_hand_is_the_cost(self, book: Book) -> None:
        """What may have been billed counts as such until a person says what it was."""
        one = create_reservation("0.50", model="openai:gpt-4o", when=NOON)
        two = create_reservation("0.25", model="openai:gpt-4o", when=NOON)

        async def reserve() -> None:
            for each in (one, two):
                assert await book.ledger.reserve(each, [Budget("1.00")]) is None

        asyncio.run(reserve())
        book.ledger.hold(one, "a timeout")
        book.add(None, held_reservation=one)
        with book.open() as reader:
            (group,) = summarize(reader)
            assert (group.unknown_costs, group.maybe_billed) == (1, Decimal("0.75"))
            first, second = reader.open_reservations()
            assert (first.reservation, first.reason) == (one, "a timeout")
            assert (second.reservation, second.reason) == (two, None)
            reader.settle([one], Decimal("0.12"))
            reader.settle([two], None)
            (group,) = summarize(reader)
            assert summarize(reader, (), Filter(model="anthropic:*")) == []
        assert (group.unknown_costs, group.maybe_billed, group.attempts) == (0, Decimal(0), 2)
        assert group.cost == Decimal("0.37")

    def test_a_part_of_the_bill_that_is_known_is_not_maybe_billed_too(self, book: Book) -> None:
        one = create_reservation("0.50", model="openai:gpt-4o", when=NOON)
        assert asyncio.run(book.ledger.reserve(one, [Budget("1.00")])) is None
        book.ledger.hold(one, "its stream was left")
        book.add("0.10", source="estimated", held_reservation=one)
        with book.open() as reader:
            (group,) = summarize(reader)
        assert (group.cost, group.maybe_billed) == (Decimal("0.10"), Decimal("0.40"))

    def test_what_calls_cannot_be_grouped_by(self, book: Book) -> None:
        book.add()
        with book.open() as reader, pytest.raises(fmsdk.BadRequestError, match="'colour'"):
            summarize(reader, ("colour",))


def create_quote(low: str, expected: str, high: str, ceiling: str) -> Quote:
    return Quote(
        provider="openai",
        model="gpt-4o",
        input_tokens=Range(1, 1, 1),
        output_tokens=Range(1, 1, 1),
        cost=Range(Decimal(low), Decimal(expected), Decimal(high)),
        ceiling=Decimal(ceiling),
    )


class TestQuotes:
    def test_quotes_against_bills(self, book: Book) -> None:
        for bill in ("0.10", "0.102", "0.108", "0.16", "0.50"):
            book.add(bill, quote=create_quote("0.08", "0.10", "0.15", "0.40"))
        book.add("0.10", quote=create_quote("9", "9", "9", "9"), source="estimated")
        book.add("0.10")
        with book.open() as reader:
            (errors,) = compare_quotes(reader)
        assert errors.count == 5
        assert (errors.quoted_cost, errors.billed_cost) == (Decimal("0.50"), Decimal("0.97"))
        assert (errors.within_3, errors.within_10) == (0.4, 0.6)
        assert (errors.inside, errors.above_ceiling) == (0.6, 1)
        assert errors.median == pytest.approx(0.10 / 0.108 - 1)


class TestRepricing:
    def test_tokens_at_other_prices(self, book: Book) -> None:
        """gpt-4o-mini: 0.15 and 0.60 dollars a million tokens."""
        book.add("0.0125", usage=create_usage(1_000_000, 100_000))
        book.add("0.0125", usage=create_usage(1_000_000, 100_000))
        with book.open() as reader:
            result = reprice(reader, "openai:gpt-4o-mini")
        assert (result.priced_attempts, result.unpriced_attempts) == (2, 0)
        assert (result.cost, result.new_cost) == (Decimal("0.025"), Decimal("0.42"))
        assert "gpt-4o-mini" in (result.price_source or "")

    def test_what_cannot_be_priced_is_counted(self, book: Book) -> None:
        book.add("1", usage=create_usage(1000, 10, image=900))
        book.add(None)
        book.add("1")
        with book.open() as reader:
            other_vendor = reprice(reader, "anthropic:claude-haiku-4-5")
            same_vendor = reprice(reader, "openai:gpt-4o-mini")
            unknown = reprice(reader, "openai:no-such-model")
        assert (other_vendor.priced_attempts, other_vendor.unpriced_attempts) == (1, 2)
        assert (same_vendor.priced_attempts, same_vendor.unpriced_attempts) == (2, 1)
        assert (unknown.priced_attempts, unknown.unpriced_attempts, unknown.price_source) == (
            0,
            3,
            None,
        )

    @pytest.mark.parametrize("model", ["openai:gpt-5", "anthropic:claude-haiku-4-5"])
    def test_a_tier_of_service_holds_at_its_vendor(self, book: Book, model: str) -> None:
        usage = create_usage(1_000_000, 0)
        book.add("1", model="openai:gpt-5", usage=replace(usage, service_tier="flex"))
        with book.open() as reader:
            result = reprice(reader, model)
        provider, _, name = model.partition(":")
        tier = "flex" if provider == "openai" else None
        cost = pricing.price(provider, name, replace(usage, service_tier=tier))
        assert cost is not None
        assert result.new_cost == cost.total
        standard = pricing.price(provider, name, usage)
        assert standard is not None
        assert (cost.total < standard.total) == (provider == "openai")

    def test_a_provider_that_does_not_exist(self, book: Book) -> None:
        book.add()
        with book.open() as reader, pytest.raises(fmsdk.UnknownProvider):
            reprice(reader, "nobody:x")


class TestExport:
    @pytest.mark.parametrize("ending", ["csv", "json", "jsonl", "parquet"])
    def test_all_rows_and_columns(self, book: Book, tmp_path: Path, ending: str) -> None:
        book.add("0.1", tags=(("team", 'Größe, "x"\n'),))
        book.add("0.2", model="local:x")
        target = tmp_path / f"calls.{ending}"
        with book.open() as reader:
            assert export(reader, target, "calls", Filter(model="openai:*")) == 1
            assert export(reader, target) == 2
            columns = reader.columns("calls")
        if ending == "csv":
            with target.open(encoding="utf-8", newline="") as file:
                rows: list[Any] = list(csv.DictReader(file))
        elif ending == "parquet":
            rows = pyarrow_parquet.read_table(target).to_pylist()
        elif ending == "json":
            rows = json.loads(target.read_text("utf-8"))
        else:
            rows = [json.loads(line) for line in target.read_text("utf-8").splitlines()]
        assert [row["cost"] for row in rows] == ["0.1", "0.2"]
        assert all(row.keys() == columns.keys() | {"time"} for row in rows)
        assert rows[0]["time"] == "2026-11-29T12:00:00+00:00"
        tags = rows[0]["tags"]
        assert (json.loads(tags) if isinstance(tags, str) else tags) == {"team": 'Größe, "x"\n'}
        assert sorted(path.name for path in tmp_path.iterdir() if "part" in path.name) == []

    @pytest.mark.parametrize("ending", ["csv", "json", "jsonl", "parquet"])
    def test_no_rows(self, book: Book, tmp_path: Path, ending: str) -> None:
        book.add()
        target = tmp_path / f"calls.{ending}"
        with book.open() as reader:
            assert export(reader, target, "calls", Filter(model="nobody:x")) == 0
        if ending == "json":
            assert json.loads(target.read_text()) == []
        elif ending == "parquet":
            assert pyarrow_parquet.read_table(target).num_rows == 0

    def test_an_ending_that_names_no_format(self, book: Book, tmp_path: Path) -> None:
        book.add()
        with book.open() as reader, pytest.raises(fmsdk.BadRequestError, match=r"\.parquet"):
            export(reader, tmp_path / "calls.xlsx")

    def test_a_file_that_cannot_be_written_leaves_nothing(self, book: Book, tmp_path: Path) -> None:
        book.add()
        with book.open() as reader, pytest.raises(fmsdk.LedgerError, match="cannot write"):
            export(reader, tmp_path / "no" / "calls.csv")


class TestReading:
    def test_it_reads_while_others_write(self, book: Book) -> None:
        book.add()
        with book.open() as reader:
            book.add()
            asyncio.run(book.ledger.flush())
            assert summarize(reader)[0].calls == 2
            book.add()
            asyncio.run(book.ledger.flush())
            assert summarize(reader)[0].calls == 3

    def test_there_is_no_file(self, tmp_path: Path) -> None:
        with pytest.raises(fmsdk.LedgerError, match="there is no ledger"):
            SqliteReader(tmp_path / "fmsdk.db")
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("content", [b"", b"a text, and no database" * 100])
    def test_it_is_no_ledger(self, tmp_path: Path, content: bytes) -> None:
        path = tmp_path / "fmsdk.db"
        path.write_bytes(content)
        with pytest.raises(fmsdk.LedgerError, match=r"no ledger of fmsdk|not a database"):
            SqliteReader(path)
        assert path.read_bytes() == content

    def test_an_odd_name(self, tmp_path: Path) -> None:
        folder = tmp_path / "a folder?x#y%20"
        folder.mkdir()
        book = Book(folder / "größe #1?.db")
        book.add()
        with book.open() as reader:
            assert summarize(reader)[0].calls == 1
