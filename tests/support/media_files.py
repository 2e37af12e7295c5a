"""Media files of every format that is checked here, made by the libraries people make them with,
or box by box where none is at hand."""

from __future__ import annotations

import io
import math
import struct
import zipfile
from fractions import Fraction
from functools import cache
from typing import Any

import av
import numpy as np
import soundfile
from PIL import Image as PillowImage

from fmsdk.media.audio import encode_wav


def picture(form: str, size: tuple[int, int] = (40, 30), **options: Any) -> bytes:
    buffer = io.BytesIO()
    PillowImage.radial_gradient("L").resize(size).convert("RGB").save(buffer, form, **options)
    return buffer.getvalue()


def animation(form: str, frames: int = 3, size: tuple[int, int] = (40, 30)) -> bytes:
    first, *rest = (PillowImage.new("RGB", size, (9 * n % 256, n % 256, 0)) for n in range(frames))
    buffer = io.BytesIO()
    first.save(buffer, form, save_all=True, append_images=rest)
    return buffer.getvalue()


def wav(seconds: float = 0.5, rate: int = 8000) -> bytes:
    return encode_wav([math.sin(t / 9) for t in range(int(seconds * rate))], rate)


def noise(seconds: float = 2.0, rate: int = 16_000) -> np.ndarray:
    return np.random.default_rng(0).uniform(-0.3, 0.3, int(seconds * rate)).astype(np.float32)


@cache
def sound(form: str, subtype: str, seconds: float = 2.0) -> bytes:
    """A recording as libsndfile writes it."""
    buffer = io.BytesIO()
    soundfile.write(buffer, noise(seconds), 16_000, format=form, subtype=subtype)
    return buffer.getvalue()


class _Pipe(io.RawIOBase):
    """Can be written and not gone back in, as a pipe or a browser's recorder."""

    def __init__(self) -> None:
        self.data = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.data += bytes(data)
        return len(data)


@cache
def encoded(container: str, codec: str, rate: int = 48_000, *, piped: bool = False) -> bytes:
    """A recording as FFmpeg writes it."""
    buffer: Any = _Pipe() if piped else io.BytesIO()
    with av.open(buffer, "w", format=container) as output:
        stream: Any = output.add_stream(codec, rate=rate)
        stream.layout = "mono"
        samples = (noise(2.0, rate) * 32_000).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
        frame.sample_rate = rate
        fifo = av.AudioFifo()
        fifo.write(frame)
        while (piece := fifo.read(960, partial=True)) is not None:
            piece.pts = None
            output.mux(stream.encode(piece))
        output.mux(stream.encode(None))
    return bytes(buffer.data) if piped else buffer.getvalue()


@cache
def film(container: str, codec: str = "libvpx", *, piped: bool = False) -> bytes:
    """A film of half a second as FFmpeg writes it."""
    buffer: Any = _Pipe() if piped else io.BytesIO()
    rng = np.random.default_rng(1)
    with av.open(buffer, "w", format=container) as output:
        stream: Any = output.add_stream(codec, rate=Fraction(20))
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for _ in range(10):
            pixels = rng.integers(0, 256, (48, 64, 3), dtype=np.uint8)
            output.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        output.mux(stream.encode(None))
    return bytes(buffer.data) if piped else buffer.getvalue()


def box(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", 8 + len(body)) + name + body


def mp4(brand: bytes = b"isom", seconds: int = 2) -> bytes:
    mvhd = struct.pack(">IIIII", 0, 0, 0, 1000, seconds * 1000) + bytes(80)
    moov = box(b"moov", box(b"mvhd", mvhd))
    return box(b"ftyp", brand + bytes(4)) + moov + box(b"mdat", bytes(100))


def heic(size: tuple[int, int] = (640, 480)) -> bytes:
    sizes = [box(b"ispe", struct.pack(">III", 0, *each)) for each in ((64, 64), size)]
    return box(b"ftyp", b"heic" + bytes(4)) + box(b"meta", b"".join(sizes)) + box(b"mdat", b"x" * 9)


def pdf(pages: int = 3) -> bytes:
    return (
        b"%%PDF-1.4\n1 0 obj\n<</Type/Catalog /Pages 2 0 R>>\nendobj\n"
        b"2 0 obj\n<</Type/Pages /Kids [] /Count %d>>\nendobj\n"
        b"trailer\n<</Root 1 0 R>>\nstartxref\n0\n%%%%EOF\n" % pages
    )


def office(folder: str = "word", *, contents_last: bool = False, size: int = 5000) -> bytes:
    """A file like those of Word (or Excel: "xl", PowerPoint: "ppt")."""
    names = ["[Content_Types].xml", "_rels/.rels", f"{folder}/document.xml"]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in reversed(names) if contents_last else names:
            archive.writestr(name, b"<x/>" * (size // 4))
    return buffer.getvalue()
