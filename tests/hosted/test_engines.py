"""A real engine behind the wires: llama.cpp's server with SmolLM2-135M, on all three APIs it has.

Its answers say little, but they are real: sampled token by token, streamed as they come. It now
and then closes a reused connection unanswered, or leaves the beginning out of a stream, which the
client's retries and its decoders take care of.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import fmsdk
from fmsdk.response import Event, TextDelta
from tests.support.llamacpp import CONTEXT, needs_engine, running_engine
from tests.support.llamacpp_projector import write_projector

pytestmark = needs_engine
MODEL = "mine:smollm2"
FRANCE = {"temperature": 0, "max_output_tokens": 24, "prompt": "What is the capital of France?"}
PICTURES = Path(__file__).resolve().parents[2] / "examples" / "media"
APIS: dict[str, dict[str, str]] = {
    "chat": {"wire": "openai", "api": "chat", "below": "/v1"},
    "responses": {"wire": "openai", "api": "responses", "below": "/v1"},
    "messages": {"wire": "anthropic", "api_key": "none", "below": ""},
}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    path = tmp_path_factory.mktemp("projector") / "mmproj.gguf"
    with running_engine(write_projector(path)) as running:
        yield running


@pytest.fixture(params=APIS)
def api(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def client(api: str, root: str) -> Iterator[fmsdk.Client]:
    options = dict(APIS[api])
    options["base_url"] = root + options.pop("below")
    with fmsdk.Client(providers={"mine": options}, retries=4) as made:
        yield made


def stream(client: fmsdk.Client, prompt: Any, **asked: Any) -> tuple[list[Event], Any]:
    with client.stream(MODEL, prompt, **asked) as running:
        events = list(running)
    return events, running.response


def test_plain_and_streamed_answers_agree(client: fmsdk.Client) -> None:
    plain = client.generate(MODEL, **FRANCE)
    events, streamed = stream(client, **FRANCE)
    assert plain.text
    assert streamed.text == plain.text
    assert sum(isinstance(event, TextDelta) for event in events) > 5
    for answer in (plain, streamed):
        assert answer.usage.source == "measured"
        assert answer.usage.output.total == 24
        assert answer.served_model
        assert answer.cost is None
    assert plain.usage.input.total > 10
    assert 0 < streamed.latency.time_to_first_token < streamed.latency.total


def test_a_conversation_with_system_prompt_and_tools(client: fmsdk.Client) -> None:
    tool = fmsdk.Tool("weather", "The weather in a city")
    turns = [
        fmsdk.Message("user", "Weather in Paris?"),
        fmsdk.Message("assistant", fmsdk.ToolCall("c1", "weather", {"city": "Paris"})),
        fmsdk.Message("tool", fmsdk.ToolResult("c1", "Sunny, 20 degrees")),
    ]
    asked: dict[str, Any] = {"system": "Be brief.", "tools": [tool], "temperature": 0}
    plain = client.generate(MODEL, turns, max_output_tokens=16, **asked)
    _, streamed = stream(client, turns, max_output_tokens=16, **asked)
    assert streamed.text == plain.text != ""


def test_a_picture_is_seen(client: fmsdk.Client) -> None:
    asked: dict[str, Any] = {"max_output_tokens": 8, "temperature": 0}
    picture = fmsdk.Image(PICTURES / "red_triangle.png")
    blind = client.generate(MODEL, "What is this?", **asked)
    plain = client.generate(MODEL, [picture, "What is this?"], **asked)
    _, streamed = stream(client, [picture, "What is this?"], **asked)
    assert plain.usage.input.total > blind.usage.input.total
    assert streamed.text == plain.text != blind.text


def test_stream_after_stream_on_one_connection(client: fmsdk.Client) -> None:
    asked: dict[str, Any] = {**FRANCE, "max_output_tokens": 4}
    texts = {stream(client, **asked)[1].text for _ in range(15)}
    assert texts == {client.generate(MODEL, **asked).text}


def test_leaving_early_frees_the_engine(client: fmsdk.Client) -> None:
    usual = client.generate(MODEL, **FRANCE).latency.total
    with client.stream(MODEL, "Count to one thousand.", max_output_tokens=900) as running:
        assert next(iter(running))
    assert running.response.finish == "cancelled"
    # The engine serves one at a time; the 900 tokens would have taken 37 times as long as these.
    assert client.generate(MODEL, **FRANCE).latency.total < 10 * usual


def test_a_context_too_long(client: fmsdk.Client) -> None:
    with pytest.raises(fmsdk.ContextTooLong) as caught:
        client.generate(MODEL, "word " * 3000)
    assert caught.value.limit == CONTEXT
    assert (caught.value.tokens or 0) > 3000


def test_a_stop_string(client: fmsdk.Client, api: str) -> None:
    cut = client.generate(MODEL, **FRANCE)
    stop = cut.text.split()[1]
    if api == "responses":
        with pytest.raises(fmsdk.UnsupportedSetting, match="stop"):
            client.generate(MODEL, stop=stop, **FRANCE)
        return
    assert cut.finish == "length"  # which this server's Responses does not say
    stopped = client.generate(MODEL, stop=stop, **FRANCE)
    assert stopped.finish == "stop"
    assert stop not in stopped.text
