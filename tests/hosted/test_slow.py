"""Servers that trickle: bytes that complete nothing are silence, and time limits hold."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from dataclasses import dataclass
from typing import Any

import pytest

import fmsdk
from fmsdk.response import Response
from tests.hosted.asking import outcome
from tests.hosted.subjects import SUBJECTS, Subject
from tests.kit.server import Answer, Server, serving

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
        async with subject.client(server.root, retries=0, **limits) as client:
            await outcome(client, subject.model, "Hi", stream=stream)  # imports what is needed
            nonlocal began
            began = time.monotonic()
            return await outcome(client, subject.model, "Hi", stream=stream)

    began = 0.0
    got = asyncio.run(main())
    return got, time.monotonic() - began


@each
@pytest.mark.parametrize("endless", [b"x", b"data:x\n", b"\n", b"\r\n"])
def test_bytes_that_complete_no_event_are_silence(subject: Subject, endless: bytes) -> None:
    first = b"".join(subject.wire.events("Hel", "lo.")[:3])
    answer = Dribble(EVENTS + first, quick=len(EVENTS + first), endless=endless)
    with serving(WARM, answer) as server:
        error, seconds = ask(subject, server, stream=True, idle_timeout=0.4)
        assert server.seen[-1].left.wait(1)
    assert isinstance(error, fmsdk.Timeout), repr(error)
    assert error.retryable
    assert "idle_timeout" in str(error)
    assert 0.4 <= seconds < 1.5


@each
def test_comments_are_a_sign_of_life(subject: Subject) -> None:
    beats = [b": keep-alive\n\n"] * 25
    events = subject.wire.events("Hel", "lo.")
    pieces = [*events[:2], *beats, *events[2:]]
    with serving(WARM, Answer(pieces=pieces, pause=0.04)) as server:
        answer, seconds = ask(subject, server, stream=True, idle_timeout=0.4)
    assert isinstance(answer, Response), repr(answer)
    assert answer.text == "Hello."
    assert seconds > 0.9


@each
def test_comments_for_ever_end_with_the_deadline(subject: Subject) -> None:
    beats = Answer(pieces=[b": keep-alive\n\n"] * 200, pause=0.04, then="hang")
    with serving(WARM, beats) as server:
        error, seconds = ask(subject, server, stream=True, idle_timeout=0.4, timeout=0.8)
        assert server.seen[-1].left.wait(1)
    assert isinstance(error, fmsdk.Timeout), repr(error)
    assert 0.7 <= seconds < 1.6


@each
@both_ways
@pytest.mark.parametrize("what", ["head", "body"])
def test_a_deadline_holds_while_bytes_trickle(subject: Subject, stream: bool, what: str) -> None:
    head = EVENTS if stream else JSON
    answer = Dribble(head + b'{"id": "', quick=len(head) if what == "body" else 0)
    with serving(WARM, answer) as server:
        error, seconds = ask(subject, server, stream, timeout=0.6)
        assert server.seen[-1].left.wait(1)
    assert isinstance(error, fmsdk.Timeout), repr(error)
    assert "timeout" in str(error)
    assert 0.5 <= seconds < 1.6


@each
@both_ways
def test_an_error_that_trickles_keeps_its_status(subject: Subject, stream: bool) -> None:
    answer = Dribble(BUSY + b'{"error": {"message": "', quick=len(BUSY))
    with serving(WARM, answer) as server:
        error, seconds = ask(subject, server, stream, idle_timeout=0.4)
        assert server.seen[-1].left.wait(1)
    assert isinstance(error, fmsdk.ServerError), repr(error)
    assert (error.status, error.retryable) == (503, True)
    assert seconds < 1.5


@each
@both_ways
def test_an_error_without_end_keeps_its_status(subject: Subject, stream: bool) -> None:
    answer = Answer(status=503, pieces=[b"x" * 2**20] * 5, then="hang")
    answer.headers["content-type"] = "application/json"
    with serving(WARM, answer) as server:
        error, seconds = ask(subject, server, stream)
    assert isinstance(error, fmsdk.ServerError), repr(error)
    assert error.status == 503
    assert seconds < 5


@each
def test_a_plain_answer_that_stops_midway(subject: Subject) -> None:
    body = json.dumps(subject.wire.body("Hello.")).encode()
    cut = Answer(pieces=[body[:20]], then="hang")
    cut.headers["content-type"] = "application/json"
    with serving(WARM, cut) as server:
        error, seconds = ask(subject, server, stream=False, idle_timeout=0.4)
        assert server.seen[-1].left.wait(1)
    assert isinstance(error, fmsdk.Timeout), repr(error)
    assert 0.3 <= seconds < 1.5


@each
def test_a_plain_answer_may_take_its_time_to_begin(subject: Subject) -> None:
    def thinking(_: object) -> Answer:
        time.sleep(0.8)
        return Answer(subject.wire.body("Hello."))

    with serving(WARM, thinking) as server:
        answer, seconds = ask(subject, server, stream=False, idle_timeout=0.3)
    assert isinstance(answer, Response), repr(answer)
    assert seconds >= 0.8


@each
def test_a_plain_answer_may_be_preceded_by_white_space(subject: Subject) -> None:
    # As DeepSeek and OpenRouter keep a connection open while the model thinks.
    body = json.dumps(subject.wire.body("Hello.")).encode()
    blank = Answer(pieces=[*[b"\n"] * 15, body], pause=0.04)
    blank.headers["content-type"] = "application/json"
    with serving(WARM, blank) as server:
        answer, seconds = ask(subject, server, stream=False, idle_timeout=0.3)
    assert isinstance(answer, Response), repr(answer)
    assert answer.text == "Hello."
    assert seconds > 0.5
