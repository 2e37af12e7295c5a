"""What `print`, notebooks and `to_dict` show of values: short, readable, and without media."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import fmsdk
from fmsdk import Audio, Document, Image, Message, Reasoning, Text, ToolCall, ToolResult, Video
from fmsdk.testing import FakeProvider
from fmsdk.usage import CostLine
from tests.support.media_files import picture, wav

PRICE = Decimal("0.0000012345678901234567890")
COST = fmsdk.Cost(
    total=PRICE,
    lines=(
        CostLine(
            kind="input", quantity=Decimal(9), unit="token", unit_price=PRICE / 9, amount=PRICE
        ),
    ),
    price_source="a table",
)
USAGE = fmsdk.Usage(
    input=fmsdk.InputUsage(total=9, cache_read=4),
    output=fmsdk.OutputUsage(total=3),
    source="estimated",
    raw={"prompt_tokens": 9},
)


def answer(*parts: fmsdk.Part, **fields: Any) -> fmsdk.Response[Any]:
    choices = (fmsdk.Choice(parts, "stop"), fmsdk.Choice((Text("another"),), "stop"))
    return fmsdk.Response(
        provider="openai", model="small", choices=choices, usage=USAGE, cost=COST, **fields
    )


CALL = ToolCall("1", "weather", {"city": "Paris", "days": 2})


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (answer(Reasoning("hm"), Text("It is "), Text("Paris.")), "It is Paris."),
        (answer(Text("I cannot.", refusal=True)), "I cannot."),
        (answer(CALL, CALL), "weather(city='Paris', days=2)\nweather(city='Paris', days=2)"),
        (answer(Image(b"x" * 99)), "Image(<99 bytes>)"),
        (answer(), ""),
        (fmsdk.Choice((Text("Look:"), Image(b"xy")), "stop"), "Look:\nImage(<2 bytes>)"),
        (Text("Paris"), "Paris"),
        (Reasoning("hm", "openai", "opaque"), "hm"),
        (ToolCall("1", "f", {}, raw='{"a'), 'f({"a)'),
        (ToolResult("1", ["20", Image(b"x")]), "20\nImage(<1 bytes>)"),
        (Message("user", ["What?", Image(b"x")]), "user: What?\nImage(<1 bytes>)"),
        (USAGE, "~9 tokens in (4 cached), ~3 tokens out"),
        (fmsdk.Usage(), "tokens unknown"),
        (USAGE.input, "total 9, cache_read 4"),
        (fmsdk.OutputUsage(), "unknown"),
        (COST, "$0.00000123"),
        (COST.lines[0], "input: $0.00000123 for 9 × token"),
        (fmsdk.Range(Decimal("0.001"), Decimal("0.01"), Decimal(1)), "$0.0100 ($0.00100 to $1.00)"),
        (fmsdk.Range(1, 2, 3), "2 (1 to 3)"),
        (fmsdk.Latency(total=2.0, load=1.0), "2.00 s (1.00 s loading)"),
        (fmsdk.Warning("refused", "it was refused"), "it was refused"),
        (fmsdk.Transcription(provider="a", model="b", text="Hello."), "Hello."),
    ],
)
def test_text_of_a_value(value: object, text: str) -> None:
    assert str(value) == text


def test_quote_is_one_line() -> None:
    with fmsdk.Client() as client:
        quote = client.quote("openai:gpt-5.6-sol", "Hi", max_output_tokens=10)
    assert str(quote).startswith("~7 tokens in, ~10 out · ~$0.000")
    assert str(quote).count("at most $") == 1
    html = quote._repr_html_()  # pyright: ignore[reportPrivateUsage]
    assert "openai:gpt-5.6-sol" in html
    assert quote.to_dict()["input_tokens"] == {"low": 6, "expected": 7, "high": 9}
    assert json.loads(json.dumps(quote.to_dict())) == quote.to_dict()


MARKUP = "<script>alert('&')</script>"


@pytest.mark.parametrize(
    "value",
    [
        answer(Text(MARKUP), CALL, warnings=(fmsdk.Warning("refused", MARKUP),)),
        answer(Text(MARKUP, refusal=True), served_model=MARKUP),
        answer(ToolCall("1", MARKUP, {MARKUP: MARKUP})),
        answer(Image(f"https://example.com/{MARKUP}.png"), Document(MARKUP)),
        Image(MARKUP),
        Image(f"https://example.com/{MARKUP}.png"),
        Image(fmsdk.FileRef("openai", MARKUP)),
        Image(MARKUP.encode(), mime_type=MARKUP),
        Image(picture("PNG", (8, 8)), mime_type=f'image/png" onload="{MARKUP}'),
        Video(MARKUP),
        fmsdk.Transcription(provider=MARKUP, model=MARKUP, text=MARKUP),
    ],
    ids=lambda value: type(value).__name__,
)
def test_markup_is_escaped(value: Any) -> None:
    html: str = value._repr_html_()
    assert "<script" not in html
    assert "onload=" not in html


def test_url_is_not_fetched_by_the_notebook() -> None:
    html: str = answer(Image("https://example.com/a.png?id=1"))._repr_html_()  # pyright: ignore[reportPrivateUsage]
    assert "<img" not in html


@pytest.mark.parametrize(
    ("part", "tag"),
    [
        (Image(picture("PNG", (8, 8))), '<img src="data:image/png;base64,'),
        (Image(picture("JPEG", (8, 8))), '<img src="data:image/jpeg;base64,'),
        (Audio(wav(0.1)), '<audio controls src="data:audio/wav;base64,'),
    ],
)
def test_media_of_an_answer_are_shown(part: Any, tag: str) -> None:
    assert tag in part._repr_html_()
    whole = answer(Text("Here."), part)
    assert tag in whole._repr_html_()  # pyright: ignore[reportPrivateUsage]
    assert "base64" not in repr(whole) + str(whole)


def test_large_picture_is_named_only(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(picture("PNG", (8, 8)) + bytes(5 << 20))
    html: str = Image(path)._repr_html_()  # pyright: ignore[reportPrivateUsage]
    assert "base64" not in html
    assert "a.png" in html


def test_records_are_plain() -> None:
    response = answer(Text("Paris"), CALL, raw_body=b"{}", tags=(("a", "b"),))
    record = response.to_dict()
    assert json.loads(json.dumps(record)) == record
    assert (record["text"], record["cost"]["total"]) == ("Paris", f"{PRICE:f}")
    assert record["tool_calls"][0]["arguments"] == {"city": "Paris", "days": 2}
    assert record["tool_calls"][0]["raw"] is None
    assert record["usage"] == USAGE.to_dict()
    assert "raw" not in record["usage"]
    client = fmsdk.Client(providers={"fake": FakeProvider()})
    vectors = client.embed("fake:x", ["a", "b"]).to_dict()
    assert [len(vector) for vector in vectors["vectors"]] == [len(vectors["vectors"][0])] * 2
    segment = fmsdk.Segment(0.0, 1.0, "Hello.")
    speech = fmsdk.Transcription(provider="a", model="b", text="Hello.", segments=(segment,))
    assert speech.to_dict()["segments"] == [{"start": 0.0, "end": 1.0, "text": "Hello."}]


def test_a_call_whose_arguments_are_broken_is_not_shown_without_any() -> None:
    call = fmsdk.ToolCall("1", "look", {}, '{"city": "Par')
    answer = fmsdk.Response[Any](
        provider="p", model="m", choices=(fmsdk.Choice((call,), "length"),)
    )
    expected = {"id": "1", "name": "look", "arguments": {}, "raw": '{"city": "Par'}
    assert answer.to_dict()["tool_calls"] == [expected]
