"""A stream that is one JSON array: from the bytes of a body, however they are cut, to its elements.

The counterpart of `fmsdk.hosted.sse`, for servers that were asked for Server-Sent Events and
stream an array instead, as Google's do by default. It does the framing only; elements are
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

    `other` is the body, once it is whole, where it is another document than an array. `progress`
    grows with every chunk that completes an element.
    """

    def __init__(self) -> None:
        self.progress = 0
        self.other = b""
        self._buffer = bytearray()
        self._at = 0  # up to where it was looked at
        self._depth = 0
        self._in_text = False

    def feed(self, data: bytes) -> list[bytes]:
        """The elements that this chunk completes, in order.

        Raises:
            InvalidResponse: an element, or a document that is no array, is too long.
        """
        self._buffer += data
        found = self._elements() if self._is_array() else []
        if found:
            self.progress += 1
        if len(self._buffer) > MAX_EVENT_BYTES:
            self._buffer.clear()
            raise InvalidResponse(f"a stream event is longer than {MAX_EVENT_BYTES:,} bytes")
        return found

    def flush(self) -> list[bytes]:
        """What was left of an array that broke off."""
        rest = bytes(self._buffer)
        self._buffer.clear()
        if not rest.strip(_BLANKS):
            return []
        if self._depth or self.progress:
            return [rest]
        self.other = rest
        return []

    def _is_array(self) -> bool:
        begins = bytes(self._buffer[:64]).lstrip(_BLANKS)[:1]
        return self._depth > 0 or begins == b"["

    def _elements(self) -> list[bytes]:
        found: list[bytes] = []
        buffer, start = self._buffer, 0
        while mark := (_IN_TEXT if self._in_text else _MARK).search(buffer, self._at):
            at, sign = mark.start(), mark[0]
            self._at = at + 1
            if sign == b"\\":
                if at + 1 == len(buffer):
                    self._at = at  # what it escapes is not here yet
                    break
                self._at += 1
            elif sign == b'"':
                self._in_text = not self._in_text
            elif sign in b"[{":
                self._depth += 1
                start = at + 1 if self._depth == 1 else start
            elif self._depth == 1:  # an element ends, and with a bracket the array
                found.append(bytes(buffer[start:at]))
                start = at + 1
                self._depth -= sign == b"]"
            elif sign != b",":
                self._depth -= 1
        else:
            self._at = len(buffer)
        del buffer[:start]
        self._at -= start
        return [element for element in map(bytes.strip, found) if element]
