"""From bytes to shapes, and from a stream's bytes to events. No I/O: bytes are fed.

What the shapes mean is each vendor's decoder's business; here is what all of them have in common.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Container, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, cast

import msgspec

from fmsdk.errors import FmsdkError
from fmsdk.hosted.json_array import ArrayDecoder
from fmsdk.hosted.sse import SSEDecoder
from fmsdk.http.error_mapper import ErrorMapper
from fmsdk.request import Request
from fmsdk.response import Event, Response, Warning
from fmsdk.usage import Usage

__all__ = [
    "UNREADABLE",
    "DecodeContext",
    "StreamDecoder",
    "StreamReader",
    "base64_bytes",
    "call_id",
    "fewer_choices",
    "kept",
    "not_a_stream",
    "opaque_of",
    "read",
    "read_known",
    "unfinished",
    "with_partial",
    "word",
]

T = TypeVar("T")


class _Typed(msgspec.Struct):
    type: str = ""


_TYPED = msgspec.json.Decoder(_Typed)

UNREADABLE = (ValueError, RecursionError)
"""What decoding JSON raises: msgspec's own errors and UnicodeDecodeError are ValueErrors, and a
document nested without end is the other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodeContext:
    """What is known of an answer before its body comes: the request it answers, the encoder's
    warnings, the vendor's id of the request."""

    request: Request
    error_mapper: ErrorMapper
    warnings: tuple[Warning, ...] = ()
    request_id: str | None = None


class StreamDecoder(Protocol):
    """Turns a stream's payloads into events."""

    done: bool
    """Whether the vendor has said that the answer ends here."""

    @property
    def request_id(self) -> str | None:
        """The vendor's id of the answer, once its events have told."""
        ...

    @property
    def served_model(self) -> str | None:
        """The model that answers, once the vendor has told."""
        ...

    def feed(self, payload: bytes) -> Sequence[Event]:
        """The events of one payload. Raises what the vendor reports, or InvalidResponse."""
        ...

    def finish(self) -> Sequence[Event]:
        """The last events, `Finished` being the very last. Raises IncompleteStream."""
        ...

    def usage(self) -> Usage | None:
        """What the vendor has reported so far, final figures alone; for streams that break."""
        ...


class StreamReader:
    """The way of a stream from its bytes to events; `is_json`: they are those of one document."""

    def __init__(
        self, decoder: StreamDecoder, error_mapper: ErrorMapper, *, is_json: bool = False
    ) -> None:
        self._error_mapper = error_mapper
        self._frames = ArrayDecoder() if is_json else SSEDecoder()
        self._decoder = decoder
        self._is_empty = True
        self._found: Exception | None = None

    @property
    def done(self) -> bool:
        """Whether the vendor has said that the answer ends here."""
        return self._decoder.done

    @property
    def progress(self) -> int:
        """A figure that stays the same while bytes come that complete no event and no comment."""
        return self._frames.progress

    def feed(self, chunk: bytes) -> list[Event]:
        """The events that these bytes complete, up to the error, if one is among them:
        `raise_found` raises it, once the events before it are out."""
        return self._decoded(self._frames.feed(chunk))

    def raise_found(self) -> None:
        """Raise the error that the bytes fed last had in them, if any."""
        if self._found is not None:
            raise self._found

    def finish(self) -> Iterator[Event]:
        """The last events, `Finished` being the very last.

        Raises:
            IncompleteStream: the vendor has not said that the answer ends here.
            InvalidResponse: the body was empty, no stream of events, or cut off in an event.
            FmsdkError: what a document reports that is no stream.
        """
        yield from self._decoded(self._frames.flush())
        self.raise_found()
        if isinstance(self._frames, ArrayDecoder) and self._frames.other:
            raise not_a_stream(self._error_mapper, self._frames.other)
        if self._is_empty:
            raise self._error_mapper.invalid("a body without a single event")
        yield from self._decoder.finish()

    def _decoded(self, payloads: list[bytes]) -> list[Event]:
        # A list, since every generator that an event passes through costs it a switch.
        events: list[Event] = []
        decode = self._decoder.feed
        try:
            for payload in payloads:
                self._is_empty = False
                events += decode(payload)
                if self._decoder.done:  # what follows is for nobody, however the bytes are cut
                    break
        except FmsdkError as error:
            self._found = error
        return events


