"""fmsdk's values as pydantic's types: models, `TypeAdapter`s, endpoints of FastAPI."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import jsonschema
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from pydantic import BaseModel, TypeAdapter, ValidationError

import fmsdk
from fmsdk.embedding import build_embed_request
from fmsdk.serialization import CLASSES
from fmsdk.testing import FakeProvider


@dataclass
class City:
    name: str


CITY = fmsdk.Response[City](
    provider="fake",
    model="any",
    choices=(fmsdk.Choice((fmsdk.Text('{"name": "Paris"}'),), "stop"),),
    output_type=City,
    warnings=(fmsdk.Warning("refused", "no"),),
)
MESSAGE = fmsdk.Message(
    "user",
    [
        fmsdk.Text("Hi", cache="5m"),
        fmsdk.Image(b"abc", detail="low"),
        fmsdk.Audio("https://example.com/a.wav"),
        fmsdk.Document(fmsdk.FileRef("openai", "file-1"), name="a.pdf"),
        fmsdk.Reasoning("Well", "openai", "{}"),
        fmsdk.ToolCall("1", "look", {"x": [1, None]}),
        fmsdk.ToolResult("1", [fmsdk.Image(b"abc"), "done"]),
    ],
)
REQUEST = fmsdk.Request(
    provider="fake",
    model="any",
    messages=(MESSAGE,),
    settings=fmsdk.Settings(stop=("a",), temperature=1),
    tools=(fmsdk.Tool("look"),),
    tags=(("team", "blue"),),
    output={"type": "object"},
)
CLIENT = fmsdk.Client(providers={"fake": FakeProvider(price_id="openai")})
COST = fmsdk.Cost(
    total=Decimal("0.1"),
    price_source="test",
    lines=(
        fmsdk.CostLine(
            kind="input",
            quantity=Decimal(1),
            unit="token",
            unit_price=Decimal("0.1"),
            amount=Decimal("0.1"),
        ),
    ),
)
VALUES: list[Any] = [
    *(MESSAGE, *MESSAGE.parts, REQUEST, REQUEST.settings, CITY, COST),
    build_embed_request("fake:any", ["one"]),
    CLIENT.generate("fake:any", "Hello"),
    CLIENT.embed("fake:any", ["one", "two"]),
    CLIENT.quote("fake:gpt-5.6-sol", "Hello", max_output_tokens=9),
    fmsdk.TokenCount(provider="p", model="m", tokens=3, by_modality={"text": 2, "image": 1}),
    fmsdk.Transcription(
        provider="p", model="m", text="Hi", segments=(fmsdk.Segment(0.0, 1.5, "Hi"),)
    ),
    fmsdk.Usage(input=fmsdk.InputUsage(total=3), raw={"a": 1}),
    fmsdk.Latency(total=1.0, attempts=(fmsdk.Attempt(1.0),)),
    fmsdk.Range(1, 2, 3),
]


def name_of(value: Any) -> str:
    return type(value).__name__


def test_values_of_every_public_class_are_tried() -> None:
    public = {name for name in CLASSES if name in fmsdk.__all__}
    inner = {"Choice", "CostLine", "FileRef", "InputUsage", "OutputUsage", "Segment", "Tool"}
    others = {"Attempt", "Device", "Timings", "TokenLogprob", "Video", "Warning"}
    assert public - {name_of(value) for value in VALUES} <= inner | others


@pytest.mark.parametrize("value", VALUES, ids=name_of)
def test_a_type_adapter_reads_and_writes_what_to_json_writes(value: Any) -> None:
    adapter = TypeAdapter(type(value))
    text = adapter.dump_json(value)
    assert json.loads(text) == json.loads(fmsdk.to_json(value))
    assert adapter.validate_json(text) == fmsdk.from_json(text) == value
    assert adapter.validate_python(adapter.dump_python(value)) == value
    assert adapter.validate_python(value) is value
    jsonschema.validate(json.loads(text), adapter.json_schema())


@pytest.mark.parametrize("value", VALUES, ids=name_of)
def test_the_json_of_another_kind_is_refused(value: Any) -> None:
    other = fmsdk.to_json(fmsdk.Video(b"abc"))
    with pytest.raises(ValidationError, match="JSON of Video"):
        TypeAdapter(type(value)).validate_json(other)


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_untrusted_json_is_a_validation_error(name: str) -> None:
    adapter: TypeAdapter[Any] = TypeAdapter(CLASSES[name])
    for value in (None, 3, "x", [], {}, {"fmsdk": 1}, {"fmsdk": 1, "value": {"$": name, "x": 1}}):
        with pytest.raises(ValidationError):
            adapter.validate_python(value)


@pytest.mark.parametrize("kind", ["Image", "Audio", "Video", "Document"])
def test_untrusted_json_opens_no_file_of_this_machine(kind: str) -> None:
    part = {"$": kind, "source": {"path": "/etc/passwd"}}
    document = {"fmsdk": 1, "type": kind, "value": part}
    with pytest.raises(ValidationError, match="names a file of this machine"):
        TypeAdapter(getattr(fmsdk, kind)).validate_python(document)
    message = {"$": "Message", "role": "user", "parts": [part]}
    with pytest.raises(ValidationError, match="names a file of this machine"):
        TypeAdapter(list[fmsdk.Message]).validate_python([{**document, "value": message}])


def test_a_subscripted_response_gets_its_type_back() -> None:
    adapter = TypeAdapter(fmsdk.Response[City])
    assert adapter.validate_json(adapter.dump_json(CITY)).output == City("Paris")
    plain = TypeAdapter(fmsdk.Response)
    assert plain.validate_json(plain.dump_json(CITY)).output == {"name": "Paris"}


class Turn(BaseModel):
    part: fmsdk.Part | str
    earlier: tuple[fmsdk.Message, ...] = ()
    answer: fmsdk.Response[Any] | None = None


@pytest.mark.parametrize("part", [*MESSAGE.parts, "text"], ids=name_of)
def test_a_field_of_a_union_keeps_its_kind(part: Any) -> None:
    turn = Turn(part=part, earlier=(MESSAGE,), answer=CITY)
    assert Turn.model_validate_json(turn.model_dump_json()) == turn
    assert Turn.model_validate(turn.model_dump()) == turn


# In the module: FastAPI evaluates annotations by its names.
app = FastAPI()


@app.post("/ask")
def ask(turn: Turn) -> fmsdk.Response[str]:
    return CLIENT.generate("fake:any", [*turn.earlier, turn.part])


@app.post("/quote")
def quote(request: fmsdk.Request) -> fmsdk.Quote:
    return CLIENT.quote("fake:any", request)


@app.post("/last")
def last(messages: list[fmsdk.Message]) -> fmsdk.Message:
    return messages[-1]


def test_fastapi_takes_and_gives_values_and_describes_them() -> None:
    with TestClient(app) as http:
        asked = Turn(part="Hello there", earlier=(fmsdk.Message("user", "Hi"),))
        answer = http.post("/ask", json=asked.model_dump(mode="json"))
        assert fmsdk.from_json(answer.text).text == "Hello there"
        text_request = fmsdk.Request(
            provider="p", model="m", messages=(fmsdk.Message("user", "Hi"),)
        )
        quoted = http.post("/quote", json=json.loads(fmsdk.to_json(text_request)))
        assert isinstance(fmsdk.from_json(quoted.text), fmsdk.Quote)
        echo = http.post("/last", json=[json.loads(fmsdk.to_json(MESSAGE))])
        assert fmsdk.from_json(echo.text) == MESSAGE
        refused = http.post("/last", json=[{"role": "user", "content": "Hi"}])
        assert (refused.status_code, "to_json" in refused.text) == (422, True)
        schemas = http.get("/openapi.json").json()["paths"]["/quote"]["post"]
        body = schemas["requestBody"]["content"]["application/json"]["schema"]
    assert "messages" in body["properties"]["value"]["properties"]


def test_import_needs_no_pydantic() -> None:
    program = "import sys, fmsdk; fmsdk.Response[int]; print('pydantic_core' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"
