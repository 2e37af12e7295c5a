"""The conformance suite, on both APIs, over real sockets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from fmsdk.testing.conformance import ProviderConformance, Subject
from tests.support.openai import provider as vendor

TEXT = ["Hel", "lo ", "there."]
OUTPUT = vendor.message({"type": "output_text", "text": "".join(TEXT)})
COMPLETED = vendor.response(OUTPUT, usage={"input_tokens": 9, "output_tokens": 3})
COMPLETION = vendor.completion(
    {"content": "".join(TEXT)}, usage={"prompt_tokens": 9, "completion_tokens": 3}
)


def embeddings(request: vendor.ReceivedRequest) -> vendor.Answer:
    data = [{"index": n, "embedding": [0.6, 0.8]} for n, _ in enumerate(request.body["input"])]
    return vendor.Answer({"data": data, "model": "m-1", "usage": {"prompt_tokens": 3}})


def chat(request: vendor.ReceivedRequest) -> vendor.Answer:
    if request.path.endswith("/embeddings"):
        return embeddings(request)
    if not request.body.get("stream"):
        return vendor.Answer(COMPLETION)
    chunks = [vendor.chunk({"content": text}) for text in TEXT]
    last = {**vendor.chunk({}), "choices": [], "usage": COMPLETION["usage"]}
    return vendor.Answer(pieces=vendor.sse(*chunks, vendor.chunk({}, "stop"), last))


def responses(request: vendor.ReceivedRequest) -> vendor.Answer:
    if request.path.endswith("/embeddings"):
        return embeddings(request)
    if not request.body.get("stream"):
        return vendor.Answer(COMPLETED)
    events: list[Any] = [{"type": "response.output_text.delta", "delta": text} for text in TEXT]
    events.append({"type": "response.completed", "response": COMPLETED})
    return vendor.Answer(pieces=vendor.sse(*events, done=False))


@pytest.fixture(params=[chat, responses], ids=["chat", "responses"])
def server(request: pytest.FixtureRequest) -> Iterator[tuple[str, vendor.Server]]:
    with vendor.run_server(request.param) as running:
        yield request.param.__name__, running


class TestOpenAI(ProviderConformance):
    @pytest.fixture
    def subject(self, server: tuple[str, vendor.Server]) -> Subject:
        api, running = server
        return Subject(
            make=lambda: vendor.provider(running.url, api=api), model="m-1", embedding_model="e-1"
        )
