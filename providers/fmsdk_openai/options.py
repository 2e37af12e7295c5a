"""What a user can say to this provider alone: per request (`OpenAIOptions`), and per client
(the mapping under the provider's name in `Client(providers=…)`, read into a `Connection`).

Knows the environment's variables and host names; opens nothing and imports no SDK.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from fmsdk.errors import AuthenticationError, BadRequestError, ConfigurationError
from fmsdk.hosted import options as wire
from fmsdk.provider import ProviderConfig
from fmsdk.request import Request
from fmsdk_openai.dialect import PLAIN, Api, Dialect
from fmsdk_openai.server import Server

__all__ = ["Connection", "OpenAIOptions", "options_of"]

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
    voice, audio_format: of spoken answers (Chat); by default WAV, or PCM in streams, and at OpenAI
        "alloy".
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
    extra_body: Mapping[str, Any] = field(default_factory=dict[str, Any], repr=False)
    extra_headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)


_NO_OPTIONS = OpenAIOptions()


def options_of(request: Request) -> OpenAIOptions:
    """The request's options. Raises BadRequestError: they are another provider's."""
    return wire.options_of(request, OpenAIOptions, _NO_OPTIONS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What the user wrote of the server. api: the API to ask, or None. client: an `AsyncOpenAI`
    that the caller built; then the other fields are unused."""

    base_url: str | None = None
    api_key: Any = field(default=None, repr=False)
    api: Api | None = None
    organization: str | None = None
    project: str | None = None
    default_headers: Mapping[str, str] | None = field(default=None, repr=False)
    client: Any = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Connection:
    """How to reach a server: its row of the table, and what the user gave.

    name: the provider's name, as models are prefixed with it; a name of the user's own makes it
    another's server that speaks the same.
    """

    name: str
    server: Server
    given: Given

    @classmethod
    def of(cls, config: ProviderConfig, server: Server) -> Connection:
        """Read a provider's configuration.

        Raises:
            BadRequestError: an option that does not exist, or a value that cannot be.
            ConfigurationError: no base URL, where everyone has their own.
        """
        connection = cls(config.name, server, Given(**wire.chosen(config, Given)))
        connection.check()
        return connection

    def check(self) -> None:
        """Raise BadRequestError or ConfigurationError for values that cannot be."""
        given = self.given
        if given.api not in (None, "responses", "chat"):
            raise BadRequestError(f"api is 'responses' or 'chat', not {given.api!r}")
        wire.check_client(given.client, "AsyncOpenAI")
        if given.client is None and given.base_url is None:
            if not self.is_own:
                raise BadRequestError(f"the provider {self.name!r} needs a base_url")
            if self.server.configured_url() is None:
                raise ConfigurationError(
                    f"{self.name} needs a base_url: set {self.server.url_variables[-1]}",
                    provider=self.name,
                )
        wire.check_url(self.url)
        wire.check_headers(given.default_headers or {})
        named = {"organization": given.organization, "project": given.project}
        wire.check_headers({name: value for name, value in named.items() if value is not None})

    @property
    def is_own(self) -> bool:
        """Whether this is the provider that the row is for."""
        return self.name == self.server.name

    @property
    def is_openai(self) -> bool:
        """Whether this is called OpenAI, so that what is meant for it goes there: the key, and
        what its SDK reads from further variables."""
        return self.is_own and self.server.name == "openai"

    @property
    def url(self) -> str:
        """The base URL: the caller's client's, as configured, from the environment, the row's."""
        if self.given.client is not None:
            return str(self.given.client.base_url)
        return str(self.given.base_url or self.server.configured_url())

    @property
    def official(self) -> bool:
        """Whether the host is the vendor's own."""
        return self.server.owns(self.url)

    @property
    def dialect(self) -> Dialect:
        """How the server speaks. OpenAI's wire is spoken by many; its name alone says nothing."""
        return PLAIN if self.server.name == "openai" and not self.official else self.server.dialect

    @property
    def key_variables(self) -> tuple[str, ...]:
        """The environment variables that may hold the key, the usual one first. They are the
        name's, so that no vendor's key goes to a server of another name."""
        return self.server.key_variables if self.is_own else (wire.key_variable(self.name),)

    @property
    def secret(self) -> str | None:
        """The API key, where it is known beforehand: the caller's client's, as configured, or
        from the environment."""
        if self.given.client is not None:
            found: object = self.given.client.api_key
        else:
            found = self.given.api_key or wire.from_environment(*self.key_variables)
        return found.strip() or None if isinstance(found, str) else None

    def key(self) -> Any:
        """What the SDK takes as a key: text, or an async function that returns it.

        Raises:
            MissingKey: none, and the server is the vendor's.
            ConfigurationError: a key that no header can carry.
        """
        given = self.given.api_key
        if given is not None and not isinstance(given, str):
            return _asked(given, self.name)
        variable = self.key_variables[0]
        if self.secret is None:
            if self.official:
                raise wire.missing_key(self.name, variable)
            return PLACEHOLDER_KEY
        return wire.check_key(self.secret, variable)

    def headers(self, omit: object) -> dict[str, Any]:
        """The headers of every request. `omit` stands for a header that is left out."""
        headers: dict[str, Any] = {}
        if not self.is_openai:
            # The SDK would send what this variable holds for OpenAI to any server.
            lines = os.environ.get("OPENAI_CUSTOM_HEADERS", "").splitlines()
            headers = {line.partition(":")[0].strip(): omit for line in lines if ":" in line}
        return headers | {**self.server.headers, **(self.given.default_headers or {})}


def _asked(function: Callable[[], Awaitable[str]], provider: str) -> Callable[[], Awaitable[str]]:
    """A function of the caller's that returns the key, whose own errors become typed."""

    async def key() -> str:
        try:
            return await function()
        except Exception as error:
            why = f"the function given as api_key raised {type(error).__name__}"
            raise AuthenticationError(f"{provider}: {why}", provider=provider) from error

    return key
