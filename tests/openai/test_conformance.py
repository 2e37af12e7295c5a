"""The conformance suite, on both APIs, over real sockets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from fmsdk.testing.conformance import ProviderConformance, Subject
from tests.openai import kit

TEXT = ["Hel", "lo ", "there."]
OUTPUT = kit.message({"type": "output_text", "text": "".join(TEXT)})
COMPLETED = kit.response(OUTPUT, usage={"input_tokens": 9, "output_tokens": 3})
COMPLETION = kit.completion(
    {"content": "".join(TEXT)}, usage={"prompt_tokens": 9, "completion_tokens": 3}
)


def chat(request: kit.Seen) -> kit.Answer:
    if not request.body.get("stream"):
        return kit.Answer(COMPLETION)
    chunks = [kit.chunk({"content": text}) for text in TEXT]
    last = {**kit.chunk({}), "choices": [], "usage": COMPLETION["usage"]}
    return kit.Answer(pieces=kit.sse(*chunks, kit.chunk({}, "stop"), last))


def responses(request: kit.Seen) -> kit.Answer:
    if not request.body.get("stream"):
        return kit.Answer(COMPLETED)
    events: list[Any] = [{"type": "response.output_text.delta", "delta": text} for text in TEXT]
    events.append({"type": "response.completed", "response": COMPLETED})
    return kit.Answer(pieces=kit.sse(*events, done=False))


@pytest.fixture(params=[chat, responses], ids=["chat", "responses"])
def server(request: pytest.FixtureRequest) -> Iterator[tuple[str, kit.Server]]:
    with kit.serving(request.param) as running:
        yield request.param.__name__, running


class TestOpenAI(ProviderConformance):
    @pytest.fixture
    def subject(self, server: tuple[str, kit.Server]) -> Subject:
        api, running = server
        return Subject(make=lambda: kit.provider(running.url, api=api), model="m-1")
