"""What a user can say to this provider alone: per request (`AnthropicOptions`), and per client
(the mapping under the provider's name in `Client(providers=…)`, read into a `Connection`).

Knows the environment's variables and host names; opens nothing and imports no SDK.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from fmsdk.content import CacheMark
from fmsdk.errors import BadRequestError
from fmsdk.hosted import options as wire
from fmsdk.hosted.connection import HostedConnection, environment_headers
from fmsdk.provider import ProviderConfig
from fmsdk.request import Request

__all__ = ["AnthropicOptions", "Connection", "has_profile", "options_of"]

ANTHROPIC_URL = "https://api.anthropic.com"
VERSION = "2026-10-21"
"""Of the wire: what anthropic 2.12 sends, read there on 2026-11-28."""


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
class Connection(HostedConnection):
    """A server that speaks Anthropic's wire.

    auth_token: a bearer token in place of a key. client: an `AsyncAnthropic`, or a cloud variant
    of it.
    """

    auth_token: str | None = field(default=None, repr=False)

    @classmethod
    def of(cls, config: ProviderConfig) -> Connection:
        """Read a provider's configuration.

        Raises:
            BadRequestError: an option that does not exist, or a value that cannot be.
        """
        connection = cls(name=config.name, **wire.read_options(config, cls))
        if connection.client is None and not connection.is_own and connection.base_url is None:
            raise BadRequestError(f"the provider {connection.name!r} needs a base_url")
        connection.check_common("AsyncAnthropic")
        return connection

    @property
    def is_own(self) -> bool:
        """Whether this is called Anthropic, so that what its environment variables hold goes
        there."""
        return self.name == "anthropic"

    @property
    def url(self) -> str:
        """The base URL: the caller's client's, as configured, from the environment, Anthropic's."""
        if self.client is not None:
            return str(self.client.base_url)
        return str(self.base_url or os.environ.get("ANTHROPIC_BASE_URL") or ANTHROPIC_URL)

    @property
    def is_official(self) -> bool:
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
    def secret(self) -> str | None:
        """The API key, or the bearer token where there is no key, which comes first, as in
        Anthropic's SDK. Both are sent as a bearer token. Anthropic's own key and token go to no
        server of another name."""
        if self.client is not None:
            credential_text = _text(getattr(self.client, "api_key", None))
            return credential_text or _text(getattr(self.client, "auth_token", None))
        if self.api_key is not None or self.auth_token is not None:
            return _text(self.api_key) or _text(self.auth_token)
        credential_text = _text(wire.from_environment(self.variable))
        if credential_text is None and self.is_own:
            credential_text = _text(wire.from_environment("ANTHROPIC_AUTH_TOKEN"))
        return credential_text

    def authorization(self, key: str) -> dict[str, str]:
        """A bearer token."""
        return {"authorization": f"Bearer {key}"}

    def server_headers(self) -> dict[str, str]:
        """The wire's version, and what ANTHROPIC_CUSTOM_HEADERS holds for Anthropic."""
        custom = environment_headers("ANTHROPIC_CUSTOM_HEADERS") if self.is_own else {}
        return {"anthropic-version": VERSION, **custom}

    def betas(self) -> str:
        """The betas among the headers of every request: the caller's client's, or those
        configured and those of the environment."""
        if self.client is not None:
            headers: Mapping[str, Any] = self.client.default_headers
        else:
            headers = {**self.server_headers(), **(self.default_headers or {})}
        return ",".join(
            value for name, value in headers.items() if name.lower() == "anthropic-beta"
        )


def has_profile() -> bool:
    """Whether there is what Anthropic's SDK makes credentials of: a profile, or the identity of a
    workload. It reads the same (anthropic 2.12, `lib/credentials`)."""
    folder = os.environ.get("ANTHROPIC_CONFIG_DIR")
    if folder or os.environ.get("ANTHROPIC_PROFILE"):
        return True
    if os.environ.get("ANTHROPIC_FEDERATION_RULE_ID"):
        return True
    if sys.platform == "win32":
        base = Path(os.environ.get("APPDATA") or Path.home() / "AppData" / "Roaming") / "Anthropic"
    else:
        base = Path.home() / ".config" / "anthropic"
    return (base / "active_config").exists() or (base / "configs" / "default.json").exists()


def _text(value: object) -> str | None:
    return value.strip() or None if isinstance(value, str) else None
