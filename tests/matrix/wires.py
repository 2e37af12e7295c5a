"""The wires under test, an entry each: adding one is adding a `Wire`.

Vendors' own dialects are spoken to their own hosts alone, so that these are asked by their names,
through a proxy on loopback (`HTTP_PROXY`, see `probe`), which is the test's server. Models have
names that no catalogue describes: what a wire carries is asked here, not what a model takes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fmsdk.content import FileRef
from fmsdk.provider import Provider, ProviderConfig
from fmsdk_anthropic import AnthropicOptions, AnthropicProvider
from fmsdk_google import GoogleOptions, GoogleProvider
from fmsdk_openai import OpenAIOptions, OpenAIProvider
from fmsdk_openai.servers import SERVERS
from tests.matrix.facts import Asked
from tests.matrix.media import File
from tests.matrix.readback import anthropic, google, openai_chat, openai_responses
from tests.support.scripted_server import ReceivedRequest

__all__ = ["SERVER_WIRES", "TOOL", "WIRES", "Sample", "Wire"]


@dataclass(frozen=True, slots=True)
class Sample:
    """A value for a provider's option, and what has to be asked along with it: keywords, or
    (`document`) a document in the prompt."""

    value: Any
    along: Mapping[str, Any] = field(default_factory=dict[str, Any])
    document: bool = False


@dataclass(frozen=True, kw_only=True, eq=False)
class Wire:
    """A dialect of a vendor's API.

    name: the column's heading. provider, model, make, config: how fmsdk is asked; of `config`, the
    "base_url" is the vendor's, or None for the test's own server. read: the body read back.
    schema: the vendor's schema, as ../shared/specs names it. options, samples: the provider's own
    options, a sample of each. in_budgets: reasoning effort is told in tokens. held: a file that
    the vendor holds.
    """

    name: str
    provider: str
    model: str
    make: Callable[[ProviderConfig], Provider]
    config: Mapping[str, Any]
    read: Callable[[ReceivedRequest], Asked]
    schema: tuple[str, str] | None
    options: type[Any]
    samples: Mapping[str, Sample]
    in_budgets: bool = False
    held: Callable[[File, str], FileRef] = lambda file, provider: FileRef(provider, file.name)

    def __repr__(self) -> str:
        return self.name


HEADERS = Sample({"x-matrix-test": "marked"})
TOOL = {
    "name": "look_up",
    "description": "Looks it up",
    "parameters": {"type": "object", "properties": {"word": {"type": "string"}}},
}

_OPENAI = {
    "service_tier": Sample("flex"),
    "store": Sample(True),
    "prompt_cache_key": Sample("key-1"),
    "verbosity": Sample("low"),
    "user": Sample("user-1"),
    "safety_identifier": Sample("person-1"),
    "parallel_tool_calls": Sample(False, {"tools": "look_up"}),
    "previous_response_id": Sample("resp_9"),
    "reasoning_summary": Sample("concise"),
    "voice": Sample("ash", {"modalities": ("text", "audio")}),
    "audio_format": Sample("mp3", {"modalities": ("text", "audio")}),
    "extra_headers": HEADERS,
}
_CHAT = {**_OPENAI, "extra_body": Sample({"presence_penalty": 0.25})}
_ANTHROPIC = {
    "top_k": Sample(40),
    "thinking": Sample({"type": "enabled", "budget_tokens": 2000}),
    "thinking_display": Sample("summarized", {"reasoning": "high"}),
    "effort": Sample("low"),
    "cache": Sample(True),
    "cache_system": Sample("1h", {"system": "Be brief."}),
    "cache_tools": Sample("1h", {"tools": "look_up"}),
    "citations": Sample(True, document=True),
    "service_tier": Sample("standard_only"),
    "speed": Sample("fast"),
    "inference_geo": Sample("us"),
    "user_id": Sample("user-1"),
    "container": Sample("container-1"),
    "server_tools": Sample(({"type": "web_search_20250305", "name": "web_search"},)),
    "disable_parallel_tool_use": Sample(True, {"tools": "look_up"}),
    "betas": Sample(("beta-1", "beta-2")),
    "extra_body": Sample({"user_profile_id": "profile-1"}),
    "extra_headers": HEADERS,
}
_GOOGLE = {
    "safety_settings": Sample({"HARM_CATEGORY_HARASSMENT": "BLOCK_NONE"}),
    "cached_content": Sample("cachedContents/1"),
    "thinking_budget": Sample(2000),
    "include_thoughts": Sample(True),
    "top_k": Sample(40),
    "presence_penalty": Sample(0.25),
    "frequency_penalty": Sample(0.5),
    "server_tools": Sample(({"googleSearch": {}},)),
    "service_tier": Sample("flex"),
    "media_resolution": Sample("low"),
    "voice": Sample("Kore", {"modalities": ("audio",)}),
    "speech_config": Sample({"languageCode": "de-DE"}, {"modalities": ("audio",)}),
    "image_config": Sample({"aspectRatio": "16:9"}, {"modalities": ("text", "image")}),
    "labels": Sample({"team": "a"}),
    "task_type": Sample("CLUSTERING"),
    "extra_body": Sample({"generationConfig": {"audioTimestamp": True}}),
    "extra_headers": HEADERS,
}


def _uri(file: File, provider: str) -> FileRef:
    return FileRef(provider, f"files/{file.name}", file.mime)


def _bucket(file: File, provider: str) -> FileRef:
    return FileRef(provider, f"gs://bucket/{file.name}", file.mime)


_OWN_OPENAI: dict[str, Any] = {
    "provider": "openai",
    "model": "gpt-5.6-matrix",
    "make": OpenAIProvider,
    "options": OpenAIOptions,
}
_OWN_ANTHROPIC: dict[str, Any] = {
    "provider": "anthropic",
    "config": {"base_url": "http://api.anthropic.com", "api_key": "k"},
    "read": anthropic.read,
    "schema": ("anthropic", "messages"),
    "make": AnthropicProvider,
    "options": AnthropicOptions,
    "samples": _ANTHROPIC,
}
_OWN_GOOGLE: dict[str, Any] = {
    "provider": "google",
    "read": google.read,
    "make": GoogleProvider,
    "options": GoogleOptions,
    "samples": _GOOGLE,
}
_STUDIO = {"base_url": "http://generativelanguage.googleapis.com", "api_key": "k"}

WIRES = (
    Wire(
        name="OpenAI Responses",
        **_OWN_OPENAI,
        config={"base_url": "http://api.openai.com/v1", "api_key": "k", "api": "responses"},
        read=openai_responses.read,
        schema=("openai", "responses"),
        samples={**_OPENAI, "extra_body": Sample({"truncation": "auto"})},
    ),
    Wire(
        name="OpenAI Chat",
        **_OWN_OPENAI,
        config={"base_url": "http://api.openai.com/v1", "api_key": "k", "api": "chat"},
        read=openai_chat.read,
        schema=("openai", "chat.completions"),
        samples=_CHAT,
    ),
    Wire(
        name="OpenAI-compatible",
        provider="mine",
        model="m",
        make=OpenAIProvider,
        config={"base_url": None},
        read=openai_chat.read,
        schema=("openai", "chat.completions"),
        options=OpenAIOptions,
        samples=_CHAT,
    ),
    Wire(name="Claude 5", model="claude-opus-5-matrix", **_OWN_ANTHROPIC),
    Wire(name="Claude 4.5", model="claude-sonnet-4-5-matrix", in_budgets=True, **_OWN_ANTHROPIC),
    Wire(
        name="Gemini 3",
        model="gemini-3.8-matrix",
        config=_STUDIO,
        schema=("gemini", "generateContent"),
        held=_uri,
        **_OWN_GOOGLE,
    ),
    Wire(
        name="Gemini 2.5",
        model="gemini-2.5-matrix",
        config=_STUDIO,
        schema=("gemini", "generateContent"),
        in_budgets=True,
        held=_uri,
        **_OWN_GOOGLE,
    ),
    Wire(
        name="Vertex",
        model="gemini-3.8-matrix",
        config={
            "base_url": "http://aiplatform.googleapis.com",
            "vertex": True,
            "project": "p",
            "api_key": "k",
        },
        schema=("vertex", "generateContent"),
        held=_bucket,
        **_OWN_GOOGLE,
    ),
)


def _either(seen: ReceivedRequest) -> Asked:
    return (openai_responses if seen.path.endswith("/responses") else openai_chat).read(seen)


SERVER_WIRES = tuple(
    Wire(
        name=server.title,
        provider=server.name,
        model="m",
        make=server,
        config={"base_url": None, "api_key": "k"},
        read=_either,
        schema=None,
        options=OpenAIOptions,
        samples=_CHAT,
    )
    for server in SERVERS.values()
)
"""The compatible servers that fmsdk knows by name. Their dialects are their own, so that OpenAI's
schema says nothing of them."""
