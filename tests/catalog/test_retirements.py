"""Models that are gone, or going, at their vendor's own endpoint; models nobody described."""

from __future__ import annotations

import asyncio
import datetime
import json
import pickle
from pathlib import Path
from typing import Any

import pytest

import fmsdk
from fmsdk import catalog
from fmsdk.catalog.lifecycle import Clock, today
from fmsdk.testing import FakeProvider

DATA = Path(fmsdk.__file__).parent / "data" / "retirements.json"
ROWS = [
    (group["vendor"], name, datetime.date.fromisoformat(row["date"]), row.get("successor"))
    for group in json.loads(DATA.read_text("utf-8"))["groups"]
    for row in group["rows"]
    for name in row["models"]
]
DAY = datetime.timedelta(days=1)
LONG_AFTER = datetime.date(2100, 1, 1)


def ask(provider: FakeProvider, model: str, clock: Clock, **asked: Any) -> fmsdk.Response[Any]:
    with fmsdk.Client(providers={"v": provider}, clock=clock) as client:
        return client.generate(f"v:{model}", "Hi", **asked)


def codes(warnings: tuple[fmsdk.Warning, ...]) -> list[str]:
    return [warning.code for warning in warnings]


class TestEveryRow:
    @pytest.mark.parametrize(("vendor", "model", "date", "successor"), ROWS)
    def test_before_on_and_after_the_day(
        self, vendor: str, model: str, date: datetime.date, successor: str | None
    ) -> None:
        provider = FakeProvider(vendor=vendor)
        (warning,) = ask(provider, model, lambda: date - DAY).warnings
        assert warning.code == "model_retiring"
        assert date.isoformat() in warning.message
        assert successor is None or f"v:{successor}" in warning.message
        for moment in (date, date + DAY):
            with pytest.raises(fmsdk.ModelRetired) as caught:
                ask(provider, model, lambda moment=moment: moment)
            error = caught.value
            assert (error.date, error.successor) == (date, successor)
            assert (error.provider, error.model) == ("v", model)
            assert date.isoformat() in error.message
            assert successor is None or f"v:{successor}" in error.message
            assert not error.retryable
        assert len(provider.requests) == 1  # nothing was sent of the refused ones

    @pytest.mark.parametrize(("vendor", "model", "date", "successor"), ROWS)
    def test_allow_retired_gets_an_answer_and_one_warning(
        self, vendor: str, model: str, date: datetime.date, successor: str | None
    ) -> None:
        answer = ask(FakeProvider(vendor=vendor), model, lambda: date, allow_retired=True)
        assert answer.text == "Hi"
        assert codes(answer.warnings) == ["model_retired"]


@pytest.mark.parametrize(
    ("vendor", "model", "date", "successor"),
    [
        ("openai", "gpt-4", "2026-10-23", "gpt-5.6-sol"),
        ("openai", "gpt-4-turbo-2024-04-09", "2026-10-23", "gpt-5.6-sol"),
        ("openai", "gpt-4o-2024-05-13", "2026-10-23", "gpt-5.6-sol"),
        ("openai", "gpt-4o", "2027-01-14", "gpt-6-luna"),
        ("openai", "gpt-4o-2024-08-06", "2027-01-14", "gpt-6-luna"),
        ("openai", "gpt-4.1-mini-2025-04-14", "2027-01-14", "gpt-6-luna"),
        ("openai", "ft:gpt-4o-mini-2024-07-18:org::id", "2027-01-14", "gpt-6-luna"),
        ("openai", "gpt-audio-2025-08-28", "2027-01-20", "gpt-audio-1.5"),
        ("openai", "whisper-1", "2027-02-26", "gpt-transcribe"),
        ("anthropic", "claude-3-5-sonnet-20241022", "2025-10-28", "claude-sonnet-5-5"),
        ("anthropic", "claude-3-5-haiku-20241022", "2026-02-19", "claude-haiku-4-5"),
        ("google", "gemini-1.5-pro-002", "2025-09-24", "gemini-2.5-pro"),
        ("google", "gemini-1.5-pro-exp-0801", "2025-09-24", "gemini-2.5-pro"),
        ("google", "gemini-1.5-flash-001-tuning", "2025-09-24", "gemini-2.5-flash"),
        ("google", "gemini-2.0-flash-001", "2026-06-01", "gemini-2.5-flash"),
        ("google", "gemini-2.0-flash-lite-preview-02-05", "2026-06-01", "gemini-2.5-flash-lite"),
        ("google", "models/gemini-1.0-pro-001", "2025-04-09", "gemini-2.5-flash"),
        ("openai", "gpt-4-1106-vision-preview", "2024-12-06", "gpt-5.6-sol"),
        ("google", "gemini-2.5-pro", "2026-12-01", "gemini-3.8-flash"),
        ("google", "gemini-2.5-flash", "2026-12-01", "gemini-3.5-flash-lite"),
    ],
)
def test_known_retirements(vendor: str, model: str, date: str, successor: str) -> None:
    end = catalog.retirement(vendor, model)
    assert end is not None
    assert (end.date.isoformat(), end.successor) == (date, successor)


