"""Servers that trickle: bytes that complete nothing are silence, and time limits hold."""

from __future__ import annotations

import asyncio
import json
import socket
import time
import zlib
from dataclasses import dataclass
from typing import Any

import pytest

import fmsdk
from fmsdk.response import Response
from tests.support.hosted.outcomes import outcome
from tests.support.hosted.subjects import SUBJECTS, Subject
from tests.support.patience import PATIENCE
from tests.support.scripted_server import Answer, Server, run_server

each = pytest.mark.parametrize("subject", SUBJECTS, ids=repr)
both_ways = pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
PAUSE = 0.02


@dataclass
class Dribble(Answer):
    """An answer's head and body, byte by byte, over and over, until the client leaves."""

    quick: int = 0  # how many bytes come at once, before it begins to dribble
    endless: bytes = b"x"

    def write(self, connection: socket.socket) -> None:
        connection.sendall(self.body[: self.quick])
        for byte in self.body[self.quick :]:
            time.sleep(PAUSE)
            connection.sendall(bytes([byte]))
        while True:
            time.sleep(PAUSE)
            connection.sendall(self.endless)


HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: %b\r\ncontent-length: 999999\r\n\r\n"
BUSY = b"HTTP/1.1 503 Busy\r\ncontent-type: application/json\r\ncontent-length: 999999\r\n\r\n"
WARM = Answer({"error": {"message": "busy"}}, 503)
JSON, EVENTS = HEAD % b"application/json", HEAD % b"text/event-stream"


def ask(subject: Subject, server: Server, stream: bool, **limits: Any) -> tuple[Any, float]:
    """What came of it, and the seconds that took."""

    async def main() -> Response[Any] | Exception:
        # Without limits, since the first call imports what is needed.
        async with subject.client(server.root, retries=0) as client:
            await outcome(client, subject.model, "Hi", stream=stream)
        async with subject.client(server.root, retries=0, **limits) as client:
            nonlocal began
            began = time.monotonic()
            return await outcome(client, subject.model, "Hi", stream=stream)

    began = 0.0
    got = asyncio.run(main())
    return got, time.monotonic() - began


@each
@pytest.mark.parametrize("endless", [b"x", b"data:x\n", b"\n", b"\r\n", b"retry: 1\n\n"])
def test_bytes_that_complete_no_event_are_silence(subject: Subject, endless: bytes) -> None:
    first = b"".join(subject.wire.events("Hel", "lo.")[:3])
    answer = Dribble(EVENTS + first, quick=len(EVENTS + first), endless=endless)
    with run_server(WARM, answer) as server:
        error, seconds = ask(subject, server, stream=True, idle_timeout=0.4)
        assert server.seen[-1].left.wait(PATIENCE)
    assert isinstance(error, fmsdk.Timeout), repr(error)
    assert error.retryable
    assert "idle_timeout" in str(error)
    assert 0.4 <= seconds < PATIENCE


@each
def test_compressed_bytes_without_output_count_as_silence(subject: Subject) -> None:
    first = b"".join(subject.wire.events("Hel", "lo.")[:3])
    deflate = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
    head = EVENTS.replace(b"\r\n\r\n", b"\r\ncontent-encoding: gzip\r\n\r\n")
    whole = head + deflate.compress(first) + deflate.flush(zlib.Z_SYNC_FLUSH)
    answer = Dribble(whole, quick=len(whole), endless=b"\0\0\0\xff\xff")
    with run_server(WARM, answer) as server:
        error, seconds = ask(subject, server, stream=True, idle_timeout=0.4)
    assert isinstance(error, fmsdk.Timeout), repr(error)
    assert error.partial is not None
    assert 0.4 <= seconds < PATIENCE


@each
def test_slow_json_is_not_a_stream(subject: Subject) -> None:
    answer = Dribble(JSON + b'{"id": "', quick=len(JSON))
    with run_server(WARM, answer) as server:
        error, seconds = ask(subject, server, stream=True, idle_timeout=0.4)
    assert isinstance(error, fmsdk.Timeout), repr(error)
    assert (error.status, error.retryable) == (200, True)
    assert 0.3 <= seconds < PATIENCE


@each
@both_ways
def test_interim_responses_count_as_silence(subject: Subject, stream: bool) -> None:
    answer = Dribble(b"", endless=b"HTTP/1.1 102 Processing\r\n\r\n")
    limits = {"idle_timeout": 0.4} if stream else {"timeout": 0.4}
    with run_server(WARM, answer) as server:
        error, seconds = ask(subject, server, stream, **limits)
    assert isinstance(error, fmsdk.Timeout), repr(error)
    assert 0.3 <= seconds < PATIENCE


@dataclass
class OneChunk(Answer):
    """Events, a pause before each, all in one HTTP chunk, which is the longer by `missing`."""

    missing: int = 0

    def write(self, connection: socket.socket) -> None:
        pieces = self.pieces or []
        head = EVENTS.replace(b"content-length: 999999", b"transfer-encoding: chunked")
        connection.sendall(head + b"%x\r\n" % (sum(map(len, pieces)) + self.missing))
        for piece in pieces:
            time.sleep(self.pause)
            connection.sendall(piece)
        if not self.missing:
            connection.sendall(b"\r\n0\r\n\r\n")


