"""What the hosted vendors say on the wire, told without fmsdk: answers to script, and how to read
recorded ones by hand. What fmsdk makes of them is for the tests to compare.
"""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

__all__ = ["WIRES", "Wire", "payloads"]

USED = (12, 3)
"""Tokens in and out that scripted answers report."""


class Wire(ABC):
    """One API of one vendor."""

    endpoints: ClassVar[frozenset[str]]
    """What `shared/recorded` calls it."""

    def is_streamed(self, path: str, body: Any) -> bool:
        """Whether a request asks for events."""
        return bool(body.get("stream"))

    @abstractmethod
    def question(self, body: Any) -> str:
        """The text of a request's one message."""

    @abstractmethod
    def body(self, text: str) -> Any:
        """A whole answer."""

    @abstractmethod
    def events(self, *texts: str) -> list[bytes]:
        """A streamed answer, an event each; the last events end it."""

    @abstractmethod
    def text(self, payload: Any) -> str:
        """The visible text that an event brings to the first choice."""

    @abstractmethod
    def ends(self, payload: Any) -> bool:
        """Whether the answer counts as complete with this event."""


def _named(payload: dict[str, Any]) -> bytes:
    return f"event: {payload['type']}\ndata: {json.dumps(payload)}\n\n".encode()


def _data(payload: Any) -> bytes:
    return f"data: {json.dumps(payload)}\n\n".encode()


class Chat(Wire):
    """OpenAI's Chat Completions."""

    endpoints = frozenset({"chat.completions"})

    def question(self, body: Any) -> str:
        content = body["messages"][-1]["content"]
        return content if isinstance(content, str) else content[0]["text"]

    def _usage(self) -> dict[str, int]:
        return {"prompt_tokens": USED[0], "completion_tokens": USED[1]}

    def body(self, text: str) -> Any:
        choice = {"index": 0, "message": {"content": text}, "finish_reason": "stop"}
        return {"id": "chat_1", "model": "m-1", "choices": [choice], "usage": self._usage()}

    def events(self, *texts: str) -> list[bytes]:
        def chunk(delta: Any, finish: str | None = None) -> dict[str, Any]:
            choice = {"index": 0, "delta": delta, "finish_reason": finish}
            return {"id": "chat_1", "model": "m-1", "choices": [choice]}

        told = {"id": "chat_1", "model": "m-1", "choices": [], "usage": self._usage()}
        pieces = [chunk({"content": text}) for text in texts]
        made = [chunk({"role": "assistant"}), *pieces, chunk({}, "stop"), told]
        return [*map(_data, made), b"data: [DONE]\n\n"]

    def text(self, payload: Any) -> str:
        for choice in (payload or {}).get("choices") or ():
            content = (choice.get("delta") or {}).get("content")
            if choice.get("index", 0) == 0 and isinstance(content, str):
                return content
        return ""

    def ends(self, payload: Any) -> bool:
        return payload is None


class Responses(Wire):
    """OpenAI's Responses."""

    endpoints = frozenset({"responses"})

    def question(self, body: Any) -> str:
        asked = body["input"]
        if isinstance(asked, str):
            return asked
        content = asked[-1]["content"]
        return content if isinstance(content, str) else content[0]["text"]

    def body(self, text: str) -> Any:
        content = [{"type": "output_text", "text": text, "annotations": []}]
        message = {"type": "message", "id": "msg_1", "role": "assistant", "content": content}
        used = {"input_tokens": USED[0], "output_tokens": USED[1]}
        ended = {"status": "completed", "output": [message], "usage": used}
        return {"id": "resp_1", "model": "m-1", **ended}

    def events(self, *texts: str) -> list[bytes]:
        made: list[dict[str, Any]] = [
            {
                "type": "response.created",
                "response": {"id": "resp_1", "model": "m-1", "status": "in_progress"},
            }
        ]
        made += [{"type": "response.output_text.delta", "delta": text} for text in texts]
        made.append({"type": "response.completed", "response": self.body("".join(texts))})
        return [*map(_named, made)]

    def text(self, payload: Any) -> str:
        is_text = payload and payload.get("type") == "response.output_text.delta"
        return payload["delta"] if is_text else ""

    def ends(self, payload: Any) -> bool:
        ended = {"response.completed", "response.incomplete", "response.failed"}
        return bool(payload) and payload.get("type") in ended


