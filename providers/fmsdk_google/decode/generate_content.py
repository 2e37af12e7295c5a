"""The decoder of `generateContent`: a body has the shape of a stream's only chunk.

Google ends a stream by ending the body: there is no last event, and usage, which every chunk
counts anew from the start, may come after the finish reason. So the body is read to its end, and
the stream is complete if every choice has a finish reason by then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

from fmsdk.errors import ContentFiltered
from fmsdk.hosted.decoding import (
    DecodeContext,
    StreamDecoder,
    decode_json,
    missing_choices,
)
from fmsdk.hosted.token_counts import merge_usage
from fmsdk.response import (
    Event,
    Finish,
    Finished,
    Response,
    TextDelta,
    TokenLogprob,
    Warning,
)
from fmsdk.usage import OutputUsage, Usage
from fmsdk_google.decode.candidate import CandidateState, decode_logprobs
from fmsdk_google.decode.grounding import Grounding
from fmsdk_google.decode.response_types import CHUNK, Candidate, Chunk
from fmsdk_google.decode.usage import decode_usage, with_searches

__all__ = ["GenerateContentDecoder"]

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


class GenerateContentDecoder(StreamDecoder):
    """Decodes one answer. `has_ended` stays false: the end of the body is the end of a stream."""

    def __init__(self, context: DecodeContext) -> None:
        super().__init__(context)
        self._candidates: dict[int, CandidateState] = {}
        self._usage: dict[str, Any] = {}
        self._grounding = Grounding()
        self._has_grounding = False
        self._last_chunk: bytes | None = None
        self._chunks = 0

    def decode_body(self, body: bytes) -> Response[Any]:
        """The response of a body. Raises InvalidResponse, ContentFiltered, or the error in it."""
        return self._response([*self.decode_event(body), self._finish_event()])

    def decode_event(self, payload: bytes) -> Sequence[Event]:
        """The events of a chunk. Raises InvalidResponse, ContentFiltered, or the error in it."""
        chunk = decode_json(CHUNK, payload, self._error_mapper)
        if chunk.error:
            raise self._error_mapper.from_response(chunk.error)
        if self.request_id is None:
            self.request_id, self.served_model = chunk.response_id, chunk.model_version
        usage: object = chunk.usage_metadata
        if isinstance(usage, dict):
            self._usage = merge_usage(self._usage, cast("dict[str, Any]", usage))
        self._last_chunk = payload
        self._chunks += 1
        if chunk.prompt_feedback is not None and chunk.prompt_feedback.block_reason:
            raise self._blocked_prompt(chunk)
        events: list[Event] = []
        for candidate in chunk.candidates or ():
            self.decode_candidate(candidate, events)
        return events

    def decode_end(self) -> Sequence[Event]:
        """`Finished`. Raises IncompleteStream."""
        states = self._candidates.values()
        if not states or any(state.finish_reason is None for state in states):
            raise self._error_mapper.incomplete("a finish reason")
        return (self._finish_event(),)

    def usage(self) -> Usage | None:
        """What Google has counted so far; for an answer that broke off that is no final bill."""
        usage = decode_usage(self._usage)
        if usage.source == "unknown":
            return None
        if "candidatesTokenCount" not in self._usage:  # before the end, no count is not zero
            usage = replace(usage, output=OutputUsage())
        return replace(usage, source="estimated")

    def decode_candidate(self, candidate: Candidate, events: list[Event]) -> None:
        choice = candidate.index or 0
        state = self._candidates.get(choice)
        if state is None:
            state = self._candidates[choice] = CandidateState(self._context, choice)
        first_event = len(events)
        content = candidate.content
        for number, raw in enumerate((content and content.parts) or ()):
            events.extend(state.decode_part(raw, self.request_id, is_first=number == 0))
        if candidate.logprobs_result is not None:
            logprobs = decode_logprobs(candidate.logprobs_result)
            _attach_logprobs(logprobs, state, choice, events, first_event)
        if (
            candidate.citation_metadata
            or candidate.grounding_metadata
            or candidate.url_context_metadata
        ):
            self._has_grounding = True
            self._grounding.add(candidate)
        if candidate.finish_reason:
            state.finish_reason = candidate.finish_reason
            state.finish_message = candidate.finish_message

    def _finish_event(self) -> Finished:
        """The end of the answer, also where a choice has no finish reason. Raises InvalidResponse:
        there is no choice."""
        context = self._context
        states = [state for _, state in sorted(self._candidates.items())]
        if not states:
            raise self._error_mapper.invalid("neither a candidate nor a reason for having none")
        finishes: list[tuple[Finish, str | None]] = []
        warnings = [*context.warnings, *missing_choices(context.request, len(states))]
        for state in states:
            finish = _FINISHES.get(state.finish_reason or "", "other")
            finish = "tool_calls" if finish == "stop" and state.calls else finish
            finishes.append((finish, state.finish_reason))
            if state.finish_message and finish in ("other", "content_filter"):
                message = f"{state.finish_reason}: {state.finish_message}"
                warnings.append(Warning("finish_message", message, "finish"))
        if self._grounding.has_maps:
            message = "Google Maps is billed by prompt or query, which the cost leaves out"
            warnings.append(Warning("usage_elsewhere", message, "google_maps"))
        usage = decode_usage(self._usage)
        raw_body = self._last_chunk
        if raw_body is not None and self._has_grounding and self._chunks > 1:
            raw_body = self._grounding.merge_into(raw_body)
        return Finished(
            finishes=tuple(finishes),
            usage=with_searches(usage, self._grounding.queries, self.served_model),
            served_model=self.served_model,
            request_id=self.request_id or context.request_id,
            warnings=tuple(warnings),
            raw_body=raw_body,
        )

    def _blocked_prompt(self, chunk: Chunk) -> ContentFiltered:
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
                usage=decode_usage(self._usage),
                warnings=context.warnings,
                raw_body=self._last_chunk,
            ),
        )


def _attach_logprobs(
    logprobs: tuple[TokenLogprob, ...],
    state: CandidateState,
    choice: int,
    events: list[Event],
    first_event: int,
) -> None:
    """Give a chunk's token probabilities to its first text, or without one to an empty text."""
    for number in range(first_event, len(events)):
        event = events[number]
        if isinstance(event, TextDelta):
            events[number] = replace(event, logprobs=logprobs)
            return
    if logprobs:
        events.append(TextDelta("", state.open_index("text"), choice, False, logprobs))
