"""CPU per call and per streamed chunk, beside OpenAI's own SDK underneath, in one run.

Both talk to the same loopback server, which is a process of its own; fmsdk prices and times every
answer, the SDK builds its typed objects. Rounds alternate between the two, so that whatever else
the machine does hits both; figures are medians over rounds, ratios medians of each round's ratio.
CPU is that of all threads of this process. Slowly arriving chunks have no limit for the sync
client: the SDK's reads its socket without an event loop and a thread to wake, which costs half.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import openai

import fmsdk
from fmsdk.response import TextDelta

MODEL = "gpt-4o-mini"
CHUNKS = 300
PACE = 0.002
PROMPT = "Say hello."

Repeat = Callable[[int], object]


@dataclass(frozen=True)
class Line:
    """A comparison: fmsdk's CPU may be at most `limit` times the SDK's. Both repeat their work as
    often as they are told; `units` (calls, or chunks) is how much of it one repetition is. A limit
    of None is for information."""

    name: str
    ours: Repeat
    theirs: Repeat
    limit: float | None
    rounds: int
    repeat: int
    units: int = 1


# --- the server, a process of its own ---

USAGE = {
    "prompt_tokens": 8,
    "completion_tokens": CHUNKS,
    "total_tokens": 8 + CHUNKS,
    "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
}
COMMON = {"id": "chatcmpl-1", "created": 1, "model": MODEL, "service_tier": "default"}
WHOLE = {
    **COMMON,
    "object": "chat.completion",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Hello! How can I help?", "refusal": None},
            "logprobs": None,
            "finish_reason": "stop",
        }
    ],
    "usage": USAGE,
}
RESPONSE = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1,
    "status": "completed",
    "model": MODEL,
    "output": [
        {
            "id": "msg_1",
            "type": "message",
            "status": "completed",
            "role": "assistant",
            "content": [
                {"type": "output_text", "text": "Hello! How can I help?", "annotations": []}
            ],
        }
    ],
    "parallel_tool_calls": True,
    "tool_choice": "auto",
    "tools": [],
    "usage": {
        "input_tokens": 8,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": CHUNKS,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 8 + CHUNKS,
    },
}


def _chunk(delta: dict[str, Any], finish: str | None = None, usage: Any = None) -> bytes:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    choices = [] if usage else [choice]
    body = {**COMMON, "object": "chat.completion.chunk", "choices": choices, "usage": usage}
    event = f"data: {json.dumps(body, separators=(',', ':'))}\n\n".encode()
    return b"%x\r\n%s\r\n" % (len(event), event)


EVENTS = [
    _chunk({"role": "assistant", "content": "", "refusal": None}),
    *(_chunk({"content": f" word{n}"}) for n in range(CHUNKS)),
    _chunk({}, "stop"),
    _chunk({}, usage=USAGE),
    b"e\r\ndata: [DONE]\n\n\r\n",
]
END = b"0\r\n\r\n"
STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nx-request-id: r\r\n"
    b"transfer-encoding: chunked\r\n\r\n"
)


def _plain(body: dict[str, Any]) -> bytes:
    data = json.dumps(body).encode()
    head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-request-id: r\r\n"
    return f"{head}content-length: {len(data)}\r\n\r\n".encode() + data


async def _connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    # The SDK hangs up after each stream.
    with suppress(asyncio.IncompleteReadError, ConnectionError):
        await _answer(reader, writer)
    writer.close()


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    chat, responses = _plain(WHOLE), _plain(RESPONSE)
    while True:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        body = await reader.readexactly(length)
        if b'"stream":true' not in body:
            writer.write(responses if head.startswith(b"POST /v1/responses") else chat)
        elif head.startswith(b"POST /paced"):
            writer.write(STREAM_HEAD)
            for event in EVENTS:
                await asyncio.sleep(PACE)
                writer.write(event)
            writer.write(END)
        else:
            writer.write(STREAM_HEAD + b"".join(EVENTS) + END)
        await writer.drain()


async def _serve() -> None:
    server = await asyncio.start_server(_connected, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


# --- the clients ---


def _client(kind: Any, url: str, api: str = "chat") -> Any:
    return kind(providers={"openai": {"base_url": url, "api_key": "sk-none", "api": api}})


def _sdk(kind: Any, url: str) -> Any:
    return kind(base_url=url, api_key="sk-none", max_retries=0)


MESSAGES: Any = [{"role": "user", "content": PROMPT}]
STREAMED: Any = {"stream": True, "stream_options": {"include_usage": True}}


class Asynchronous:
    """`AsyncClient` and `AsyncOpenAI`, on one event loop."""

    def __init__(self, runner: asyncio.Runner, root: str) -> None:
        self._runner = runner
        self._root = root

    def _repeat(self, ask: Callable[[], Awaitable[object]]) -> Repeat:
        async def times(count: int) -> None:
            for _ in range(count):
                await ask()

        return lambda count: self._runner.run(times(count))

    def calls(self, api: str) -> tuple[Repeat, Repeat]:
        ours = _client(fmsdk.AsyncClient, f"{self._root}/v1", api)
        theirs = _sdk(openai.AsyncOpenAI, f"{self._root}/v1")

        async def ask() -> None:
            answer = await ours.generate(f"openai:{MODEL}", PROMPT)
            assert answer.cost is not None

        async def ask_sdk() -> None:
            if api == "chat":
                await theirs.chat.completions.create(model=MODEL, messages=MESSAGES)
            else:
                await theirs.responses.create(model=MODEL, input=MESSAGES, store=False)

        return self._repeat(ask), self._repeat(ask_sdk)

    def streams(self, path: str = "") -> tuple[Repeat, Repeat]:
        ours = _client(fmsdk.AsyncClient, f"{self._root}{path}/v1")
        theirs = _sdk(openai.AsyncOpenAI, f"{self._root}{path}/v1")

        async def ask() -> None:
            async with ours.stream(f"openai:{MODEL}", PROMPT) as stream:
                count = sum([isinstance(event, TextDelta) async for event in stream])
            assert count == CHUNKS
            assert stream.response.cost is not None

        async def ask_sdk() -> None:
            stream = await theirs.chat.completions.create(
                model=MODEL, messages=MESSAGES, **STREAMED
            )
            count = sum([bool(c.choices and c.choices[0].delta.content) async for c in stream])
            assert count == CHUNKS

        return self._repeat(ask), self._repeat(ask_sdk)


class Synchronous:
    """`Client` and `OpenAI`."""

    def __init__(self, root: str) -> None:
        self._root = root

    def _repeat(self, ask: Callable[[], object]) -> Repeat:
        def times(count: int) -> None:
            for _ in range(count):
                ask()

        return times

    def calls(self) -> tuple[Repeat, Repeat]:
        ours = _client(fmsdk.Client, f"{self._root}/v1")
        theirs = _sdk(openai.OpenAI, f"{self._root}/v1")

        def ask() -> None:
            assert ours.generate(f"openai:{MODEL}", PROMPT).cost is not None

        def ask_sdk() -> None:
            theirs.chat.completions.create(model=MODEL, messages=MESSAGES)

        return self._repeat(ask), self._repeat(ask_sdk)

    def streams(self, path: str = "") -> tuple[Repeat, Repeat]:
        ours = _client(fmsdk.Client, f"{self._root}{path}/v1")
        theirs = _sdk(openai.OpenAI, f"{self._root}{path}/v1")

        def ask() -> None:
            with ours.stream(f"openai:{MODEL}", PROMPT) as stream:
                assert sum(isinstance(event, TextDelta) for event in stream) == CHUNKS
            assert stream.response.cost is not None

        def ask_sdk() -> None:
            stream = theirs.chat.completions.create(model=MODEL, messages=MESSAGES, **STREAMED)
            assert sum(bool(c.choices and c.choices[0].delta.content) for c in stream) == CHUNKS

        return self._repeat(ask), self._repeat(ask_sdk)


# --- the comparison ---


def _cpu(work: Repeat, line: Line) -> float:
    began = time.process_time()
    work(line.repeat)
    return (time.process_time() - began) / line.repeat / line.units


def measure(line: Line) -> tuple[float, float, float]:
    """Median seconds of CPU a unit, ours and theirs, and the median of the rounds' ratios."""
    line.ours(2)
    line.theirs(2)
    rounds = [(_cpu(line.ours, line), _cpu(line.theirs, line)) for _ in range(line.rounds)]
    ours, theirs = zip(*rounds, strict=True)
    ratios = [mine / other for mine, other in rounds]
    return statistics.median(ours), statistics.median(theirs), statistics.median(ratios)


