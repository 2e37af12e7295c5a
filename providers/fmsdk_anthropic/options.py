"""What a user can say to this provider alone: per request (`AnthropicOptions`), and per client
(the mapping under the provider's name in `Client(providers=…)`, read into a `Connection`).

Knows the environment's variables and host names; opens nothing and imports no SDK.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from fmsdk.content import CacheMark
from fmsdk.errors import BadRequestError
from fmsdk.hosted import options as wire
from fmsdk.provider import ProviderConfig
from fmsdk.request import Request

__all__ = ["AnthropicOptions", "Connection", "options_of"]

ANTHROPIC_URL = "https://api.anthropic.com"
PLACEHOLDER_KEY = "none"
"""Sent where no key is known: servers on one's own machine want none, the SDK insists on one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnthropicOptions:
    """Anthropic's own request fields, for `generate(…, options=AnthropicOptions(…))`.

    top_k: sample from the k likeliest tokens alone; Claude 4.6 and older.
    thinking: Anthropic's own configuration, as it stands ({"type": "enabled", "budget_tokens":
        4000}, {"type": "adaptive", "display": "summarized"}, …), in place of `reasoning`.
    thinking_display: "summarized" returns thoughts in words, "omitted" does not; newer models
        omit them unless asked. Goes with `reasoning`.
    effort: "low", "medium", "high", "xhigh" or "max": how much the model puts into all of its
        answer, thinking or not; in place of `reasoning`.
    cache: mark the last block that can be cached, which moves on with the conversation.
    cache_system, cache_tools: a cache point after the system prompt, after the tools. As with a
        part's `cache`, True and "5m" keep for five minutes, "1h" for an hour.
    citations: let the model cite the documents of the request. What it cites comes as the
        `opaque` of a `Reasoning` before the text that it belongs to.
    service_tier: "auto" or "standard_only"; `usage.service_tier` says which served.
    speed: "fast" or "standard"; `usage.service_tier` is "fast" where that served.
    inference_geo: where to compute ("us", "global").
    user_id: a stable id of your end user; hash what is personal.
    container: the id or configuration of a container for code execution.
    server_tools: tools that Anthropic runs ({"type": "web_search_20250305", …}), as they stand.
        What they did comes as opaque `Reasoning` parts, in their place, and is no tool call.
    disable_parallel_tool_use: one tool call at a time.
    betas: names for the header `anthropic-beta`.
    extra_body: fields set last at the top level of the body, unchecked; None takes one out.
    extra_headers: HTTP headers of this request.
    """

    top_k: int | None = None
    thinking: Mapping[str, Any] | None = None
    thinking_display: Literal["summarized", "omitted"] | None = None
    effort: Literal["low", "medium", "high", "xhigh", "max"] | None = None
    cache: CacheMark = False
    cache_system: CacheMark = False
    cache_tools: CacheMark = False
    citations: bool = False
    service_tier: Literal["auto", "standard_only"] | None = None
    speed: Literal["standard", "fast"] | None = None
    inference_geo: str | None = None
    user_id: str | None = None
    container: str | Mapping[str, Any] | None = None
    server_tools: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)
    disable_parallel_tool_use: bool = False
    betas: tuple[str, ...] = ()
    extra_body: Mapping[str, Any] = field(default_factory=dict[str, Any], repr=False)
    extra_headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)


_NO_OPTIONS = AnthropicOptions()


def options_of(request: Request) -> AnthropicOptions:
    """The request's options. Raises BadRequestError: they are another provider's, or hold what
    cannot be sent."""
    options = wire.options_of(request, AnthropicOptions, _NO_OPTIONS)
    for beta in options.betas:
        wire.check_headers({"anthropic-beta": beta})
    return options


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """The server, and how to reach it.

    name: the provider's name, as models are prefixed with it. auth_token: a bearer token in
    place of a key. official: Anthropic's own server, rather than another that speaks its wire.
    client: an `AsyncAnthropic`, or a cloud variant of it, that the caller built; then the other
    fields are unused.
    """

    name: str
    base_url: str | None = None
    api_key: str | None = field(default=None, repr=False)
    auth_token: str | None = field(default=None, repr=False)
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
        wire.check_client(self.client, "AsyncAnthropic")
        if self.client is None and self.name != "anthropic" and self.base_url is None:
            raise BadRequestError(f"the provider {self.name!r} needs a base_url")
        wire.check_url(self.url)
        wire.check_headers(self.default_headers or {})

    @property
    def url(self) -> str:
        """The base URL: the caller's client's, as configured, from the environment, Anthropic's."""
        if self.client is not None:
            return str(self.client.base_url)
        return str(self.base_url or os.environ.get("ANTHROPIC_BASE_URL") or ANTHROPIC_URL)

    @property
    def official(self) -> bool:
        """Whether the host is api.anthropic.com."""
        return wire.host_of(self.url) == "api.anthropic.com"

    @property
    def streams(self) -> bool:
        """Whether streams come as server-sent events, which Amazon's older client does not give."""
        return type(self.client).__name__ != "AsyncAnthropicBedrock"

    @property
    def variable(self) -> str:
        """The environment variable with the key."""
        return wire.key_variable(self.name)

    @property
    def key(self) -> str | None:
        """The API key, as configured or from the environment variable of the provider's name.
        Anthropic's own key, then, goes to no server of another name."""
        if self.client is not None:
            return _text(getattr(self.client, "api_key", None))
        if self.api_key is None and self.auth_token is not None:
            return None
        return _text(self.api_key or wire.from_environment(self.variable))

    @property
    def token(self) -> str | None:
        """The bearer token to use where there is no key, which comes first, as in the SDK."""
        if self.client is not None:
            return _text(getattr(self.client, "auth_token", None))
        if self.key is not None:
            return None
        found = self.auth_token
        if found is None and self.name == "anthropic":
            found = wire.from_environment("ANTHROPIC_AUTH_TOKEN")
        return _text(found)

    def credentials(self) -> dict[str, Any]:
        """The SDK's arguments for key or token; none at all leaves Anthropic's own SDK to look
        for a profile or an identity of the machine.

        Raises:
            ConfigurationError: a key or token that no header can carry.
        """
        if self.key is not None:
            return {"api_key": wire.check_key(self.key, self.variable)}
        if self.token is not None:
            return {"auth_token": wire.check_key(self.token, "ANTHROPIC_AUTH_TOKEN")}
        return {} if self.official else {"api_key": PLACEHOLDER_KEY}


def _text(found: object) -> str | None:
    return found.strip() or None if isinstance(found, str) else None
