"""Addresses that are none: one typed error, at once, that does not tell what they hold."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest

import fmsdk
from fmsdk.hosted.options import join_url
from fmsdk.http.error_mapper import ErrorMapper
from fmsdk.provider import ProviderConfig
from fmsdk.registry import installed_providers
from fmsdk.response import Response
from tests.support.hosted.outcomes import outcome
from tests.support.hosted.subjects import SUBJECTS, Subject
from tests.support.scripted_server import Answer, run_server

each = pytest.mark.parametrize("subject", SUBJECTS, ids=repr)
VARIABLES = {
    "openai": "OPENAI_BASE_URL",
    "anthropic": "ANTHROPIC_BASE_URL",
    "google": "GOOGLE_GEMINI_BASE_URL",
    "vllm": "VLLM_BASE_URL",
    "ollama": "OLLAMA_HOST",
    "azure": "AZURE_OPENAI_ENDPOINT",
}
NO_URLS = [
    "127.0.0.1",
    "ftp://example.org",
    "http://",
    "http:///v1",
    "http://[::1",
    "http://127.0.0.1:0",
    "http://127.0.0.1:99999",
    "http://host:abc",
    "http://ex ample/v1",
    "http://example\x01.org",
]


def asked(providers: Any, model: str) -> Any:
    async def main() -> Any:
        async with fmsdk.AsyncClient(providers=providers, retries=0) as client:
            return await outcome(client, model, "Hi", stream=False)

    return asyncio.run(asyncio.wait_for(main(), 20))


@each
@pytest.mark.parametrize("url", NO_URLS)
def test_an_invalid_base_url(subject: Subject, url: str) -> None:
    options = {**subject.configured("")[subject.provider], "base_url": url}
    got = asked({subject.provider: options}, subject.model)
    assert isinstance(got, fmsdk.BadRequestError)
    assert "base_url" in str(got)
    assert not got.retryable


@each
@pytest.mark.parametrize("host", ["a..b", f"{'a' * 70}.example"])
def test_unresolvable_host_name(subject: Subject, host: str) -> None:
    got = asked(subject.configured(f"http://{host}"), subject.model)
    assert isinstance(got, fmsdk.ConnectionFailed)


@each
def test_a_password_in_an_address_is_not_shown(subject: Subject) -> None:
    options = subject.configured("http://user:hunter2@127.0.0.1:99999")
    got = asked(options, subject.model)
    assert isinstance(got, fmsdk.BadRequestError)
    assert "hunter2" not in repr(got)


@each
def test_user_and_password_of_an_address_are_sent_as_a_header(subject: Subject) -> None:
    with run_server(Answer(subject.wire.body("Hi"))) as server:
        address = server.root.replace("//", "//ann:p%40ss@")
        got = asked(subject.configured(address), subject.model)
    assert isinstance(got, Response), repr(got)
    assert server.seen[0].headers["authorization"] == "Basic YW5uOnBAc3M="


@each
def test_a_call_over_a_transport_that_was_closed_is_a_failed_connection(subject: Subject) -> None:
    async def main(root: str) -> Any:
        provider = installed_providers()[subject.provider].load()(
            ProviderConfig(
                name=subject.provider, options=subject.configured(root)[subject.provider]
            )
        )
        transport = await provider.transport()
        await transport.aclose()
        async with transport.open("/v1/x", None, headers={}):
            pass

    with run_server(Answer({})) as server, pytest.raises(fmsdk.ConnectionFailed):
        asyncio.run(main(server.root))


@pytest.mark.parametrize("name", [name for name in VARIABLES if name in installed_providers()])
@pytest.mark.parametrize("value", ["http://[", "host:99999", "http://h:abc"])
def test_empty_variable(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLES[name], value)
    got = asked({name: {"api_key": "k"}}, f"{name}:m-1")
    assert isinstance(got, fmsdk.BadRequestError)
    assert "base_url" in str(got)


def test_causes_that_go_round_in_a_circle_end() -> None:
    first, second = ValueError("first"), ValueError("second")
    first.__cause__, second.__cause__ = second, first
    assert isinstance(ErrorMapper("p", "KEY").from_exception(first), fmsdk.FmsdkError)


@each
@pytest.mark.parametrize("url", ["", " ", "\n"])
@pytest.mark.parametrize("name", ["own", "mine"])
def test_an_empty_address_sends_nothing_to_the_vendor(
    subject: Subject, url: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MINE_API_KEY", "k")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")  # nothing reaches the vendor
    options = {**subject.configured("")[subject.provider], "base_url": url}
    called = subject.provider
    if name == "mine":
        options, called = {"wire": subject.provider, "base_url": url}, "mine"
    got = asked({called: options}, f"{called}:m-1")
    assert isinstance(got, fmsdk.BadRequestError)
    assert "base_url" in str(got)


@each
def test_a_provider_of_ones_own_needs_an_address(subject: Subject) -> None:
    got = asked({"mine": {"wire": subject.provider, "api_key": "k"}}, "mine:m-1")
    assert isinstance(got, fmsdk.BadRequestError)
    assert "needs a base_url" in str(got)


@each
@pytest.mark.parametrize("query", ["?team=a", "?team=a&key=%20b", "/?team=a"])
def test_the_query_of_an_address_goes_with_every_request(subject: Subject, query: str) -> None:
    with run_server(Answer(subject.wire.body("Hi"))) as server:
        options = subject.configured(server.root)[subject.provider]
        plain = asked({subject.provider: options}, subject.model)
        base_url = f"{options['base_url']}{query}"
        got = asked({subject.provider: {**options, "base_url": base_url}}, subject.model)
        paths = [request.path for request in server.seen]
    assert isinstance(plain, Response)
    assert isinstance(got, Response), repr(got)
    path, _, sent_query = paths[-1].partition("?")
    assert path == paths[0].partition("?")[0]
    assert sent_query.startswith(query.partition("?")[2])


@pytest.mark.parametrize(
    ("base", "path", "joined"),
    [
        ("http://h/v1", "models", "http://h/v1/models"),
        ("http://h/v1/?a=b", "models", "http://h/v1/models?a=b"),
        ("http://h/v1?a=b", "/api/embed", "http://h/api/embed?a=b"),
        ("http://h/v1?a=b/c", "../info", "http://h/info?a=b/c"),
    ],
)
def test_paths_are_joined_before_the_query(base: str, path: str, joined: str) -> None:
    assert join_url(base, path) == joined


_DOUBLED = {
    "openai-chat": ["/v1/chat/completions", "/v1/responses", "/v1/v1/v1"],
    "openai-responses": ["/v1/responses", "/v1/chat/completions"],
    "anthropic": ["/v1", "/v1/messages"],
    "google": ["/v1beta"],
}


@pytest.mark.parametrize(
    ("subject", "base_path"),
    [(subject, path) for subject in SUBJECTS for path in _DOUBLED[subject.name]],
    ids=repr,
)
def test_a_doubled_path_is_no_missing_model(subject: Subject, base_path: str) -> None:
    with run_server(Answer({"error": {"message": "Not Found"}}, 404)) as server:
        options = subject.configured(server.root)[subject.provider]
        options["base_url"] = server.root + base_path
        got = asked({subject.provider: options}, subject.model)
        assert type(got) is fmsdk.BadRequestError
        assert server.seen[0].path in str(got)
        assert "base_url" in str(got)
        options["base_url"] = server.root + "/api"
        assert isinstance(asked({subject.provider: options}, subject.model), fmsdk.ModelNotFound)


@each
@pytest.mark.parametrize("kind", ["async", "plain"])
def test_a_key_function_is_asked_and_no_header_holds_none(subject: Subject, kind: str) -> None:
    async def later() -> str:
        return "tok-1"

    function = later if kind == "async" else lambda: "tok-1"
    with run_server(Answer(subject.wire.body("Hi"))) as server:
        for key in (function, None, ""):
            options = {**subject.configured(server.root)[subject.provider], "api_key": key}
            if key != function:
                options["wire"] = subject.provider
            name = subject.provider if key == function else "mine"
            assert isinstance(asked({name: options}, f"{name}:m-1"), Response)
        sent = [request.headers for request in server.seen]
    held = [each.get("authorization", "") + each.get("x-goog-api-key", "") for each in sent]
    assert held[0].removeprefix("Bearer ") == "tok-1"
    assert held[1:] == ["", ""]


@pytest.mark.parametrize(
    ("provider", "host"),
    [
        ("openai", "api.openai.com"),
        ("anthropic", "api.anthropic.com"),
        ("google", "generativelanguage.googleapis.com"),
        ("groq", "api.groq.com"),
    ],
)
def test_a_vendor_that_refuses_the_connection_is_no_server_that_is_down(
    provider: str, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve = socket.getaddrinfo
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda _, *rest, **more: resolve("127.0.0.1", *rest, **more)
    )
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    options = {"api_key": "key", "base_url": f"http://{host}:{port}/v1"}
    with (
        fmsdk.Client(providers={provider: options}, retries=0) as client,
        pytest.raises(fmsdk.ConnectionFailed, match="is a firewall, VPN or proxy") as caught,
    ):
        client.generate(f"{provider}:any", "Hi")
    assert "base_url" not in str(caught.value)
