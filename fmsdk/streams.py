"""Streamed answers as the user gets them: `AsyncStream`, and `Stream`, the same without `await`."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from fmsdk import background_loop
from fmsdk.errors import BadRequestError
from fmsdk.pipeline.stream import StreamedCall
from fmsdk.request import Request
from fmsdk.response import Event, Response, ResponseAccumulator

if TYPE_CHECKING:
    from typing_extensions import TypeVar as _TypeVar

    T = _TypeVar("T", default=Any)
else:
    T = TypeVar("T")

__all__ = ["AsyncStream", "Stream"]


class AsyncStream(Generic[T]):
    """A streamed answer. Iterate over it inside `async with`, which closes the connection at its
    end. `response` is the answer so far, at any time."""

    def __init__(
        self,
        start: Callable[[Request], StreamedCall],
        request: Request,
        import_provider: Callable[[str], Awaitable[None]],
    ) -> None:
        self._start = start
        self._import_provider = import_provider
        self._request = request
        self._call: StreamedCall | None = None
        self._events: AsyncGenerator[Event, None] | None = None

    def __aiter__(self) -> AsyncIterator[Event]:
        if self._call is None or self._events is None:
            self._call = self._start(self._request)
            self._events = self._call.events()
        return self._events

    async def __aenter__(self) -> Self:
        await self._import_provider(self._request.provider)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Stop. When this returns, the connection is closed, or the local engine is free.

        Raises:
            BadRequestError: another task is reading. Cancel that task to stop the stream.
        """
        if self._events is None:
            return
        if getattr(self._events, "ag_running", False):
            raise BadRequestError("another task reads this stream: cancel that task to stop it")
        await self._events.aclose()

    @property
    def response(self) -> Response[T]:
        """The response so far; it is complete after the last event."""
        if self._call is None:
            return ResponseAccumulator().response(self._request.provider, self._request.model)
        return self._call.response()


class Stream(Generic[T]):
    """A streamed answer, without `await`. Iterate over it inside `with`."""

    def __init__(self, inner: AsyncStream[T]) -> None:
        self._inner = inner
        self._iterator = background_loop.SyncIterator(inner.__aiter__)
        self._events: Iterator[Event] | None = None

    def __iter__(self) -> Iterator[Event]:
        if self._events is None:
            self._events = iter(self._iterator)
        return self._events

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop, from any thread. When this returns, the connection is closed, or the local engine
        is free. A thread that reads the stream sees its end."""
        self._iterator.close()

    @property
    def response(self) -> Response[T]:
        """The response so far; it is complete after the last event."""
        return self._inner.response
