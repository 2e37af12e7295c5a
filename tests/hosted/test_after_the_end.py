"""What follows the end of a stream is for nobody, however the bytes are cut; pieces without text
make no part.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from fmsdk.response import Response, TextDelta
from tests.support.hosted.outcomes import outcome
from tests.support.hosted.subjects import SUBJECTS, Subject
from tests.support.scripted_server import Answer, run_server

ended = pytest.mark.parametrize(
    "subject", [one for one in SUBJECTS if one.name != "google"], ids=repr
)  # Google's streams end with their body
AFTER = [b"data: [DONE]\n\n", b'data: {"error": {"message": "busy"}}\n\n', b"data: bye\n\n"]


def asked(subject: Subject, pieces: list[bytes]) -> Any:
    async def main() -> Any:
        with run_server(Answer(pieces=pieces, pause=0.05)) as server:
            async with subject.client(server.root, retries=0) as client:
                return await outcome(client, subject.model, "Hi", stream=True)

    return asyncio.run(main())


@ended
@pytest.mark.parametrize("after", AFTER)
def test_any_chunk_boundaries(subject: Subject, after: bytes) -> None:
    whole = b"".join(subject.wire.events("Hel", "lo."))
    for pieces in ([whole + after], [whole, after]):
        got = asked(subject, pieces)
        assert isinstance(got, Response), repr(got)
        assert (got.text, got.finish) == ("Hello.", "stop")


@pytest.mark.parametrize("subject", SUBJECTS, ids=repr)
def test_pieces_without_text_make_no_part_and_forbid_no_retry(subject: Subject) -> None:
    silent = subject.wire.events("")

    async def main() -> tuple[Any, Any]:
        broken = Answer(pieces=silent[:-2], then="reset", pause=0.02)
        with run_server(Answer(pieces=silent), broken, Answer(pieces=silent)) as server:
            async with subject.client(server.root) as client:
                first = await outcome(client, subject.model, "Hi", stream=True)
                return first, await outcome(client, subject.model, "Hi", stream=True)

    first, second = asyncio.run(main())
    assert first.choices[0].parts == ()
    assert [attempt.error for attempt in second.latency.attempts] == ["ConnectionFailed", None]
    assert not isinstance(first, TextDelta)
