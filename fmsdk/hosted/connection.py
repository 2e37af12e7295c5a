"""What the user says of a hosted provider's server, and the transport that comes of it.

A vendor subclasses `HostedConnection` with its environment variables and the header of its key.
Nothing is opened or imported before `open_transport`.
"""

from __future__ import annotations

import importlib
import os
from abc import abstractmethod
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from fmsdk.errors import BadRequestError
from fmsdk.hidden import HiddenDict
from fmsdk.hosted import options
from fmsdk.http.credentials import Credential
from fmsdk.http.error_mapper import ErrorMapper
from fmsdk.threads import run_in_thread
from fmsdk.validation import check_integer

if TYPE_CHECKING:
    from fmsdk.http.transport import Endpoint, Transport

__all__ = [
    "HostedConnection",
    "environment_headers",
    "import_in_thread",
    "open_transport",
    "user_agent",
]

_OPEN_NAMES = frozenset(
    {"accept", "anthropic-beta", "anthropic-version", "content-type", "user-agent", "?api-version"}
)
"""Headers, and fields of a base URL's query, that hold no secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostedConnection:
    """The server, and how to reach it.

    name: the provider's name, as models are prefixed with it. api_key: text, or a function that
    returns it (`async` or not), asked before every attempt. http_client: an
    `httpx2.AsyncClient` that the caller built and closes, whose connections are used (Unix
    sockets, own certificates). client: a client of the vendor's SDK that the caller built; then
    the other fields are unused. max_response_bytes: how long an answer that is no stream may be;
    64 MiB where None.
    """

    name: str
    base_url: str | None = field(default=None, repr=False)
    api_key: Any = field(default=None, repr=False)
    default_headers: Mapping[str, str] | None = field(default=None, repr=False)
    http_client: Any = field(default=None, repr=False)
    client: Any = field(default=None, repr=False)
    max_response_bytes: int | None = None

    @property
    @abstractmethod
    def url(self) -> str:
        """The base URL: the caller's client's, as configured, from the environment, or usual."""

    @property
    @abstractmethod
    def is_official(self) -> bool:
        """Whether the host is the vendor's own."""

    @property
    @abstractmethod
    def is_own(self) -> bool:
        """Whether the provider has the vendor's name, wherever the caller has pointed it."""

    @property
    def has_vendors_models(self) -> bool:
        """Whether the name of a model means the vendor's model, so that the catalogue's facts, the
        dates of retirement and the list prices hold: at the vendor's own host, and through any
        server under the vendor's name. A server under another name may mean anything by it."""
        return self.is_own or self.is_official

    @property
    def needs_key(self) -> bool:
        """Whether the server answers nobody without a key."""
        return self.is_official

    @property
    @abstractmethod
    def variable(self) -> str:
        """The environment variable that a person would set to be let in."""

    @property
    @abstractmethod
    def secret(self) -> str | None:
        """The key, where it is known beforehand: as configured, or from the environment."""

    @abstractmethod
    def authorization(self, key: str) -> dict[str, str]:
        """The header that carries the key."""

    @abstractmethod
    def server_headers(self) -> dict[str, str]:
        """What the server wants in every request, the key aside; with lower-case names."""

    def check_common(self, client_kind: str | None = None) -> None:
        """Raise BadRequestError for values that cannot be."""
        if client_kind is not None:
            options.check_client(self.client, client_kind)
        http_client = self.http_client
        if http_client is not None and not (
            iscoroutinefunction(getattr(http_client, "send", None))
            and hasattr(http_client, "build_request")
        ):
            kind = type(http_client).__name__
            raise BadRequestError(f"http_client is an httpx2.AsyncClient, not {kind}")
        check_integer("max_response_bytes", self.max_response_bytes, 1)
        options.check_url(self.url)
        options.check_headers(self.default_headers or {})

    def secrets(self) -> tuple[str, ...]:
        """What no message may show besides the key: the values of the caller's headers, and what
        the base URL holds besides its place."""
        parts = urlsplit(self.url)
        named_values = {**self.server_headers(), **(self.default_headers or {})}
        for pair in parts.query.split("&"):
            name, _, named_values[f"?{name}"] = pair.partition("=")
        values = [each for name, each in named_values.items() if name.lower() not in _OPEN_NAMES]
        values += [parts.username or "", parts.password or ""]
        return (*values, *map(unquote, values), *_basic_authorization(self.url).values())

    def credential(self) -> Credential:
        """The key, or the function that returns it."""
        return Credential(self.api_key if callable(self.api_key) else self.secret, self.name)

    def endpoint(self, credential: Credential) -> Endpoint:
        """The server, and what every request to it carries.

        Raises:
            MissingKey: no key, and the server is the vendor's.
            ConfigurationError: a key that no header can carry.
        """
        from fmsdk.http.transport import Endpoint

        own_headers = HiddenDict()
        own_headers.update((k.lower(), value) for k, value in (self.default_headers or {}).items())
        headers = HiddenDict(
            {
                "accept": "application/json",
                "content-type": "application/json",
                "user-agent": user_agent(),
                **_basic_authorization(self.url),
                **self.server_headers(),
                **own_headers,
            }
        )
        if credential.is_function:

            async def authorize() -> Mapping[str, str]:
                return self.authorization(await credential.value() or "")

            return Endpoint(url=self.url, headers=headers, authorize=authorize)
        key = credential.last_value
        if key is None and self.needs_key and "authorization" not in own_headers:
            raise options.missing_key(self.name, self.variable)
        key_headers = HiddenDict()
        if key is not None:
            key_headers.update(self.authorization(options.check_key(key, self.variable)))
        return Endpoint(url=self.url, headers=headers, key_headers=key_headers)


