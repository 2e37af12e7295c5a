"""A Messages stream: payloads in, events out.

A block on the wire makes two parts at most, a text's citations and the text itself. Each kind of
part has a place of its own for every block, so that no server's numbering can mix them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import msgspec

from fmsdk.hosted.decoding import UNREADABLE, DecodeContext, opaque_of, read, read_known
from fmsdk.response import (
    Event,
    Finished,
    ReasoningDelta,
    TextDelta,
    ToolCallDelta,
    Warning,
)
from fmsdk.usage import OutputUsage, Usage
from fmsdk_anthropic.decode.message import (
    Block,
    StopDetails,
    called_by,
    cited,
    finish_of,
    refused,
)
from fmsdk_anthropic.decode.usage import elsewhere, usage_of

__all__ = ["MessageStream"]


class _Delta(msgspec.Struct):
    """A piece of a block; of types that are not read, nothing."""

    type: str = ""
    text: str | None = None
    thinking: str | None = None
    signature: str | None = None
    partial_json: str | None = None
    citation: Any = None
    content: Any = None
    encrypted_content: Any = None
    stop_reason: str | None = None
    stop_details: StopDetails | None = None


class _Event(msgspec.Struct):
    """Any event."""

    type: str = ""
    index: int = 0
    delta: _Delta | None = None
    content_block: dict[str, Any] | None = None


_EVENT = msgspec.json.Decoder(_Event)
_OBJECT = msgspec.json.Decoder(dict[str, Any])
_ANY = msgspec.json.Decoder()
_NOTHING = _Delta()
_KNOWN = frozenset(
    {
        *("message_start", "message_delta", "message_stop", "error"),
        *("content_block_start", "content_block_delta", "content_block_stop"),
    }
)
_REASONING, _TEXT, _CALL = range(3)
_KINDS = 3


class OpenBlock:
    """A block on its way in: as it was announced, and the pieces that complete it."""

    __slots__ = ("citations", "json", "start", "thinking", "type")

    def __init__(self, start: dict[str, Any]) -> None:
        self.start = start
        self.type = start.get("type")
        self.thinking: list[str] = []
        self.json: list[str] = []
        given = start.get("citations")
        self.citations: list[Any] = [*cast("list[Any]", given)] if isinstance(given, list) else []


class MessageStream:
    """The decoder of one stream; it is complete with `message_stop` after a stop reason."""

    def __init__(self, context: DecodeContext) -> None:
        self.done = False
        self._context = context
        self._provider = context.request.provider
        self._open: dict[int, OpenBlock] = {}
        self._message: dict[str, Any] = {}
        self._usage: dict[str, Any] = {}
        self._stop_reason: str | None = None
        self._stop_details: StopDetails | None = None
        self._skipped: dict[str, Warning] = {}

    @property
    def request_id(self) -> str | None:
        """The message's id."""
        return _text(self._message.get("id"))

    @property
    def served_model(self) -> str | None:
        """The model that answers."""
        return _text(self._message.get("model"))

    def feed(self, payload: bytes) -> Sequence[Event]:
        """The events of one payload. Raises InvalidResponse, or the error that it reports."""
        event = read_known(_EVENT, payload, self._context.error_mapper, _KNOWN)
        if event is None:
            return ()
        if event.type == "content_block_delta":
            delta = event.delta or _NOTHING
            if delta.type == "text_delta":
                return (TextDelta(delta.text or "", _KINDS * event.index + _TEXT),)
            return self._on_delta(event.index, delta)
        if event.type == "content_block_start":
            return self._on_start(event.index, event.content_block or {})
        if event.type == "content_block_stop":
            return self._on_stop(event.index)
        self._on_message(event, payload)
        return ()

    def finish(self) -> Sequence[Event]:
        """`Finished`. Raises IncompleteStream."""
        context, reason = self._context, self._stop_reason
        if not self.done or reason is None:
            raise context.error_mapper.incomplete("message_stop")
        # A server that closes no block (llama.cpp now and then) has closed them all by now.
        left = [event for index in sorted(self._open) for event in self._on_stop(index)]
        warnings = (*refused(self._stop_details), *elsewhere(self._usage), *self._skipped.values())
        told = self._message
        finished = Finished(
            finishes=((finish_of(reason), reason),),
            usage=usage_of(self._usage or None),
            served_model=self.served_model,
            request_id=context.request_id or self.request_id,
            warnings=context.warnings + warnings,
            raw_body=msgspec.json.encode({**told, "usage": self._usage}),
        )
        return (*left, finished)

    def usage(self) -> Usage | None:
        """What the vendor has reported so far: its first count of the output is not the last."""
        if not self._usage:
            return None
        told = usage_of(self._usage)
        return told if self._stop_reason is not None else replace(told, output=OutputUsage())

    def _on_message(self, event: _Event, payload: bytes) -> None:
        """Take in what concerns the message, rather than a block of it."""
        if event.type == "message_stop":
            self.done = True
        elif event.type == "message_start":
            message = read(_OBJECT, payload, self._context.error_mapper).get("message")
            if isinstance(message, dict):
                self._told(cast("dict[str, Any]", message))
        elif event.type == "message_delta":
            told = read(_OBJECT, payload, self._context.error_mapper)
            self._told({**(told.get("delta") or {}), "usage": told.get("usage")})
            if event.delta is not None and event.delta.stop_reason is not None:
                self._stop_reason = event.delta.stop_reason
                self._stop_details = event.delta.stop_details
        elif event.type == "error":
            raise self._context.error_mapper.from_response(
                read(_OBJECT, payload, self._context.error_mapper)
            )

    def _told(self, fields: dict[str, Any]) -> None:
        """Keep what was said of the message last. Its counts are totals, left out where they
        do not apply, so that the newest of each holds; a total does not shrink to the 0 that some
        gateways end with."""
        usage = fields.get("usage")
        if isinstance(usage, dict):
            newest = cast("dict[str, Any]", usage)
            self._usage |= {
                name: value
                for name, value in newest.items()
                if value is not None and (value != 0 or not self._usage.get(name))
            }
        self._message |= {
            name: value for name, value in fields.items() if name not in ("content", "usage")
        }

    def _on_start(self, index: int, start: dict[str, Any]) -> Sequence[Event]:
        opened = self._open[index] = OpenBlock(start)
        if opened.type == "text":
            text = _text(start.get("text"))
            return (TextDelta(text, _KINDS * index + _TEXT),) if text else ()
        if opened.type == "thinking":
            thought = _text(start.get("thinking"))
            return self._thought(index, opened, thought) if thought else ()
        if opened.type == "tool_use":
            block = self._block(start)
            caller = called_by(block)
            provider = caller and self._provider
            return (
                ToolCallDelta(
                    _KINDS * index + _CALL,
                    block.id or "",
                    block.name or "",
                    "",
                    0,
                    provider,
                    caller,
                ),
            )
        return ()

    def _on_delta(self, index: int, delta: _Delta) -> Sequence[Event]:
        opened = self._open.get(index)
        if opened is None:
            if delta.type != "thinking_delta":
                raise self._context.error_mapper.invalid("a piece of a block that never began")
            opened = self._open[index] = OpenBlock({"type": "thinking"})
        if delta.type == "thinking_delta":
            return self._thought(index, opened, delta.thinking) if delta.thinking else ()
        if delta.type == "input_json_delta":
            opened.json.append(delta.partial_json or "")
            if opened.type == "tool_use" and delta.partial_json:
                return (ToolCallDelta(_KINDS * index + _CALL, arguments=delta.partial_json),)
        elif delta.type == "signature_delta":
            opened.start["signature"] = delta.signature
        elif delta.type == "citations_delta":
            opened.citations.append(delta.citation)
        elif delta.type == "compaction_delta":
            opened.start["content"] = delta.content
            if delta.encrypted_content is not None:
                opened.start["encrypted_content"] = delta.encrypted_content
        else:
            self._skip(delta.type)
        return ()

    def _on_stop(self, index: int) -> Sequence[Event]:
        """What only the end of a block completes: the item to give back with the next turn."""
        opened = self._open.pop(index, None)
        if opened is None:
            return ()
        given, place = opened.start, _KINDS * index
        if opened.type == "text":
            if not opened.citations:
                return ()
            opaque = cited(opened.citations)
        elif opened.type == "tool_use":
            if "".join(opened.json) or not given.get("input"):
                return ()
            arguments = msgspec.json.encode(given["input"]).decode()
            return (ToolCallDelta(place + _CALL, arguments=arguments),)
        elif opened.type == "thinking":
            opaque = opaque_of({**given, "thinking": "".join(opened.thinking)})
        else:
            opaque = opaque_of({**given, **self._input(opened)})
        return (ReasoningDelta("", place + _REASONING, 0, self._provider, opaque),)

    def _thought(self, index: int, opened: OpenBlock, text: str) -> Sequence[Event]:
        opened.thinking.append(text)
        return (ReasoningDelta(text, _KINDS * index + _REASONING, 0, self._provider),)

    def _input(self, opened: OpenBlock) -> dict[str, Any]:
        """What a tool that ran on the server was given, as far as it came in pieces."""
        pieces = "".join(opened.json)
        if not pieces:
            return {}
        try:
            return {"input": _ANY.decode(pieces)}
        except UNREADABLE:  # cut off by max_tokens; the form is what Anthropic's guide has for it
            return {"input": {"INVALID_JSON": pieces}}

    def _block(self, start: dict[str, Any]) -> Block:
        try:
            return msgspec.convert(start, Block)
        except msgspec.ValidationError as error:
            raise self._context.error_mapper.invalid(
                f"a block that cannot be read ({error})"
            ) from error

    def _skip(self, kind: str) -> None:
        message = f"a {kind!r} piece of the answer has no place in fmsdk and was left out"
        self._skipped.setdefault(kind, Warning("content_skipped", message, kind))


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
