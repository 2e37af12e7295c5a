"""Answers that break HTTP, JSON or their own API in ways that recordings do not have: each one
typed error for every provider, plain and streamed.
"""

from __future__ import annotations

import asyncio
import gzip
import json
from typing import Any

import pytest

from fmsdk.errors import FmsdkError
from tests.support.hosted.outcomes import outcome
from tests.support.hosted.subjects import SUBJECTS, Subject
from tests.support.scripted_server import Answer, Raw, ReceivedRequest, run_server
from tests.support.tally import count_faults


def http(head: str, body: bytes = b"") -> Raw:
    return Raw(f"HTTP/1.1 200 OK\r\n{head}\r\n\r\n".encode() + body)


JSON = "content-type: application/json"
NO_HTTP = {
    "closed at once": Raw(b""),
    "another protocol": Raw(b"SSH-2.0-OpenSSH_9.9\r\n"),
    "half a head": Raw(b"HTTP/1.1 200 OK\r\ncontent-ty"),
    "a body cut short": http(f"{JSON}\r\ncontent-length: 999", b'{"id": "x"'),
    "chunks without end": http(f"{JSON}\r\ntransfer-encoding: chunked", b'5\r\n{"id"\r\n'),
    "no chunk size": http(f"{JSON}\r\ntransfer-encoding: chunked", b"zz\r\n{}\r\n0\r\n\r\n"),
}
NO_JSON: dict[str, bytes] = {
    "nothing": b"",
    "a space": b" ",
    "half": b'{"id": "chat_1", "mod',
    "a page": b"<html><body>Sign in to this network</body></html>",
    "text": b"upstream connect error or disconnect/reset before headers",
    "no UTF-8": b'{"id": "\xff\xfe", "model": "\xc3"}',
    "brackets without end": b"[" * 100_000,
    "objects without end": b'{"a":' * 100_000,
    "two documents": b"{}{}",
    "no number": b'{"id": NaN}',
}
NO_ANSWER: dict[str, Any] = {
    "null": None,
    "a number": 3,
    "a string": "busy",
    "an empty list": [],
    "an empty object": {},
    "someone else's": {"status": "ok", "uptime": 12},
    "no choices": {"id": "x", "model": "m", "choices": [], "candidates": [], "content": None},
    "null choices": {"id": "x", "model": "m", "choices": None, "output": None, "type": "message"},
    "wrong types": {"choices": "x", "output": "x", "content": "x", "candidates": "x", "id": 3},
}
ERRORS: dict[str, Any] = {
    "an error": {"error": {"message": "busy", "type": "server_error"}},
    "an error in words": {"error": "busy"},
    "an empty error": {"error": {}},
    "an error in a list": [{"error": {"code": 503, "message": "busy", "status": "UNAVAILABLE"}}],
}


def answers() -> dict[str, Answer]:
    found: dict[str, Answer] = dict(NO_HTTP)
    found |= {f"JSON: {name}": Answer(body) for name, body in NO_JSON.items()}
    found |= {f"JSON: {name}": Answer(body) for name, body in NO_ANSWER.items()}
    found |= {f"JSON: {name}": Answer(body) for name, body in ERRORS.items()}
    html = {"content-type": "text/html"}
    found["a page that says so"] = Answer(NO_JSON["a page"], headers=html)
    zipped = {"content-encoding": "gzip"}
    found["gzip that is none"] = Answer(b"{}", headers=zipped)
    found["gzip cut short"] = Answer(gzip.compress(b'{"id": "chat_1"}')[:-14], headers=zipped)
    found["no content"] = Answer(b"", 204)
    found["elsewhere"] = Answer(b"", 302, {"location": "/elsewhere"})
    return found


def streams(subject: Subject) -> dict[str, Answer]:
    """Events that make no stream of this subject's."""

    def sent(*pieces: bytes, **how: Any) -> Answer:
        return Answer(pieces=list(pieces), **how)

    whole = subject.wire.events("Hello", " there")
    found = {f"events: {name}": sent(b"data: %b\n\n" % body) for name, body in NO_JSON.items()}
    every = (NO_ANSWER | ERRORS).items()
    found |= {f"events: {n}": sent(b"data: %b\n\n" % json.dumps(b).encode()) for n, b in every}
    zipped = {"content-encoding": "gzip"}
    cut = gzip.compress(b"".join(whole))[:-30]
    found["comments alone"] = sent(b": hello\n\n", b": hello\n\n")
    found["an event cut short"] = sent(*whole[:2], whole[2][:20])
    found["a page as events"] = sent(NO_JSON["a page"])
    found["gzip cut short, in events"] = sent(cut, headers=zipped)
    found["gzip that is none, in events"] = sent(*whole, headers=zipped)
    found["reset within an event"] = sent(*whole[:2], whole[2][:20], then="reset")
    found["an event without end"] = sent(*[b"data: " + b"x" * 2**20] * 70)
    return found


def refusals() -> dict[str, Answer]:
    """Error statuses with bodies that tell nothing."""
    found = {f"503: {name}": Answer(body, 503) for name, body in NO_JSON.items()}
    return found | {f"503: {name}": Answer(body, 503) for name, body in NO_ANSWER.items()}


def verdict(subject: Subject, name: str, got: object) -> str:
    """What is wrong with how an answer was taken; "" is nothing."""
    if not isinstance(got, FmsdkError):
        return f"{type(got).__name__}: {got!r:.200}"
    if name.startswith("503") and got.status != 503:
        return f"{got!r:.200}: {got.status}"
    # Some SDKs follow redirects to their end, which here is none.
    is_right = name == "elsewhere" or got.retryable
    return "" if is_right and got.provider == subject.provider else f"{got!r}: not retryable"


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
@pytest.mark.parametrize("subject", SUBJECTS, ids=repr)
def test_broken_answers_are_typed_errors(subject: Subject, stream: bool) -> None:
    scripted = answers() | refusals() | (streams(subject) if stream else {})

    def pick(seen: ReceivedRequest) -> Answer:
        # Followed, a redirect comes back as another request, without a body.
        return scripted[subject.wire.question(seen.body)] if seen.body else scripted["elsewhere"]

    async def main(root: str) -> dict[str, object]:
        async with subject.client(root, retries=0, idle_timeout=5) as client:
            return {n: await outcome(client, subject.model, n, stream=stream) for n in scripted}

    with run_server(pick) as server:
        got = asyncio.run(main(server.root))
    count_faults([*got.values()])
    found = {name: bad for name, one in got.items() if (bad := verdict(subject, name, one))}
    assert not found, "\n".join(f"{name}: {bad}" for name, bad in found.items())
