"""The decoder of Responses, for whole responses and for streams.

Messages, reasoning and function calls become parts. Whatever else a vendor puts into `output`
(web searches it ran, compactions, …) is kept in its place as an opaque `Reasoning`, so that it
goes back with the next turn; it is never a call of the caller's tools.

Servers differ in how much they stream: where the deltas of a part are missing, its closing event
stands in, and where that is missing, the response at the end does, so that every part arrives
once. A whole response is read as such an end with nothing before it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, cast

import msgspec

from fmsdk.errors import FmsdkError, InvalidResponse
from fmsdk.hosted.decoding import (
    StreamDecoder,
    arguments_text,
    attach_partial,
    compact_json,
    decode_json,
    decode_known_event,
    optional_text,
    tool_call_id,
)
from fmsdk.hosted.token_counts import merge_usage
from fmsdk.response import (
    Event,
    Finished,
    ReasoningDelta,
    Response,
    TextDelta,
    ToolCallDelta,
)
from fmsdk.usage import Usage
from fmsdk_openai.decode.context import OpenAIDecodeContext
from fmsdk_openai.decode.logprobs import decode_logprobs
from fmsdk_openai.decode.responses_calls import ItemNumbers, PendingToolCall, find_output_index
from fmsdk_openai.decode.responses_finish import (
    UNFINISHED_STATUSES,
    count_charged_tools,
    decode_finish,
    finish_warnings,
)
from fmsdk_openai.decode.responses_types import (
    EVENT,
    RESPONSE,
    Item,
    ResponseEvent,
    ResponseObject,
    decode_item,
)
from fmsdk_openai.decode.usage import decode_usage
from fmsdk_openai.server_dialect import Charge

__all__ = ["ResponsesDecoder"]

_ITEM_ITSELF = -1
_TEXT_METADATA = -2
_FIRST_FINAL_INDEX = 1_000_000
"""Items that only the response at the end brings are numbered from here."""
_ANY = msgspec.json.Decoder()


class ResponsesDecoder(StreamDecoder):
    """Decodes one answer. A stream is complete with the event that ends the response."""

    def __init__(self, context: OpenAIDecodeContext) -> None:
        super().__init__(context)
        self._charge: Charge | None = context.charge
        self._indexes: dict[tuple[int, int], int] = {}
        self._has_started: set[tuple[str, int, int]] = set()
        self._texts: list[str] = []
        self._calls: dict[int, PendingToolCall] = {}
        self._numbers = ItemNumbers()
        self._closed_items: Counter[str] = Counter()
        self._open_reasoning: list[int] = []
        self._final = ResponseObject()
        self._usage: dict[str, Any] = {}
        self._final_items: list[Item] = []
        self._raw_body: bytes | None = None

    def decode_body(self, body: bytes) -> Response[Any]:
        """The response of a whole body. Raises InvalidResponse, or the error in it."""
        response = decode_json(RESPONSE, body, self._error_mapper)
        failure = self._reported_failure(response)
        if failure is not None:
            raise attach_partial(failure, lambda: self.decode_response(response, body))
        return self.decode_response(response, body)

    def decode_response(self, response: ResponseObject, body: bytes) -> Response[Any]:
        if response.output is None:
            raise self._error_mapper.invalid("a response without output")
        self._final, self._raw_body = response, body
        self._update_answer(response)
        events = self.decode_missing_items(response)
        return self._response([*events, *self.decode_last_events()])

    def decode_event(self, payload: bytes) -> Sequence[Event]:
        """The events of one payload. Raises InvalidResponse, or the error that it reports."""
        if payload == b"[DONE]":
            return ()
        event = decode_known_event(EVENT, payload, self._error_mapper, _EVENT_TYPES)
        if event is None:
            return ()
        if event.type == "error" or (event.error and not event.type):
            raise self._error_mapper.from_response(decode_json(_ANY, payload, self._error_mapper))
        decode = self._decoders.get(event.type)
        if decode is None:
            return ()
        event.output_index = self._numbers.find(event.output_index, event.item_id)
        return decode(self, event)

    def decode_end(self) -> Sequence[Event]:
        """`Finished`. Raises IncompleteStream."""
        if not self.has_ended:
            raise self._error_mapper.incomplete("a finished response")
        return list(self.decode_last_events())

    def usage(self) -> Usage | None:
        """What the vendor has reported so far."""
        return self.decode_usage() if self._usage else None

    def decode_usage(self, server_tools: Mapping[str, int] | None = None) -> Usage:
        return decode_usage(
            self._usage,
            optional_text(self._final.service_tier),
            charge=self._charge,
            server_tools=server_tools,
        )

    def _update_answer(self, response: ResponseObject) -> None:
        """Read what a response object says of the whole answer."""
        self.request_id = optional_text(response.id) or self.request_id
        self.served_model = optional_text(response.model) or self.served_model
        usage: object = response.usage
        if isinstance(usage, dict):
            self._usage = merge_usage(self._usage, cast("dict[str, Any]", usage))

    def _reported_failure(self, response: ResponseObject) -> FmsdkError | None:
        """What a failed response reports, and the error of one that is not finished yet."""
        if response.error or response.status == "failed":
            return self._error_mapper.from_response(response.error)
        if response.status not in UNFINISHED_STATUSES:
            return None
        provider, id = self._error_mapper.provider, response.id or "it"
        what = f"is still {response.status}: ask without background, or fetch {id} later"
        message = f"the response of {provider} {what}"
        return InvalidResponse(message, provider=provider, retryable=False)

    def _index(self, event: ResponseEvent, piece: int) -> int:
        """The index of a part, by order of first appearance."""
        return self._indexes.setdefault((event.output_index, piece), len(self._indexes))

    def _is_first(self, kind: str, event: ResponseEvent, piece: int = 0) -> bool:
        """Whether this is the first event of its kind for this part."""
        key = (kind, event.output_index, piece)
        if key in self._has_started:
            return False
        self._has_started.add(key)
        return True

    def _delta_text(self, event: ResponseEvent) -> str:
        """The text of a delta. Raises InvalidResponse: it has none."""
        if not isinstance(event.delta, str):
            raise self._error_mapper.invalid(f"a {event.type} without text")
        return event.delta

    def decode_text_delta(self, event: ResponseEvent) -> Sequence[Event]:
        self._is_first("text", event, event.content_index)
        index, text = self._index(event, event.content_index), self._delta_text(event)
        self._texts.append(text)
        logprobs = decode_logprobs(event.logprobs) if event.logprobs else ()
        return (TextDelta(text, index, 0, False, logprobs),)

    def decode_refusal_delta(self, event: ResponseEvent) -> Sequence[Event]:
        self._is_first("text", event, event.content_index)
        index, text = self._index(event, event.content_index), self._delta_text(event)
        self._texts.append(text)
        return (TextDelta(text, index, 0, True),)

    def decode_reasoning_delta(self, event: ResponseEvent) -> Sequence[Event]:
        is_first = self._is_first("reasoning", event)
        if is_first:
            self._open_reasoning.append(event.output_index)
        starts_paragraph = self._is_first(
            event.type, event, event.summary_index + event.content_index
        )
        text = self._delta_text(event)
        if starts_paragraph and not is_first:
            text = f"\n\n{text}"
        return (ReasoningDelta(text, self._index(event, _ITEM_ITSELF), 0, self._provider),)

    def decode_arguments_delta(self, event: ResponseEvent) -> Sequence[Event]:
        self._correct_call_index(event)
        self._is_first("arguments", event)
        arguments = self._delta_text(event)
        return (ToolCallDelta(self._call_of(event).index, arguments=arguments),)

    def decode_text_done(self, event: ResponseEvent) -> Sequence[Event]:
        return self.decode_whole_text(event, event.text, refusal=False)

    def decode_refusal_done(self, event: ResponseEvent) -> Sequence[Event]:
        return self.decode_whole_text(event, event.refusal, refusal=True)

    def decode_whole_text(
        self, event: ResponseEvent, text: object, *, refusal: bool
    ) -> Sequence[Event]:
        """A finished text, where no delta brought it."""
        if not isinstance(text, str) or not text:
            return ()
        if not self._is_first("text", event, event.content_index):
            return ()
        self._texts.append(text)
        index, logprobs = self._index(event, event.content_index), decode_logprobs(event.logprobs)
        return (TextDelta(text, index, 0, refusal, logprobs),)

    def _correct_call_index(self, event: ResponseEvent) -> None:
        """Some gateways number arguments otherwise than the call: they are the latest call's."""
        latest = next(reversed(self._calls), None)
        if (
            latest is not None
            and event.output_index not in self._calls
            and self._calls[latest].name
        ):
            event.output_index = latest

    def decode_arguments_done(self, event: ResponseEvent) -> Sequence[Event]:
        self._correct_call_index(event)
        return self.decode_whole_arguments(event, arguments_text(event.arguments))

    def decode_whole_arguments(self, event: ResponseEvent, arguments: str) -> Sequence[Event]:
        """Finished arguments, where no delta brought them."""
        if not (arguments and self._is_first("arguments", event)):
            return ()
        return (ToolCallDelta(self._call_of(event).index, arguments=arguments),)

    def _call_of(self, event: ResponseEvent) -> PendingToolCall:
        """The call that an event belongs to."""
        call = self._calls.get(event.output_index)
        if call is None:
            call = PendingToolCall(self._index(event, _ITEM_ITSELF))
            self._calls[event.output_index] = call
        return call

    def decode_item_added(self, event: ResponseEvent) -> Sequence[Event]:
        item = decode_item(event.item, self._error_mapper)
        event.output_index = self._numbers.start(event.output_index, item)
        if item.type == "function_call":
            return self.decode_tool_call(event, item)
        if item.type == "message":
            return self.decode_text_metadata(event, item)
        self._index(event, _ITEM_ITSELF)
        return ()

    def decode_text_metadata(self, event: ResponseEvent, item: Item) -> Sequence[Event]:
        if item.text_metadata is None:
            return ()
        index = self._index(event, _TEXT_METADATA)
        return (ReasoningDelta("", index, 0, self._provider, item.text_metadata),)

    def decode_tool_call(self, event: ResponseEvent, item: Item) -> Sequence[Event]:
        """Id and name of a call, each once."""
        call = self._call_of(event)
        id = "" if call.id else item.own_id
        name = "" if call.name else item.name or ""
        call.id, call.name = call.id or id, call.name or name
        return (ToolCallDelta(call.index, id, name),) if id or name else ()

    def decode_item_done(self, event: ResponseEvent) -> Sequence[Event]:
        item = decode_item(event.item, self._error_mapper)
        if event.output_index < _FIRST_FINAL_INDEX:
            event.output_index = self._numbers.find(event.output_index, item.id)
        if item.type == "message":
            events: list[Event] = []
            for number, (text, is_refusal, logprobs) in enumerate(item.texts):
                event.content_index, event.logprobs = number, logprobs
                events += self.decode_whole_text(event, text, refusal=is_refusal)
            return events
        if item.type == "function_call":
            return (
                *self.decode_tool_call(event, item),
                *self.decode_whole_arguments(event, item.arguments_text),
            )
        self._closed_items[item.type] += 1
        if event.output_index in self._open_reasoning:
            self._open_reasoning.remove(event.output_index)
        text = "\n\n".join(item.thoughts) if self._is_first("reasoning", event) else ""
        opaque = compact_json(event.item, self._error_mapper)
        index = self._index(event, _ITEM_ITSELF)
        return (ReasoningDelta(text, index, 0, self._provider, opaque),)

    def decode_response_started(self, event: ResponseEvent) -> Sequence[Event]:
        self._update_answer(decode_json(RESPONSE, event.response, self._error_mapper))
        return ()

    def decode_response_ended(self, event: ResponseEvent) -> Sequence[Event]:
        self._raw_body = bytes(event.response)
        response = self._final = decode_json(RESPONSE, event.response, self._error_mapper)
        self._update_answer(response)
        if failure := self._reported_failure(response):
            raise failure
        response.status = response.status or event.type.removeprefix("response.")
        self.has_ended = True
        return self.decode_missing_items(response)

    def decode_missing_items(self, response: ResponseObject) -> Sequence[Event]:
        """What the response at the end holds and no event before it brought.

        Servers differ in how they number items: calls are recognised by their ids and names, texts
        by what came before, other items by their order.
        """
        output = response.output or []
        items = [decode_item(raw, self._error_mapper) for raw in output]
        self._final_items = items
        streamed_text, closed_items = "".join(self._texts), self._closed_items.copy()
        calls, events = dict(self._calls), list[Event]()
        has_metadata = any(piece == _TEXT_METADATA for _, piece in self._indexes)
        for place, (raw, item) in enumerate(zip(output, items, strict=True)):
            event = ResponseEvent(output_index=_FIRST_FINAL_INDEX + place, item=raw)
            if item.type == "function_call":
                index = find_output_index(calls, item, place)
                if index is not None:
                    event.output_index = index
                    del calls[index]
            elif item.type == "message":
                if streamed_text:
                    continue
                if not has_metadata:
                    events += self.decode_text_metadata(event, item)
            elif closed_items[item.type] > 0:
                closed_items[item.type] -= 1
                continue
            elif item.type == "reasoning" and self._open_reasoning:
                event.output_index = self._open_reasoning[0]
            events += self.decode_item_done(event)
        # The deltas of a text may have stopped early.
        texts = [text for item in items if item.type == "message" for text in item.texts]
        text = "".join(text for text, _, _ in texts)
        if streamed_text and text != streamed_text and text.startswith(streamed_text):
            event = ResponseEvent(output_index=_FIRST_FINAL_INDEX + len(items))
            remaining = text[len(streamed_text) :]
            events += self.decode_whole_text(event, remaining, refusal=texts[-1][1])
        return events

    def decode_last_events(self) -> Iterator[Event]:
        """Ids of the calls that have none, and `Finished`."""
        context, response = self._context, self._final
        calls = sorted(self._calls.values(), key=lambda call: call.index)
        for number, call in enumerate(calls):
            if not call.id:
                yield ToolCallDelta(call.index, tool_call_id(None, number, self.request_id))
        server_tools = count_charged_tools(self._final_items)
        yield Finished(
            finishes=(decode_finish(response, has_calls=bool(calls)),),
            usage=self.decode_usage(server_tools),
            served_model=self.served_model,
            request_id=context.request_id or self.request_id,
            warnings=(*context.warnings, *finish_warnings(self._final_items, server_tools)),
            raw_body=self._raw_body,
        )

    _decoders: ClassVar[dict[str, Callable[[ResponsesDecoder, ResponseEvent], Sequence[Event]]]] = {
        "response.created": decode_response_started,
        "response.output_text.delta": decode_text_delta,
        "response.output_text.done": decode_text_done,
        "response.refusal.delta": decode_refusal_delta,
        "response.refusal.done": decode_refusal_done,
        "response.reasoning_summary_text.delta": decode_reasoning_delta,
        "response.reasoning_text.delta": decode_reasoning_delta,
        "response.function_call_arguments.delta": decode_arguments_delta,
        "response.function_call_arguments.done": decode_arguments_done,
        "response.output_item.added": decode_item_added,
        "response.output_item.done": decode_item_done,
        "response.completed": decode_response_ended,
        "response.incomplete": decode_response_ended,
        "response.failed": decode_response_ended,
        "response.cancelled": decode_response_ended,
    }


_EVENT_TYPES = frozenset({"error", *ResponsesDecoder._decoders})  # pyright: ignore[reportPrivateUsage]
