"""A web server with media on it, whole and broken, and with what a hostile one would send."""

from __future__ import annotations

import gzip
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.support.media_files import picture, wav


def png(size: tuple[int, int] = (20, 10)) -> bytes:
    return picture("PNG", size)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Any

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        self.server.seen.append((self.path, dict(self.headers)))
        route = getattr(self, f"get_{path.strip('/').replace('.', '_')}", None)
        if route:
            route()
        else:
            self.answer(404, b"")

    def answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def stream(self, chunks: Iterator[bytes] | list[bytes]) -> None:
        self.send_response(200)
        self.send_header("Connection", "close")
        self.end_headers()
        for chunk in chunks:
            self.wfile.write(chunk)

    def get_cat_png(self) -> None:
        self.answer(200, png(), Content_Type="image/png; charset=x")

    def get_notes_csv(self) -> None:
        self.answer(200, b"a,b\n", Content_Type="text/csv; charset=utf-8")

    def get_zipped(self) -> None:
        self.answer(200, gzip.compress(png()), Content_Encoding="gzip")

    def get_packed(self) -> None:
        """What the test has put there."""
        body, headers = self.server.packed
        self.answer(200, body, **headers)

    def get_bomb(self) -> None:
        self.answer(200, gzip.compress(bytes(2_000_000)), Content_Encoding="gzip")

    def get_nested(self) -> None:
        body = gzip.compress(gzip.compress(bytes(50_000_000), 1), 9)
        assert len(body) < 20_000
        self.answer(200, body, Content_Encoding="gzip, gzip")

    def get_song_wav(self) -> None:
        self.answer(200, wav(2.0))

    def get_notes_md(self) -> None:
        self.answer(200, b"# Notes", Content_Type="application/octet-stream")

    def get_notes(self) -> None:
        self.answer(200, b"# Notes")

    def get_garbled(self) -> None:
        self.answer(200, b"not gzip", Content_Encoding="gzip")

    def get_page(self) -> None:
        self.answer(200, b"<!doctype html><p>Not found, sorry")

    def get_cut(self) -> None:
        self.stream([png()[:-20]])

    def get_broken(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(png())
        self.close_connection = True

    def get_endless(self) -> None:
        chunk = bytes(65_536)
        self.stream(chunk for _ in range(1000))

    def get_slow(self) -> None:
        self.stream(self.drops())

    def drops(self) -> Iterator[bytes]:
        for _ in range(100):
            yield b"x"
            time.sleep(0.05)

    def get_busy(self) -> None:
        self.answer(503, b"")

    def get_away(self) -> None:
        self.answer(302, b"", Location="/cat.png")

    def get_loop(self) -> None:
        self.answer(302, b"", Location="/loop")

    def get_elsewhere(self) -> None:
        self.answer(302, b"", Location=self.server.elsewhere)


@contextmanager
def run_media_server(
    context: ssl.SSLContext | None = None, host: str = "127.0.0.1"
) -> Iterator[Any]:
    server: Any = ThreadingHTTPServer((host, 0), _Handler)
    server.seen, server.elsewhere, server.packed = [], "", (b"", {})
    server.handle_error = lambda *_: None  # clients hang up on purpose here
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def at(server: Any, path: str, host: str = "127.0.0.1", user: str = "") -> str:
    return f"http://{user}{host}:{server.server_port}/{path}"
