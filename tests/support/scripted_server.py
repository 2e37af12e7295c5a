"""A scripted server on loopback, over real sockets: whatever it is told to answer or to break."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Answer", "Raw", "ReceivedRequest", "Server", "run_server", "sse"]


@dataclass
class Answer:
    """One answer of the server. `pieces` are HTTP chunks, a pause before each but the first;
    afterwards the body ends, or with `then` the connection is reset or left hanging."""

    body: Any = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    pieces: list[bytes] | None = None
    pause: float = 0.0
    then: str = "end"

    def write(self, connection: socket.socket) -> None:
        body = self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()
        mime = "application/json" if self.pieces is None else "text/event-stream"
        head = {"content-type": mime, **self.headers}
        if self.pieces is None:
            head["content-length"] = str(len(body))
        else:
            head["transfer-encoding"] = "chunked"
        lines = [f"HTTP/1.1 {self.status} X", *(f"{k}: {v}" for k, v in head.items()), "", ""]
        connection.sendall("\r\n".join(lines).encode())
        for n, piece in enumerate(self.pieces or ()):
            time.sleep(self.pause if n else 0)
            connection.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))
        if self.pieces is None:
            connection.sendall(body)
        elif self.then == "end":
            connection.sendall(b"0\r\n\r\n")


@dataclass
class Raw(Answer):
    """These bytes as they stand; then the server says no more, unless `then` says otherwise."""

    def write(self, connection: socket.socket) -> None:
        connection.sendall(self.body)
        if self.then == "end":
            connection.shutdown(socket.SHUT_WR)


@dataclass
class ReceivedRequest:
    """A request that the server got (without a body: None), and when its client went away, if it
    did."""

    path: str
    headers: dict[str, str]
    body: Any
    raw: bytes = b""
    left: threading.Event = field(default_factory=threading.Event)


class Server:
    """Answers request after request, the last answer over and over. An answer may be a function
    of the request."""

    def __init__(self, answers: list[Answer | Callable[[ReceivedRequest], Answer]]) -> None:
        self.answers = answers
        self.seen: list[ReceivedRequest] = []
        self.connections = 0
        self.arrived = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self.root = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.url = f"{self.root}/v1"
        self._thread = threading.Thread(target=self._accept)
        self._thread.start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()
        for connection in self._open:
            connection.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            # Head and body go out apart; Nagle would hold the body back for 40 ms.
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._open.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as reader:
            try:
                while request := _request(reader):
                    answer = self.answers[min(len(self.seen), len(self.answers) - 1)]
                    self.seen.append(request)
                    self.arrived.set()
                    answer = answer if isinstance(answer, Answer) else answer(request)
                    answer.write(connection)
                    if answer.then == "reset":
                        connection.setsockopt(
                            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
                        )
                        return
                    if answer.then == "hang":
                        reader.read(1)
                        request.left.set()
                        return
            except OSError:
                self.seen[-1].left.set()


def _request(reader: Any) -> ReceivedRequest | None:
    first = reader.readline().split()
    if not first:
        return None
    headers: dict[str, str] = {}
    while line := reader.readline().strip().decode():
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    body = reader.read(int(headers.get("content-length", 0)))
    return ReceivedRequest(first[1].decode(), headers, json.loads(body) if body else None, body)


@contextmanager
def run_server(*answers: Answer | Callable[[ReceivedRequest], Answer]) -> Iterator[Server]:
    """A running server."""
    server = Server(list(answers))
    try:
        yield server
    finally:
        server.close()


def sse(*payloads: Any, done: bool = True) -> list[bytes]:
    """Payloads as server-sent events, a piece each."""
    texts = [json.dumps(payload, ensure_ascii=False) for payload in payloads]
    return [f"data: {text}\n\n".encode() for text in (*texts, *(["[DONE]"] if done else []))]
