"""Requests to encode, and blocks that Anthropic made."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from fmsdk.content import (
    Reasoning,
)
from fmsdk.request import Message, Request, Tool
from fmsdk_anthropic import AnthropicOptions
from fmsdk_anthropic.encode import encode
from tests.support.anthropic.provider import body, build_request
from tests.support.paths import ROOT

__all__ = [
    "BARE",
    "EPHEMERAL",
    "PDF",
    "PNG",
    "REDACTED",
    "ROOT",
    "SEARCH",
    "THINKING",
    "WEATHER",
    "City",
    "codes",
    "opaque",
    "options",
    "turns",
]


PNG = (ROOT / "examples" / "media" / "red_triangle.png").read_bytes()
PDF = b"%PDF-1.4\n%%EOF\n"
WEATHER = Tool("weather", "The weather", {"type": "object", "properties": {"city": {}}})
BARE = Tool("now")
THINKING = {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"}
REDACTED = {"type": "redacted_thinking", "data": "ZGF0YQ"}
SEARCH = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"q": "a"}}
EPHEMERAL = {"type": "ephemeral"}


@dataclass
class City:
    name: str
    size: int | None = None


def opaque(block: dict[str, Any], text: str = "", provider: str = "anthropic") -> Reasoning:
    return Reasoning(text, provider, json.dumps(block))


def codes(request: Request) -> list[str]:
    return [warning.code for warning in encode(request, stream=False).warnings]


def turns(*messages: Message) -> list[dict[str, Any]]:
    return body(build_request(list(messages)))["messages"]


def options(**fields: Any) -> dict[str, Any]:
    return body(
        build_request(tools=[WEATHER], system="Be brief.", options=AnthropicOptions(**fields))
    )
