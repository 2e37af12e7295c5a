"""A stream that is one JSON array: from the bytes of a body, however they are cut, to its elements.

The counterpart of `fmsdk.hosted.sse`, for servers that were asked for Server-Sent Events and
stream an array instead, as Google's do by default. It only does the framing; elements are
decoded elsewhere.
"""

from __future__ import annotations

import re

from fmsdk.errors import InvalidResponse
from fmsdk.hosted.sse import MAX_EVENT_BYTES

__all__ = ["ArrayDecoder"]

_MARK = re.compile(rb'["\[\]{},]')
_IN_TEXT = re.compile(rb'["\\]')
_BLANKS = b" \t\r\n\xef\xbb\xbf"


class ArrayDecoder:
    """Incremental, like `fmsdk.hosted.sse.SSEDecoder`: `feed` every chunk, then `flush`.

    `other` is the complete body, where it is no array but another document. `progress` grows with
    every chunk that completes an element.
    """

    def __init__(self) -> None:
        self.progress = 0
        self.other = b""
        self._buffer = bytearray()
        self._position = 0  # where the search goes on
        self._depth = 0
        self._in_text = False

    def feed(self, data: bytes) -> list[bytes]:
        """The elements that this chunk completes, in order.

        Raises:
            InvalidResponse: an element, or a document that is no array, is too long.
        """
        self._buffer += data
        start = bytes(self._buffer[:64]).lstrip(_BLANKS)[:1]
        elements: list[bytes] = []
        if self._depth > 0 or start == b"[":
            elements = self._elements()
        if elements:
            self.progress += 1
        if len(self._buffer) > MAX_EVENT_BYTES:
            self._buffer.clear()
            raise InvalidResponse(f"a stream event is longer than {MAX_EVENT_BYTES:,} bytes")
        return elements

    def flush(self) -> list[bytes]:
        """The rest of an array that broke off."""
        remainder = bytes(self._buffer)
        self._buffer.clear()
        if not remainder.strip(_BLANKS):
            return []
        if self._depth or self.progress:
            return [remainder]
        self.other = remainder
        return []

    def _elements(self) -> list[bytes]:
        elements: list[bytes] = []
        buffer, start = self._buffer, 0
        while mark := (_IN_TEXT if self._in_text else _MARK).search(buffer, self._position):
            at, sign = mark.start(), mark[0]
            self._position = at + 1
            if sign == b"\\":
                if at + 1 == len(buffer):
                    self._position = at  # what it escapes is not here yet
                    break
                self._position += 1
            elif sign == b'"':
                self._in_text = not self._in_text
            elif sign in b"[{":
                self._depth += 1
                start = at + 1 if self._depth == 1 else start
            elif self._depth == 1:  # an element ends, and with a bracket the array
                elements.append(bytes(buffer[start:at]))
                start = at + 1
                self._depth -= sign == b"]"
            elif sign != b",":
                self._depth -= 1
        else:
            self._position = len(buffer)
        del buffer[:start]
        self._position -= start
        return [element for element in map(bytes.strip, elements) if element]
