"""Small valid media files, each unlike every other, so that their bytes in a body are a proof;
and a shelf to have them on: in a folder, and behind a URL."""

from __future__ import annotations

import hashlib
import io
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from PIL import Image as PillowImage

from fmsdk.media.audio import encode_wav

__all__ = ["MIMES", "File", "Shelf", "digest", "film", "paper", "picture", "recording", "shelf"]

MIMES = {
    ".png": "image/png",
    ".wav": "audio/wav",
    ".mp4": "video/mp4",
    ".pdf": "application/pdf",
}


def digest(data: bytes) -> str:
    """A name for these bytes and no others."""
    return hashlib.sha256(data).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class File:
    """A file's bytes, named after them."""

    data: bytes
    suffix: str

    @property
    def name(self) -> str:
        return digest(self.data) + self.suffix

    @property
    def mime(self) -> str:
        return MIMES[self.suffix]


@cache
def pillow(number: int) -> Any:
    """A picture as PIL has it."""
    return PillowImage.new("RGB", (8, 8), (number % 256, number // 256 % 256, 7))


@cache
def picture(number: int) -> File:
    """A PNG of 8x8 pixels."""
    buffer = io.BytesIO()
    pillow(number).save(buffer, "PNG")
    return File(buffer.getvalue(), ".png")


def samples(number: int) -> list[float]:
    """A tenth of a second of sound, at 8,000 samples a second."""
    return [((number + 1) * t % 97) / 97 - 0.5 for t in range(800)]


@cache
def recording(number: int) -> File:
    """A WAV of a tenth of a second."""
    return File(encode_wav(samples(number), 8000), ".wav")


@cache
def film(number: int) -> File:
    """The boxes of an MP4 of two seconds, with nothing to see in them."""
    mvhd = _box(b"mvhd", struct.pack(">IIIII", 0, 0, 0, 1000, 2000) + bytes(80))
    boxes = _box(b"ftyp", b"isom" + bytes(4)) + _box(b"moov", mvhd)
    return File(boxes + _box(b"mdat", struct.pack(">Q", number)), ".mp4")


def _box(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", 8 + len(body)) + name + body


@cache
def paper(number: int) -> File:
    """A PDF of one page."""
    return File(
        b"%%PDF-1.4\n%%%d\n1 0 obj\n<</Type/Catalog /Pages 2 0 R>>\nendobj\n"
        b"2 0 obj\n<</Type/Pages /Kids [] /Count 1>>\nendobj\n"
        b"trailer\n<</Root 1 0 R>>\nstartxref\n0\n%%%%EOF\n" % number,
        ".pdf",
    )


class Shelf:
    """A folder of files that are also served at a URL. Whatever its path, a file's name says
    which bytes it has."""

    def __init__(self, folder: Path, url: str, files: dict[str, File]) -> None:
        self._folder = folder
        self._url = url
        self._files = files

    def path(self, file: File) -> Path:
        """The file in the folder."""
        path = self._folder / file.name
        if not path.exists():
            path.write_bytes(file.data)
        return path

    def url(self, file: File) -> str:
        """The file's URL."""
        self._files[file.name] = file
        return f"{self._url}/{file.name}"


@contextmanager
def shelf(folder: Path) -> Iterator[Shelf]:
    """A running shelf."""
    files: dict[str, File] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            file = files[self.path.lstrip("/")]
            self.send_response(200)
            self.send_header("Content-Type", file.mime)
            self.send_header("Content-Length", str(len(file.data)))
            self.end_headers()
            self.wfile.write(file.data)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield Shelf(folder, f"http://127.0.0.1:{server.server_address[1]}", files)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
