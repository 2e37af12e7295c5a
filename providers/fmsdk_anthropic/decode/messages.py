"""The decoder of Anthropic's Messages API, for whole messages and for streams.

Text, thinking and calls of the caller's tools become parts. Whatever else Anthropic puts into
`content` (tools it ran itself, their results, compactions, …) is kept in its place as an opaque
`Reasoning`, so that it goes back with the next turn; it is never a call of the caller's tools.

A block becomes two parts at most: a text's citations, and the text itself. Each kind of part has
its own index within every block. Blocks are numbered here, in the order of their starts, since
gateways number all of them 0, or pieces otherwise than their block.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, cast

import msgspec

from fmsdk.hosted.decoding import (
    UNREADABLE,
    DecodeContext,
    StreamDecoder,
    compact_json,
    decode_json,
    decode_known_event,
    encode_opaque,
    skipped_content,
    tool_call_id,
)
from fmsdk.hosted.token_counts import merge_usage
from fmsdk.response import (
    Event,
    Finish,
    Finished,
    ReasoningDelta,
    Response,
    TextDelta,
    ToolCallDelta,
    Warning,
)
from fmsdk.usage import OutputUsage, Usage
from fmsdk_anthropic.decode.message_types import (
    BLOCK,
    BLOCK_TYPE,
    EVENT,
    MESSAGE,
    OBJECT,
    Block,
    Delta,
    StopDetails,
    StreamEvent,
)
from fmsdk_anthropic.decode.usage import advisor_warnings, decode_usage

__all__ = ["MessagesDecoder"]

_FINISHES: dict[str | None, Finish] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "refusal",
}
_NO_DELTA = Delta()
_ANY = msgspec.json.Decoder()
_EVENT_TYPES = frozenset(
    {
        *("message_start", "message_delta", "message_stop", "error"),
        *("content_block_start", "content_block_delta", "content_block_stop"),
    }
)
_REASONING, _TEXT, _CALL = range(3)
_PARTS_A_BLOCK = 3
_CONTINUED_TYPES = {
    "citations_delta": "text",
    "compaction_delta": "compaction",
    "input_json_delta": "tool_use",  # or server_tool_use, mcp_tool_use
    "signature_delta": "thinking",
    "thinking_delta": "thinking",
}


class OpenBlock:
    """A block that is still coming: its first event, and the pieces that complete it."""

    __slots__ = ("citations", "json", "start", "thinking", "type")

    def __init__(self, start: dict[str, Any]) -> None:
        self.start = start
        self.type = start.get("type")
        self.thinking: list[str] = []
        self.json: list[str] = []
        citations = start.get("citations")
        self.citations: list[Any] = (
            [*cast("list[Any]", citations)] if isinstance(citations, list) else []
        )

    def is_started_by(self, start: dict[str, Any]) -> bool:
        """Whether the start is that of this block, which some servers send twice."""
        return all(self.start.get(name) == start.get(name) for name in ("type", "id"))

    def accepts(self, delta_type: str) -> bool:
        """Whether a piece of this type may belong to this block."""
        return str(self.type).endswith(_CONTINUED_TYPES.get(delta_type, ""))


class MessagesDecoder(StreamDecoder):
    """Decodes one answer. A stream is complete with `message_stop` after a stop reason."""

    def __init__(self, context: DecodeContext) -> None:
        super().__init__(context)
        self._open: dict[int, OpenBlock] = {}
        self._numbers: dict[object, int] = {}  # of the latest block with each index of the server's
        self._block_count = 0
        self._message: dict[str, Any] = {}
        self._usage: dict[str, Any] = {}
        self._stop_reason: str | None = None
        self._stop_details: StopDetails | None = None
        self._skipped_content: dict[str, Warning] = {}

    def decode_body(self, body: bytes) -> Response[Any]:
        """The response of a whole message. Raises InvalidResponse, or the error in it."""
        message = decode_json(MESSAGE, body, self._error_mapper)
        if message.error or message.type == "error":
            raise self._error_mapper.from_response(decode_json(_ANY, body, self._error_mapper))
        if message.content is None:
            raise self._error_mapper.invalid("a message without content")
        self.request_id, self.served_model = message.id, message.model
        self._stop_reason, self._stop_details = message.stop_reason, message.stop_details
        self._usage = message.usage
        events = [
            event
            for index, raw in enumerate(message.content)
            for event in self.decode_block(index, raw)
        ]
        return self._response([*events, self._finish_event(body)])

    def decode_block(self, index: int, raw: msgspec.Raw) -> Iterator[Event]:
        """The events of a whole block. Raises InvalidResponse."""
        first_index = _PARTS_A_BLOCK * index
        block_type = decode_json(BLOCK_TYPE, raw, self._error_mapper).type
        if block_type == "text":
            block = decode_json(BLOCK, raw, self._error_mapper)
            if block.citations:
                yield self.decode_citations(index, block.citations)
            yield TextDelta(block.text or "", first_index + _TEXT)
        elif block_type == "tool_use":
            block = decode_json(BLOCK, raw, self._error_mapper)
            yield self.decode_tool_call(index, block)
            if block.input is not None:
                yield self.decode_arguments(index, block.input)
        else:
            is_thinking = block_type == "thinking"
            thinking = decode_json(BLOCK, raw, self._error_mapper).thinking if is_thinking else ""
            opaque = compact_json(raw, self._error_mapper)
            yield ReasoningDelta(
                thinking or "", first_index + _REASONING, 0, self._provider, opaque
            )

    def decode_event(self, payload: bytes) -> Sequence[Event]:
        """The events of one payload. Raises InvalidResponse, or the error that it reports."""
        event = decode_known_event(EVENT, payload, self._error_mapper, _EVENT_TYPES)
        if event is None:
            return ()
        if event.type == "content_block_delta":
            delta = event.delta or _NO_DELTA
            if delta.type == "text_delta":
                number = self._numbers.get(event.index)
                number = self._new_number(event.index) if number is None else number
                return (TextDelta(delta.text or "", _PARTS_A_BLOCK * number + _TEXT),)
            return self.decode_block_delta(event.index, delta)
        if event.type == "content_block_start":
            return self.decode_block_start(event.index, event.content_block or {})
        if event.type == "content_block_stop":
            return self.decode_block_stop(self._numbers.get(event.index, -1))
        self.decode_message_event(event, payload)
        return ()

    def decode_end(self) -> Sequence[Event]:
        """`Finished`. Raises IncompleteStream."""
        if not self.has_ended or self._stop_reason is None:
            raise self._error_mapper.incomplete("message_stop")
        # llama.cpp's server sometimes closes no block; at the end of the stream all are closed.
        events = [event for index in sorted(self._open) for event in self.decode_block_stop(index)]
        raw_body = msgspec.json.encode({**self._message, "usage": self._usage})
        return (*events, self._finish_event(raw_body))

    def usage(self) -> Usage | None:
        """What Anthropic has reported so far: its first count of the output is not the last."""
        if not self._usage:
            return None
        usage = decode_usage(self._usage)
        return usage if self._stop_reason is not None else replace(usage, output=OutputUsage())

    def _finish_event(self, raw_body: bytes) -> Finished:
        reason, context = self._stop_reason, self._context
        # A paused turn goes on when it is sent back, and is "other".
        finish = _FINISHES.get(reason, "other")
        refusal: tuple[Warning, ...] = ()
        if (details := self._stop_details) and (details.explanation or details.category):
            # The reason of a refusal is not the model's own text.
            message = details.explanation or f"refused as {details.category}"
            refusal = (Warning("refused", message, details.category or ""),)
        return Finished(
            finishes=((finish, reason),),
            usage=decode_usage(self._usage or None),
            served_model=self.served_model,
            request_id=context.request_id or self.request_id,
            warnings=(
                *context.warnings,
                *refusal,
                *advisor_warnings(self._usage),
                *self._skipped_content.values(),
            ),
            raw_body=raw_body,
        )

    def decode_message_event(self, event: StreamEvent, payload: bytes) -> None:
        """Read an event that concerns the message rather than one of its blocks."""
        if event.type == "message_stop":
            self.has_ended = True
        elif event.type == "message_start":
            message = decode_json(OBJECT, payload, self._error_mapper).get("message")
            if isinstance(message, dict):
                self._update_message(cast("dict[str, Any]", message))
        elif event.type == "message_delta":
            fields = decode_json(OBJECT, payload, self._error_mapper)
            self._update_message({**(fields.get("delta") or {}), "usage": fields.get("usage")})
            if event.delta is not None and event.delta.stop_reason is not None:
                self._stop_reason = event.delta.stop_reason
                self._stop_details = event.delta.stop_details
        elif event.type == "error":
            raise self._error_mapper.from_response(decode_json(OBJECT, payload, self._error_mapper))

    def _update_message(self, fields: dict[str, Any]) -> None:
        """Merge what an event says of the message; the newest value of a field holds."""
        usage = fields.get("usage")
        if isinstance(usage, dict):
            self._usage = merge_usage(self._usage, cast("dict[str, Any]", usage))
        self._message |= {
            name: value for name, value in fields.items() if name not in ("content", "usage")
        }
        self.request_id = _text(self._message.get("id"))
        self.served_model = _text(self._message.get("model"))

    def _new_number(self, server_index: object) -> int:
        number = self._numbers[server_index] = self._block_count
        self._block_count += 1
        return number

    def decode_block_start(self, server_index: object, start: dict[str, Any]) -> Sequence[Event]:
        index = self._numbers.get(server_index, -1)
        earlier = self._open.get(index)
        if earlier is None or not earlier.is_started_by(start):
            index = self._new_number(server_index)
        block = self._open[index] = OpenBlock(start)
        if block.type == "text":
            text = _text(start.get("text"))
            return (TextDelta(text, _PARTS_A_BLOCK * index + _TEXT),) if text else ()
        if block.type == "thinking":
            thought = _text(start.get("thinking"))
            return self.decode_reasoning(index, block, thought) if thought else ()
        if block.type == "tool_use":
            try:
                return (self.decode_tool_call(index, msgspec.convert(start, Block)),)
            except msgspec.ValidationError as error:
                what = f"a block that cannot be read ({error})"
                raise self._error_mapper.invalid(what) from error
        return ()

    def decode_block_delta(self, server_index: object, delta: Delta) -> Sequence[Event]:
        """The events of a piece: of the block with its index, or else of the latest open block
        that takes such pieces."""
        index = self._numbers.get(server_index, -1)
        block = self._open.get(index)
        if block is None or not block.accepts(delta.type):
            takers = [each for each in self._open.items() if each[1].accepts(delta.type)]
            index, block = [(index, block), *takers][-1]
        if block is None:
            if delta.type != "thinking_delta":
                raise self._error_mapper.invalid("a piece of a block that was not started")
            index = self._new_number(server_index)
            block = self._open[index] = OpenBlock({"type": "thinking"})
        if delta.type == "thinking_delta":
            return self.decode_reasoning(index, block, delta.thinking) if delta.thinking else ()
        if delta.type == "input_json_delta":
            block.json.append(delta.partial_json or "")
            if block.type == "tool_use" and delta.partial_json:
                call_index = _PARTS_A_BLOCK * index + _CALL
                return (ToolCallDelta(call_index, arguments=delta.partial_json),)
        elif delta.type == "signature_delta":
            block.start["signature"] = delta.signature
        elif delta.type == "citations_delta":
            block.citations.append(delta.citation)
        elif delta.type == "compaction_delta":
            block.start["content"] = delta.content
            if delta.encrypted_content is not None:
                block.start["encrypted_content"] = delta.encrypted_content
        else:
            self._skipped_content.setdefault(delta.type, skipped_content(delta.type))
        return ()

    def decode_block_stop(self, index: int) -> Sequence[Event]:
        """What only the end of a block completes: the item to give back with the next turn."""
        block = self._open.pop(index, None)
        if block is None:
            return ()
        if block.type == "text":
            return (self.decode_citations(index, block.citations),) if block.citations else ()
        if block.type == "tool_use":
            arguments = block.start.get("input")
            if "".join(block.json) or not arguments:
                return ()
            return (self.decode_arguments(index, arguments),)
        item = dict(block.start)
        if block.type == "thinking":
            item["thinking"] = "".join(block.thinking)
        elif pieces := "".join(block.json):  # the arguments of a tool that ran on the server
            try:
                item["input"] = _ANY.decode(pieces)
            except UNREADABLE:  # cut off by max_tokens; Anthropic's guide gives this form
                item["input"] = {"INVALID_JSON": pieces}
        reasoning_index = _PARTS_A_BLOCK * index + _REASONING
        return (ReasoningDelta("", reasoning_index, 0, self._provider, encode_opaque(item)),)

    def decode_reasoning(self, index: int, block: OpenBlock, text: str) -> Sequence[Event]:
        block.thinking.append(text)
        return (ReasoningDelta(text, _PARTS_A_BLOCK * index + _REASONING, 0, self._provider),)

    def decode_citations(self, index: int, citations: list[Any]) -> Event:
        """What a text cites: the item in which its block goes back."""
        opaque = encode_opaque({"type": "text", "citations": citations})
        reasoning_index = _PARTS_A_BLOCK * index + _REASONING
        return ReasoningDelta("", reasoning_index, 0, self._provider, opaque)

    def decode_tool_call(self, index: int, block: Block) -> Event:
        """A call's id and name. Where code or a toolset made the call, and not the model itself,
        that goes back with the call."""
        origin: dict[str, Any] = {}
        if block.caller and block.caller != {"type": "direct"}:
            origin["caller"] = block.caller
        if block.toolset_name is not None:
            origin["toolset_name"] = block.toolset_name
        return ToolCallDelta(
            _PARTS_A_BLOCK * index + _CALL,
            tool_call_id(block.id, index, self.request_id),
            block.name or "",
            "",
            0,
            self._provider if origin else None,
            encode_opaque(origin) if origin else None,
        )

    def decode_arguments(self, index: int, arguments: object) -> Event:
        text = msgspec.json.encode(arguments).decode()
        return ToolCallDelta(_PARTS_A_BLOCK * index + _CALL, arguments=text)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
