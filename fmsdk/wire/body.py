"""A JSON body with media in it: each file read and base64-encoded once, in pieces, and never
joined, so that a picture of 10 MB costs the 13.3 MB of its base64 and little more.
"""

from __future__ import annotations

import binascii
import math
import secrets
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Any, cast

import msgspec

from fmsdk.content import MediaPart
from fmsdk.errors import BadRequestError, InvalidMedia
from fmsdk.media.source import LocalSource

__all__ = ["Body", "BodyWriter", "json_of"]

_READ = 3 * 64 * 1024  # a multiple of 3, so that base64 of the pieces joins without padding
_ENCODER = msgspec.json.Encoder(enc_hook=dict)
"""Tool parameters may be any Mapping; all else a body is made of is plain."""


class Body:
    """A request body in pieces; iterating it asynchronously sends them. `len` is its length in
    bytes."""

    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = pieces
        self._length = sum(map(len, pieces))

    def __len__(self) -> int:
        return self._length

    def __bytes__(self) -> bytes:
        return b"".join(self._pieces)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            yield piece

    @property
    def content(self) -> bytes | Body:
        """What an HTTP client is given: bytes where there is one piece, which costs it less."""
        return self._pieces[0] if len(self._pieces) == 1 else self


class BodyWriter:
    """Stands in for media while a body is put together, and puts the media in at the end."""

    def __init__(self) -> None:
        self._mark = secrets.token_hex(16)
        self._media: list[MediaPart] = []

    def base64(self, part: MediaPart) -> str:
        """A stand-in for the base64 of a part's bytes, to be used in strings of the body."""
        self._media.append(part)
        return f"<{self._mark}:{len(self._media) - 1}>"

    def data_url(self, part: MediaPart) -> str:
        """The same as a `data:` URL."""
        return f"data:{part.mime or 'application/octet-stream'};base64,{self.base64(part)}"

    def write(self, body: dict[str, Any]) -> Body:
        """The body as JSON.

        Raises:
            BadRequestError: something that no JSON can carry.
            InvalidMedia: a file that cannot be read.
        """
        encoded = json_of(body)
        if not self._media:
            return Body([encoded])
        first, *rest = encoded.split(f"<{self._mark}:".encode())
        pieces = [first]
        for after in rest:
            number, _, text = after.partition(b">")
            pieces += _base64_pieces(self._media[int(number)])
            pieces.append(text)
        return Body(pieces)


def json_of(value: Any) -> bytes:
    """JSON. Raises BadRequestError for what no JSON can carry, NaN and infinity included."""
    try:
        encoded = _ENCODER.encode(value)
        # The encoder writes null for them; looked for only where there is one.
        odd = next(_not_finite(value), None) if b"null" in encoded else None
    except (TypeError, ValueError, RecursionError) as error:
        raise BadRequestError(f"the request cannot be written as JSON: {error}") from error
    if odd is not None:
        raise BadRequestError(f"the request cannot be written as JSON: it holds {odd}")
    return encoded


def _not_finite(value: Any) -> Iterator[float]:
    if isinstance(value, float):
        if not math.isfinite(value):
            yield value
    elif isinstance(value, Mapping):
        for inner in cast("Mapping[Any, Any]", value).values():
            yield from _not_finite(inner)
    elif isinstance(value, (list, tuple)):
        for inner in cast("list[Any]", value):
            yield from _not_finite(inner)


def _base64_pieces(part: MediaPart) -> list[bytes]:
    source = part.source
    if not isinstance(source, LocalSource):
        raise InvalidMedia(f"the bytes of this {part.kind} are not here: {source!r}")
    with source.open() as file:
        read: Callable[[], bytes] = lambda: file.read(_READ)  # noqa: E731 - a callback for iter
        return [binascii.b2a_base64(block, newline=False) for block in iter(read, b"")]
