"""A client that is closed ends its calls: with one typed error, which is not retried, and by the
server's count without a further request."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest

import fmsdk
from fmsdk.pipeline import retry
from fmsdk.testing import FakeProvider
from tests.support.concurrent_server import BusyServer, run_concurrent_server
from tests.support.hosted.subjects import KEY, SUBJECTS, Subject
from tests.support.lazy_import import anthropic, openai
from tests.support.patience import PATIENCE

each = pytest.mark.parametrize("subject", SUBJECTS, ids=repr)
CALLS = 5


@pytest.fixture(autouse=True)
def short_backoff(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "BASE_DELAY", 0.02)


Ask = Callable[[fmsdk.AsyncClient, str], Awaitable[Any]]


async def generate(client: fmsdk.AsyncClient, model: str) -> Any:
    return await client.generate(model, "Hi")


async def stream(client: fmsdk.AsyncClient, model: str) -> Any:
    async with client.stream(model, "Hi") as events:
        async for _ in events:
            pass


async def embed(client: fmsdk.AsyncClient, model: str) -> Any:
    return await client.embed(model, ["one", "two"])


class Waiting:
    """Never answers whole: `pieces` of a stream, or nothing. Counts requests."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.requests = 0

    def __call__(self, path: str, body: Any) -> bytes | list[bytes]:
        self.requests += 1
        if self.subject.wire.is_streamed(path, body):
            return self.subject.wire.events(*["Hello."] * 500)
        return json.dumps(self.subject.wire.body("Hello.")).encode()


async def until(is_so: Callable[[], bool]) -> None:
    for _ in range(int(PATIENCE / 0.01)):
        if is_so():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it never came to that")


async def close_while_waiting(
    client: fmsdk.AsyncClient, subject: Subject, ask: Ask, server: BusyServer, reply: Waiting
) -> list[Any]:
    calls = [asyncio.create_task(ask(client, subject.model)) for _ in range(CALLS)]
    await until(lambda: reply.requests == CALLS)
    await asyncio.sleep(0.05)
    await client.aclose()
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    await until(lambda: server.connected == 0)
    await asyncio.sleep(0.2)  # ten times the backoff of a first retry
    assert reply.requests == CALLS
    assert not any(call.cancelling() for call in calls)
    return outcomes


def expect_closed(outcomes: list[Any]) -> None:
    assert {type(outcome) for outcome in outcomes} == {fmsdk.ClientClosed}, outcomes
    for error in outcomes:
        assert not error.retryable
        assert [attempt.error for attempt in error.attempts] == ["ClientClosed"]
        assert error.provider
        assert error.model


@each
@pytest.mark.parametrize("ask", [generate, stream, embed])
def test_waiting_calls_end_and_none_is_sent_again(subject: Subject, ask: Ask) -> None:
    if ask is embed and subject.provider == "anthropic":
        pytest.skip("Anthropic has no embeddings")
    reply = Waiting(subject)
    with run_concurrent_server(reply, delay=60) as server:
        client = subject.client(server.root)
        expect_closed(asyncio.run(close_while_waiting(client, subject, ask, server, reply)))


@each
@pytest.mark.parametrize("kind", ["http_client", "client"])
@pytest.mark.parametrize("ask", [generate, stream])
def test_calls_through_the_callers_own_client(subject: Subject, kind: str, ask: Ask) -> None:
    if kind == "client" and subject.provider == "google":
        pytest.skip("Google's client is not used to send requests")
    reply = Waiting(subject)

    @asynccontextmanager
    async def own_client(root: str) -> AsyncIterator[fmsdk.AsyncClient]:
        url = root + subject.below
        if kind == "http_client":
            own: Any = httpx2.AsyncClient()
            options = {"api_key": KEY, "base_url": url, kind: own}
        else:
            make = openai.AsyncOpenAI if subject.provider == "openai" else anthropic.AsyncAnthropic
            own = make(api_key=KEY, base_url=url)
            options = {kind: own}
        async with own:
            yield fmsdk.AsyncClient(providers={subject.provider: {**options, **subject.options}})

    async def main(server: BusyServer) -> list[Any]:
        async with own_client(server.root) as client:
            return await close_while_waiting(client, subject, ask, server, reply)

    with run_concurrent_server(reply, delay=60) as server:
        expect_closed(asyncio.run(main(server)))


@each
def test_leaving_the_context_ends_calls_too(subject: Subject) -> None:
    reply = Waiting(subject)

    async def main(server: BusyServer) -> list[Any]:
        async with subject.client(server.root) as client:
            calls = [asyncio.create_task(generate(client, subject.model)) for _ in range(CALLS)]
            await until(lambda: reply.requests == CALLS)
        return await asyncio.gather(*calls, return_exceptions=True)

    with run_concurrent_server(reply, delay=60) as server:
        expect_closed(asyncio.run(main(server)))
        assert reply.requests == CALLS


