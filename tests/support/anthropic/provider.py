"""What this provider's tests share: a provider for a server, and the shapes of its API."""

from __future__ import annotations

import json
from typing import Any

from fmsdk.provider import ProviderConfig
from fmsdk.request import Request, build
from fmsdk_anthropic import AnthropicProvider
from fmsdk_anthropic.encode import encode
from tests.support.provider_calls import accumulate_events, generate, stream
from tests.support.scripted_server import Answer, ReceivedRequest, Server, run_server, sse

__all__ = [
    "KEY",
    "MODEL",
    "Answer",
    "ReceivedRequest",
    "Server",
    "accumulate_events",
    "body",
    "build_request",
    "events",
    "generate",
    "message",
    "provider",
    "run_server",
    "sse",
    "stream",
    "text_events",
]

KEY = "sk-ant-test-0123456789"
MODEL = "anthropic:claude-sonnet-4-6"
USAGE = {"input_tokens": 9, "output_tokens": 3}


def provider(url: str | None = None, *, name: str = "anthropic", **config: Any) -> Any:
    """A provider for the server at `url`; `config` are its options and timeouts."""
    timeouts = {key: config.pop(key) for key in ("timeout", "idle_timeout") if key in config}
    options = {"api_key": KEY, **({"base_url": url} if url else {}), **config}
    return AnthropicProvider(ProviderConfig(name=name, options=options, **timeouts))


def build_request(prompt: Any = "Hi", model: str = MODEL, **settings: Any) -> Request:
    """A request."""
    return build(model, prompt, **settings)


def body(request: Request, *, stream: bool = False) -> dict[str, Any]:
    """The body that a request makes."""
    return json.loads(bytes(encode(request, stream=stream).body))


def message(*content: Any, **fields: Any) -> dict[str, Any]:
    """A Messages body; text stands for a block of it."""
    blocks = [{"type": "text", "text": one} if isinstance(one, str) else one for one in content]
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-1",
        "content": blocks,
        "stop_reason": "end_turn",
        "usage": USAGE,
        **fields,
    }


def events(*blocks: tuple[Any, list[Any]], **last: Any) -> list[dict[str, Any]]:
    """A stream's events: each block as it starts, and its deltas."""
    start = {**message(), "stop_reason": None, "usage": {"input_tokens": 9, "output_tokens": 1}}
    made: list[dict[str, Any]] = [{"type": "message_start", "message": start}, {"type": "ping"}]
    for index, (block, deltas) in enumerate(blocks):
        made.append({"type": "content_block_start", "index": index, "content_block": block})
        made += (
            {"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas
        )
        made.append({"type": "content_block_stop", "index": index})
    delta = {"stop_reason": "end_turn", **last.pop("delta", {})}
    usage = last.pop("usage", {"output_tokens": 3})
    made.append({"type": "message_delta", "delta": delta, "usage": usage, **last})
    return [*made, {"type": "message_stop"}]


def text_events(*pieces: str, **last: Any) -> list[dict[str, Any]]:
    """The events of an answer of one text."""
    deltas = [{"type": "text_delta", "text": piece} for piece in pieces]
    return events(({"type": "text", "text": ""}, deltas), **last)
