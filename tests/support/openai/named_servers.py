"""Servers with a name of their own, asked on loopback."""

from __future__ import annotations

import tomllib
from typing import Any

from fmsdk.provider import ProviderConfig
from fmsdk.request import Request, Tool, build
from fmsdk_openai import OpenAIProvider
from fmsdk_openai.servers import SERVERS
from tests.support.openai.provider import KEY, Answer, completion, generate, run_server
from tests.support.paths import ROOT

__all__ = [
    "ENTRY_POINTS",
    "HELLO",
    "LOCAL",
    "NAMES",
    "TOOL",
    "build_request",
    "create_provider",
    "sent",
]


NAMES = sorted(SERVERS)
LOCAL = {"vllm", "sglang", "llamacpp", "ollama", "lmstudio"}
HELLO = Answer(completion())
TOOL = Tool("now", "The time")
ENTRY_POINTS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"][
    "entry-points"
]["fmsdk.providers"]


def create_provider(name: str, *, called: str = "", **options: Any) -> OpenAIProvider:
    return SERVERS[name](ProviderConfig(name=called or name, options=options))


def sent(name: str, request: Request, *, model: str = "m", **options: Any) -> Any:
    """What a request becomes on the wire."""
    with run_server(HELLO) as server:
        asked = create_provider(name, **{"base_url": server.url, "api_key": KEY, **options})
        generate(asked, request)
    return server.seen[0]


def build_request(
    name: str, prompt: Any = "Hello", *, model: str = "m", **settings: Any
) -> Request:
    return build(f"{name}:{model}", prompt, **settings)
