"""The pipeline: retries, deadlines, latency, cost, and streams that are left or break."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import fmsdk
from fmsdk.pipeline import retry
from fmsdk.response import Event
from fmsdk.testing import FakeProvider
from fmsdk.transcription import TranscribeRequest


def ask(provider: FakeProvider, prompt: Any = "Hi there", **asked: Any) -> fmsdk.Response[Any]:
    with fmsdk.Client(providers={"fake": provider}) as client:
        return client.generate("fake:any", prompt, **asked)


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "BASE_DELAY", 0.001)


def test_a_retryable_error_is_tried_again_and_every_attempt_is_accounted() -> None:
    provider = FakeProvider([fmsdk.ServerError("busy", status=503), fmsdk.Timeout("slow"), "Yes"])
    answer = ask(provider)
    assert answer.text == "Yes"
    attempts = answer.latency.attempts
    assert [(a.error, a.status) for a in attempts] == [
        ("ServerError", 503),
        ("Timeout", None),
        (None, None),
    ]
    assert attempts[0].waited == 0.0
    assert answer.latency.total >= sum(a.seconds + a.waited for a in attempts)


def test_retries_end_and_the_error_lists_all_attempts() -> None:
    provider = FakeProvider([fmsdk.ServerError(f"busy {n}") for n in range(5)])
    with pytest.raises(fmsdk.ServerError, match="busy 2") as caught:
        ask(provider)
    assert len(caught.value.attempts) == 3
    assert (caught.value.provider, caught.value.model) == ("fake", "any")


def test_an_error_that_cannot_be_mended_is_not_tried_again() -> None:
    provider = FakeProvider([fmsdk.AuthenticationError("no"), "never"])
    with pytest.raises(fmsdk.AuthenticationError):
        ask(provider)
    assert len(provider.requests) == 1


def test_the_vendors_retry_after_is_waited_for() -> None:
    provider = FakeProvider(
        [fmsdk.RateLimitError("slow down", retry_after=0.2), "Yes"], backoff=True
    )
    attempts = ask(provider).latency.attempts
    assert 0.2 <= attempts[1].waited <= 0.2 * (1 + retry.RETRY_AFTER_JITTER)


def test_wait_beyond_the_deadline_ends_at_once() -> None:
    provider = FakeProvider([fmsdk.RateLimitError("slow down", retry_after=60.0), "Yes"])
    with pytest.raises(fmsdk.RateLimitError):
        ask(provider, timeout=5.0)
    assert len(provider.requests) == 1


@given(
    retry_or_raise=st.integers(1, 50),
    after=st.none() | st.floats(0, 1e4),
    retries=st.integers(0, 50),
)
def test_no_delay_is_negative_or_unbounded(
    retry_or_raise: int, after: float | None, retries: int
) -> None:
    error = fmsdk.RateLimitError("x", retry_after=after)
    delay = retry.delay_before_retry(error, retry_or_raise, retries=retries, remaining=None)
    if retry_or_raise > retries or (after or 0) >= retry.LONGEST_WAIT:
        assert delay is None
    elif (after or 0) * (1 + retry.RETRY_AFTER_JITTER) < retry.LONGEST_WAIT:
        assert delay is not None
        assert (after or 0) <= delay <= max(retry.MAX_DELAY, (after or 0) * 1.1)


@pytest.mark.parametrize("streamed", [False, True])
def test_a_deadline_ends_in_a_typed_timeout(streamed: bool) -> None:
    client = fmsdk.Client(providers={"fake": FakeProvider(["a b c"], delay=5.0)})
    with pytest.raises(fmsdk.Timeout, match=r"0\.05 s") as caught:
        if streamed:
            with client.stream("fake:any", "Hi", timeout=0.05) as stream:
                list(stream)
        else:
            client.generate("fake:any", "Hi", timeout=0.05)
    assert caught.value.retryable
    assert len(caught.value.attempts) == 1


def test_the_time_between_two_events_does_not_cancel_the_consumer() -> None:
    async def main() -> str:
        client = fmsdk.AsyncClient(providers={"fake": FakeProvider(["one two three"])})
        with pytest.raises(fmsdk.Timeout):
            async with client.stream("fake:any", "Hi", timeout=0.05) as stream:
                async for _ in stream:
                    await asyncio.sleep(0.2)  # must not be interrupted
        return stream.response.text

    assert asyncio.run(main()) == "one "


class Breaking(FakeProvider):
    """Breaks off after some events, the first `times` times."""

    def __init__(self, after: int, times: int = 1, **rest: Any) -> None:
        super().__init__(**rest)
        self.after, self.times, self.closed_streams = after, times, 0

    async def events(self, request: fmsdk.Request) -> AsyncGenerator[Event, None]:
        count = 0
        try:
            async for event in super().events(request):
                if count == self.after and self.times:
                    self.times -= 1
                    raise fmsdk.ConnectionFailed("gone")
                yield event
                count += 1
        finally:
            self.closed_streams += 1


def test_a_stream_is_tried_again_before_the_first_token() -> None:
    client = fmsdk.Client(providers={"fake": Breaking(after=0)})
    with client.stream("fake:any", "one two") as stream:
        assert "".join(e.text for e in stream if isinstance(e, fmsdk.TextDelta)) == "one two"
    assert [a.error for a in stream.response.latency.attempts] == ["ConnectionFailed", None]


def test_a_stream_is_never_tried_again_after_the_first_token() -> None:
    provider = Breaking(after=1)
    client = fmsdk.Client(providers={"fake": provider})
    with (
        pytest.raises(fmsdk.ConnectionFailed) as caught,
        client.stream("fake:any", "one two three") as stream,
    ):
        list(stream)
    assert len(provider.requests) == 1
    partial = caught.value.partial
    assert partial.text == "one "
    assert partial.finish == "cancelled"
    assert partial.usage.source == "estimated"
    assert partial.usage.input.total == 3
    assert partial.usage.output.total
    assert stream.response.text == "one "


@pytest.mark.parametrize("way", ["generate", "stream"])
def test_a_providers_own_time_limit_is_a_timeout(way: str) -> None:
    class Impatient(FakeProvider):
        async def generate(self, request: fmsdk.Request) -> fmsdk.Response[Any]:
            raise TimeoutError

        async def events(self, request: fmsdk.Request) -> AsyncGenerator[Event, None]:
            if request:
                raise TimeoutError
            yield fmsdk.TextDelta("")

    client = fmsdk.Client(providers={"fake": Impatient()}, retries=0)
    with pytest.raises(fmsdk.Timeout, match="before any deadline"):
        client.generate("fake:any", "Hi") if way == "generate" else [
            *client.stream("fake:any", "Hi")
        ]


def test_waiting_for_another_load_does_not_count() -> None:
    class Loading(FakeProvider):
        async def load(self, model: str) -> float:
            await asyncio.sleep(0.5)
            return 0.0  # another call loads it

    client = fmsdk.Client(providers={"fake": Loading(["Yes"])}, timeout=0.3, retries=0)
    assert client.generate("fake:any", "Hi").text == "Yes"


def test_stopping_after_the_last_event_is_no_abort() -> None:
    client = fmsdk.Client(providers={"fake": FakeProvider(["one two"])})
    with client.stream("fake:any", "Hi") as stream:
        next(event for event in stream if isinstance(event, fmsdk.Finished))
    assert stream.response.finish == "stop"
    assert [attempt.error for attempt in stream.response.latency.attempts] == [None]


class Unfinished(FakeProvider):
    """Ends without a finish, and raises nothing."""

    async def events(self, request: fmsdk.Request) -> AsyncGenerator[Event, None]:
        yield fmsdk.TextDelta("half an ans")


def test_conformance_detects_a_missing_finish() -> None:
    client = fmsdk.Client(providers={"fake": Unfinished()})
    with (
        pytest.raises(fmsdk.IncompleteStream) as caught,
        client.stream("fake:any", "Hi") as stream,
    ):
        list(stream)
    assert caught.value.partial.text == "half an ans"


def test_leaving_a_stream_closes_it_at_once_and_keeps_what_arrived() -> None:
    provider = Breaking(after=99, delay=0.01)
    client = fmsdk.Client(providers={"fake": provider})
    with client.stream("fake:any", "one two three four") as stream:
        for event in stream:
            assert isinstance(event, fmsdk.TextDelta)
            break
    assert provider.closed_streams == 1
    response = stream.response
    assert response.text.startswith("one ")
    assert response.finish == "cancelled"
    assert response.usage.source == "estimated"
    assert [attempt.error for attempt in response.latency.attempts] == ["Cancelled"]


def test_cancelling_the_caller_cancels_the_request() -> None:
    provider = Breaking(after=99, delay=0.02)

    async def main() -> None:
        client = fmsdk.AsyncClient(providers={"fake": provider})

        async def read() -> None:
            async with client.stream("fake:any", "one two three four five") as stream:
                async for _ in stream:
                    pass

        task = asyncio.create_task(read())
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert provider.closed_streams == 1


def test_max_concurrency_holds_and_waiting_is_queue_time() -> None:
    async def main() -> list[fmsdk.Response[Any]]:
        provider = FakeProvider(delay=0.1)
        client = fmsdk.AsyncClient(providers={"fake": provider}, max_concurrency=1)
        calls = [client.generate("fake:any", f"number {n}") for n in range(3)]
        return await asyncio.gather(*calls)

    answers = asyncio.run(main())
    assert [a.text for a in answers] == ["number 0", "number 1", "number 2"]
    queues = sorted(a.latency.queue for a in answers)
    assert queues[1] > 0.09
    assert queues[2] > 0.19
    assert queues[0] < queues[1] / 2


def test_hosted_cost_has_lines_that_sum_up_and_a_dated_source() -> None:
    reply = fmsdk.Response(
        provider="fake",
        model="any",
        choices=(fmsdk.Choice((fmsdk.Text("Yes"),), "stop"),),
        served_model="gpt-4o-mini-2024-07-18",
        usage=fmsdk.Usage(
            input=fmsdk.InputUsage(total=1_000_000, cache_read=400_000),
            output=fmsdk.OutputUsage(total=10_000),
            source="measured",
        ),
    )
    cost = ask(FakeProvider([reply], price_id="openai")).cost
    assert cost is not None
    assert cost.total == sum(line.amount for line in cost.lines)
    # gpt-4o-mini: $0.15 in, $0.075 cached, $0.60 out, a million tokens.
    assert cost.total == Decimal("0.126")
    assert "genai-prices" in cost.price_source


def test_no_price_is_no_cost_and_never_zero() -> None:
    assert ask(FakeProvider(["Yes"])).cost is None
    assert ask(FakeProvider(["Yes"], price_id="openai")).cost is None  # "any" is no model of theirs


def test_local_cost_is_device_time_at_the_users_price() -> None:
    device = fmsdk.Device(kind="cuda", name="some", hourly_price=Decimal("3.60"))
    reply = fmsdk.Response(
        provider="fake",
        model="any",
        choices=(fmsdk.Choice((fmsdk.Text("Yes"),), "stop"),),
        timings=fmsdk.Timings(device_seconds=2.0, device=device),
    )
    cost = ask(FakeProvider([reply])).cost
    assert cost is not None
    assert cost.total == Decimal("0.002")
    assert [line.unit for line in cost.lines] == ["second"]


def test_throughput_counts_tokens_after_the_first() -> None:
    provider = FakeProvider(["one two three four five six seven eight nine"], delay=0.02)
    client = fmsdk.Client(providers={"fake": provider})
    with client.stream("fake:any", "Hi") as stream:
        list(stream)
    latency = stream.response.latency
    assert latency.time_to_first_token is not None
    assert latency.output_tokens_per_second is not None
    decode = latency.total - latency.queue - latency.time_to_first_token
    assert latency.output_tokens_per_second == pytest.approx(8 / decode, rel=0.1)


def test_a_transcription_has_the_tags_of_its_request() -> None:
    class Hears(FakeProvider):
        async def transcribe(self, request: TranscribeRequest) -> fmsdk.Transcription:
            return fmsdk.Transcription(
                provider="fake", model=request.model, text=request.prompt or ""
            )

    speech = fmsdk.Client(providers={"fake": Hears()}).transcribe(
        "fake:ear", ([0.0, 0.5] * 800, 16000), prompt="names", tags={"team": "blue"}
    )
    assert (speech.text, speech.tags) == ("names", (("team", "blue"),))
    assert len(speech.latency.attempts) == 1


def test_a_provider_without_the_verb_is_one_clear_error() -> None:
    with pytest.raises(fmsdk.BadRequestError, match="anthropic has no speech to text"):
        fmsdk.Client(providers={"anthropic": {"api_key": "key"}}).transcribe(
            "anthropic:claude-sonnet-5", b"RIFF"
        )
