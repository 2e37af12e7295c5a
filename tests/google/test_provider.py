"""The provider over real sockets: configuration, keys, Vertex, the connection, leaving early."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import fmsdk
from fmsdk.content import Image
from fmsdk.errors import (
    BadRequestError,
    ConfigurationError,
    IncompleteStream,
    MissingKey,
)
from fmsdk.request import build
from fmsdk.response import TextDelta
from fmsdk_google import GoogleOptions, GoogleProvider
from tests.support.google.provider import (
    KEY,
    USAGE,
    Answer,
    Server,
    chunk,
    create_provider,
    generate,
    provider,
    run_server,
    stream,
    streamed,
)

REQUEST = build("google:gemini-3.8-flash", "Hello")
ROOT = Path(__file__).resolve().parents[2]
HELLO = Answer(chunk("Hi.", usageMetadata=USAGE))
STREAM = Answer(pieces=streamed(chunk("Hi.", usageMetadata=USAGE)))
VERTEX: dict[str, Any] = {"vertex": True, "project": "p"}


# --- configuration ---


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"basurl": "x", "key": "y"}, "'basurl', 'key'; did you mean base_url"),
        ({"base_url": "localhost:8000"}, "http://"),
        ({"api_key": 1}, "api_key is text"),
        ({"project": "p"}, "need vertex=True"),
        ({"default_headers": {"X-Secret": "a\nb"}}, "'X-Secret'"),
    ],
)
def test_invalid_options(options: dict[str, Any], words: str) -> None:
    with pytest.raises(BadRequestError, match=words) as caught:
        create_provider(**options)
    assert "a\nb" not in str(caught.value)


def test_a_missing_key_names_its_variable_at_the_first_request() -> None:
    quiet = create_provider()
    assert quiet.estimate(REQUEST).input.expected > 0
    with pytest.raises(MissingKey, match="GEMINI_API_KEY") as caught:
        generate(quiet, REQUEST)
    assert caught.value.variable == "GEMINI_API_KEY"


def test_key_that_no_header_can_carry() -> None:
    for key in ("ключ", "AIza\n1"):
        with pytest.raises(ConfigurationError, match="GEMINI_API_KEY") as caught:
            generate(create_provider(api_key=key), REQUEST)
        assert key not in str(caught.value)


def test_keys_and_secrets_stay_out_of_reprs() -> None:
    asked = create_provider(api_key=KEY, default_headers={"X-Secret": "hush"})
    shown = repr((asked.__dict__, GoogleOptions(extra_headers={"X": "hush"})))
    assert KEY not in shown
    assert "hush" not in shown


@pytest.mark.parametrize(
    ("name", "environment", "sent"),
    [
        ("google", {"GEMINI_API_KEY": "g1\n", "GOOGLE_API_KEY": "g2"}, "g1"),
        ("google", {"GOOGLE_API_KEY": "g2"}, "g2"),
        ("mine", {"GEMINI_API_KEY": "g1"}, None),
        ("mine", {"MINE_API_KEY": "m"}, "m"),
    ],
)
def test_keys_of_the_environment_go_in_a_header_to_their_own_server(
    name: str,
    environment: dict[str, str],
    sent: str | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    with run_server(HELLO) as server:
        generate(create_provider(name, wire="google", base_url=server.root), REQUEST)
    assert server.seen[0].headers.get("x-goog-api-key") == sent
    assert "key" not in server.seen[0].path


def test_the_environments_url_and_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEMINI_API_KEY", KEY)
    with run_server(HELLO, STREAM) as server:
        monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", f"{server.root}/")
        assert generate(create_provider(), REQUEST).text == "Hi."
        assert stream(create_provider(api_version="v1alpha"), REQUEST)[1].text == "Hi."
    assert [request.path for request in server.seen] == [
        "/v1beta/models/gemini-3.8-flash:generateContent",
        "/v1alpha/models/gemini-3.8-flash:streamGenerateContent?alt=sse",
    ]


def test_headers() -> None:
    options = GoogleOptions(extra_headers={"X-Mine": "b"})
    with run_server(HELLO) as server:
        asked = provider(server.root, default_headers={"X-All": "a"})
        generate(asked, build("google:m", "Hello", options=options))
    headers = server.seen[0].headers
    assert (headers["x-all"], headers["x-mine"]) == ("a", "b")
    assert headers["content-type"] == "application/json"
    with pytest.raises(BadRequestError, match="'X-Mine'"):
        bad = GoogleOptions(extra_headers={"X-Mine": "é"})
        generate(asked, build("google:m", "Hello", options=bad))


# --- what it says of itself ---


def test_vendor_and_prices() -> None:
    assert (create_provider().vendor, create_provider().price_id) == ("google", "google")
    # Whose models end on other days.
    assert create_provider(**VERTEX, location="eu").vendor == "google-vertex"
    assert create_provider(**VERTEX, base_url="http://localhost").vendor == "google-vertex"
    assert create_provider(**VERTEX, location="eu").capabilities("gemini-2.5-flash").known
    gateway = create_provider(base_url="http://localhost")
    assert (gateway.vendor, gateway.price_id, gateway.is_official) == ("google", "google", False)
    mine = create_provider("mine", wire="google", base_url="http://x")
    assert (mine.vendor, mine.price_id) == (None, None)


def test_capabilities() -> None:
    capabilities = create_provider().capabilities("a-model-of-next-year")
    assert capabilities.input == {"text", "image", "audio", "video", "document"}
    assert capabilities.output == {"text", "audio", "image"}
    assert capabilities.remote == {"image", "video", "document"}
    assert not capabilities.known
    for name in ("gemini-2.5-flash", "models/gemini-2.5-flash"):
        capabilities = create_provider().capabilities(name)
        assert (capabilities.known, capabilities.output) == (True, {"text"})
    assert create_provider(base_url="http://localhost").capabilities("gemini-2.5-flash").known
    mine = create_provider("mine", wire="google", base_url="http://localhost")
    assert not mine.capabilities("gemini-2.5-flash").known


def test_usable_models(monkeypatch: pytest.MonkeyPatch) -> None:
    (line,) = GoogleProvider.usable_models()
    assert (line.name, line.usable, line.note) == ("google:…", False, "set GEMINI_API_KEY")
    monkeypatch.setenv("GOOGLE_API_KEY", KEY)
    (line,) = GoogleProvider.usable_models()
    assert (line.usable, line.note) == (True, "")


def test_importing_and_asking_ai_studio_needs_nothing_of_googles() -> None:
    program = """
