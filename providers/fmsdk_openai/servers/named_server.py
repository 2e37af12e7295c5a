"""A server with a provider's name of its own: `vllm:…`, `groq:…`."""

from __future__ import annotations

from fmsdk.provider import ProviderConfig
from fmsdk_openai.provider import OpenAIProvider
from fmsdk_openai.server import Server

__all__ = ["NamedServer"]


class NamedServer(Server):
    """A server as an entry point: called with a configuration, it makes its provider."""

    __slots__ = ()

    def __call__(self, config: ProviderConfig) -> OpenAIProvider:
        """A provider for this server. Raises as `OpenAIProvider` does."""
        return OpenAIProvider(config, self)
