"""Recorded traffic and the server that replays it, where a checkout has them beside it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any
from urllib.parse import quote, unquote

from fmsdk.response import Response
from tests.support.hosted.outcomes import outcome
from tests.support.hosted.subjects import Subject, subject_of
from tests.support.shared_folder import SHARED, shared_module

__all__ = [
    "EXPECTED",
    "FAILS_INSIDE",
    "ROWS",
    "ask",
    "asker",
    "events_of",
    "is_streamed",
    "run_replay_server",
    "summarize_response",
]

_RECORDED = SHARED / "recorded"
Row = dict[str, Any]


def _lines(name: str) -> list[Row]:
    path = _RECORDED / name
    if not path.is_file():
        return []
    return [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]


ROWS: dict[str, Row] = {
    row["id"]: row for row in _lines("interactions.jsonl") if subject_of(row) is not None
}
"""The generations among the recorded rows, by id."""

FAILS_INSIDE = {"openrouter-stream-comments-error"}
"""Rows of status 200 whose stream ends with an error."""

EXPECTED: dict[str, Row] = {row["id"]: row for row in _lines("expected.jsonl")}


@contextmanager
def run_replay_server() -> Iterator[str]:
    """The root of a running replay server. Below `/by-model`, the model asked for names the row
    and its faults ("row~drop=3"), so that one client can ask for all of them."""
    running, root = _by_model().start()
    try:
        yield root
    finally:
        running.shutdown()
        running.server_close()


@cache
def _by_model() -> Any:
    """The replay server, which finds the row in the model asked for as well."""
    module = shared_module("recorded/replay_server.py")
    inherited = module.Handler.read_body

    def read_body(handler: Any) -> bytes:
        raw: bytes = inherited(handler)
        if handler.path.startswith("/by-model/") and module.kind_of(handler.path):
            path = handler.path.removeprefix("/by-model")
            named = re.search(r"/models/([^/]+):", path)
            model = unquote(named[1]) if named else json.loads(raw)["model"]
            handler.path = f"/replay/{quote(model, safe='')}{path}"
        return raw

    module.Handler.read_body = read_body
    return module


def asker(name: str) -> Subject:
    """Who asks for a row."""
    subject = subject_of(ROWS[name])
    assert subject is not None
    return subject


async def ask(root: str, name: str, fault: str = "") -> Response[Any] | Exception:
    """What comes of a row, plain or streamed as it was recorded."""
    subject = asker(name)
    async with subject.client(f"{root}/replay/{name}{fault}", retries=0) as client:
        return await outcome(client, subject.model, "Hello", stream=is_streamed(ROWS[name]))


def is_streamed(row: Row) -> bool:
    """Whether a row's request asked for events; an error answers it with one body all the same."""
    return bool(row["stream"] or row["request_json"].get("stream"))


def events_of(row: Row) -> list[str]:
    """A row's body in the pieces that the replay server's faults count in."""
    if not (row["stream"] and row["response_status"] == 200):
        return [row["response_body"]]
    pieces = re.split(r"(?<=\n\n)|(?<=\r\n\r\n)", row["response_body"])
    return [piece for piece in pieces if piece]


def summarize_response(answer: Response[Any]) -> dict[str, Any]:
    """A response in the fields of an expected row."""
    used = answer.usage
    usage = {
        "input_total": used.input.total,
        "output_total": used.output.total,
        "cache_read": used.input.cache_read,
        "cache_write": used.input.cache_write,
        "reasoning": used.output.reasoning,
    }
    return {
        "text": answer.text,
        "thinking": answer.reasoning,
        "tool_calls": [
            {"id": call.id, "name": call.name, "arguments": call.arguments}
            for call in answer.tool_calls
        ],
        "refusal": answer.refusal,
        "finish": answer.finish_raw,
        "choices": len(answer.choices),
        "usage": usage if used.source == "measured" else None,
    }
