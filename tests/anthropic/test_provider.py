"""The provider over real sockets: configuration, keys, the connection, and leaving early."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, cast

import anthropic
import pytest

import fmsdk
from fmsdk.content import Image
from fmsdk.errors import (
    BadRequestError,
    ConfigurationError,
    IncompleteStream,
    MissingKey,
    Timeout,
    UnsupportedSetting,
)
from fmsdk.provider import ProviderConfig
from fmsdk.response import TextDelta
from fmsdk_anthropic import AnthropicOptions, AnthropicProvider
from tests.anthropic.kit import (
    KEY,
    MODEL,
    Answer,
    asked,
    events,
    generate,
    message,
    provider,
    serving,
    sse,
    stream,
    text_events,
)

REQUEST = asked("Hello")
ROOT = Path(__file__).resolve().parents[2]
HELLO = Answer(message("Hi."))
STREAM = Answer(pieces=sse(*text_events("Hi."), done=False))
BEGUN = sse(*text_events("Hi")[:4], done=False)


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("ANTHROPIC_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))  # where the SDK looks for profiles
    monkeypatch.setenv("APPDATA", str(tmp_path))


def made(name: str = "anthropic", **options: Any) -> AnthropicProvider:
    return AnthropicProvider(ProviderConfig(name=name, options=options))


# --- configuration ---


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"basurl": "x", "key": "y"}, "'basurl', 'key'; known: base_url, api_key"),
        ({"base_url": "example.org"}, "no http:// or https:// URL"),
        ({"default_headers": {"a": "b\n"}}, "the header 'a'"),
    ],
)
def test_options_that_cannot_be(options: dict[str, Any], words: str) -> None:
    with pytest.raises(BadRequestError, match=words):
        made(**options)


def test_a_provider_of_the_users_own_name_needs_a_url() -> None:
    with pytest.raises(BadRequestError, match="'mine' needs a base_url"):
        made("mine")


def test_a_missing_key_names_its_variable_at_the_first_request() -> None:
    with pytest.raises(MissingKey) as caught:
        generate(made(), REQUEST)
    assert caught.value.variable == "ANTHROPIC_API_KEY"


def test_a_profile_of_the_sdk_that_cannot_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_PROFILE", "mine")
    with pytest.raises(ConfigurationError, match="profile 'mine'"):
        generate(made(), REQUEST)


def test_a_key_that_no_header_carries() -> None:
    with pytest.raises(ConfigurationError) as caught:
        generate(made(api_key="sk\nant"), REQUEST)
    assert "sk" not in str(caught.value)


def test_keys_and_secrets_stay_out_of_reprs() -> None:
    config = ProviderConfig(name="anthropic", options={"api_key": KEY, "auth_token": "t0ken"})
    told = repr(config) + repr(AnthropicProvider(config)._connection)
    told += repr(AnthropicOptions(extra_headers={"x": "s3cret"}))
    assert not any(secret in told for secret in (KEY, "t0ken", "s3cret"))


def sent(**options: Any) -> dict[str, str]:
    """The headers that a request goes out with."""
    name = options.pop("name", "anthropic")
    with serving(HELLO) as server:
        generate(made(name, base_url=server.root, **options), REQUEST)
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
    assert sent(name="mine")["authorization"] == "Bearer none"
    monkeypatch.setenv("MINE_API_KEY", "other")
    assert sent(name="mine")["authorization"] == "Bearer other"


def test_the_environments_url(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(HELLO) as server:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.root)
        assert generate(made(api_key=KEY), REQUEST).text == "Hi."


def test_headers() -> None:
    headers = sent(api_key=KEY, default_headers={"x-team": "a"})
    assert headers["x-team"] == "a"
    assert headers["content-type"] == "application/json"
    assert headers["anthropic-version"] >= "2026-10-21"
    with serving(HELLO) as server:
        given = AnthropicOptions(betas=("b-1",), extra_headers={"x-one": "1"})
        generate(provider(server.root), asked(temperature=0, options=given))
    headers = server.seen[0].headers
    assert server.seen[0].path == "/v1/messages?beta=true"
    assert headers["anthropic-version"] == "2023-06-01"
    assert (headers["anthropic-beta"], headers["x-one"]) == ("b-1", "1")


def test_a_client_that_the_caller_built_is_used_and_left_open() -> None:
    async def main() -> None:
        client = anthropic.AsyncAnthropic(api_key=KEY, base_url=server.root)
        asked = made(client=client)
        assert (await asked.generate(REQUEST)).text == "Hi."
        assert [event async for event in asked.stream(REQUEST)]
        await asked.aclose()
        assert not client.is_closed()
        await client.close()

    with serving(HELLO, STREAM) as server:
        asyncio.run(main())
    assert server.seen[0].body["model"] == "claude-sonnet-4-6"


def test_googles_client_finds_the_model() -> None:
    async def main() -> None:
        client = anthropic.AsyncAnthropicVertex(
            region="us", project_id="p", access_token="t", base_url=server.root
        )
        asked = made(client=client)
        assert (await asked.generate(REQUEST)).text == "Hi."
        assert asked.capabilities("claude-sonnet-4-6").remote == frozenset()
        await asked.aclose()
        await client.close()

    with serving(HELLO) as server:
        asyncio.run(main())
    assert server.seen[0].path.endswith("models/claude-sonnet-4-6:rawPredict")
    assert "model" not in server.seen[0].body


def test_amazons_older_client_does_not_stream() -> None:
    old = anthropic.AsyncAnthropicBedrock(
        aws_region="us-east-1", aws_access_key="a", aws_secret_key="b"
    )
    with pytest.raises(BadRequestError, match="AsyncAnthropicBedrockMantle"):
        stream(made(client=old), REQUEST)


def test_capabilities() -> None:
    own, other = made(api_key=KEY), made("mine", base_url="http://localhost:1")
    can = own.capabilities("claude-sonnet-4-6")
    assert can.input == {"text", "image", "document"}
    assert can.remote == {"image", "document"}
    assert "seed" not in can.settings
    assert can.known
    assert can.image_limits is not None
    assert can.image_limits.max_bytes == 7_500_000
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


def test_without_the_sdk() -> None:
    program = """
