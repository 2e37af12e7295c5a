"""Connections are used again, and idle time is what it says; the same for every vendor."""

from __future__ import annotations

import asyncio
import time

import pytest

import fmsdk
from fmsdk.response import Response
from tests.hosted.asking import outcome
from tests.hosted.subjects import SUBJECTS, Subject
from tests.kit.server import Answer, serving

each = pytest.mark.parametrize("subject", SUBJECTS, ids=repr)
# Google ends a stream by ending the body, which it is therefore waited for.
ending = [subject for subject in SUBJECTS if subject.provider != "google"]


async def ask(client: fmsdk.AsyncClient, subject: Subject, *, stream: bool) -> str:
    got = await outcome(client, subject.model, "Hi", stream=stream)
    assert isinstance(got, Response), got
    return got.text


@each
def test_connections_are_used_again_after_answers_and_streams(subject: Subject) -> None:
    whole, streamed = Answer(subject.wire.body("Hi")), Answer(pieces=subject.wire.events("Hi"))

    async def main(root: str) -> list[str]:
        async with subject.client(root, retries=0) as client:
            return [await ask(client, subject, stream=n % 2 > 0) for n in range(4)]

    with serving(whole, streamed, whole, streamed) as server:
        assert asyncio.run(main(server.root)) == ["Hi"] * 4
    assert server.connections == 1


@each
def test_a_client_can_be_asked_again_after_closing(subject: Subject) -> None:
    async def main(root: str) -> list[str]:
        client = subject.client(root, retries=0)
        texts: list[str] = []
        for _ in range(2):
            texts.append(await ask(client, subject, stream=False))
            await client.aclose()
        return texts

    with serving(Answer(subject.wire.body("Hi"))) as server:
        assert asyncio.run(main(server.root)) == ["Hi", "Hi"]
    assert server.connections == 2


@pytest.mark.parametrize("subject", ending, ids=repr)
def test_a_server_that_does_not_hang_up_costs_a_moment_at_most(subject: Subject) -> None:
    async def main(root: str) -> float:
        async with subject.client(root, retries=0, idle_timeout=30) as client:
            began = time.perf_counter()
            assert await ask(client, subject, stream=True) == "Hi"
            return time.perf_counter() - began

    with serving(Answer(pieces=subject.wire.events("Hi"), then="hang")) as server:
        assert asyncio.run(main(server.root)) < 5


@each
def test_idle_time_is_between_bytes_not_in_all(subject: Subject) -> None:
    slow = Answer(pieces=subject.wire.events(*"aaaaaaaa"), pause=0.1)

    async def main(root: str) -> None:
        async with subject.client(root, retries=0, idle_timeout=0.6) as client:
            assert await ask(client, subject, stream=True) == "a" * 8
        async with subject.client(root, retries=0, idle_timeout=0.03) as client:
            got = await outcome(client, subject.model, "Hi", stream=True)
            assert isinstance(got, fmsdk.Timeout)

    with serving(slow) as server:
        asyncio.run(main(server.root))
