"""The provider over real sockets: configuration, keys, the connection, and leaving early."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import fmsdk
from fmsdk.content import Image
from fmsdk.errors import BadRequestError, ConfigurationError, IncompleteStream, MissingKey
from fmsdk.provider import ProviderConfig
from fmsdk.request import build
from fmsdk.response import TextDelta
from fmsdk_openai import OpenAIOptions, OpenAIProvider
from tests.support.lazy_import import openai
from tests.support.openai.provider import (
    KEY,
    Answer,
    chunk,
    completion,
    generate,
    message,
    provider,
    response,
    run_server,
    sse,
)

REQUEST = build("openai:m", "Hello")
ROOT = Path(__file__).resolve().parents[2]
HELLO = Answer(completion())
STREAM = Answer(pieces=sse(chunk({"content": "Hi."}, "stop")))


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("OPENAI_")]:
        monkeypatch.delenv(name)


def made(name: str = "openai", **options: Any) -> OpenAIProvider:
    return OpenAIProvider(ProviderConfig(name=name, options=options))


# --- configuration ---


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"basurl": "x", "key": "y"}, "'basurl', 'key'; did you mean base_url"),
        ({"api": "completions"}, "'responses' or 'chat'"),
        ({"base_url": "localhost:8000"}, "http://"),
        ({"default_headers": {"X-Secret": "a\nb"}}, "'X-Secret'"),
        ({"default_headers": {"X Secret": "a"}}, "'X Secret'"),
    ],
)
def test_invalid_options(options: dict[str, Any], words: str) -> None:
    with pytest.raises(BadRequestError, match=words) as caught:
        made(**options)
    assert "a\nb" not in str(caught.value)


def test_a_provider_of_the_users_own_name_needs_a_url() -> None:
    with pytest.raises(BadRequestError, match="'mine' needs a base_url"):
        made("mine", wire="openai")
    assert made("mine", wire="openai", base_url="http://localhost/v1").price_id is None
    assert made().price_id == "openai"


def test_a_missing_key_names_its_variable_at_the_first_request() -> None:
    quiet = made()
    assert quiet.estimate(REQUEST).input.expected > 0
    with pytest.raises(MissingKey, match="OPENAI_API_KEY") as caught:
        generate(quiet, REQUEST)
    assert caught.value.variable == "OPENAI_API_KEY"


def test_key_that_no_header_can_carry() -> None:
    for key in ("sk-ключ", "sk-\n1"):
        with pytest.raises(ConfigurationError, match="OPENAI_API_KEY") as caught:
            generate(made(api_key=key), REQUEST)
        assert key not in str(caught.value)


def test_keys_and_secrets_stay_out_of_reprs() -> None:
    asked = made(api_key=KEY, default_headers={"X-Secret": "hush"})
    shown = repr((asked.__dict__, OpenAIOptions(extra_headers={"X": "hush"})))
    assert KEY not in shown
    assert "hush" not in shown


@pytest.mark.parametrize(
    ("name", "environment", "sent"),
    [
        ("openai", {"OPENAI_API_KEY": "sk-env\n"}, "Bearer sk-env"),
        ("mine", {"OPENAI_API_KEY": "sk-env"}, None),
        ("mine", {"MINE_API_KEY": "sk-mine"}, "Bearer sk-mine"),
        ("my-own", {"MY_OWN_API_KEY": "sk-own"}, "Bearer sk-own"),
    ],
)
def test_keys_of_the_environment_go_to_their_own_server_alone(
    name: str, environment: dict[str, str], sent: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    with run_server(HELLO) as server:
        generate(made(name, base_url=server.url), REQUEST)
    assert server.seen[0].headers.get("authorization") == sent


def test_the_environments_url(monkeypatch: pytest.MonkeyPatch) -> None:
    with run_server(HELLO) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        generate(made(), REQUEST)
    assert server.seen[0].path == "/v1/chat/completions"


def test_headers_and_accounts() -> None:
    options = OpenAIOptions(extra_headers={"X-Mine": "b"})
    with run_server(HELLO) as server:
        asked = provider(
            server.url, organization="org", project="proj", default_headers={"X-All": "a"}
        )
        generate(asked, build("openai:m", "Hello", options=options))
    headers = server.seen[0].headers
    assert headers["authorization"] == f"Bearer {KEY}"
    assert (headers["openai-organization"], headers["openai-project"]) == ("org", "proj")
    assert (headers["x-all"], headers["x-mine"]) == ("a", "b")
    with pytest.raises(BadRequestError, match="'X-Mine'"):
        bad = OpenAIOptions(extra_headers={"X-Mine": "é"})
        generate(asked, build("openai:m", "Hello", options=bad))


def test_api_key_function_is_awaited() -> None:
    async def fetch() -> str:
        return "sk-fetched"

    with run_server(HELLO) as server:
        generate(provider(server.url, api_key=fetch), REQUEST)
    assert server.seen[0].headers["authorization"] == "Bearer sk-fetched"


def test_a_client_that_the_caller_built_is_used_and_left_open() -> None:
    async def main(url: str) -> None:
        client = openai.AsyncOpenAI(api_key="sk-theirs", base_url=url, max_retries=5)
        asked = made(client=client)
        assert (await asked.generate(REQUEST)).text == "Hi."
        assert [event async for event in asked.stream(REQUEST)]
        await asked.aclose()
        assert not client.is_closed()
        await client.close()

    with run_server(HELLO, STREAM) as server:
        asyncio.run(main(server.url))
    assert server.seen[0].headers["authorization"] == "Bearer sk-theirs"
    assert server.seen[0].body["messages"] == [{"role": "user", "content": "Hello"}]


def test_azures_client_finds_the_deployment() -> None:
    async def main(url: str) -> None:
        client = openai.AsyncAzureOpenAI(
            api_key="k", azure_endpoint=url, api_version="2026-01-01", max_retries=0
        )
        await made(client=client).generate(REQUEST)
        await client.close()

    with run_server(HELLO) as server:
        asyncio.run(main(server.root))
    assert server.seen[0].path.startswith("/openai/deployments/m/chat/completions?")


# --- what it says of itself ---


def test_capabilities_follow_the_pin() -> None:
    both, pinned = made(api_key=KEY), made(api_key=KEY, api="responses")
    assert both.capabilities("m").input == {"text", "image", "audio", "document"}
    assert both.capabilities("m").output == {"text", "audio"}
    assert both.capabilities("m").remote == {"image"}
    assert pinned.capabilities("m").input == {"text", "image", "document"}
    assert pinned.capabilities("m").output == {"text"}
    assert pinned.capabilities("m").remote == {"image", "document"}


def test_usable_models(monkeypatch: pytest.MonkeyPatch) -> None:
    (line,) = OpenAIProvider.usable_models()
    assert (line.name, line.usable, line.note) == ("openai:…", False, "set OPENAI_API_KEY")
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    (line,) = OpenAIProvider.usable_models()
    assert (line.usable, line.note) == (True, "")
    assert line.input == {"text", "image", "audio", "document"}


def test_importing_it_loads_no_sdk() -> None:
    program = (
        "import sys; sys.path[:0] = ['providers']; import fmsdk_openai; "
        "print(sorted({'openai', 'httpx2', 'pydantic'} & sys.modules.keys()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert done.stdout.strip() == "[]"


# --- through the client ---


def test_the_client_routes_prices_and_times_both_ways(tmp_path: Path) -> None:
    usage = {"prompt_tokens": 100, "completion_tokens": 50}
    body = completion(usage=usage) | {"model": "gpt-4o-mini-2024-07-18"}
    last = {**chunk({}), "choices": [], "usage": usage, "model": "gpt-4o-mini-2024-07-18"}
    first = {**chunk({"content": "Hi."}, "stop"), "model": "gpt-4o-mini-2024-07-18"}
    with run_server(Answer(body), Answer(pieces=sse(first, last))) as server:
        options = {"openai": {"base_url": server.url, "api_key": KEY}}
        with fmsdk.Client(providers=options) as client:
            plain = client.generate("openai:gpt-4o-mini", "Hello")
            with client.stream("openai:gpt-4o-mini", "Hello") as running:
                assert "".join(e.text for e in running if isinstance(e, TextDelta)) == "Hi."
            streamed = running.response
    assert plain.cost is not None
    assert plain.cost == streamed.cost
    assert plain.parts == streamed.parts
    assert plain.usage == streamed.usage
    assert streamed.latency.time_to_first_token is not None


def test_the_client_retries_and_keeps_what_broke_off() -> None:
    cut = Answer(pieces=sse(chunk({"content": "Hi"}), done=False))
    busy = Answer({"error": {"message": "busy"}}, 503, {"retry-after": "0"})
    with run_server(busy, busy, HELLO, busy, cut) as server:
        options = {"openai": {"base_url": server.url, "api_key": KEY}}
        with fmsdk.Client(providers=options) as client:
            assert len(client.generate("openai:m", "Hello").latency.attempts) == 3
            running = client.stream("openai:m", "Hello")
            with pytest.raises(IncompleteStream) as caught, running:
                list(running)
    assert caught.value.partial.text == "Hi"
    assert [attempt.status for attempt in caught.value.attempts] == [503, 200]


def test_a_conversation_with_tools_through_the_client() -> None:
    call = {"type": "function_call", "call_id": "c", "name": "now", "arguments": "{}"}
    thought = {"type": "reasoning", "id": "rs", "summary": [], "encrypted_content": "gAAA"}
    text = message({"type": "output_text", "text": '{"hour": 9}'})

    def now() -> str:
        """The time."""
        return "nine"

    with run_server(Answer(response(thought, call)), Answer(response(text))) as server:
        mine = {"wire": "openai", "base_url": server.url, "api": "responses"}
        with fmsdk.Client(providers={"mine": mine}) as client:
            first = client.generate("mine:m", "When?", tools=[now])
            (asked,) = first.tool_calls
            turns = [
                fmsdk.Message("user", "When?"),
                first.message,
                fmsdk.Message("tool", fmsdk.ToolResult(asked.id, now())),
            ]
            second = client.generate("mine:m", turns, tools=[now], output=dict[str, int])
    assert second.output == {"hour": 9}
    assert second.cost is None
    assert server.seen[1].body["input"][1:] == [
        thought,
        call,
        {"type": "function_call_output", "call_id": "c", "output": "nine"},
    ]


def test_a_file_is_read_beside_the_loop(tmp_path: Path) -> None:
    path = ROOT / "examples" / "media" / "red_triangle.png"
    with run_server(HELLO) as server:
        generate(provider(server.url), build("openai:m", [Image(path), "What?"]))
    content = server.seen[0].body["messages"][0]["content"]
    assert content[0]["image_url"]["url"].startswith("data:image/png;base64,iVBOR")
