"""Errors of odd shapes, and clients and keys that are none: typed, whichever the vendor."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import fmsdk
from fmsdk.pipeline import retry
from fmsdk.registry import installed_providers
from tests.support.hosted.outcomes import outcome
from tests.support.hosted.subjects import SUBJECTS, Subject
from tests.support.scripted_server import Answer, run_server

each = pytest.mark.parametrize("subject", SUBJECTS, ids=repr)
both_ways = pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
DIGITS = "9" * 5000


def nested(depth: int) -> Any:
    body: Any = {"message": "x"}
    for _ in range(depth):
        body = {"error": body}
    return body


ODD: list[Answer] = [
    Answer({"error": {"message": [1], "code": None, "type": 5}}, 400),
    Answer({"error": {"code": DIGITS, "message": "x"}}),
    Answer({"error": {"code": DIGITS, "message": "x"}}, 400),
    Answer(f'{{"error": {{"code": {"1" * 4000}}}}}'.encode(), 400),
    Answer({"error": {"message": f"prompt is too long: {DIGITS} tokens > 5 maximum"}}, 400),
    Answer({"error": {"message": f"you requested {DIGITS} tokens of 5 tokens"}}, 400),
    Answer({"error": {"status": "RESOURCE_EXHAUSTED", "details": [{"violations": 5}]}}, 429),
    Answer({"error": "x"}, 429, {"retry-after": f"Fri, 31 Dec 9999 23:59:59 -{DIGITS[:20]}"}),
    Answer({"error": {"details": [{"retryDelay": f"{DIGITS}s"}]}}, 429),
    Answer(nested(900), 400),
    Answer([[[[]]]], 400),
]


def got(subject: Subject, answer: Answer, *, stream: bool = False, **options: Any) -> Any:
    async def main(root: str) -> Any:
        configured = subject.configured(root)
        configured[subject.provider] |= options
        async with fmsdk.AsyncClient(providers=configured, retries=0) as client:
            return await outcome(client, subject.model, "Hi", stream=stream)

    with run_server(answer) as server:
        return asyncio.run(asyncio.wait_for(main(server.root), 20))


@each
@both_ways
@pytest.mark.parametrize("answer", ODD, ids=range(len(ODD)))
def test_an_error_of_an_odd_shape_is_typed(subject: Subject, answer: Answer, stream: bool) -> None:
    assert isinstance(got(subject, answer, stream=stream), fmsdk.FmsdkError)


@pytest.mark.parametrize("thinking", ["Hm.", [1], {"text": "Hm."}, None, [["Hm."]]])
def test_thinking_of_an_odd_shape_is_read_or_left(thinking: Any) -> None:
    subject = SUBJECTS[0]
    body = subject.wire.body("")
    said = [{"type": "thinking", "thinking": thinking}, {"type": "text", "text": "Yes"}]
    body["choices"][0]["message"]["content"] = said
    answer = got(subject, Answer(body))
    assert answer.text == "Yes"
    assert answer.reasoning in ("", "Hm.", None)


@each
@pytest.mark.parametrize("client", [object(), "https://example.org"])
def test_an_invalid_client(subject: Subject, client: Any) -> None:
    error = got(subject, Answer(b""), client=client)
    assert isinstance(error, fmsdk.BadRequestError)
    assert "client" in str(error)


@pytest.mark.parametrize(
    "name", [name for name in ("openai", "anthropic") if name in installed_providers()]
)
def test_blocking_client_is_refused_before_anything_is_sent(name: str) -> None:
    module = pytest.importorskip(name)
    made = module.OpenAI(api_key="k") if name == "openai" else module.Anthropic(api_key="k")
    subject = next(subject for subject in SUBJECTS if subject.provider == name)
    error = got(subject, Answer(b""), client=made)
    assert isinstance(error, fmsdk.BadRequestError)
    assert "Async" in str(error)
    made.close()


@each
def test_an_invalid_key(subject: Subject) -> None:
    assert isinstance(got(subject, Answer(b""), api_key=123), fmsdk.BadRequestError)


def test_a_function_that_has_no_key() -> None:
    async def key() -> str:
        raise RuntimeError("the vault is closed")

    error = got(SUBJECTS[0], Answer(b""), api_key=key)
    assert isinstance(error, fmsdk.AuthenticationError)
    assert "RuntimeError" in str(error)


def test_output_of_a_broken_google_stream_is_not_zero() -> None:
    subject = next((one for one in SUBJECTS if one.provider == "google"), None)
    if subject is None:
        pytest.skip("needs its provider")
    error = got(subject, Answer(pieces=subject.wire.events("word " * 200)[:1]), stream=True)
    assert isinstance(error, fmsdk.IncompleteStream)
    assert error.partial is not None
    assert error.partial.usage.output.total
    assert error.partial.usage.source == "estimated"


def test_long_retry_after_is_not_waited_for() -> None:
    error = fmsdk.RateLimitError("x", retry_after=3600.0)
    assert retry.delay_before_retry(error, 1, retries=2, remaining=None) is None
    assert retry.delay_before_retry(error, 1, retries=2, remaining=9000.0) is not None
