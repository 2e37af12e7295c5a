"""What goes out over our own wire is what the vendors' SDKs send: each recorded text request,
both ways. Fails when a new SDK sends something else."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

import fmsdk
from fmsdk.response import Response
from tests.support.recorded_requests import text_rows
from tests.support.scripted_server import Answer, ReceivedRequest, run_server
from tests.support.shared_folder import needs_shared

# What differs on purpose: who asks, how bodies are compressed and framed, and the SDKs' own
# telemetry (x-stainless-…).
DIFFERENT = {"user-agent", "accept-encoding", "connection", "content-length", "host"}
VENDORS = {"openai": "/v1", "anthropic": ""}


def compared(request: ReceivedRequest) -> dict[str, Any]:
    """What of a request must be the same both ways."""
    headers = {
        name: value
        for name, value in request.headers.items()
        if name not in DIFFERENT and not name.startswith("x-stainless-")
    }
    return {"path": request.path, "headers": headers, "body": request.body}


def sdk_client(vendor: str, url: str) -> Any:
    if vendor == "openai":
        return pytest.importorskip("openai").AsyncOpenAI(api_key="sk-1", base_url=url)
    return pytest.importorskip("anthropic").AsyncAnthropic(api_key="sk-1", base_url=url)


async def send(client: fmsdk.AsyncClient, request: Any, *, stream: bool) -> None:
    """The answer does not matter, and is none."""
    try:
        if stream:
            async with client.stream(request.name, request) as events:
                async for _ in events:
                    pass
        else:
            await client.generate(request.name, request)
    except fmsdk.FmsdkError:
        pass


@needs_shared
@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
@pytest.mark.parametrize("environment", [False, True], ids=["bare", "with variables"])
def test_each_recorded_request_both_ways(
    vendor: str, stream: bool, environment: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if environment:
        monkeypatch.setenv("OPENAI_ORG_ID", "org-1")
        monkeypatch.setenv("OPENAI_PROJECT_ID", "proj-1")
        monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Team: blue\nX-Cost: 1")
        monkeypatch.setenv("ANTHROPIC_CUSTOM_HEADERS", "X-Team: blue\nanthropic-beta: b-1")
    requests = [
        replace(request, allow_retired=True)
        for _, request in text_rows()
        if request.provider == vendor
    ]
    if environment:
        requests = requests[:3]

    async def main(url: str) -> None:
        sdk = sdk_client(vendor, url)
        ours = {"api_key": "sk-1", "base_url": url}
        async with (
            sdk,
            fmsdk.AsyncClient(providers={vendor: ours}, retries=0) as own,
            fmsdk.AsyncClient(providers={vendor: {"client": sdk}}, retries=0) as theirs,
        ):
            for request in requests:
                await send(own, request, stream=stream)
                await send(theirs, request, stream=stream)

    with run_server(Answer({})) as server:
        asyncio.run(main(server.root + VENDORS[vendor]))
    pairs = list(zip(server.seen[::2], server.seen[1::2], strict=True))
    # A few recorded models refuse a setting of theirs, so that neither way sends anything.
    assert len(pairs) >= 0.85 * len(requests) >= 2
    for one, other in pairs:
        assert compared(one) == compared(other)
    print(f"{len(pairs)} recorded requests of {vendor} are the same over both wires")


def test_answers_of_both_ways_are_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison above is not of two failures to send."""
    body = {
        "choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1},
    }

    async def main(url: str) -> Any:
        options = {"api_key": "sk-1", "base_url": url, "api": "chat"}
        async with fmsdk.AsyncClient(providers={"openai": options}) as client:
            return await client.generate("openai:m", "Hi")

    with run_server(Answer(body)) as server:
        assert isinstance(asyncio.run(main(server.url)), Response)
