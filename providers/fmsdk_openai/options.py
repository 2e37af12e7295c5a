"""What a user can say to this provider alone: per request (`OpenAIOptions`), and per client
(the mapping under the provider's name in `Client(providers=…)`, read into a `Connection`).

Knows the environment's variables and host names; opens nothing and imports no SDK.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from fmsdk.errors import BadRequestError, ConfigurationError
from fmsdk.hosted import options as wire
from fmsdk.hosted.connection import HostedConnection, environment_headers
from fmsdk.provider import ProviderConfig
from fmsdk.request import Request
from fmsdk_openai.server import Server
from fmsdk_openai.server_dialect import PLAIN_DIALECT, Api, Dialect

__all__ = ["Connection", "OpenAIOptions", "options_of"]


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
class Connection(HostedConnection):
    """A server that speaks OpenAI's wire: its row of the table, and what the user configured.

    name: the provider's name, as models are prefixed with it; a name of the user's own makes it
    another's server that speaks the same. api: the API to ask; None: what the model answers on.
    client: an `AsyncOpenAI`, or a cloud variant of it.
    """

    api: Api | None = None
    organization: str | None = None
    project: str | None = None
    server: Server

    @classmethod
    def of(cls, config: ProviderConfig, server: Server) -> Connection:
        """Read a provider's configuration.

        Raises:
            BadRequestError: an option that does not exist, or a value that cannot be.
            ConfigurationError: no base URL, where everyone has their own.
        """
        read_options = wire.read_options(config, cls, internal=("server",))
        connection = cls(name=config.name, server=server, **read_options)
        connection.check()
        return connection

    def check(self) -> None:
        """Raise BadRequestError or ConfigurationError for values that cannot be."""
        if self.api not in (None, "responses", "chat"):
            raise BadRequestError(f"api is 'responses' or 'chat', not {self.api!r}")
        if self.client is None and self.base_url is None:
            if not self.is_own:
                raise BadRequestError(f"the provider {self.name!r} needs a base_url")
            if self.server.configured_url() is None:
                raise ConfigurationError(
                    f"{self.name} needs a base_url: set {self.server.url_variables[-1]}",
                    provider=self.name,
                )
        self.check_common("AsyncOpenAI")
        account_headers = {"organization": self.organization, "project": self.project}
        wire.check_headers(
            {name: value for name, value in account_headers.items() if value is not None}
        )

    @property
    def is_own(self) -> bool:
        """Whether this is the provider that the row is for."""
        return self.name == self.server.name

    @property
    def is_openai(self) -> bool:
        """Whether this is called OpenAI, so that what is meant for it goes there: the key, and
        what further variables of OpenAI's SDK hold."""
        return self.is_own and self.server.name == "openai"

    @property
    def url(self) -> str:
        """The base URL: the caller's client's, as configured, from the environment, the row's."""
        if self.client is not None:
            return str(self.client.base_url)
        return str(self.base_url or self.server.configured_url())

    @property
    def is_official(self) -> bool:
        """Whether the host is the vendor's own."""
        server, host = self.server, wire.host_of(self.url)
        own = server.hosts or (wire.host_of(server.url or ""),)
        return not server.is_local and any(
            host == name or host.endswith(f".{name}") for name in own if name
        )

    @property
    def dialect(self) -> Dialect:
        """How the server speaks. OpenAI's wire is spoken by many; its name alone says nothing."""
        return (
            PLAIN_DIALECT
            if self.server.name == "openai" and not self.is_official
            else self.server.dialect
        )

    @property
    def key_variables(self) -> tuple[str, ...]:
        """The environment variables that may hold the key, the usual one first. They are the
        name's, so that no vendor's key goes to a server of another name."""
        return self.server.key_variables if self.is_own else (wire.key_variable(self.name),)

    @property
    def variable(self) -> str:
        """The usual environment variable of the key."""
        return self.key_variables[0]

    @property
    def secret(self) -> str | None:
        """The API key, where it is known beforehand: the caller's client's, as configured, or
        from the environment."""
        if self.client is not None:
            credential_text: object = self.client.api_key
        else:
            credential_text = self.api_key or wire.from_environment(*self.key_variables)
        return credential_text.strip() or None if isinstance(credential_text, str) else None

    def authorization(self, key: str) -> dict[str, str]:
        """A bearer token, but for the server's own header, which takes keys alone: what a
        function returns is a token (Microsoft Entra's, at Azure)."""
        if self.server.key_header and not callable(self.api_key):
            return {self.server.key_header.lower(): key}
        return {"authorization": f"Bearer {key}"}

    def server_headers(self) -> dict[str, str]:
        """The row's headers, and those that OPENAI_ORG_ID, OPENAI_PROJECT_ID and
        OPENAI_CUSTOM_HEADERS hold for the provider called openai alone."""
        headers = {name.lower(): value for name, value in self.server.headers.items()}
        organization, project = self.organization, self.project
        if self.is_openai:
            organization = organization or wire.from_environment("OPENAI_ORG_ID")
            project = project or wire.from_environment("OPENAI_PROJECT_ID")
        if organization is not None:
            headers["openai-organization"] = organization
        if project is not None:
            headers["openai-project"] = project
        return headers | (environment_headers("OPENAI_CUSTOM_HEADERS") if self.is_openai else {})
