"""What this provider's tests share: a provider for a server, and the shapes of its two APIs."""

from __future__ import annotations

from typing import Any

from fmsdk.provider import ProviderConfig
from fmsdk_openai import OpenAIProvider
from tests.support.provider_calls import accumulate_events, generate, stream
from tests.support.scripted_server import Answer, ReceivedRequest, Server, run_server, sse

__all__ = [
    "KEY",
    "Answer",
    "ReceivedRequest",
    "Server",
    "accumulate_events",
    "chunk",
    "completion",
    "generate",
    "message",
    "provider",
    "response",
    "run_server",
    "sse",
    "stream",
]

KEY = "sk-test-0123456789"


def provider(url: str | None = None, *, name: str = "openai", **config: Any) -> OpenAIProvider:
    """A provider for the server at `url`; `config` are its options and timeouts."""
    timeouts = {key: config.pop(key) for key in ("timeout", "idle_timeout") if key in config}
    options = {"api_key": KEY, **({"base_url": url} if url else {}), **config}
    return OpenAIProvider(ProviderConfig(name=name, options=options, **timeouts))


def completion(message: Any = None, **fields: Any) -> dict[str, Any]:
    """A Chat Completions body."""
    choice = {"index": 0, "message": message or {"content": "Hi."}, "finish_reason": "stop"}
    return {"id": "chatcmpl-1", "model": "m-1", "choices": [choice], **fields}


def chunk(delta: Any, finish: str | None = None, **fields: Any) -> dict[str, Any]:
    """A Chat Completions chunk."""
    choice = {"index": fields.pop("index", 0), "delta": delta, "finish_reason": finish}
    return {"id": "chatcmpl-1", "model": "m-1", "choices": [choice], **fields}


def response(*output: Any, **fields: Any) -> dict[str, Any]:
    """A Responses body."""
    return {"id": "resp_1", "model": "m-1", "status": "completed", "output": output, **fields}


def message(*content: Any, **fields: Any) -> dict[str, Any]:
    """A message item of a Responses body."""
    return {"type": "message", "id": "msg_1", "role": "assistant", "content": content, **fields}
