"""One answer on each wire, whole and in chunks, as its vendor writes it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

__all__ = ["CHUNKS", "WIRES", "Wire"]

CHUNKS = 300
TEXT = "Hello! How can I help?"
WORDS = [f" word{n}" for n in range(CHUNKS)]


@dataclass(frozen=True)
class Wire:
    """`path` is what a request's path ends in; `whole` a body, `events` a stream's bytes."""

    path: str
    whole: bytes
    events: tuple[bytes, ...]


def _json(body: Any) -> bytes:
    return json.dumps(body, separators=(",", ":")).encode()


def _events(payloads: Iterable[Any], *, named: bool = False) -> tuple[bytes, ...]:
    texts = [(p if isinstance(p, bytes) else _json(p), p) for p in payloads]
    return tuple(
        (b"event: %s\n" % p["type"].encode() if named else b"") + b"data: %s\n\n" % text
        for text, p in texts
    )


def _chat() -> Wire:
    model = "gpt-4o-mini"
    details = {"cached_tokens": 0, "audio_tokens": 0}
    usage = {
        "prompt_tokens": 8,
        "completion_tokens": CHUNKS,
        "total_tokens": 8 + CHUNKS,
        "prompt_tokens_details": details,
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
    }
    common = {"id": "chatcmpl-1", "created": 1, "model": model, "service_tier": "default"}
    chunk = {**common, "object": "chat.completion.chunk"}
    message = {"role": "assistant", "content": TEXT, "refusal": None}
    whole = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}

    def choice(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
        one = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return {**chunk, "choices": [one], "usage": None}

    events = [
        choice({"role": "assistant", "content": "", "refusal": None}),
        *(choice({"content": word}) for word in WORDS),
        choice({}, "stop"),
        {**chunk, "choices": [], "usage": usage},
        b"[DONE]",
    ]
    body = {**common, "object": "chat.completion", "choices": [whole], "usage": usage}
    return Wire("/chat/completions", _json(body), _events(events))


def _responses() -> Wire:
    piece = {"type": "output_text", "text": TEXT, "annotations": []}
    message = {
        "id": "msg_1",
        "type": "message",
        "status": "completed",
        "role": "assistant",
        "content": [piece],
    }
    body = {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "status": "completed",
        "model": "gpt-4o-mini",
        "output": [message],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": {
            "input_tokens": 8,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": CHUNKS,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": 8 + CHUNKS,
        },
    }
    partial_response = {"output_index": 0, "item": {**message, "content": []}}
    place = {"item_id": "msg_1", "output_index": 0, "content_index": 0, "logprobs": []}
    events = [
        {"type": "response.created", "sequence_number": 0, "response": {**body, "output": []}},
        {"type": "response.output_item.added", "sequence_number": 1, **partial_response},
        *(
            {"type": "response.output_text.delta", "sequence_number": n, "delta": word, **place}
            for n, word in enumerate(WORDS, 2)
        ),
        {"type": "response.completed", "sequence_number": CHUNKS + 2, "response": body},
    ]
    return Wire("/responses", _json(body), _events(events, named=True))


def _anthropic() -> Wire:
    usage = {
        "input_tokens": 8,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
        "output_tokens": CHUNKS,
        "service_tier": "standard",
    }
    body = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-4-5-20250929",
        "content": [{"type": "text", "text": TEXT}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": usage,
    }
    start = {**body, "content": [], "stop_reason": None}
    block = {"type": "text", "text": ""}
    deltas = [{"type": "text_delta", "text": word} for word in WORDS]
    ended = {"stop_reason": "end_turn", "stop_sequence": None}
    events = [
        {"type": "message_start", "message": start},
        {"type": "content_block_start", "index": 0, "content_block": block},
        *({"type": "content_block_delta", "index": 0, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": ended, "usage": {"output_tokens": CHUNKS}},
        {"type": "message_stop"},
    ]
    return Wire("/v1/messages", _json(body), _events(events, named=True))


def _google() -> Wire:
    usage = {
        "promptTokenCount": 8,
        "candidatesTokenCount": CHUNKS,
        "totalTokenCount": 8 + CHUNKS,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 8}],
    }
    common = {"modelVersion": "gemini-2.5-flash", "responseId": "r1"}

    def candidate(text: str, finish: str | None = None) -> dict[str, Any]:
        content = {"parts": [{"text": text}], "role": "model"}
        ended = {"finishReason": finish} if finish else {}
        return {
            "candidates": [{"content": content, "index": 0, **ended}],
            "usageMetadata": usage,
            **common,
        }

    texts = [*(candidate(word) for word in WORDS[:-1]), candidate(WORDS[-1], "STOP")]
    return Wire(":generateContent", _json(candidate(TEXT, "STOP")), _events(texts))


WIRES: dict[str, Wire] = {
    "chat": _chat(),
    "responses": _responses(),
    "anthropic": _anthropic(),
    "google": _google(),
}
