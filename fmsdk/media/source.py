"""Where the bytes of a media part are. They are read no earlier than needed.

A source is a frozen value: `PathSource`, `BytesSource`, `UrlSource`, `PillowSource`,
`SamplesSource` or `FileRef`. `resolve_source` creates one from what a user passes. Sources know
nothing of formats; `fmsdk.media.header` does.
"""

from __future__ import annotations

import base64
import binascii
import io
import os
import re
import sys
from abc import ABC, abstractmethod
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from numbers import Integral, Real
from typing import Any, BinaryIO, Protocol, cast, runtime_checkable
from urllib.parse import unquote_to_bytes

from fmsdk.errors import InvalidMedia
from fmsdk.files import expand_home, open_regular

__all__ = [
    "BytesSource",
    "FileRef",
    "LocalSource",
    "PathSource",
    "PillowSource",
    "SamplesSource",
    "Source",
    "UrlSource",
    "resolve_source",
    "shown_url",
]

_MAX_SHOWN = 200
_NEW_PART = "create a new part from it"
_MOST_SEARCHED = 65_536
_MOST_ESCAPED = 1 << 20
_BASE64 = re.compile(r"[A-Za-z0-9+/_-][A-Za-z0-9+/_\s-]*+=*+\s*+")


@runtime_checkable
class Readable(Protocol):
    """An open binary file."""

    def read(self, size: int = -1, /) -> object: ...


@dataclass(frozen=True, slots=True)
class FileRef:
    """A file that a provider already has, by the provider's id of it."""

    provider: str
    id: str
    mime: str | None = None


def shown_url(url: str) -> str:
    """The URL for messages: without query, fragment, user name and password, which may hold keys;
    at most 200 characters of it."""
    return _shorten(re.sub(r"(?<=//)[^/]*@", "", re.split(r"[?#]", url, maxsplit=1)[0]))


def _shorten(text: str) -> str:
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}…"


@dataclass(frozen=True, slots=True)
class UrlSource:
    """Media behind an http(s) URL; the vendor fetches it, or `fmsdk.media.fetch` does."""

    url: str

    def __repr__(self) -> str:
        return f"UrlSource({shown_url(self.url)!r})"


@dataclass(frozen=True, slots=True)
class BytesSource:
    """Media in memory."""

    data: bytes
    mime: str | None = None

    def read(self) -> bytes:
        return self.data

    def head(self, size: int) -> bytes:
        return self.data[:size]

    def open(self) -> BinaryIO:
        return io.BytesIO(self.data)

    def describe(self) -> str:
        return f"<{len(self.data)} bytes>"

    def __repr__(self) -> str:
        return self.describe()


class _DiskFile(io.RawIOBase):
    """A regular file that raises InvalidMedia where its disk fails during reading, and at its end
    where it was changed since it was opened."""

    def __init__(self, path: str, description: str) -> None:
        self._file = open_regular(path)
        self._description = description
        self.stamp = self._read_stamp()

    def _read_stamp(self) -> tuple[int, ...]:
        state = os.fstat(self._file.fileno())
        return state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    @contextmanager
    def _typed_errors(self) -> Generator[None]:
        try:
            yield
        except OSError as error:
            why = error.strerror or error
            raise InvalidMedia(f"cannot read {self._description}: {why}") from error

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        with self._typed_errors():
            return self._file.seek(offset, whence)

    def readinto(self, buffer: Any, /) -> int | None:
        with self._typed_errors():
            count = self._file.readinto(buffer)
        if not count and self._read_stamp() != self.stamp:
            raise InvalidMedia(f"{self._description} changed while it was read; {_NEW_PART}")
        return count

    def close(self) -> None:
        self._file.close()
        super().close()


@dataclass(frozen=True, slots=True)
class PathSource:
    """Media in a file, opened each time it is read. It must still be the file that it was at the
    first time: what was checked is what is sent."""

    path: str
    _stamp: list[tuple[int, ...]] = field(
        default_factory=list[tuple[int, ...]], init=False, repr=False, compare=False
    )

    def read(self) -> bytes:
        return self.head(-1)

    def head(self, size: int) -> bytes:
        with self.open() as file:
            return file.read(size)

    def open(self) -> BinaryIO:
        try:
            file = _DiskFile(self.path, self.describe())
            if not self._stamp:
                self._stamp.append(file.stamp)
            elif file.stamp != self._stamp[0]:
                file.close()
                raise InvalidMedia(f"{self.describe()} changed after it was read; {_NEW_PART}")
            return io.BufferedReader(file)
        except (OSError, ValueError) as error:
            if _looks_like_base64(self.path):
                raise InvalidMedia(
                    f"no such file: {self.describe()}; pass its bytes, or a data: URL"
                ) from error
            if isinstance(error, FileNotFoundError):
                raise InvalidMedia(f"no such file: {self.describe()}") from error
            why = getattr(error, "strerror", None) or "not a valid file name"
            raise InvalidMedia(f"cannot read {self.describe()}: {why}") from error

    def describe(self) -> str:
        """The path for messages. A file's content that was passed as a path is not shown."""
        if _looks_like_base64(self.path):
            return f"<{len(self.path):,} characters that look like base64>"
        start = _shorten(self.path)
        return start if start.isprintable() else ascii(start)[1:-1]

    def __repr__(self) -> str:
        return f"PathSource({self.describe()!r})"


