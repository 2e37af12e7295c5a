"""What this provider's tests share: a provider for a server, and the shapes of its answers."""

from __future__ import annotations

from typing import Any

from google.auth.credentials import Credentials

from fmsdk.provider import ProviderConfig
from fmsdk_google import GoogleProvider
from tests.support.provider_calls import accumulate_events, generate, stream
from tests.support.scripted_server import Answer, ReceivedRequest, Server, run_server, sse

__all__ = [
    "KEY",
    "USAGE",
    "Answer",
    "FakeCredentials",
    "ReceivedRequest",
    "Server",
    "accumulate_events",
    "chunk",
    "create_provider",
    "generate",
    "provider",
    "run_server",
    "stream",
    "streamed",
]

KEY = "AIza-test-0123456789"
USAGE = {"promptTokenCount": 9, "candidatesTokenCount": 3, "totalTokenCount": 12}


class FakeCredentials(Credentials):
    """Credentials that give token after token, without asking anybody."""

    def __init__(self) -> None:
        super().__init__()
        self.refreshed = 0

    def refresh(self, request: Any) -> None:
        self.refreshed += 1
        self.token = f"ya29.{self.refreshed}"


def provider(url: str | None = None, *, name: str = "google", **config: Any) -> GoogleProvider:
    """A provider for the server at `url`; `config` are its options and timeouts."""
    timeouts = {key: config.pop(key) for key in ("timeout", "idle_timeout") if key in config}
    known = {} if {"vertex", "client"} & config.keys() else {"api_key": KEY}
    options = {**known, **({"base_url": url} if url else {}), **config}
    return GoogleProvider(ProviderConfig(name=name, options=options, **timeouts))


def create_provider(name: str = "google", **options: Any) -> GoogleProvider:
    """A provider of these options alone."""
    return GoogleProvider(ProviderConfig(name=name, options=options))


def chunk(*parts: Any, finish: str | None = "STOP", **fields: Any) -> dict[str, Any]:
    """A body, or a chunk of a stream; bare strings are texts."""
    content = [{"text": part} if isinstance(part, str) else part for part in parts]
    candidate = {"content": {"role": "model", "parts": content}, **fields.pop("candidate", {})}
    if finish is not None:
        candidate["finishReason"] = finish
    return {"candidates": [candidate], "modelVersion": "m-1", "responseId": "r1", **fields}


def streamed(*chunks: Any) -> list[bytes]:
    """Chunks as Google streams them: there is no last event but the end of the body."""
    return sse(*chunks, done=False)
