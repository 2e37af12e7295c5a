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
from fmsdk.wire.read import kept, read, word
from fmsdk_openai.decode.answer import OpenAIAnswer, json_text, token_logprobs
from fmsdk_openai.decode.responses import (
    BODY,
    Body,
    Item,
    charged_apart,
    failure_of,
    finish_of,
    item_of,
    phase_of,
    skipped,
    tools_run,
)

__all__ = ["ResponsesStream"]

_ITSELF = -1
_PHASE = -2
_AT_END = 1_000_000
"""Where items are numbered from that only the whole response brings."""


class _Event(msgspec.Struct):
    """Any event. What only some types have in this shape is left untyped: unknown types pass."""

    type: str = ""
    delta: Any = None
    text: Any = None
    refusal: Any = None
    arguments: Any = None
    output_index: int = 0
    content_index: int = 0
    summary_index: int = 0
    logprobs: Any = None
    error: Any = None
    item: msgspec.Raw = msgspec.Raw(b"{}")
    response: msgspec.Raw = msgspec.Raw(b"{}")


_EVENT = msgspec.json.Decoder(_Event)
_ANY = msgspec.json.Decoder()


class ResponsesStream:
    """The decoder of one stream; it is complete with the event that ends the response."""

    def __init__(self, answer: OpenAIAnswer) -> None:
        self.done = False
        self.request_id: str | None = None
        self.served_model: str | None = None
        self._answer = answer
        self._provider = answer.request.provider
        self._indexes: dict[tuple[int, int], int] = {}
        self._begun: set[tuple[str, int, int]] = set()
        self._said: list[str] = []
        self._calls: set[str] = set()
        self._items: set[str] = set()
        self._body = Body()
        self._raw: bytes | None = None

    def feed(self, payload: bytes) -> Sequence[Event]:
        """The events of one payload. Raises InvalidResponse, or the error that it reports."""
        if payload == b"[DONE]":
            return ()
        event = read(_EVENT, payload, self._answer.blame)
        if event.type == "error" or (event.error and not event.type):
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
            finishes=(finish_of(body, bool(self._calls)),),
            usage=answer.usage(body.usage, word(body.service_tier), served),
            served_model=self.served_model,
            request_id=answer.request_id or self.request_id,
            warnings=(*answer.warnings, *charged_apart(served), *skipped(body, answer.blame)),
            raw_body=self._raw,
        )
        return (finished,)

    def usage(self) -> Usage | None:
        """What the vendor has reported so far."""
        body = self._body
        return self._answer.usage(body.usage, word(body.service_tier)) if body.usage else None

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

    def _piece(self, event: _Event) -> str:
        """The text of a delta. Raises InvalidResponse: it has none."""
        if not isinstance(event.delta, str):
            raise self._answer.blame.invalid(f"a {event.type} without text")
        return event.delta

    def _on_text(self, event: _Event) -> Sequence[Event]:
        self._begins("text", event, event.content_index)
        index, text = self._index(event, event.content_index), self._piece(event)
        self._said.append(text)
        logprobs = token_logprobs(event.logprobs) if event.logprobs else ()
        return (TextDelta(text, index, 0, False, logprobs),)

    def _on_refusal(self, event: _Event) -> Sequence[Event]:
        self._begins("text", event, event.content_index)
        index, text = self._index(event, event.content_index), self._piece(event)
        self._said.append(text)
        return (TextDelta(text, index, 0, True),)

    def _on_thought(self, event: _Event) -> Sequence[Event]:
        is_first = self._begins("thought", event)
        is_next = self._begins("summary", event, event.summary_index + event.content_index)
        text = self._piece(event)
        joined = text if is_first or not is_next else f"\n\n{text}"
        return (ReasoningDelta(joined, self._index(event, _ITSELF), 0, self._provider),)

    def _on_arguments(self, event: _Event) -> Sequence[Event]:
        self._begins("arguments", event)
        return (ToolCallDelta(self._index(event, _ITSELF), arguments=self._piece(event)),)

    def _on_text_done(self, event: _Event) -> Sequence[Event]:
        return self._whole(event, event.text, refusal=False)

    def _on_refusal_done(self, event: _Event) -> Sequence[Event]:
        return self._whole(event, event.refusal, refusal=True)

    def _whole(self, event: _Event, text: object, *, refusal: bool) -> Sequence[Event]:
        """A finished text that no delta brought."""
        if not isinstance(text, str) or not text:
            return ()
        if not self._begins("text", event, event.content_index):
            return ()
        self._said.append(text)
        return (TextDelta(text, self._index(event, event.content_index), 0, refusal),)

    def _on_arguments_done(self, event: _Event) -> Sequence[Event]:
        arguments = json_text(event.arguments)
        if not (arguments and self._begins("arguments", event)):
            return ()
        return (ToolCallDelta(self._index(event, _ITSELF), arguments=arguments),)

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
            arguments = item.arguments_text
            if not (arguments and self._begins("arguments", event)):
                return named
            return (*named, ToolCallDelta(self._index(event, _ITSELF), arguments=arguments))
        self._items.add(item.type)
        text = "\n\n".join(item.thoughts) if self._begins("thought", event) else ""
        opaque = kept(event.item, self._answer.blame)
        return (ReasoningDelta(text, self._index(event, _ITSELF), 0, self._provider, opaque),)

    def _named(self, event: _Event, item: Item) -> Sequence[Event]:
        if not self._begins("call", event):
            return ()
        self._calls.add(item.id_of_call)
        index = self._index(event, _ITSELF)
        return (ToolCallDelta(index, item.id_of_call, item.name or ""),)

    def _unsaid(self, event: _Event, item: Item) -> Sequence[Event]:
        """The pieces of a finished message that no delta brought."""
        found: list[Event] = []
        for n, (text, is_refusal) in enumerate(item.texts):
            event.content_index = n
            found += self._whole(event, text, refusal=is_refusal)
        return found

    def _on_begin(self, event: _Event) -> Sequence[Event]:
        self._names(read(BODY, event.response, self._answer.blame))
        return ()

    def _names(self, body: Body) -> None:
        self.request_id = word(body.id) or self.request_id
        self.served_model = word(body.model) or self.served_model

    def _on_end(self, event: _Event) -> Sequence[Event]:
        self._raw = bytes(event.response)
        body = self._body = read(BODY, event.response, self._answer.blame)
        self._names(body)
        if failure := failure_of(body, self._answer.blame):
            raise failure
        body.status = body.status or event.type.removeprefix("response.")
        self.done = True
        return self._untold(body)

    def _untold(self, body: Body) -> Sequence[Event]:
        """What the whole response holds and no event before it brought. Servers differ in how
        they number items, so that calls are told by id, texts by what was said."""
        output = body.output or []
        items = [item_of(raw, self._answer.blame) for raw in output]
        said, found = "".join(self._said), list[Event]()
        for place, (raw, item) in enumerate(zip(output, items, strict=True)):
            event = _Event(output_index=_AT_END + place, item=raw)
            if item.type == "function_call":
                is_told = item.id_of_call in self._calls
            else:
                is_told = bool(said) if item.type == "message" else item.type in self._items
            found += () if is_told else self._on_done(event)
        texts = [text for item in items if item.type == "message" for text in item.texts]
        whole = "".join(text for text, _ in texts)
        if said and len(whole) > len(said) and whole.startswith(said):
            event = _Event(output_index=_AT_END + len(items))
            found += self._whole(event, whole[len(said) :], refusal=texts[-1][1])
        return found

    _handlers: ClassVar[dict[str, Callable[[ResponsesStream, _Event], Sequence[Event]]]] = {
        "response.created": _on_begin,
        "response.output_text.delta": _on_text,
        "response.output_text.done": _on_text_done,
        "response.refusal.delta": _on_refusal,
        "response.refusal.done": _on_refusal_done,
        "response.reasoning_summary_text.delta": _on_thought,
        "response.reasoning_text.delta": _on_thought,
        "response.function_call_arguments.delta": _on_arguments,
        "response.function_call_arguments.done": _on_arguments_done,
        "response.output_item.added": _on_added,
        "response.output_item.done": _on_done,
        "response.completed": _on_end,
        "response.incomplete": _on_end,
        "response.failed": _on_end,
        "response.cancelled": _on_end,
    }
