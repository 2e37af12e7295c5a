"""Whatever conversation is encoded, each of its parts is in the body, once and in its order."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from fmsdk.content import Audio, Document, FileRef, Image, Reasoning, Text, ToolCall, ToolResult
from fmsdk.request import Message, build
from fmsdk_google.encode import encode
from tests.support.google.encoding import PDF, PNG, WAV

WORDS = st.text(min_size=1, max_size=6)
TEXT = WORDS.map(Text)
MEDIA = st.one_of(
    st.just(Image(PNG)),
    st.just(Audio(WAV)),
    WORDS.map(lambda name: Document(PDF, name=name)),
    st.integers(0, 9).map(lambda n: Image(FileRef("google", f"gs://bucket/{n}.png"))),
)
SIGNATURE = st.sampled_from(["s1", "s2"]).map(lambda s: json.dumps({"thoughtSignature": s}))
THOUGHT = st.builds(Reasoning, WORDS, st.just("google"), st.just('{"thought":true}'))
MARK = SIGNATURE.map(lambda opaque: Reasoning("", "google", opaque))
ARGS = st.dictionaries(WORDS, st.integers(-9, 9), max_size=2)
CALL = st.builds(ToolCall, WORDS, WORDS, ARGS, st.none(), st.just("google"), SIGNATURE)
RESULT_CONTENT = st.lists(st.one_of(TEXT, st.just(Image(PNG)), st.just(Document(PDF))), max_size=3)


@st.composite
def turns(draw: st.DrawFn) -> list[Message]:
    """A question; then rounds of answers with calls, their results, and further questions."""
    found = [Message("user", ["?", *draw(st.lists(st.one_of(TEXT, MEDIA), max_size=4))])]
    for _ in range(draw(st.integers(0, 3))):
        said = draw(st.lists(st.one_of(TEXT, THOUGHT, MARK), max_size=3))
        calls = draw(st.lists(CALL, max_size=2, unique_by=lambda call: call.id))
        if said or calls:
            found.append(Message("assistant", [*said, *calls]))
        results = [
            ToolResult(call.id, draw(RESULT_CONTENT), is_error=draw(st.booleans()))
            for call in calls
        ]
        if draw(st.booleans()):
            found += [Message("tool", result) for result in results]
        elif results:
            found.append(Message("user", [*results, draw(TEXT)]))
        found.append(Message("user", draw(TEXT)))
    return found


def expected(messages: list[Message]) -> Iterator[Any]:
    for message in messages:
        for part in message.parts:
            yield from _leaves(part)


def _leaves(part: Any) -> Iterator[Any]:
    match part:
        case Text():
            yield part.text
        case Reasoning():
            if part.text:
                yield part.text
            yield from json.loads(part.opaque or "{}").values()
        case ToolCall():
            yield part.id, part.name, dict(part.arguments)
            yield json.loads(part.opaque or "{}")["thoughtSignature"]
        case ToolResult():
            yield part.call_id, part.is_error
            yield from sorted((leaf for piece in part.content for leaf in _leaves(piece)), key=str)
        case _:
            yield part.file.id if part.file else base64.b64encode(part.read()).decode()
            yield from [part.name] if isinstance(part, Document) and part.name else []


def found(contents: list[Any]) -> Iterator[Any]:
    for turn in contents:
        for part in turn["parts"]:
            yield from _sent(part)


def _sent(part: dict[str, Any]) -> Iterator[Any]:
    if "functionCall" in part:
        call = part["functionCall"]
        yield call["id"], call["name"], call["args"]
    elif "functionResponse" in part:
        result = part["functionResponse"]
        ((outcome, said),) = result["response"].items()
        yield result["id"], outcome == "error"
        texts = [said] if isinstance(said, str) else said
        inner = [leaf for piece in result.get("parts", ()) for leaf in _sent(piece)]
        yield from sorted([*(text for text in texts if text), *inner], key=str)
    elif data := part.get("inlineData") or part.get("fileData"):
        yield data.get("data") or data["fileUri"]
        yield from [data["displayName"]] if "displayName" in data else []
    elif part["text"]:
        yield part["text"]
    yield from [True] if part.get("thought") else []
    yield from [part["thoughtSignature"]] if "thoughtSignature" in part else []


@settings(deadline=None)
@given(turns(), st.booleans(), st.booleans())
def test_no_part_is_lost(messages: list[Message], vertex: bool, stream: bool) -> None:
    request = build("google:gemini-3.8-flash", messages, system="Be brief.")
    sent = encode(request, vertex=vertex, root="/v1beta", stream=stream)
    body = json.loads(bytes(sent.body))
    assert list(found(body["contents"])) == list(expected(messages))
    assert body["systemInstruction"] == {"parts": [{"text": "Be brief."}]}
    assert sent.warnings == ()
