"""Errors whose bodies break, lie or weigh too much: their status has told all that counts."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import time
import traceback
import zlib
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import fmsdk
from fmsdk.http.error_mapper import ErrorMapper, retry_after
from fmsdk.provider import ProviderConfig
from fmsdk.registry import installed_providers
from fmsdk.request import build
from tests.support.hosted.outcomes import outcome
from tests.support.hosted.subjects import KEY, SUBJECTS, Subject
from tests.support.scripted_server import Answer, Raw, run_server

each = pytest.mark.parametrize("subject", SUBJECTS, ids=repr)
both_ways = pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
BODY = json.dumps({"error": {"message": "no", "type": "x"}}).encode()
KINDS = {
    400: fmsdk.BadRequestError,
    401: fmsdk.AuthenticationError,
    403: fmsdk.PermissionDenied,
    429: fmsdk.RateLimitError,
    503: fmsdk.ServerError,
}
ZIPPED = "content-encoding: gzip\r\ncontent-length: %d"
BROKEN: dict[str, tuple[str, bytes, str]] = {
    "cut off": ("content-length: 999", BODY, "end"),
    "reset": ("content-length: 999", BODY, "reset"),
    "chunks that break": ("transfer-encoding: chunked", b"5\r\n" + BODY, "end"),
    "chunks that are none": ("transfer-encoding: chunked", b"zz\r\n" + BODY, "end"),
    "gzip that is none": (ZIPPED % len(BODY), BODY, "end"),
    "gzip cut off": (ZIPPED % 999, gzip.compress(BODY)[:-12], "end"),
    "gzip twice": (ZIPPED.replace("gzip", "gzip, gzip") % len(BODY), BODY, "end"),
    "of a strange encoding": (ZIPPED.replace("gzip", "rot13") % len(BODY), BODY, "end"),
}


def got(subject: Subject, answer: Answer, *, stream: bool = False, **settings: Any) -> Any:
    async def main(root: str) -> Any:
        async with subject.client(root, retries=0, idle_timeout=5, **settings) as client:
            return await outcome(client, subject.model, "Hi", stream=stream)

    with run_server(answer) as server:
        return asyncio.run(asyncio.wait_for(main(server.root), 30))


def broken(status: int, how: str) -> Raw:
    framing, body, then = BROKEN[how]
    told = (
        "content-type: application/json\r\nrequest-id: r-1\r\nx-request-id: r-1\r\nretry-after: 3"
    )
    head = f"HTTP/1.1 {status} X\r\n{told}\r\n{framing}\r\n\r\n"
    return Raw(head.encode() + body, then=then)


@each
@both_ways
@pytest.mark.parametrize("how", BROKEN)
def test_an_error_with_a_broken_body_keeps_its_status(
    subject: Subject, stream: bool, how: str
) -> None:
    for status, kind in KINDS.items():
        error = got(subject, broken(status, how), stream=stream)
        assert type(error) is kind, repr(error)
        assert (error.status, error.request_id, error.retry_after) == (status, "r-1", 3.0)
        assert error.retryable == (status in (429, 503))


@cache
def bomb() -> bytes:
    """A megabyte that stands for a gigabyte."""
    deflate = zlib.compressobj(9, wbits=zlib.MAX_WBITS | 16)
    block = b" " * 2**20
    return b"".join([deflate.compress(block) for _ in range(1000)]) + deflate.flush()


@each
@both_ways
@pytest.mark.parametrize("status", [200, 503])
def test_a_body_that_decompresses_to_a_gigabyte(
    subject: Subject, stream: bool, status: int
) -> None:
    mime = "text/event-stream" if stream and status == 200 else "application/json"
    headers = {"content-encoding": "gzip", "content-type": mime}
    answer, longest, began = Answer(bomb(), status, headers), 0.0, time.monotonic()

    async def tick() -> None:
        nonlocal longest, began
        while True:
            began = time.monotonic()
            await asyncio.sleep(0.01)
            longest = max(longest, time.monotonic() - began)

    async def main(root: str) -> Any:
        async with subject.client(root, retries=0) as client:
            await outcome(client, subject.model, "Hi", stream=stream)  # imports what is needed
            ticking = asyncio.create_task(tick())
            found = await outcome(client, subject.model, "Hi", stream=stream)
            ticking.cancel()
            return found

    with run_server(answer) as server:
        error = asyncio.run(main(server.root))
    assert isinstance(error, fmsdk.ServerError if status == 503 else fmsdk.InvalidResponse)
    assert error.status == status
    assert longest < 1.0


@each
@both_ways
@pytest.mark.parametrize("coding", ["gzip", "x-gzip", "deflate", "deflate, bare"])
def test_compressed_answers_are_read(subject: Subject, stream: bool, coding: str) -> None:
    text = "word " * 400_000
    wbits = {"deflate": zlib.MAX_WBITS, "deflate, bare": -zlib.MAX_WBITS}
    deflate = zlib.compressobj(wbits=wbits.get(coding, zlib.MAX_WBITS | 16))
    body = json.dumps(subject.wire.body(text)).encode()
    if stream:
        body = b"".join(subject.wire.events(text))
    mime = "text/event-stream" if stream else "application/json"
    headers = {"content-encoding": coding.partition(",")[0], "content-type": mime}
    answer = Answer(deflate.compress(body) + deflate.flush(), headers=headers)
    assert got(subject, answer, stream=stream).text == text


@each
@both_ways
def test_the_key_is_in_no_traceback(subject: Subject, stream: bool) -> None:
    for status in (400, 401, 404, 429, 500):
        body = {"error": {"message": f"the key {KEY} is bad", "code": KEY, "type": KEY}}
        error = got(subject, Answer(body, status), stream=stream)
        assert isinstance(error, fmsdk.FmsdkError)
        shown = "".join(traceback.format_exception(error))
        assert KEY not in f"{error} {error!r} {shown}"


@each
def test_cause_of_a_broken_connection_is_named(subject: Subject) -> None:
    options = subject.configured("http://127.0.0.1:1")[subject.provider]
    made = installed_providers()[subject.provider].load()
    asked = made(ProviderConfig(name=subject.provider, options=options))

    async def main() -> None:
        try:
            await asked.generate(build(subject.model, "Hi"))
        finally:
            await asked.aclose()

    with pytest.raises(fmsdk.ConnectionFailed) as caught:
        asyncio.run(main())
    assert type(caught.value.__cause__).__name__ in ("ClientConnectorError",)


def test_a_cause_that_quotes_the_key_is_dropped() -> None:
    error_mapper = ErrorMapper("x", "X_KEY", KEY)
    inner, outer, group = ValueError(KEY), RuntimeError("it broke"), RuntimeError("they broke")
    outer.__context__ = inner
    group.__cause__ = ExceptionGroup("many", [OSError(111, f"no {KEY}")])
    assert [error_mapper.cause(one) for one in (inner, outer, group)] == [None, None, None]
    harmless = OSError("refused")
    harmless.__cause__ = harmless
    assert error_mapper.cause(harmless) is harmless


def test_unknown_models_do_not_blame_the_key() -> None:
    error = ErrorMapper("x", "X_KEY").from_exception(RecursionError("too deep"))
    assert isinstance(error, fmsdk.ConnectionFailed)
    assert "too deep" in str(error)


@pytest.mark.skipif("anthropic" not in installed_providers(), reason="needs its provider")
def test_an_sdk_without_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    anthropic = pytest.importorskip("anthropic")
    for name in [name for name in os.environ if name.startswith("ANTHROPIC_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))

    async def main() -> Any:
        async with (
            anthropic.AsyncAnthropic() as made,
            fmsdk.AsyncClient(providers={"anthropic": {"client": made}}, retries=0) as client,
        ):
            return await outcome(client, "anthropic:m-1", "Hi", stream=False)

    error = asyncio.run(main())
    assert isinstance(error, fmsdk.AuthenticationError), repr(error)
    assert "credentials" in str(error)
    assert not error.retryable


@pytest.mark.parametrize(
    ("told", "seconds"),
    [("5, 5", 5.0), ("5, 30", 30.0), ("0", 0.0), ("abc", None), ("5, abc", 5.0), ("-1", None)],
)
def test_retry_after_header_values(told: str, seconds: float | None) -> None:
    assert retry_after({"retry-after": told}) == seconds
