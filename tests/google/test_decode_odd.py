"""Google's answers as they seldom are: thoughts signed at their end, sources told early, a stream
that is one JSON array, fields of odd shapes.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import fmsdk
from fmsdk.content import Reasoning, Text
from fmsdk.errors import InvalidResponse
from tests.support.google.decoding import REQUEST, both, events, whole
from tests.support.google.provider import KEY, USAGE, Answer, accumulate_events, chunk, run_server
from tests.support.hosted.outcomes import outcome

SIGNED = {"thought": True, "thoughtSignature": "c2ln"}
OPAQUE = '{"thought":true,"thoughtSignature":"c2ln"}'


def test_streamed_thought_is_signed_at_its_end() -> None:
    pieces = [chunk({"text": t, "thought": True}, finish=None) for t in ("I weigh ", "this, ")]
    signed = chunk({"text": "both.", **SIGNED}, finish=None)
    got = accumulate_events(events(*pieces, signed, chunk("So.")), REQUEST)
    plain = whole(chunk({"text": "I weigh this, both.", **SIGNED}, "So."))
    assert got.parts == plain.parts
    assert got.reasoning == "I weigh this, both."
    (thought, _) = got.parts
    assert thought == Reasoning("I weigh this, both.", "google", OPAQUE)


def test_thoughts_of_one_chunk_stay_apart() -> None:
    parts = [{"text": "One.", "thought": True}, {"text": "Two.", **SIGNED}]
    assert len(whole(chunk(*parts)).parts) == 2
    assert len(accumulate_events(events(chunk(*parts)), REQUEST).parts) == 2


@pytest.mark.parametrize(
    "odd",
    [
        -0.5,
        [],
        {"chosenCandidates": [{"token": "a", "logProbability": "-Infinity"}]},
        {"chosenCandidates": 7},
    ],
    ids=repr,
)
def test_odd_probabilities_are_no_reason_to_refuse(odd: Any) -> None:
    got = both("Hi.", candidate={"logprobsResult": odd})
    assert (got.text, got.logprobs) == ("Hi.", ())


def test_sources_of_earlier_chunks_are_in_the_raw_answer() -> None:
    one, two = {"uri": "https://a.org"}, {"uri": "https://b.org"}
    searched = {"webSearchQueries": ["x"], "groundingChunks": [{"web": one}]}
    chunks = [
        chunk("a", finish=None, candidate={"citationMetadata": {"citationSources": [one]}}),
        chunk("b", finish=None, candidate={"groundingMetadata": searched}),
        chunk("c", finish=None, candidate={"citationMetadata": {"citationSources": [one, two]}}),
        chunk(usageMetadata=USAGE),
    ]
    got = accumulate_events(events(*chunks), REQUEST)
    (candidate,) = got.raw["candidates"]
    assert candidate["citationMetadata"] == {"citationSources": [one, two]}
    assert candidate["groundingMetadata"] == searched
    assert got.raw["usageMetadata"] == USAGE
    assert got.usage.server_tools == {"web_search": 1}


def test_an_answer_without_a_finish_says_so() -> None:
    got = whole(chunk("Hello there!", finish=None, usageMetadata=USAGE))
    assert (got.text, got.finish, got.finish_raw) == ("Hello there!", "other", None)
    assert [warning.code for warning in got.warnings] == ["finish_missing"]
    assert got.usage.input.total == 9
    with pytest.raises(InvalidResponse, match="neither content"):
        whole(chunk(finish=None))


def streamed(body: Any) -> Any:
    async def main() -> Any:
        with run_server(Answer(body)) as server:
            options = {"google": {"api_key": KEY, "base_url": server.root}}
            async with fmsdk.AsyncClient(providers=options, retries=0) as client:
                return await outcome(client, "google:m-1", "Hello", stream=True)

    return asyncio.run(main())


def test_a_stream_that_is_one_array() -> None:
    got = streamed([chunk("Hel", finish=None), chunk("lo.", usageMetadata=USAGE)])
    assert got.parts == (Text("Hello."),)
    assert (got.finish, got.usage.input.total) == ("stop", 9)
    long = "x" * 2**21
    assert streamed([chunk(long, finish=None), chunk("lo.")]).text == long + "lo."


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ([chunk("Hel", finish=None)], "IncompleteStream"),
        ([chunk("Hel", finish=None), {"error": {"code": 503, "message": "x"}}], "ServerError"),
        ([], "InvalidResponse"),
        ([7], "InvalidResponse"),
        (chunk("Hello."), "InvalidResponse"),
        ({"error": {"code": 503, "message": "x"}}, "ServerError"),
    ],
)
def test_arrays_and_documents_that_are_no_stream(body: Any, kind: str) -> None:
    error = streamed(body)
    assert type(error).__name__ == kind
    assert error.retryable
    if isinstance(body, list) and len(body) == 2:
        assert error.partial.text == "Hel"
