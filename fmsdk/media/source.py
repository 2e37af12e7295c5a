"""Where the bytes of a media part are, read no earlier than they are needed.

A source is a frozen value: `PathSource`, `BytesSource`, `UrlSource`, `PillowSource`,
`SamplesSource` or `FileRef`. `resolve` makes one of whatever a user hands over. Sources know
nothing of formats; that is `fmsdk.media.header`.
"""

from __future__ import annotations

import base64
import binascii
import io
import os
import re
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from numbers import Integral, Real
from typing import Any, BinaryIO, Protocol, cast, runtime_checkable
from urllib.parse import unquote_to_bytes

from fmsdk.errors import InvalidMedia

__all__ = [
    "BytesSource",
    "FileRef",
    "LocalSource",
    "PathSource",
    "PillowSource",
    "SamplesSource",
    "Source",
    "UrlSource",
    "resolve",
    "shown_url",
]

_LONGEST_SHOWN = 200
_BASE64 = re.compile(r"[A-Za-z0-9+/_-][A-Za-z0-9+/_\s-]*=*\s*")


@runtime_checkable
class Readable(Protocol):
    """An open binary file, as far as it is needed here."""

    def read(self, size: int = -1, /) -> object: ...


@dataclass(frozen=True, slots=True)
class FileRef:
    """A file that a provider already holds, by the id the provider gave it."""

    provider: str
    id: str
    mime: str | None = None


def shown_url(url: str) -> str:
    """The URL as it may be shown: without query, fragment, user name and password, which are
    where keys are, and at most 200 characters of it."""
    shown = re.sub(r"(?<=//)[^/]*@", "", re.split(r"[?#]", url, maxsplit=1)[0])
    return shown if len(shown) <= _LONGEST_SHOWN else f"{shown[:_LONGEST_SHOWN]}…"


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


class _OnDisk(io.FileIO):
    """A file that raises InvalidMedia where its disk fails in the midst of it."""

    def __init__(self, path: str, shown: str) -> None:
        super().__init__(path)
        self._shown = shown

    def readinto(self, buffer: Any, /) -> int | None:
        try:
            return super().readinto(buffer)
        except OSError as error:
            raise self._broken(error) from error

    def readall(self) -> bytes:
        try:
            return super().readall()
        except OSError as error:
            raise self._broken(error) from error

    def _broken(self, error: OSError) -> InvalidMedia:
        return InvalidMedia(f"cannot read {self._shown}: {error.strerror or error}")


@dataclass(frozen=True, slots=True)
class PathSource:
    """Media in a file, opened each time it is read."""

    path: str

    def read(self) -> bytes:
        return self._read(-1)

    def head(self, size: int) -> bytes:
        return self._read(size)

    def _read(self, size: int) -> bytes:
        with self.open() as file:
            return file.read(size)

    def open(self) -> BinaryIO:
        try:
            return io.BufferedReader(_OnDisk(self.path, self.describe()))
        except (OSError, ValueError) as error:
            if _looks_like_base64(self.path):
                raise InvalidMedia(
                    f"no such file: {self.describe()}; pass its bytes, or a data: URL"
                ) from error
            if isinstance(error, FileNotFoundError):
                raise InvalidMedia(f"no such file: {self.describe()}") from error
            why = getattr(error, "strerror", None) or "no file has such a name"
            raise InvalidMedia(f"cannot read {self.describe()}: {why}") from error

    def describe(self) -> str:
        """The path as it may be shown: what is no path but a whole file as text is not."""
        if _looks_like_base64(self.path):
            return f"<{len(self.path):,} characters that look like base64>"
        shown = self.path if self.path.isprintable() else ascii(self.path)[1:-1]
        return shown if len(shown) <= _LONGEST_SHOWN else f"{shown[:_LONGEST_SHOWN]}…"

    def __repr__(self) -> str:
        return f"PathSource({self.describe()!r})"


def _looks_like_base64(path: str) -> bool:
    return len(path) > _LONGEST_SHOWN and _BASE64.fullmatch(path) is not None


