"""Texts to vectors over real sockets: every wire that has them, what comes back and what breaks."""

from __future__ import annotations

import base64
import struct
from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

import fmsdk
from fmsdk.pipeline import retry
from tests.support.google.provider import FakeCredentials
from tests.support.scripted_server import Answer, ReceivedRequest, run_server

UNIT = [0.6, 0.8]
LONG = [3.0, 4.0]


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "BASE_DELAY", 0.001)


def in_base64(vector: Sequence[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


def openai_body(vectors: Sequence[Any], **fields: Any) -> dict[str, Any]:
    data = [{"index": n, "embedding": vector} for n, vector in enumerate(vectors)]
    usage = {"prompt_tokens": 3 * len(data), "total_tokens": 3 * len(data)}
    return {"data": data, "model": "served-1", "usage": usage, **fields}


def ollama_body(vectors: Sequence[Any]) -> dict[str, Any]:
    return {"model": "served-1", "embeddings": vectors, "prompt_eval_count": 3 * len(vectors)}


def studio_body(vectors: Sequence[Any]) -> dict[str, Any]:
    details = [{"modality": "TEXT", "tokenCount": 3 * len(vectors)}]
    return {
        "embeddings": [{"values": vector} for vector in vectors],
        "usageMetadata": {
            "promptTokenCount": 3 * len(vectors),
            "promptTokenDetails": details,
        },
    }


def predict_body(vectors: Sequence[Any]) -> dict[str, Any]:
    return {
        "predictions": [
            {"embeddings": {"values": vector, "statistics": {"token_count": 3}}}
            for vector in vectors
        ]
    }


def content_body(vectors: Sequence[Any]) -> dict[str, Any]:
    (vector,) = vectors
    return {"embedding": {"values": vector}, "usageMetadata": {"promptTokenCount": 3}}


def studio_texts(body: Any) -> list[str]:
    return [text for item in body["requests"] for text in _parts(item["content"])]


def _parts(content: Any) -> list[str]:
    (part,) = content["parts"]
    return [part["text"]]


@dataclass(frozen=True)
class Wire:
    """One way to ask: the model's full name, options of its provider, and how its bodies look."""

    model: str
    path: str
    body: Callable[[Sequence[Any]], dict[str, Any]] = openai_body
    texts: Callable[[Any], list[str]] = lambda body: body["input"]
    dimensions: Callable[[Any], Any] = lambda body: body["dimensions"]
    limit: int = 2048
    options: Mapping[str, Any] = field(default_factory=lambda: {"api_key": "k"})
    base: str = "/v1"

    @property
    def provider(self) -> str:
        return self.model.partition(":")[0]

    def client(self, root: str, **settings: Any) -> fmsdk.Client:
        options = {"base_url": root + self.base, **self.options}
        return fmsdk.Client(providers={self.provider: options}, **settings)


def vertex() -> dict[str, Any]:
    return {"vertex": True, "project": "p", "credentials": FakeCredentials()}


_VERTEX = "/v1beta1/projects/p/locations/global/publishers/google/models"
WIRES = {
    "openai": Wire("openai:text-embedding-3-small", "/v1/embeddings"),
    "mistral": Wire(
        "mistral:mistral-embed",
        "/v1/embeddings",
        dimensions=lambda body: body["output_dimension"],
        limit=512,
    ),
    "vllm": Wire("vllm:org/embedder", "/v1/embeddings"),
    "llamacpp": Wire("llamacpp:bge", "/v1/embeddings"),
    "lmstudio": Wire("lmstudio:nomic", "/v1/embeddings"),
    "ollama": Wire("ollama:bge-m3", "/api/embed", ollama_body),
    "studio": Wire(
        "google:gemini-embedding-2",
        "/v1beta/models/gemini-embedding-2:batchEmbedContents",
        studio_body,
        studio_texts,
        lambda body: body["requests"][0]["outputDimensionality"],
        limit=100,
        base="",
    ),
    "vertex": Wire(
        "google:gemini-embedding-2",
        f"{_VERTEX}/gemini-embedding-2:batchEmbedContents",
        studio_body,
        studio_texts,
        lambda body: body["requests"][0]["embedContentConfig"]["outputDimensionality"],
        limit=100,
        options=vertex(),
        base="",
    ),
    "predict": Wire(
        "google:text-embedding-005",
        f"{_VERTEX}/text-embedding-005:predict",
        predict_body,
        lambda body: [one["content"] for one in body["instances"]],
        lambda body: body["parameters"]["outputDimensionality"],
        limit=250,
        options=vertex(),
        base="",
    ),
    "maas": Wire(
        "google:intfloat/multilingual-e5-small-maas",
        f"{_VERTEX.replace('/google/', '/intfloat/')}/multilingual-e5-small-maas:embedContent",
        content_body,
        lambda body: _parts(body["content"]),
        lambda body: body["embedContentConfig"]["outputDimensionality"],
        limit=1,
        options=vertex(),
        base="",
    ),
}


@pytest.fixture(params=WIRES)
def wire(request: pytest.FixtureRequest) -> Wire:
    return WIRES[request.param]


def numbered(wire: Wire) -> Callable[[ReceivedRequest], Answer]:
    """Answers every text "n" with a vector that names it."""
    return lambda request: Answer(
        wire.body([[float(text), 1.0] for text in wire.texts(request.body)])
    )


class TestEveryWire:
    def test_one_vector_for_each_text(self, wire: Wire) -> None:
        count = min(3, wire.limit)
        with (
            run_server(Answer(wire.body([UNIT] * count))) as server,
            wire.client(server.root) as client,
        ):
            result = client.embed(wire.model, ["one", "two", "three"][:count], tags={"a": "b"})
        (seen,) = server.seen
        assert seen.path == wire.path
        assert wire.texts(seen.body) == ["one", "two", "three"][:count]
        assert result.vectors.shape == (count, 2)
        assert list(result.vectors[0]) == pytest.approx(UNIT)
        assert (result.normalized, result.warnings) == (True, ())
        assert result.usage.input.total == 3 * count
        assert result.usage.source == "measured"
        assert result.tags == (("a", "b"),)
        assert len(result.latency.attempts) == 1

    def test_more_texts_than_one_request_takes_come_back_in_order(self, wire: Wire) -> None:
        texts = [str(number) for number in range(2 * wire.limit + 1)]
        with run_server(numbered(wire)) as server, wire.client(server.root) as client:
            result = client.embed(wire.model, texts)
        assert sorted(len(wire.texts(seen.body)) for seen in server.seen) == sorted(
            [1, wire.limit, wire.limit]
        )
        assert [vector[0] for vector in result.vectors] == [float(text) for text in texts]
        assert result.usage.input.total == 3 * len(texts)
        assert result.normalized is False
        assert [w.code for w in result.warnings] == ["vectors_unnormalized"]

    def test_dimensions_go_by_the_name_that_the_server_has(self, wire: Wire) -> None:
        with run_server(Answer(wire.body([UNIT]))) as server, wire.client(server.root) as client:
            assert client.embed(wire.model, "one", dimensions=2).dimensions == 2
        assert wire.dimensions(server.seen[0].body) == 2

    def test_other_dimensions_than_asked_for(self, wire: Wire) -> None:
        with run_server(Answer(wire.body([UNIT]))) as server, wire.client(server.root) as client:
            with pytest.raises(fmsdk.InvalidResponse, match="vectors of 2 dimensions"):
                client.embed(wire.model, "one", dimensions=3)
            assert len(server.seen) == 1
            lenient = client.embed(wire.model, "one", dimensions=3, lenient=True)
        assert lenient.dimensions == 2
        assert [(w.code, w.detail) for w in lenient.warnings] == [("setting_ignored", "dimensions")]

    def test_transient_failure_is_retried(self, wire: Wire) -> None:
        busy = Answer({"error": {"message": "busy"}}, 503)
        with (
            run_server(busy, Answer(wire.body([UNIT]))) as server,
            wire.client(server.root) as client,
        ):
            result = client.embed(wire.model, "one")
        assert [attempt.status for attempt in result.latency.attempts] == [503, None]

    @pytest.mark.parametrize(
        "vectors",
        [[], [UNIT, UNIT], [[]], [[1e39, 0.0]], [[None, 1.0]]],
        ids=["none", "too many", "empty", "beyond float32", "null"],
    )
    def test_invalid_vectors(self, wire: Wire, vectors: list[Any]) -> None:
        if wire.limit == 1 and len(vectors) != 1:
            pytest.skip("its shape holds one vector")
        with (
            run_server(Answer(wire.body(vectors))) as server,
            wire.client(server.root, retries=0) as client,
            pytest.raises(fmsdk.InvalidResponse),
        ):
            client.embed(wire.model, "one")

    @pytest.mark.parametrize("texts", ["", " \n", ["one", ""], [], [b"one"], 7])
    def test_nothing_without_content_is_sent(self, wire: Wire, texts: Any) -> None:
        with (
            run_server(Answer()) as server,
            wire.client(server.root) as client,
            pytest.raises(fmsdk.BadRequestError),
        ):
            client.embed(wire.model, texts)
        assert not server.seen


class TestOpenAI:
    wire = WIRES["openai"]

    def embed(self, body: Any, texts: Any = "one", wire: Wire = wire, **asked: Any) -> Any:
        with run_server(Answer(body)) as server, wire.client(server.root) as client:
            return client.embed(wire.model, texts, **asked), server.seen

    def test_numbers_are_read_by_what_they_are(self) -> None:
        for wire in (self.wire, WIRES["vllm"], WIRES["lmstudio"]):
            coded, _ = self.embed(openai_body([in_base64(UNIT)]), wire=wire)
            plain, _ = self.embed(openai_body([UNIT]), wire=wire)
            assert coded.vectors == plain.vectors

    @pytest.mark.parametrize(
        ("name", "encoding"), [("vllm", "base64"), ("lmstudio", "float"), ("mistral", "float")]
    )
    def test_the_encoding_asked_for(self, name: str, encoding: str) -> None:
        _, received = self.embed(openai_body([UNIT]), wire=WIRES[name])
        assert received[0].body["encoding_format"] == encoding

    @pytest.mark.parametrize("data", ["AAAA", "AAAAA", "%", ""])
    def test_broken_base64(self, data: str) -> None:
        with pytest.raises(fmsdk.InvalidResponse):
            self.embed(openai_body([data]))

    def test_vectors_are_sorted_by_their_index(self) -> None:
        body = openai_body([UNIT, LONG])
        body["data"].reverse()
        result, _ = self.embed(body, ["one", "two"])
        assert list(result.vectors[1]) == LONG

    def test_missing_indexes_are_allowed_and_wrong_ones_are_not(self) -> None:
        body = openai_body([UNIT, LONG])
        del body["data"][0]["index"], body["data"][1]["index"]
        result, _ = self.embed(body, ["one", "two"])
        assert list(result.vectors[1]) == LONG
        body = openai_body([UNIT, LONG])
        body["data"][0]["index"] = 1
        with pytest.raises(fmsdk.InvalidResponse, match="indexes"):
            self.embed(body, ["one", "two"])

    def test_no_usage_is_estimated_and_so_is_the_cost(self) -> None:
        body = openai_body([UNIT], model="text-embedding-3-small")
        del body["usage"]
        result, _ = self.embed(body)
        assert result.usage.source == "estimated"
        assert result.usage.input.total > 0
        assert result.cost.source == "estimated"

    def test_the_cost_is_that_of_all_requests_once(self) -> None:
        body = openai_body([UNIT], model="text-embedding-3-small")
        result, _ = self.embed(body)
        assert result.cost.total == Decimal(3) * Decimal("2E-8")
        assert result.served_model == "text-embedding-3-small"
        with run_server(numbered(self.wire)) as server, self.wire.client(server.root) as client:
            many = client.embed(self.wire.model, [str(n) for n in range(2049)])
        assert many.cost is None  # "served-1" has no price

    def test_a_retry_asks_for_the_failed_part_alone(self) -> None:
        failed: list[ReceivedRequest] = []

        def answer(request: ReceivedRequest) -> Answer:
            if "2048" in request.body["input"] and not failed:
                failed.append(request)
                return Answer({"error": {"message": "busy"}}, 503)
            return numbered(self.wire)(request)

        texts = [str(number) for number in range(2049)]
        with run_server(answer) as server, self.wire.client(server.root) as client:
            result = client.embed(self.wire.model, texts)
        assert len(result.vectors) == 2049
        sizes = [len(seen.body["input"]) for seen in server.seen]
        assert sizes.count(1) == 2
        assert [a.error for a in result.latency.attempts] == ["ServerError", None]

    def test_an_error_has_what_was_paid_for(self) -> None:
        def answer(request: ReceivedRequest) -> Answer:
            if "2048" in request.body["input"]:
                return Answer({"error": {"message": "no such model"}}, 404)
            return numbered(self.wire)(request)

        texts = [str(number) for number in range(4097)]
        with (
            run_server(answer) as server,
            self.wire.client(server.root) as client,
            pytest.raises(fmsdk.ModelNotFound) as caught,
        ):
            client.embed(self.wire.model, texts)
        partial = caught.value.partial
        assert partial is None or len(partial.vectors) in (0, 2048)
        assert caught.value.attempts

    def test_long_texts_are_split_by_their_tokens(self) -> None:
        wire = WIRES["mistral"]
        texts = ["word " * 8000] * 3
        with (
            run_server(lambda r: Answer(openai_body([UNIT] * len(r.body["input"])))) as server,
            wire.client(server.root) as client,
        ):
            assert len(client.embed(wire.model, texts).vectors) == 3
        assert [len(seen.body["input"]) for seen in server.seen] == [1, 1, 1]

    def test_options_that_embeddings_lack(self) -> None:
        from fmsdk_openai import OpenAIOptions

        options = OpenAIOptions(user="u", verbosity="low", extra_body={"x": 1})
        with pytest.raises(fmsdk.UnsupportedSetting, match=r"options\.verbosity"):
            self.embed(openai_body([UNIT]), options=options)
        result, received = self.embed(openai_body([UNIT]), options=options, lenient=True)
        assert received[0].body["user"] == "u"
        assert received[0].body["x"] == 1
        assert [w.code for w in result.warnings] == ["setting_dropped"]

    def test_together_takes_no_dimensions(self) -> None:
        wire = Wire("together:intfloat/e5", "/v1/embeddings")
        with pytest.raises(fmsdk.UnsupportedSetting, match="dimensions"):
            self.embed(openai_body([UNIT]), wire=wire, dimensions=2)
        _, received = self.embed(openai_body([UNIT]), wire=wire)
        assert received[0].body == {"model": "intfloat/e5", "input": ["one"]}

    @pytest.mark.parametrize("name", ["groq", "deepseek", "xai"])
    def test_a_server_without_embeddings(self, name: str) -> None:
        with run_server(Answer()) as server:
            client = Wire(f"{name}:m", "").client(server.root)
            with pytest.raises(fmsdk.BadRequestError, match=f"{name} has no embeddings"):
                client.embed(f"{name}:m", "one")
        assert not server.seen

    @pytest.mark.parametrize(
        ("name", "message", "kind"),
        [
            (
                "llamacpp",
                "input (513 tokens) is too large to process. increase the physical batch size",
                fmsdk.ContextTooLong,
            ),
            ("ollama", "failed to encode response: json: unsupported value: NaN", None),
        ],
    )
    def test_failures_that_do_not_pass_are_not_tried_again(
        self, name: str, message: str, kind: type[fmsdk.FmsdkError] | None
    ) -> None:
        wire = WIRES[name]
        with (
            run_server(Answer({"error": {"message": message}}, 500)) as server,
            wire.client(server.root) as client,
            pytest.raises(kind or fmsdk.InvalidResponse) as caught,
        ):
            client.embed(wire.model, "one")
        assert len(server.seen) == 1
        assert caught.value.status == 500

    def test_ollama_is_asked_not_to_truncate(self) -> None:
        _, received = self.embed(ollama_body([UNIT]), wire=WIRES["ollama"])
        assert received[0].body == {"model": "bge-m3", "input": ["one"], "truncate": False}


class TestGoogle:
    def test_the_price_is_googles(self) -> None:
        wire = WIRES["studio"]
        with run_server(Answer(studio_body([UNIT]))) as server, wire.client(server.root) as client:
            result = client.embed(wire.model, "one")
        assert result.cost is not None
        assert result.cost.total == Decimal(3) * Decimal("2E-7")

    def test_each_text_is_a_content_of_its_own_with_its_task(self) -> None:
        from fmsdk_google import GoogleOptions

        wire = WIRES["studio"]
        with (
            run_server(Answer(studio_body([UNIT] * 2))) as server,
            wire.client(server.root) as client,
        ):
            client.embed(wire.model, ["one", "two"], options=GoogleOptions(task_type="CLUSTERING"))
        assert server.seen[0].body == {
            "requests": [
                {
                    "model": "models/gemini-embedding-2",
                    "content": {"parts": [{"text": text}]},
                    "taskType": "CLUSTERING",
                }
                for text in ("one", "two")
            ]
        }

    @pytest.mark.parametrize("name", ["vertex", "predict", "maas"])
    def test_vertex_is_asked_not_to_truncate(self, name: str) -> None:
        wire = WIRES[name]
        with run_server(Answer(wire.body([UNIT]))) as server, wire.client(server.root) as client:
            client.embed(wire.model, "one")
        assert b'"autoTruncate":false' in server.seen[0].raw

    def test_server_side_truncation_is_a_warning(self) -> None:
        body = predict_body([UNIT, UNIT])
        body["predictions"][1]["embeddings"]["statistics"]["truncated"] = True
        wire = WIRES["predict"]
        with run_server(Answer(body)) as server, wire.client(server.root) as client:
            result = client.embed(wire.model, ["one", "two"])
        assert [w.code for w in result.warnings] == ["input_truncated"]

    def test_older_answers_tell_no_usage(self) -> None:
        wire = WIRES["studio"]
        body = {"embeddings": [{"values": UNIT}]}
        with run_server(Answer(body)) as server, wire.client(server.root) as client:
            result = client.embed(wire.model, "one")
        assert result.usage.source == "estimated"
        assert result.usage.input.total > 0


def test_a_provider_without_the_verb() -> None:
    client = fmsdk.Client(providers={"anthropic": {"api_key": "k"}})
    with pytest.raises(fmsdk.BadRequestError, match="anthropic has no embeddings"):
        client.embed("anthropic:claude", "one")


class TestVectors:
    vectors = fmsdk.Vectors(array("f", [1, 2, 3, 4, 5, 6]), 3)

    def test_numpy_takes_them_without_a_copy(self) -> None:
        values = array("f", [1, 2, 3, 4])
        vectors = fmsdk.Vectors(values, 2)
        taken = np.asarray(vectors)
        assert (taken.shape, taken.dtype) == ((2, 2), np.float32)
        values[0] = 9.0
        assert taken[0, 0] == np.asarray(vectors.view)[0, 0] == 9.0

    def test_embeddings_are_a_sequence(self) -> None:
        assert [list(vector) for vector in self.vectors] == [[1, 2, 3], [4, 5, 6]]
        assert list(self.vectors[-1]) == [4, 5, 6]
        assert self.vectors[1:].shape == (1, 3)
        assert self.vectors[::-1] == fmsdk.Vectors(array("f", [4, 5, 6, 1, 2, 3]), 3)
        with pytest.raises(IndexError):
            self.vectors[2]
        assert repr(self.vectors) == "<2 vectors of 3 dimensions>"
        assert self.vectors[2:].shape == (0, 3)
        assert np.asarray(self.vectors[2:]).shape == (0, 3)

    def test_bytes_and_back(self) -> None:
        assert fmsdk.Vectors.from_bytes(self.vectors.to_bytes(), 3) == self.vectors

    def test_numbers_that_make_up_no_vectors(self) -> None:
        with pytest.raises(ValueError, match="are no vectors of"):
            fmsdk.Vectors(array("f", [1, 2, 3]), 2)