def _basic_authorization(url: str) -> dict[str, str]:
    """User and password of a URL as HTTP libraries send them; it takes the place of a key in the
    same header."""
    parts = urlsplit(url)
    if not (parts.username or parts.password):
        return {}
    pair = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
    return {"authorization": f"Basic {b64encode(pair.encode()).decode('ascii')}"}


async def open_transport(
    endpoint: Endpoint, error_mapper: ErrorMapper, idle_timeout: float | None, http_client: Any
) -> Transport:
    """Connections of our own, or the caller's. The HTTP library is imported in a thread, since
    that takes 0.2 to 3 seconds in which the event loop's other tasks have to go on.

    Raises:
        ConfigurationError: the environment's proxy or certificates cannot be used.
    """
    environment = await import_in_thread("fmsdk.http.environment")
    with environment.environment_errors():
        if http_client is not None:
            module = await import_in_thread("fmsdk.http.httpx2_transport")
            return module.Httpx2Transport(http_client, endpoint, error_mapper, idle_timeout)
        module = await import_in_thread("fmsdk.http.aiohttp_transport")
        if endpoint.url.startswith("https:"):
            await run_in_thread(module.trusted_certificates)
        return module.AiohttpTransport(endpoint, error_mapper, idle_timeout)


async def import_in_thread(module: str) -> Any:
    """Import a module without holding the event loop."""
    return await run_in_thread(importlib.import_module, module)


def environment_headers(variable: str) -> dict[str, str]:
    """The headers of an environment variable with a line "name: value" for each; with lower-case
    names. OPENAI_CUSTOM_HEADERS and ANTHROPIC_CUSTOM_HEADERS are read so by the SDKs, too."""
    lines = (line.partition(":") for line in os.environ.get(variable, "").splitlines())
    return {name.strip().lower(): value.strip() for name, colon, value in lines if colon}


@cache
def user_agent() -> str:
    """How fmsdk names itself to servers: fmsdk/<version>."""
    from importlib.metadata import version

    return f"fmsdk/{version('fmsdk')}"
