"""What the tables say of models, that each row says from where, and how it narrows a wire."""

from __future__ import annotations

import datetime
import json
import subprocess
import sys
import timeit
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import fmsdk
from fmsdk import catalog
from fmsdk.catalog.names import spellings
from fmsdk.content import Modality
from fmsdk.provider import ALL_SETTINGS, Capabilities

DATA = Path(fmsdk.__file__).parent / "data"
WIRE = Capabilities(
    input=frozenset[Modality]({"text", "image", "audio", "document"}),
    output=frozenset({"text", "audio"}),
    remote=frozenset[Modality]({"image", "document"}),
    known=False,
)


def table(name: str) -> Any:
    return json.loads((DATA / f"{name}.json").read_text("utf-8"))


def described() -> list[tuple[str, str]]:
    groups = table("models")["groups"]
    return [(g["vendor"], name) for g in groups for row in g["rows"] for name in row["models"]]


def ending() -> list[tuple[str, str]]:
    groups = table("retirements")["groups"]
    return [(g["vendor"], name) for g in groups for row in g["rows"] for name in row["models"]]


class TestTheTables:
    @pytest.mark.parametrize("file", sorted(path.stem for path in DATA.glob("*.json")))
    def test_every_row_has_a_source_and_a_day(self, file: str) -> None:
        content = table(file)
        rows = content.get("groups", content.get("rows"))
        assert rows
        for row in rows:
            assert row["source"].strip()
            looked = datetime.date.fromisoformat(row.get("checked") or row["retrieved"])
            assert looked <= datetime.date.today()

    @pytest.mark.parametrize("rows", [described(), ending()], ids=["models", "retirements"])
    def test_no_name_is_shown_twice(self, rows: list[tuple[str, str]]) -> None:
        assert [row for row, times in Counter(rows).items() if times > 1] == []

    def test_a_snapshot_listed_by_itself_hides_no_other_name(self) -> None:
        """A row for a snapshot goes before the row of its model, on purpose; a name that is
        reduced to that of another row for any other reason would be an accident."""
        for rows in (set(described()), set(ending())):
            for vendor, name in rows:
                hidden = [s for s in list(spellings(name))[1:] if (vendor, s) in rows]
                assert all(name.startswith(f"{other}-2") for other in hidden), (name, hidden)

    def test_every_model_that_the_price_table_knows_means_one_row_at_most(self) -> None:
        from genai_prices.data import providers

        rows = described()
        seen = 0
        for provider in providers:
            for model in provider.models:
                names = [name for name in spellings(model.id) if (provider.id, name) in rows]
                found = catalog.facts(provider.id, model.id)
                assert (found.name if found else None) == (names[0] if names else None)
                seen += found is not None
        assert seen > 80

    def test_every_vendor_is_one_of_the_price_table(self) -> None:
        from genai_prices.data import providers

        follows = table("retirements")["follows"]
        assert set(follows.values()) <= {vendor for vendor, _ in ending()}
        known = {p.id for p in providers} | follows.keys()
        assert {vendor for vendor, _ in [*described(), *ending()]} <= known

    def test_successor_outlives_its_predecessor(self) -> None:
        for vendor, name in ending():
            end = catalog.retirement(vendor, name)
            assert end is not None
            if end.successor is not None:
                after = catalog.retirement(vendor, end.successor)
                assert after is None or after.date > end.date, name

    def test_settings_that_are_refused_exist(self) -> None:
        for vendor, name in described():
            known = catalog.facts(vendor, name)
            assert known is not None
            assert known.refuses <= ALL_SETTINGS


class TestFacts:
    @pytest.mark.parametrize(
        ("vendor", "model", "row"),
        [
            ("openai", "gpt-5.6-sol", "gpt-5.6-sol"),
            ("openai", "gpt-4o-2024-11-20", "gpt-4o"),
            ("openai", "gpt-4o-2024-05-13", "gpt-4o-2024-05-13"),
            ("openai", "ft:gpt-4o-mini-2024-07-18:org::id", "gpt-4o-mini"),
            ("anthropic", "claude-haiku-4-5-20251001", "claude-haiku-4-5"),
            ("google", "gemini-2.0-flash-001", "gemini-2.0-flash"),
            ("google", "models/gemini-3.8-flash", "gemini-3.8-flash"),
            ("groq", "openai/gpt-oss-120b", "openai/gpt-oss-120b"),
        ],
    )
    def test_name_selects_its_row(self, vendor: str, model: str, row: str) -> None:
        found = catalog.facts(vendor, model)
        assert found is not None
        assert (found.vendor, found.name) == (vendor, row)

    @pytest.mark.parametrize(
        ("vendor", "model"),
        [
            ("openai", "gpt-4o-mini-2"),
            ("openai", "gpt-5.6-sol-latest"),
            ("openai", "claude-opus-5"),
            ("nobody", "gpt-4o"),
            ("openai", ""),
            ("openai", "ft:"),
        ],
    )
    def test_a_name_that_only_looks_alike_is_not_known(self, vendor: str, model: str) -> None:
        assert catalog.facts(vendor, model) is None

    @given(st.text(max_size=40))
    def test_any_name_is_handled(self, name: str) -> None:
        for vendor in ("openai", "anthropic", "google", name):
            catalog.facts(vendor, name)
            catalog.retirement(vendor, name)
        catalog.licence(name)

    def test_reasoning_models_refuse_sampling_where_they_always_reason(self) -> None:
        for model in ("o1", "o3", "gpt-5", "gpt-5-mini", "gpt-5.2-pro"):
            assert {"temperature", "top_p", "logprobs"} <= _facts("openai", model).refuses
        for model in ("gpt-4o", "gpt-5.1", "gpt-5.6-sol", "gpt-5-chat-latest"):
            assert "temperature" not in _facts("openai", model).refuses


