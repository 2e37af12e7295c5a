"""Proxies and certificates of the environment: they work, or one typed error names the variable."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx2
import pytest

import fmsdk
from fmsdk.media.fetch import fetch
from fmsdk.media.limits import FetchLimits
from fmsdk.response import Response
from tests.support.hosted.outcomes import outcome
from tests.support.hosted.subjects import SUBJECTS, Subject
from tests.support.http_variables import delete_http_variables
from tests.support.media_server import at, run_media_server
from tests.support.scripted_server import Answer, run_server

each = pytest.mark.parametrize("subject", SUBJECTS, ids=repr)
BAD_PROXIES = [
    "socks://ann:hunter2@127.0.0.1:1",
    "socks4://127.0.0.1:1",
    "socks4a://127.0.0.1",
    "socks5://ann:hunter2@127.0.0.1:1",
    "socks5h://127.0.0.1:1",
    "ftp://127.0.0.1:1",
    "nonsense",  # the name of a proxy that has no address
    "http://",
    "http://:3128",
    "http://127.0.0.1:abc",
    "http://127.0.0.1:99999",
    "http://127.0.0.1:0",
    "http://[::1",
    "http://[zz]:1",
    "http://ex ample:1",
    "http://example\x7f:1",
    "http:/127.0.0.1:1",
    "http:127.0.0.1:1",
    "http://ann:hunter2/@127.0.0.1:1",
    "http://an%3An:hunter2@127.0.0.1:1",
    "http://ann:hunter2€@127.0.0.1:1",
    "http://a..b:1",
    f"http://{'a' * 70}.example:1",
    "://127.0.0.1:1",
    "http://127.0.0.1:1/hunter2",
    "http://127.0.0.1:1?hunter2",
]


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    delete_http_variables(monkeypatch)


def ask_server(subject: Subject, root: str, *, stream: bool = False) -> Any:
    async def main() -> Any:
        async with subject.client(root, retries=0) as client:
            return await outcome(client, subject.model, "Hi", stream=stream)

    return asyncio.run(asyncio.wait_for(main(), 30))


@each
@pytest.mark.parametrize("proxy", BAD_PROXIES)
def test_a_proxy_that_cannot_be_used(
    subject: Subject, proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy)
    with run_server(Answer(subject.wire.body("Hi"))) as server:
        error = ask_server(subject, server.root)
        expected = fmsdk.ConnectionFailed if proxy == "nonsense" else fmsdk.ConfigurationError
        assert isinstance(error, expected), repr(error)
        assert not server.seen
        assert "hunter2" not in f"{error!r} {error} {error.__cause__!r}"
        if expected is fmsdk.ConfigurationError:
            assert "ALL_PROXY" in str(error)
            assert not error.retryable
            assert error.__cause__ is None
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        answer = ask_server(subject, server.root)
        assert isinstance(answer, Response), repr(answer)


@each
@pytest.mark.parametrize("variable", ["http_proxy", "HTTP_PROXY", "all_proxy"])
@pytest.mark.parametrize("stream", [False, True])
def test_every_way_of_asking_names_the_variable(
    subject: Subject, variable: str, stream: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "socks5://127.0.0.1:1")
    error = ask_server(subject, "http://127.0.0.1:9", stream=stream)
    assert isinstance(error, fmsdk.ConfigurationError)
    assert f"{variable} names" in str(error)
    with (
        subject.sync_client("http://127.0.0.1:9", retries=0) as client,
        pytest.raises(fmsdk.ConfigurationError, match=variable),
    ):
        client.generate(subject.model, "Hi")


@each
def test_the_callers_own_http_client_needs_no_proxy_of_the_environment(
    subject: Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:1")

    async def main(root: str) -> Any:
        async with httpx2.AsyncClient(trust_env=False) as http_client:
            providers = subject.configured(root)
            providers[subject.provider]["http_client"] = http_client
            async with fmsdk.AsyncClient(providers=providers, retries=0) as client:
                return await outcome(client, subject.model, "Hi", stream=False)

    with run_server(Answer(subject.wire.body("Hi"))) as server:
        answer = asyncio.run(main(server.root))
    assert isinstance(answer, Response), repr(answer)


@each
@pytest.mark.parametrize("trusted", [True, False])
def test_what_a_callers_own_http_client_raises_is_typed(
    subject: Subject, trusted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = "http://user:hunter2@127.0.0.1:99999"
    if trusted:
        monkeypatch.setenv("http_proxy", proxy)

    async def main() -> Any:
        settings: dict[str, Any] = {} if trusted else {"proxy": proxy, "trust_env": False}
        async with httpx2.AsyncClient(**settings) as http_client:
            providers = subject.configured("http://127.0.0.1:9")
            providers[subject.provider]["http_client"] = http_client
            async with fmsdk.AsyncClient(providers=providers, retries=0) as client:
                return await outcome(client, subject.model, "Hi", stream=False)

    error = asyncio.run(main())
    assert type(error) is (fmsdk.ConfigurationError if trusted else fmsdk.ConnectionFailed)
    assert "http_proxy" in str(error) if trusted else "port must be 0-65535" in str(error)
    assert "hunter2" not in f"{error!r} {error} {error.__cause__!r}"


@each
@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("SSL_CERT_FILE", "/nowhere/certificates.pem"),
        ("SSL_CERT_FILE", "{empty}"),
        ("SSL_CERT_FILE", "{folder}"),
        ("SSL_CERT_DIR", "/nowhere"),
        ("SSL_CERT_DIR", "{empty}"),
    ],
)
def test_certificates_that_cannot_be_read(
    subject: Subject, variable: str, value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = tmp_path / "empty.pem"
    empty.touch()
    monkeypatch.setenv(variable, value.format(empty=empty, folder=tmp_path))
    error = ask_server(subject, "https://127.0.0.1:9")
    assert isinstance(error, fmsdk.ConfigurationError), repr(error)
    assert variable in str(error)


@each
def test_certificates_do_not_matter_without_tls(
    subject: Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere/certificates.pem")
    with run_server(Answer(subject.wire.body("Hi"))) as server:
        assert isinstance(ask_server(subject, server.root), Response)


def test_media_by_url_need_certificates_and_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = FetchLimits(allow_private=True)
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:1")
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere/certificates.pem")
    with run_media_server() as server:
        url = at(server, "cat.png")
        assert asyncio.run(fetch(url, "image", limits=limits)).mime == "image/png"
        with pytest.raises(fmsdk.ConfigurationError, match="SSL_CERT_FILE"):
            asyncio.run(fetch(url.replace("http:", "https:"), "image", limits=limits))


@pytest.mark.parametrize("ask", ["client.generate('openai:m', 'Hi')", "asyncio.run(fetch(url))"])
def test_what_fails_in_importing_the_http_library_is_typed(ask: str) -> None:
    script = (
        "import asyncio, fmsdk\n"
        "from fmsdk.media.fetch import fetch as _fetch\n"
        "url = 'http://127.0.0.1:9/a.png'\n"
        "fetch = lambda url: _fetch(url, 'image')\n"
        "options = {'base_url': 'http://127.0.0.1:9', 'api_key': 'k'}\n"
        "client = fmsdk.Client(providers={'openai': options}, retries=0)\n"
        "try:\n"
        f"    {ask}\n"
        "except fmsdk.ConfigurationError as error:\n"
        "    print('SSLKEYLOGFILE' in str(error))\n"
    )
    variables = {"SSLKEYLOGFILE": "/nowhere/keys.log", "PATH": ""}
    done = subprocess.run(
        [sys.executable, "-c", script], env=variables, capture_output=True, text=True, timeout=60
    )
    assert done.stdout == "True\n", done.stderr
