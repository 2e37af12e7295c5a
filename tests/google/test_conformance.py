"""The conformance suite, on AI Studio's shape and on Vertex's, over real sockets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from fmsdk.testing.conformance import ProviderConformance, Subject
from tests.google import kit

TEXT = ["Hel", "lo ", "there."]


def answer(request: kit.Seen) -> kit.Answer:
    if "stream" not in request.path:
        return kit.Answer(kit.chunk("".join(TEXT), usageMetadata=kit.USAGE))
    chunks = [kit.chunk(text, finish=None, usageMetadata={"promptTokenCount": 9}) for text in TEXT]
    return kit.Answer(pieces=kit.streamed(*chunks, kit.chunk("", usageMetadata=kit.USAGE)))


def vertex() -> dict[str, Any]:
    return {"vertex": True, "project": "p", "credentials": kit.FakeCredentials()}


@pytest.fixture
def server() -> Iterator[kit.Server]:
    with kit.serving(answer) as running:
        yield running


class TestStudio(ProviderConformance):
    @pytest.fixture
    def subject(self, server: kit.Server) -> Subject:
        return Subject(make=lambda: kit.provider(server.root), model="gemini-3.8-flash")


class TestVertex(ProviderConformance):
    @pytest.fixture
    def subject(self, server: kit.Server) -> Subject:
        return Subject(make=lambda: kit.provider(server.root, **vertex()), model="gemini-3.8-flash")
