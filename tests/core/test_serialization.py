"""JSON text and back: nothing is lost, for every value there is."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import fmsdk
from fmsdk.embedding import build_embed_request
from fmsdk.testing import FakeProvider

text = st.text(max_size=20)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=5,
)
objects = st.dictionaries(text | st.just("$"), json_values, max_size=3)
caches = st.sampled_from([False, True, "5m", "1h"])
sources = st.one_of(
    st.binary(max_size=30),
    st.builds("https://example.com/{}".format, st.integers(0)),
    st.builds(fmsdk.FileRef, text, text),
)
media = st.one_of(
    st.builds(fmsdk.Image, sources, detail=st.sampled_from([None, "low", "high"]), cache=caches),
    st.builds(fmsdk.Audio, sources),
    st.builds(fmsdk.Video, sources, mime_type=st.none() | text),
    st.builds(fmsdk.Document, sources, name=st.none() | text),
)
parts = st.one_of(
    st.builds(fmsdk.Text, text, cache=caches, refusal=st.booleans()),
    media,
    st.builds(fmsdk.Reasoning, text, st.none() | text, st.none() | text),
    st.builds(fmsdk.ToolCall, text, text, objects, st.none() | text, st.none() | text),
    st.builds(fmsdk.ToolResult, text, st.lists(media, max_size=2), is_error=st.booleans()),
)
messages = st.builds(
    fmsdk.Message, st.sampled_from(["system", "user", "assistant", "tool"]), st.lists(parts)
)
requests = st.builds(
    fmsdk.Request,
    provider=text,
    model=text,
    messages=st.lists(messages, max_size=3).map(tuple),
    system=st.none() | text,
    settings=st.builds(
        fmsdk.Settings,
        temperature=st.none() | st.floats(0, 2),
        stop=st.lists(text).map(tuple),
        choices=st.integers(1, 9),
    ),
    tools=st.lists(st.builds(fmsdk.Tool, text, text, objects), max_size=2).map(tuple),
    output=st.none() | objects.filter(bool),
    tags=st.lists(st.tuples(text, text), max_size=2).map(tuple),
    lenient=st.booleans(),
)
counts = st.none() | st.integers(0)
usages = st.builds(
    fmsdk.Usage,
    input=st.builds(fmsdk.InputUsage, total=counts, cache_read=counts, audio_seconds=st.none()),
    output=st.builds(fmsdk.OutputUsage, total=counts),
    source=st.sampled_from(["measured", "estimated", "unknown"]),
    raw=st.none() | objects.filter(bool),
)
money = st.decimals(0, 1000, allow_nan=False, allow_infinity=False)
costs = st.builds(
    fmsdk.Cost,
    total=money,
    price_source=text,
    lines=st.lists(
        st.builds(
            fmsdk.CostLine, kind=text, quantity=money, unit=text, unit_price=money, amount=money
        ),
        max_size=2,
    ).map(tuple),
)
responses = st.builds(
    fmsdk.Response,
    provider=text,
    model=text,
    choices=st.lists(
        st.builds(
            fmsdk.Choice,
            st.lists(parts, max_size=2).map(tuple),
            st.sampled_from(["stop", "length"]),
            st.none() | text,
            st.lists(st.builds(fmsdk.TokenLogprob, text, st.floats(-9, 0)), max_size=2).map(tuple),
        ),
        max_size=2,
    ).map(tuple),
    usage=usages,
    cost=st.none() | costs,
    latency=st.builds(
        fmsdk.Latency,
        total=st.floats(0, 9),
        attempts=st.lists(st.builds(fmsdk.Attempt, st.floats(0, 9)), max_size=2).map(tuple),
    ),
    warnings=st.lists(st.builds(fmsdk.Warning, text, text), max_size=2).map(tuple),
)


@given(st.one_of(parts, messages, requests, responses, usages, costs))
def test_round_trip_gives_equal_values(value: Any) -> None:
    assert fmsdk.from_json(fmsdk.to_json(value)) == value


@pytest.mark.parametrize("body", [b'{"ok": true}', b"\xff\xfe not text"])
def test_a_raw_body_keeps_its_bytes(body: bytes) -> None:
    answer = fmsdk.Response[Any](provider="p", model="m", choices=(), raw_body=body)
    assert fmsdk.from_json(fmsdk.to_json(answer)).raw_body == body


def test_a_file_is_serialized_by_bytes_or_path(tmp_path: Path) -> None:
    file = tmp_path / "x.pdf"
    file.write_bytes(b"%PDF-1.4\n%%EOF\n")
    part = fmsdk.Document(file)
    assert fmsdk.from_json(fmsdk.to_json(part)).read() == file.read_bytes()
    by_path = fmsdk.to_json(part, media="reference")
    assert len(by_path) < len(str(file)) + 100
    assert fmsdk.from_json(by_path, files=True) == part
    with pytest.raises(fmsdk.BadRequestError, match="media='bytes'"):
        fmsdk.to_json(fmsdk.Document(file.read_bytes()), media="reference")


def test_an_output_type_becomes_its_schema() -> None:
    @dataclass
    class City:
        name: str

    request = fmsdk.Request(provider="p", model="m", messages=(), output=City)
    back = fmsdk.from_json(fmsdk.to_json(request))
    assert back.output["title"] == "City"
    assert "name" in json.dumps(back.output)


def test_an_answer_read_back_has_the_same_output_in_plain_values() -> None:
    choice = fmsdk.Choice((fmsdk.Text('{"result": [1, 2]}'),), "stop")
    answer = fmsdk.Response[Any](provider="p", model="m", choices=(choice,), output_type=list[int])
    assert answer.output == [1, 2]
    assert fmsdk.from_json(fmsdk.to_json(answer)).output == [1, 2]


def test_samples_are_written_as_the_file_they_become() -> None:
    part = fmsdk.Audio([0.0, 0.5], rate=8000)
    back = fmsdk.from_json(fmsdk.to_json(part))
    assert back.read() == part.read()
    assert back.rate == 8000
    by_path = fmsdk.Audio("x.wav", rate=8000)
    assert fmsdk.from_json(fmsdk.to_json(by_path, media="reference"), files=True) == by_path


def test_provider_options_are_refused_with_the_way_out() -> None:
    request = fmsdk.Request(provider="p", model="m", messages=(), options=object())
    with pytest.raises(fmsdk.BadRequestError, match="options=None"):
        fmsdk.to_json(request)
    assert fmsdk.from_json(fmsdk.to_json(replace(request, options=None))).options is None


@pytest.mark.parametrize(
    "broken",
    [
        "",
        "[]",
        "[" * 100_000,
        "{}",
        '{"fmsdk": 2, "type": "Text", "value": {}}',
        '{"fmsdk": 1}',
        '{"fmsdk": 1, "value": {"$": "os.system"}}',
        '{"fmsdk": 1, "value": {"$": "Text"}}',
        '{"fmsdk": 1, "value": {"$": "Cost", "total": "x", "lines": [], "price_source": ""}}',
    ],
)
def test_foreign_json_is_one_clear_error(broken: str) -> None:
    with pytest.raises(fmsdk.BadRequestError):
        fmsdk.from_json(broken)


def test_money_keeps_every_digit() -> None:
    amount = Decimal("0.00000000000000000000000123")
    cost = fmsdk.Cost(total=amount, lines=(), price_source="x")
    assert fmsdk.from_json(fmsdk.to_json(cost)).total == amount


def test_embeddings_and_their_requests_are_kept() -> None:
    request = build_embed_request("fake:any", ["one", "two"], dimensions=3, tags={"a": "b"})
    assert fmsdk.from_json(fmsdk.to_json(request)) == request
    result = fmsdk.Client(providers={"fake": FakeProvider()}).embed("fake:any", ["one", "two"])
    assert fmsdk.from_json(fmsdk.to_json(result)) == result


def test_transcriptions_are_kept() -> None:
    speech = fmsdk.Transcription(
        provider="p", model="m", text="Hi", segments=(fmsdk.Segment(0.0, 1.5, "Hi"),)
    )
    assert fmsdk.from_json(fmsdk.to_json(speech)) == speech


def written(value: Any) -> str:
    return json.dumps({"fmsdk": 1, "type": value["$"], "value": value})


@pytest.mark.parametrize(
    "source",
    [
        *({"path": "/etc/passwd"}, "/etc/passwd", ["/etc/passwd"], {"url": "/etc/passwd"}),
        *({"url": "file:///etc/passwd"}, {"url": 5}, {"path": 5}, {"path": None}, 5, None, {}),
    ],
    ids=str,
)
@pytest.mark.parametrize("kind", ["Image", "Audio", "Video", "Document"])
def test_text_from_elsewhere_names_no_file(kind: str, source: Any) -> None:
    part = {"$": kind, "source": source}
    message = {"$": "Message", "role": "user", "parts": [part]}
    result = {"$": "ToolResult", "call_id": "x", "content": [part]}
    for value in (part, message, result):
        with pytest.raises(fmsdk.BadRequestError):
            fmsdk.from_json(written(value))


def test_a_file_is_taken_where_the_caller_trusts_the_text(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("text")
    text = fmsdk.to_json(fmsdk.Document(path), media="reference")
    with pytest.raises(fmsdk.BadRequestError, match="files=True"):
        fmsdk.from_json(text)
    assert fmsdk.from_json(text, files=True).read() == b"text"


@pytest.mark.parametrize(
    "value",
    [
        {"$": "Text", "text": 5},
        {"$": "Text", "text": None},
        {"$": "Text", "text": "x", "nonsense": 1},
        {"$": "Text"},
        {"$": ["Text"]},
        {"$": {}},
        {"$": "Message", "role": "user", "parts": [5]},
        {"$": "Message", "role": "user", "parts": "x"},
        {"$": "Message", "role": 5, "parts": []},
        {"$": "Request", "provider": "p", "model": "m", "messages": ["x"]},
        {"$": "Request", "provider": "p", "model": 5, "messages": []},
        {"$": "Settings", "temperature": "hot"},
        {"$": "Usage", "input": 5},
        {"$": "Cost", "total": []},
        {"$": "Image", "source": {"base64": 5}},
        {"$": "Image", "source": {"base64": "x", "mime": 5}},
        {"$": "ToolCall", "id": "x", "name": "y", "arguments": 5},
        {"$": "ToolResult", "call_id": 5},
        {"$": "Vectors", "dimensions": "x", "base64": ""},
    ],
    ids=str,
)
def test_wrong_types_are_one_error(value: Any) -> None:
    with pytest.raises(fmsdk.BadRequestError):
        fmsdk.from_json(written(value))


@pytest.mark.parametrize("depth", [300, 990, 5000, 100_000])
def test_nesting_without_end_is_one_error(depth: int) -> None:
    inside = '{"$":"ToolResult","call_id":"x","content":[' * depth + "]}" * depth
    for text in (f'{{"fmsdk":1,"type":"ToolResult","value":{inside}}}', "[" * depth, "{" * depth):
        with pytest.raises(fmsdk.BadRequestError):
            fmsdk.from_json(text)
    for odd in (b"\xff", "", "5", "null", '"x"', "[]"):
        with pytest.raises(fmsdk.BadRequestError):
            fmsdk.from_json(odd)
    for odd in (5, None, ["x"]):
        with pytest.raises(fmsdk.BadRequestError):
            fmsdk.from_json(odd)  # pyright: ignore[reportArgumentType]