@pytest.mark.parametrize("model", ["babbage-002", "davinci-002"])
def test_trailing_number_is_a_version_at_google_only(model: str) -> None:
    assert catalog.retirement("openai", model) is None


@pytest.mark.parametrize(
    "model",
    ["gemini-1.5-pro", "publishers/google/models/gemini-1.5-flash-002", "google/gemini-pro"],
)
def test_vertex_has_days_of_its_own(model: str) -> None:
    with pytest.raises(fmsdk.ModelRetired, match="2025-"):
        ask(FakeProvider(vendor="google-vertex"), model, lambda: LONG_AFTER)


def test_where_vertexs_day_is_not_known_that_of_ai_studio_is_a_warning() -> None:
    provider = FakeProvider(vendor="google-vertex")
    day = datetime.date(2026, 6, 1)
    for now in (day, LONG_AFTER):
        answer = ask(provider, "gemini-2.0-flash-001", lambda now=now: now)
        assert codes(answer.warnings) == ["model_retiring"]
        assert "the date at google-vertex is unknown" in answer.warnings[0].message
    assert ask(provider, "gemini-2.0-flash-001", lambda: day - DAY).warnings == ()
    assert ask(provider, "gemini-3.8-flash", lambda: LONG_AFTER).warnings == ()


def test_another_served_model_is_warned_about() -> None:
    provider = FakeProvider(vendor="google")
    before = ask(provider, "gemini-2.5-pro", lambda: datetime.date(2026, 11, 30)).warnings
    assert "answers with gemini-3.8-flash instead, at its price" in before[0].message
    assert "second-hand" in before[0].message
    with pytest.raises(fmsdk.ModelRetired, match=r"answers with gemini-3\.8-flash instead"):
        ask(provider, "gemini-2.5-pro", lambda: datetime.date(2026, 12, 1))


def test_a_retiring_successor_is_named_as_such() -> None:
    with pytest.raises(fmsdk.ModelRetired, match=r"until 2026-12-01, then gemini-3\.8-flash"):
        ask(FakeProvider(vendor="google"), "gemini-1.5-pro", lambda: LONG_AFTER)


@pytest.mark.parametrize("vendor", [None, "anthropic"])
def test_retired_name_works_at_another_server(vendor: str | None) -> None:
    answer = ask(FakeProvider(vendor=vendor), "gpt-4", lambda: LONG_AFTER)
    assert (answer.text, answer.warnings) == ("Hi", ())


def test_a_model_without_an_end_has_no_warning() -> None:
    assert ask(FakeProvider(vendor="openai"), "gpt-5.6-sol", lambda: LONG_AFTER).warnings == ()


def test_streams_refuse_and_warn_alike() -> None:
    provider = FakeProvider(vendor="openai")
    client = fmsdk.Client(providers={"v": provider}, clock=lambda: LONG_AFTER)
    with pytest.raises(fmsdk.ModelRetired), client.stream("v:gpt-4o", "Hi") as stream:
        list(stream)
    with client.stream("v:gpt-4o", "Hi", allow_retired=True) as stream:
        list(stream)
    assert codes(stream.response.warnings) == ["model_retired"]
    assert len(provider.requests) == 1


def test_a_quote_sends_nothing_and_so_only_warns() -> None:
    providers = {"v": FakeProvider(vendor="openai", price_id="openai")}
    late = fmsdk.Client(providers=providers, clock=lambda: LONG_AFTER)
    early = fmsdk.Client(providers=providers, clock=lambda: datetime.date(2020, 1, 1))
    assert codes(late.quote("v:gpt-4o", "Hi").warnings)[0] == "model_retired"
    assert codes(early.quote("v:gpt-4o", "Hi").warnings)[0] == "model_retiring"


def test_an_error_of_a_retired_model_survives_a_process_pool() -> None:
    with pytest.raises(fmsdk.ModelRetired) as caught:
        ask(FakeProvider(vendor="openai"), "gpt-4", lambda: LONG_AFTER)
    again = pickle.loads(pickle.dumps(caught.value))
    assert (again.date, again.successor, again.message) == (
        datetime.date(2026, 10, 23),
        "gpt-5.6-sol",
        caught.value.message,
    )


