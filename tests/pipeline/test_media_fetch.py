"""Media by URL, fetched for providers that cannot: what a client allows, and that nothing else
of the request changes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

import fmsdk
from fmsdk import FetchLimits, Message, ToolResult
from fmsdk.content import MediaPart
from fmsdk.errors import BadRequestError, InvalidMedia
from fmsdk.pipeline.media_fetch import fetch_media
from fmsdk.provider import Capabilities
from fmsdk.testing import FakeProvider
from tests.support.media_server import at, png, run_media_server

HERE = FetchLimits(allow_private=True)
NO_URLS = Capabilities(input=frozenset({"text", "image", "audio", "video", "document"}))
URLS = replace(NO_URLS, remote=NO_URLS.input - {"text"})


@pytest.fixture(scope="module")
def server() -> Iterator[Any]:
    with run_media_server() as running:
        yield running


def ask(
    *parts: fmsdk.Part, capabilities: Capabilities = NO_URLS, **options: Any
) -> tuple[list[MediaPart], fmsdk.Response[Any]]:
    provider = FakeProvider(capabilities=capabilities)
    with fmsdk.Client(providers={"fake": provider}, **options) as client:
        answer = client.generate("fake:any", [*parts, "What is it?"])
    return list(provider.requests[0].media()), answer


def test_this_machine_is_out_of_bounds_unless_the_client_allows_it(server: Any) -> None:
    image = fmsdk.Image(at(server, "cat.png"))
    before = len(server.seen)
    with pytest.raises(InvalidMedia, match=r"127\.0\.0\.1 is not a public.*allow_private=True"):
        ask(image)
    assert len(server.seen) == before
    (sent,), answer = ask(image, fetch=HERE)
    assert sent.read() == png()
    assert not answer.warnings
    (sent,), _ = ask(image, capabilities=URLS)
    assert sent is image


def test_the_clients_limits_hold_for_streams_and_beside_a_gate(server: Any) -> None:
    image = fmsdk.Image(at(server, "cat.png"))
    small = replace(HERE, max_bytes=40)
    provider = FakeProvider(capabilities=NO_URLS)
    with (
        fmsdk.Client(providers={"fake": provider}, fetch=small, max_concurrency=1) as client,
        pytest.raises(InvalidMedia, match="longer than 40 bytes"),
        client.stream("fake:any", [image, "Hi"]) as stream,
    ):
        list(stream)
    assert not provider.requests


@pytest.mark.parametrize("name", ["max_bytes", "max_seconds", "max_pixels", "max_duration"])
@pytest.mark.parametrize("value", [0, -1, float("nan"), "9", None])
def test_a_limit_is_a_number_above_zero(name: str, value: Any) -> None:
    with pytest.raises(BadRequestError, match=f"{name} of FetchLimits must be a number, above 0"):
        FetchLimits(**{name: value})


def test_no_redirects_at_all_is_a_limit_too() -> None:
    assert FetchLimits(max_redirects=0).max_redirects == 0
    with pytest.raises(BadRequestError, match="max_redirects"):
        FetchLimits(max_redirects=-1)


def test_nothing_but_the_source_changes(server: Any) -> None:
    cat, notes, song = (at(server, path) for path in ("cat.png", "notes.csv", "song.wav"))
    image = fmsdk.Image(cat, "high", mime_type="image/x-png", cache="1h")
    document = fmsdk.Document(notes, name="notes", cache=True)
    sound = fmsdk.Audio(song, rate=8000, mime_type="audio/x-wav")
    result = ToolResult("1", [image, "text"], is_error=True, name="look", cache=True)
    messages = (
        Message("user", ["one", document, sound, "two"]),
        Message("assistant", [fmsdk.Reasoning("hm", "fake", "{}"), fmsdk.ToolCall("1", "look")]),
        Message("tool", [result]),
    )
    request = fmsdk.Request(provider="p", model="m", messages=messages, tags=(("a", "b"),))
    brought = asyncio.run(fetch_media(request, NO_URLS, HERE))

    def back_to_url(part: MediaPart) -> MediaPart:
        before = next(p for p in (image, document, sound) if p.kind == part.kind)
        assert part.url is None
        assert part.read()
        return replace(part, source=before.source)

    assert brought.with_media(back_to_url) == request


@pytest.mark.parametrize(
    ("path", "mime"),
    [("notes.csv", "text/csv"), ("notes.md", "text/markdown"), ("notes", "text/plain")],
)
def test_a_text_keeps_its_type(server: Any, path: str, mime: str) -> None:
    (sent,), _ = ask(fmsdk.Document(at(server, path)), fetch=HERE)
    assert sent.mime == mime


def test_a_picture_that_shall_be_smaller_is_fetched_for_that(server: Any) -> None:
    image = fmsdk.Image(at(server, "cat.png"), max_side=10)
    (sent,), answer = ask(image, capabilities=URLS, fetch=HERE)
    assert isinstance(sent, fmsdk.Image)
    assert sent.size == (10, 5)
    assert [w.code for w in answer.warnings] == ["image_downsized"]


def test_one_url_used_twice_is_fetched_once(server: Any) -> None:
    before = len(server.seen)
    sent, _ = ask(*[fmsdk.Image(at(server, "cat.png?twice"))] * 2, fetch=HERE)
    assert len(sent) == 2
    assert len(server.seen) == before + 1


def test_where_one_fetch_fails_the_others_are_cancelled(server: Any) -> None:
    parts = [fmsdk.Image(at(server, "slow")), fmsdk.Image(at(server, "none"))]
    request = fmsdk.Request(provider="p", model="m", messages=(Message("user", parts),))

    async def main() -> int:
        with pytest.raises(InvalidMedia, match="answered 404"):
            await fetch_media(request, NO_URLS, HERE)
        return len(asyncio.all_tasks())

    assert asyncio.run(main()) == 1
