"""The conformance suite, on AI Studio's shape and on Vertex's, over real sockets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from fmsdk.testing.conformance import ProviderConformance, Subject
from tests.support.google import provider as vendor

TEXT = ["Hel", "lo ", "there."]


def answer(request: vendor.ReceivedRequest) -> vendor.Answer:
    if "Embed" in request.path:
        vectors = [{"values": [0.6, 0.8]} for _ in request.body["requests"]]
        return vendor.Answer({"embeddings": vectors})
    if "stream" not in request.path:
        return vendor.Answer(vendor.chunk("".join(TEXT), usageMetadata=vendor.USAGE))
    chunks = [
        vendor.chunk(text, finish=None, usageMetadata={"promptTokenCount": 9}) for text in TEXT
    ]
    return vendor.Answer(
        pieces=vendor.streamed(*chunks, vendor.chunk("", usageMetadata=vendor.USAGE))
    )


def vertex() -> dict[str, Any]:
    return {"vertex": True, "project": "p", "credentials": vendor.FakeCredentials()}


@pytest.fixture
def server() -> Iterator[vendor.Server]:
    with vendor.run_server(answer) as running:
        yield running


class TestStudio(ProviderConformance):
    @pytest.fixture
    def subject(self, server: vendor.Server) -> Subject:
        return Subject(
            make=lambda: vendor.provider(server.root),
            model="gemini-3.8-flash",
            embedding_model="gemini-embedding-2",
        )


class TestVertex(ProviderConformance):
    @pytest.fixture
    def subject(self, server: vendor.Server) -> Subject:
        return Subject(
            make=lambda: vendor.provider(server.root, **vertex()),
            model="gemini-3.8-flash",
            embedding_model="gemini-embedding-2",
        )
