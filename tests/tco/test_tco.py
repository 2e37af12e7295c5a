"""Published examples of one figure each, the identities between the formulas, and wrong figures."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmsdk import tco
from fmsdk.errors import BadRequestError


def test_hours_from_which_hardware_pays() -> None:
    # Manning, listing 12.8: $2.50 an hour against $0.004 a request.
    rented = tco.RentedHardware(price_per_hour="2.50")
    assert tco.break_even_rate(rented, "0.004") == 625


def test_a_residual_lowers_the_hour() -> None:
    # $3,000 for 3 years, 20 % residual, 80 W idle, 350 W at work, $0.15 a kWh, 80 tokens a second.
    owned = tco.OwnedHardware(
        price=3000,
        years=3,
        hours_per_month=730,
        residual="0.2",
        kilowatts="0.35",
        idle_kilowatts="0.08",
        price_per_kwh="0.15",
    )
    assert float(owned.fixed_per_hour) == pytest.approx(0.10332, abs=5e-6)
    assert owned.busy_per_hour == Decimal("0.0405")
    # $2.00 for a million tokens is 0.576 dollars for an hour of work.
    share = tco.break_even_utilisation(owned, Decimal("2.00") * 80 * 3600 / 10**6)
    assert float(share) == pytest.approx(0.1930, abs=6e-5)


def test_payback_and_present_value_of_an_accelerator_cluster() -> None:
    # 64 GPUs for 4 years, 70 % at work, against $2.00 a GPU hour.
    capital, years = 64 * 30_000, 4
    energy = tco.energy(700, 64 * 8760 * Decimal("0.70"), pue="1.3") * Decimal("0.08")
    operations = energy + capital * Decimal("0.08")
    cloud = Decimal(2) * 64 * 8760 * Decimal("0.70")
    saved = cloud - operations
    assert round(capital + years * operations) == 2_648_681
    assert round(capital / saved, 1) == Decimal("3.2")
    value = tco.net_present_value(capital, saved, years=years, discount="0.10")
    assert float(value) == pytest.approx(-9_440, abs=1)


def test_a_part_of_a_year_is_not_cut_off() -> None:
    with pytest.raises(BadRequestError, match="years is a whole number"):
        tco.net_present_value(100, 10, years=2.5, discount=0)  # type: ignore[arg-type]
    assert tco.net_present_value(100, -10, years=2, discount=0) == -120


def test_tokens_for_a_tariff() -> None:
    # 450 W, 201.6 tokens a second, 0.0718 a kWh.
    hardware = tco.OwnedHardware(
        price=0, years=1, hours_per_month=730, kilowatts="0.45", price_per_kwh="0.0718"
    )
    price = tco.price_per_million(hardware, "201.6")
    assert float(price) == pytest.approx(0.0445, abs=5e-5)


def test_the_energy_of_a_prompt() -> None:
    # 0.14 Wh of accelerators of 0.24 in all: 0.06 of hosts, 0.02 idle, 0.02 of the building.
    assert tco.carbon(Decimal("0.00024"), "0.094") * 1000 == Decimal("0.02256")


def test_littles_law() -> None:
    assert tco.utilisation(2, "0.25") == Decimal("0.5")
    assert tco.utilisation(8, "0.25", count=4) == Decimal("0.5")
    with pytest.raises(BadRequestError, match="plan for at least 3"):
        tco.utilisation(10, "0.25", count=2)


def test_the_parts_of_a_request() -> None:
    rented = tco.RentedHardware(price_per_hour="3.60")
    adaptation = tco.Adaptation(
        gpu_hours=100,
        price_per_hour=2,
        failed_hours=50,
        evaluation_hours=10,
        data=80,
        requests=4000,
    )
    assert adaptation.lines == {
        "training": 200,
        "failed runs": 100,
        "evaluation": 20,
        "data": 80,
    }
    cost = tco.request_cost(
        rented,
        2,
        utilisation="0.25",
        load_seconds=30,
        requests_per_load=100,
        adaptation=adaptation,
    )
    assert cost.work == Decimal("0.002")
    assert cost.idle == Decimal("0.006")
    assert cost.load == Decimal("0.0003")
    assert cost.adaptation == Decimal("0.1")
    assert cost.total == Decimal("0.1083")


def test_the_hours_of_a_training() -> None:
    size: dict[str, Any] = {
        "parameters": 8_000_000_000,
        "tokens": 100_000_000,
        "tflops": 1000,
        "efficiency": "0.4",
    }
    full = tco.training_hours("full", **size)
    assert float(full) == pytest.approx(6 * 8e9 * 1e8 / (4e14 * 3600))
    assert tco.training_hours("lora", **size) / full == pytest.approx(Decimal(2) / 3)
    with pytest.raises(BadRequestError, match="one of full, lora, qlora"):
        tco.training_hours("half", **size)  # type: ignore[arg-type]


def test_what_never_pays() -> None:
    owned = tco.OwnedHardware(price=1000, years=3, hours_per_month=730, hosting=100)
    result = tco.break_even(owned, 100)
    assert (result.hours, result.months, result.savings_per_month) == (None, None, 0)
    # Electricity alone costs more than the other.
    hungry = tco.OwnedHardware(
        price=1000, years=3, hours_per_month=730, kilowatts=1, idle_kilowatts=0, price_per_kwh=2
    )
    assert tco.break_even_utilisation(hungry, 1) == Decimal("Infinity")


BASE: dict[str, Any] = {"price": 1000, "years": 3, "hours_per_month": 730}
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"price": -1}, "price is at least 0"),
    ({"price": "cheap"}, "price is a number"),
    ({"price": float("nan")}, "price is a number"),
    ({"price": None}, "price is a number"),
    ({"price": True}, "price is a number"),
    ({"years": 0}, "years is more than 0"),
    ({"hours_per_month": 800}, "hours_per_month is more than 0 and at most 744"),
    ({"residual": "1.2"}, "residual is at least 0 and at most 1"),
    ({"pue": "0.9"}, "pue is at least 1"),
    ({"kilowatts": 1, "idle_kilowatts": 2}, "idle_kilowatts is at least 0 and at most 1"),
    ({"count": 0}, "count is more than 0"),
]


@pytest.mark.parametrize(("change", "message"), WRONG)
def test_wrong_figures_are_one_error(change: dict[str, Any], message: str) -> None:
    with pytest.raises(BadRequestError, match=message):
        tco.OwnedHardware(**{**BASE, **change})


figures = st.decimals("0.01", "100000", places=4)


@given(price=figures, other=figures, kilowatts=st.decimals(0, 20, places=3))
def test_at_the_break_even_both_cost_the_same(
    price: Decimal, other: Decimal, kilowatts: Decimal
) -> None:
    owned = tco.OwnedHardware(
        price=price,
        years=3,
        hours_per_month=730,
        kilowatts=kilowatts,
        idle_kilowatts=kilowatts / 2,
        price_per_kwh="0.2",
    )
    share = tco.break_even_utilisation(owned, other)
    if share <= 1:
        seconds = Decimal(3600)
        cost = tco.request_cost(owned, seconds, utilisation=share).total
        assert float(cost) == pytest.approx(float(other), rel=1e-9)
    result = tco.break_even(owned, other)
    if result.months is not None:
        spent = owned.capital + owned.running_per_hour * 730 * result.months
        assert float(spent) == pytest.approx(float(other * result.months), rel=1e-9)


@given(price=figures, seconds=figures, share=st.decimals("0.01", 1, places=4))
def test_waiting_costs_what_the_share_says(
    price: Decimal, seconds: Decimal, share: Decimal
) -> None:
    rented = tco.RentedHardware(price_per_hour=price)
    cost = tco.request_cost(rented, seconds, utilisation=share)
    whole = price * seconds / 3600 / share
    assert float(cost.total) == pytest.approx(float(whole), rel=1e-9)
