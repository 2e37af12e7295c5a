"""Asks over a real socket, through `AsyncClient`, and says what became of what was asked."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal
from unittest import mock

import fmsdk
from fmsdk.errors import BadRequestError, FmsdkError
from fmsdk.media.limits import FetchLimits
from fmsdk.provider import ProviderConfig
from fmsdk.request import Message, Request, build
from fmsdk.response import Response, Warning
from tests.matrix.answers import HELLO, ErrorBody, answer, asks_model
from tests.matrix.facts import Fact, asked_of, facts, invented, is_named, missing
from tests.matrix.media import Shelf, shelf
from tests.matrix.wires import Wire
from tests.support import tally
from tests.support.scripted_server import ReceivedRequest, Server, run_server

__all__ = ["Lab", "Outcome", "Verdict", "lab", "wanted_of"]

Word = Literal["carried", "kept", "warned", "dropped", "refused"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What happened: the request that the server saw, if any; the answer, or the error."""

    seen: ReceivedRequest | None
    response: Response[Any] | None = None
    error: Exception | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of what was asked.

    carried: the body has all of it. kept: it stays on this side, on the response (tags). warned:
    left out, and a warning names it. dropped: the same, of a lenient request; another is refused.
    refused: a typed error, before anything was sent. `why` is the reason given to the caller.
    `faults` are broken promises: silent losses, content that nobody asked for, untyped errors.
    """

    word: Word
    why: str = ""
    faults: tuple[str, ...] = ()
    seen: ReceivedRequest | None = field(default=None, repr=False)


class Lab:
    """Clients of every wire, on one event loop, and the server that they all ask."""

    def __init__(self, server: Server, shelf: Shelf, runner: asyncio.Runner) -> None:
        self.shelf = shelf
        self.said = HELLO
        self._server = server
        # Set while a wire is asked and no longer: other tests run in the same process.
        self._proxy = dict.fromkeys(("HTTP_PROXY", "http_proxy"), server.root)
        self._proxy["NO_PROXY"] = "127.0.0.1"
        self._runner = runner
        self._clients: dict[str, fmsdk.AsyncClient] = {}
        self._turns: dict[str, Message] = {}

    def ask(self, wire: Wire, request: Request, *, stream: bool = False) -> Outcome:
        """Ask once."""
        before = len(self._server.seen)
        try:
            with mock.patch.dict(os.environ, self._proxy):
                response = self._runner.run(self._answer(self._client(wire), request, stream))
        except Exception as error:
            return Outcome(self._posted(before), error=error)
        return Outcome(self._posted(before), response)

    def turn(self, wire: Wire, said: ErrorBody) -> Message:
        """A turn of this wire's model, as its decoder makes it."""
        key = f"{wire.name}: {said}"
        if key not in self._turns:
            self.said = said
            outcome = self.ask(wire, self.request(wire, "Hello"))
            self.said = HELLO
            assert outcome.response is not None, outcome.error
            self._turns[key] = outcome.response.message
        return self._turns[key]

    def request(self, wire: Wire, prompt: Any, **settings: Any) -> Request:
        """A request over this wire."""
        return build(f"{wire.provider}:{wire.model}", prompt, **settings)

    def judge(self, wire: Wire, request: Request, *, stream: bool = False) -> Verdict:
        """Ask; where a strict request is refused, ask leniently."""
        verdict = judged(wire, request, self.ask(wire, request, stream=stream))
        if verdict.word != "refused" or verdict.faults or request.lenient:
            return verdict
        lenient = replace(request, lenient=True)
        again = judged(wire, lenient, self.ask(wire, lenient, stream=stream))
        if again.word == "warned":
            return replace(again, word="dropped")
        if again.word == "carried":  # what was refused has to be missing, or why refuse it?
            return replace(
                again, faults=(*again.faults, f"refused, and yet carried: {verdict.why}")
            )
        return again

    async def aclose(self) -> None:
        for client in self._clients.values():
            await client.aclose()

    def answer(self, seen: ReceivedRequest) -> Any:
        return answer(seen, self.said)

    def _client(self, wire: Wire) -> fmsdk.AsyncClient:
        if wire.name not in self._clients:
            options = dict(wire.config)
            options["base_url"] = options["base_url"] or self._server.url
            provider = wire.make(ProviderConfig(name=wire.provider, options=options))
            self._clients[wire.name] = fmsdk.AsyncClient(
                providers={wire.provider: provider},
                fetch=FetchLimits(allow_private=True),
                retries=0,
            )
        return self._clients[wire.name]

    @staticmethod
    async def _answer(client: fmsdk.AsyncClient, request: Request, stream: bool) -> Response[Any]:
        if not stream:
            return await client.generate(request.name, request)
        async with client.stream(request.name, request) as events:
            async for _ in events:
                pass
        return events.response

    def _posted(self, before: int) -> ReceivedRequest | None:
        posts = [seen for seen in self._server.seen[before:] if asks_model(seen)]
        assert len(posts) <= 1, "one call, and more than one request"
        return posts[0] if posts else None


@contextmanager
def lab() -> Iterator[Lab]:
    """A running lab: server, shelf and clients, and the proxy through which vendors are asked."""
    with (
        tempfile.TemporaryDirectory() as folder,
        shelf(Path(folder)) as files,
        asyncio.Runner() as runner,
    ):
        made: list[Lab] = []
        with run_server(lambda seen: made[0].answer(seen)) as server:
            made.append(Lab(server, files, runner))
            yield made[0]
            runner.run(made[0].aclose())


def judged(wire: Wire, request: Request, outcome: Outcome) -> Verdict:
    """The verdict on one asking."""
    if outcome.error is not None:
        faults: list[str] = []
        if not isinstance(outcome.error, FmsdkError):
            faults.append(f"an untyped error: {outcome.error!r}")
            tally.count("untyped errors")
        elif not isinstance(outcome.error, BadRequestError):
            faults.append(f"no error of the request's: {outcome.error!r}")
        if outcome.seen is not None:
            faults.append(f"an error after the request had gone out: {outcome.error!r}")
        return Verdict("refused", str(outcome.error), tuple(faults), outcome.seen)
    assert outcome.response is not None
    if outcome.seen is None:
        return Verdict("carried", faults=("an answer without a request",))
    return _compared(wire, request, outcome.response, outcome.seen)


def _compared(
    wire: Wire, request: Request, response: Response[Any], seen: ReceivedRequest
) -> Verdict:
    wanted = wanted_of(wire, request)
    got = facts(wire.read(seen))
    gone = missing(wanted, got)
    kept = [fact for fact in gone if fact.name == "tags" and response.tags == request.tags]
    silent = [fact for fact in gone if not is_named(fact, response.warnings) and fact not in kept]
    faults = [f"lost in silence: {fact}" for fact in silent]
    tally.count("silent losses", len(silent))
    faults += [f"nobody asked for it: {fact}" for fact in invented(wanted, got)]
    word: Word = "carried" if not gone else "kept" if gone == kept else "warned"
    return Verdict(word, _reason(gone, response.warnings), tuple(faults), seen)


def _reason(gone: list[Fact], warnings: tuple[Warning, ...]) -> str:
    said = (w.message for w in warnings if any(is_named(fact, [w]) for fact in gone))
    return "; and ".join(dict.fromkeys(said))


def wanted_of(wire: Wire, request: Request) -> list[Fact]:
    """What is asked, in this wire's words."""
    asked = asked_of(request)
    if wire.in_budgets and asked.settings.get("reasoning", "none") != "none":
        asked = replace(asked, settings={**asked.settings, "reasoning": "a budget"})
    return facts(asked)
