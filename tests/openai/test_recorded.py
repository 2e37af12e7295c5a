"""Recorded traffic over real sockets: what real servers answered, whole and broken.

Every OpenAI row and every row of a server that speaks its wire reads as `expected.jsonl` says;
every fault of the replay server ends in one typed error, and every legal variation in the same
answer.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from fmsdk import errors
from fmsdk.errors import FmsdkError
from fmsdk.request import build
from fmsdk.response import Response
from tests.openai.kit import generate, provider, stream
from tests.shared import SHARED, needs_shared

pytestmark = needs_shared
RECORDED = SHARED / "recorded"
APIS = {"chat.completions": "chat", "responses": "responses"}


def _lines(name: str) -> list[dict[str, Any]]:
    path = RECORDED / name
    return [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]


def _rows() -> dict[str, dict[str, Any]]:
    if not RECORDED.is_dir():
        return {}
    rows = _lines("interactions.jsonl")
    return {row["id"]: row for row in rows if row["endpoint"] in APIS}


ROWS = _rows()
EXPECTED = {row["id"]: row for row in _lines("expected.jsonl")} if ROWS else {}
# The server says "length", and then that it failed: an answer that cannot be trusted.
FAILS_INSIDE = {"openrouter-stream-comments-error"}
ANSWERED = [name for name in ROWS if EXPECTED[name]["status"] == 200 and name not in FAILS_INSIDE]
REFUSED = [name for name in ROWS if EXPECTED[name]["status"] != 200]


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    spec = importlib.util.spec_from_file_location("replay_server", RECORDED / "replay_server.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    running, url = module.start()
    yield url
    running.shutdown()
    running.server_close()


def ask(server: str, name: str, fault: str = "") -> Response[Any]:
    row = ROWS[name]
    url = f"{server}/replay/{name}{fault}/v1"
    asked = provider(url, api=APIS[row["endpoint"]], idle_timeout=0.5)
    request = build(f"openai:{row['model']}", "Hello")
    return stream(asked, request)[1] if row["stream"] else generate(asked, request)


def told(answer: Response[Any]) -> dict[str, Any]:
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
        "usage": None if used.source == "unknown" else usage,
    }


@pytest.mark.parametrize("name", ANSWERED)
def test_answers_read_as_the_wire_says(server: str, name: str) -> None:
    answer = ask(server, name)
    got = told(answer)
    expected = {key: EXPECTED[name][key] for key in got}
    if got["usage"] and not got["usage"]["cache_write"]:
        # The expectations do not read OpenAI's cache writes; a 0 of the wire stays a 0 here.
        got["usage"]["cache_write"] = expected["usage"]["cache_write"]
    assert got == expected
    assert answer.served_model
    assert answer.request_id


@pytest.mark.parametrize("name", REFUSED)
def test_errors_read_as_the_wire_says(server: str, name: str) -> None:
    with pytest.raises(FmsdkError) as caught:
        ask(server, name)
    error, expected = caught.value, EXPECTED[name]
    kinds = {401: errors.AuthenticationError, 404: errors.ModelNotFound}
    assert type(error) is kinds.get(expected["status"], errors.BadRequestError)
    assert (error.status, error.retryable) == (expected["status"], False)
    assert error.request_id == ROWS[name]["response_headers"].get("x-request-id")
    if expected["status"] != 401:
        assert expected["error"]["message"] in str(error)


@pytest.mark.parametrize("name", sorted(FAILS_INSIDE & ROWS.keys()))
def test_an_error_after_comments_inside_a_200(server: str, name: str) -> None:
    with pytest.raises(errors.BadRequestError, match="Token limit reached") as caught:
        ask(server, name)
    assert not caught.value.retryable


PLAIN = ["oai-chat-plain-gpt5", "oai-resp-reasoning-tool-gpt56"]
STREAMED = ["oai-chat-tool-parallel-stream", "oai-resp-structured-stream"]
LEGAL = ["chunk=1", "chunk=7", "crlf", "gzip", "lax", "delay_ms=10", "ctype=text%2Fplain"]
LEGAL_STREAMS = ["comments", "gap_ms=1", "crlf~comments~chunk=3"]
VARIATIONS = [(name, how) for name in PLAIN + STREAMED for how in LEGAL]
VARIATIONS += [(name, how) for name in STREAMED for how in LEGAL_STREAMS]
STATUSES = {
    "status=400": ("BadRequestError", False),
    "status=401": ("AuthenticationError", False),
    "status=403": ("PermissionDenied", False),
    "status=404": ("ModelNotFound", False),
    "status=408": ("Timeout", True),
    "status=409": ("ServerError", True),
    "status=413": ("BadRequestError", False),
    "status=422": ("BadRequestError", False),
    "status=429": ("RateLimitError", True),
    "status=500": ("ServerError", True),
    "status=502~html": ("ServerError", True),
    "status=503": ("ServerError", True),
    "status=529": ("ServerError", True),
    "fail=1:503": ("ServerError", True),
    "fail=1:0": ("ConnectionFailed", True),
    "reset": ("ConnectionFailed", True),
}
BROKEN_BODIES = {
    "drop=0": ("ConnectionFailed", True),
    "drop_bytes=20": ("ConnectionFailed", True),
    "badjson": ("InvalidResponse", True),
    "utf8cut": ("InvalidResponse", True),
    "empty": ("InvalidResponse", True),
}
BROKEN_STREAMS = {
    "drop=1": ("ConnectionFailed", True),
    "drop=3": ("ConnectionFailed", True),
    "drop_bytes=900": ("ConnectionFailed", True),
    "eof=0": ("InvalidResponse", True),
    "eof=1": ("IncompleteStream", True),
    "eof=3": ("IncompleteStream", True),
    "nodone": ("IncompleteStream", True),
    "badjson=3": ("InvalidResponse", True),
    "sse_error=0": ("ServerError", True),
    "sse_error=3": ("ServerError", True),
    "stall=2": ("Timeout", True),
    "ctype=application%2Fjson": ("InvalidResponse", True),
}
FAULTS = [
    pytest.param(name, fault, *expected, id=f"{name}~{fault}")
    for name in PLAIN + STREAMED
    for fault, expected in (
        STATUSES | BROKEN_BODIES | (BROKEN_STREAMS if name in STREAMED else {})
    ).items()
]


@pytest.mark.parametrize(("name", "fault", "kind", "retryable"), FAULTS)
def test_every_fault_is_one_typed_error(
    server: str, name: str, fault: str, kind: str, retryable: bool
) -> None:
    with pytest.raises(FmsdkError) as caught:
        ask(server, name, f"~{fault}")
    assert type(caught.value) is getattr(errors, kind)
    assert caught.value.retryable is retryable


@pytest.mark.parametrize(("name", "variation"), VARIATIONS)
def test_legal_variations_change_nothing(server: str, name: str, variation: str) -> None:
    expected, got = ask(server, name), ask(server, name, f"~{variation}")
    assert (got.choices, got.usage, got.request_id) == (
        expected.choices,
        expected.usage,
        expected.request_id,
    )


@pytest.mark.parametrize("header", ["retry_after=3", "retry_ms=3000"])
@pytest.mark.parametrize("status", [429, 503])
def test_how_long_to_wait_is_passed_on(server: str, header: str, status: int) -> None:
    with pytest.raises(FmsdkError) as caught:
        ask(server, PLAIN[0], f"~status={status}~{header}")
    assert caught.value.retry_after == 3.0
