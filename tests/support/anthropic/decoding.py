"""Answers of the Messages API to decode, whole and in events."""

from __future__ import annotations

import json
from typing import Any

from fmsdk.hosted.decoding import DecodeContext, StreamReader
from fmsdk.response import Event, Response
from fmsdk_anthropic.decode import decode, decoder
from fmsdk_anthropic.errors import AnthropicErrorMapper
from tests.support.anthropic.provider import accumulate_events, build_request, events, message, sse

__all__ = [
    "ANSWER",
    "BLAME",
    "CALLER",
    "CITATION",
    "COMPACTION",
    "CONTENT",
    "FOUND",
    "FULL",
    "REDACTED",
    "SEARCH",
    "STREAMED",
    "THINKING",
    "opaque",
    "plain",
    "read_all",
    "streamed",
]


BLAME = AnthropicErrorMapper("anthropic", "ANTHROPIC_API_KEY")
ANSWER = DecodeContext(request=build_request(), error_mapper=BLAME, request_id="req_1")
THINKING = {"type": "thinking", "thinking": "Hm, ä.", "signature": "c2ln"}
REDACTED = {"type": "redacted_thinking", "data": "ZGF0YQ"}
CITATION = {"type": "page_location", "cited_text": "a", "document_index": 0}
CALLER = {"type": "code_execution_20260120", "tool_id": "srvtoolu_1"}
SEARCH = {
    "type": "server_tool_use",
    "id": "srvtoolu_1",
    "name": "web_search",
    "input": {"query": "ä"},
}
FOUND = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []}
FULL = {
    "input_tokens": 10,
    "cache_creation_input_tokens": 300,
    "cache_read_input_tokens": 2000,
    "cache_creation": {"ephemeral_5m_input_tokens": 100, "ephemeral_1h_input_tokens": 200},
    "output_tokens": 50,
    "output_tokens_details": {"thinking_tokens": 20},
    "server_tool_use": {"web_search_requests": 2, "web_fetch_requests": 0},
    "service_tier": "priority",
}
COMPACTION = {"type": "compaction", "content": "So far.", "encrypted_content": "ZW5j"}


def plain(*content: Any, **fields: Any) -> Response[Any]:
    return decode(ANSWER, json.dumps(message(*content, **fields)).encode())


def read_all(pieces: list[bytes]) -> list[Event]:
    reader = StreamReader(decoder(ANSWER), BLAME)
    got = [event for piece in pieces for event in reader.feed(piece)]
    return [*got, *reader.finish()]


def streamed(payloads: list[Any]) -> Response[Any]:
    return accumulate_events(read_all(sse(*payloads, done=False)), ANSWER.request)


def opaque(part: Any) -> Any:
    return json.loads(part.opaque)


# --- content ---

CONTENT = [
    THINKING,
    REDACTED,
    {"type": "text", "text": "Let me see."},
    SEARCH,
    FOUND,
    COMPACTION,
    {"type": "text", "text": "Cited.", "citations": [CITATION]},
    {"type": "tool_use", "id": "toolu_1", "name": "now", "input": {}},
    {"type": "tool_use", "id": "toolu_2", "name": "add", "input": {"a": 1}, "caller": CALLER},
]
STREAMED = events(
    (
        {"type": "thinking", "thinking": "", "signature": ""},
        [
            {"type": "thinking_delta", "thinking": "Hm, "},
            {"type": "thinking_delta", "thinking": "ä."},
            {"type": "signature_delta", "signature": "c2ln"},
        ],
    ),
    (REDACTED, []),
    (
        {"type": "text", "text": ""},
        [{"type": "text_delta", "text": "Let me "}, {"type": "text_delta", "text": "see."}],
    ),
    (
        {**SEARCH, "input": {}},
        [
            {"type": "input_json_delta", "partial_json": ""},
            {"type": "input_json_delta", "partial_json": '{"query":'},
            {"type": "input_json_delta", "partial_json": ' "ä"}'},
        ],
    ),
    (FOUND, []),
    (
        {"type": "compaction", "content": None},
        [{"type": "compaction_delta", "content": "So far.", "encrypted_content": "ZW5j"}],
    ),
    (
        {"type": "text", "text": "", "citations": []},
        [
            {"type": "citations_delta", "citation": CITATION},
            {"type": "text_delta", "text": "Cited."},
        ],
    ),
    ({"type": "tool_use", "id": "toolu_1", "name": "now", "input": {}}, []),
    (
        {"type": "tool_use", "id": "toolu_2", "name": "add", "input": {}, "caller": CALLER},
        [{"type": "input_json_delta", "partial_json": '{"a": 1}'}],
    ),
    delta={"stop_reason": "tool_use"},
)
