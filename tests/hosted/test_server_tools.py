"""Tools that a vendor runs itself are counted, and the calls it charges for are on the bill."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from fmsdk.registry import installed_providers
from fmsdk.response import Response
from tests.support.hosted.outcomes import outcome
from tests.support.hosted.subjects import SUBJECTS, Subject
from tests.support.scripted_server import Answer, run_server

SEARCHED = {"type": "web_search_call", "id": "ws_1", "action": {"type": "search", "query": "q"}}
OPENED = {"type": "web_search_call", "id": "ws_2", "action": {"type": "open_page", "url": "u"}}
FOUND = {"type": "file_search_call", "id": "fs_1", "queries": ["q"], "results": None}
RAN = {"type": "code_interpreter_call", "id": "ci_1", "code": "1", "container_id": "c"}
QUERIES = ["rivers", "rivers of Europe", "rivers"]


def openai(*items: dict[str, Any]) -> Callable[[Any], None]:
    return lambda body: body.update(model="gpt-5.2", output=[*items, *body["output"]])


def anthropic(**counts: int) -> Callable[[Any], None]:
    def change(body: Any) -> None:
        body["model"] = "claude-sonnet-4-5"
        body["usage"]["server_tool_use"] = counts

    return change


def google(model: str) -> Callable[[Any], None]:
    def change(body: Any) -> None:
        body["modelVersion"] = model
        body["candidates"][0]["groundingMetadata"] = {"webSearchQueries": QUERIES}

    return change


CASES = [
    ("openai-responses", openai(SEARCHED, OPENED), {"web_search": 1}, {"web search": "0.010"}),
    (
        "openai-responses",
        openai(SEARCHED, FOUND, FOUND),
        {"web_search": 1, "file_search": 2},
        {"web search": "0.010", "file search": "0.0050"},
    ),
    ("openai-responses", openai(), {}, {}),
    (
        "anthropic",
        anthropic(web_search_requests=3, web_fetch_requests=1),
        {"web_search": 3, "web_fetch": 1},
        {"web search": "0.030"},
    ),
    ("anthropic", anthropic(web_search_requests=0, web_fetch_requests=0), {}, {}),
    ("google", google("gemini-3.5-flash"), {"web_search": 2}, {"web search": "0.028"}),
    ("google", google("gemini-2.5-flash"), {"web_search": 1}, {"web search": "0.035"}),
]


def answered(name: str, change: Callable[[Any], None], *, stream: bool) -> Response[Any]:
    """The answer whose whole body, or last events, `change` changed."""
    subject = next(subject for subject in SUBJECTS if subject.name == name)

    async def main() -> Response[Any] | Exception:
        with run_server(_answer(subject, change, stream=stream)) as server:
            async with subject.client(server.root, retries=0) as client:
                return await outcome(client, subject.model, "Hi", stream=stream)

    got = asyncio.run(main())
    assert isinstance(got, Response), got
    return got


def _answer(subject: Subject, change: Callable[[Any], None], *, stream: bool) -> Answer:
    wire = subject.wire
    whole = wire.body("Yes")
    change(whole)
    if not stream:
        return Answer(whole)
    events = wire.events("Yes")
    if subject.name == "anthropic":
        message_start = json.loads(events[0].split(b"data: ")[1])
        message_start["message"] |= {"model": whole["model"]}
        told = json.loads(events[-2].split(b"data: ")[1])
        told["usage"] |= {"server_tool_use": whole["usage"]["server_tool_use"]}
        events[0], events[-2] = _event(message_start), _event(told)
    elif subject.name == "google":
        named = json.dumps(whole["modelVersion"]).encode()
        events = [*(event.replace(b'"m-1"', named) for event in events[:-1]), _event(whole)]
    else:
        events[-1] = _event({"type": "response.completed", "response": whole})
    return Answer(pieces=events)


def _event(payload: Any) -> bytes:
    return f"data: {json.dumps(payload)}\n\n".encode()


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
@pytest.mark.parametrize(("name", "change", "counted", "billed"), CASES)
def test_calls_are_counted_and_on_the_bill(
    name: str,
    change: Callable[[Any], None],
    counted: dict[str, int],
    billed: dict[str, str],
    stream: bool,
) -> None:
    if name.partition("-")[0] not in installed_providers():
        pytest.skip("needs its provider")
    answer = answered(name, change, stream=stream)
    assert answer.usage.server_tools == counted
    assert answer.cost is not None
    lines = {line.kind: line.amount for line in answer.cost.lines if line.unit == "call"}
    assert lines == {kind: Decimal(amount) for kind, amount in billed.items()}
    assert answer.cost.total == sum(line.amount for line in answer.cost.lines)


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
def test_missing_audio_duration_is_stated(stream: bool) -> None:
    answer = answered("openai-responses", openai(RAN), stream=stream)
    assert answer.usage.server_tools == {"code_interpreter": 1}
    assert [(one.code, one.detail) for one in answer.warnings if one.code != "model_unknown"] == [
        ("usage_elsewhere", "code_interpreter")
    ]


def test_a_search_without_a_known_price_makes_the_cost_unknown() -> None:
    def change(body: Any) -> None:
        body.update(model="gpt-3.5-turbo", output=[SEARCHED, *body["output"]])

    answer = answered("openai-responses", change, stream=False)
    assert answer.usage.source == "measured"
    assert answer.cost is None
