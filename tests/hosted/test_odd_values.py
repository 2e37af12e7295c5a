"""Values that no JSON can carry raise before anything is sent, whichever the vendor."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import fmsdk
from fmsdk.content import ToolCall, ToolResult
from fmsdk.request import Message, Tool
from tests.hosted.asking import outcome
from tests.hosted.subjects import SUBJECTS, Subject
from tests.kit.server import Answer, serving

each = pytest.mark.parametrize("subject", SUBJECTS, ids=repr)
NAN, INF = float("nan"), float("inf")
DEEP: dict[str, Any] = {}
for _ in range(100_000):
    DEEP = {"a": DEEP}
CASES: dict[str, tuple[Any, dict[str, Any]]] = {
    f"{name} in {where}": case
    for name, odd in {"NaN": NAN, "infinity": -INF, "depth": DEEP}.items()
    for where, case in {
        "a call's arguments": (
            [
                "Look",
                Message("assistant", ToolCall("c1", "look", {"at": [{"x": odd}]})),
                ToolResult("c1", "Nothing"),
            ],
            {"tools": [Tool("look")]},
        ),
        "a tool's parameters": (
            "Look",
            {
                "tools": [
                    Tool("look", "", {"type": "object", "properties": {"x": {"maximum": odd}}})
                ]
            },
        ),
    }.items()
}


@each
@pytest.mark.parametrize("case", CASES)
def test_nothing_is_sent(subject: Subject, case: str) -> None:
    prompt, asked = CASES[case]

    async def main() -> Any:
        with serving(Answer(subject.wire.body("Hi"))) as server:
            async with subject.client(server.root, retries=0) as client:
                got = await outcome(client, subject.model, prompt, stream=False, **asked)
            assert not server.seen
            return got

    got = asyncio.run(main())
    assert isinstance(got, fmsdk.BadRequestError), got


@each
def test_null_itself_is_a_value(subject: Subject) -> None:
    prompt = [
        "Look",
        Message("assistant", ToolCall("c1", "look", {"at": None})),
        ToolResult("c1", "Nothing"),
    ]

    async def main() -> Any:
        with serving(Answer(subject.wire.body("Hi"))) as server:
            async with subject.client(server.root, retries=0) as client:
                return await outcome(
                    client, subject.model, prompt, stream=False, tools=[Tool("look")]
                )

    assert asyncio.run(main()).text == "Hi"
