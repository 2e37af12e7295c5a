"""No test depends on whose machine it runs on."""

from __future__ import annotations

import os

import pytest

from fmsdk_openai.servers import SERVERS


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    variables = {name for name in os.environ if name.startswith("OPENAI_")}
    for server in SERVERS.values():
        variables.update(server.key_variables, server.url_variables)
    for name in variables:
        monkeypatch.delenv(name, raising=False)
