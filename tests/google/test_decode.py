"""Answers as Google sends them, as values: whole, in chunks, and what is wrong with some."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fmsdk.content import Audio, Image, Reasoning, Text, ToolCall
from fmsdk.errors import ContentFiltered, IncompleteStream, InvalidResponse, ServerError
from fmsdk.request import Message, build
from fmsdk.response import Finished, MediaDelta, TokenLogprob
from fmsdk_google.decode import decoder
from fmsdk_google.encode import encode
from tests.support.google.decoding import REQUEST, answer, both, events, whole
from tests.support.google.provider import USAGE, accumulate_events, chunk
from tests.support.pricing import amounts, bill

DATA = base64.b64encode(b"\x89PNG").decode()


# --- parts ---


def test_text() -> None:
    found = both("Hel", "lo.", usageMetadata=USAGE)
    assert found.parts == (Text("Hello."),)
    assert (found.finish, found.finish_raw) == ("stop", "STOP")
    assert (found.request_id, found.served_model) == ("r1", "m-1")
    assert found.raw["usageMetadata"] == USAGE


def test_the_header_names_a_request_that_the_body_does_not() -> None:
    assert whole(chunk("a") | {"responseId": None}).request_id == "from-header"


def test_thoughts() -> None:
    found = both({"text": "Hm. ", "thought": True}, {"text": "Ah.", "thought": True}, "Yes.")
    assert found.parts == (
        Reasoning("Hm. Ah.", "google", '{"thought":true}'),
        Text("Yes."),
    )


def test_signed_parts_are_not_merged_with_others() -> None:
    found = both(
        "One, ", {"text": "two.", "thoughtSignature": "s1"}, {"text": "", "thoughtSignature": "s2"}
    )
    assert found.parts == (
        Text("One, "),
        Text("two."),
        Reasoning("", "google", '{"thoughtSignature":"s1"}'),
        Reasoning("", "google", '{"text":"","thoughtSignature":"s2"}'),
    )
    assert found.text == "One, two."


def test_calls() -> None:
    found = both(
        {"functionCall": {"name": "now", "id": "x1"}, "thoughtSignature": "s1"},
        {"functionCall": {"name": "now", "args": None}},
        {"functionCall": {"name": "add", "args": {"a": 1, "b": [2.5]}}},
    )
    assert found.tool_calls == (
        ToolCall("x1", "now", {}, None, "google", '{"thoughtSignature":"s1"}'),
        ToolCall("call_1_r1", "now"),
        ToolCall("call_2_r1", "add", {"a": 1, "b": [2.5]}),
    )
    assert found.finish == "tool_calls"


def test_split_tool_call_is_refused_rather_than_guessed() -> None:
    pieces = {"functionCall": {"name": "f", "partialArgs": [], "willContinue": True}}
    with pytest.raises(InvalidResponse, match="streamFunctionCallArguments"):
        events(chunk(pieces))


def test_server_tools_of_google_are_no_tool_calls() -> None:
    code = {"executableCode": {"language": "PYTHON", "code": "1+1"}}
    result = {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "2"}}
    searched = {"toolCall": {"toolType": "GOOGLE_SEARCH_WEB"}, "thoughtSignature": "s"}
    found = both(code, result, searched, "Two.")
    assert found.tool_calls == ()
    assert found.finish == "stop"
    opaque = [part.opaque or "" for part in found.parts if isinstance(part, Reasoning)]
    assert [json.loads(text) for text in opaque] == [code, result, searched]


def test_pictures_and_sound() -> None:
    picture = {"inlineData": {"mimeType": "image/png", "data": DATA}, "thoughtSignature": "s"}
    samples = {"inlineData": {"mimeType": "audio/L16;codec=pcm;rate=24000", "data": DATA}}
    file = {"inlineData": {"mimeType": "audio/wav", "data": DATA}}
    found = both(picture, samples, samples, file, file)
    assert found.parts == (
        Image(b"\x89PNG", mime_type="image/png"),
        Reasoning("", "google", '{"thoughtSignature":"s"}'),
        Audio(b"\x89PNG" * 2, mime_type="audio/L16;codec=pcm;rate=24000"),
        Audio(b"\x89PNG", mime_type="audio/wav"),
        Audio(b"\x89PNG", mime_type="audio/wav"),
    )
    first = events(chunk(picture))[0]
    assert first == MediaDelta("image", b"\x89PNG", "image/png")


def test_sketches_and_files_are_kept_whole() -> None:
    sketch = {"inlineData": {"mimeType": "image/png", "data": DATA}, "thought": True}
    table = {"inlineData": {"mimeType": "text/csv", "data": DATA}}
    found = both(sketch, table, {}, {"text": ""})
    opaque = [part.opaque for part in found.parts if isinstance(part, Reasoning)]
    assert [json.loads(text or "") for text in opaque] == [sketch, table]
    assert len(found.parts) == 2


def test_broken_media() -> None:
    with pytest.raises(InvalidResponse, match="base64"):
        whole(chunk({"inlineData": {"mimeType": "image/png", "data": "%%"}}))


# --- choices, probabilities, finishes ---


def test_choices() -> None:
    request = build("google:m", "Hello", choices=3)
    bodies = [chunk("a"), chunk("b", candidate={"index": 1})]
    candidates = [body["candidates"][0] for body in bodies]
    found = whole({"candidates": candidates[::-1]}, request)
    assert [choice.parts for choice in found.choices] == [(Text("a"),), (Text("b"),)]
    assert [(w.code, w.detail) for w in found.warnings] == [("setting_ignored", "choices")]
    streamed = accumulate_events(events(*bodies, request=request), request)
    assert streamed.choices == found.choices


def test_probabilities() -> None:
    result = {
        "chosenCandidates": [{"token": "a", "logProbability": -0.1}, {"token": "b"}],
        "topCandidates": [{"candidates": [{"token": "a", "logProbability": -0.1}]}],
    }
    expected = (TokenLogprob("a", -0.1, (("a", -0.1),)), TokenLogprob("b", 0.0))
    body = chunk("ab", candidate={"logprobsResult": result})
    assert whole(body).logprobs == expected
    assert accumulate_events(events(body), REQUEST).logprobs == expected
    lone = chunk(candidate={"logprobsResult": result})
    assert accumulate_events(events(chunk("ab", finish=None), lone), REQUEST).logprobs == expected
    assert accumulate_events(events(chunk("ab", finish=None), lone), REQUEST).parts == (Text("ab"),)


@pytest.mark.parametrize(
    ("word", "finish"),
    [
        ("STOP", "stop"),
        ("MAX_TOKENS", "length"),
        ("SAFETY", "content_filter"),
        ("RECITATION", "content_filter"),
        ("BLOCKLIST", "content_filter"),
        ("PROHIBITED_CONTENT", "content_filter"),
        ("SPII", "content_filter"),
        ("IMAGE_SAFETY", "content_filter"),
        ("MALFORMED_FUNCTION_CALL", "other"),
        ("A_WORD_OF_NEXT_YEAR", "other"),
    ],
)
def test_finishes(word: str, finish: str) -> None:
    found = both(finish=word)
    assert (found.parts, found.finish, found.finish_raw) == ((), finish, word)


def test_finish_message_of_google_is_a_warning() -> None:
    odd = chunk(finish="MALFORMED_FUNCTION_CALL", candidate={"finishMessage": "print(x)"})
    (warning,) = whole(odd).warnings
    assert (warning.code, warning.message) == (
        "finish_message",
        "MALFORMED_FUNCTION_CALL: print(x)",
    )
    usual = chunk(
        {"functionCall": {"name": "f"}}, candidate={"finishMessage": "Model generated calls."}
    )
    assert whole(usual).warnings == ()


# --- usage ---


def usage(**fields: Any) -> Any:
    return whole(chunk("a", usageMetadata=fields)).usage


def test_usage_by_modality() -> None:
    told = usage(
        promptTokenCount=300,
        cachedContentTokenCount=100,
        candidatesTokenCount=20,
        thoughtsTokenCount=50,
        toolUsePromptTokenCount=40,
        totalTokenCount=410,
        promptTokensDetails=[
            {"modality": "TEXT", "tokenCount": 10},
            {"modality": "IMAGE", "tokenCount": 258},
            {"modality": "DOCUMENT", "tokenCount": 32},
        ],
        toolUsePromptTokensDetails=[{"modality": "TEXT", "tokenCount": 40}],
        candidatesTokensDetails=[{"modality": "IMAGE", "tokenCount": 20}],
        serviceTier="flex",
    )
    assert (told.input.total, told.input.cache_read, told.input.text) == (340, 100, 50)
    assert (told.input.image, told.input.document, told.input.audio) == (258, 32, None)
    assert (told.output.total, told.output.reasoning, told.output.image) == (70, 50, 20)
    assert (told.source, told.service_tier) == ("measured", "flex")


def test_cached_tokens_are_billed_by_modality() -> None:
    told = whole(
        chunk(
            "a",
            modelVersion="gemini-2.5-flash",
            usageMetadata={
                "promptTokenCount": 1000,
                "cachedContentTokenCount": 800,
                "candidatesTokenCount": 10,
                "totalTokenCount": 1010,
                "promptTokensDetails": [
                    {"modality": "TEXT", "tokenCount": 200},
                    {"modality": "AUDIO", "tokenCount": 800},
                ],
                "cacheTokensDetails": [{"modality": "AUDIO", "tokenCount": 800}],
            },
        )
    )
    assert (told.usage.input.cache_read_audio, told.usage.input.cache_read_image) == (800, None)
    assert amounts(bill("google:gemini-2.5-flash", told.usage)) == {
        "input": (200, Decimal("0.3")),
        "cache read audio": (800, Decimal("0.1")),
        "output": (10, Decimal("2.5")),
    }


@pytest.mark.parametrize(
    ("fields", "figures"),
    [
        ({"promptTokenCount": 14, "totalTokenCount": 14}, (14, 0, "measured")),
        ({"candidatesTokenCount": 5, "totalTokenCount": 9}, (None, 5, "measured")),
        ({"trafficType": "ON_DEMAND"}, (None, None, "unknown")),
        ({"promptTokenCount": "many"}, (None, None, "unknown")),
        ({}, (None, None, "unknown")),
    ],
)
def test_omitted_usage_fields(fields: dict[str, Any], figures: tuple[Any, ...]) -> None:
    told = usage(**fields)
    assert (told.input.total, told.output.total, told.source) == figures
    assert told.raw == (fields or None)


@pytest.mark.parametrize(
    ("traffic", "tier"),
    [
        ("ON_DEMAND", "standard"),
        ("ON_DEMAND_PRIORITY", "priority"),
        ("PROVISIONED_THROUGHPUT", "provisioned_throughput"),
    ],
)
def test_vertexs_tiers(traffic: str, tier: str) -> None:
    assert usage(trafficType=traffic, promptTokenCount=1).service_tier == tier


def test_stream_usage_counts_are_running_totals() -> None:
    counted = [
        {"trafficType": "ON_DEMAND"},
        {"promptTokenCount": 9, "candidatesTokenCount": 1},
        {"candidatesTokenCount": 4, "thoughtsTokenCount": 2},
    ]
    chunks = [chunk("a", finish=None, usageMetadata=one) for one in counted]
    told = accumulate_events(events(*chunks, chunk()), REQUEST).usage
    assert (told.input.total, told.output.total, told.service_tier) == (9, 6, "standard")


def test_usage_of_a_broken_stream() -> None:
    stream = decoder(answer())
    assert stream.usage() is None
    stream.decode_event(json.dumps(chunk("a", finish=None, usageMetadata=USAGE)).encode())
    told = stream.usage()
    assert told is not None
    assert (told.input.total, told.output.total, told.source) == (9, 3, "estimated")


# --- what is wrong ---


def test_a_refused_prompt_is_an_error_that_keeps_the_bill() -> None:
    body = {
        "promptFeedback": {"blockReason": "PROHIBITED_CONTENT", "blockReasonMessage": "No."},
        "usageMetadata": {"promptTokenCount": 8, "totalTokenCount": 8},
        "responseId": "r9",
    }
    for read in (whole, events):
        with pytest.raises(ContentFiltered, match=r"PROHIBITED_CONTENT \(No\.\)") as caught:
            read(body)
        assert not caught.value.retryable
        assert caught.value.request_id == "r9"
        assert caught.value.partial.usage.input.total == 8


@pytest.mark.parametrize(
    "body", [{}, {"candidates": []}, {"usageMetadata": USAGE}, [], "text", {"candidates": 1}]
)
def test_empty_error_bodies(body: Any) -> None:
    with pytest.raises(InvalidResponse):
        whole(body)


def test_an_error_with_status_200() -> None:
    error = {"error": {"code": 503, "message": "busy", "status": "UNAVAILABLE"}}
    for read in (whole, events):
        with pytest.raises(ServerError) as caught:
            read(error)
        assert caught.value.status == 503


@pytest.mark.parametrize(
    "chunks",
    [
        [chunk("a", finish=None)],
        [chunk("a"), chunk("b", finish=None, candidate={"index": 1})],
        [{"usageMetadata": USAGE}],
    ],
)
def test_streams_that_end_too_soon(chunks: list[Any]) -> None:
    with pytest.raises(IncompleteStream, match="a finish reason"):
        events(*chunks)


# --- there and back ---

TEXTS = st.text(min_size=1, max_size=8)
SIGNATURES = st.sampled_from(["c2ln", "bmF0dXJl"])
SIGNED = SIGNATURES.map(lambda signature: {"thoughtSignature": signature})
MAYBE_SIGNED = st.one_of(st.just({}), SIGNED)
ARGS = st.dictionaries(TEXTS, st.one_of(st.integers(-9, 9), TEXTS, st.booleans()), max_size=2)
CONTENT: st.SearchStrategy[dict[str, Any]] = st.one_of(
    TEXTS.map(lambda text: {"text": text}),
    TEXTS.map(lambda text: {"text": text, "thought": True}),
    st.builds(
        lambda key, args: {"functionCall": {"id": key, "name": "f", "args": args}}, TEXTS, ARGS
    ),
    TEXTS.map(lambda code: {"executableCode": {"language": "PYTHON", "code": code}}),
    st.just({"inlineData": {"mimeType": "image/png", "data": DATA}}),
    st.just({"inlineData": {"mimeType": "image/png", "data": DATA}, "thought": True}),
)
PARTS = st.one_of(
    st.builds(lambda part, signed: part | signed, CONTENT, MAYBE_SIGNED),
    SIGNED.map(lambda signed: {"text": ""} | signed),
)


def merged(parts: Sequence[dict[str, Any]], *, stream: bool) -> list[dict[str, Any]]:
    """Unsigned text and thoughts that stand side by side, as one; in a stream also the signed end
    of a thought."""
    found: list[dict[str, Any]] = []
    for part in parts:
        kind = part.keys() - {"thoughtSignature"}
        goes_on = part.keys() == kind or (stream and part.get("thought"))
        if "text" in part and goes_on and found and found[-1].keys() == kind:
            found[-1] = found[-1] | part | {"text": found[-1]["text"] + part["text"]}
        else:
            found.append(part)
    return found


@settings(deadline=None)
@given(st.lists(PARTS, min_size=1, max_size=6), st.booleans())
def test_an_answer_goes_back_as_it_came(parts: list[dict[str, Any]], stream: bool) -> None:
    if stream:
        read = accumulate_events(
            events(*[chunk(part, finish=None) for part in parts], chunk()), REQUEST
        )
    else:
        read = whole(chunk(*parts))
    turns = [Message("user", "?"), read.message, Message("user", "!")]
    asked = build("google:gemini-2.5-flash", turns)  # which marks no calls of its own accord
    sent = encode(asked, vertex=False, root="/v1beta", stream=False)
    contents = json.loads(bytes(sent.body))["contents"]
    assert contents[1] == {"role": "model", "parts": merged(parts, stream=stream)}
    assert sent.warnings == ()


def test_last_event_has_the_whole_response() -> None:
    last = events(chunk("a", finish=None), chunk("", usageMetadata=USAGE))[-1]
    assert isinstance(last, Finished)
    assert last.finishes == (("stop", "STOP"),)
    assert last.raw_body is not None
    assert json.loads(last.raw_body)["usageMetadata"] == USAGE
