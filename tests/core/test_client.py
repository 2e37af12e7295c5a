"""The two clients: one implementation, any thread, any loop, and across a fork."""

from __future__ import annotations

import asyncio
import inspect
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from typing import Any, ClassVar

import numpy as np
import pytest

import fmsdk
from fmsdk.media.limits import FetchLimits
from fmsdk.testing import FakeProvider

VERBS = ["__init__", "generate", "stream", "transcribe", "embed", "quote", "load"]


@pytest.mark.parametrize("verb", VERBS)
def test_both_clients_take_the_same_arguments(verb: str) -> None:
    sync, asynchronous = getattr(fmsdk.Client, verb), getattr(fmsdk.AsyncClient, verb)
    signatures = inspect.signature(sync), inspect.signature(asynchronous)
    assert signatures[0].parameters == signatures[1].parameters
    assert sync.__doc__ == asynchronous.__doc__


def test_one_client_serves_many_threads() -> None:
    client = fmsdk.Client(providers={"fake": FakeProvider(delay=0.01)})

    def ask(n: int) -> str:
        return client.generate("fake:any", f"number {n}").text

    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(ask, range(64))) == [f"number {n}" for n in range(64)]
    assert [t.name for t in threading.enumerate()].count("fmsdk") == 1


def test_an_async_client_outlives_its_event_loop() -> None:
    client = fmsdk.AsyncClient(providers={"fake": FakeProvider()}, max_concurrency=1)
    for n in range(3):
        assert asyncio.run(client.generate("fake:any", f"run {n}")).text == f"run {n}"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_gets_a_loop_of_its_own() -> None:
    program = (
        "import os, fmsdk\n"
        "from fmsdk.testing import FakeProvider\n"
        "client = fmsdk.Client(providers={'fake': FakeProvider()})\n"
        "assert client.generate('fake:any', 'parent').text == 'parent'\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    ok = client.generate('fake:any', 'child').text == 'child'\n"
        "    os._exit(0 if ok else 1)\n"
        "assert os.waitpid(child, 0)[1] == 0\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_a_request_is_a_prompt_for_any_model() -> None:
    provider = FakeProvider()
    client = fmsdk.Client(providers={"fake": provider})
    request = fmsdk.Request(
        provider="other",
        model="x",
        messages=(fmsdk.Message("user", "Hello"),),
        settings=fmsdk.Settings(temperature=0.5),
    )
    assert client.generate("fake:any", request).text == "Hello"
    assert provider.requests[0].settings.temperature == 0.5
    with pytest.raises(fmsdk.BadRequestError, match="has its own settings"):
        client.generate("fake:any", request, system="Be brief.")


def test_a_conversation_goes_on_with_the_answers_message() -> None:
    provider = FakeProvider(["Paris.", fmsdk.ToolCall("1", "look", {"x": 1}), "Done."])
    client = fmsdk.Client(providers={"fake": provider})
    talk: list[fmsdk.Message | fmsdk.Part | str] = ["What is the capital of France?"]
    answer = client.generate("fake:any", talk)
    talk += [answer.message, "Look it up."]
    answer = client.generate("fake:any", talk)
    assert answer.finish == "tool_calls"
    talk += [answer.message, fmsdk.ToolResult(answer.tool_calls[0].id, "yes")]
    assert client.generate("fake:any", talk).text == "Done."
    roles = [message.role for message in provider.requests[-1].messages]
    assert roles == ["user", "assistant", "user", "assistant", "user"]


@pytest.mark.parametrize(
    ("model", "prompt", "asked", "says"),
    [
        ("gpt-5", "Hi", {}, "provider:model"),
        ("fake:any", "", {}, "empty"),
        ("fake:any", [], {}, "empty"),
        ("fake:any", "  \n", {}, "empty"),
        ("fake:any", [1], {}, "int"),
        ("fake:any", "Hi", {"max_output_tokens": 0}, "at least 1"),
        ("fake:any", None, {}, "NoneType"),
        ("fake:any", "Hi", {"temperature": -1}, "negative"),
        ("fake:any", "Hi", {"temperature": "x"}, "temperature"),
        ("fake:any", "Hi", {"temperature": 10**400}, "temperature"),
        ("fake:any", "Hi", {"timeout": 10**5000}, "timeout"),
        ("fake:any", "Hi", {"temperature": float("nan")}, "temperature"),
        ("fake:any", "Hi", {"timeout": 0}, "timeout"),
        ("fake:any", "Hi", {"timeout": -1}, "timeout"),
        ("fake:any", "Hi", {"tags": {"a": 1}}, "tags"),
        ("fake:any", "Hi", {"top_p": 0}, "top_p"),
        ("fake:any", "Hi", {"choices": 0}, "choices"),
        ("fake:any", "Hi", {"reasoning": "huge"}, "reasoning"),
        ("fake:any", "Hi", {"tool_choice": "nothing"}, "tool_choice"),
    ],
)
def test_invalid_request_is_one_clear_error(
    model: str, prompt: object, asked: dict[str, object], says: str
) -> None:
    client = fmsdk.Client(providers={"fake": FakeProvider()})
    with pytest.raises(fmsdk.BadRequestError, match=says):
        client.generate(model, prompt, **asked)  # type: ignore[arg-type]


@pytest.mark.parametrize("settings", [{"max_concurrency": 0}, {"retries": -1}])
def test_unusable_client_is_refused(settings: dict[str, int]) -> None:
    with pytest.raises(fmsdk.BadRequestError):
        fmsdk.Client(**settings)  # type: ignore[arg-type]


def test_tags_come_back_on_the_response() -> None:
    client = fmsdk.Client(providers={"fake": FakeProvider()})
    assert client.generate("fake:any", "Hi", tags={"job": "7"}).tags == (("job", "7"),)
    with client.stream("fake:any", "Hi", tags={"job": "8"}) as stream:
        list(stream)
    assert stream.response.tags == (("job", "8"),)


def test_a_misspelt_keyword_is_a_type_error() -> None:
    client = fmsdk.Client(providers={"fake": FakeProvider()})
    with pytest.raises(TypeError, match="max_tokens"):
        client.generate("fake:any", "Hi", max_tokens=5)  # type: ignore[call-arg]


def test_content_a_model_cannot_take_names_models_that_can() -> None:
    capabilities = fmsdk.Capabilities(input=frozenset({"text"}))
    client = fmsdk.Client(providers={"fake": FakeProvider(capabilities=capabilities)})
    image = fmsdk.Image("https://example.com/cat.jpg")
    with pytest.raises(fmsdk.UnsupportedContent, match="takes text, not image") as caught:
        client.generate("fake:any", ["What is this?", image])
    assert caught.value.part == "image"
    assert all(name in str(caught.value) for name in caught.value.alternatives)


@pytest.mark.parametrize("lenient", [False, True])
def test_a_setting_that_cannot_be_honoured_raises_or_warns(lenient: bool) -> None:
    capabilities = fmsdk.Capabilities(
        settings=frozenset({"temperature"}), tools=False, structured=False
    )
    provider = FakeProvider(capabilities=capabilities)
    client = fmsdk.Client(providers={"fake": provider})
    asked = {
        "seed": 1,
        "temperature": 0.1,
        "modalities": ["text", "audio"],
        "output": {"type": "object"},
        "tools": [fmsdk.Tool("look")],
        "lenient": lenient,
    }
    if not lenient:
        with pytest.raises(fmsdk.UnsupportedSetting, match="lenient=True"):
            client.generate("fake:any", "Hi", **asked)  # type: ignore[arg-type]
        assert not provider.requests
        return
    answer = client.generate("fake:any", "Hi", **asked)  # type: ignore[arg-type]
    lost = {warning.detail for warning in answer.warnings}
    assert lost == {"seed", "modalities", "output", "tools"}
    sent = provider.requests[0]
    assert sent.settings == fmsdk.Settings(temperature=0.1)
    assert (sent.tools, sent.output) == ((), None)


class TestLoad:
    def test_load_prepares_the_first_call(self) -> None:
        class Loading(FakeProvider):
            is_local = True
            loaded: ClassVar[list[str]] = []

            async def load(self, model: str) -> float:
                self.loaded.append(model)
                return 0.5

        provider = Loading()
        with fmsdk.Client(providers={"fake": provider}) as client:
            client.load("fake:one", "fake:two:small")
        assert provider.loaded == ["one", "two:small"]
        assert provider.requests == []

    def test_a_hosted_model_needs_its_key(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("OPENAI_API_KEY", raising=False)
        with pytest.raises(fmsdk.MissingKey):
            fmsdk.Client().load("openai:gpt-4o")
        fmsdk.Client(providers={"openai": {"api_key": "k"}}).load("openai:gpt-4o")

    def test_an_invalid_name(self) -> None:
        with pytest.raises(fmsdk.BadRequestError, match="provider:model"):
            fmsdk.Client().load("gpt-4o")
        with pytest.raises(fmsdk.UnknownProvider):
            fmsdk.Client().load("opnai:gpt-4o")


WRONG_SETTINGS: list[dict[str, Any]] = [
    *({"timeout": value} for value in ("x", "5", float("nan"), float("inf"), 0, -1, True, [1])),
    *({"idle_timeout": value} for value in ("x", float("nan"), 0, -1, False, {})),
    *({"retries": value} for value in ("2", 1.5, float("nan"), -1, True, [1])),
    *({"max_concurrency": value} for value in ("2", 1.5, 0, -1, True)),
    *({"fetch": value} for value in (5, "x", None, {})),
    *({"providers": value} for value in ("openai", ["openai"], 5)),
    *({"on_request": 5}, {"on_response": "x"}, {"clock": 5}),
]


@pytest.mark.parametrize("settings", WRONG_SETTINGS, ids=str)
@pytest.mark.parametrize("kind", [fmsdk.Client, fmsdk.AsyncClient])
def test_wrong_settings_of_a_client_are_one_error(kind: Any, settings: dict[str, Any]) -> None:
    with pytest.raises(fmsdk.BadRequestError) as caught:
        kind(**settings)
    assert next(iter(settings)) in str(caught.value).replace("FetchLimits", "fetch")


@pytest.mark.parametrize(
    "settings",
    [
        {"timeout": 5, "idle_timeout": None, "retries": 0},
        {"timeout": np.float32(5), "retries": np.int64(2), "max_concurrency": np.int8(1)},
        {"timeout": None, "max_concurrency": None},
    ],
    ids=str,
)
def test_settings_of_other_number_types_are_taken(settings: dict[str, Any]) -> None:
    with fmsdk.Client(providers={"fake": FakeProvider()}, **settings) as client:
        assert client.generate("fake:any", "hi").text == "hi"


@pytest.mark.parametrize("name", [spec.name for spec in fields(FetchLimits)])
@pytest.mark.parametrize("value", ["x", float("nan"), float("inf"), -1, None, [1]])
def test_wrong_limits_of_a_fetch_are_one_error(name: str, value: Any) -> None:
    with pytest.raises(fmsdk.BadRequestError, match=name):
        FetchLimits(**{name: value})