@each
@pytest.mark.parametrize("streamed", [False, True])
def test_closing_a_client_without_await(subject: Subject, streamed: bool) -> None:
    reply = Waiting(subject)
    outcomes: list[Any] = []

    def wait(client: fmsdk.Client) -> None:
        try:
            if streamed:
                with client.stream(subject.model, "Hi") as events:
                    list(events)
            else:
                client.generate(subject.model, "Hi")
        except fmsdk.FmsdkError as error:
            outcomes.append(error)

    with run_concurrent_server(reply, delay=60) as server:
        with subject.sync_client(server.root) as client:
            threads = [threading.Thread(target=wait, args=(client,)) for _ in range(CALLS)]
            for thread in threads:
                thread.start()
            deadline = time.monotonic() + PATIENCE
            while reply.requests < CALLS and time.monotonic() < deadline:
                time.sleep(0.01)
        for thread in threads:
            thread.join(PATIENCE)
        assert len(outcomes) == CALLS
        expect_closed(outcomes)
        assert reply.requests == CALLS


@each
def test_a_stream_that_has_begun_keeps_what_arrived(subject: Subject) -> None:
    async def main(server: BusyServer) -> fmsdk.ClientClosed:
        client = subject.client(server.root)
        arrived = asyncio.Event()

        async def read() -> None:
            async with client.stream(subject.model, "Hi") as events:
                async for _ in events:
                    arrived.set()

        task = asyncio.create_task(read())
        await arrived.wait()
        await client.aclose()
        with pytest.raises(fmsdk.ClientClosed) as caught:
            await task
        await until(lambda: server.connected == 0)
        return caught.value

    with run_concurrent_server(Waiting(subject), delay=0.02) as server:
        error = asyncio.run(main(server))
    assert error.partial.text.startswith("Hello.")
    assert error.partial.latency.attempts[-1].error == "ClientClosed"


@each
def test_a_stream_whose_reader_is_busy_ends_at_its_next_step(subject: Subject) -> None:
    async def main(server: BusyServer) -> None:
        client = subject.client(server.root)
        async with client.stream(subject.model, "Hi") as events:
            with pytest.raises(fmsdk.ClientClosed):
                async for _ in events:
                    await client.aclose()
        await until(lambda: server.connected == 0)

    with run_concurrent_server(Waiting(subject), delay=0.02) as server:
        asyncio.run(main(server))


@pytest.mark.parametrize("place", ["backoff", "slot", "key"])
def test_calls_that_wait_before_they_are_sent(place: str) -> None:
    subject = SUBJECTS[0]
    reply = Waiting(subject)

    async def wait_for_key() -> str:
        await asyncio.sleep(60)
        return KEY

    async def main(server: BusyServer) -> list[Any]:
        providers = subject.configured(server.root)
        if place == "key":
            providers["openai"]["api_key"] = wait_for_key
        if place == "backoff":
            providers["openai"]["base_url"] = "http://127.0.0.1:9/v1"
        async with fmsdk.AsyncClient(
            providers=providers, max_concurrency=1 if place == "slot" else None, retries=50
        ) as client:
            calls = [asyncio.create_task(generate(client, subject.model)) for _ in range(CALLS)]
            await asyncio.sleep(0.3)
        return await asyncio.gather(*calls, return_exceptions=True)

    with run_concurrent_server(reply, delay=60) as server:
        outcomes = asyncio.run(main(server))
        assert {type(outcome) for outcome in outcomes} == {fmsdk.ClientClosed}
        assert reply.requests == (1 if place == "slot" else 0)


def test_a_call_that_the_caller_cancels_as_well_is_cancelled() -> None:
    subject = SUBJECTS[0]
    reply = Waiting(subject)

    async def main(server: BusyServer) -> None:
        client = subject.client(server.root)
        calls = [asyncio.create_task(generate(client, subject.model)) for _ in range(CALLS)]
        await until(lambda: reply.requests == CALLS)
        calls[0].cancel()
        closing = asyncio.create_task(client.aclose())
        await asyncio.sleep(0)
        calls[1].cancel()
        await closing
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        kinds = [type(outcome) for outcome in outcomes]
        assert kinds == [asyncio.CancelledError] * 2 + [fmsdk.ClientClosed] * (CALLS - 2)

    with run_concurrent_server(reply, delay=60) as server:
        asyncio.run(main(server))


def test_a_closed_client_answers_later_calls() -> None:
    subject = SUBJECTS[0]

    async def main(server: BusyServer) -> None:
        client = subject.client(server.root)
        for _ in range(2):
            answer = await generate(client, subject.model)
            assert answer.text == "Hello."
            await client.aclose()

    with run_concurrent_server(Waiting(subject)) as server:
        asyncio.run(main(server))


def test_hooks_hear_of_the_end() -> None:
    subject = SUBJECTS[0]
    reply = Waiting(subject)
    ends: list[Any] = []

    async def main(server: BusyServer) -> None:
        async with subject.client(server.root, on_response=ends.append) as client:
            calls = [asyncio.create_task(generate(client, subject.model)) for _ in range(CALLS)]
            await until(lambda: reply.requests == CALLS)
        await asyncio.gather(*calls, return_exceptions=True)

    with run_concurrent_server(reply, delay=60) as server:
        asyncio.run(main(server))
    expect_closed(ends)


def test_a_transcription_ends_too() -> None:
    fake = FakeProvider(delay=60)

    async def main() -> list[Any]:
        async with fmsdk.AsyncClient(providers={"fake": fake}, retries=3) as client:
            sound = fmsdk.Audio([0.0] * 1600, rate=16_000)
            call = asyncio.create_task(client.transcribe("fake:any", sound))
            await until(lambda: len(fake.requests) == 1)
        return list(await asyncio.gather(call, return_exceptions=True))

    expect_closed(asyncio.run(main()))
    assert len(fake.requests) == 1
