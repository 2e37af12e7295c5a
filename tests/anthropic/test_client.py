"""Anthropic through the client: routing, prices, retries, conversations, files."""

from __future__ import annotations

from typing import Any

import pytest

import fmsdk
from fmsdk.content import Image
from fmsdk.errors import (
    IncompleteStream,
    UnsupportedSetting,
)
from fmsdk.response import TextDelta
from tests.support.anthropic.answers import BEGUN, HELLO, ROOT
from tests.support.anthropic.provider import (
    MODEL,
    Answer,
    build_request,
    events,
    generate,
    message,
    provider,
    run_server,
    sse,
    text_events,
)


def client(url: str, **config: Any) -> fmsdk.Client:
    return fmsdk.Client(providers={"anthropic": provider(url)}, **config)


def test_the_client_routes_prices_and_times_both_ways() -> None:
    usage = {"input_tokens": 100, "output_tokens": 50, "service_tier": "standard"}
    served = {"model": "claude-haiku-4-5-20251001", "usage": usage}
    payloads = text_events("Hi.", usage={"output_tokens": 50})
    payloads[0]["message"] |= {**served, "usage": {**usage, "output_tokens": 1}}
    answers = Answer(message("Hi.", **served)), Answer(pieces=sse(*payloads, done=False))
    with run_server(*answers) as server, client(server.root) as asking:
        plain = asking.generate(MODEL, "Hello")
        with asking.stream(MODEL, "Hello") as running:
            assert "".join(e.text for e in running if isinstance(e, TextDelta)) == "Hi."
        streamed = running.response
    assert plain.cost is not None
    assert plain.cost == streamed.cost
    assert plain.parts == streamed.parts
    assert plain.usage == streamed.usage
    assert streamed.latency.time_to_first_token is not None


def test_the_client_retries_and_keeps_what_broke_off() -> None:
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}
    busy = Answer(error, 529, {"retry-after": "0"})
    cut = Answer(pieces=BEGUN)
    with run_server(busy, busy, HELLO, busy, cut) as server, client(server.root) as asking:
        assert len(asking.generate(MODEL, "Hello").latency.attempts) == 3
        running = asking.stream(MODEL, "Hello")
        with pytest.raises(IncompleteStream) as caught, running:
            list(running)
    partial = caught.value.partial
    assert partial.text == "Hi"
    assert partial.usage.input.total == 9
    assert partial.usage.source == "estimated"
    assert caught.value.attempts[0].status == 529


def test_settings_without_a_field_raise_before_anything_is_sent() -> None:
    with run_server(HELLO) as server, client(server.root) as asking:
        for settings in ({"seed": 1}, {"logprobs": 2}, {"choices": 2}):
            with pytest.raises(UnsupportedSetting):
                asking.generate(MODEL, "Hello", **settings)
        lenient = asking.generate(MODEL, "Hello", seed=1, lenient=True)
    assert [warning.detail for warning in lenient.warnings if warning.detail == "seed"] == ["seed"]
    assert len(server.seen) == 1


def test_a_conversation_with_tools_and_thoughts_through_the_client() -> None:
    call = {"type": "tool_use", "id": "toolu_1", "name": "now", "input": {}}
    thought = {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"}
    redacted = {"type": "redacted_thinking", "data": "ZGF0YQ"}
    first = message(thought, redacted, call, stop_reason="tool_use")
    start = {"type": "thinking", "thinking": "", "signature": ""}
    deltas = [
        {"type": "thinking_delta", "thinking": "Hm."},
        {"type": "signature_delta", "signature": "c2ln"},
    ]
    first_streamed = events((start, deltas), (redacted, []), (call, []))
    second = Answer(message('{"hour": 9}'))

    def now() -> str:
        """The time."""
        return "nine"

    for answer in (Answer(first), Answer(pieces=sse(*first_streamed, done=False))):
        with run_server(answer, second) as server, client(server.root) as asking:
            if answer.pieces is None:
                said = asking.generate(MODEL, "When?", tools=[now])
            else:
                with asking.stream(MODEL, "When?", tools=[now]) as running:
                    list(running)
                said = running.response
            (called,) = said.tool_calls
            turns = [
                fmsdk.Message("user", "When?"),
                said.message,
                fmsdk.Message("tool", fmsdk.ToolResult(called.id, now())),
            ]
            turns = [fmsdk.from_json(fmsdk.to_json(turn)) for turn in turns]
            done = asking.generate(MODEL, turns, tools=[now], output=dict[str, int], lenient=True)
        assert done.output == {"hour": 9}
        assert server.seen[1].body["messages"][1:] == [
            {"role": "assistant", "content": [thought, redacted, call]},
            {
                "role": "user",
                "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "nine"}],
            },
        ]


def test_a_file_is_read_beside_the_loop() -> None:
    path = ROOT / "examples" / "media" / "red_triangle.png"
    with run_server(HELLO) as server:
        generate(provider(server.root), build_request([Image(path), "What?"]))
    content = server.seen[0].body["messages"][0]["content"]
    assert content[0]["source"]["data"].startswith("iVBOR")
