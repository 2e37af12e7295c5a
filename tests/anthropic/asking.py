"""The provider, as these tests make and ask it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fmsdk.provider import ProviderConfig
from fmsdk_anthropic import AnthropicProvider
from tests.anthropic.kit import (
    Answer,
    asked,
    message,
    sse,
    text_events,
)

__all__ = ["BEGUN", "HELLO", "REQUEST", "ROOT", "STREAM", "made"]


REQUEST = asked("Hello")
ROOT = Path(__file__).resolve().parents[2]
HELLO = Answer(message("Hi."))
STREAM = Answer(pieces=sse(*text_events("Hi."), done=False))
BEGUN = sse(*text_events("Hi")[:4], done=False)


def made(name: str = "anthropic", **options: Any) -> AnthropicProvider:
    return AnthropicProvider(ProviderConfig(name=name, options=options))