def _lines(runner: asyncio.Runner, root: str) -> list[Line]:
    later, now = Asynchronous(runner, root), Synchronous(root)
    burst, paced = {"rounds": 15, "repeat": 4}, {"rounds": 4, "repeat": 1}
    return [
        Line("call, async, Chat", *later.calls("chat"), 1.0, 21, 30),
        Line("call, async, Responses", *later.calls("responses"), 1.0, 21, 30),
        Line("call, sync, Chat", *now.calls(), 1.35, 21, 30),
        Line("chunk in bursts, async", *later.streams(), 0.25, **burst, units=CHUNKS),
        Line("chunk in bursts, sync", *now.streams(), 0.25, **burst, units=CHUNKS),
        Line("chunk every 2 ms, async", *later.streams("/paced"), 0.75, **paced, units=CHUNKS),
        Line("chunk every 2 ms, sync", *now.streams("/paced"), None, **paced, units=CHUNKS),
    ]


def main() -> int:
    command = [sys.executable, "-m", "benchmarks.openai_overhead", "serve"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        root = f"http://127.0.0.1:{int(server.stdout.readline())}"
        print(f"{'CPU of one':26} {'fmsdk µs':>9} {'openai µs':>10} {'ratio':>6} {'limit':>6}")
        missed = 0
        with asyncio.Runner() as runner:
            for line in _lines(runner, root):
                ours, theirs, ratio = measure(line)
                is_over = line.limit is not None and ratio > line.limit
                missed += is_over
                limit = "–" if line.limit is None else f"{line.limit:.2f}"
                figures = f"{1e6 * ours:9.1f} {1e6 * theirs:10.1f} {ratio:6.2f} {limit:>6}"
                print(f"{line.name:26} {figures}{'  MISSED' if is_over else ''}")
        server.kill()
    return 1 if missed else 0


if __name__ == "__main__":
    if sys.argv[1:] == ["serve"]:
        asyncio.run(_serve())
    else:
        sys.exit(main())
