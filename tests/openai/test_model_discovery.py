"""What servers tell of their models: asked over real sockets, once, and never in the way."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest

import fmsdk
from fmsdk.provider import ProviderConfig
from fmsdk_openai import model_discovery
from fmsdk_openai.provider import OpenAIProvider
from fmsdk_openai.servers import SERVERS
from tests.support.openai.encoding import PNG
from tests.support.openai.provider import KEY, Answer, ReceivedRequest, completion, run_server
from tests.support.patience import PATIENCE

Check = Callable[[fmsdk.provider.Capabilities], bool]


def made(name: str, url: str) -> OpenAIProvider:
    return SERVERS[name](ProviderConfig(name=name, options={"base_url": url, "api_key": KEY}))


def by_path(listings: dict[str, Any]) -> Callable[[ReceivedRequest], Answer]:
    """A server that tells what it is asked for, and answers questions."""

    def answer(request: ReceivedRequest) -> Answer:
        if request.path.endswith("/chat/completions"):
            return Answer(completion())
        found = listings.get(request.path)
        return Answer({"error": "no such path"}, 404) if found is None else Answer(found)

    return answer


OPENROUTER_MODEL = {
    "id": "a/b",
    "context_length": 200000,
    "architecture": {"input_modalities": ["text", "image", "video"], "modality": "text->text"},
    "supported_parameters": ["max_tokens", "temperature", "tools", "reasoning", "top_k"],
    "top_provider": {"max_completion_tokens": 64000, "context_length": 200000},
}
COPILOT_MODEL = {
    "id": "m",
    "supported_endpoints": ["/responses"],
    "capabilities": {
        "limits": {"max_context_window_tokens": 400000, "max_output_tokens": 128000},
        "supports": {"vision": True, "tool_calls": True},
    },
}
TOLD: list[Any] = [
    ("vllm", {"/v1/models": {"data": [{"id": "m", "max_model_len": 4096}]}}, {"context": 4096}),
    (
        "sglang",
        {
            "/v1/models": {"data": [{"id": "m", "max_model_len": 4096}]},
            "/get_model_info": {"has_image_understanding": True, "has_audio_understanding": False},
        },
        {"context": 4096, "input": {"text", "image"}, "known": True},
    ),
    (
        "llamacpp",
        {
            "/props": {
                "modalities": {"vision": False, "audio": True},
                "default_generation_settings": {"n_ctx": 1024},
                "chat_template_caps": {"supports_tools": False, "supports_reasoning_effort": False},
            }
        },
        {
            "context": 1024,
            "input": {"text", "audio"},
            "known": True,
            "tools": False,
            "refused": {"reasoning"},
        },
    ),
    (
        "ollama",
        {
            "/api/show": {
                "capabilities": ["completion", "vision", "tools"],
                "model_info": {"general.architecture": "g", "g.context_length": 131072},
            }
        },
        {
            "context": 131072,
            "input": {"text", "image"},
            "known": True,
            "refused": {"reasoning", "choices"},
        },
    ),
    (
        "lmstudio",
        {
            "/api/v0/models": {
                "data": [{"id": "m", "type": "vlm", "max_context_length": 8192, "capabilities": []}]
            }
        },
        {"context": 8192, "input": {"text", "image"}, "known": True},
    ),
    (
        "openrouter",
        {"/v1/models": {"data": [OPENROUTER_MODEL | {"id": "m"}]}},
        {
            "context": 200000,
            "max_output": 64000,
            "input": {"text", "image", "document"},
            "known": True,
            "structured": False,
            "refused": {"top_p", "stop", "seed", "logprobs", "choices"},
        },
    ),
    (
        "groq",
        {"/v1/models": {"data": [{"id": "m", "context_window": 9, "max_completion_tokens": 8}]}},
        {"context": 9, "max_output": 8},
    ),
    (
        "mistral",
        {
            "/v1/models": {
                "data": [
                    {
                        "id": "m-2512",
                        "aliases": ["m"],
                        "max_context_length": 131072,
                        "capabilities": {"function_calling": False, "vision": False},
                    }
                ]
            }
        },
        {"context": 131072, "input": {"text", "document"}, "known": True, "tools": False},
    ),
    (
        "xai",
        {"/v1/language-models": {"models": [{"id": "m", "input_modalities": ["text", "image"]}]}},
        {"input": {"text", "image"}, "known": True},
    ),
    (
        "together",
        {"/v1/models": [{"id": "m", "type": "chat", "context_length": 7}]},
        {"context": 7},
    ),
    (
        "fireworks",
        {
            "/v1/models": {
                "data": [
                    {
                        "id": "m",
                        "supports_image_input": False,
                        "supports_tools": False,
                        "context_length": 163840,
                    }
                ]
            }
        },
        {"context": 163840, "input": {"text"}, "known": True, "tools": False},
    ),
    (
        "copilot",
        {"/v1/models": {"data": [COPILOT_MODEL]}},
        {
            "context": 400000,
            "max_output": 128000,
            "input": {"text", "image", "document"},
            "known": True,
        },
    ),
]


@pytest.mark.parametrize(("name", "listings", "expected"), TOLD, ids=[row[0] for row in TOLD])
def test_a_servers_listing_narrows_capabilities(
    name: str, listings: dict[str, Any], expected: dict[str, Any]
) -> None:
    async def main(url: str) -> None:
        asked = made(name, url)
        before = asked.capabilities("m")
        assert (before.known, before.context) == (False, None)
        await asked.learn("m")
        await asked.learn("m")
        capabilities = asked.capabilities("m")
        assert capabilities.known == expected.get("known", False)
        assert capabilities.input == expected.get("input", before.input)
        assert (capabilities.context, capabilities.max_output) == (
            expected.get("context"),
            expected.get("max_output"),
        )
        assert capabilities.tools == expected.get("tools", True)
        assert capabilities.structured == expected.get("structured", before.structured)
        if "refused" in expected:
            assert fmsdk.provider.ALL_SETTINGS - capabilities.settings == expected["refused"]
        await asked.aclose()

    with run_server(by_path(listings)) as server:
        asyncio.run(main(server.url))
    assert [seen.path for seen in server.seen] == list(listings)
    assert {seen.headers["authorization"] for seen in server.seen} == {f"Bearer {KEY}"}


def test_servers_without_a_listing_are_never_asked() -> None:
    async def main(url: str) -> None:
        for name in ("azure", "deepseek"):
            await made(name, url).learn("m")
        mine = OpenAIProvider(ProviderConfig(name="mine", options={"base_url": url}))
        await mine.learn("m")

    with run_server(by_path({})) as server:
        asyncio.run(main(server.url))
    assert not server.seen


def test_copilots_newer_models_answer_on_responses_alone() -> None:
    async def main(url: str) -> str:
        asked = made("copilot", url)
        await asked.learn("m")
        await asked.aclose()
        return asked.encode(fmsdk.request.build("copilot:m", "Hi"), stream=False).path

    with run_server(by_path({"/v1/models": {"data": [COPILOT_MODEL]}})) as server:
        assert asyncio.run(main(server.url)) == "/responses"


def test_a_variant_of_openrouter_is_its_model() -> None:
    async def main(url: str) -> None:
        asked = made("openrouter", url)
        await asyncio.gather(*(asked.learn(name) for name in ("a/b:free", "a/b", "nobody/knows")))
        assert asked.capabilities("a/b:free").context == 200000
        assert not asked.capabilities("nobody/knows").known
        await asked.learn("nobody/knows")
        await asked.aclose()

    with run_server(by_path({"/v1/models": {"data": [OPENROUTER_MODEL]}})) as server:
        asyncio.run(main(server.url))
    assert len(server.seen) == 1


def test_ollama_is_asked_about_each_model_alone() -> None:
    def show(request: ReceivedRequest) -> Answer:
        capabilities = (
            ["completion", "vision"] if request.body["model"] == "sees" else ["completion"]
        )
        return Answer({"capabilities": capabilities})

    async def main(url: str) -> None:
        asked = made("ollama", url)
        await asyncio.gather(*(asked.learn(name) for name in ("sees", "blind", "sees", "sees:4b")))
        assert asked.capabilities("sees").input == {"text", "image"}
        assert asked.capabilities("blind").input == {"text"}
        assert asked.capabilities("sees:4b").input == {"text"}
        await asked.aclose()

    with run_server(show) as server:
        asyncio.run(main(server.url))
    assert sorted(seen.body["model"] for seen in server.seen) == ["blind", "sees", "sees:4b"]


BROKEN = [
    Answer(b"no json"),
    Answer({"data": "nonsense"}),
    Answer([1, 2]),
    Answer({"data": [{"id": 5}]}),
    Answer({"error": {"message": "no"}}, 500),
    Answer({"error": {"message": "no"}}, 401),
    Answer(then="reset"),
    Answer(pieces=[b"{"], then="hang"),
]


@pytest.mark.parametrize("answer", BROKEN, ids=range(len(BROKEN)))
def test_a_server_without_a_listing_stops_no_request(
    answer: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model_discovery, "SECONDS", 0.3)

    async def main(url: str) -> float:
        asked = made("openrouter", url)
        began = time.perf_counter()
        await asked.learn("m")
        await asked.learn("m")
        took = time.perf_counter() - began
        assert not asked.capabilities("m").known
        await asked.aclose()
        return took

    with run_server(answer) as server:
        assert asyncio.run(main(server.url)) < PATIENCE
    assert len(server.seen) == 1


def test_a_silent_server_is_asked_again_a_minute_later(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(model_discovery, "monotonic", lambda: now[0])

    async def main(url: str) -> None:
        asked = made("groq", url)
        for later in (0, 59, 61):
            now[0] = 100.0 + later
            await asked.learn("m")
        assert asked.capabilities("m").context == 9
        await asked.aclose()

    told = Answer({"data": [{"id": "m", "context_window": 9}]})
    with run_server(Answer({}, 500), told) as server:
        asyncio.run(main(server.url))
    assert len(server.seen) == 2


def test_without_a_key_a_vendor_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GROQ_API_KEY", raising=False)
    asked = SERVERS["groq"](ProviderConfig(name="groq"))
    asyncio.run(asked.learn("m"))
    assert not asked.capabilities("m").known


def test_a_cancelled_caller_does_not_cancel_the_others() -> None:
    async def main(url: str) -> None:
        asked = made("groq", url)
        first = asyncio.create_task(asked.learn("m"))
        second = asyncio.create_task(asked.learn("m"))
        await asyncio.sleep(0.02)
        first.cancel()
        await second
        assert asked.capabilities("m").context == 9
        await asked.aclose()

    def slow(request: ReceivedRequest) -> Answer:
        time.sleep(0.1)
        return Answer({"data": [{"id": "m", "context_window": 9}]})

    with run_server(slow) as server:
        asyncio.run(main(server.url))
    assert len(server.seen) == 1


def test_closing_stops_the_question() -> None:
    async def main(url: str) -> float:
        asked = made("groq", url)
        question = asyncio.create_task(asked.learn("m"))
        await asyncio.to_thread(server.arrived.wait, PATIENCE)
        began = time.perf_counter()
        await asked.aclose()
        await question
        return time.perf_counter() - began

    with run_server(Answer(pieces=[b"{"], then="hang")) as server:
        assert asyncio.run(main(server.url)) < PATIENCE


def test_through_the_client_a_model_is_asked_about_before_it_is_asked() -> None:
    listing = {
        "/v1/models": {
            "data": [OPENROUTER_MODEL | {"architecture": {"input_modalities": ["text"]}}]
        }
    }
    with run_server(by_path(listing)) as server:
        asked = made("openrouter", server.url)
        with fmsdk.Client(providers={"openrouter": asked}) as client:
            with pytest.raises(fmsdk.UnsupportedContent, match="not image"):
                client.generate("openrouter:a/b", [fmsdk.Image(PNG), "?"])
            with pytest.raises(fmsdk.UnsupportedSetting, match="seed"):
                client.generate("openrouter:a/b", "Hi", seed=1)
            assert client.generate("openrouter:a/b", "Hi", temperature=0.1).text == "Hi."
    assert [seen.path for seen in server.seen] == ["/v1/models", "/v1/chat/completions"]
