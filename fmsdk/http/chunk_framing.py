"""HTTP/1.1 answers on their way up: chunks that arrived together as one, and each answer to its
end and no further.

Servers send each event of a stream in a chunk of its own, and the HTTP library takes longer over
a chunk than its event's decoder does over the event. Where chunks end means nothing (RFC 9112,
section 7.1), so that those which are here already may be joined, and one that is not here in full
may be cut. Nothing waits for more to come but the lines between chunks.
"""

from __future__ import annotations

import re
from enum import Enum

__all__ = ["ChunkJoiner"]

_LONGEST = 1 << 17
"""Bytes of a head, or of what follows the last chunk, that are held back; a longer one passes as
it comes, and the HTTP library refuses it."""
_BLANK = re.compile(rb"\n\r?\n")
_STATUS = re.compile(rb"HTTP/\d\.\d (\d{3})")
_FRAMING = re.compile(rb"\n(transfer-encoding|content-length):([^\r\n]*)(?=\r?\n)")
_FOLDED = re.compile(rb"\n[ \t]")
_SIZE = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(?:;[^\r\n]*)?")
_LENGTH = re.compile(rb"\d{1,20}")
_CRLF = b"\r\n"


class _Reads(Enum):
    """What comes next on a connection."""

    HEAD = 0
    LENGTH = 1
    CHUNKS = 2
    NOTHING = 3
    """The answer is over."""
    ANYTHING = 4
    """Bytes that nobody but the HTTP library understands; where its answer ends is not known."""


class ChunkJoiner:
    """The bytes of one connection's answers, rewritten. `begin` with each request, `feed` what
    arrives, and `flush` at the connection's end.

    Interim answers (1xx) are left out: no one above waits for them, and a server may send them
    for ever. What follows an answer is never passed on: it would be taken for the next one.
    """

    __slots__ = ("_held", "_is_open", "_left", "_next", "surplus")

    def __init__(self) -> None:
        self.surplus = False
        """Whether bytes came that belong to no answer."""
        self._next = _Reads.HEAD
        self._held = b""
        self._left = 0  # bytes of a body of known length, or of the chunk that has begun
        self._is_open = False  # whether a chunk that was passed on lacks the line break after it

    @property
    def at_rest(self) -> bool:
        """Whether an answer has come to its end, and nothing after it."""
        return self._next is _Reads.NOTHING and not self.surplus

    def begin(self) -> None:
        """A request goes out: the next bytes are the head of its answer."""
        if self._next is _Reads.NOTHING:
            self._next, self._is_open = _Reads.HEAD, False

    def feed(self, data: bytes) -> bytes:
        """What can be passed on by now."""
        if self._held:
            data, self._held = self._held + data, b""
        if self._next is _Reads.CHUNKS:
            return self._join(data)
        if self._next is _Reads.LENGTH:
            return self._measure(data)
        if self._next is _Reads.HEAD:
            return self._head(data)
        if self._next is _Reads.NOTHING:
            self.surplus = True
            return b""
        return data

    def flush(self) -> bytes:
        """What was held back."""
        held, self._held = self._held, b""
        return held

    def _head(self, data: bytes) -> bytes:
        at = 0
        while found := _BLANK.search(data, at):
            head = data[at : found.end()]
            status = _STATUS.match(head)
            if status and status[1].startswith(b"1") and status[1] != b"101":
                at = found.end()
                continue
            self._next, self._left = _framing(head, status and status[1])
            return head + (self.feed(data[found.end() :]) if found.end() < len(data) else b"")
        return self._hold(data[at:])

    def _measure(self, data: bytes) -> bytes:
        passed = data[: self._left]
        self._left -= len(passed)
        if not self._left:
            self._end(len(data) > len(passed))
        return passed

    def _join(self, data: bytes) -> bytes:
        found, at, self._left = list[bytes](), self._left, 0
        if at:
            found.append(data[:at])
        is_first = not (at or self._is_open)
        last, size, have = b"", -1, len(data)
        while at < have:
            start = at if is_first else at + 2
            line = data.find(_CRLF, start)
            if line < 0:
                break
            digits = data[start:line]
            if digits != last:
                last, size = digits, _size(digits)
            if size <= 0 or not (is_first or data.startswith(_CRLF, at)):
                is_last = size == 0 and data[at:start] in (b"", _CRLF)
                return self._chunk(found) + self._rest(data[at:], line - at if is_last else None)
            is_first, at = False, line + 2 + size
            found.append(data[line + 2 : at])
        self._left = max(0, at - have)
        return self._chunk(found) + self._hold(data[at:])

    def _rest(self, data: bytes, line: int | None) -> bytes:
        """What follows the chunks: the last one, whose line ends at `line`, and trailers; None for
        what is no chunk."""
        if line is None:
            self._next = _Reads.ANYTHING
            return data
        found = _BLANK.search(data, line)
        if found is None:
            return self._hold(data)
        self._end(len(data) > found.end())
        return data[: found.end()]

    def _chunk(self, pieces: list[bytes]) -> bytes:
        """One chunk of them all; the line break after it comes with what follows."""
        body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        if not body:
            return b""
        before, self._is_open = (_CRLF if self._is_open else b""), True
        return b"%b%x\r\n%b" % (before, len(body), body)

    def _hold(self, data: bytes) -> bytes:
        if len(data) > _LONGEST:
            self._next = _Reads.ANYTHING
            return data
        self._held = data
        return b""

    def _end(self, has_more: bool) -> None:
        self._next, self.surplus = _Reads.NOTHING, has_more


def _framing(head: bytes, status: bytes | None) -> tuple[_Reads, int]:
    """How a body is told from what follows it, and its length where that is said. No request of
    ours is one whose answers have no bodies (HEAD, CONNECT)."""
    if status is None or status == b"101" or _FOLDED.search(head):
        return _Reads.ANYTHING, 0
    if status in (b"204", b"304"):
        return _Reads.NOTHING, 0
    told = {(name, value.strip(b" \t")) for name, value in _FRAMING.findall(head.lower())}
    codings = {value for name, value in told if name == b"transfer-encoding"}
    if codings:
        return (_Reads.CHUNKS if codings == {b"chunked"} else _Reads.ANYTHING), 0
    lengths = [value for name, value in told if name == b"content-length"]
    if len(lengths) != 1 or not _LENGTH.fullmatch(lengths[0]):
        return _Reads.ANYTHING, 0
    length = int(lengths[0])
    return (_Reads.LENGTH if length else _Reads.NOTHING), length


def _size(line: bytes) -> int:
    """A chunk's size in bytes; -1 for a line that tells none."""
    found = _SIZE.fullmatch(line)
    return int(found[1], 16) if found else -1
