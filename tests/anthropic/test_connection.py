"""The connection over real sockets, leaving early, and the client around it."""

from __future__ import annotations

import asyncio
import time
from typing import Any, cast

import pytest

import fmsdk
from fmsdk.content import Image
from fmsdk.errors import (
    IncompleteStream,
    Timeout,
    UnsupportedSetting,
)
from fmsdk.response import TextDelta
from fmsdk_anthropic import AnthropicProvider
from tests.anthropic.asking import BEGUN, HELLO, REQUEST, ROOT, STREAM
from tests.anthropic.kit import (
    MODEL,
    Answer,
    asked,
    events,
    generate,
    message,
    provider,
    serving,
    sse,
    stream,
    text_events,
)

# --- the connection ---


def test_connections_are_used_again_after_answers_and_streams() -> None:
    async def main(asked: AnthropicProvider) -> None:
        for _ in range(2):
            await asked.generate(REQUEST)
            assert [event async for event in asked.stream(REQUEST)]
        await asked.aclose()

    with serving(HELLO, STREAM, HELLO, STREAM) as server:
        asyncio.run(main(provider(server.root)))
    assert server.connections == 1


def test_it_can_be_asked_again_after_closing() -> None:
    async def main(asked: AnthropicProvider) -> None:
        for _ in range(2):
            assert (await asked.generate(REQUEST)).text == "Hi."
            await asked.aclose()

    with serving(HELLO) as server:
        asyncio.run(main(provider(server.root)))
    assert server.connections == 2


def test_a_server_that_does_not_hang_up_costs_a_moment_at_most() -> None:
    with serving(Answer(pieces=sse(*text_events("Hi."), done=False), then="hang")) as server:
        began = time.perf_counter()
        _, answer = stream(provider(server.root, idle_timeout=30), REQUEST)
        assert time.perf_counter() - began < 5
    assert answer.text == "Hi."


def test_leaving_a_stream_closes_the_connection_at_once() -> None:
    async def main(asked: AnthropicProvider) -> bool:
        events = asked.stream(REQUEST)
        first = await anext(events)
        assert isinstance(first, TextDelta)
        assert first.text == "Hi"
        await cast("Any", events).aclose()
        left = await asyncio.to_thread(server.seen[0].left.wait, 5)
        await asked.aclose()
        return left

    with serving(Answer(pieces=BEGUN, then="hang")) as server:
        assert asyncio.run(main(provider(server.root)))


@pytest.mark.parametrize("streaming", [True, False])
def test_cancelling_closes_the_connection_at_once(streaming: bool) -> None:
    async def ask(asked: AnthropicProvider) -> None:
        if streaming:
            async for _ in asked.stream(REQUEST):
                pass
        else:
            await asked.generate(REQUEST)

    async def main(asked: AnthropicProvider) -> bool:
        task = asyncio.create_task(ask(asked))
        assert await asyncio.to_thread(server.arrived.wait, 5)
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        left = await asyncio.to_thread(server.seen[0].left.wait, 5)
        await asked.aclose()
        return left

    with serving(Answer(pieces=BEGUN, then="hang")) as server:
        assert asyncio.run(main(provider(server.root)))


def test_idle_time_is_between_bytes_not_in_all() -> None:
    pieces = sse(*text_events(*"aaaaaaaa"), done=False)
    with serving(Answer(pieces=pieces, pause=0.1)) as server:
        _, answer = stream(provider(server.root, idle_timeout=0.5), REQUEST)
        assert answer.text == "a" * 8
        with pytest.raises(Timeout):
            stream(provider(server.root, idle_timeout=0.03), REQUEST)


# --- through the client ---


def client(url: str, **config: Any) -> fmsdk.Client:
    return fmsdk.Client(providers={"anthropic": provider(url)}, **config)


def test_the_client_routes_prices_and_times_both_ways() -> None:
    usage = {"input_tokens": 100, "output_tokens": 50, "service_tier": "standard"}
    served = {"model": "claude-haiku-4-5-20251001", "usage": usage}
    payloads = text_events("Hi.", usage={"output_tokens": 50})
    payloads[0]["message"] |= {**served, "usage": {**usage, "output_tokens": 1}}
    answers = Answer(message("Hi.", **served)), Answer(pieces=sse(*payloads, done=False))
    with serving(*answers) as server, client(server.root) as asking:
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
    with serving(busy, busy, HELLO, busy, cut) as server, client(server.root) as asking:
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
    with serving(HELLO) as server, client(server.root) as asking:
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
        with serving(answer, second) as server, client(server.root) as asking:
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
    with serving(HELLO) as server:
        generate(provider(server.root), asked([Image(path), "What?"]))
    content = server.seen[0].body["messages"][0]["content"]
    assert content[0]["source"]["data"].startswith("iVBOR")