import sys
sys.path[:0] = ["providers", "."]
import fmsdk_google
assert not {"httpx2", "pydantic"} & sys.modules.keys()
sys.modules["google"] = None
from fmsdk.request import build
from tests.support.provider_calls import generate
from tests.support.scripted_server import Answer, run_server
from fmsdk.provider import ProviderConfig
body = {"candidates": [{"content": {"parts": [{"text": "Hi."}]}, "finishReason": "STOP"}]}
with run_server(Answer(body)) as server:
    options = {"api_key": "k", "base_url": server.root}
    asked = fmsdk_google.GoogleProvider(ProviderConfig(name="google", options=options))
    print(generate(asked, build("google:m", "Hello")).text)
try:
    fmsdk_google.GoogleProvider(
        ProviderConfig(name="google", options={"vertex": True, "project": "p"})
    )
except ModuleNotFoundError as error:
    print(error.name)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert done.stdout.split("\n")[:2] == ["Hi.", "google"]


def test_many_at_once_keep_their_order_and_their_connections() -> None:
    async def main(url: str) -> list[str]:
        asked = provider(url)
        requests = [build("google:m", f"n{n}") for n in range(200)]
        answers = await asyncio.gather(*(asked.generate(request) for request in requests))
        await asked.aclose()
        return [answer.text for answer in answers]

    def echo(request: Any) -> Answer:
        return Answer(chunk(request.body["contents"][0]["parts"][0]["text"]))

    with run_server(echo) as server:
        assert asyncio.run(main(server.root)) == [f"n{n}" for n in range(200)]
        assert len(server.seen) == 200


# --- through the client ---


def through(server: Server) -> fmsdk.Client:
    return fmsdk.Client(providers={"google": provider(server.root)})


def test_the_client_prices_and_times_both_ways() -> None:
    fields = {"usageMetadata": USAGE, "modelVersion": "gemini-2.5-flash"}
    first = chunk("Hi.", finish=None, modelVersion="gemini-2.5-flash")
    answers = Answer(chunk("Hi.", **fields)), Answer(pieces=streamed(first, chunk(**fields)))
    with run_server(*answers) as server, through(server) as client:
        plain = client.generate("google:gemini-2.5-flash", "Hello")
        with client.stream("google:gemini-2.5-flash", "Hello") as running:
            assert "".join(e.text for e in running if isinstance(e, TextDelta)) == "Hi."
        streamed_answer = running.response
    assert plain.cost is not None
    assert plain.cost == streamed_answer.cost
    assert plain.parts == streamed_answer.parts
    assert plain.usage == streamed_answer.usage


def test_the_client_retries_and_keeps_what_broke_off() -> None:
    cut = Answer(pieces=streamed(chunk("Hi", finish=None, usageMetadata=USAGE)))
    busy = Answer({"error": {"code": 503, "status": "UNAVAILABLE"}}, 503, {"retry-after": "0"})
    with run_server(busy, busy, HELLO, busy, cut) as server, through(server) as client:
        answer = client.generate("google:gemini-3.8-flash", "Hello")
        assert len(answer.latency.attempts) == 3
        running = client.stream("google:gemini-3.8-flash", "Hello")
        with pytest.raises(IncompleteStream) as caught, running:
            list(running)
    assert caught.value.partial.text == "Hi"
    usage = caught.value.partial.usage
    assert (usage.input.total, usage.output.total, usage.source) == (9, 3, "estimated")
    assert [attempt.error for attempt in caught.value.attempts] == [
        "ServerError",
        "IncompleteStream",
    ]


def test_a_conversation_with_tools_through_the_client() -> None:
    call = {"functionCall": {"name": "now", "args": {}, "id": "x"}, "thoughtSignature": "s"}

    def now() -> str:
        """The time."""
        return "nine"

    answers = Answer(chunk(call)), Answer(chunk('{"hour": 9}'))
    with run_server(*answers) as server, through(server) as client:
        first = client.generate("google:gemini-3.8-flash", "When?", tools=[now])
        (asked,) = first.tool_calls
        turns = [
            fmsdk.Message("user", "When?"),
            first.message,
            fmsdk.Message("tool", fmsdk.ToolResult(asked.id, now())),
        ]
        second = client.generate(
            "google:gemini-3.8-flash", turns, tools=[now], output=dict[str, int]
        )
    assert second.output == {"hour": 9}
    assert server.seen[1].body["contents"][1:] == [
        {"role": "model", "parts": [call]},
        {
            "role": "user",
            "parts": [
                {"functionResponse": {"id": "x", "name": "now", "response": {"output": "nine"}}}
            ],
        },
    ]


def test_a_file_is_read_beside_the_loop() -> None:
    path = ROOT / "examples" / "media" / "red_triangle.png"
    with run_server(HELLO) as server:
        generate(provider(server.root), build("google:m", [Image(path), "What?"]))
    (picture, _) = server.seen[0].body["contents"][0]["parts"]
    assert picture["inlineData"]["data"].startswith("iVBOR")
