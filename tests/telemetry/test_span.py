"""Spans: what they say, when they end, and under which span."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.trace import SpanKind, StatusCode

import fmsdk
from fmsdk.pipeline import retry
from fmsdk.response import Event
from fmsdk.telemetry import content, names
from fmsdk.testing import FakeProvider
from fmsdk.transcription import TranscribeRequest
from tests.support.telemetry_recorder import Recorder


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "BASE_DELAY", 0.001)
    monkeypatch.delenv(content.VARIABLE, raising=False)


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


class Watching(FakeProvider):
    """Notes the current span while it works, and makes one of its own under it."""

    def __init__(self, recorder: Recorder, **settings: Any) -> None:
        super().__init__(["a b"], **settings)
        self.recorder = recorder
        self.seen: list[trace.Span] = []

    def note(self) -> None:
        self.seen.append(trace.get_current_span())
        self.recorder.tracer.start_span("wire").end()

    async def generate(self, request: fmsdk.Request) -> fmsdk.Response[Any]:
        self.note()
        return await super().generate(request)

    async def events(self, request: fmsdk.Request) -> AsyncGenerator[Event, None]:
        async for event in super().events(request):
            self.note()
            yield event


@dataclass(frozen=True)
class Sampling:
    """Options as providers have them."""

    top_k: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    service_tier: str | None = None


def id_of(span: Any) -> int:
    return span.get_span_context().span_id


class TestSpans:
    @pytest.mark.parametrize("vendor", ["openai", "anthropic"])
    def test_options_that_the_conventions_name(self, recorder: Recorder, vendor: str) -> None:
        usage = fmsdk.Usage(service_tier="flex")
        choices = (fmsdk.Choice((fmsdk.Text("A"),), "stop"),)
        answer = fmsdk.Response(provider="fake", model="m", choices=choices, usage=usage)
        provider = FakeProvider([answer])
        provider.vendor = vendor  # type: ignore[attr-defined]
        recorder.client(provider).generate("fake:m", "Hi", options=Sampling(5, 0.1, 0.2, "auto"))
        told = recorder.attributes
        assert told["gen_ai.request.top_k"] == 5
        assert told["gen_ai.request.frequency_penalty"] == 0.1
        assert told["gen_ai.request.presence_penalty"] == 0.2
        tiers = {name: value for name, value in told.items() if name.endswith("service_tier")}
        assert tiers == (
            {"openai.request.service_tier": "auto", "openai.response.service_tier": "flex"}
            if vendor == "openai"
            else {}
        )

    def test_call_span_follows_the_conventions(self, recorder: Recorder) -> None:
        answer = fmsdk.Response(
            provider="fake",
            model="gpt-5-mini",
            choices=(
                fmsdk.Choice((fmsdk.Text("A"),), "stop"),
                fmsdk.Choice((fmsdk.Text("B"),), "length"),
            ),
            served_model="gpt-5-mini-2025-08-07",
            request_id="req-1",
            raw_body=b'{"id": "chatcmpl-1", "choices": []}',
            usage=fmsdk.Usage(
                input=fmsdk.InputUsage(total=100, image=70, cache_read=40, cache_write=10),
                output=fmsdk.OutputUsage(total=50, text=30, reasoning=20),
                source="measured",
            ),
        )
        provider = FakeProvider([answer], name="openai", price_id="openai")
        provider.base_url = "https://user:hush@api.openai.com/v1?key=hush"  # type: ignore[attr-defined]
        provider.vendor = "openai"
        got = recorder.client(provider).generate(
            "fake:gpt-5-mini",
            "Hi",
            max_output_tokens=9,
            temperature=0.5,
            top_p=0.9,
            seed=7,
            stop="END",
            choices=2,
            tags={"team": "blue"},
            allow_retired=True,  # whatever the date
        )
        span = recorder.span
        assert span.name == "chat gpt-5-mini"
        assert span.kind is SpanKind.CLIENT
        assert span.status.status_code is StatusCode.UNSET
        assert got.cost is not None
        assert got.cost.total > 0
        assert recorder.attributes == {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": "gpt-5-mini",
            "server.address": "api.openai.com",
            "server.port": 443,
            "gen_ai.request.max_tokens": 9,
            "gen_ai.request.temperature": 0.5,
            "gen_ai.request.top_p": 0.9,
            "gen_ai.request.seed": 7,
            "gen_ai.request.stop_sequences": ("END",),
            "gen_ai.request.choice.count": 2,
            "gen_ai.response.id": "chatcmpl-1",
            "gen_ai.response.model": "gpt-5-mini-2025-08-07",
            "gen_ai.response.finish_reasons": ("stop", "length"),
            "gen_ai.usage.input_tokens": 100,
            "gen_ai.usage.output_tokens": 50,
            "gen_ai.usage.cache_read.input_tokens": 40,
            "gen_ai.usage.cache_creation.input_tokens": 10,
            "gen_ai.usage.reasoning.output_tokens": 20,
            "gen_ai.usage.image.input_tokens": 70,
            "gen_ai.usage.text.output_tokens": 30,
            "fmsdk.usage.source": "measured",
            "fmsdk.cost.usd": float(got.cost.total),
            "fmsdk.request_id": "req-1",
            "fmsdk.attempts": 1,
            "fmsdk.tag.team": "blue",
        }

    @pytest.mark.parametrize(
        ("name", "url", "called", "operation"),
        [
            ("anthropic", None, "anthropic", "chat"),
            ("mistral", "https://api.mistral.ai/v1", "mistral_ai", "chat"),
            ("xai", None, "x_ai", "chat"),
            ("x-ai", None, "x_ai", "chat"),
            ("azure", None, "azure.ai.openai", "chat"),
            ("mine", "http://localhost:8000/v1", "mine", "chat"),
            ("google", None, "gcp.gen_ai", "generate_content"),
            (
                "google",
                "https://generativelanguage.googleapis.com",
                "gcp.gemini",
                "generate_content",
            ),
            (
                "google",
                "https://europe-west4-aiplatform.googleapis.com",
                "gcp.vertex_ai",
                "generate_content",
            ),
            (
                "google",
                "https://aiplatform.googleapis.com.evil.example",
                "gcp.gen_ai",
                "generate_content",
            ),
        ],
    )
    def test_providers_have_the_names_of_the_conventions(
        self, recorder: Recorder, name: str, url: str | None, called: str, operation: str
    ) -> None:
        provider = FakeProvider(["Yes"])
        provider.base_url = url  # type: ignore[attr-defined]
        client = fmsdk.Client(providers={name: provider}, tracing=recorder.telemetry)
        client.generate(f"{name}:m", "Hi")
        assert recorder.attributes[names.PROVIDER] == called
        assert recorder.attributes[names.OPERATION] == operation
        assert (names.SERVER_PORT in recorder.attributes) == (url is not None)

    @pytest.mark.parametrize(
        ("asked", "output_type"),
        [
            ({}, None),
            ({"output": {"type": "object", "properties": {}}}, "json"),
            ({"modalities": ("text", "audio")}, "speech"),
            ({"modalities": ("image",)}, "image"),
        ],
    )
    def test_the_type_of_output_that_was_asked_for(
        self, recorder: Recorder, asked: dict[str, Any], output_type: str | None
    ) -> None:
        recorder.client(FakeProvider(["{}"])).generate("fake:any", "Hi", **asked)
        assert recorder.attributes.get(names.OUTPUT_TYPE) == output_type

    @pytest.mark.parametrize("field", ["id", "responseId"])
    def test_the_vendors_id_of_an_answer(self, recorder: Recorder, field: str) -> None:
        choices = (fmsdk.Choice((fmsdk.Text("A"),), "stop"),)
        body = json.dumps({field: "r-1"}).encode()
        answer = fmsdk.Response(provider="fake", model="m", choices=choices, raw_body=body)
        recorder.client(FakeProvider([answer])).generate("fake:any", "Hi")
        assert recorder.attributes["gen_ai.response.id"] == "r-1"

    def test_a_model_in_this_process_is_internal(self, recorder: Recorder) -> None:
        class Local(FakeProvider):
            is_local = True

        recorder.client(Local()).generate("fake:any", "Hi")
        assert recorder.span.kind is SpanKind.INTERNAL

    def test_speech_to_text(self, recorder: Recorder) -> None:
        class Hears(FakeProvider):
            async def transcribe(self, request: TranscribeRequest) -> fmsdk.Transcription:
                usage = fmsdk.Usage(output=fmsdk.OutputUsage(total=3), source="measured")
                return fmsdk.Transcription(
                    provider="fake", model=request.model, text="Hi", usage=usage
                )

        recorder.client(Hears()).transcribe("fake:ear", ([0.0, 0.5] * 800, 16000))
        assert recorder.span.name == "transcribe ear"
        assert recorder.attributes[names.OUTPUT_TOKENS] == 3

    def test_embeddings(self, recorder: Recorder) -> None:
        recorder.client(FakeProvider()).embed("fake:small", ["one two", "three"], tags={"a": "b"})
        assert recorder.span.name == "embeddings small"
        assert recorder.attributes["gen_ai.operation.name"] == "embeddings"
        assert recorder.attributes[names.INPUT_TOKENS] == 3
        assert recorder.attributes["fmsdk.tag.a"] == "b"

    def test_retries_are_events(self, recorder: Recorder) -> None:
        provider = FakeProvider([fmsdk.ServerError("hush", status=503), "Yes"], backoff=True)
        recorder.client(provider).generate("fake:any", "Hi")
        (event,) = recorder.span.events
        assert event.name == "fmsdk.retry"
        found = dict(event.attributes or {})
        assert found.pop("fmsdk.retry.delay") > 0  # type: ignore[operator]
        assert found == {"error.type": "ServerError", "http.response.status_code": 503}
        assert recorder.span.status.status_code is StatusCode.UNSET
        assert recorder.attributes[names.ATTEMPTS] == 2
        assert "hush" not in recorder.written()

    def test_an_error(self, recorder: Recorder) -> None:
        error = fmsdk.AuthenticationError("hush", status=401, request_id="r-1")
        with pytest.raises(fmsdk.AuthenticationError):
            recorder.client(FakeProvider([error])).generate("fake:any", "Hi")
        span = recorder.span
        assert span.status.status_code is StatusCode.ERROR
        assert span.status.description == "AuthenticationError (401)"
        assert recorder.attributes[names.ERROR_TYPE] == "AuthenticationError"
        assert recorder.attributes[names.REQUEST_ID] == "r-1"
        assert span.events == ()
        assert "hush" not in recorder.written()

    def test_a_bug_has_its_full_name(self, recorder: Recorder) -> None:
        class Broken(FakeProvider):
            async def generate(self, request: fmsdk.Request) -> fmsdk.Response[Any]:
                raise json.JSONDecodeError("hush", "", 0)

        with pytest.raises(ValueError, match="hush"):
            recorder.client(Broken()).generate("fake:any", "Hi")
        assert recorder.attributes[names.ERROR_TYPE] == "json.decoder.JSONDecodeError"
        assert recorder.span.status.status_code is StatusCode.ERROR

    def test_a_cancelled_call_is_no_error(self, recorder: Recorder) -> None:
        async def cancel() -> None:
            client = recorder.asynchronous(FakeProvider(delay=30))
            call = asyncio.create_task(client.generate("fake:any", "Hi"))
            await asyncio.sleep(0.02)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call

        asyncio.run(cancel())
        assert recorder.attributes[names.RESPONSE_FINISH_REASONS] == ("cancelled",)
        assert recorder.attributes[names.ATTEMPTS] == 1
        assert recorder.span.status.status_code is StatusCode.UNSET

    def test_hooks_can_add_to_the_span(self, recorder: Recorder) -> None:
        def tell(name: str) -> Any:
            return lambda _: trace.get_current_span().set_attribute(f"app.{name}", True)

        client = recorder.client(
            FakeProvider(), on_request=tell("asked"), on_response=tell("answered")
        )
        client.generate("fake:any", "Hi")
        client.generate("fake:any", "Hi")
        for span in recorder.spans:
            assert {"app.asked", "app.answered"} <= set(span.attributes or {})


class TestStreams:
    def test_a_whole_stream(self, recorder: Recorder) -> None:
        with recorder.client(FakeProvider(["a b c"])).stream("fake:any", "Hi") as stream:
            list(stream)
        found = recorder.attributes
        assert found[names.REQUEST_STREAM] is True
        assert found[names.RESPONSE_FINISH_REASONS] == ("stop",)
        first = stream.response.latency.time_to_first_token
        assert found[names.RESPONSE_FIRST_CHUNK] == first
        (point,) = recorder.points("gen_ai.client.operation.time_to_first_chunk")
        assert point.sum == first
        (chunks,) = recorder.points("gen_ai.client.operation.time_per_output_chunk")
        assert chunks.count == 2

    @pytest.mark.parametrize("leave", ["break", "raise"])
    def test_the_span_ends_when_a_stream_is_left(self, recorder: Recorder, leave: str) -> None:
        client = recorder.client(FakeProvider(["a b c"], delay=0.05))
        try:
            with client.stream("fake:any", "Hi") as stream:
                for _ in stream:
                    if leave == "break":
                        break
                    raise KeyError
        except KeyError:
            assert leave == "raise"
        found = recorder.attributes
        assert found[names.RESPONSE_FINISH_REASONS] == ("cancelled",)
        assert found[names.USAGE_SOURCE] == "estimated"
        assert recorder.span.status.status_code is StatusCode.UNSET
        assert not recorder.points("gen_ai.client.token.usage")  # estimates are no measurements

    def test_an_asynchronous_stream_that_is_left(self, recorder: Recorder) -> None:
        async def leave() -> None:
            client = recorder.asynchronous(FakeProvider(["a b c"]))
            async with client.stream("fake:any", "Hi") as stream:
                async for _ in stream:
                    break
            assert recorder.span.end_time

        asyncio.run(leave())

    def test_a_broken_stream_keeps_what_it_used(self, recorder: Recorder) -> None:
        class Breaks(FakeProvider):
            async def events(self, request: fmsdk.Request) -> AsyncGenerator[Event, None]:
                yield fmsdk.TextDelta("half of it")
                raise fmsdk.ConnectionFailed("gone")

        client = recorder.client(Breaks())
        with pytest.raises(fmsdk.ConnectionFailed), client.stream("fake:any", "Hi") as stream:
            list(stream)
        found = recorder.attributes
        assert found[names.ERROR_TYPE] == "ConnectionFailed"
        assert found[names.OUTPUT_TOKENS] > 0
        assert found[names.USAGE_SOURCE] == "estimated"
        assert recorder.span.status.status_code is StatusCode.ERROR


class TestContext:
    @pytest.mark.parametrize("verb", ["generate", "stream"])
    def test_the_callers_span_is_the_parent_across_threads(
        self, recorder: Recorder, verb: str
    ) -> None:
        provider = Watching(recorder)
        client = recorder.client(provider)
        with recorder.tracer.start_as_current_span("handler") as parent:
            if verb == "generate":
                client.generate("fake:any", "Hi")
            else:
                with client.stream("fake:any", "Hi") as stream:
                    list(stream)
            assert trace.get_current_span() is parent
        span = recorder.span
        assert span.parent is not None
        assert span.parent.span_id == id_of(parent)
        assert span.context.trace_id == parent.get_span_context().trace_id
        assert provider.seen
        assert {id_of(seen) for seen in provider.seen} == {span.context.span_id}
        wire = [s for s in recorder.exporter.get_finished_spans() if s.name == "wire"]
        assert {s.parent.span_id for s in wire if s.parent} == {span.context.span_id}

    @pytest.mark.parametrize("timeout", [None, 30.0])
    def test_between_events_the_consumers_span_is_current(
        self, recorder: Recorder, timeout: float | None
    ) -> None:
        provider = Watching(recorder)

        async def consume() -> None:
            client = recorder.asynchronous(provider)
            with recorder.tracer.start_as_current_span("handler") as parent:
                async with client.stream("fake:any", "Hi", timeout=timeout) as stream:
                    async for _ in stream:
                        assert trace.get_current_span() is parent
                assert trace.get_current_span() is parent

        asyncio.run(consume())
        assert {id_of(seen) for seen in provider.seen} == {recorder.span.context.span_id}

    def test_calls_at_once_do_not_mix(self, recorder: Recorder) -> None:
        async def all_at_once() -> list[int]:
            client = recorder.asynchronous(FakeProvider(delay=0.01))

            async def one() -> int:
                with recorder.tracer.start_as_current_span("handler") as parent:
                    await client.generate("fake:any", "Hi")
                    return id_of(parent)

            return await asyncio.gather(*(one() for _ in range(20)))

        parents = asyncio.run(all_at_once())
        assert sorted(parents) == sorted(s.parent.span_id for s in recorder.spans if s.parent)
