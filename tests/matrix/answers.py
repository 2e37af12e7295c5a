"""What the servers of the wires under test answer: the vendors' smallest valid answers, and one
with all that has to come back with the next turn."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.support.scripted_server import Answer, ReceivedRequest, sse

__all__ = ["HELLO", "ErrorBody", "answer", "asks_model"]


@dataclass(frozen=True, slots=True)
class ErrorBody:
    """A model's turn: its thoughts in words, sealed, its text, and the calls of tools (id, name,
    arguments)."""

    text: str = "Hello."
    thought: str = ""
    seal: str = ""
    calls: tuple[tuple[str, str, dict[str, Any]], ...] = ()


HELLO = ErrorBody()


def answer(seen: ReceivedRequest, said: ErrorBody = HELLO) -> Answer:
    """The answer of the wire that the request came over. Streams say text alone."""
    if not asks_model(seen):
        return Answer({"error": {"message": "no such page"}}, 404)
    plain, events = next(found for path, found in _WIRES.items() if path in seen.path)
    if seen.body.get("stream") or "streamGenerateContent" in seen.path:
        return Answer(pieces=events(said.text))
    return Answer(plain(said))


def asks_model(seen: ReceivedRequest) -> bool:
    """Whether a model is asked, and not the server, what its models can do; these do not tell."""
    return any(path in seen.path for path in _WIRES)


def _chat(said: ErrorBody) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": said.text}
    if said.thought:
        message["reasoning_content"] = said.thought
    if said.seal:
        message["reasoning_details"] = [{"type": "reasoning.encrypted", "data": said.seal}]
    if said.calls:
        message["tool_calls"] = [
            {
                "id": id,
                "type": "function",
                "function": {"name": name, "arguments": json.dumps(args)},
            }
            for id, name, args in said.calls
        ]
    finish = "tool_calls" if said.calls else "stop"
    choice = {"index": 0, "message": message, "finish_reason": finish}
    return {"id": "chatcmpl-1", "model": "m", "choices": [choice]}


def _chat_stream(text: str) -> list[bytes]:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": "stop"}
    return sse({"id": "chatcmpl-1", "model": "m", "choices": [choice]})


def _responses(said: ErrorBody) -> dict[str, Any]:
    output: list[dict[str, Any]] = []
    if said.seal:
        summary = [{"type": "summary_text", "text": said.thought}] if said.thought else []
        item = {"id": "rs_1", "summary": summary, "encrypted_content": said.seal}
        output.append({"type": "reasoning", **item})
    content = [{"type": "output_text", "text": said.text, "annotations": []}]
    message = {"type": "message", "id": "msg_1", "status": "completed", "role": "assistant"}
    output.append({**message, "content": content})
    output += [
        {
            "type": "function_call",
            "id": f"fc_{id}",
            "call_id": id,
            "name": name,
            "arguments": json.dumps(args),
            "status": "completed",
        }
        for id, name, args in said.calls
    ]
    return {"id": "resp_1", "model": "m", "status": "completed", "output": output}


def _responses_stream(text: str) -> list[bytes]:
    delta = {"type": "response.output_text.delta", "delta": text}
    done = {"type": "response.completed", "response": _responses(ErrorBody(text))}
    return sse(delta, done, done=False)


def _anthropic(said: ErrorBody) -> dict[str, Any]:
    content: list[dict[str, Any]] = []
    if said.thought:
        content.append({"type": "thinking", "thinking": said.thought, "signature": said.seal})
    elif said.seal:
        content.append({"type": "redacted_thinking", "data": said.seal})
    content.append({"type": "text", "text": said.text})
    content += [
        {"type": "tool_use", "id": id, "name": name, "input": args} for id, name, args in said.calls
    ]
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": content,
        "stop_reason": "tool_use" if said.calls else "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 3, "output_tokens": 2},
    }


def _anthropic_stream(text: str) -> list[bytes]:
    message = {**_anthropic(ErrorBody()), "content": [], "stop_reason": None}
    events = [
        {"type": "message_start", "message": message},
        {
            "type": "content_block_start",
            "index": 0,
            "content_block": {"type": "text", "text": ""},
        },
        {
            "type": "content_block_delta",
            "index": 0,
            "delta": {"type": "text_delta", "text": text},
        },
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn"},
            "usage": {"output_tokens": 2},
        },
        {"type": "message_stop"},
    ]
    return [f"event: {e['type']}\ndata: {json.dumps(e)}\n\n".encode() for e in events]


def _gemini(said: ErrorBody) -> dict[str, Any]:
    parts: list[dict[str, Any]] = []
    if said.thought:
        parts.append({"text": said.thought, "thought": True})
    parts.append({"text": said.text})
    for id, name, args in said.calls:
        parts.append({"functionCall": {"id": id, "name": name, "args": args}})
    if said.seal:  # Gemini signs the first call, or else the text
        parts[-len(said.calls) or -1]["thoughtSignature"] = said.seal
    candidate = {"content": {"role": "model", "parts": parts}, "finishReason": "STOP", "index": 0}
    return {"candidates": [candidate], "modelVersion": "m", "responseId": "r1"}


def _gemini_stream(text: str) -> list[bytes]:
    return sse(_gemini(ErrorBody(text)), done=False)


_WIRES: dict[str, tuple[Callable[[ErrorBody], dict[str, Any]], Callable[[str], list[bytes]]]] = {
    "/chat/completions": (_chat, _chat_stream),
    "/responses": (_responses, _responses_stream),
    "/v1/messages": (_anthropic, _anthropic_stream),
    "enerateContent": (_gemini, _gemini_stream),
}