def not_a_stream(error_mapper: ErrorMapper, body: bytes) -> FmsdkError:
    """The error of a 200 with something else than a stream of events: often an error's JSON."""
    try:
        decoded: object = msgspec.json.decode(body)
    except UNREADABLE:
        decoded = None
    if isinstance(decoded, dict) and "error" in decoded:
        return error_mapper.from_response(cast("object", decoded))
    return error_mapper.invalid("no stream of events" if body else "an empty body")


def read(
    decoder: msgspec.json.Decoder[T], data: bytes | msgspec.Raw, error_mapper: ErrorMapper
) -> T:
    """Decode JSON. Raises InvalidResponse: cut off, not UTF-8, empty, or of another shape."""
    try:
        return decoder.decode(data)
    except UNREADABLE as error:
        what = "JSON that cannot be read" if len(data) else "an empty body"
        raise error_mapper.invalid(f"{what} ({error})") from error


def read_known(
    decoder: msgspec.json.Decoder[T], data: bytes, error_mapper: ErrorMapper, known: Container[str]
) -> T | None:
    """The same of an event; None for one whose shape is another because it is of a type that is
    not `known`: vendors add some, which clients shall pass over. One without a type is none."""
    try:
        return decoder.decode(data)
    except UNREADABLE:
        kind = read(_TYPED, data, error_mapper).type
        return read(decoder, data, error_mapper) if not kind or kind in known else None


def opaque_of(fields: dict[str, Any]) -> str:
    """What a vendor wants back with the next turn, as JSON text."""
    return msgspec.json.encode(fields).decode()


def kept(item: msgspec.Raw, error_mapper: ErrorMapper) -> str:
    """A vendor's item to give back as it came, but for white space, which differs between whole
    bodies and streams. Raises InvalidResponse."""
    try:
        return msgspec.json.format(bytes(item), indent=-1).decode()
    except UNREADABLE as error:
        raise error_mapper.invalid(f"an item that cannot be read ({error})") from error


def base64_bytes(data: str, error_mapper: ErrorMapper) -> bytes:
    """Media of an answer, decoded. Raises InvalidResponse."""
    try:
        return base64.b64decode(data, validate=True)
    except binascii.Error as error:
        raise error_mapper.invalid("media whose base64 is broken") from error


def call_id(id: object, number: int, answer_id: str | None) -> str:
    """A tool call's id: the vendor's own, or where it gives none, one made of the call's `number`
    in its choice, for a conversation needs one for each call."""
    if isinstance(id, str | int) and id != "":
        return str(id)
    return f"call_{number}" + (f"_{answer_id}" if answer_id else "")


def word(value: object) -> str | None:
    """Text of a field that some servers fill with a number or nothing."""
    return str(value) if isinstance(value, str | int) and value != "" else None


def with_partial(error: FmsdkError, context: Callable[[], Response[Any]]) -> FmsdkError:
    """The error of an answer that holds it, with what else the answer holds."""
    with suppress(FmsdkError):
        error.partial = context()
    return error


def unfinished(error_mapper: ErrorMapper, *, is_empty: bool) -> Warning:
    """The warning of a whole answer whose server does not say why it ended. Raises
    InvalidResponse: it holds nothing, either."""
    if is_empty:
        raise error_mapper.invalid("neither content nor a reason for having none")
    message = (
        f"{error_mapper.provider} did not say why the answer ended: it may have been cut short"
    )
    return Warning("finish_missing", message, "finish")


def fewer_choices(request: Request, count: int) -> tuple[Warning, ...]:
    """A warning, where a server answered fewer times than asked."""
    asked = request.settings.choices
    if count >= asked:
        return ()
    message = f"{asked} choices were asked for, the server gave {count}"
    return (Warning("setting_ignored", message, "choices"),)
