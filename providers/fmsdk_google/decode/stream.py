"""A `streamGenerateContent` stream: payloads in, events out.

Google ends a stream by ending the body: there is no last event, and usage, which every chunk
counts anew from the start, may come after the finish reason. So the body is read to its end, and
the stream is complete if every choice has a finish reason by then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

from fmsdk.errors import ContentFiltered
from fmsdk.hosted.decoding import DecodeContext, fewer_choices, read, unfinished
from fmsdk.response import Event, Finish, Finished, Response, TextDelta, Warning
from fmsdk.usage import OutputUsage, Usage
from fmsdk_google.decode.parts import CandidateState, token_logprobs
from fmsdk_google.decode.shapes import CHUNK, Candidate, Chunk
from fmsdk_google.decode.sources import Sources
from fmsdk_google.decode.usage import usage_of, with_searches

__all__ = ["GeminiStream"]

_FINISHES: dict[str, Finish] = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "CONTINUATION": "length",
    **dict.fromkeys(
        (
            *("SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "MODEL_ARMOR"),
            *("IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION"),
            *("ESCALATION", "PUP_LIMITED_DISABLED"),
        ),
        "content_filter",
    ),
}


class GeminiStream:
    """The decoder of one stream, or of a body, which has the shape of a single chunk."""

    def __init__(self, context: DecodeContext) -> None:
        self.done = False
        self._context = context
        self._lanes: dict[int, CandidateState] = {}
        self._usage: dict[str, Any] = {}
        self._sources: Sources | None = None
        self.served_model: str | None = None
        self.request_id: str | None = None
        self._last: bytes | None = None
        self._chunks = 0

    def feed(self, payload: bytes) -> Sequence[Event]:
        """The events of one payload. Raises InvalidResponse, ContentFiltered, or its error."""
        chunk = read(CHUNK, payload, self._context.error_mapper)
        if chunk.error:
            raise self._context.error_mapper.from_response(chunk.error)
        if self.request_id is None:
            self.request_id, self.served_model = chunk.response_id, chunk.model_version
        used: object = chunk.usage_metadata
        if isinstance(used, dict):
            # Counts are totals so far; a chunk may leave out what an earlier one said.
            self._usage |= cast("dict[str, Any]", used)
        self._last = payload
        self._chunks += 1
        if chunk.prompt_feedback is not None and chunk.prompt_feedback.block_reason:
            raise self._blocked(chunk)
        events: list[Event] = []
        for candidate in chunk.candidates or ():
            self._add(candidate, events)
        return events

    def finish(self) -> Sequence[Event]:
        """`Finished`. Raises IncompleteStream."""
        lanes = self._lanes.values()
        if not lanes or any(lane.finish_reason is None for lane in lanes):
            raise self._context.error_mapper.incomplete("a finish reason")
        return (self.finished(),)

    def finished(self) -> Finished:
        """The end of the answer, whether or not every choice says why. Raises InvalidResponse:
        there is none."""
        context, lanes = self._context, [lane for _, lane in sorted(self._lanes.items())]
        if not lanes:
            raise context.error_mapper.invalid("neither a candidate nor a reason for having none")
        finishes: tuple[tuple[Finish, str | None], ...] = tuple(
            (_finish_of(lane), lane.finish_reason) for lane in lanes
        )
        remarks = (
            Warning("finish_message", f"{lane.finish_reason}: {lane.finish_message}", "finish")
            for lane, (finish, _) in zip(lanes, finishes, strict=True)
            if lane.finish_message and finish in ("other", "content_filter")
        )
        return Finished(
            finishes=finishes,
            usage=with_searches(usage_of(self._usage), self._queries(), self.served_model),
            served_model=self.served_model,
            request_id=self.request_id or context.request_id,
            warnings=(
                *context.warnings,
                *fewer_choices(context.request, len(lanes)),
                *remarks,
                *(
                    unfinished(context.error_mapper, is_empty=lane.is_empty)
                    for lane in lanes
                    if lane.finish_reason is None
                ),
            ),
            raw_body=self._raw(),
        )

    def _queries(self) -> set[str]:
        return self._sources.queries if self._sources else set()

    def _raw(self) -> bytes | None:
        """The last chunk, with what earlier ones told of sources."""
        if self._sources is None or self._last is None or self._chunks == 1:
            return self._last
        return self._sources.joined(self._last)

    def usage(self) -> Usage | None:
        """What Google has counted so far; of an answer that broke off, that is no final bill."""
        usage = usage_of(self._usage)
        if usage.source == "unknown":
            return None
        if "candidatesTokenCount" not in self._usage:  # of an answer that is not over, no zero
            usage = replace(usage, output=OutputUsage())
        return replace(usage, source="estimated")

    def _add(self, candidate: Candidate, events: list[Event]) -> None:
        choice = candidate.index or 0
        lane = self._lanes.get(choice)
        if lane is None:
            lane = self._lanes[choice] = CandidateState(self._context, choice)
        before = len(events)
        content = candidate.content
        for place, raw in enumerate((content and content.parts) or ()):
            events.extend(lane.events(raw, self.request_id, is_first=place == 0))
        if candidate.logprobs_result is not None:
            _attach(candidate.logprobs_result, lane, choice, events, before)
        if candidate.has_sources:
            self._sources = self._sources or Sources()
            self._sources.add(candidate)
        if candidate.finish_reason:
            lane.finish_reason = candidate.finish_reason
            lane.finish_message = candidate.finish_message

    def _blocked(self, chunk: Chunk) -> ContentFiltered:
        context, request, feedback = self._context, self._context.request, chunk.prompt_feedback
        why = (feedback and feedback.block_reason) or ""
        message = (feedback and feedback.block_reason_message) or "see its safety settings"
        request_id = self.request_id or context.request_id
        return ContentFiltered(
            f"{request.provider} refused the prompt: {why} ({message})",
            provider=request.provider,
            model=request.model,
            request_id=request_id,
            partial=Response(
                provider=request.provider,
                model=request.model,
                choices=(),
                served_model=self.served_model,
                request_id=request_id,
                usage=usage_of(self._usage),
                warnings=context.warnings,
                raw_body=self._last,
            ),
        )


def _attach(
    found: object, lane: CandidateState, choice: int, events: list[Event], start: int
) -> None:
    """Give a chunk's token probabilities to its first text; without one, to an empty text."""
    logprobs = token_logprobs(found)
    for place in range(start, len(events)):
        event = events[place]
        if isinstance(event, TextDelta):
            events[place] = replace(event, logprobs=logprobs)
            return
    if logprobs:
        events.append(TextDelta("", lane.text_index(), choice, False, logprobs))


def _finish_of(lane: CandidateState) -> Finish:
    finish = _FINISHES.get(lane.finish_reason or "", "other")
    return "tool_calls" if finish == "stop" and lane.calls else finish