class Messages(Wire):
    """Anthropic's Messages."""

    endpoints = frozenset({"messages"})

    def question(self, body: Any) -> str:
        content = body["messages"][-1]["content"]
        return content if isinstance(content, str) else content[0]["text"]

    def body(self, text: str) -> Any:
        return {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": "m-1",
            "content": [{"type": "text", "text": text}],
            "stop_reason": "end_turn",
            "stop_sequence": None,
            "usage": {"input_tokens": USED[0], "output_tokens": USED[1]},
        }

    def events(self, *texts: str) -> list[bytes]:
        first_message = {**self.body(""), "content": [], "stop_reason": None}
        first_message["usage"] = {"input_tokens": USED[0], "output_tokens": 1}
        block = {"type": "text", "text": ""}
        made: list[dict[str, Any]] = [
            {"type": "message_start", "message": first_message},
            {"type": "content_block_start", "index": 0, "content_block": block},
        ]
        for text in texts:
            delta = {"type": "text_delta", "text": text}
            made.append({"type": "content_block_delta", "index": 0, "delta": delta})
        used = {"output_tokens": USED[1]}
        made += [
            {"type": "content_block_stop", "index": 0},
            {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": used},
            {"type": "message_stop"},
        ]
        return [*map(_named, made)]

    def text(self, payload: Any) -> str:
        is_delta = payload and payload.get("type") == "content_block_delta"
        return payload["delta"].get("text", "") if is_delta else ""

    def ends(self, payload: Any) -> bool:
        return bool(payload) and payload.get("type") == "message_stop"


class Gemini(Wire):
    """Google's generateContent."""

    endpoints = frozenset({"generateContent", "streamGenerateContent"})

    def is_streamed(self, path: str, body: Any) -> bool:
        return ":streamGenerateContent" in path

    def question(self, body: Any) -> str:
        return body["contents"][-1]["parts"][0]["text"]

    def _chunk(self, text: str, *, ended: bool) -> dict[str, Any]:
        candidate = {"index": 0, "content": {"role": "model", "parts": [{"text": text}]}}
        if ended:
            candidate["finishReason"] = "STOP"
        used = {"promptTokenCount": USED[0]}
        if ended:
            used["candidatesTokenCount"] = USED[1]
        named = {"modelVersion": "m-1", "responseId": "r_1"}
        return {"candidates": [candidate], "usageMetadata": used, **named}

    def body(self, text: str) -> Any:
        return self._chunk(text, ended=True)

    def events(self, *texts: str) -> list[bytes]:
        return [*(_data(self._chunk(text, ended=False)) for text in texts), _data(self.body(""))]

    def text(self, payload: Any) -> str:
        for candidate in (payload or {}).get("candidates") or ():
            parts = (candidate.get("content") or {}).get("parts") or ()
            if candidate.get("index", 0) == 0:
                return "".join(p.get("text", "") for p in parts if not p.get("thought"))
        return ""

    def ends(self, payload: Any) -> bool:
        candidates = (payload or {}).get("candidates") or ()
        return any(candidate.get("finishReason") for candidate in candidates)


WIRES: Sequence[Wire] = (Chat(), Responses(), Messages(), Gemini())


def payloads(event: str) -> list[Any]:
    """The payloads of an event as sent: decoded JSON, None for `[DONE]`; none for comments."""
    lines = re.findall(r"^data: ?(.*?)\r?$", event, re.MULTILINE)
    return [None if line == "[DONE]" else json.loads(line) for line in lines if line]