@dataclass(frozen=True, slots=True)
class _Encoded(ABC):
    """Media that exists as a Python object and is encoded on first use, once."""

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
    """A `PIL.Image.Image`; goes over the wire as PNG, which loses nothing."""

    image: Any

    def _encode(self) -> bytes:
        from fmsdk.media.image import png_of

        return png_of(self.image)

    def describe(self) -> str:
        return f"<{type(self.image).__name__} {self.image.width}x{self.image.height}>"

    def __repr__(self) -> str:
        return self.describe()


@dataclass(frozen=True, slots=True, eq=False)
class SamplesSource(_Encoded):
    """Audio samples (a numpy array, torch tensor or sequence; [time] or [channels, time],
    floats in −1…1 or int16) at `rate` per second; goes over the wire as 16-bit WAV."""

    samples: Any
    rate: int

    def _encode(self) -> bytes:
        from fmsdk.media.audio import wav_of

        return wav_of(self.samples, self.rate)

    def describe(self) -> str:
        return f"<samples at {self.rate} Hz>"

    def __repr__(self) -> str:
        return self.describe()


LocalSource = PathSource | BytesSource | PillowSource | SamplesSource
Source = LocalSource | UrlSource | FileRef


def resolve(source: object, *, rate: float | None = None) -> Source:
    """Make a `Source` of a path, bytes, open binary file, URL, data URL, PIL image, samples
    (with their `rate`, or as a `(samples, rate)` pair), `FileRef`, or a source itself.

    Raises:
        InvalidMedia: nothing media could come from.
    """
    for kind, make in _MAKERS:
        if isinstance(source, kind):
            return make(source)
    if _is_pillow(source):
        return PillowSource(source)
    if pair := _samples_and_rate(source, is_told=rate is not None):
        return _from_samples(*pair)
    if rate is not None:
        return _from_samples(source, rate)
    if isinstance(source, Readable):
        return _from_file(source)
    raise InvalidMedia(
        f"cannot take media from {type(source).__name__}; give a path, bytes, an open binary "
        "file, a URL, a PIL image, samples with their rate, or a FileRef"
    )


def _samples_and_rate(source: object, *, is_told: bool) -> tuple[Any, Any] | None:
    """The pair, where it is one: two numbers with a rate of their own are samples themselves."""
    if not isinstance(source, tuple):
        return None
    pair = cast("tuple[Any, ...]", source)
    is_pair = len(pair) == 2 and isinstance(pair[1], Integral if is_told else Real)
    return (pair[0], pair[1]) if is_pair else None


def _from_samples(samples: Any, rate: Any) -> SamplesSource:
    from fmsdk.media.audio import whole_rate

    return SamplesSource(samples, whole_rate(rate))


def _from_text(text: str) -> Source:
    if text[:8].lower().startswith(("http://", "https://")):
        return UrlSource(text)
    if text[:5].lower() == "data:":
        return _from_data_url(text)
    return PathSource(text)


def _from_data_url(url: str) -> BytesSource:
    head, comma, body = url[5:].partition(",")
    mime, *params = head.split(";")
    if not comma:
        raise InvalidMedia("a data: URL without data")
    try:
        is_base64 = "base64" in params
        data = base64.b64decode(body, validate=True) if is_base64 else unquote_to_bytes(body)
    except binascii.Error as error:
        raise InvalidMedia("a data: URL whose base64 is broken") from error
    return BytesSource(data, mime or None)


def _from_file(file: Readable) -> BytesSource:
    try:
        data = file.read()
    except (OSError, ValueError) as error:  # ValueError: it is closed
        why = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise InvalidMedia(f"the open file cannot be read: {why}") from error
    if not isinstance(data, bytes):
        raise InvalidMedia("the file is open in text mode; open it with 'rb'")
    return BytesSource(data)


def _from_path(path: os.PathLike[str]) -> PathSource:
    return PathSource(os.fspath(path))


def _is_pillow(source: object) -> bool:
    # PIL is never imported for this: an image of its can only exist if somebody else did.
    module = sys.modules.get("PIL.Image")
    return module is not None and isinstance(source, module.Image)


_MAKERS: tuple[tuple[Any, Callable[[Any], Source]], ...] = (
    ((PathSource, BytesSource, PillowSource, SamplesSource, UrlSource, FileRef), lambda s: s),
    (str, _from_text),
    ((bytes, bytearray, memoryview), lambda data: BytesSource(bytes(data))),
    (os.PathLike, _from_path),
)
