"""A server that speaks OpenAI's wire: where it is, and what it is asked with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from urllib.parse import urlsplit, urlunsplit

from fmsdk.hosted.options import from_environment, host_of
from fmsdk.provider import Provider, UsableModel
from fmsdk_openai.model_info import ModelsEndpoint
from fmsdk_openai.server_dialect import OPENAI, Dialect

__all__ = ["OPENAI_SERVER", "Server"]

_EVERYWHERE = "0.0.0.0"  # noqa: S104 - nothing is bound to it


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """Where a server is, what it is asked with, and how it speaks.

    name: of its provider. title: for people.
    url: its base URL; for servers on one's own machine, where they are by default; None: everyone
        has their own.
    hosts: the ends of host names that are its own, where they are not `url`'s.
    url_variables, key_variables: environment variables, the first that is set is used.
    is_local: runs on one's own machine, and needs no key.
    price_id: the vendor whose prices hold, by its id in genai-prices.
    key_header: sends the key, in place of "Authorization: Bearer".
    headers: of every request.
    listings: where it tells what its models take.
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
        """Whether its models can be called now: its key is set."""
        return [UsableModel(f"{self.name}:…", *self._usable(), self.dialect.input)]

    def _usable(self) -> tuple[bool, str]:
        if self.is_local:
            url = from_environment(*self.url_variables) or self.url
            return False, f"where {self.title} runs: {url}"
        needed = [self.key_variables] if self.url else [self.key_variables, self.url_variables]
        missing = [variables[0] for variables in needed if from_environment(*variables) is None]
        return not missing, f"set {' and '.join(missing)}" if missing else ""

    def owns(self, url: str) -> bool:
        """Whether `url` is the vendor's own endpoint."""
        host, own = host_of(url), self.hosts or (host_of(self.url or ""),)
        return not self.is_local and any(
            host == name or host.endswith(f".{name}") for name in own if name
        )

    def configured_url(self) -> str | None:
        """The base URL from the environment, completed, or else its own."""
        given = from_environment(*self.url_variables)
        try:
            return self.url if given is None else self._completed(given)
        except ValueError:  # no URL, as whoever checks it will say
            return given

    def _completed(self, given: str) -> str:
        """Variables hold a base URL, or less: the start of one (Azure, Groq), or host and port
        (Ollama). What they leave out is as it usually is."""
        usual = urlsplit(self.url or "https://unnamed/openai/v1")
        found = urlsplit(given if "://" in given else f"{usual.scheme}://{given}")
        place = found.netloc
        if usual.port and found.port is None and "://" not in given:
            place = f"{place}:{usual.port}"
        # Ollama's variable says where it listens; everywhere is here, too.
        place = place.replace(_EVERYWHERE, "127.0.0.1")
        path = found.path if found.path.strip("/") else usual.path
        return urlunsplit((found.scheme, place, path, "", ""))


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
