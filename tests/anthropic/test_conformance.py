"""The conformance suite over real sockets."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fmsdk.testing.conformance import ProviderConformance, Subject
from tests.support.anthropic import provider as vendor

TEXT = ["Hel", "lo ", "there."]


def messages(request: vendor.ReceivedRequest) -> vendor.Answer:
    if not request.body.get("stream"):
        return vendor.Answer(vendor.message("".join(TEXT)))
    return vendor.Answer(pieces=vendor.sse(*vendor.text_events(*TEXT), done=False))


@pytest.fixture
def server() -> Iterator[vendor.Server]:
    with vendor.run_server(messages) as running:
        yield running


class TestAnthropic(ProviderConformance):
    @pytest.fixture
    def subject(self, server: vendor.Server) -> Subject:
        return Subject(make=lambda: vendor.provider(server.root), model="claude-sonnet-4-6")
