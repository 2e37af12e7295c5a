"""From bytes to typed shapes, and from a stream's bytes to events. No I/O: the caller feeds bytes.

Each vendor's decoder knows what its shapes mean. This module has what all of them share.
"""

from __future__ import annotations

import base64
import binascii
from abc import ABC, abstractmethod
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, TypeVar, cast

import msgspec

from fmsdk.errors import FmsdkError
from fmsdk.hosted.json_array import ArrayDecoder
from fmsdk.hosted.sse import SSEDecoder
from fmsdk.hosted.surrogate_pairs import SurrogateJoiner, repair_body
from fmsdk.http.error_mapper import ErrorMapper
from fmsdk.request import Request
from fmsdk.response import Event, Response, ResponseAccumulator, Warning
from fmsdk.usage import Usage

__all__ = [
    "UNREADABLE",
    "DecodeContext",
    "StreamDecoder",
    "StreamReader",
    "arguments_text",
    "attach_partial",
    "compact_json",
    "decode_base64",
    "decode_json",
    "decode_known_event",
    "encode_opaque",
    "missing_choices",
    "optional_text",
    "skipped_content",
    "tool_call_id",
    "unexpected_body",
]

T = TypeVar("T")


class _TypeTag(msgspec.Struct):
    type: str = ""


_TYPE_TAG = msgspec.json.Decoder(_TypeTag)

UNREADABLE = (ValueError, RecursionError)
"""What decoding JSON raises: msgspec's own errors and UnicodeDecodeError are ValueErrors; a
document that is nested too deeply raises RecursionError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodeContext:
    """What is known of an answer before its body comes: the request it answers, the encoder's
    warnings, and the vendor's id of the request from the headers."""

    request: Request
    error_mapper: ErrorMapper
    warnings: tuple[Warning, ...] = ()
    request_id: str | None = None


class StreamDecoder(ABC):
    """Decodes one answer, whole or in events. Every vendor's decoder has these methods.

    has_ended: whether the vendor has said that the answer ends here.
    request_id: the vendor's id of the answer, once an event has brought it.
    served_model: the model that answers, once an event has brought it.
    """

    def __init__(self, context: DecodeContext) -> None:
        self.has_ended = False
        self.request_id: str | None = None
        self.served_model: str | None = None
        self._context = context
        self._error_mapper = context.error_mapper
        self._provider = context.request.provider

    @abstractmethod
    def decode_event(self, payload: bytes) -> Sequence[Event]:
        """The events of one payload. Raises InvalidResponse, or the error that it reports."""

    @abstractmethod
    def decode_end(self) -> Sequence[Event]:
        """The last events of a stream; `Finished` is the very last. Raises IncompleteStream."""

    @abstractmethod
    def decode_body(self, body: bytes) -> Response[Any]:
        """The response of a whole body. Raises InvalidResponse, or the error that it reports."""

    @abstractmethod
    def usage(self) -> Usage | None:
        """The final figures that the vendor has reported so far, for streams that break."""

    def _response(self, events: Iterable[Event]) -> Response[Any]:
        """The response of a whole body, of which these are the events. Raises InvalidResponse: a
        choice is empty, and the vendor does not say why it ended."""
        accumulator, request = ResponseAccumulator(), self._context.request
        for event in events:
            accumulator.add(event)
        response = accumulator.response(request.provider, request.model, output_type=request.output)
        warnings = [
            _missing_finish(self._error_mapper, is_empty=not choice.parts)
            for choice in response.choices
            if not choice.finish_raw
        ]
        return replace(response, warnings=(*response.warnings, *warnings)) if warnings else response


class StreamReader:
    """Reads a stream's bytes into events. `is_json`: the bytes are one JSON document, not SSE."""

    def __init__(
        self, decoder: StreamDecoder, error_mapper: ErrorMapper, *, is_json: bool = False
    ) -> None:
        self._error_mapper = error_mapper
        self._frames = ArrayDecoder() if is_json else SSEDecoder()
        self._decoder = decoder
        self._surrogates = SurrogateJoiner()
        self._is_empty = True
        self._error: Exception | None = None

    @property
    def has_ended(self) -> bool:
        """Whether the vendor has said that the answer ends here."""
        return self._decoder.has_ended

    @property
    def progress(self) -> int:
        """A figure that grows with each event or comment that the bytes complete."""
        return self._frames.progress

    def feed(self, chunk: bytes) -> list[Event]:
        """The events that these bytes complete, up to the first error among them. Once the caller
        has passed them on, `raise_error` raises that error."""
        return self._decode_payloads(self._frames.feed(chunk))

    def raise_error(self) -> None:
        """Raise the error that the last bytes held, if there was one."""
        if self._error is not None:
            raise self._error

    def finish(self) -> Iterator[Event]:
        """The last events; `Finished` is the very last.

        Raises:
            IncompleteStream: the vendor has not said that the answer ends here.
            InvalidResponse: the body is empty, holds no stream of events, or ends inside an event.
            FmsdkError: what the body reports, where it is a document and no stream.
        """
        yield from self._decode_payloads(self._frames.flush())
        self.raise_error()
        if isinstance(self._frames, ArrayDecoder) and self._frames.other:
            raise unexpected_body(self._error_mapper, self._frames.other)
        if self._is_empty:
            raise self._error_mapper.invalid("a body without a single event")
        yield from self._surrogates.join(self._decoder.decode_end())

    def _decode_payloads(self, payloads: list[bytes]) -> list[Event]:
        # A list, since every generator that an event passes through costs it a switch.
        events: list[Event] = []
        decode_event = self._decoder.decode_event
        mark, join = self._surrogates.mark, self._surrogates.join
        try:
            for payload in payloads:
                self._is_empty = False
                events += join(decode_event(mark(payload)))
                if self._decoder.has_ended:  # what follows is ignored, however the bytes are cut
                    break
        except FmsdkError as error:
            self._error = error
        return events


