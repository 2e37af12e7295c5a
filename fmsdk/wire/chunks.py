"""HTTP/1.1 chunks that arrived together, as one: what a chunk costs above is paid once for all.

Servers send each event of a stream in a chunk of its own, and the HTTP library takes longer over
a chunk than its event's decoder does over the event. Where chunks end means nothing (RFC 9112,
section 7.1), so that those which are here already may be joined. Nothing waits for more to come.
"""

from __future__ import annotations

__all__ = ["ChunkJoiner"]

_HEAD_END = b"\r\n\r\n"
_LONGEST = 1 << 18
"""Bytes of an unfinished chunk that are held back; a longer one passes as it comes."""


class ChunkJoiner:
    """The bytes of one connection's answers, rewritten. `begin` with each request, `feed` what
    arrives, and `flush` at the connection's end."""

    __slots__ = ("_held", "_in_body", "_in_head")

    def __init__(self) -> None:
        self._held = b""
        self._in_head = False
        self._in_body = False

    def begin(self) -> None:
        """A request goes out: the next bytes are the head of its answer."""
        self._in_head, self._in_body = True, False

    def feed(self, data: bytes) -> bytes:
        """What can be passed on by now: b"" where only a part of a chunk is here."""
        if self._in_body:
            return self._join(self._held + data if self._held else data)
        return self._head(data) if self._in_head else data

    def flush(self) -> bytes:
        """What was held back."""
        held, self._held = self._held, b""
        return held

    def _head(self, data: bytes) -> bytes:
        # The head passes at once; only what is looked at is kept, since it may come in pieces.
        seen = self._held + data
        end = seen.find(_HEAD_END)
        if end < 0:
            self._held, self._in_head = seen, len(seen) < _LONGEST
            return b"" if self._in_head else self.flush()
        self._held = b""
        head, body = seen[: end + 4], seen[end + 4 :]
        if head[8:10] == b" 1":  # 1xx: the answer's own head follows
            return head + self._head(body)
        self._in_head = False
        self._in_body = b"\r\ntransfer-encoding: chunked\r\n" in head.lower()
        return head + (self._join(body) if self._in_body else body)

    def _join(self, data: bytes) -> bytes:
        at, size, last, found = 0, 0, b"", list[bytes]()
        most = len(data) - 2
        while (line := data.find(b"\r\n", at)) >= 0:
            digits = data[at:line]
            if digits != last:
                last, size = digits, _size(digits)
            if not size:  # the last chunk, or one that is not plain: from here on as it comes
                self._in_body, self._held = False, b""
                return _chunk(found) + data[at:]
            end = line + 2 + size
            if end > most:
                break
            found.append(data[line + 2 : end])
            at = end + 2
        self._held = data[at:] if at else data
        if len(self._held) > _LONGEST:
            self._in_body = False
            return _chunk(found) + self.flush()
        return _chunk(found)


def _size(line: bytes) -> int:
    """A chunk's size in bytes; 0 for the last one, and for a line that is not a bare number."""
    try:
        return int(line, 16) if line.isalnum() else 0
    except ValueError:
        return 0


def _chunk(pieces: list[bytes]) -> bytes:
    if not pieces:
        return b""
    body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
    return b"%x\r\n%b\r\n" % (len(body), body)
