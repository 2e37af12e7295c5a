"""A JSON body with media in it. Each file is read and base64-encoded once, in pieces that are
never joined, so that a picture of 10 MB costs the 13.3 MB of its base64 and little more.
"""

from __future__ import annotations

import binascii
import secrets
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

from fmsdk.content import MediaPart
from fmsdk.errors import InvalidMedia
from fmsdk.media.source import LocalSource
from fmsdk.validation import encode_json

__all__ = ["Body", "BodyWriter"]

_BLOCK_BYTES = 3 * 64 * 1024  # a multiple of 3: the base64 of the blocks has no padding


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
    """Gives placeholders for media while a body is built, and writes the media in their place."""

    def __init__(self) -> None:
        self._mark = secrets.token_hex(16)
        self._media: list[MediaPart] = []

    def base64(self, part: MediaPart) -> str:
        """A placeholder for the base64 of a part's bytes, for strings of the body."""
        self._media.append(part)
        return f"<{self._mark}:{len(self._media) - 1}>"

    def data_url(self, part: MediaPart) -> str:
        """The same, as a `data:` URL."""
        return f"data:{part.mime or 'application/octet-stream'};base64,{self.base64(part)}"

    def write(self, body: dict[str, Any]) -> Body:
        """The body as JSON.

        Raises:
            BadRequestError: a value that JSON cannot carry.
            InvalidMedia: a file that cannot be read.
        """
        text = encode_json(body)
        if not self._media:
            return Body([text])
        first, *others = text.split(f"<{self._mark}:".encode())
        pieces = [first]
        for piece in others:
            number, _, after = piece.partition(b">")
            part = self._media[int(number)]
            source = part.source
            if not isinstance(source, LocalSource):
                raise InvalidMedia(f"this {part.kind} has no bytes that could be read: {source!r}")
            with source.open() as file:
                blocks = iter(partial(file.read, _BLOCK_BYTES), b"")
                pieces += [binascii.b2a_base64(block, newline=False) for block in blocks]
            pieces.append(after)
        return Body(pieces)
