"""The loopback server, a process of its own: `python -m benchmarks.hosted.server` prints its port.

It answers a request by what its path ends in, at once or, below `/paced`, a chunk every 2 ms.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from benchmarks.hosted.wires import WIRES, Wire

__all__ = ["running"]

PACE = 0.002
_STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nx-request-id: r\r\n"
    b"transfer-encoding: chunked\r\n\r\n"
)
_PLAIN_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-request-id: r\r\n"
_END = b"0\r\n\r\n"


def _chunked(event: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(event), event)


async def _connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    # The SDKs hang up after a stream.
    with suppress(asyncio.IncompleteReadError, ConnectionError):
        while True:
            await _answer(reader, writer)
    writer.close()


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    body = await _body(reader, head)
    path = head.split(b" ", 2)[1].partition(b"?")[0].decode()
    streams = b'"stream":true' in body.replace(b" ", b"") or ":stream" in path
    wire = _wire(path.replace(":streamGenerateContent", ":generateContent"))
    if not streams:
        writer.write(_PLAIN_HEAD + b"content-length: %d\r\n\r\n" % len(wire.whole) + wire.whole)
    elif path.startswith("/paced"):
        writer.write(_STREAM_HEAD)
        for event in wire.events:
            await asyncio.sleep(PACE)
            writer.write(_chunked(event))
        writer.write(_END)
    else:
        writer.write(_STREAM_HEAD + b"".join(map(_chunked, wire.events)) + _END)
    await writer.drain()


async def _body(reader: asyncio.StreamReader, head: bytes) -> bytes:
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    return await reader.readexactly(length)


def _wire(path: str) -> Wire:
    return next(wire for wire in WIRES.values() if path.endswith(wire.path))


async def _serve() -> None:
    server = await asyncio.start_server(_connected, "127.0.0.1", 0, limit=2**24)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextmanager
def running() -> Iterator[str]:
    """The root URL of a running server."""
    command = [sys.executable, "-m", "benchmarks.hosted.server"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(server.stdout.readline())}"
        finally:
            server.kill()


if __name__ == "__main__":
    asyncio.run(_serve())
