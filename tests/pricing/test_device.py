"""What time on a device costs."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmsdk.data import read_table
from fmsdk.pricing import device_cost
from fmsdk.pricing.datafile import MONEY
from fmsdk.pricing.device import VARIABLE, _Table
from fmsdk.usage import Cost, Device, Timings


def spent(seconds: float | None, device: Device | None) -> Cost | None:
    return device_cost(Timings(device_seconds=seconds, device=device))


@pytest.fixture
def no_price(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)


@pytest.mark.usefixtures("no_price")
@pytest.mark.parametrize(
    ("kind", "name", "count", "hourly"),
    [
        ("cuda", "NVIDIA H100 80GB HBM3", 1, "6.88"),
        ("cuda", "NVIDIA H100 PCIe", 1, "2.89"),
        ("cuda", "NVIDIA H200", 2, "15.824"),
        ("cuda", "NVIDIA A100-SXM4-40GB", 1, "2.74470525"),
        ("cuda", "NVIDIA A100-SXM4-80GB", 1, "3.43088125"),
        ("cuda", "NVIDIA A100 80GB PCIe", 1, "3.673"),
        ("cuda", "NVIDIA L4", 1, "0.8048"),
        ("cuda", "NVIDIA L40S", 1, "1.861"),
        ("cuda", "NVIDIA A10G", 1, "1.006"),
        ("cuda", "Tesla T4", 4, "2.104"),
        ("cuda", "NVIDIA GeForce RTX 4090", 1, "0.29"),
        ("cpu", "AMD EPYC 7B13", 4, "0.1785"),
    ],
)
def test_a_device_costs_what_renting_it_costs(
    kind: str, name: str, count: int, hourly: str
) -> None:
    cost = spent(3600.0, Device(kind=kind, name=name, count=count))
    assert cost is not None
    assert float(cost.total) == pytest.approx(float(hourly), rel=1e-12)
    (line,) = cost.lines
    assert (line.kind, line.unit) == ("device time", "second")
    assert line.quantity * line.unit_price == line.amount == cost.total
    assert "rental equivalent" in line.note
    assert "retrieved 2026" in cost.price_source


@pytest.mark.usefixtures("no_price")
@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("cuda", "NVIDIA GH200 480GB"),
        ("cuda", "NVIDIA GeForce RTX 4090 Laptop GPU"),
        ("cuda", "NVIDIA H100 80GB HBM3 MIG 1g.10gb"),
        ("cuda", "NVIDIA L40"),
        ("mps", "Apple M3"),
    ],
)
def test_an_unknown_device_costs_none(kind: str, name: str) -> None:
    assert spent(1.0, Device(kind=kind, name=name)) is None


def test_unknown_seconds_cost_none() -> None:
    assert spent(None, Device(kind="cpu", name="x")) is None
    assert spent(1.0, None) is None


def test_the_users_own_price_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "3.60")
    device = Device(kind="cuda", name="NVIDIA L4")
    by_variable = spent(10.0, device)
    assert by_variable is not None
    assert by_variable.total == Decimal("0.01")
    assert VARIABLE in by_variable.lines[0].note
    own = Device(kind="cuda", name="NVIDIA L4", count=8, hourly_price=Decimal("7.2"))
    by_option = spent(10.0, own)
    assert by_option is not None
    assert by_option.total == Decimal("0.02")  # for all of them together
    assert by_option.lines[0].note.startswith("your own figure")
    assert by_option.price_source == "your own figure"


@pytest.mark.parametrize("given_price", ["cheap", "-1", "nan", "inf"])
def test_an_invalid_price_is_logged_and_ignored(
    given_price: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(VARIABLE, given_price)
    cost = spent(3600.0, Device(kind="cuda", name="NVIDIA L4"))
    assert cost is not None
    assert "rental equivalent" in cost.lines[0].note
    assert VARIABLE in caplog.text


@pytest.mark.usefixtures("no_price")
@given(st.floats(0, 1e7, allow_nan=False), st.integers(1, 256))
def test_device_time_multiplies_exactly(seconds: float, threads: int) -> None:
    cost = device_cost(
        Timings(device_seconds=seconds, device=Device(kind="cpu", name="x", count=threads))
    )
    assert cost is not None
    (line,) = cost.lines
    assert line.quantity * line.unit_price == line.amount == cost.total >= 0


def test_every_row_of_the_device_table_can_be_reached() -> None:
    rows = read_table("device_prices.json", _Table).rows
    for row in rows:
        name = row.match.replace("*", " ")
        first = next(r for r in rows if r.kind == row.kind and fnmatchcase(name, r.match))
        assert first is row
        assert row.hourly > 0
        assert row.source
        assert date.fromisoformat(row.retrieved)


def test_money_has_digits_to_spare() -> None:
    assert MONEY.prec > 28
