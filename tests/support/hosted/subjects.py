"""Every hosted provider, as the tests of this package ask it.

A `Subject` is one provider on one wire, on a server that a test runs. Adding one here puts it
under all tests of this package.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import fmsdk
from fmsdk.registry import installed_providers
from tests.support.hosted.wires import WIRES, Wire

__all__ = ["KEY", "SUBJECTS", "Subject", "subject_of"]

KEY = "sk-test-0123456789"
_CHAT, _RESPONSES, _MESSAGES, _GEMINI = WIRES


@dataclass(frozen=True)
class Subject:
    """One provider on one wire. `below` is what follows the server's root in its base URL."""

    name: str
    provider: str
    wire: Wire
    below: str = ""
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])
    model_id: str = "m-1"

    @property
    def model(self) -> str:
        """The model to ask for: "openai:m-1"."""
        return f"{self.provider}:{self.model_id}"

    def configured(self, root: str) -> dict[str, Any]:
        """`providers=` of a client whose provider is at the server `root`."""
        return {self.provider: {"api_key": KEY, "base_url": root + self.below, **self.options}}

    def client(self, root: str, **settings: Any) -> fmsdk.AsyncClient:
        """An asynchronous client of the server `root`."""
        return fmsdk.AsyncClient(providers=self.configured(root), **settings)

    def sync_client(self, root: str, **settings: Any) -> fmsdk.Client:
        """The same without `await`."""
        return fmsdk.Client(providers=self.configured(root), **settings)

    def __repr__(self) -> str:
        return self.name


def _subjects() -> list[Subject]:
    every = [
        Subject("openai-chat", "openai", _CHAT, "/v1", {"api": "chat"}),
        Subject("openai-responses", "openai", _RESPONSES, "/v1", {"api": "responses"}),
        Subject("anthropic", "anthropic", _MESSAGES),
        Subject("google", "google", _GEMINI),
    ]
    return [subject for subject in every if subject.provider in installed_providers()]


SUBJECTS = _subjects()


def subject_of(row: Mapping[str, Any]) -> Subject | None:
    """Who sends the request of a recorded row; None for what is no generation, or for a provider
    that is not installed.

    A row of a compatible server is asked through the provider of that name, where there is one,
    below the path that it was recorded at.
    """
    wire = next((wire for wire in WIRES if row["endpoint"] in wire.endpoints), None)
    if wire in (_MESSAGES, _GEMINI):
        vendor = "anthropic" if wire is _MESSAGES else "google"
        asked = Subject(row["id"], vendor, wire, model_id=row["model"])
        return asked if vendor in installed_providers() else None
    if wire is None:
        return None
    path = urlsplit(row["request_path"]).path
    below = path.removesuffix("/chat/completions").removesuffix("/responses")
    options = {"api": "chat" if wire is _CHAT else "responses"}
    name = row["provider"]
    point = installed_providers().get(name)
    if point is None or not point.value.startswith("fmsdk_openai"):
        name, options["wire"] = f"{name}-here", "openai"
    return Subject(row["id"], name, wire, below, options, row["model"])
