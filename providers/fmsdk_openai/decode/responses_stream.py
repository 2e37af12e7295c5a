"""A Responses stream: payloads in, events out.

Servers differ in how much they stream: where deltas of a part were left out, its closing event
stands in, so that every part arrives once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import msgspec

from fmsdk.response import Event, Finished, ReasoningDelta, TextDelta, ToolCallDelta
from fmsdk.usage import Usage
from fmsdk.wire.read import kept, read
from fmsdk_openai.decode.answer import Logprob, OpenAIAnswer, token_logprobs
from fmsdk_openai.decode.responses import (
    BODY,
    Body,
    Item,
    charged_apart,
    check_status,
    finish_of,
    item_of,
    phase_of,
    tools_run,
)

__all__ = ["ResponsesStream"]

_ITSELF = -1
_PHASE = -2


class _Event(msgspec.Struct):
    """Any event. What only some types have in this shape is left untyped: unknown types pass."""

    type: str = ""
    delta: Any = None
    output_index: int = 0
    content_index: int = 0
    summary_index: int = 0
    logprobs: list[Logprob] | None = None
    item: msgspec.Raw = msgspec.Raw(b"{}")
    response: msgspec.Raw = msgspec.Raw(b"{}")


_EVENT = msgspec.json.Decoder(_Event)
_ANY = msgspec.json.Decoder()


class ResponsesStream:
    """The decoder of one stream; it is complete with the event that ends the response."""

    def __init__(self, answer: OpenAIAnswer) -> None:
        self.done = False
        self._answer = answer
        self._provider = answer.request.provider
        self._indexes: dict[tuple[int, int], int] = {}
        self._begun: set[tuple[str, int, int]] = set()
        self._calls = 0
        self._body = Body()
        self._raw: bytes | None = None

    def feed(self, payload: bytes) -> Sequence[Event]:
        """The events of one payload. Raises InvalidResponse, or the error that it reports."""
        if payload == b"[DONE]":
            return ()
        event = read(_EVENT, payload, self._answer.blame)
        if event.type == "error":
            raise self._answer.blame.of_body(read(_ANY, payload, self._answer.blame))
        handle = self._handlers.get(event.type)
        return handle(self, event) if handle is not None else ()

    def finish(self) -> Sequence[Event]:
        """`Finished`. Raises IncompleteStream."""
        answer, body = self._answer, self._body
        if not self.done:
            raise answer.blame.incomplete("a finished response")
        served = tools_run(body, answer.blame)
        finished = Finished(
            finishes=(finish_of(body, self._calls > 0),),
            usage=answer.usage(body.usage, body.service_tier, served),
            served_model=body.model,
            request_id=answer.request_id or body.id,
            warnings=answer.warnings + charged_apart(served),
            raw_body=self._raw,
        )
        return (finished,)

    def usage(self) -> Usage | None:
        """What the vendor has reported so far."""
        body = self._body
        return self._answer.usage(body.usage, body.service_tier) if body.usage else None

    def _index(self, event: _Event, piece: int) -> int:
        """The index of a part, by order of first appearance."""
        return self._indexes.setdefault((event.output_index, piece), len(self._indexes))

    def _begins(self, kind: str, event: _Event, piece: int = 0) -> bool:
        """Whether this is the first of its kind for this part."""
        key = (kind, event.output_index, piece)
        if key in self._begun:
            return False
        self._begun.add(key)
        return True

    def _on_text(self, event: _Event) -> Sequence[Event]:
        self._begins("text", event, event.content_index)
        index = self._index(event, event.content_index)
        logprobs = token_logprobs(event.logprobs) if event.logprobs else ()
        return (TextDelta(str(event.delta), index, 0, False, logprobs),)

    def _on_refusal(self, event: _Event) -> Sequence[Event]:
        self._begins("text", event, event.content_index)
        return (TextDelta(str(event.delta), self._index(event, event.content_index), 0, True),)

    def _on_thought(self, event: _Event) -> Sequence[Event]:
        is_first = self._begins("thought", event)
        is_next = self._begins("summary", event, event.summary_index + event.content_index)
        text = str(event.delta) if is_first or not is_next else f"\n\n{event.delta}"
        return (ReasoningDelta(text, self._index(event, _ITSELF), 0, self._provider),)

    def _on_arguments(self, event: _Event) -> Sequence[Event]:
        self._begins("arguments", event)
        return (ToolCallDelta(self._index(event, _ITSELF), arguments=str(event.delta)),)

    def _on_added(self, event: _Event) -> Sequence[Event]:
        item = item_of(event.item, self._answer.blame)
        if item.type == "function_call":
            return self._named(event, item)
        if item.type != "message":
            self._index(event, _ITSELF)
            return ()
        phase = phase_of(item)
        if phase is None:
            return ()
        return (ReasoningDelta("", self._index(event, _PHASE), 0, self._provider, phase),)

    def _on_done(self, event: _Event) -> Sequence[Event]:
        item = item_of(event.item, self._answer.blame)
        if item.type == "message":
            return self._unsaid(event, item)
        if item.type == "function_call":
            named = self._named(event, item)
            if not (item.arguments and self._begins("arguments", event)):
                return named
            index = self._index(event, _ITSELF)
            return (*named, ToolCallDelta(index, arguments=item.arguments))
        text = "\n\n".join(item.thoughts) if self._begins("thought", event) else ""
        opaque = kept(event.item, self._answer.blame)
        return (ReasoningDelta(text, self._index(event, _ITSELF), 0, self._provider, opaque),)

    def _named(self, event: _Event, item: Item) -> Sequence[Event]:
        if not self._begins("call", event):
            return ()
        self._calls += 1
        return (ToolCallDelta(self._index(event, _ITSELF), item.call_id, item.name),)

    def _unsaid(self, event: _Event, item: Item) -> Sequence[Event]:
        """The pieces of a finished message that no delta brought."""
        return [
            TextDelta(piece.refusal or piece.text, self._index(event, n), 0, bool(piece.refusal))
            for n, piece in enumerate(item.content or ())
            if (piece.refusal or piece.text) and self._begins("text", event, n)
        ]

    def _on_end(self, event: _Event) -> Sequence[Event]:
        self._raw = bytes(event.response)
        self._body = read(BODY, event.response, self._answer.blame)
        check_status(self._body, self._answer.blame)
        self.done = True
        return ()

    _handlers: ClassVar[dict[str, Callable[[ResponsesStream, _Event], Sequence[Event]]]] = {
        "response.output_text.delta": _on_text,
        "response.refusal.delta": _on_refusal,
        "response.reasoning_summary_text.delta": _on_thought,
        "response.reasoning_text.delta": _on_thought,
        "response.function_call_arguments.delta": _on_arguments,
        "response.output_item.added": _on_added,
        "response.output_item.done": _on_done,
        "response.completed": _on_end,
        "response.incomplete": _on_end,
        "response.failed": _on_end,
        "response.cancelled": _on_end,
    }
