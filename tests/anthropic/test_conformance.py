"""The conformance suite over real sockets."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fmsdk.testing.conformance import ProviderConformance, Subject
from tests.anthropic import kit

TEXT = ["Hel", "lo ", "there."]


def messages(request: kit.Seen) -> kit.Answer:
    if not request.body.get("stream"):
        return kit.Answer(kit.message("".join(TEXT)))
    return kit.Answer(pieces=kit.sse(*kit.text_events(*TEXT), done=False))


@pytest.fixture
def server() -> Iterator[kit.Server]:
    with kit.serving(messages) as running:
        yield running


class TestAnthropic(ProviderConformance):
    @pytest.fixture
    def subject(self, server: kit.Server) -> Subject:
        return Subject(make=lambda: kit.provider(server.root), model="claude-sonnet-4-6")
