"""One workload on hardware and with an API: the figures agree with each other and with the
formulas they are made of."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import fmsdk
from fmsdk import tco
from fmsdk.tco.report import describe_verdict

OWN = tco.OwnedHardware(
    price=250_000, years=5, hours_per_month=730, kilowatts="5.6", idle_kilowatts="1.5", pue="1.3",
    price_per_kwh="0.12", hosting=1_500, staff=2_000,
)  # fmt: skip
WORK = tco.Workload(requests_per_second=6, device_seconds="0.04")
API = tco.Alternative(name="openai:gpt-6.1-sol", price_per_request="0.0036")


def near(value: Any, other: Any) -> bool:
    return abs(Decimal(value) - Decimal(other)) <= abs(Decimal(other)) * Decimal("1e-12")


def test_the_figures_of_a_month_are_those_of_its_requests() -> None:
    result = tco.compare(OWN, WORK, [API])
    assert result.utilisation == Decimal("0.24")
    assert result.requests_per_month == 6 * 3600 * 730
    assert near(result.request.total * result.requests_per_month, result.per_month)
    (verdict,) = result.verdicts
    assert near(verdict.per_month, Decimal("0.0036") * result.requests_per_month)


def test_at_the_break_even_utilisation_both_cost_the_same() -> None:
    (verdict,) = tco.compare(OWN, WORK, [API]).verdicts
    share = verdict.break_even_utilisation
    assert share is not None
    there = tco.request_cost(OWN, WORK.device_seconds, utilisation=share).total
    assert near(there, API.price_per_request)
    assert near(Decimal(verdict.break_even_rate or 0) * Decimal("0.04") / 3600, share)


def test_after_the_break_even_months_both_have_cost_the_same() -> None:
    result = tco.compare(OWN, WORK, [API])
    (verdict,) = result.verdicts
    assert verdict.break_even is not None
    months = verdict.break_even.months
    assert months is not None
    running = result.per_month - OWN.lines["capital"] * 730
    assert near(OWN.capital + months * running, months * verdict.per_month)


def test_an_api_that_is_always_cheaper_has_no_break_even() -> None:
    cheap = tco.Alternative(name="x:y", price_per_request="0.000001")
    (verdict,) = tco.compare(OWN, WORK, [cheap]).verdicts
    assert (verdict.break_even_utilisation, verdict.break_even_rate) == (None, None)
    assert verdict.break_even is not None
    assert verdict.break_even.months is None


def test_rented_hardware_has_a_break_even_utilisation_and_nothing_to_pay_back() -> None:
    rented = tco.RentedHardware(price_per_hour="2.50")
    result = tco.compare(rented, WORK, [API], hours_per_month=730)
    assert result.per_month == Decimal("1825.00")
    assert result.verdicts[0].break_even is None
    assert result.energy_per_request is None
    with pytest.raises(fmsdk.BadRequestError, match="hours_per_month is missing"):
        tco.compare(rented, WORK)


def test_more_work_than_the_hardware_can_do_says_how_much_it_takes() -> None:
    with pytest.raises(fmsdk.BadRequestError, match="plan for at least 3"):
        tco.compare(OWN, tco.Workload(requests_per_second=60, device_seconds="0.04"))


def test_adaptation_is_spread_over_the_requests_it_serves() -> None:
    lora = tco.Adaptation(
        gpu_hours=20, price_per_hour=3, failed_hours=10, data=910, requests=1_000_000
    )
    plain, adapted = tco.compare(OWN, WORK), tco.compare(OWN, WORK, adaptation=lora)
    assert adapted.request.total - plain.request.total == Decimal("0.001")


def test_loading_and_adaptation_count_in_the_break_even() -> None:
    """Both are dollars of a request that the API saves."""
    work = tco.Workload(
        requests_per_second=6, device_seconds="0.04", load_seconds=60, requests_per_load=1000
    )
    lora = tco.Adaptation(gpu_hours=100, price_per_hour=3, requests=300_000)
    result = tco.compare(OWN, work, [API], adaptation=lora)
    (verdict,) = result.verdicts
    share, months = verdict.break_even_utilisation, verdict.break_even and verdict.break_even.months
    assert share is not None
    assert months is not None
    there = tco.request_cost(
        OWN, "0.04", utilisation=share, load_seconds=60, requests_per_load=1000, adaptation=lora
    )
    assert near(there.total, API.price_per_request)
    extra = (result.request.load + result.request.adaptation) * result.requests_per_month
    running = result.per_month - OWN.lines["capital"] * 730 + extra
    assert near(OWN.capital + months * running, months * verdict.per_month)
    dear = tco.Adaptation(gpu_hours=100, price_per_hour=3, requests=3)
    (verdict,) = tco.compare(OWN, work, [API], adaptation=dear).verdicts
    assert verdict.break_even_utilisation is None
    assert verdict.break_even is not None
    assert verdict.break_even.months is None


def test_an_input_that_moves_only_the_last_digit_is_left_out() -> None:
    """Of hardware that draws as much while it waits, the seconds of a request cost nothing."""
    owned = tco.OwnedHardware(price=250_000, years=5, hours_per_month=730)
    names = {row.name for row in tco.compare(owned, WORK).sensitivities}
    assert names == {"price of the hardware", "years of use", "requests a second"}


def test_the_break_even_moves_with_price_and_use() -> None:
    (verdict,) = tco.compare(OWN, WORK, [API]).verdicts
    for move, owner in zip(verdict.moves, (API, WORK), strict=True):
        for factor, months in (("0.7", move.low), ("1.3", move.high)):
            price = Decimal(API.price_per_request) * (Decimal(factor) if owner is API else 1)
            rate = 6 * (Decimal(factor) if owner is WORK else 1)
            (moved,) = tco.compare(
                OWN,
                tco.Workload(requests_per_second=rate, device_seconds="0.04"),
                [tco.Alternative(name="x:y", price_per_request=price)],
            ).verdicts
            assert moved.break_even is not None
            assert months is not None
            assert near(months, moved.break_even.months)
    rented = tco.RentedHardware(price_per_hour=1)
    assert tco.compare(rented, WORK, [API], hours_per_month=730).verdicts[0].moves == ()
    full = tco.Workload(requests_per_second=20, device_seconds="0.05")
    (verdict,) = tco.compare(OWN, full, [API]).verdicts
    assert verdict.break_even is not None
    assert verdict.moves[1].high == verdict.break_even.months  # it serves no more


def test_a_month_has_one_length() -> None:
    with pytest.raises(fmsdk.BadRequestError, match="730 for the hardware and 176"):
        tco.compare(OWN, WORK, hours_per_month=176)
    assert tco.compare(OWN, WORK, hours_per_month=730) == tco.compare(OWN, WORK)


@pytest.mark.parametrize(
    ("hardware", "text"),
    [
        (tco.RentedHardware(price_per_hour=0), "$0.00 a request against $0.00360."),
        (tco.RentedHardware(price_per_hour="77.76"), "costs as much as"),
    ],
)
def test_an_answer_without_a_ratio(hardware: Any, text: str) -> None:
    result = tco.compare(hardware, WORK, [API], hours_per_month=730)
    sentence = describe_verdict(result, result.verdicts[0])
    assert text in sentence
    assert "times" not in sentence


@pytest.mark.parametrize(("figure", "size"), [("1e31", "large"), ("1e-999999", "small")])
def test_figures_that_nobody_can_read_are_refused(figure: str, size: str) -> None:
    with pytest.raises(fmsdk.BadRequestError, match=f"price_per_hour is too {size}"):
        tco.RentedHardware(price_per_hour=figure)


def test_energy_and_carbon_hold_the_share_of_waiting() -> None:
    result = tco.compare(OWN, WORK, kilograms_per_kwh="0.4")
    # 0.24 of the time 5.6 kW, 0.76 of it 1.5 kW, × 1.3, for 6 requests a second
    kilowatts = Decimal("0.24") * Decimal("5.6") + Decimal("0.76") * Decimal("1.5")
    expected = kilowatts * Decimal("1.3") / (6 * 3600)
    assert result.energy_per_request is not None
    assert near(result.energy_per_request, expected)
    assert near(result.carbon_per_request or 0, expected * Decimal("0.4"))


def test_the_sensitivity_is_what_the_inputs_would_give() -> None:
    result = tco.compare(OWN, WORK)
    by_name = {row.name: row for row in result.sensitivities}
    dearer = tco.OwnedHardware(
        price=325_000, years=5, hours_per_month=730, kilowatts="5.6", idle_kilowatts="1.5",
        pue="1.3", price_per_kwh="0.12", hosting=1_500, staff=2_000,
    )  # fmt: skip
    assert by_name["price of the hardware"].high == tco.compare(dearer, WORK).request.total
    widths = [abs(row.high - row.low) for row in result.sensitivities]
    assert widths == sorted(widths, reverse=True)


def test_all_of_it_is_plain_json() -> None:
    record = json.loads(json.dumps(tco.compare(OWN, WORK, [API]).to_dict()))
    assert Decimal(record["request"]["total"]) == tco.compare(OWN, WORK).request.total
    assert record["verdicts"][0]["alternative"]["name"] == API.name


@given(st.integers(1, 2400), st.decimals("0.00001", "0.1", places=5))
def test_cheaper_by_the_month_is_cheaper_by_the_request(rate: int, price: Decimal) -> None:
    work = tco.Workload(requests_per_second=Decimal(rate) / 100, device_seconds="0.04")
    api = tco.Alternative(name="a:b", price_per_request=price)
    result = tco.compare(OWN, work, [api])
    (verdict,) = result.verdicts
    cheaper = result.request.total < price
    assert (result.per_month < verdict.per_month) is cheaper or near(result.request.total, price)
    if verdict.break_even_utilisation is not None and not near(result.request.total, price):
        assert (result.utilisation > verdict.break_even_utilisation) is cheaper