@each
def test_events_of_an_unfinished_chunk_come_at_once(subject: Subject) -> None:
    async def main(root: str) -> list[float]:
        async with subject.client(root, retries=0, idle_timeout=PATIENCE) as client:
            await outcome(client, subject.model, "Hi", stream=True)
            async with client.stream(subject.model, "Hi") as stream:
                return [time.monotonic() async for _ in stream]

    pieces = subject.wire.events(*"abcdefgh")
    with run_server(WARM, OneChunk(pieces=pieces, pause=0.1)) as server:
        arrived = asyncio.run(main(server.root))
    assert len(arrived) >= 8
    assert arrived[7] - arrived[0] > 0.2


@each
@pytest.mark.parametrize("then", ["hang", "reset"])
def test_text_of_an_unfinished_chunk_is_on_the_error(subject: Subject, then: str) -> None:
    pieces = subject.wire.events("Hel", "lo.")
    pieces = pieces[: next(n for n, one in enumerate(pieces) if b"Hel" in one) + 1]
    answer = OneChunk(pieces=pieces, pause=0.05, missing=500, then=then)
    with run_server(WARM, answer) as server:
        error, _ = ask(subject, server, stream=True, idle_timeout=0.4)
    kind = fmsdk.Timeout if then == "hang" else fmsdk.ConnectionFailed
    assert isinstance(error, kind), repr(error)
    assert error.partial is not None
    assert error.partial.text.startswith("Hel")


@each
def test_comments_are_a_sign_of_life(subject: Subject) -> None:
    beats = [b": keep-alive\n\n"] * 30
    events = subject.wire.events("Hel", "lo.")
    pieces = [*events[:2], *beats, *events[2:]]
    with run_server(WARM, Answer(pieces=pieces, pause=0.05)) as server:
        answer, seconds = ask(subject, server, stream=True, idle_timeout=1.0)
    assert isinstance(answer, Response), repr(answer)
    assert answer.text == "Hello."
    assert seconds > 1.2


@each
def test_endless_comments_end_with_the_deadline(subject: Subject) -> None:
    beats = Answer(pieces=[b": keep-alive\n\n"] * 200, pause=0.04, then="hang")
    with run_server(WARM, beats) as server:
        error, seconds = ask(subject, server, stream=True, idle_timeout=PATIENCE, timeout=0.8)
        assert server.seen[-1].left.wait(PATIENCE)
    assert isinstance(error, fmsdk.Timeout), repr(error)
    assert 0.7 <= seconds < PATIENCE


@each
@both_ways
@pytest.mark.parametrize("what", ["head", "body"])
def test_a_deadline_holds_while_bytes_trickle(subject: Subject, stream: bool, what: str) -> None:
    head = EVENTS if stream else JSON
    answer = Dribble(head + b'{"id": "', quick=len(head) if what == "body" else 0)
    with run_server(WARM, answer) as server:
        error, seconds = ask(subject, server, stream, timeout=0.6)
        assert server.seen[-1].left.wait(PATIENCE)
    assert isinstance(error, fmsdk.Timeout), repr(error)
    assert "timeout" in str(error)
    assert 0.5 <= seconds < PATIENCE


@each
@both_ways
def test_an_error_that_trickles_keeps_its_status(subject: Subject, stream: bool) -> None:
    answer = Dribble(BUSY + b'{"error": {"message": "', quick=len(BUSY))
    with run_server(WARM, answer) as server:
        error, seconds = ask(subject, server, stream, idle_timeout=0.4)
        assert server.seen[-1].left.wait(PATIENCE)
    assert isinstance(error, fmsdk.ServerError), repr(error)
    assert (error.status, error.retryable) == (503, True)
    assert seconds < PATIENCE


@each
@both_ways
def test_an_error_without_end_keeps_its_status(subject: Subject, stream: bool) -> None:
    answer = Answer(status=503, pieces=[b"x" * 2**20] * 5, then="hang")
    answer.headers["content-type"] = "application/json"
    with run_server(WARM, answer) as server:
        error, seconds = ask(subject, server, stream)
    assert isinstance(error, fmsdk.ServerError), repr(error)
    assert error.status == 503
    assert seconds < PATIENCE


@each
def test_a_plain_answer_that_stops_midway(subject: Subject) -> None:
    body = json.dumps(subject.wire.body("Hello.")).encode()
    cut = Answer(pieces=[body[:20]], then="hang")
    cut.headers["content-type"] = "application/json"
    with run_server(WARM, cut) as server:
        error, seconds = ask(subject, server, stream=False, idle_timeout=0.4)
        assert server.seen[-1].left.wait(PATIENCE)
    assert isinstance(error, fmsdk.Timeout), repr(error)
    assert 0.3 <= seconds < PATIENCE


@each
def test_a_plain_answer_may_take_its_time_to_begin(subject: Subject) -> None:
    def thinking(_: object) -> Answer:
        time.sleep(0.8)
        return Answer(subject.wire.body("Hello."))

    with run_server(WARM, thinking) as server:
        answer, seconds = ask(subject, server, stream=False, idle_timeout=0.3)
    assert isinstance(answer, Response), repr(answer)
    assert seconds >= 0.8


@each
def test_a_plain_answer_may_be_preceded_by_white_space(subject: Subject) -> None:
    # As DeepSeek and OpenRouter keep a connection open while the model thinks.
    body = json.dumps(subject.wire.body("Hello.")).encode()
    blank = Answer(pieces=[*[b"\n"] * 30, body], pause=0.05)
    blank.headers["content-type"] = "application/json"
    with run_server(WARM, blank) as server:
        answer, seconds = ask(subject, server, stream=False, idle_timeout=1.0)
    assert isinstance(answer, Response), repr(answer)
    assert answer.text == "Hello."
    assert seconds > 1.2