def _facts(vendor: str, model: str) -> catalog.ModelFacts:
    found = catalog.facts(vendor, model)
    assert found is not None
    return found


class TestNarrow:
    def test_common_capabilities(self) -> None:
        capabilities = catalog.narrow(WIRE, "openai", "o3-mini")
        assert capabilities.known
        assert (capabilities.input, capabilities.remote) == ({"text"}, frozenset())
        assert capabilities.output == {"text"}
        assert capabilities.settings == ALL_SETTINGS - {"temperature", "top_p", "logprobs"}
        assert capabilities.tools
        assert (capabilities.context, capabilities.max_output) == (200_000, 100_000)

    def test_a_model_that_does_not_reason_has_no_reasoning(self) -> None:
        assert "reasoning" not in catalog.narrow(WIRE, "openai", "gpt-4o").settings
        assert "reasoning" in catalog.narrow(WIRE, "openai", "gpt-5").settings

    def test_model_capabilities_stay_within_the_wire(self) -> None:
        poor = Capabilities(settings=frozenset({"seed"}), tools=False, structured=False)
        capabilities = catalog.narrow(poor, "google", "gemini-3.8-flash")
        assert (capabilities.input, capabilities.settings) == ({"text"}, {"seed"})
        assert (capabilities.tools, capabilities.structured) == (False, False)

    @pytest.mark.parametrize(("vendor", "model"), [("openai", "new-9"), (None, "gpt-4o")])
    def test_an_undescribed_model_keeps_all_capabilities(
        self, vendor: str | None, model: str
    ) -> None:
        known_wire = Capabilities(input=WIRE.input, output=WIRE.output, remote=WIRE.remote)
        assert catalog.narrow(known_wire, vendor, model) == WIRE

    def test_validation_is_cheap_for_each_request(self) -> None:
        times = timeit.repeat(
            lambda: catalog.narrow(WIRE, "openai", "gpt-5.6-sol"), number=2000, repeat=9
        )
        assert min(times) / 2000 < 5e-6  # 0.3 µs where nothing else runs


class TestLicences:
    @pytest.mark.parametrize(
        ("model", "name"),
        [
            ("meta-llama/Llama-3.1-8B-Instruct", "Llama Community License"),
            ("meta-llama/Meta-Llama-3-8B", "Llama Community License"),
            ("mistralai/Mistral-Large-Instruct-2407", "Mistral Research License"),
            ("mistralai/Codestral-22B-v0.1", "Mistral Non-Production License"),
            ("Qwen/Qwen2.5-VL-3B-Instruct", "Qwen Research License"),
            ("Qwen/Qwen2.5-VL-7B-Instruct", "Apache-2.0"),
            ("openai/gpt-oss-20b", "Apache-2.0"),
            ("deepseek-ai/DeepSeek-V3-0324", "MIT"),
            ("deepseek-ai/DeepSeek-V3", "DeepSeek License"),
            ("deepseek-ai/DeepSeek-V2", "DeepSeek License"),
            ("deepseek-ai/deepseek-vl-7b-chat", "DeepSeek License"),
            ("claude-opus-5-5", "weights not published"),
        ],
    )
    def test_weights_have_their_licence(self, model: str, name: str) -> None:
        found = catalog.licence(model)
        assert found is not None
        assert found.name == name

    def test_unverified_figures_are_marked(self) -> None:
        phi, llama = catalog.licence("microsoft/phi-4"), catalog.licence("codellama/x")
        assert phi is not None
        assert llama is not None
        assert (phi.origin.doubt, llama.origin.doubt) == ("unverified", "second-hand")

    def test_an_unknown_licence_is_none(self) -> None:
        assert catalog.licence("somebody/else") is None


def test_the_tables_are_read_on_first_use_only() -> None:
    program = "import fmsdk, fmsdk.catalog, fmsdk.data; print(len(fmsdk.data._CACHE))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.split() == ["0"], done.stderr