def _looks_like_base64(path: str) -> bool:
    start = path[:_MOST_SEARCHED]
    return len(path) > _MAX_SHOWN and _BASE64.fullmatch(start) is not None


@dataclass(frozen=True, slots=True)
class _Encoded(ABC):
    """Media that exists as a Python object, and is encoded once, on first use."""

    _cache: list[bytes] = field(default_factory=list[bytes], init=False, repr=False, compare=False)

    @abstractmethod
    def _encode(self) -> bytes: ...

    def read(self) -> bytes:
        if not self._cache:
            self._cache.append(self._encode())
        return self._cache[0]

    def head(self, size: int) -> bytes:
        return self.read()[:size]

    def open(self) -> BinaryIO:
        return io.BytesIO(self.read())


@dataclass(frozen=True, slots=True, eq=False)
class PillowSource(_Encoded):
    """A `PIL.Image.Image`. It is sent as PNG, which loses nothing."""

    image: Any

    def _encode(self) -> bytes:
        from fmsdk.media.image import encode_png

        return encode_png(self.image)

    def describe(self) -> str:
        return f"<{type(self.image).__name__} {self.image.width}x{self.image.height}>"

    def __repr__(self) -> str:
        return self.describe()


@dataclass(frozen=True, slots=True, eq=False)
class SamplesSource(_Encoded):
    """Audio samples (a numpy array, torch tensor or sequence; [time] or [channels, time],
    floats in −1…1 or int16) at `rate` per second. They are sent as 16-bit WAV."""

    samples: Any
    rate: int

    def _encode(self) -> bytes:
        from fmsdk.media.audio import encode_wav

        return encode_wav(self.samples, self.rate)

    def describe(self) -> str:
        return f"<samples at {self.rate} Hz>"

    def __repr__(self) -> str:
        return self.describe()


LocalSource = PathSource | BytesSource | PillowSource | SamplesSource
Source = LocalSource | UrlSource | FileRef


def resolve_source(source: object, *, rate: float | None = None) -> Source:
    """Create a `Source` from a path, bytes, open binary file, URL, data URL, PIL image, samples
    (with their `rate`, or as a `(samples, rate)` pair), `FileRef`, or a source itself.

    Raises:
        InvalidMedia: the value cannot be a source of media.
    """
    if isinstance(
        source, (PathSource, BytesSource, PillowSource, SamplesSource, UrlSource, FileRef)
    ):
        return source
    if isinstance(source, str):
        if source[:8].lower().startswith(("http://", "https://")):
            return UrlSource(source)
        is_data_url = source[:5].lower() == "data:"
        return _from_data_url(source) if is_data_url else PathSource(expand_home(source))
    if isinstance(source, (bytes, bytearray, memoryview)):
        return BytesSource(bytes(cast("bytes", source)))
    if isinstance(source, os.PathLike):
        return PathSource(expand_home(os.fspath(cast("os.PathLike[str]", source))))
    # PIL is not imported for this: an image can exist only where the caller imported PIL.
    pillow = sys.modules.get("PIL.Image")
    if pillow is not None and isinstance(source, pillow.Image):
        return PillowSource(source)
    pair = cast("tuple[Any, ...]", source) if isinstance(source, tuple) else ()
    # Beside a `rate`, two floats are samples.
    if len(pair) == 2 and isinstance(pair[1], Real if rate is None else Integral):
        return _from_samples(*pair)
    if rate is not None:
        return _from_samples(source, rate)
    if isinstance(source, Readable):
        return _from_open_file(source)
    name = type(cast("object", source)).__name__
    raise InvalidMedia(
        f"cannot take media from {name}; give a path, bytes, an open binary "
        "file, a URL, a PIL image, samples with their rate, or a FileRef"
    )


def _from_samples(samples: Any, rate: Any) -> SamplesSource:
    from fmsdk.media.audio import check_rate

    return SamplesSource(samples, check_rate(rate))


def _from_data_url(url: str) -> BytesSource:
    head, comma, body = url[5:].partition(",")
    mime, *params = head.split(";")
    if not comma:
        raise InvalidMedia("a data: URL without data")
    is_base64 = "base64" in params
    if not is_base64 and len(body) > _MOST_ESCAPED:
        raise InvalidMedia(
            f"a data: URL of {len(body):,} escaped characters, more than {_MOST_ESCAPED:,}: write "
            "it as base64, or pass the bytes"
        )
    try:
        data = base64.b64decode(body, validate=True) if is_base64 else unquote_to_bytes(body)
    except binascii.Error as error:
        raise InvalidMedia("a data: URL whose base64 is broken") from error
    return BytesSource(data, mime or None)


def _from_open_file(file: Readable) -> BytesSource:
    try:
        data = file.read()
    except (OSError, ValueError) as error:  # ValueError: the file is closed
        why = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise InvalidMedia(f"the open file cannot be read: {why}") from error
    if not isinstance(data, bytes):
        raise InvalidMedia("the file is open in text mode; open it with 'rb'")
    return BytesSource(data)
