"""From the wire to values: a body to a `Response`, a stream's payloads to events. No I/O.

Only the fields that are read are decoded; what else a vendor adds is skipped unseen, and kept in
`raw_body`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol, cast

import msgspec

from fmsdk.errors import FmsdkError
from fmsdk.response import Event, Response
from fmsdk.sse import SSEDecoder
from fmsdk_openai.decode.answer import Answer
from fmsdk_openai.decode.chat import chat_response
from fmsdk_openai.decode.chat_stream import ChatStream
from fmsdk_openai.decode.responses import responses_response
from fmsdk_openai.decode.responses_stream import ResponsesStream
from fmsdk_openai.errors import Blame, invalid

__all__ = ["Answer", "StreamReader", "decode", "not_a_stream"]


class StreamDecoder(Protocol):
    """Turns a stream's payloads into events."""

    done: bool
    """Whether the vendor has said that the answer ends here."""

    def feed(self, payload: bytes) -> Sequence[Event]:
        """The events of one payload. Raises what the vendor reports, or InvalidResponse."""
        ...

    def finish(self) -> Sequence[Event]:
        """The last events, `Finished` being the very last. Raises IncompleteStream."""
        ...


def decode(answer: Answer, body: bytes) -> Response[Any]:
    """The response of a body. Raises InvalidResponse, or the error that the body reports."""
    return (chat_response if answer.api == "chat" else responses_response)(answer, body)


class StreamReader:
    """The way of a stream from its bytes to events. No I/O: bytes are fed."""

    def __init__(self, answer: Answer) -> None:
        self._blame = answer.blame
        self._frames = SSEDecoder()
        self._decoder: StreamDecoder = (ChatStream if answer.api == "chat" else ResponsesStream)(
            answer
        )
        self._is_empty = True

    @property
    def done(self) -> bool:
        """Whether the vendor has said that the answer ends here."""
        return self._decoder.done

    def feed(self, chunk: bytes) -> Iterator[Event]:
        """The events that these bytes complete, up to the error, if one is among them."""
        for payload in self._frames.feed(chunk):
            self._is_empty = False
            yield from self._decoder.feed(payload)

    def finish(self) -> Iterator[Event]:
        """The last events, `Finished` being the very last.

        Raises:
            IncompleteStream: the vendor has not said that the answer ends here.
            InvalidResponse: the body was empty, no stream of events, or cut off in an event.
        """
        for payload in self._frames.flush():
            self._is_empty = False
            yield from self._decoder.feed(payload)
        if self._is_empty:
            raise invalid(self._blame.provider, "a body without a single event")
        yield from self._decoder.finish()


def not_a_stream(blame: Blame, body: bytes) -> FmsdkError:
    """The error of a 200 with something else than a stream of events: often an error's JSON."""
    try:
        decoded: object = msgspec.json.decode(body)
    except ValueError:
        decoded = None
    if isinstance(decoded, dict) and "error" in decoded:
        return blame.of_body(cast("object", decoded))
    return invalid(blame.provider, "no stream of events" if body else "an empty body")
