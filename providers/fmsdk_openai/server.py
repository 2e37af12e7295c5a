"""A server that speaks OpenAI's API: its address, its keys, its dialect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from urllib.parse import urlsplit, urlunsplit

from fmsdk.hosted.options import from_environment
from fmsdk.provider import Provider, UsableModel
from fmsdk_openai.local_server import find_server
from fmsdk_openai.model_info import ModelsEndpoint
from fmsdk_openai.server_dialect import OPENAI, Dialect

__all__ = ["OPENAI_SERVER", "Server"]

_ALL_ADDRESSES = "0.0.0.0"  # noqa: S104 - nothing is bound to it


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A server's address, its keys, and its dialect.

    name: its provider's. title: its name for people.
    url: its base URL; for servers on one's own machine the default one; None: every user has
        their own.
    hosts: the ends of the host names that are its own, where they are not `url`'s.
    url_variables, key_variables: environment variables, of which the first that is set is used.
    is_local: it runs on one's own machine, and needs no key.
    price_id: the vendor whose prices hold, by its id in genai-prices.
    key_header: the header that holds the key, in place of "Authorization: Bearer".
    headers: of every request.
    listings: where it describes its models.
    source, checked: its documentation, and when that was read.
    """

    name: str
    title: str
    source: str
    checked: date
    url: str | None = None
    hosts: tuple[str, ...] = ()
    url_variables: tuple[str, ...] = ()
    key_variables: tuple[str, ...] = ()
    is_local: bool = False
    price_id: str | None = None
    key_header: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    dialect: Dialect = field(default_factory=Dialect)
    listings: tuple[ModelsEndpoint, ...] = ()

    fetch_model = staticmethod(Provider.fetch_model)

    def usable_models(self) -> list[UsableModel]:
        """Whether its models can be called now: its key is set, or it runs on this machine."""
        name, sets = f"{self.name}:…", [self.key_variables]
        if self.is_local:
            key = from_environment(*self.key_variables)
            url = self.configured_url() or ""
            is_usable, note = find_server(self.title, url, key, self.key_variables[0])
            return [UsableModel(name, is_usable, note, self.dialect.input)]
        if not self.url:
            sets.append(self.url_variables)
        missing = [variables[0] for variables in sets if from_environment(*variables) is None]
        advice = f"set {' and '.join(missing)}" if missing else ""
        return [UsableModel(name, not missing, advice, self.dialect.input)]

    def configured_url(self) -> str | None:
        """The base URL from the environment, completed, or else the server's own.

        A variable holds a base URL, or less: the start of one (Azure, Groq), or host and port
        (Ollama). What it leaves out is taken from the server's usual URL.
        """
        value = from_environment(*self.url_variables)
        if value is None:
            return self.url
        try:
            usual = urlsplit(self.url or "https://unnamed/openai/v1")
            url = urlsplit(value if "://" in value else f"{usual.scheme}://{value}")
            host = url.netloc
            if usual.port and url.port is None and "://" not in value:
                host = f"{host}:{usual.port}"
        except ValueError:  # no URL, which `check_url` reports
            return value
        # Ollama's variable holds the address where it listens, which may be all addresses.
        host = host.replace(_ALL_ADDRESSES, "127.0.0.1")
        path = url.path if url.path.strip("/") else usual.path
        return urlunsplit((url.scheme, host, path, "", ""))


OPENAI_SERVER = Server(
    name="openai",
    title="OpenAI",
    source="https://platform.openai.com/docs/api-reference",
    checked=date(2026, 11, 23),
    url="https://api.openai.com/v1",
    hosts=("api.openai.com",),
    url_variables=("OPENAI_BASE_URL",),
    key_variables=("OPENAI_API_KEY",),
    price_id="openai",
    dialect=OPENAI,
)
