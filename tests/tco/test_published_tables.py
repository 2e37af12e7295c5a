"""Published tables, computed from their printed inputs within the roundings that they print."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from fmsdk import tco
from tests.support.shared_folder import SHARED, needs_shared

pytestmark = needs_shared
TABLES: dict[str, Any] = (
    json.loads((SHARED / "tco" / "tables.json").read_text()) if SHARED.exists() else {}
)


def deviation(computed: Decimal, printed: float) -> float:
    return abs(float(computed) / printed - 1)


@pytest.fixture
def break_even_inputs() -> dict[str, Any]:
    return TABLES["breakeven_2509_18101v3"]


def test_break_even_months_of_arxiv_2509_18101(break_even_inputs: dict[str, Any]) -> None:
    # The text says 160 hours a month and the table's watts; the cells follow 176 hours and the
    # power of the paper's first version, the Gemini column a price of $7.75.
    table, cells = break_even_inputs, 0
    hours = table["hours_per_month_effective"]
    for row in table["models"]:
        gpu = table["gpus"][row["gpu"]]
        owned = tco.OwnedHardware(
            price=gpu["usd"],
            count=row["gpus"],
            years=3,
            hours_per_month=hours,
            kilowatts=Decimal(gpu["v1_effective_w"]) / 1000,
            price_per_kwh=table["usd_per_kwh"],
        )
        electricity = owned.running_per_hour * hours
        assert float(electricity) == pytest.approx(row["v1_electricity_usd_month"], abs=0.005)
        millions = Decimal(row["tok_per_s"]) * hours * 3600 / 10**6
        assert float(millions) == pytest.approx(row["mtok_per_month"], abs=0.051)
        for api, printed in row["months"].items():
            price = table["apis"][api]
            blended = tco.blended_price(price["input"], price["output"], input_share=Decimal(1) / 3)
            if api == "Gemini2.5Pro":
                blended = Decimal(str(table["gemini_implied_blended"]))
            months = tco.break_even(owned, millions * blended).months
            assert months is not None
            decimals = len(str(printed).partition(".")[2])
            assert float(months) == pytest.approx(printed, abs=0.052 if decimals < 2 else 0.006)
            cells += 1
    assert cells == 45


def test_cost_against_load_of_arxiv_2606_11690() -> None:
    cells = 0
    for config in TABLES["ceff_2606_11690"]:
        rented = tco.RentedHardware(price_per_hour=config["usd_per_hour_all_gpus"])
        best = max(point["output_tok_per_s"] for point in config["points"])
        least = tco.price_per_million(rented, best)
        for point in config["points"]:
            rate = point["output_tok_per_s"]
            price = tco.price_per_million(rented, rate)
            assert deviation(price, point["usd_per_mtok_out"]) < 0.0005
            assert deviation(price / least, point["penalty"]) < 0.0005
            # The same, from a token's seconds at full load and the share of time at work.
            cost = tco.request_cost(
                rented, 1 / Decimal(str(best)), utilisation=Decimal(str(rate)) / Decimal(str(best))
            )
            assert deviation(cost.total * 10**6, float(price)) < 1e-9
            cells += 1
    assert cells == 140


def test_energy_of_ml_energy() -> None:
    for row in TABLES["mlenergy_lm_arena_chat"]:
        joules = tco.joules_per_token(row["avg_power_w"], row["output_tok_per_s"])
        assert deviation(joules, row["j_per_token"]) < 0.0001
        per_request = joules * Decimal(str(row["avg_output_len"]))
        assert deviation(per_request, row["j_per_request"]) < 0.0001


def test_carbon_of_llama_table_15() -> None:
    table = TABLES["llama1_table15"]
    for row in table["rows"]:
        hours = tco.energy(table["watts"], row["gpu_hours"], pue=table["pue"])
        assert float(hours) / 1000 == pytest.approx(row["mwh"], abs=1.5)
        tonnes = tco.carbon(hours, table["kg_per_kwh"]) / 1000
        assert float(tonnes) == pytest.approx(row["tco2e"], abs=0.5)


def test_parity_of_luccioni_table_5() -> None:
    for row in TABLES["luccioni_table5"]:
        requests = tco.parity(row["train_kwh"] + row["finetune_kwh"], row["inference_kwh"])
        assert deviation(requests, row["parity"]) < 0.00011


class TestLenovoLp2368:
    """Five years of 8,760 hours, no residual; power and cooling are printed as dollars an hour."""

    table = TABLES.get("lenovo_lp2368", {})

    def owned(self, name: str) -> tco.OwnedHardware:
        row = self.table[name]
        # A month's share of power, cooling and colocation, which the paper prints by the hour.
        hourly = Decimal(str(row["power_cooling_h"])) + Decimal(str(row["colo_h"]))
        return tco.OwnedHardware(
            price=row["capex"],
            years=self.table["years"],
            hours_per_month=730,
            maintenance=self.table["maintenance_fraction_per_year"],
            hosting=hourly * 730,
        )

    def owned_by_printed_hour(self, name: str) -> tco.OwnedHardware:
        """By the paper's own hour of running, rounded to cents, as its other figures follow."""
        row = self.table[name]
        return tco.OwnedHardware(
            price=row["capex"],
            years=self.table["years"],
            hours_per_month=730,
            hosting=Decimal(str(row["opex_h"])) * 730,
        )

    @pytest.mark.parametrize("name", ["A", "B", "D"])
    def test_running_it_for_an_hour(self, name: str) -> None:
        running = float(self.owned(name).running_per_hour)
        assert running == pytest.approx(self.table[name]["opex_h"], abs=0.01)
        maintenance = float(self.owned(name).lines["maintenance"])
        assert maintenance == pytest.approx(self.table[name]["maintenance_h"], abs=0.008)

    @pytest.mark.parametrize(("name", "tolerance"), [("A", 0.0009), ("D", 0.003)])
    def test_an_hour_of_five_years(self, name: str, tolerance: float) -> None:
        owned = self.owned(name)
        hourly = owned.fixed_per_hour + owned.busy_per_hour
        assert deviation(hourly, self.table[name]["hourly_printed"]) < tolerance

    def test_break_even_with_a_rented_server(self) -> None:
        row = self.table["A"]
        owned = self.owned_by_printed_hour("A")
        for rent, hours, months in row["cloud"].values():
            result = tco.break_even(owned, Decimal(str(rent)) * 730)
            assert result.hours is not None
            assert result.months is not None
            assert deviation(result.hours, hours) < 0.0002
            assert float(result.months) == pytest.approx(months, abs=0.061)

    @pytest.mark.parametrize(("name", "tolerance"), [("A", 0.0051), ("D", 0.0143)])
    def test_a_million_tokens(self, name: str, tolerance: float) -> None:
        row, owned = self.table[name], self.owned(name)
        price = tco.price_per_million(owned, row["tok_per_s"])
        # D follows from the printed $23.19 an hour, which its own lines miss by 0.3 %.
        assert float(price) == pytest.approx(row["usd_per_mtok"], abs=tolerance)
        cloud = row["cloud"]["od"][0] if name == "A" else row["cloud_h"]
        rented = tco.price_per_million(tco.RentedHardware(price_per_hour=cloud), row["tok_per_s"])
        assert float(rented) == pytest.approx(row["cloud_usd_per_mtok"], abs=0.0051)

    def test_the_share_of_a_day_from_which_it_pays(self) -> None:
        row = self.table["B"]
        owned = self.owned_by_printed_hour("B")
        assert float(owned.fixed_per_hour * 43_800) == pytest.approx(row["total_5y"], abs=1)
        share = tco.break_even_utilisation(owned, row["cloud_h"])
        assert float(share * 24) == pytest.approx(row["threshold_hours_per_day"], abs=0.05)
