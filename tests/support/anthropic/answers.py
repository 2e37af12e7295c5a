"""The provider, as these tests make and ask it."""

from __future__ import annotations

from typing import Any

from fmsdk.provider import ProviderConfig
from fmsdk_anthropic import AnthropicProvider
from tests.support.anthropic.provider import (
    Answer,
    build_request,
    message,
    sse,
    text_events,
)
from tests.support.paths import ROOT

__all__ = ["BEGUN", "HELLO", "REQUEST", "ROOT", "STREAM", "create_provider"]


REQUEST = build_request("Hello")
HELLO = Answer(message("Hi."))
STREAM = Answer(pieces=sse(*text_events("Hi."), done=False))
BEGUN = sse(*text_events("Hi")[:4], done=False)


def create_provider(name: str = "anthropic", **options: Any) -> AnthropicProvider:
    return AnthropicProvider(ProviderConfig(name=name, options=options))