def unexpected_body(error_mapper: ErrorMapper, body: bytes) -> FmsdkError:
    """The error of a 200 whose body is no stream of events. It is often an error's JSON."""
    try:
        document: object = msgspec.json.decode(repair_body(body))
    except UNREADABLE:
        document = None
    if isinstance(document, dict) and "error" in document:
        return error_mapper.from_response(cast("object", document))
    return error_mapper.invalid("no stream of events" if body else "an empty body")


def decode_json(
    decoder: msgspec.json.Decoder[T], data: bytes | msgspec.Raw, error_mapper: ErrorMapper
) -> T:
    """Decode JSON. Raises InvalidResponse: cut off, not UTF-8, empty, or of another shape."""
    try:
        return decoder.decode(data)
    except UNREADABLE as error:
        what = "JSON that cannot be read" if len(data) else "an empty body"
        raise error_mapper.invalid(f"{what} ({error})") from error


def decode_known_event(
    decoder: msgspec.json.Decoder[T],
    data: bytes,
    error_mapper: ErrorMapper,
    known_types: Container[str],
) -> T | None:
    """Decode an event. None for one that does not have the decoder's shape and whose type is
    unknown: vendors add event types, which clients shall ignore. Raises InvalidResponse."""
    try:
        return decoder.decode(data)
    except UNREADABLE:
        event_type = decode_json(_TYPE_TAG, data, error_mapper).type
        if event_type and event_type not in known_types:
            return None
        return decode_json(decoder, data, error_mapper)


def encode_opaque(fields: dict[str, Any]) -> str:
    """What a vendor wants back with the next turn, as JSON text."""
    return msgspec.json.encode(fields).decode()


def compact_json(item: msgspec.Raw, error_mapper: ErrorMapper) -> str:
    """A vendor's item, to give back as it came. Only white space is taken out, since it differs
    between whole bodies and streams. Raises InvalidResponse."""
    try:
        return msgspec.json.format(bytes(item), indent=-1).decode()
    except UNREADABLE as error:
        raise error_mapper.invalid(f"an item that cannot be read ({error})") from error


def decode_base64(data: str, error_mapper: ErrorMapper) -> bytes:
    """Media of an answer, decoded. Raises InvalidResponse."""
    try:
        return base64.b64decode(data, validate=True)
    except binascii.Error as error:
        raise error_mapper.invalid("media whose base64 is broken") from error


def arguments_text(arguments: object) -> str:
    """A call's arguments as JSON text, which is how most servers send them; "" for none."""
    if isinstance(arguments, str):
        return arguments
    return "" if arguments is None else msgspec.json.encode(arguments).decode()


def tool_call_id(id: object, number: int, answer_id: str | None) -> str:
    """A tool call's id: the vendor's own, or one made of the call's `number` in its choice. Some
    servers give none, and a conversation needs one for each call."""
    if isinstance(id, str | int) and id != "":
        return str(id)
    return f"call_{number}" + (f"_{answer_id}" if answer_id else "")


def optional_text(value: object) -> str | None:
    """Text of a field that some servers fill with a number, or leave empty."""
    return str(value) if isinstance(value, str | int) and value != "" else None


def attach_partial(error: FmsdkError, partial: Callable[[], Response[Any]]) -> FmsdkError:
    """The error that an answer reports, with the rest of that answer as its `partial`."""
    with suppress(FmsdkError):
        error.partial = partial()
    return error


def _missing_finish(error_mapper: ErrorMapper, *, is_empty: bool) -> Warning:
    """The warning of a whole answer whose server does not say why it ended. Raises
    InvalidResponse: the answer is empty as well."""
    if is_empty:
        raise error_mapper.invalid("neither content nor a reason for having none")
    message = (
        f"{error_mapper.provider} did not say why the answer ended: it may have been cut short"
    )
    return Warning("finish_missing", message, "finish")


def missing_choices(request: Request, count: int) -> tuple[Warning, ...]:
    """A warning, where a server gave fewer choices than the request asks for."""
    requested_choices = request.settings.choices
    if count >= requested_choices:
        return ()
    message = f"{requested_choices} choices were asked for, the server gave {count}"
    return (Warning("setting_ignored", message, "choices"),)


def skipped_content(kind: str) -> Warning:
    """The warning of a piece of an answer that no part of fmsdk can hold."""
    message = f"a {kind!r} piece of the answer has no place in fmsdk and was left out"
    return Warning("content_skipped", message, kind)
