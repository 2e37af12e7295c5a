"""A vendor that keeps its own bill: an OpenAI-compatible server on loopback that answers, refuses,
breaks off, stays silent or fails after its work, and writes down what each request really costs."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from decimal import Decimal
from typing import Any

from tests.support.loop_server import LoopServer

__all__ = ["FATES", "INPUT_PRICE", "MODEL", "OUTPUT_PRICE", "BillingServer", "run_billing_server"]

MODEL = "openai:gpt-4o"
INPUT_PRICE, OUTPUT_PRICE = Decimal("2.5E-6"), Decimal("1E-5")
FATES = (
    "answer", "answer", "answer", "no usage", "rate limit", "bad request", "server error",
    "broken", "silent", "reset",
)  # fmt: skip
"""What becomes of a request. All but "rate limit" and "bad request" are billed."""


class BillingServer(LoopServer):
    """`bill` is what all requests cost, in US dollars."""

    def __init__(self, seed: int, fates: tuple[str, ...] = FATES) -> None:
        self.bill = Decimal(0)
        self.requests = 0
        self._random = random.Random(seed)
        self._fates = fates
        super().__init__()
        self.url = f"{self.root}/v1"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                while True:
                    head = await reader.readuntil(b"\r\n\r\n")
                    fields = dict(
                        line.lower().split(": ", 1)
                        for line in head.decode().split("\r\n")[1:]
                        if line
                    )
                    body = json.loads(await reader.readexactly(int(fields["content-length"])))
                    if not await self._answer(body, writer):
                        return
        finally:
            writer.transport.abort()

    async def _answer(self, body: Any, writer: asyncio.StreamWriter) -> bool:
        self.requests += 1
        fate = self._random.choice(self._fates)
        if fate in ("rate limit", "bad request"):
            status = 429 if fate == "rate limit" else 400
            await self._send(writer, status, {"error": {"message": "no"}})
            return True
        prompt = sum(len(str(message["content"])) for message in body["messages"])
        tokens_in = self._random.randint(1, prompt + 4)
        tokens_out = self._random.randint(
            1, body.get("max_tokens") or body["max_completion_tokens"]
        )
        if fate == "no usage":  # the client can only settle with its estimate of what it sees
            tokens_in, tokens_out = 1, 2
        self.bill += tokens_in * INPUT_PRICE + tokens_out * OUTPUT_PRICE
        await asyncio.sleep(self._random.random() * 0.02)
        if fate == "silent":
            await asyncio.sleep(0.3)
        if fate in ("silent", "reset"):
            return False
        if fate == "server error":
            await self._send(writer, 500, {"error": {"message": "after the work was done"}})
            return True
        usage = {"prompt_tokens": tokens_in, "completion_tokens": tokens_out}
        usage["total_tokens"] = tokens_in + tokens_out
        if body.get("stream"):
            return await self._stream(writer, fate, usage)
        choice = {"message": {"role": "assistant", "content": "Yes."}, "finish_reason": "stop"}
        answer: dict[str, Any] = {"id": "1", "model": "gpt-4o", "choices": [{"index": 0, **choice}]}
        if fate != "no usage":
            answer["usage"] = usage
        await self._send(writer, 200, answer, cut=fate == "broken")
        return fate != "broken"

    async def _stream(self, writer: asyncio.StreamWriter, fate: str, usage: Any) -> bool:
        head = b"HTTP/1.1 200 X\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked"
        writer.write(head + b"\r\n\r\n")
        base = {"id": "1", "model": "gpt-4o"}
        deltas: list[Any] = [
            {**base, "choices": [{"index": 0, "delta": {"content": "Yes"}, "finish_reason": None}]},
            {**base, "choices": [{"index": 0, "delta": {"content": "."}, "finish_reason": "stop"}]},
        ]
        if fate == "broken":
            deltas.pop()
        elif fate != "no usage":
            deltas.append({**base, "choices": [], "usage": usage})
        for delta in deltas:
            event = f"data: {json.dumps(delta)}\n\n".encode()
            writer.write(b"%x\r\n%s\r\n" % (len(event), event))
            await writer.drain()
            await asyncio.sleep(0.002)
        if fate == "broken":
            return False
        writer.write(b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n")
        await writer.drain()
        return True

    async def _send(
        self, writer: asyncio.StreamWriter, status: int, document: Any, *, cut: bool = False
    ) -> None:
        body = json.dumps(document).encode()
        head = f"HTTP/1.1 {status} X\r\ncontent-type: application/json\r\n"
        writer.write(f"{head}content-length: {len(body)}\r\n\r\n".encode())
        writer.write(body[: len(body) // 2] if cut else body)
        await writer.drain()


@contextmanager
def run_billing_server(seed: int, fates: tuple[str, ...] = FATES) -> Iterator[BillingServer]:
    """A `BillingServer`, closed at the end."""
    server = BillingServer(seed, fates)
    try:
        yield server
    finally:
        server.close()
