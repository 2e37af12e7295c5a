"""A Chat Completions stream: payloads in, events out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from fmsdk.hosted.decoding import base64_bytes, call_id, fewer_choices, opaque_of, read, word
from fmsdk.response import (
    Event,
    Finish,
    Finished,
    MediaDelta,
    ReasoningDelta,
    TextDelta,
    ToolCallDelta,
    Warning,
    tool_call,
)
from fmsdk.usage import Usage
from fmsdk_openai.decode.chat import (
    broken_off,
    echoed,
    failure_of,
    finish_of,
    pictures,
    pieces,
    thoughts,
)
from fmsdk_openai.decode.chat_shapes import BODY, NOTHING, Call, Candidate, Delta, Spoken
from fmsdk_openai.decode.context import OpenAIDecodeContext, json_text, token_logprobs

__all__ = ["ChatStream"]

_DONE = b"[DONE]"


class PendingToolCall:
    """A call in the making: what its pieces have told."""

    __slots__ = ("arguments", "id", "index", "name")

    def __init__(self, index: int) -> None:
        self.index = index
        self.id = ""
        self.name = ""
        self.arguments: list[str] = []

    def goes_on(self, piece: Call) -> bool:
        """Whether a piece of this number may belong to this call. Where a server leaves numbers
        out, or numbers every call 0, another id means another call, or without ids another name,
        or the same name once the arguments are whole."""
        if piece.own_id and self.id and piece.own_id != self.id:
            return piece.index is not None and not piece.name
        if not (piece.name and self.name) or (piece.own_id and self.id):
            return True
        if piece.index is None or piece.name != self.name:
            return False
        return not (json_text(piece.arguments) and self._is_whole())

    def _is_whole(self) -> bool:
        made = tool_call("", "", "".join(self.arguments))
        return made.raw is None and any(self.arguments)


class CandidateState:
    """One choice in the making: which of its parts has which index, and how it ended."""

    __slots__ = ("calls", "finish_reason", "indexes", "numbers", "pictures", "thoughts")

    def __init__(self) -> None:
        self.indexes: dict[object, int] = {}
        self.calls: list[PendingToolCall] = []
        self.numbers: dict[int | None, PendingToolCall] = {}
        self.pictures = 0
        self.thoughts: list[Delta] = []
        self.finish_reason: str | None = None

    def index(self, part: object) -> int:
        """The index of a part, by order of first appearance."""
        return self.indexes.setdefault(part, len(self.indexes))

    def call(self, piece: Call) -> PendingToolCall:
        """The call that a piece belongs to: by its id, unless a new number and a name begin
        another call, or else by its number."""
        made, here = None, self.numbers.get(piece.index)
        if piece.own_id and (piece.index is None or here is not None or not piece.name):
            made = next((one for one in self.calls if one.id == piece.own_id), None)
        if made is None and here is not None and here.goes_on(piece):
            made = here
        if made is None:
            made = PendingToolCall(self.index(("call", len(self.calls))))
            self.calls.append(made)
        self.numbers[piece.index] = made
        return made


class ChatStream:
    """The decoder of one stream. It is complete with `[DONE]`, once every choice has a finish
    reason: usage comes between the two, so that either alone may hide a loss."""

    def __init__(self, context: OpenAIDecodeContext) -> None:
        self.done = False
        self._context = context
        self._lanes: dict[int, CandidateState] = {}
        self._warnings: list[Warning] = list(context.warnings)
        self.served_model: str | None = None
        self.request_id: str | None = None
        self._tier: str | None = None
        self._usage: Any = None
        self._last: bytes | None = None

    def feed(self, payload: bytes) -> Sequence[Event]:
        """The events of one payload. Raises InvalidResponse, or the error that it reports."""
        if payload.startswith(_DONE):
            self.done = True
            return ()
        chunk = read(BODY, payload, self._context.error_mapper)
        if not self.served_model:
            self.request_id, self.served_model = word(chunk.id), word(chunk.model)
        if chunk.service_tier is not None:
            self._tier = word(chunk.service_tier)
        if chunk.usage or chunk.x_groq:
            self._usage, self._last = chunk.used or self._usage, payload
        if failure := failure_of(chunk, payload, self._context.error_mapper):
            raise failure
        events: list[Event] = []
        for candidate in chunk.choices or ():
            self._add(candidate, events)
        return events

    def finish(self) -> Sequence[Event]:
        """The reasoning to send back, and `Finished`. Raises IncompleteStream."""
        context, lanes = self._context, sorted(self._lanes.items())
        if not (self.done and lanes and all(lane.finish_reason for _, lane in lanes)):
            missing = "a finish reason" if self.done else "[DONE]"
            raise context.error_mapper.incomplete(missing)
        events = [event for choice, lane in lanes for event in self._completed(choice, lane)]
        self._warnings += fewer_choices(context.request, len(lanes))
        finishes: tuple[tuple[Finish, str | None], ...] = tuple(
            (finish_of(lane.finish_reason, bool(lane.calls)), lane.finish_reason)
            for _, lane in lanes
        )
        finished = Finished(
            finishes=finishes,
            usage=self._context.usage(self._usage, self._tier),
            served_model=self.served_model,
            request_id=context.request_id or self.request_id,
            warnings=tuple(self._warnings),
            raw_body=self._last,
        )
        return [*events, finished]

    def usage(self) -> Usage | None:
        """What the server has reported so far."""
        return self._context.usage(self._usage, self._tier) if self._usage else None

    def _add(self, candidate: Candidate, events: list[Event]) -> None:
        choice, delta = candidate.index or 0, candidate.delta or NOTHING
        lane = self._lanes.get(choice)
        if lane is None:
            lane = self._lanes[choice] = CandidateState()
        if candidate.finish_reason or candidate.error:
            lane.finish_reason = candidate.finish_reason
            broken = broken_off(candidate, self._context.error_mapper)
            if broken is not None:
                raise broken
        if delta.echoes:
            self._think(lane, choice, delta, events)
        text = delta.content
        if isinstance(text, list):
            text = self._listed(lane, choice, text, events)
        logprobs = () if candidate.logprobs is None else token_logprobs(candidate.tokens)
        if text or (logprobs and not delta.refusal):
            events.append(TextDelta(text or "", lane.index("text"), choice, False, logprobs))
            logprobs = ()
        if delta.refusal:
            events.append(TextDelta(delta.refusal, lane.index("refusal"), choice, True, logprobs))
        self._add_other(lane, choice, delta, events)

    def _add_other(
        self, lane: CandidateState, choice: int, delta: Delta, events: list[Event]
    ) -> None:
        """What is neither text nor reasoning."""
        if delta.audio is not None:
            self._hear(lane, choice, delta.audio, events)
        if delta.images:
            self._see(lane, choice, delta, events)
        if delta.tool_calls or delta.function_call:
            events += [self._called(lane, choice, piece) for piece in delta.calls]

    def _think(self, lane: CandidateState, choice: int, delta: Delta, events: list[Event]) -> None:
        lane.thoughts.append(delta)
        if text := thoughts(delta):
            provider = self._context.request.provider
            events.append(ReasoningDelta(text, lane.index("reasoning"), choice, provider))

    def _listed(
        self, lane: CandidateState, choice: int, content: list[dict[str, Any]], events: list[Event]
    ) -> str:
        text = ""
        for kind, piece in pieces(content, self._warnings):
            if kind == "text":
                text += piece
            else:
                index = lane.index("reasoning")
                provider = self._context.request.provider
                events.append(ReasoningDelta(piece, index, choice, provider))
        return text

    def _hear(self, lane: CandidateState, choice: int, audio: Spoken, events: list[Event]) -> None:
        if audio.transcript:
            events.append(TextDelta(audio.transcript, lane.index("text"), choice))
        if audio.data:
            data, mime = (
                base64_bytes(audio.data, self._context.error_mapper),
                self._context.audio_mime,
            )
            events.append(MediaDelta("audio", data, mime, lane.index("audio"), choice))

    def _see(self, lane: CandidateState, choice: int, delta: Delta, events: list[Event]) -> None:
        for data, mime in pictures(delta, self._context, self._warnings):
            index = lane.index(("picture", lane.pictures))
            lane.pictures += 1
            events.append(MediaDelta("image", data, mime, index, choice))

    def _called(self, lane: CandidateState, choice: int, piece: Call) -> ToolCallDelta:
        made = lane.call(piece)
        id, name = "" if made.id else piece.own_id, "" if made.name else piece.name
        made.id, made.name = made.id or id, made.name or name
        arguments = json_text(piece.arguments)
        made.arguments.append(arguments)
        extra = piece.extra_content
        return ToolCallDelta(
            made.index,
            id,
            name,
            arguments,
            choice,
            self._context.request.provider if extra else None,
            opaque_of({"extra_content": extra}) if extra else None,
        )

    def _completed(self, choice: int, lane: CandidateState) -> Iterator[Event]:
        """What only the end tells: ids of calls that got none, and what goes back next turn."""
        for number, made in enumerate(lane.calls):
            if not made.id:
                id = call_id(None, number, self.request_id)
                yield ToolCallDelta(made.index, id, choice=choice)
        if fields := echoed(lane.thoughts):
            index, provider = lane.index("reasoning"), self._context.request.provider
            yield ReasoningDelta("", index, choice, provider, opaque_of(fields))