import sys
sys.path[:0] = ["providers"]
import importlib.util
importlib.util.find_spec = lambda name: None if name == "anthropic" else ...
from fmsdk.provider import ProviderConfig
from fmsdk_anthropic import AnthropicProvider
print(AnthropicProvider.usable_models()[0].note)
try:
    AnthropicProvider(ProviderConfig(name="anthropic"))
except ModuleNotFoundError as error:
    print(error.name)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert done.stdout.split("\n")[:2] == ["pip install 'fmsdk[anthropic]'", "anthropic"]


def test_importing_it_loads_no_sdk() -> None:
    program = (
        "import sys; sys.path[:0] = ['providers']; import fmsdk_anthropic; "
        "print(sorted({'anthropic', 'httpx2', 'pydantic'} & sys.modules.keys()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert done.stdout.strip() == "[]"


# --- the connection ---


def test_connections_are_used_again_after_answers_and_streams() -> None:
    async def main(asked: AnthropicProvider) -> None:
        for _ in range(2):
            await asked.generate(REQUEST)
            assert [event async for event in asked.stream(REQUEST)]
        await asked.aclose()

    with serving(HELLO, STREAM, HELLO, STREAM) as server:
        asyncio.run(main(provider(server.root)))
    assert server.connections == 1


def test_it_can_be_asked_again_after_closing() -> None:
    async def main(asked: AnthropicProvider) -> None:
        for _ in range(2):
            assert (await asked.generate(REQUEST)).text == "Hi."
            await asked.aclose()

    with serving(HELLO) as server:
        asyncio.run(main(provider(server.root)))
    assert server.connections == 2


def test_a_server_that_does_not_hang_up_costs_a_moment_at_most() -> None:
    with serving(Answer(pieces=sse(*text_events("Hi."), done=False), then="hang")) as server:
        began = time.perf_counter()
        _, answer = stream(provider(server.root, idle_timeout=30), REQUEST)
        assert time.perf_counter() - began < 5
    assert answer.text == "Hi."


def test_leaving_a_stream_closes_the_connection_at_once() -> None:
    async def main(asked: AnthropicProvider) -> bool:
        events = asked.stream(REQUEST)
        first = await anext(events)
        assert isinstance(first, TextDelta)
        assert first.text == "Hi"
        await cast("Any", events).aclose()
        left = await asyncio.to_thread(server.seen[0].left.wait, 5)
        await asked.aclose()
        return left

    with serving(Answer(pieces=BEGUN, then="hang")) as server:
        assert asyncio.run(main(provider(server.root)))


@pytest.mark.parametrize("streaming", [True, False])
def test_cancelling_closes_the_connection_at_once(streaming: bool) -> None:
    async def ask(asked: AnthropicProvider) -> None:
        if streaming:
            async for _ in asked.stream(REQUEST):
                pass
        else:
            await asked.generate(REQUEST)

    async def main(asked: AnthropicProvider) -> bool:
        task = asyncio.create_task(ask(asked))
        assert await asyncio.to_thread(server.arrived.wait, 5)
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        left = await asyncio.to_thread(server.seen[0].left.wait, 5)
        await asked.aclose()
        return left

    with serving(Answer(pieces=BEGUN, then="hang")) as server:
        assert asyncio.run(main(provider(server.root)))


def test_idle_time_is_between_bytes_not_in_all() -> None:
    pieces = sse(*text_events(*"aaaaaaaa"), done=False)
    with serving(Answer(pieces=pieces, pause=0.1)) as server:
        _, answer = stream(provider(server.root, idle_timeout=0.5), REQUEST)
        assert answer.text == "a" * 8
        with pytest.raises(Timeout):
            stream(provider(server.root, idle_timeout=0.03), REQUEST)


# --- through the client ---


def client(url: str, **config: Any) -> fmsdk.Client:
    return fmsdk.Client(providers={"anthropic": provider(url)}, **config)


def test_the_client_routes_prices_and_times_both_ways() -> None:
    usage = {"input_tokens": 100, "output_tokens": 50, "service_tier": "standard"}
    served = {"model": "claude-haiku-4-5-20251001", "usage": usage}
    payloads = text_events("Hi.", usage={"output_tokens": 50})
    payloads[0]["message"] |= {**served, "usage": {**usage, "output_tokens": 1}}
    answers = Answer(message("Hi.", **served)), Answer(pieces=sse(*payloads, done=False))
    with serving(*answers) as server, client(server.root) as asking:
        plain = asking.generate(MODEL, "Hello")
        with asking.stream(MODEL, "Hello") as running:
            assert "".join(e.text for e in running if isinstance(e, TextDelta)) == "Hi."
        streamed = running.response
    assert plain.cost is not None
    assert plain.cost == streamed.cost
    assert plain.parts == streamed.parts
    assert plain.usage == streamed.usage
    assert streamed.latency.time_to_first_token is not None


def test_the_client_retries_and_keeps_what_broke_off() -> None:
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}
    busy = Answer(error, 529, {"retry-after": "0"})
    cut = Answer(pieces=BEGUN)
    with serving(busy, busy, HELLO, busy, cut) as server, client(server.root) as asking:
        assert len(asking.generate(MODEL, "Hello").latency.attempts) == 3
        running = asking.stream(MODEL, "Hello")
        with pytest.raises(IncompleteStream) as caught, running:
            list(running)
    partial = caught.value.partial
    assert partial.text == "Hi"
    assert partial.usage.input.total == 9
    assert partial.usage.source == "estimated"
    assert caught.value.attempts[0].status == 529


