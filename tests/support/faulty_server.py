"""A server that breaks its answers in 18 ways, over real sockets, and counts who asked what.

Each question names its own fault and answer, so that what has to come of it is known beforehand.
"""

from __future__ import annotations

import asyncio
import json
import re
import socket
import struct
from collections import Counter
from contextlib import suppress
from typing import Any

from tests.support.hosted.wires import Wire

__all__ = ["FATAL", "FAULTS", "FaultyServer"]

_STATUSES = {
    "400": (400, {}),
    "401": (401, {}),
    "404": (404, {}),
    "408": (408, {}),
    "429": (429, {"retry-after": "0"}),
    "500": (500, {}),
    "503": (503, {"retry-after-ms": "0"}),
    "529": (529, {}),
}
_CONNECTIONS = ("reset", "close", "silence", "rubbish")
_BODIES = ("half", "empty", "no_json", "cut_utf8", "stall", "bad_chunks")
FAULTS = (*_STATUSES, *_CONNECTIONS, *_BODIES)
"""18 of them."""
FATAL = frozenset({"400", "401", "404"})
"""Those that another attempt cannot help."""
QUESTION = re.compile(r"question (\d+) fault (\w+)")


class FaultyServer:
    """Serves one wire on the running loop. `requests` counts them by the number of the question."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self.requests: Counter[int] = Counter()
        self.connected = 0
        self.root = ""

    async def start(self) -> asyncio.Server:
        """Listen on a free port of loopback."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=512)
        self.root = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        return server

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connected += 1
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                while await self._answer(reader, writer):
                    pass
        finally:
            self.connected -= 1
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = re.search(r"content-length: (\d+)", head, re.IGNORECASE)
        body = json.loads(await reader.readexactly(int(length[1]) if length else 0))
        match = QUESTION.search(self._wire.question(body))
        assert match is not None
        number, fault = int(match[1]), match[2]
        self.requests[number] += 1
        # The last attempt of every second question is answered.
        if fault == "none" or (number % 2 and self.requests[number] > 2):
            await asyncio.sleep(0.005)
            text = f"answer {number}"
            if self._wire.is_streamed(head, body):
                return await self._send_events(writer, self._wire.events(*text))
            return _send(writer, 200, json.dumps(self._wire.body(text)).encode())
        if fault in _STATUSES:
            status, headers = _STATUSES[fault]
            return _send(writer, status, b'{"error": {"message": "no"}}', headers)
        whole = json.dumps(self._wire.body("wrong \U0001f600"), ensure_ascii=False).encode()
        return await self._break(reader, writer, fault, whole)

    async def _send_events(self, writer: asyncio.StreamWriter, events: list[bytes]) -> bool:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n")
        writer.write(b"transfer-encoding: chunked\r\n\r\n")
        for event in events:
            writer.write(b"%x\r\n%b\r\n" % (len(event), event))
            await writer.drain()
            await asyncio.sleep(0.001)
        writer.write(b"0\r\n\r\n")
        return True

    async def _break(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, fault: str, whole: bytes
    ) -> bool:
        if fault == "reset":
            own: Any = writer.get_extra_info("socket")
            own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif fault == "rubbish":
            writer.write(b"\x00\xff no HTTP at all\r\n\r\n")
        elif fault == "empty":
            return _send(writer, 200, b"")
        elif fault == "no_json":
            return _send(writer, 200, whole[:-20])
        elif fault == "cut_utf8":
            return _send(writer, 200, whole.replace("\U0001f600".encode(), b"\xf0\x9f"))
        elif fault == "bad_chunks":
            writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nabc\r\n")
        elif fault in ("half", "stall"):
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n")
            writer.write(b"content-length: %d\r\n\r\n%b" % (len(whole), whole[: len(whole) // 2]))
        if fault in ("silence", "stall"):
            await reader.read(1)  # until the client leaves
        return False


def _send(
    writer: asyncio.StreamWriter, status: int, body: bytes, headers: dict[str, str] | None = None
) -> bool:
    lines = [f"HTTP/1.1 {status} X", "content-type: application/json"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    writer.write("\r\n".join([*lines, f"content-length: {len(body)}", "", ""]).encode() + body)
    return True
