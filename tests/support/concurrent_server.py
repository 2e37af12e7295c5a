"""A server for a thousand clients at once: an event loop in a thread of its own, over real
sockets, that hands every request to a function and counts who is connected.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tests.support.loop_server import LoopServer

__all__ = ["BusyServer", "Reply", "run_concurrent_server"]

Reply = Callable[[str, Any], bytes | list[bytes]]
"""From a request's path and decoded body to a whole answer, or to the pieces of a stream."""


class BusyServer(LoopServer):
    """Answers after `delay` seconds, and as long between the pieces of a stream.

    `connected` is how many clients are connected now, `most` the most at once, `served` how many
    answers went out whole.
    """

    def __init__(self, reply: Reply, delay: float) -> None:
        self._reply = reply
        self._delay = delay
        self.connected = self.most = self.served = 0
        super().__init__()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connected += 1
        self.most = max(self.most, self.connected)
        try:
            while await self._answer(reader, writer):
                self.served += 1
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self.connected -= 1
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = await reader.readuntil(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        fields = dict(line.lower().split(": ", 1) for line in lines[1:] if line)
        body = await reader.readexactly(int(fields["content-length"]))
        answer = self._reply(lines[0].split()[1], json.loads(body))
        await self._pause(reader)
        if isinstance(answer, bytes):
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n")
            writer.write(b"content-length: %d\r\n\r\n%b" % (len(answer), answer))
            await writer.drain()
            return True
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n")
        writer.write(b"transfer-encoding: chunked\r\n\r\n")
        for piece in answer:
            writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            await writer.drain()
            await self._pause(reader)
        writer.write(b"0\r\n\r\n")
        await writer.drain()
        return True

    async def _pause(self, reader: asyncio.StreamReader) -> None:
        """Wait; a client that leaves meanwhile is gone at once."""
        if not self._delay:
            await asyncio.sleep(0)
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._delay):
                await reader.read(1)
                raise ConnectionResetError


@contextmanager
def run_concurrent_server(reply: Reply, delay: float = 0.0) -> Iterator[BusyServer]:
    """A running server."""
    server = BusyServer(reply, delay)
    try:
        yield server
    finally:
        server.close()
