"""Server-Sent Events: from the bytes of a body, however they are cut, to the events' payloads.

Only framing, by https://html.spec.whatwg.org/multipage/server-sent-events.html; each vendor's
decoder knows what a payload means. Event names, ids and retry times are not read, because the
vendors repeat in the payload whatever matters.
"""

from __future__ import annotations

from fmsdk.errors import InvalidResponse

__all__ = ["MAX_EVENT_BYTES", "SSEDecoder"]

MAX_EVENT_BYTES = 64 * 2**20
_BOM = b"\xef\xbb\xbf"


class SSEDecoder:
    """Incremental: `feed` every chunk of the body in order, then `flush` once at its end.

    A payload is an event's `data` lines, each without one leading space, joined by line feeds.
    Lines end in LF, CRLF or CR. Comments (`: keep-alive`), other fields, and events without payload
    are legal and skipped. The bare `error: {…}` line of some servers counts as data.

    Args:
        max_event_bytes: the longest event that is buffered before `InvalidResponse` is raised.

    `progress` grows with every chunk that completes an event with data, or a comment; it does not
    grow with other fields (`retry: 1`), nor with lines and bytes that complete nothing.
    """

    __slots__ = ("_after_cr", "_at_start", "_buffer", "_max_event_bytes", "progress")

    def __init__(self, max_event_bytes: int = MAX_EVENT_BYTES) -> None:
        self._buffer = bytearray()
        self._max_event_bytes = max_event_bytes
        self._at_start = True
        self._after_cr = False
        self.progress = 0

    def feed(self, data: bytes) -> list[bytes]:
        """The payloads of the events that this chunk completes, in order.

        Raises:
            InvalidResponse: an event is longer than `max_event_bytes`.
        """
        if self._after_cr or b"\r" in data:
            data = self._with_line_feeds(data)
        end = data.rfind(b"\n\n")
        if self._buffer:
            seam = data.startswith(b"\n") and self._buffer.endswith(b"\n")
            if end < 0 and not seam:
                self._buffer_rest(data)
                return []
            data = bytes(self._buffer) + data
            self._buffer.clear()
            end = data.rfind(b"\n\n")
        elif end < 0:
            self._buffer_rest(data)
            return []
        self._buffer_rest(data[end + 2 :])
        return self._payloads(data[:end].split(b"\n\n"))

    def flush(self) -> list[bytes]:
        """The payload of a last event without the blank line that has to follow it.

        A broken connection may have cut it off; only the reader of the payload can tell.
        """
        remainder = bytes(self._buffer)
        self._buffer.clear()
        return self._payloads([remainder])

    def _buffer_rest(self, data: bytes) -> None:
        self._buffer += data
        if b"\n" in data:
            last_line = self._buffer.rfind(b"\n", 0, self._buffer.rfind(b"\n")) + 1
            self.progress += self._buffer.startswith(b":", last_line)  # a comment
        if len(self._buffer) > self._max_event_bytes:
            self._buffer.clear()
            raise InvalidResponse(f"a stream event is longer than {self._max_event_bytes:,} bytes")

    def _with_line_feeds(self, data: bytes) -> bytes:
        """CRLF and CR as LF; of a CRLF cut in two, the CR has ended the line already."""
        if not data:
            return data
        if self._after_cr and data.startswith(b"\n"):
            data = data[1:]
        self._after_cr = data.endswith(b"\r")
        return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _payloads(self, blocks: list[bytes]) -> list[bytes]:
        if self._at_start:
            self._at_start = False
            blocks[0] = blocks[0].removeprefix(_BOM)
        payloads: list[bytes] = []
        for block in blocks:
            # Nearly all events are one line of data, with or without a name before it, so that
            # these get a shortcut.
            if block.startswith(b"data: ") and b"\n" not in block:
                payload = block[6:]
            elif block.startswith(b"event: "):
                _, data, payload = block.partition(b"\ndata: ")
                if not data or block.count(b"\n") > 1:
                    payload = _payload(block)
            else:
                payload = _payload(block)
            if payload:
                payloads.append(payload)
        if payloads or any(block.startswith(b":") or b"\n:" in block for block in blocks):
            self.progress += 1
        return payloads


def _payload(block: bytes) -> bytes:
    lines: list[bytes] = []
    for line in block.split(b"\n"):
        if line.startswith(b"data:"):
            lines.append(line[6:] if line.startswith(b" ", 5) else line[5:])
        elif line.startswith(b"error:"):
            lines.append(line[7:] if line.startswith(b" ", 6) else line[6:])
    return lines[0] if len(lines) == 1 else b"\n".join(lines)
