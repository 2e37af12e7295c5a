"""The servers that speak OpenAI's API and have a name of their own: one row each.

A row is the entry point of its provider.

- `local`, `cloud`: the rows, of servers on one's own machine and of vendors' servers
- `named_server`: what a row is
- `listings`: how a server's description of its models is read
"""

from __future__ import annotations

from collections.abc import Mapping

from fmsdk_openai.servers.cloud import (
    AZURE,
    COPILOT,
    DEEPSEEK,
    FIREWORKS,
    GROQ,
    MISTRAL,
    OPENROUTER,
    TOGETHER,
    XAI,
)
from fmsdk_openai.servers.local import LLAMACPP, LMSTUDIO, OLLAMA, SGLANG, VLLM
from fmsdk_openai.servers.named_server import NamedServer

__all__ = [
    "AZURE",
    "COPILOT",
    "DEEPSEEK",
    "FIREWORKS",
    "GROQ",
    "LLAMACPP",
    "LMSTUDIO",
    "MISTRAL",
    "OLLAMA",
    "OPENROUTER",
    "SERVERS",
    "SGLANG",
    "TOGETHER",
    "VLLM",
    "XAI",
]

SERVERS: Mapping[str, NamedServer] = {
    server.name: server
    for server in (
        *(VLLM, SGLANG, LLAMACPP, OLLAMA, LMSTUDIO),
        *(AZURE, OPENROUTER, GROQ, MISTRAL, DEEPSEEK, XAI, TOGETHER, FIREWORKS, COPILOT),
    )
}
"""The rows by name, the servers of one's own machine first."""
