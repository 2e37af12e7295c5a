"""llmock, which breaks the vendors' APIs as they break, and judges the client by what it did."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

import fmsdk
from fmsdk.errors import FmsdkError
from fmsdk.pipeline import retry
from fmsdk.response import Response
from tests.support.hosted.outcomes import outcome
from tests.support.hosted.subjects import SUBJECTS, Subject
from tests.support.tally import count

if TYPE_CHECKING:
    from llmock.pytest_plugin import LLMock

pytest.importorskip("llmock", reason="needs the package llmock")

each = pytest.mark.parametrize("subject", SUBJECTS, ids=repr)
both_ways = pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
_BELOW = {"anthropic": "/anthropic", "google": "/gemini"}


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorter waits between retries, which grow as ever."""
    monkeypatch.setattr(retry, "BASE_DELAY", 0.05)


@asynccontextmanager
async def asking(subject: Subject, llmock: LLMock) -> AsyncIterator[fmsdk.AsyncClient]:
    root = llmock.url + _BELOW.get(subject.provider, "")
    async with subject.client(root, idle_timeout=1.5) as client:
        yield client


def persistent(
    subject: Subject, llmock: LLMock, *, stream: bool
) -> tuple[Response[Any], list[FmsdkError]]:
    """The answer that a program gets which asks again as long as the error says it may help, and
    the errors on the way."""

    async def main() -> tuple[Response[Any], list[FmsdkError]]:
        errors: list[FmsdkError] = []
        async with asking(subject, llmock) as client:
            while True:
                got = await outcome(client, subject.model, "Why is the sky blue?", stream=stream)
                if isinstance(got, Response):
                    return got, errors
                assert isinstance(got, FmsdkError)
                assert got.retryable, repr(got)
                errors.append(got)
                await asyncio.sleep(0.05)

    return asyncio.run(main())


def judged(llmock: LLMock, faults: int) -> None:
    """Its verdict, warnings included."""
    verdict = llmock.verdict()
    count("faults injected", verdict.faults)
    count("findings of llmock's verdict", len(verdict.findings))
    assert verdict.faults == faults
    verdict.assert_ok(strict=True)


@each
@both_ways
def test_ordinary_day(subject: Subject, stream: bool, llmock: LLMock) -> None:
    llmock.reply("Rayleigh scattering.")
    answer, errors = persistent(subject, llmock, stream=stream)
    assert not errors
    assert (answer.text, answer.finish) == ("Rayleigh scattering.", "stop")
    assert answer.usage.source == "measured"
    judged(llmock, faults=0)


@each
@both_ways
def test_rate_limits_and_outages(subject: Subject, stream: bool, llmock: LLMock) -> None:
    llmock.rate_limit(retry_after=1)
    assert persistent(subject, llmock, stream=stream)[1] == []
    llmock.fail(503, times=2)
    assert persistent(subject, llmock, stream=stream)[1] == []
    judged(llmock, faults=3)


STREAM_FAULTS: dict[str, tuple[Callable[[LLMock, int], Any], tuple[type[FmsdkError], ...]]] = {
    "disconnect": (lambda mock, n: mock.disconnect(after_chunks=n), (fmsdk.ConnectionFailed,)),
    "truncate": (lambda mock, n: mock.truncate(after_chunks=n), (fmsdk.IncompleteStream,)),
    "corrupt": (lambda mock, n: mock.corrupt(after_chunks=n), (fmsdk.InvalidResponse,)),
    "stall": (lambda mock, n: mock.stall(after_chunks=n, seconds=3), (fmsdk.Timeout,)),
}


@each
@pytest.mark.parametrize("after", [1, 5])
@pytest.mark.parametrize("fault", STREAM_FAULTS)
def test_broken_streams(subject: Subject, fault: str, after: int, llmock: LLMock) -> None:
    inject, kinds = STREAM_FAULTS[fault]
    # llmock takes a client that a busy machine lets hang up late for one that reads on.
    pace = 100 if fault == "corrupt" else 20
    llmock.reply("Light of short waves is scattered more. " * 3, times=2).pace(pace)
    inject(llmock, after)
    answer, errors = persistent(subject, llmock, stream=True)
    assert answer.text
    # One that nothing was seen of, the client tried again by itself.
    for error in errors:
        assert isinstance(error, kinds), repr(error)
        assert error.partial.text
        assert answer.text.startswith(error.partial.text)
    assert len(errors) + len(answer.latency.attempts) == 2
    assert after == 1 or errors
    judged(llmock, faults=1)


@each
@both_ways
def test_permanent_errors(subject: Subject, stream: bool, llmock: LLMock) -> None:
    kinds = {
        400: fmsdk.BadRequestError,
        401: fmsdk.AuthenticationError,
        403: fmsdk.PermissionDenied,
        404: fmsdk.ModelNotFound,
    }

    async def main() -> list[Response[Any] | Exception]:
        found: list[Response[Any] | Exception] = []
        async with asking(subject, llmock) as client:
            for status in kinds:
                llmock.fail(status)
                asked = f"What is {status}?"
                found.append(await outcome(client, subject.model, asked, stream=stream))
        return found

    for got, (status, kind) in zip(asyncio.run(main()), kinds.items(), strict=True):
        assert type(got) is kind
        assert isinstance(got, FmsdkError)
        assert (got.status, got.retryable) == (status, False)
    judged(llmock, faults=len(kinds))


@each
@both_ways
def test_a_prompt_too_long(subject: Subject, stream: bool, llmock: LLMock) -> None:
    llmock.limits(context_window=50)

    async def main() -> Response[Any] | Exception:
        async with asking(subject, llmock) as client:
            return await outcome(client, subject.model, "word " * 400, stream=stream)

    assert isinstance(error := asyncio.run(main()), fmsdk.ContextTooLong), repr(error)
    assert error.limit == 50
    judged(llmock, faults=1)


@dataclass
class Invoice:
    number: int
    customer: str


@each
@both_ways
def test_tools_and_structured_output(subject: Subject, stream: bool, llmock: LLMock) -> None:
    def weather(city: str) -> str:
        """The weather in a city."""
        return city

    asked: list[dict[str, Any]] = [
        {"prompt": "The weather in Paris?", "tools": [weather]},
        {"prompt": "The weather in Rome?", "tools": [weather]},
        {"prompt": "Make up an invoice.", "output": Invoice},
    ]

    async def main() -> list[Any]:
        async with asking(subject, llmock) as client:
            return [await outcome(client, subject.model, stream=stream, **one) for one in asked]

    llmock.call_tool("weather", {"city": "Paris"}).call_tool("weather", {"city": "Rome"})
    llmock.reply('{"number": 7, "customer": "Ada"}')
    for got, city in zip((found := asyncio.run(main())), ("Paris", "Rome"), strict=False):
        assert isinstance(got, Response), repr(got)
        assert got.finish == "tool_calls"
        assert [(call.name, call.arguments) for call in got.tool_calls] == [
            ("weather", {"city": city})
        ]
    assert isinstance(found[2], Response), repr(found[2])
    assert found[2].output == Invoice(7, "Ada")
    judged(llmock, faults=0)