class TestTheClock:
    @pytest.mark.parametrize(
        ("now", "date"),
        [
            (datetime.date(2026, 5, 1), "2026-05-01"),
            (datetime.datetime(2026, 5, 1, 23, 59), "2026-05-01"),
            (datetime.datetime(2026, 5, 1, 23, 59, tzinfo=datetime.UTC), "2026-05-01"),
            (
                datetime.datetime(
                    2026, 5, 1, 23, 59, tzinfo=datetime.timezone(datetime.timedelta(hours=-8))
                ),
                "2026-05-02",
            ),
        ],
    )
    def test_retirement_dates_are_in_utc(
        self, now: datetime.date | datetime.datetime, date: str
    ) -> None:
        assert today(lambda: now).isoformat() == date

    def test_retirement_without_a_given_date_uses_today(self) -> None:
        before = datetime.datetime.now(datetime.UTC).date()
        assert before <= today(None) <= datetime.datetime.now(datetime.UTC).date()

    def test_a_limit_of_calls_at_once_keeps_it(self) -> None:
        async def main() -> None:
            client = fmsdk.AsyncClient(
                providers={"v": FakeProvider(vendor="openai")},
                clock=lambda: datetime.date(2020, 1, 1),
                max_concurrency=1,
            )
            answer = await client.generate("v:gpt-4", "Hi")
            assert codes(answer.warnings) == ["model_retiring"]

        asyncio.run(main())


class Untold(FakeProvider):
    """Knows its models after it has asked for them, if at all; counts how often it asked."""

    def __init__(self, *, tells: bool, **rest: Any) -> None:
        super().__init__(**rest)
        self.tells, self.asked = tells, 0
        self._can: dict[str, fmsdk.Capabilities] = {}

    def capabilities(self, model: str) -> fmsdk.Capabilities:
        return self._can.get(model, fmsdk.Capabilities(known=False))

    async def learn(self, model: str) -> None:
        self.asked += 1
        if self.tells:
            self._can[model] = fmsdk.Capabilities(settings=frozenset())


class TestUnknownModels:
    def test_undescribed_models_are_asked_with_one_warning(self) -> None:
        provider = Untold(tells=False, replies=[fmsdk.ServerError("busy"), "Yes"])
        with fmsdk.Client(providers={"v": provider}) as client:
            answer = client.generate("v:new", "Hi", temperature=0.5)
        assert answer.text == "Yes"
        assert codes(answer.warnings) == ["model_unknown"]
        assert "has no facts on v:new" in answer.warnings[0].message

    def test_a_server_with_a_listing_is_asked_once(self) -> None:
        provider = Untold(tells=True)
        with fmsdk.Client(providers={"v": provider}) as client:
            assert client.generate("v:new", "Hi").warnings == ()
            with pytest.raises(fmsdk.UnsupportedSetting):
                client.generate("v:new", "Hi", temperature=0.5)
        assert provider.asked == 1
        assert len(provider.requests) == 1

    def test_a_quote_never_asks_the_server(self) -> None:
        provider = Untold(tells=True)
        fmsdk.Client(providers={"v": provider}).quote("v:new", "Hi")
        assert provider.asked == 0

    def test_capabilities_found_while_loading_count(self) -> None:
        class Loading(Untold):
            async def load(self, model: str) -> float:
                self._can[model] = fmsdk.Capabilities()
                return 0.0

        provider = Loading(tells=False)
        with fmsdk.Client(providers={"v": provider}) as client:
            assert client.generate("v:new", "Hi").warnings == ()


class TestTombstones:
    def test_a_provider_that_is_gone_names_the_alternatives(self) -> None:
        with pytest.raises(fmsdk.ModelRetired) as caught:
            fmsdk.Client().generate("github:gpt-4o", "Hi")
        error = caught.value
        assert error.date == datetime.date(2026, 7, 30)
        assert error.provider == "github"
        for place in ("copilot:", "openai:", "azure:", "openrouter:", "Microsoft Foundry"):
            assert place in error.message
            assert place in error.alternatives

    def test_quote_and_configuration_refuse_a_retired_model(self) -> None:
        with pytest.raises(fmsdk.ModelRetired, match="2026-07-30"):
            fmsdk.Client().quote("github:gpt-4o", "Hi")
        with pytest.raises(fmsdk.ModelRetired, match="2026-07-30"):
            fmsdk.Client(providers={"github": {"api_key": "x"}})

    def test_own_server_may_use_a_retired_name(self) -> None:
        with fmsdk.Client(providers={"github": FakeProvider(["Yes"])}) as client:
            assert client.generate("github:any", "Hi").text == "Yes"