def test_settings_without_a_field_raise_before_anything_is_sent() -> None:
    with serving(HELLO) as server, client(server.root) as asking:
        for settings in ({"seed": 1}, {"logprobs": 2}, {"choices": 2}):
            with pytest.raises(UnsupportedSetting):
                asking.generate(MODEL, "Hello", **settings)
        lenient = asking.generate(MODEL, "Hello", seed=1, lenient=True)
    assert [warning.detail for warning in lenient.warnings if warning.detail == "seed"] == ["seed"]
    assert len(server.seen) == 1


def test_a_conversation_with_tools_and_thoughts_through_the_client() -> None:
    call = {"type": "tool_use", "id": "toolu_1", "name": "now", "input": {}}
    thought = {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"}
    redacted = {"type": "redacted_thinking", "data": "ZGF0YQ"}
    first = message(thought, redacted, call, stop_reason="tool_use")
    start = {"type": "thinking", "thinking": "", "signature": ""}
    deltas = [
        {"type": "thinking_delta", "thinking": "Hm."},
        {"type": "signature_delta", "signature": "c2ln"},
    ]
    first_streamed = events((start, deltas), (redacted, []), (call, []))
    second = Answer(message('{"hour": 9}'))

    def now() -> str:
        """The time."""
        return "nine"

    for answer in (Answer(first), Answer(pieces=sse(*first_streamed, done=False))):
        with serving(answer, second) as server, client(server.root) as asking:
            if answer.pieces is None:
                said = asking.generate(MODEL, "When?", tools=[now])
            else:
                with asking.stream(MODEL, "When?", tools=[now]) as running:
                    list(running)
                said = running.response
            (called,) = said.tool_calls
            turns = [
                fmsdk.Message("user", "When?"),
                said.message,
                fmsdk.Message("tool", fmsdk.ToolResult(called.id, now())),
            ]
            turns = [fmsdk.from_json(fmsdk.to_json(turn)) for turn in turns]
            done = asking.generate(MODEL, turns, tools=[now], output=dict[str, int], lenient=True)
        assert done.output == {"hour": 9}
        assert server.seen[1].body["messages"][1:] == [
            {"role": "assistant", "content": [thought, redacted, call]},
            {
                "role": "user",
                "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "nine"}],
            },
        ]


def test_a_file_is_read_beside_the_loop() -> None:
    path = ROOT / "examples" / "media" / "red_triangle.png"
    with serving(HELLO) as server:
        generate(provider(server.root), asked([Image(path), "What?"]))
    content = server.seen[0].body["messages"][0]["content"]
    assert content[0]["source"]["data"].startswith("iVBOR")
