"""The promises of every provider, as a pytest suite to subclass.

    class TestMyProvider(ProviderConformance):
        @pytest.fixture
        def subject(self) -> Subject:
            return Subject(make=lambda: MyProvider(config), model="small")

The tests drive the provider through `AsyncClient`, as users do, and through the contract.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pytest

from fmsdk.client import AsyncClient
from fmsdk.content import Audio, Document, Image, Modality, Text, Video
from fmsdk.errors import BadRequestError, QuoteUnavailable, UnsupportedContent
from fmsdk.provider import CONTRACT_VERSION, Capabilities, Estimate, Provider
from fmsdk.request import build
from fmsdk.response import Event, Finished

__all__ = ["ProviderConformance", "Subject"]

T = TypeVar("T")
MODALITIES: tuple[Modality, ...] = ("text", "image", "audio", "video", "document")
_MEDIA_TYPES: dict[str, Any] = {
    "image": Image,
    "audio": Audio,
    "video": Video,
    "document": Document,
}
_SAMPLES: dict[str, bytes] = {
    "image": bytes.fromhex(
        "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154"
        "789c63f8ffff3f0005fe02fe0def46b80000000049454e44ae426082"
    ),
    "audio": bytes.fromhex(
        "524946462600000057415645666d74201000000001000100401f0000803e0000020010006461746102000000"
        "0000"
    ),
    "video": b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom",
    "document": b"%PDF-1.4\n%%EOF\n",
}


@dataclass
class Subject:
    """A provider under test. `make` returns it, and is called inside the event loop. `prompt` and
    `settings` are a request that it can answer completely; if `deterministic`, always with the same
    text. `embedding_model` is a model for `embed`; None if the provider has none."""

    make: Callable[[], Provider]
    model: str
    prompt: Any = "Say hello."
    settings: dict[str, Any] = field(default_factory=dict[str, Any])
    deterministic: bool = True
    embedding_model: str | None = None


class ProviderConformance:
    """Subclass, and give a `subject` fixture."""

    @pytest.fixture
    def subject(self) -> Subject:
        raise pytest.UsageError(f"{type(self).__name__} must define the fixture `subject`")

    def test_it_speaks_this_version_of_the_contract(self, subject: Subject) -> None:
        async def check_provider(provider: Provider) -> None:
            assert provider.contract_version == CONTRACT_VERSION
            assert isinstance(provider.capabilities(subject.model), Capabilities)

        _with_provider(subject, check_provider)

    def test_an_answer_has_content_usage_latency_and_no_invented_cost(
        self, subject: Subject
    ) -> None:
        async def check_provider(provider: Provider) -> None:
            client = AsyncClient(providers={provider.name: provider}, retries=0)
            name = f"{provider.name}:{subject.model}"
            answer = await client.generate(name, subject.prompt, **subject.settings)
            assert answer.parts
            assert answer.finish in ("stop", "length", "tool_calls")
            assert answer.latency.total > 0
            assert len(answer.latency.attempts) == 1
            if answer.usage.source == "unknown":
                assert answer.usage.input.total is None
            else:
                assert answer.usage.input.total is not None
                assert answer.usage.output.total is not None
            assert answer.cost is None or answer.cost.total == sum(
                line.amount for line in answer.cost.lines
            )

        _with_provider(subject, check_provider)

    def test_the_provider_itself_leaves_cost_to_the_core(self, subject: Subject) -> None:
        async def check_provider(provider: Provider) -> None:
            await provider.load(subject.model)
            answer = await provider.generate(_request(subject))
            assert answer.cost is None

        _with_provider(subject, check_provider)

    def test_a_stream_ends_with_one_finish_and_gives_the_same_answer(
        self, subject: Subject
    ) -> None:
        async def check_provider(provider: Provider) -> None:
            name = f"{provider.name}:{subject.model}"
            client = AsyncClient(providers={provider.name: provider}, retries=0)
            events: list[Event] = []
            async with client.stream(name, subject.prompt, **subject.settings) as stream:
                events.extend([event async for event in stream])
            assert [isinstance(event, Finished) for event in events].count(True) == 1
            assert isinstance(events[-1], Finished)
            stream_response = stream.response
            assert stream_response.latency.time_to_first_token is not None
            assert 0 < stream_response.latency.time_to_first_token <= stream_response.latency.total
            if subject.deterministic:
                response = await client.generate(name, subject.prompt, **subject.settings)
                assert stream_response.text == response.text
                assert stream_response.finish == response.finish
                assert [type(p) for p in stream_response.parts] == [type(p) for p in response.parts]
                assert stream_response.usage.output.total == response.usage.output.total

        _with_provider(subject, check_provider)

    def test_leaving_a_stream_early_keeps_what_arrived_and_leaves_no_task(
        self, subject: Subject
    ) -> None:
        async def check_provider(provider: Provider) -> None:
            name = f"{provider.name}:{subject.model}"
            client = AsyncClient(providers={provider.name: provider}, retries=0)
            before = asyncio.all_tasks()
            async with client.stream(name, subject.prompt, **subject.settings) as stream:
                first = await anext(aiter(stream))
            assert stream.response.finish == "cancelled" or isinstance(first, Finished)
            assert stream.response.parts
            await asyncio.sleep(0)
            assert asyncio.all_tasks() == before

        _with_provider(subject, check_provider)

    def test_content_it_does_not_take_raises_before_anything_is_sent(
        self, subject: Subject
    ) -> None:
        async def check_provider(provider: Provider) -> None:
            client = AsyncClient(providers={provider.name: provider}, retries=0)
            input_kinds = provider.capabilities(subject.model).input
            assert input_kinds
            for kind in (kind for kind in MODALITIES if kind not in input_kinds):
                part = Text("Hello") if kind == "text" else _MEDIA_TYPES[kind](_SAMPLES[kind])
                with pytest.raises(UnsupportedContent) as caught:
                    await client.generate(f"{provider.name}:{subject.model}", part)
                assert caught.value.part == kind
                assert not caught.value.retryable

        _with_provider(subject, check_provider)

    def test_another_providers_options_raise(self, subject: Subject) -> None:
        class Foreign:
            pass

        async def check_provider(provider: Provider) -> None:
            client = AsyncClient(providers={provider.name: provider}, retries=0)
            with pytest.raises(BadRequestError):
                await client.generate(
                    f"{provider.name}:{subject.model}",
                    subject.prompt,
                    options=Foreign(),
                    **subject.settings,
                )

        _with_provider(subject, check_provider)

    def test_a_request_can_be_estimated_offline(self, subject: Subject) -> None:
        async def check_provider(provider: Provider) -> None:
            request = _request(subject)
            try:
                estimate = provider.estimate(request)
            except QuoteUnavailable:
                assert any(request.media())  # whose size is not always known
                return
            assert isinstance(estimate, Estimate)
            assert estimate.input.low > 0

        _with_provider(subject, check_provider)

    def test_each_text_becomes_a_vector(self, subject: Subject) -> None:
        async def check_provider(provider: Provider) -> None:
            if subject.embedding_model is None:
                pytest.skip("the subject names no embedding_model")
            client = AsyncClient(providers={provider.name: provider}, retries=0)
            name = f"{provider.name}:{subject.embedding_model}"
            result = await client.embed(name, ["one", "two", "three"])
            assert len(result.vectors) == 3
            assert all(len(vector) == result.dimensions for vector in result.vectors)
            assert len(result.latency.attempts) == 1
            with pytest.raises(BadRequestError):
                await client.embed(name, ["one", " "])

        _with_provider(subject, check_provider)

    def test_closing_twice_does_no_harm(self, subject: Subject) -> None:
        async def check_provider(provider: Provider) -> None:
            await provider.aclose()
            await provider.aclose()

        _with_provider(subject, check_provider)


def _with_provider(subject: Subject, check_provider: Callable[[Provider], Awaitable[None]]) -> None:
    async def main() -> None:
        provider = subject.make()
        try:
            await check_provider(provider)
        finally:
            await provider.aclose()

    asyncio.run(main())


def _request(subject: Subject) -> Any:
    return build(f"under-test:{subject.model}", subject.prompt, **subject.settings)
