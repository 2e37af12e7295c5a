"""What a user can say to this provider alone: per request (`OpenAIOptions`), and per client
(the mapping under the provider's name in `Client(providers=…)`, read into a `Connection`).

Knows the environment's variables and host names; opens nothing and imports no SDK.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from fmsdk.errors import BadRequestError
from fmsdk.provider import ProviderConfig
from fmsdk.request import Request
from fmsdk.wire import options as wire

__all__ = ["Api", "Connection", "OpenAIOptions", "options_of"]

Api = Literal["responses", "chat"]
OPENAI_URL = "https://api.openai.com/v1"
PLACEHOLDER_KEY = "none"
"""Sent where no key is known: servers on one's own machine want none, the SDK insists on one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAIOptions:
    """OpenAI's own request fields, for `generate(…, options=OpenAIOptions(…))`.

    service_tier: "auto", "default", "flex", "priority", …; `usage.service_tier` says which served.
    store: keep the response on OpenAI's side; off unless asked for.
    previous_response_id: continue a stored response (Responses).
    prompt_cache_key: requests with the same key share a prompt cache.
    reasoning_summary: "auto", "concise" or "detailed" (Responses); read as `response.reasoning`.
    verbosity: "low", "medium" or "high".
    user, safety_identifier: stable ids of your end user; hash what is personal.
    voice, audio_format: of spoken answers (Chat); "alloy" and WAV, or PCM in streams, by default.
    parallel_tool_calls: False for one tool call at a time.
    extra_body: fields set last at the top level of the body, unchecked; None takes one out.
    extra_headers: HTTP headers of this request.
    """

    service_tier: str | None = None
    store: bool | None = None
    previous_response_id: str | None = None
    prompt_cache_key: str | None = None
    reasoning_summary: Literal["auto", "concise", "detailed"] | None = None
    verbosity: Literal["low", "medium", "high"] | None = None
    user: str | None = None
    safety_identifier: str | None = None
    voice: str | None = None
    audio_format: Literal["wav", "mp3", "flac", "opus", "aac", "pcm16"] | None = None
    parallel_tool_calls: bool | None = None
    extra_body: Mapping[str, Any] = field(default_factory=dict[str, Any])
    extra_headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)


_NO_OPTIONS = OpenAIOptions()


def options_of(request: Request) -> OpenAIOptions:
    """The request's options. Raises BadRequestError: they are another provider's."""
    return wire.options_of(request, OpenAIOptions, _NO_OPTIONS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """The server, and how to reach it.

    name: the provider's name, as models are prefixed with it. official: OpenAI's own server,
    rather than another that speaks its wire. api: which API the user pinned, or None.
    client: an `AsyncOpenAI` that the caller built; then the other fields are unused.
    """

    name: str
    base_url: str | None = None
    api_key: Any = field(default=None, repr=False)
    api: Api | None = None
    organization: str | None = None
    project: str | None = None
    default_headers: Mapping[str, str] | None = field(default=None, repr=False)
    client: Any = field(default=None, repr=False)

    @classmethod
    def of(cls, config: ProviderConfig) -> Connection:
        """Read a provider's configuration.

        Raises:
            BadRequestError: an option that does not exist, or a value that cannot be.
        """
        connection = cls(name=config.name, **wire.chosen(config, cls))
        connection.check()
        return connection

    def check(self) -> None:
        """Raise BadRequestError for values that cannot be."""
        if self.api not in (None, "responses", "chat"):
            raise BadRequestError(f"api is 'responses' or 'chat', not {self.api!r}")
        if self.client is None and self.name != "openai" and self.base_url is None:
            raise BadRequestError(f"the provider {self.name!r} needs a base_url")
        wire.check_url(self.url)
        wire.check_headers(self.default_headers or {})

    @property
    def url(self) -> str:
        """The base URL: the caller's client's, as configured, from the environment, OpenAI's."""
        if self.client is not None:
            return str(self.client.base_url)
        return str(self.base_url or os.environ.get("OPENAI_BASE_URL") or OPENAI_URL)

    @property
    def official(self) -> bool:
        """Whether the host is api.openai.com or one of its regions."""
        host = wire.host_of(self.url)
        return host == "api.openai.com" or host.endswith(".api.openai.com")

    @property
    def secret(self) -> str | None:
        """The API key, where it is known beforehand: the caller's client's, as configured, or
        from the environment variable of the provider's name. OpenAI's own key, then, goes to no
        server of another name."""
        if self.client is not None:
            found: object = self.client.api_key
        else:
            found = self.api_key or os.environ.get(wire.key_variable(self.name))
        return found.strip() or None if isinstance(found, str) else None

    def key(self) -> Any:
        """What the SDK takes as a key: text, or an async function that returns it.

        Raises:
            MissingKey: none, and the server is OpenAI's.
            ConfigurationError: a key that no header can carry.
        """
        if self.api_key is not None and not isinstance(self.api_key, str):
            return self.api_key
        variable = wire.key_variable(self.name)
        if self.secret is None:
            if self.official:
                raise wire.missing_key(self.name, variable)
            return PLACEHOLDER_KEY
        return wire.check_key(self.secret, variable)
