"""Vertex: its hosts, its tokens, and clients of google-genai that the caller built."""

from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from google.auth import exceptions as broken

from fmsdk.errors import AuthenticationError, ConfigurationError, ConnectionFailed, MissingKey
from fmsdk.request import build
from fmsdk_google import GoogleProvider
from tests.support.google.provider import (
    KEY,
    Answer,
    FakeCredentials,
    chunk,
    create_provider,
    generate,
    provider,
    run_server,
)
from tests.support.lazy_import import genai

REQUEST = build("google:gemini-3.8-flash", "Hello")
HELLO = Answer(chunk("Hi."))
VERTEX: dict[str, Any] = {"vertex": True, "project": "p"}


def url_of(**options: Any) -> str:
    """Where a provider of these options would ask, without asking."""
    asked = create_provider(**options)
    return asked.base_url + asked.encode(REQUEST, stream=False).path


@pytest.mark.parametrize(
    ("options", "host", "place"),
    [
        ({}, "aiplatform.googleapis.com", "global"),
        ({"location": "europe-west4"}, "europe-west4-aiplatform.googleapis.com", "europe-west4"),
        ({"location": "eu"}, "aiplatform.eu.rep.googleapis.com", "eu"),
    ],
)
def test_vertexs_hosts(options: dict[str, Any], host: str, place: str) -> None:
    path = f"/v1beta1/projects/p/locations/{place}/publishers/google/models/gemini-3.8-flash"
    assert url_of(**VERTEX, **options) == f"https://{host}{path}:generateContent"


def test_vertex_by_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_GENAI_USE_VERTEXAI", "True")
    with pytest.raises(ConfigurationError, match="GOOGLE_CLOUD_PROJECT"):
        create_provider()
    monkeypatch.setenv("GOOGLE_API_KEY", KEY)
    express = "https://aiplatform.googleapis.com/v1beta1/publishers/google/models/"
    assert url_of().startswith(express)
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "q")
    monkeypatch.setenv("GOOGLE_CLOUD_LOCATION", "us-east1")
    assert url_of().startswith("https://us-east1-aiplatform.googleapis.com/v1beta1/projects/q/")


def test_express_mode_sends_the_key() -> None:
    with run_server(HELLO) as server:
        generate(create_provider(vertex=True, api_key=KEY, base_url=server.root), REQUEST)
    assert server.seen[0].path.startswith("/v1beta1/publishers/google/models/")
    assert server.seen[0].headers["x-goog-api-key"] == KEY


def test_a_token_is_fetched_beside_the_loop_once_and_kept() -> None:
    class Slow(FakeCredentials):
        def refresh(self, request: Any) -> None:
            assert threading.current_thread() is not threading.main_thread()
            super().refresh(request)
            self._quota_project_id = "payer"

    async def main(asked: GoogleProvider) -> None:
        await asyncio.gather(*(asked.generate(REQUEST) for _ in range(3)))
        await asked.aclose()

    credentials = Slow()
    with run_server(HELLO) as server:
        asyncio.run(main(provider(server.root, **VERTEX, credentials=credentials)))
    assert credentials.refreshed == 1
    sent = [request.headers for request in server.seen]
    assert {headers["authorization"] for headers in sent} == {"Bearer ya29.1"}
    assert sent[0]["x-goog-user-project"] == "payer"
    assert "x-goog-api-key" not in sent[0]


def test_a_token_that_expired_is_fetched_again() -> None:
    credentials = FakeCredentials()
    credentials.refresh(None)
    credentials.expiry = datetime.now(UTC).replace(tzinfo=None) - timedelta(minutes=1)
    with run_server(HELLO) as server:
        generate(provider(server.root, **VERTEX, credentials=credentials), REQUEST)
    assert server.seen[0].headers["authorization"] == "Bearer ya29.2"


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (broken.RefreshError("revoked"), AuthenticationError),
        (broken.TransportError("no route"), ConnectionFailed),
    ],
)
def test_credentials_that_fail(failure: Exception, kind: type[Exception]) -> None:
    class Failing(FakeCredentials):
        def refresh(self, request: Any) -> None:
            raise failure

    asked = create_provider(**VERTEX, credentials=Failing())
    with pytest.raises(kind, match="GOOGLE_APPLICATION_CREDENTIALS"):
        generate(asked, REQUEST)


@pytest.mark.parametrize(
    ("variable", "value"),
    [("ALL_PROXY", "socks5://ann:hunter2@127.0.0.1:1"), ("REQUESTS_CA_BUNDLE", "/nowhere")],
)
def test_an_environment_that_google_auth_cannot_use(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Real(FakeCredentials):
        def refresh(self, request: Any) -> None:
            request("https://127.0.0.1:9/token", method="POST")

    monkeypatch.setenv("NO_PROXY", "localhost")
    monkeypatch.setenv(variable, value)
    with run_server(HELLO) as server:
        root = server.root.replace("127.0.0.1", "localhost")
        with pytest.raises(ConfigurationError, match=variable) as caught:
            generate(provider(root, **VERTEX, credentials=Real()), REQUEST)
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_machine_without_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "missing.json"))
    with pytest.raises(MissingKey, match="gcloud auth") as caught:
        generate(create_provider(**VERTEX), REQUEST)
    assert caught.value.variable == "GOOGLE_APPLICATION_CREDENTIALS"


# --- a client that the caller built ---


def test_a_callers_client_gives_its_key_and_url(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "of-something-else")
    with run_server(HELLO) as server:
        theirs = genai.Client(api_key=KEY, http_options={"base_url": server.root})
        generate(create_provider(client=theirs), REQUEST)
        theirs.close()
    assert server.seen[0].headers["x-goog-api-key"] == KEY
    assert server.seen[0].path.startswith("/v1beta/models/")


def test_a_callers_client_of_vertex_gives_its_project_and_credentials() -> None:
    theirs = genai.Client(
        vertexai=True, project="theirs", location="us-east1", credentials=FakeCredentials()
    )
    assert "us-east1-aiplatform.googleapis.com/v1beta1/projects/theirs/" in url_of(client=theirs)
    theirs.close()
