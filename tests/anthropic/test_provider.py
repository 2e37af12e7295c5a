"""The provider's configuration and keys, its SDK, and what it can do."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import Any

import pytest

from fmsdk.errors import (
    BadRequestError,
    ConfigurationError,
    MissingKey,
)
from fmsdk.provider import ProviderConfig
from fmsdk_anthropic import AnthropicOptions, AnthropicProvider
from tests.support.anthropic.answers import HELLO, REQUEST, ROOT, STREAM, create_provider
from tests.support.anthropic.provider import (
    KEY,
    build_request,
    generate,
    provider,
    run_server,
    stream,
)
from tests.support.lazy_import import anthropic

# --- configuration ---


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"basurl": "x", "key": "y"}, "'basurl', 'key'; did you mean base_url"),
        ({"base_url": "example.org"}, "no http:// or https:// URL"),
        ({"default_headers": {"a": "b\n"}}, "the header 'a'"),
    ],
)
def test_invalid_options(options: dict[str, Any], words: str) -> None:
    with pytest.raises(BadRequestError, match=words):
        create_provider(**options)


def test_a_provider_of_the_users_own_name_needs_a_url() -> None:
    with pytest.raises(BadRequestError, match="'mine' needs a base_url"):
        create_provider("mine")


def test_a_missing_key_names_its_variable_at_the_first_request() -> None:
    with pytest.raises(MissingKey) as caught:
        generate(create_provider(), REQUEST)
    assert caught.value.variable == "ANTHROPIC_API_KEY"


def test_a_profile_of_the_sdk_that_cannot_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_PROFILE", "mine")
    with pytest.raises(ConfigurationError, match="profile 'mine'"):
        generate(create_provider(), REQUEST)


def test_a_profile_goes_through_the_environments_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_PROFILE", "mine")
    monkeypatch.setenv("ALL_PROXY", "socks5://ann:hunter2@127.0.0.1:1")
    with pytest.raises(ConfigurationError, match="ALL_PROXY") as caught:
        generate(create_provider(), REQUEST)
    assert "hunter2" not in str(caught.value)
    monkeypatch.setenv("NO_PROXY", "api.anthropic.com")
    with pytest.raises(ConfigurationError, match="profile 'mine'"):
        generate(create_provider(), REQUEST)


def test_key_that_no_header_can_carry() -> None:
    with pytest.raises(ConfigurationError) as caught:
        generate(create_provider(api_key="sk\nant"), REQUEST)
    assert "sk" not in str(caught.value)


def test_keys_and_secrets_stay_out_of_reprs() -> None:
    config = ProviderConfig(name="anthropic", options={"api_key": KEY, "auth_token": "t0ken"})
    told = repr(config) + repr(AnthropicProvider(config)._connection)
    told += repr(AnthropicOptions(extra_headers={"x": "s3cret"}))
    assert not any(secret in told for secret in (KEY, "t0ken", "s3cret"))


def sent(**options: Any) -> dict[str, str]:
    """The headers that a request goes out with."""
    name = options.pop("name", "anthropic")
    with run_server(HELLO) as server:
        generate(create_provider(name, base_url=server.root, **options), REQUEST)
    assert server.seen[0].path == "/v1/messages"
    return server.seen[0].headers


def test_keys_and_tokens_go_as_the_sdk_sends_them(monkeypatch: pytest.MonkeyPatch) -> None:
    assert sent(api_key=f" {KEY}\n")["authorization"] == f"Bearer {KEY}"
    assert sent(auth_token="t0ken")["authorization"] == "Bearer t0ken"
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", "t1")
    assert sent()["authorization"] == "Bearer t1"
    monkeypatch.setenv("ANTHROPIC_API_KEY", "k1")
    assert sent()["authorization"] == "Bearer k1"
    assert sent(auth_token="t0ken")["authorization"] == "Bearer t0ken"


def test_keys_of_the_environment_go_to_their_own_server_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", KEY)
    assert "authorization" not in sent(name="mine")
    monkeypatch.setenv("MINE_API_KEY", "other")
    assert sent(name="mine")["authorization"] == "Bearer other"


def test_the_environments_url(monkeypatch: pytest.MonkeyPatch) -> None:
    with run_server(HELLO) as server:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.root)
        assert generate(create_provider(api_key=KEY), REQUEST).text == "Hi."


def test_headers() -> None:
    headers = sent(api_key=KEY, default_headers={"x-team": "a"})
    assert headers["x-team"] == "a"
    assert headers["content-type"] == "application/json"
    assert headers["anthropic-version"] >= "2026-10-21"
    with run_server(HELLO) as server:
        given = AnthropicOptions(betas=("b-1",), extra_headers={"x-one": "1"})
        generate(provider(server.root), build_request(temperature=0, options=given))
    headers = server.seen[0].headers
    assert server.seen[0].path == "/v1/messages?beta=true"
    assert headers["anthropic-version"] == "2023-06-01"
    assert (headers["anthropic-beta"], headers["x-one"]) == ("b-1", "1")


@pytest.mark.parametrize(
    ("options", "betas"),
    [
        ({}, "d"),
        ({"betas": ("b1", "b2")}, "d,b1,b2"),
        ({"betas": ("b1", "d")}, "d,b1"),
        ({"extra_headers": {"Anthropic-Beta": "e, f"}}, "d,e,f"),
        ({"betas": ("b1",), "extra_headers": {"anthropic-beta": "e"}}, "d,b1,e"),
    ],
)
@pytest.mark.parametrize("of", ["the provider", "the caller's client", "the environment"])
def test_betas_of_all_places_go_together(
    options: dict[str, Any], betas: str, of: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = build_request(options=AnthropicOptions(**options))
    headers = {"Anthropic-Beta": "d"}

    async def of_a_client(url: str) -> None:
        client = anthropic.AsyncAnthropic(api_key=KEY, base_url=url, default_headers=headers)
        await create_provider(client=client).generate(request)
        await client.close()

    with run_server(HELLO) as server:
        if of == "the caller's client":
            asyncio.run(of_a_client(server.root))
        elif of == "the environment":
            monkeypatch.setenv("ANTHROPIC_CUSTOM_HEADERS", "x-team: a\nAnthropic-Beta: d")
            generate(provider(server.root), request)
        else:
            generate(provider(server.root, default_headers=headers), request)
    assert server.seen[0].headers["anthropic-beta"] == betas


def test_a_client_that_the_caller_built_is_used_and_left_open() -> None:
    async def main() -> None:
        client = anthropic.AsyncAnthropic(api_key=KEY, base_url=server.root)
        asked = create_provider(client=client)
        assert (await asked.generate(REQUEST)).text == "Hi."
        assert [event async for event in asked.stream(REQUEST)]
        await asked.aclose()
        assert not client.is_closed()
        await client.close()

    with run_server(HELLO, STREAM) as server:
        asyncio.run(main())
    assert server.seen[0].body["model"] == "claude-sonnet-4-6"


def test_googles_client_finds_the_model() -> None:
    async def main() -> None:
        client = anthropic.AsyncAnthropicVertex(
            region="us", project_id="p", access_token="t", base_url=server.root
        )
        asked = create_provider(client=client)
        assert (await asked.generate(REQUEST)).text == "Hi."
        assert asked.capabilities("claude-sonnet-4-6").remote == frozenset()
        await asked.aclose()
        await client.close()

    with run_server(HELLO) as server:
        asyncio.run(main())
    assert server.seen[0].path.endswith("models/claude-sonnet-4-6:rawPredict")
    assert "model" not in server.seen[0].body


def test_amazons_older_client_does_not_stream() -> None:
    old = anthropic.AsyncAnthropicBedrock(
        aws_region="us-east-1", aws_access_key="a", aws_secret_key="b"
    )
    with pytest.raises(BadRequestError, match="AsyncAnthropicBedrockMantle"):
        stream(create_provider(client=old), REQUEST)


def test_capabilities() -> None:
    own, other = (
        create_provider(api_key=KEY),
        create_provider("mine", base_url="http://localhost:1"),
    )
    capabilities = own.capabilities("claude-sonnet-4-6")
    assert capabilities.input == {"text", "image", "document"}
    assert capabilities.remote == {"image", "document"}
    assert "seed" not in capabilities.settings
    assert capabilities.known
    assert capabilities.image_limits is not None
    assert capabilities.image_limits.max_bytes == 7_500_000
    assert "temperature" not in own.capabilities("claude-opus-4-7").settings
    assert not own.capabilities("claude-of-tomorrow").known
    assert other.capabilities("claude-sonnet-4-6").remote == frozenset()
    assert other.capabilities("m").image_limits is None
    assert (own.vendor, own.price_id) == ("anthropic", "anthropic")
    assert (other.vendor, other.price_id) == (None, None)


def test_usable_models(monkeypatch: pytest.MonkeyPatch) -> None:
    (line,) = AnthropicProvider.usable_models()
    assert (line.name, line.usable, line.note) == ("anthropic:…", False, "set ANTHROPIC_API_KEY")
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", KEY)
    (line,) = AnthropicProvider.usable_models()
    assert (line.usable, line.note) == (True, "")


def test_importing_it_loads_no_sdk() -> None:
    program = (
        "import sys; sys.path[:0] = ['providers']; import fmsdk_anthropic; "
        "print(sorted({'anthropic', 'httpx2', 'pydantic'} & sys.modules.keys()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert done.stdout.strip() == "[]"
