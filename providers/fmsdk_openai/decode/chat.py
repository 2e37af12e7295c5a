"""The decoder of Chat Completions, for whole completions and for streams.

Reads OpenAI's dialect and what compatible servers add to it: `reasoning_content`, `reasoning` and
`reasoning_details` (DeepSeek, vLLM, Ollama, OpenRouter), content lists (Mistral), `images`
(OpenRouter), and `extra_content` (Gemini's compatible endpoint). A whole completion is read as one
chunk whose messages are complete.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, cast

import msgspec

from fmsdk.errors import FmsdkError, ServerError
from fmsdk.hosted.decoding import (
    StreamDecoder,
    attach_partial,
    decode_base64,
    decode_json,
    encode_opaque,
    missing_choices,
    optional_text,
    skipped_content,
    tool_call_id,
)
from fmsdk.hosted.token_counts import merge_usage
from fmsdk.response import (
    UNNAMED_CALL,
    Event,
    Finish,
    Finished,
    MediaDelta,
    ReasoningDelta,
    Response,
    TextDelta,
    ToolCallDelta,
    Warning,
)
from fmsdk.usage import Usage
from fmsdk_openai.decode.candidate import CandidateState
from fmsdk_openai.decode.chat_types import (
    COMPLETION,
    NO_MESSAGE,
    AudioPiece,
    ChatChoice,
    ChatMessage,
    ChatToolCall,
    Completion,
    nested_field,
)
from fmsdk_openai.decode.context import OpenAIDecodeContext
from fmsdk_openai.decode.logprobs import decode_logprobs
from fmsdk_openai.decode.usage import decode_usage
from fmsdk_openai.server_dialect import Charge

__all__ = ["ChatDecoder"]

_DONE = b"[DONE]"
_FINISHES: dict[str, Finish] = {
    "stop": "stop",
    "eos": "stop",  # Together
    "length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
    "model_length": "length",  # Mistral
}
_BROKEN_OFF = frozenset({"error", "abort", "insufficient_system_resource"})
"""OpenRouter and Mistral; vLLM and SGLang; DeepSeek."""
_ANY = msgspec.json.Decoder()
_DATA_URL = re.compile(r"data:([^;,]*)(?:;[^;,]*)*;base64,")


class ChatDecoder(StreamDecoder):
    """Decodes one answer. A stream is complete with `[DONE]`, once every choice has a finish
    reason: usage comes between the two, so that one of them without the other may hide a loss."""

    def __init__(self, context: OpenAIDecodeContext) -> None:
        super().__init__(context)
        self._audio_mime = context.audio_mime
        self._charge: Charge | None = context.charge
        self._candidates: dict[int, CandidateState] = {}
        self._is_whole = False
        self._warnings: list[Warning] = list(context.warnings)
        self._service_tier: str | None = None
        self._usage: dict[str, Any] = {}
        self._raw_body: bytes | None = None

    def decode_body(self, body: bytes) -> Response[Any]:
        """The response of a whole completion. Raises InvalidResponse, or the error in it."""
        completion = decode_json(COMPLETION, body, self._error_mapper)
        failure = self._reported_failure(completion, body)
        for choice in completion.choices or ():
            failure = failure or self._broken_choice(choice)
        if failure is not None:
            raise attach_partial(failure, lambda: self.decode_completion(completion, body))
        return self.decode_completion(completion, body)

    def decode_completion(self, completion: Completion, body: bytes) -> Response[Any]:
        choices = completion.choices or ()
        if not choices:
            raise self._error_mapper.invalid("a completion without choices")
        self._is_whole = True
        self._update_answer(completion, body)
        # GitHub Copilot gives a text and the calls after it as choices of the same number.
        numbers = {n: i for i, n in enumerate(sorted({choice.index or 0 for choice in choices}))}
        events: list[Event] = []
        for choice in choices:
            number = numbers[choice.index or 0]
            self.decode_message(number, choice, choice.message or NO_MESSAGE, events)
        events += self.decode_last_events()
        return self._response(events)

    def decode_event(self, payload: bytes) -> Sequence[Event]:
        """The events of one payload. Raises InvalidResponse, or the error that it reports."""
        if payload.startswith(_DONE):
            self.has_ended = True
            return ()
        chunk = decode_json(COMPLETION, payload, self._error_mapper)
        self._update_answer(chunk, payload)
        if failure := self._reported_failure(chunk, payload):
            raise failure
        events: list[Event] = []
        for choice in chunk.choices or ():
            if (choice.finish_reason or choice.error) and (failure := self._broken_choice(choice)):
                raise failure
            self.decode_message(choice.index or 0, choice, choice.delta or NO_MESSAGE, events)
        return events

    def decode_end(self) -> Sequence[Event]:
        """The reasoning to send back, and `Finished`. Raises IncompleteStream."""
        states = self._candidates.values()
        if not (self.has_ended and states and all(state.finish_reason for state in states)):
            missing = "a finish reason" if self.has_ended else "[DONE]"
            raise self._error_mapper.incomplete(missing)
        return list(self.decode_last_events())

    def usage(self) -> Usage | None:
        """What the server has reported so far."""
        return self.decode_usage() if self._usage else None

    def decode_usage(self) -> Usage:
        return decode_usage(self._usage, self._service_tier, charge=self._charge)

    def _update_answer(self, chunk: Completion, payload: bytes) -> None:
        """Read what a chunk says of the whole answer."""
        if not self.served_model:
            self.request_id, self.served_model = optional_text(chunk.id), optional_text(chunk.model)
        if chunk.service_tier is not None:
            self._service_tier = optional_text(chunk.service_tier)
        if self._is_whole or chunk.usage or chunk.x_groq:
            usage = chunk.usage or nested_field(chunk.x_groq, "usage")  # Groq's streams
            if isinstance(usage, dict):
                self._usage = merge_usage(self._usage, cast("dict[str, Any]", usage))
            self._raw_body = payload

    def _reported_failure(self, chunk: Completion, payload: bytes) -> FmsdkError | None:
        """The error that a body or an event reports."""
        if chunk.reported_error:
            return self._error_mapper.from_response(chunk.reported_error)
        if chunk.object == "error":  # vLLM, SGLang: the fields are the error's own
            return self._error_mapper.from_response(decode_json(_ANY, payload, self._error_mapper))
        return None

    def _broken_choice(self, choice: ChatChoice) -> FmsdkError | None:
        """The error of a choice that the server broke off."""
        if choice.error:
            return self._error_mapper.from_response(choice.error)
        if choice.finish_reason not in _BROKEN_OFF:
            return None
        provider = self._error_mapper.provider
        message = f"{provider} broke the answer off: {choice.finish_reason}"
        return ServerError(message, provider=provider)

    def decode_message(
        self, number: int, choice: ChatChoice, message: ChatMessage, events: list[Event]
    ) -> None:
        """Add the events of a choice's message, or of a piece of it."""
        state = self._candidates.get(number)
        if state is None:
            state = self._candidates[number] = CandidateState()
        if choice.finish_reason:
            state.finish_reason = choice.finish_reason
        if message.has_echoed_fields:
            self.decode_reasoning(state, number, message, events)
        text = message.content
        if isinstance(text, list):
            text = self.decode_content_list(state, number, text, events)
        tokens = nested_field(choice.logprobs, "content")
        tokens = tokens or nested_field(choice.logprobs, "refusal")
        logprobs = decode_logprobs(tokens) if tokens else ()
        if text or (logprobs and not message.refusal):
            events.append(TextDelta(text or "", state.index("text"), number, False, logprobs))
            logprobs = ()
        if message.refusal:
            index = state.index("refusal")
            events.append(TextDelta(message.refusal, index, number, True, logprobs))
        if message.audio is not None:
            self.decode_audio(state, number, message.audio, events)
        if message.images:
            self.decode_images(state, number, message.images, events)
        if message.tool_calls or message.function_call:
            for piece in message.calls:
                events += self.decode_tool_call(state, number, piece)

    def decode_reasoning(
        self, state: CandidateState, number: int, message: ChatMessage, events: list[Event]
    ) -> None:
        state.echoed_messages.append(message)
        if self._is_whole or message.thoughts:
            index = state.index("reasoning")
            events.append(ReasoningDelta(message.thoughts, index, number, self._provider))

    def decode_content_list(
        self,
        state: CandidateState,
        number: int,
        content: list[dict[str, Any]],
        events: list[Event],
    ) -> str:
        """The text of Mistral's content lists, which hold text and thinking. Other kinds are left
        out with a warning."""
        texts: list[str] = []
        for item in content:
            kind = item.get("type")
            if kind == "text":
                texts.append(str(item.get("text") or ""))
            elif kind == "thinking":
                thought, index = _thinking_text(item.get("thinking")), state.index("reasoning")
                events.append(ReasoningDelta(thought, index, number, self._provider))
            elif (warning := skipped_content(str(kind))) not in self._warnings:
                self._warnings.append(warning)
        return "".join(texts)

    def decode_audio(
        self, state: CandidateState, number: int, audio: AudioPiece, events: list[Event]
    ) -> None:
        if audio.transcript:
            events.append(TextDelta(audio.transcript, state.index("transcript"), number))
        if audio.data:
            data, mime = decode_base64(audio.data, self._error_mapper), self._audio_mime
            events.append(MediaDelta("audio", data, mime, state.index("audio"), number))

    def decode_images(
        self, state: CandidateState, number: int, images: list[Any], events: list[Event]
    ) -> None:
        """OpenRouter's pictures. One that is not in the answer itself is left out with a
        warning."""
        for image in images:
            # {"type": "image_url", "image_url": {"url": …}}, or text at either place
            place = nested_field(image, "image_url") or image
            url = nested_field(place, "url") or place
            match = _DATA_URL.match(url if isinstance(url, str) else "")
            if match is None:
                why = "a picture that the answer only points to was left out; see response.raw"
                self._warnings.append(Warning("content_skipped", why, "image"))
                continue
            data = decode_base64(match.string[match.end() :], self._error_mapper)
            index, mime = state.new_index(), match[1] or "image/png"
            events.append(MediaDelta("image", data, mime, index, number))

    def decode_tool_call(
        self, state: CandidateState, number: int, piece: ChatToolCall
    ) -> Sequence[ToolCallDelta]:
        call = state.add_call(piece) if self._is_whole else state.call_of(piece)
        news = call.add(piece)
        if news is None:
            return ()
        id, name, arguments = news
        extra = call.extra_content if name else piece.extra_content
        provider, opaque = (
            (self._provider, encode_opaque({"extra_content": extra})) if extra else (None, None)
        )
        return (ToolCallDelta(call.index, id, name, arguments, number, provider, opaque),)

    def decode_last_events(self) -> Iterator[Event]:
        """What only the end brings: ids of calls that have none, what goes back with the next
        turn, and `Finished`."""
        context, states = self._context, sorted(self._candidates.items())
        finishes: list[tuple[Finish, str | None]] = []
        for number, state in states:
            calls = [call for call in state.calls if call.name]
            if len(calls) < len(state.calls):
                self._warnings.append(UNNAMED_CALL)
            for position, call in enumerate(calls):
                if not call.id:
                    id = tool_call_id(None, position, self.request_id)
                    yield ToolCallDelta(call.index, id, choice=number)
            if fields := state.echoed_fields():
                index, opaque = state.index("reasoning"), encode_opaque(fields)
                yield ReasoningDelta("", index, number, self._provider, opaque)
            # Gemini's compatible endpoint explains a reason after a colon.
            reason = (state.finish_reason or "").partition(":")[0]
            finish = _FINISHES.get(reason, "other")
            # Some servers say "stop" where they made calls.
            finish = "tool_calls" if finish == "stop" and calls else finish
            finishes.append((finish, state.finish_reason))
        yield Finished(
            finishes=tuple(finishes),
            usage=self.decode_usage(),
            served_model=self.served_model,
            request_id=context.request_id or self.request_id,
            warnings=(*self._warnings, *missing_choices(context.request, len(states))),
            raw_body=self._raw_body,
        )


def _thinking_text(thinking: object) -> str:
    """The text of Mistral's thinking, which is a list of texts itself."""
    if isinstance(thinking, list):
        return "".join(map(_thinking_text, cast("list[object]", thinking)))
    if isinstance(thinking, dict):
        return str(cast("dict[str, object]", thinking).get("text") or "")
    return thinking if isinstance(thinking, str) else ""
