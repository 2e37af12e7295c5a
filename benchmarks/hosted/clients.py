"""The same question through fmsdk, the vendor's own SDK, and bare HTTP; plain and streamed.

fmsdk prices and times every answer; the SDKs build their typed objects; bare HTTP (aiohttp) parses
the JSON and no more.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import aiohttp

import fmsdk
from benchmarks.hosted.wires import CHUNKS, WIRES
from fmsdk.response import TextDelta

__all__ = [
    "MODELS",
    "Asker",
    "bare",
    "configured",
    "ours",
    "ours_waiting",
    "theirs",
    "theirs_waiting",
]

PROMPT = "Say hello."
KEY = "none"
MODELS = {
    "chat": "openai:gpt-4o-mini",
    "responses": "openai:gpt-4o-mini",
    "anthropic": "anthropic:claude-sonnet-4-5",
    "google": "google:gemini-2.5-flash",
}
_MESSAGES: Any = [{"role": "user", "content": PROMPT}]
_WITH_USAGE: Any = {"stream": True, "stream_options": {"include_usage": True}}


@dataclass(frozen=True)
class Asker:
    """One plain question, and one streamed, of `CHUNKS` pieces."""

    plain: Callable[[], Any]
    stream: Callable[[], Any]
    close: Callable[[], Any] | None = None


def configured(wire: str, root: str) -> dict[str, Any]:
    """fmsdk's providers for the server at `root`."""
    provider = MODELS[wire].partition(":")[0]
    api = {"api": wire} if provider == "openai" else {}
    base = f"{root}/v1" if provider == "openai" else root
    return {provider: {"base_url": base, "api_key": KEY, **api}}


def ours(wire: str, root: str) -> Asker:
    """fmsdk's `AsyncClient`."""
    client = fmsdk.AsyncClient(providers=configured(wire, root))

    async def plain() -> None:
        answer = await client.generate(MODELS[wire], PROMPT)
        assert answer.cost is not None

    async def stream() -> None:
        async with client.stream(MODELS[wire], PROMPT) as stream:
            count = sum([isinstance(event, TextDelta) async for event in stream])
        assert count == CHUNKS
        assert stream.response.cost is not None

    return Asker(plain, stream)


def ours_waiting(wire: str, root: str) -> Asker:
    """fmsdk's `Client`."""
    client = fmsdk.Client(providers=configured(wire, root))

    def plain() -> None:
        assert client.generate(MODELS[wire], PROMPT).cost is not None

    def stream() -> None:
        with client.stream(MODELS[wire], PROMPT) as stream:
            assert sum(isinstance(event, TextDelta) for event in stream) == CHUNKS
        assert stream.response.cost is not None

    return Asker(plain, stream)


def theirs(wire: str, root: str) -> Asker:
    """The vendor's asynchronous SDK."""
    return _SDKS[wire](root)


def theirs_waiting(root: str) -> Asker:
    """OpenAI's synchronous SDK, Chat."""
    import openai

    client = openai.OpenAI(base_url=f"{root}/v1", api_key=KEY, max_retries=0)
    asked: Any = {"model": "gpt-4o-mini", "messages": _MESSAGES}

    def stream() -> None:
        chunks = client.chat.completions.create(**asked, **_WITH_USAGE)
        assert sum(bool(c.choices and c.choices[0].delta.content) for c in chunks) == CHUNKS

    return Asker(lambda: client.chat.completions.create(**asked), stream)


def bare(wire: str, root: str) -> Asker:
    """aiohttp and json: what carries fmsdk's requests, and no more."""
    session: aiohttp.ClientSession | None = None
    provider, _, model = MODELS[wire].partition(":")
    path = WIRES[wire].path
    url = (
        f"{root}/v1beta/models/{model}{path}"
        if provider == "google"
        else f"{root}/v1/{path.removeprefix('/v1').lstrip('/')}"
    )
    streamed = url.replace(":generateContent", ":streamGenerateContent")
    body = {"model": model, "messages": _MESSAGES}

    def opened() -> aiohttp.ClientSession:
        nonlocal session
        if session is None:
            session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=1000))
        return session

    async def plain() -> None:
        async with opened().post(url, json=body) as response:
            assert json.loads(await response.read())

    async def stream() -> None:
        rest, count = b"", 0
        async with opened().post(streamed, json={**body, "stream": True}) as response:
            async for data in response.content.iter_any():
                *lines, rest = (rest + data).split(b"\n")
                for line in lines:
                    if line[:6] == b"data: " and line[6:] != b"[DONE]":
                        count += bool(json.loads(line[6:]))
        assert count >= CHUNKS

    async def close() -> None:
        if session is not None:
            await session.close()

    return Asker(plain, stream, close)


async def _count(chunks: Awaitable[AsyncIterator[Any]], is_text: Callable[[Any], bool]) -> None:
    assert sum([is_text(chunk) async for chunk in await chunks]) == CHUNKS


def _openai_chat(root: str) -> Asker:
    import openai

    client = openai.AsyncOpenAI(base_url=f"{root}/v1", api_key=KEY, max_retries=0)
    ask: Any = client.chat.completions.create
    asked = {"model": "gpt-4o-mini", "messages": _MESSAGES}
    return Asker(
        lambda: ask(**asked),
        lambda: _count(
            ask(**asked, **_WITH_USAGE), lambda c: bool(c.choices and c.choices[0].delta.content)
        ),
    )


def _openai_responses(root: str) -> Asker:
    import openai

    client = openai.AsyncOpenAI(base_url=f"{root}/v1", api_key=KEY, max_retries=0)
    ask: Any = client.responses.create
    asked = {"model": "gpt-4o-mini", "input": _MESSAGES, "store": False}
    return Asker(
        lambda: ask(**asked),
        lambda: _count(
            ask(**asked, stream=True), lambda event: event.type == "response.output_text.delta"
        ),
    )


def _anthropic(root: str) -> Asker:
    import anthropic

    client = anthropic.AsyncAnthropic(base_url=root, api_key=KEY, max_retries=0)
    ask: Any = client.messages.create
    asked = {"model": "claude-sonnet-4-5", "messages": _MESSAGES, "max_tokens": 1024}
    return Asker(
        lambda: ask(**asked),
        lambda: _count(
            ask(**asked, stream=True), lambda event: event.type == "content_block_delta"
        ),
    )


def _google(root: str) -> Asker:
    from google import genai

    client: Any = genai.Client(
        api_key=KEY, http_options={"base_url": root, "api_version": "v1beta"}
    )
    models = client.aio.models
    asked = {"model": "gemini-2.5-flash", "contents": PROMPT}
    return Asker(
        lambda: models.generate_content(**asked),
        lambda: _count(models.generate_content_stream(**asked), lambda chunk: bool(chunk.text)),
    )


_SDKS: dict[str, Callable[[str], Asker]] = {
    "chat": _openai_chat,
    "responses": _openai_responses,
    "anthropic": _anthropic,
    "google": _google,
}
