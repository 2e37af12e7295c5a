"""A Responses stream: payloads in, events out.

Servers differ in how much they stream: where deltas of a part were left out, its closing event
stands in, so that every part arrives once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

import msgspec

from fmsdk.hosted.decoding import call_id, kept, read, read_known, word
from fmsdk.response import Event, Finished, ReasoningDelta, TextDelta, ToolCallDelta
from fmsdk.usage import Usage
from fmsdk_openai.decode.context import OpenAIDecodeContext, json_text, token_logprobs
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


class PendingToolCall:
    """A call in the making: what its events have told."""

    __slots__ = ("id", "index", "name")

    def __init__(self, index: int) -> None:
        self.index = index
        self.id = ""
        self.name = ""

    def fits(self, item: Item) -> bool:
        """Whether a finished call may be this one, of which nothing says otherwise."""
        id, name = item.id_of_call, item.name or ""
        return (not (id and self.id) or id == self.id) and (
            not (name and self.name) or name == self.name
        )


class ResponsesStream:
    """The decoder of one stream; it is complete with the event that ends the response."""

    def __init__(self, context: OpenAIDecodeContext) -> None:
        self.done = False
        self.request_id: str | None = None
        self.served_model: str | None = None
        self._context = context
        self._provider = context.request.provider
        self._indexes: dict[tuple[int, int], int] = {}
        self._begun: set[tuple[str, int, int]] = set()
        self._said: list[str] = []
        self._calls: dict[int, PendingToolCall] = {}
        self._kept: Counter[str] = Counter()
        self._thinking: list[int] = []
        self._body = Body()
        self._raw: bytes | None = None

    def feed(self, payload: bytes) -> Sequence[Event]:
        """The events of one payload. Raises InvalidResponse, or the error that it reports."""
        if payload == b"[DONE]":
            return ()
        event = read_known(_EVENT, payload, self._context.error_mapper, _KNOWN)
        if event is None:
            return ()
        if event.type == "error" or (event.error and not event.type):
            raise self._context.error_mapper.from_response(
                read(_ANY, payload, self._context.error_mapper)
            )
        handle = self._handlers.get(event.type)
        return handle(self, event) if handle is not None else ()

    def finish(self) -> Sequence[Event]:
        """`Finished`. Raises IncompleteStream."""
        context, body = self._context, self._body
        if not self.done:
            raise context.error_mapper.incomplete("a finished response")
        served = tools_run(body, context.error_mapper)
        finished = Finished(
            finishes=(finish_of(body, bool(self._calls)),),
            usage=context.usage(body.usage, word(body.service_tier), served),
            served_model=self.served_model,
            request_id=context.request_id or self.request_id,
            warnings=(
                *context.warnings,
                *charged_apart(served),
                *skipped(body, context.error_mapper),
            ),
            raw_body=self._raw,
        )
        return (*self._ids(), finished)

    def _ids(self) -> Iterator[Event]:
        """Ids of the calls that got none."""
        calls = sorted(self._calls.values(), key=lambda made: made.index)
        for number, made in enumerate(calls):
            if not made.id:
                yield ToolCallDelta(made.index, call_id(None, number, self.request_id))

    def usage(self) -> Usage | None:
        """What the vendor has reported so far."""
        body = self._body
        return self._context.usage(body.usage, word(body.service_tier)) if body.usage else None

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
            raise self._context.error_mapper.invalid(f"a {event.type} without text")
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
        if is_first:
            self._thinking.append(event.output_index)
        number = event.summary_index + event.content_index
        is_next = self._begins(event.type, event, number)
        text = self._piece(event)
        joined = text if is_first or not is_next else f"\n\n{text}"
        return (ReasoningDelta(joined, self._index(event, _ITSELF), 0, self._provider),)

    def _on_arguments(self, event: _Event) -> Sequence[Event]:
        self._begins("arguments", event)
        return (ToolCallDelta(self._call(event).index, arguments=self._piece(event)),)

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
        index, logprobs = self._index(event, event.content_index), token_logprobs(event.logprobs)
        return (TextDelta(text, index, 0, refusal, logprobs),)

    def _on_arguments_done(self, event: _Event) -> Sequence[Event]:
        return self._given(event, json_text(event.arguments))

    def _given(self, event: _Event, arguments: str) -> Sequence[Event]:
        """Finished arguments that no delta brought."""
        if not (arguments and self._begins("arguments", event)):
            return ()
        return (ToolCallDelta(self._call(event).index, arguments=arguments),)

    def _call(self, event: _Event) -> PendingToolCall:
        """The call that an event is of."""
        made = self._calls.get(event.output_index)
        if made is None:
            made = self._calls[event.output_index] = PendingToolCall(self._index(event, _ITSELF))
        return made

    def _on_added(self, event: _Event) -> Sequence[Event]:
        item = item_of(event.item, self._context.error_mapper)
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
        item = item_of(event.item, self._context.error_mapper)
        if item.type == "message":
            return self._unsaid(event, item)
        if item.type == "function_call":
            return (*self._named(event, item), *self._given(event, item.arguments_text))
        self._kept[item.type] += 1
        if event.output_index in self._thinking:
            self._thinking.remove(event.output_index)
        text = "\n\n".join(item.thoughts) if self._begins("thought", event) else ""
        opaque = kept(event.item, self._context.error_mapper)
        return (ReasoningDelta(text, self._index(event, _ITSELF), 0, self._provider, opaque),)

    def _named(self, event: _Event, item: Item) -> Sequence[Event]:
        """Id and name of a call, each as soon as it is told."""
        made = self._call(event)
        id = "" if made.id else item.id_of_call
        name = "" if made.name else item.name or ""
        made.id, made.name = made.id or id, made.name or name
        return (ToolCallDelta(made.index, id, name),) if id or name else ()

    def _unsaid(self, event: _Event, item: Item) -> Sequence[Event]:
        """The pieces of a finished message that no delta brought."""
        found: list[Event] = []
        for n, (text, is_refusal, logprobs) in enumerate(item.texts):
            event.content_index, event.logprobs = n, logprobs
            found += self._whole(event, text, refusal=is_refusal)
        return found

    def _on_begin(self, event: _Event) -> Sequence[Event]:
        self._names(read(BODY, event.response, self._context.error_mapper))
        return ()

    def _names(self, body: Body) -> None:
        self.request_id = word(body.id) or self.request_id
        self.served_model = word(body.model) or self.served_model

    def _on_end(self, event: _Event) -> Sequence[Event]:
        self._raw = bytes(event.response)
        body = self._body = read(BODY, event.response, self._context.error_mapper)
        self._names(body)
        if failure := failure_of(body, self._context.error_mapper):
            raise failure
        body.status = body.status or event.type.removeprefix("response.")
        self.done = True
        return self._untold(body)

    def _untold(self, body: Body) -> Sequence[Event]:
        """What the whole response holds and no event before it brought. Servers differ in how
        they number items: calls are known again by what they say, texts by what was said, other
        items by their order."""
        output = body.output or []
        items = [item_of(raw, self._context.error_mapper) for raw in output]
        said, told, found = "".join(self._said), self._kept.copy(), list[Event]()
        calls = dict(self._calls)
        for place, (raw, item) in enumerate(zip(output, items, strict=True)):
            event = _Event(output_index=_AT_END + place, item=raw)
            if item.type == "function_call":
                event.output_index = _slot(calls, item, place)
                calls.pop(event.output_index, None)
            elif item.type == "message" and said:
                continue
            elif told[item.type] > 0:
                told[item.type] -= 1
                continue
            elif item.type == "reasoning" and self._thinking:
                event.output_index = self._thinking[0]
            found += self._on_done(event)
        return [*found, *self._rest(items, said)]

    def _rest(self, items: Sequence[Item], said: str) -> Sequence[Event]:
        """The end of a text whose deltas stopped early."""
        texts = [text for item in items if item.type == "message" for text in item.texts]
        whole = "".join(text for text, _, _ in texts)
        if not said or len(whole) == len(said) or not whole.startswith(said):
            return ()
        event = _Event(output_index=_AT_END + len(items))
        return self._whole(event, whole[len(said) :], refusal=texts[-1][1])

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


_KNOWN = frozenset({"error", *ResponsesStream._handlers})  # pyright: ignore[reportPrivateUsage]


def _slot(calls: Mapping[int, PendingToolCall], item: Item, place: int) -> int:
    """Where the events of a finished call were numbered, if there were any."""
    same = (slot for slot, made in calls.items() if item.id_of_call and made.id == item.id_of_call)
    if (slot := next(same, None)) is not None:
        return slot
    if place in calls and calls[place].fits(item):
        return place
    fitting = (slot for slot, made in calls.items() if made.fits(item))
    return next(fitting, _AT_END + place)
