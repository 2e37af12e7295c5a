"""Zeros are no measurement: no request is empty, and no answer with content."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

import fmsdk
from fmsdk.response import Response
from fmsdk.usage import InputUsage, OutputUsage, Usage, without_false_zeros
from tests.support.hosted.subjects import KEY, SUBJECTS, Subject
from tests.support.scripted_server import Answer, run_server

each = pytest.mark.parametrize("subject", SUBJECTS, ids=repr)
COUNTS = {
    "openai-chat": ("prompt_tokens", "completion_tokens"),
    "openai-responses": ("input_tokens", "output_tokens"),
    "anthropic": ("input_tokens", "output_tokens"),
    "google": ("promptTokenCount", "candidatesTokenCount"),
}
PRICED = {"openai": "gpt-4o", "anthropic": "claude-sonnet-4-5", "google": "gemini-2.5-flash"}


def with_counts(subject: Subject, value: Any, counts: tuple[int, ...]) -> Any:
    """The value with these counts in every usage object within, of a model that has a price."""
    if isinstance(value, list):
        return [with_counts(subject, inner, counts) for inner in value]
    if not isinstance(value, dict):
        return PRICED[subject.provider] if value == "m-1" else value
    names = dict(zip(COUNTS[subject.name], counts, strict=True))
    return {
        key: names if key in names else with_counts(subject, inner, counts)
        for key, inner in value.items()
        if key not in ("usage", "usageMetadata")
    } | {key: dict(names) for key in ("usage", "usageMetadata") if key in value}


def ask(subject: Subject, answer: Answer) -> Response[Any]:
    model = f"{subject.provider}:{PRICED[subject.provider]}"
    with (
        run_server(answer) as server,
        subject.sync_client(server.root, retries=0) as client,
    ):
        if answer.pieces is None:
            return client.generate(model, "Hi")
        with client.stream(model, "Hi") as stream:
            list(stream)
        return stream.response


def changed_event(subject: Subject, event: bytes, counts: tuple[int, int]) -> bytes:
    head, data, payload = event.decode().partition("data: ")
    if "[DONE]" in payload:
        return event
    document = with_counts(subject, json.loads(payload), counts)
    return f"{head}{data}{json.dumps(document)}\n\n".encode()


@each
@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ((0, 0), (None, None)),
        ((0, 7), (None, 7)),
        ((7, 0), (7, None)),
        ((7, 5), (7, 5)),
    ],
)
def test_zeros_beside_an_answer_are_estimated(
    subject: Subject, streamed: bool, counts: tuple[int, int], expected: tuple[Any, Any]
) -> None:
    if streamed:
        events = subject.wire.events("Hel", "lo.")
        answer = Answer(pieces=[changed_event(subject, event, counts) for event in events])
    else:
        answer = Answer(with_counts(subject, subject.wire.body("Hello."), counts))
    response = ask(subject, answer)
    assert response.text == "Hello."
    totals = (response.usage.input.total, response.usage.output.total)
    assert all(
        total == known or (known is None and total)
        for total, known in zip(totals, expected, strict=True)
    )
    source = "estimated" if None in expected else "measured"
    assert (response.usage.source, response.cost.source) == (source, source)
    assert response.cost.total > 0


@each
@pytest.mark.parametrize("last", [(0, 0), (1000, 0), (0, 200)])
def test_a_last_event_of_zeros_replaces_no_count(subject: Subject, last: tuple[int, int]) -> None:
    events = subject.wire.events("Hel", "lo.")
    pieces = [changed_event(subject, event, (1000, 200)) for event in events]
    ends = [n for n, event in enumerate(events) if b"sage" in event.partition(b"data: ")[2]]
    if subject.name == "openai-chat":
        pieces.insert(ends[-1] + 1, changed_event(subject, events[ends[-1]], last))
    elif subject.name == "openai-responses":
        pieces[ends[-1]] = changed_event(subject, events[ends[-1]], last)
        first = json.loads(events[0].partition(b"data: ")[2])
        first["response"]["usage"] = {"input_tokens": 1000, "output_tokens": 200}
        pieces[0] = f"data: {json.dumps(first)}\n\n".encode()
    else:
        pieces[ends[-1]] = changed_event(subject, events[ends[-1]], last)
    response = ask(subject, Answer(pieces=pieces))
    assert (response.usage.input.total, response.usage.output.total) == (1000, 200)
    assert response.cost is not None


@each
def test_zeros_of_a_stream_that_breaks_are_estimated(subject: Subject) -> None:
    events = subject.wire.events("Hel", "lo.")
    zeros = [changed_event(subject, event, (0, 0)) for event in events][:3]
    with (
        run_server(Answer(pieces=zeros, then="reset")) as server,
        subject.sync_client(server.root, retries=0) as client,
        pytest.raises(fmsdk.FmsdkError) as caught,
    ):
        list(client.stream(subject.model, "Hi"))
    usage = caught.value.partial.usage
    assert usage.source == "estimated"
    assert usage.input.total
    assert usage.output.total


EMBEDDED = {
    "openai:text-embedding-3-small": {
        "data": [{"index": 0, "embedding": [1.0, 0.0]}],
        "usage": {"prompt_tokens": 0, "total_tokens": 0},
    },
    "google:gemini-embedding-001": {
        "embeddings": [{"values": [1.0, 0.0]}],
        "usageMetadata": {"promptTokenCount": 0, "totalTokenCount": 0},
    },
}


@pytest.mark.parametrize("model", EMBEDDED)
def test_zeros_beside_vectors_are_estimated(model: str) -> None:
    provider = model.partition(":")[0]
    with run_server(Answer(EMBEDDED[model])) as server:
        options = {"api_key": KEY, "base_url": server.root}
        with fmsdk.Client(providers={provider: options}, retries=0) as client:
            answer = client.embed(model, "Hi")
    assert answer.usage.source == "estimated"
    assert answer.usage.input.total
    assert answer.cost.source == "estimated"


def test_one_batch_of_zeros_makes_the_sum_an_estimate() -> None:
    sizes: list[int] = []

    def reply(request: Any) -> Answer:
        count = len(request.body["input"])
        sizes.append(count)
        data = [{"index": n, "embedding": [1.0, 0.0]} for n in range(count)]
        return Answer({"data": data, "usage": {"prompt_tokens": count if count > 1 else 0}})

    with run_server(reply) as server:
        options = {"api_key": KEY, "base_url": server.root}
        with fmsdk.Client(providers={"openai": options}, retries=0) as client:
            answer = client.embed("openai:text-embedding-3-small", ["x"] * 2049)
    assert len(sizes) > 1
    assert answer.usage.source == "estimated"
    assert answer.usage.input.total >= 2049
    assert answer.cost.source == "estimated"


def test_what_counts_as_a_false_zero() -> None:
    zero = Usage(input=InputUsage(total=0), output=OutputUsage(total=0), source="measured")
    free = Usage(
        input=InputUsage(total=5),
        output=OutputUsage(total=0),
        source="measured",
        charged=Decimal(0),
    )
    speech = Usage(
        input=InputUsage(total=0, audio_seconds=3.0), output=OutputUsage(total=0), source="measured"
    )
    assert without_false_zeros(zero, has_output=False) == Usage()
    assert without_false_zeros(free, has_output=False) is free
    assert without_false_zeros(free, has_output=True).charged == 0
    assert without_false_zeros(speech, has_output=True).input.audio_seconds == 3.0
    assert without_false_zeros(speech, has_output=True).source == "measured"
