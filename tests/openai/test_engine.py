"""A real engine behind OpenAI's wire, llama.cpp's server with SmolLM2-135M, as far as that wire or
a server's name alone has it. What its three APIs have in common, `tests/hosted` tries.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from PIL import Image as PillowImage

import fmsdk
from fmsdk import registry
from tests.support.llamacpp import needs_engine, running_engine
from tests.support.llamacpp_projector import write_projector

pytestmark = needs_engine
MODEL = "mine:smollm2"
FRANCE = {"temperature": 0, "max_output_tokens": 24, "prompt": "What is the capital of France?"}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with running_engine() as root:
        yield f"{root}/v1"


@pytest.fixture(scope="module")
def seeing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    path = tmp_path_factory.mktemp("engine") / "mmproj.gguf"
    with running_engine(write_projector(path)) as root:
        yield f"{root}/v1"


@dataclass
class City:
    name: str


def test_structured_output_and_logprobs_on_chat(url: str) -> None:
    mine = {"wire": "openai", "base_url": url}
    with fmsdk.Client(providers={"mine": mine}, retries=4) as client:
        answer = client.generate(MODEL, "Name the capital of France.", output=City, temperature=0)
        asked: dict[str, Any] = {"temperature": 0, "max_output_tokens": 4}
        with client.stream(MODEL, "Hello", logprobs=2, **asked) as running:
            list(running)
    streamed = running.response
    assert isinstance(answer.output, City)
    assert json.loads(answer.text) == {"name": answer.output.name}
    assert answer.finish == "stop"
    assert "".join(token.token for token in streamed.logprobs) == streamed.text
    assert [len(token.top) for token in streamed.logprobs] == [2] * 4


# --- by its own name, with what it tells of itself ---

OWN = "llamacpp:smollm2"


def named(url: str) -> fmsdk.Client:
    return fmsdk.Client(providers={"llamacpp": {"base_url": url}}, retries=4)


def test_an_engine_that_runs_is_listed_as_usable(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLAMACPP_BASE_URL", url)
    (row,) = (row for row in registry.usable_models() if row.name == "llamacpp:…")
    assert row.usable
    assert re.fullmatch(rf"runs at {url}: SmolLM2\S+\.gguf", row.note)
    with fmsdk.Client() as client:
        assert client.generate("llamacpp:smollm2", **FRANCE).text


def square(color: str, format: str = "PNG") -> fmsdk.Image:
    buffer = io.BytesIO()
    PillowImage.new("RGB", (60, 40), color).save(buffer, format)
    return fmsdk.Image(buffer.getvalue())


def test_an_engine_reports_missing_capabilities(url: str) -> None:
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
    counts = {answer.usage.input.total - plain.usage.input.total for answer in (red, again, blue)}
    assert len(counts) == 1
    assert counts.pop() > 0
    assert running.response.text == red.text != blue.text
