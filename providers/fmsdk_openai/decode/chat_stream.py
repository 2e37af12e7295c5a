"""A Chat Completions stream: payloads in, events out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from fmsdk.response import (
    Event,
    Finish,
    Finished,
    MediaDelta,
    ReasoningDelta,
    TextDelta,
    ToolCallDelta,
    Warning,
)
from fmsdk.usage import Usage
from fmsdk.wire.read import base64_bytes, fewer_choices, opaque_of, read
from fmsdk_openai.decode.answer import OpenAIAnswer, token_logprobs
from fmsdk_openai.decode.chat import (
    Call,
    Candidate,
    Chunk,
    Delta,
    Spoken,
    arguments_text,
    echoed,
    finish_of,
    pieces,
    thoughts,
)

__all__ = ["ChatStream"]

_CHUNK = msgspec.json.Decoder(Chunk)
_DONE = b"[DONE]"


class _Lane:
    """One choice in the making: which of its parts has which index, and how it ended."""

    __slots__ = ("calls", "ended", "finish_reason", "indexes", "numbers", "thoughts")

    def __init__(self) -> None:
        self.indexes: dict[object, int] = {}
        self.calls: list[str] = []
        self.numbers: dict[int | None, int] = {}
        self.thoughts: list[Delta] = []
        self.finish_reason: str | None = None
        self.ended = False

    def index(self, part: object) -> int:
        """The index of a part, by order of first appearance."""
        return self.indexes.setdefault(part, len(self.indexes))

    def place(self, piece: Call) -> tuple[int, bool]:
        """The index of the call that a piece belongs to, and whether it is the call's first.

        Pieces go by their number. Where a server leaves it out, or numbers every call 0, another
        id means another call.
        """
        place = self.numbers.get(piece.index)
        if piece.id and (place is None or self.calls[place] not in ("", piece.id)):
            place = self.calls.index(piece.id) if piece.id in self.calls else None
        is_new = place is None
        if place is None:
            place = len(self.calls)
            self.calls.append(piece.id or "")
        self.numbers[piece.index] = place
        return self.index(place), is_new


class ChatStream:
    """The decoder of one stream. It is complete with `[DONE]`, once every choice has a finish
    reason: usage comes between the two, so that either alone may hide a loss."""

    def __init__(self, answer: OpenAIAnswer) -> None:
        self.done = False
        self._answer = answer
        self._lanes: dict[int, _Lane] = {}
        self._warnings: list[Warning] = list(answer.warnings)
        self._model: str | None = None
        self._id: str | None = None
        self._tier: str | None = None
        self._usage: Any = None
        self._last: bytes | None = None

    def feed(self, payload: bytes) -> Sequence[Event]:
        """The events of one payload. Raises InvalidResponse, or the error that it reports."""
        if payload == _DONE:
            self.done = True
            return ()
        chunk = read(_CHUNK, payload, self._answer.blame)
        if not self._model:
            self._id, self._model = chunk.id, chunk.model
        if chunk.service_tier is not None:
            self._tier = chunk.service_tier
        if chunk.usage:
            self._usage, self._last = chunk.usage, payload
        if chunk.error:
            raise self._answer.blame.of_body(chunk.error)
        events: list[Event] = []
        for candidate in chunk.choices or ():
            self._add(candidate, events)
        return events

    def finish(self) -> Sequence[Event]:
        """The reasoning to send back, and `Finished`. Raises IncompleteStream."""
        answer, lanes = self._answer, sorted(self._lanes.items())
        if not (self.done and lanes and all(lane.ended for _, lane in lanes)):
            missing = "a finish reason" if self.done else "[DONE]"
            raise answer.blame.incomplete(missing)
        events = [event for choice, lane in lanes for event in self._echo(choice, lane)]
        self._warnings += fewer_choices(answer.request, len(lanes))
        finishes: tuple[tuple[Finish, str | None], ...] = tuple(
            (finish_of(lane.finish_reason, bool(lane.calls), answer.blame), lane.finish_reason)
            for _, lane in lanes
        )
        finished = Finished(
            finishes=finishes,
            usage=self._answer.usage(self._usage, self._tier),
            served_model=self._model,
            request_id=answer.request_id or self._id,
            warnings=tuple(self._warnings),
            raw_body=self._last,
        )
        return [*events, finished]

    def usage(self) -> Usage | None:
        """What the server has reported so far."""
        return self._answer.usage(self._usage, self._tier) if self._usage else None

    def _add(self, candidate: Candidate, events: list[Event]) -> None:
        choice, delta = candidate.index, candidate.delta
        lane = self._lanes.get(choice)
        if lane is None:
            lane = self._lanes[choice] = _Lane()
        if candidate.finish_reason is not None:
            lane.finish_reason, lane.ended = candidate.finish_reason, True
        if delta.reasoning_content or delta.reasoning or delta.reasoning_details:
            self._think(lane, choice, delta, events)
        elif delta.extra_content:
            lane.thoughts.append(delta)
        text = delta.content
        if isinstance(text, list):
            text = self._listed(lane, choice, text, events)
        if text:
            found = candidate.logprobs
            logprobs = token_logprobs(found.content) if found is not None else ()
            events.append(TextDelta(text, lane.index("text"), choice, False, logprobs))
        if delta.refusal:
            events.append(TextDelta(delta.refusal, lane.index("refusal"), choice, True))
        if delta.audio is not None:
            self._hear(lane, choice, delta.audio, events)
        if delta.tool_calls:
            events += [self._called(lane, choice, piece) for piece in delta.tool_calls]

    def _think(self, lane: _Lane, choice: int, delta: Delta, events: list[Event]) -> None:
        lane.thoughts.append(delta)
        if text := thoughts(delta):
            provider = self._answer.request.provider
            events.append(ReasoningDelta(text, lane.index("reasoning"), choice, provider))

    def _listed(
        self, lane: _Lane, choice: int, content: list[dict[str, Any]], events: list[Event]
    ) -> str:
        text = ""
        for kind, piece in pieces(content, self._warnings):
            if kind == "text":
                text += piece
            else:
                index = lane.index("reasoning")
                provider = self._answer.request.provider
                events.append(ReasoningDelta(piece, index, choice, provider))
        return text

    def _hear(self, lane: _Lane, choice: int, audio: Spoken, events: list[Event]) -> None:
        if audio.transcript:
            events.append(TextDelta(audio.transcript, lane.index("text"), choice))
        if audio.data:
            data, mime = base64_bytes(audio.data, self._answer.blame), self._answer.audio_mime
            events.append(MediaDelta("audio", data, mime, lane.index("audio"), choice))

    def _called(self, lane: _Lane, choice: int, piece: Call) -> ToolCallDelta:
        index, is_new = lane.place(piece)
        name = (piece.function and piece.function.name) or ""
        extra = piece.extra_content
        return ToolCallDelta(
            index,
            (piece.id or "") if is_new else "",
            name if is_new else "",
            arguments_text(piece),
            choice,
            self._answer.request.provider if extra else None,
            opaque_of({"extra_content": extra}) if extra else None,
        )

    def _echo(self, choice: int, lane: _Lane) -> list[Event]:
        fields = echoed(lane.thoughts)
        if not fields:
            return []
        index, provider = lane.index("reasoning"), self._answer.request.provider
        return [ReasoningDelta("", index, choice, provider, opaque_of(fields))]
