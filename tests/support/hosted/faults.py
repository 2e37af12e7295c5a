"""What each fault of the replay server does to a recorded answer, and how that has to end.

Told from the recording alone: which events a fault leaves, and what the wire says of an answer
that ends there. A fault that leaves an answer whole as its wire sees it (a stream cut after its
last event) is none for that row.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.support.hosted.replay import EXPECTED, ROWS, asker, events_of
from tests.support.hosted.wires import payloads

__all__ = ["STALL_SECONDS", "Case", "cases"]

# The client waits half of it: long enough for a head to arrive on a machine under load.
STALL_SECONDS = 6.0

_BY_STATUS = {
    400: "BadRequestError",
    401: "AuthenticationError",
    403: "PermissionDenied",
    404: "ModelNotFound",
    408: "Timeout",
    409: "ServerError",
    413: "BadRequestError",
    422: "BadRequestError",
    429: "RateLimitError",
    500: "ServerError",
    502: "ServerError",
    503: "ServerError",
    504: "ServerError",
    529: "ServerError",
}
_RETRYABLE = {408, 409, 429, 500, 502, 503, 504, 529}
_OVERLOADED = {"messages": {None, 529}, "streamGenerateContent": {503}}
"""The status that an error inside a stream names, or that the vendor's list has for its type."""


@dataclass(frozen=True)
class Case:
    """A row, a fault, and how it has to end: one of `kinds`. `status` holds every right one.
    `text` is what the visible text arrived so far begins with, where it is sure to arrive."""

    row: str
    fault: str
    kinds: frozenset[str]
    retryable: bool
    status: frozenset[int | None]
    retry_after: float | None = None
    request_id: str | None = None
    text: str | None = None

    def __repr__(self) -> str:
        return f"{self.row}~{self.fault}"


def cases(row_id: str) -> Iterator[Case]:
    """Every fault that breaks a row's answer."""
    yield from _statuses(row_id)
    yield from _unanswered(row_id)
    if EXPECTED[row_id]["status"] != 200 or EXPECTED[row_id]["error"]:
        return
    yield from _broken_bodies(row_id)
    if ROWS[row_id]["stream"]:
        yield from _broken_streams(row_id)


def _case(
    row_id: str, fault: str, kinds: str, retryable: bool, *, status: Any, **more: Any
) -> Case:
    return Case(row_id, fault, frozenset(kinds.split()), retryable, frozenset(status), **more)


def _statuses(row_id: str) -> Iterator[Case]:
    endpoint = ROWS[row_id]["endpoint"]
    told = "req_replayfault" if endpoint == "messages" else None
    for status, kind in _BY_STATUS.items():
        common: dict[str, Any] = {"status": {status}, "request_id": told}
        args = (kind, status in _RETRYABLE)
        yield _case(row_id, f"status={status}", *args, **common)
        if status in (429, 503, 529):
            yield _case(row_id, f"status={status}~retry_after=7", *args, retry_after=7.0, **common)
            yield _case(row_id, f"status={status}~retry_ms=1500", *args, retry_after=1.5, **common)
        yield _case(row_id, f"status={status}~html", *args, status={status})


def _unanswered(row_id: str) -> Iterator[Case]:
    yield _case(row_id, "reset", "ConnectionFailed", True, status={None})
    yield _case(row_id, "fail=1:0", "ConnectionFailed", True, status={None})
    yield _case(row_id, "fail=1:503", "ServerError", True, status={503}, request_id=_told(row_id))


def _told(row_id: str) -> str | None:
    return "req_replayfault" if ROWS[row_id]["endpoint"] == "messages" else None


def _broken_bodies(row_id: str) -> Iterator[Case]:
    """What breaks plain answers and streams alike."""
    row = ROWS[row_id]
    known: dict[str, Any] = {"status": {None, 200}, "request_id": _request_id(row)}
    size = len(row["response_body"].encode())
    unsure: dict[str, Any] = {"status": {None, 200}}  # a reset may overtake the headers
    yield _case(row_id, "drop=0", "ConnectionFailed", True, **unsure)
    for n in (1, 20, size // 2):
        yield _case(row_id, f"drop_bytes={n}", "ConnectionFailed", True, **unsure)
    yield _case(row_id, f"stall=0:{STALL_SECONDS * 1000:.0f}", "Timeout", True, **known)
    yield _case(row_id, "utf8cut", "InvalidResponse IncompleteStream", True, **known)
    yield _case(row_id, "utf8cut~gzip", "InvalidResponse IncompleteStream", True, **known)
    yield _case(row_id, "empty", "InvalidResponse", True, **known)
    if _hurts(row, 0):
        yield _case(row_id, "badjson", "InvalidResponse", True, **known)
    if not row["stream"]:
        yield _case(row_id, "eof=0", "InvalidResponse", True, **known)


def _broken_streams(row_id: str) -> Iterator[Case]:
    row, wire = ROWS[row_id], asker(row_id).wire
    events = events_of(row)
    known: dict[str, Any] = {"status": {None, 200}, "request_id": _request_id(row)}
    ctype = "ctype=application%2Fjson"
    yield _case(row_id, ctype, "InvalidResponse", True, **known)
    for n in sorted({0, 1, 3, len(events) // 2, len(events) - 1}):
        if n >= len(events):
            continue
        said = [payload for event in events[:n] for payload in payloads(event)]
        text = "".join(map(wire.text, said))
        ended = any(map(wire.ends, said))
        error = {"status": _OVERLOADED.get(row["endpoint"], {None, 500})}
        error["request_id"] = known["request_id"]
        if not ended:
            kinds = "IncompleteStream" if said else "InvalidResponse"
            yield _case(row_id, f"eof={n}", kinds, True, text=text, **known)
            stall = f"stall={n}:{STALL_SECONDS * 1000:.0f}"
            yield _case(row_id, stall, "Timeout", True, text=text, **known)
            yield _case(row_id, f"sse_error={n}", "ServerError", True, text=text, **error)
            if n:
                drop = f"drop={n}~gap_ms=5"
                yield _case(row_id, drop, "ConnectionFailed", True, status={None, 200})
            if n and _hurts(row, n):
                yield _case(row_id, f"badjson={n}", "InvalidResponse", True, text=text, **known)
    if row["endpoint"] != "streamGenerateContent":
        yield _case(
            row_id, "nodone", "IncompleteStream", True, text=EXPECTED[row_id]["text"], **known
        )


def _hurts(row: Mapping[str, Any], n: int) -> bool:
    """Whether cutting off event `n` leaves a payload that cannot be read."""
    core = events_of(dict(row))[n].rstrip("\r\n")
    cut = core[: max(1, len(core) * 2 // 3)]
    return not row["stream"] or re.search(r"^data: ?.", cut, re.MULTILINE) is not None


def _request_id(row: Mapping[str, Any]) -> str | None:
    headers = row["response_headers"]
    return headers.get("request-id") or headers.get("x-request-id")
