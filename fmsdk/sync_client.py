"""`Client`: `AsyncClient` without `await`. Each verb runs on the background loop, under the same
signature."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Coroutine
from typing import Any, Concatenate, ParamSpec, Self, TypeVar, cast

from fmsdk import background_loop
from fmsdk.client import AsyncClient
from fmsdk.streams import AsyncStream, Stream

__all__ = ["Client"]

R = TypeVar("R")
P = ParamSpec("P")


def _run_in_background(
    verb: Callable[Concatenate[AsyncClient, P], Coroutine[Any, Any, R]],
) -> Callable[Concatenate[Client, P], R]:
    @functools.wraps(verb)
    def wait(self: Client, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return background_loop.run(verb(self.asynchronous, *args, **kwargs))

    return wait


def _stream_in_background(
    verb: Callable[Concatenate[AsyncClient, P], AsyncStream[R]],
) -> Callable[Concatenate[Client, P], Stream[R]]:
    @functools.wraps(verb)
    def stream(self: Client, /, *args: P.args, **kwargs: P.kwargs) -> Stream[R]:
        return Stream(verb(self.asynchronous, *args, **kwargs))

    shown: Any = stream
    shown.__signature__ = inspect.signature(verb).replace(return_annotation="Stream[Any]")
    return stream


def _call_directly(
    verb: Callable[Concatenate[AsyncClient, P], R],
) -> Callable[Concatenate[Client, P], R]:
    @functools.wraps(verb)
    def call(self: Client, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return verb(self.asynchronous, *args, **kwargs)

    return call


def _take_arguments_of(
    init: Callable[Concatenate[AsyncClient, P], None],
) -> Callable[[Callable[..., None]], Callable[Concatenate[Client, P], None]]:
    return cast("Any", functools.wraps(init))


class Client:
    """`AsyncClient` without `await`: the same arguments, verbs and signatures. Safe from many
    threads at once."""

    asynchronous: AsyncClient

    # A decorator, since for type checkers an assigned `__init__` has the type of object's.
    @_take_arguments_of(AsyncClient.__init__)
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.asynchronous = AsyncClient(*args, **kwargs)

    generate = _run_in_background(AsyncClient.generate)
    stream = _stream_in_background(AsyncClient.stream)
    transcribe = _run_in_background(AsyncClient.transcribe)
    embed = _run_in_background(AsyncClient.embed)
    quote = _call_directly(AsyncClient.quote)
    count_tokens = _run_in_background(AsyncClient.count_tokens)
    spent = _call_directly(AsyncClient.spent)
    load = _run_in_background(AsyncClient.load)
    close = _run_in_background(AsyncClient.aclose)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
