"""The response, and what makes it of the events of a stream (`fmsdk.events`).

A provider fills in what the vendor reported; `fmsdk.pipeline.call` adds latency and cost.
`ResponseAccumulator` alone makes parts of deltas, for every provider, and for complete and
interrupted streams.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, cast

from fmsdk.content import (
    Audio,
    Image,
    MediaPart,
    Part,
    Reasoning,
    Text,
    ToolCall,
    join_parts,
)
from fmsdk.errors import InvalidOutput
from fmsdk.events import (
    Event,
    Finished,
    MediaDelta,
    ReasoningDelta,
    TextDelta,
    TokenLogprob,
    ToolCallDelta,
)
from fmsdk.notebook import render_media
from fmsdk.request import Message
from fmsdk.result import NO_USAGE, Finish, Result, Warning, WarningCode
from fmsdk.tool_calls import tool_call
from fmsdk.usage import Usage

if TYPE_CHECKING:
    from typing_extensions import TypeVar as _TypeVar

    T = _TypeVar("T", default=Any)
else:
    T = TypeVar("T")

__all__ = [
    "Choice",
    "Event",
    "Finish",
    "Finished",
    "MediaDelta",
    "ReasoningDelta",
    "Response",
    "ResponseAccumulator",
    "TextDelta",
    "TokenLogprob",
    "ToolCallDelta",
    "Warning",
    "WarningCode",
    "tool_call",
]


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer. `finish` is normalised, `finish_raw` the vendor's own word."""

    parts: tuple[Part, ...]
    finish: Finish
    finish_raw: str | None = None
    logprobs: tuple[TokenLogprob, ...] = ()

    def __str__(self) -> str:
        return join_parts(self.parts)


# No slots: with them, calling a subscripted generic (`Response[str](…)`) fails in Python 3.11.
@dataclass(frozen=True, kw_only=True)
class Response(Result, Generic[T]):
    """An answer with its usage, cost and latency: see `fmsdk.result.Result`.

    `choices` holds one answer, or as many as were asked for. `parts`, `text`, `finish`, … are those
    of the first.
    """

    choices: tuple[Choice, ...]
    output_type: Any = field(default=None, repr=False, compare=False)
    _output: Any = field(default=None, init=False, repr=False, compare=False)

    def __str__(self) -> str:
        """What a person wants to read, and nothing else: the text of the first choice, or the
        refusal. Without either, its calls and media."""
        return self.text or self.refusal or join_parts(self.parts)

    def _repr_html_(self) -> str:
        media = (part for part in self.parts if isinstance(part, MediaPart))
        return "".join(map(render_media, media)) + Result._repr_html_(self)

    def to_dict(self) -> dict[str, Any]:
        """As plain values: text, reasoning, refusal, tool calls and finish of the first choice.
        See `Result.to_dict`."""
        return {
            "text": self.text,
            "reasoning": self.reasoning,
            "refusal": self.refusal,
            "tool_calls": [
                {
                    "id": call.id,
                    "name": call.name,
                    "arguments": dict(call.arguments),
                    "raw": call.raw,
                }
                for call in self.tool_calls
            ],
            "finish": self.finish,
            "finish_raw": self.finish_raw,
            **Result.to_dict(self),
        }

    @property
    def parts(self) -> tuple[Part, ...]:
        """The parts of the first choice, in order."""
        return self.choices[0].parts if self.choices else ()

    @property
    def text(self) -> str:
        """The text of the first choice, without reasoning and refusals."""
        texts = [p.text for p in self.parts if isinstance(p, Text) and not p.refusal]
        return texts[0] if len(texts) == 1 else "".join(texts)

    @property
    def reasoning(self) -> str:
        """The readable reasoning of the first choice."""
        return "\n\n".join(p.text for p in self.parts if isinstance(p, Reasoning) and p.text)

    @property
    def refusal(self) -> str | None:
        """The text of the model's refusal, or None."""
        texts = [p.text for p in self.parts if isinstance(p, Text) and p.refusal]
        return "".join(texts) if texts else None

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """The calls of the caller's tools, in order; the vendor's own tools are not here."""
        return tuple(p for p in self.parts if isinstance(p, ToolCall))

    @property
    def finish(self) -> Finish:
        """Why the first choice ended."""
        return self.choices[0].finish if self.choices else "other"

    @property
    def finish_raw(self) -> str | None:
        """The vendor's own word for `finish`."""
        return self.choices[0].finish_raw if self.choices else None

    @property
    def logprobs(self) -> tuple[TokenLogprob, ...]:
        """Token probabilities of the first choice; empty if they were not asked for."""
        return self.choices[0].logprobs if self.choices else ()

    @property
    def message(self) -> Message:
        """The answer as a turn, to append to the conversation."""
        return Message("assistant", self.parts)

    @property
    def output(self) -> T:
        """The text as a value of the `output` type; without one, the text itself.

        Raises:
            InvalidOutput: the text does not fit the type (`partial` is this response).
        """
        if self.output_type is None:
            return cast("T", self.text)
        if self._output is None:
            from fmsdk.schema.json_schema import parse_output

            try:
                object.__setattr__(self, "_output", parse_output(self.output_type, self.text))
            except InvalidOutput as error:
                message = error.message
                if self.finish == "length":
                    message += "; it was cut off at the token limit: raise max_output_tokens"
                raise InvalidOutput(
                    message, provider=self.provider, model=self.model, partial=self
                ) from error.__cause__
        return cast("T", self._output)

    @property
    def finishes(self) -> tuple[Finish, ...]:
        """Why each choice ended."""
        return tuple(choice.finish for choice in self.choices)

    @property
    def messages(self) -> tuple[Message, ...]:
        """Each choice as a turn of the conversation."""
        return tuple(Message("assistant", choice.parts) for choice in self.choices)

    def with_media(self, change: Callable[[MediaPart], MediaPart]) -> Self:
        """The response with `change` applied to every media part."""
        choices = tuple(
            replace(
                choice,
                parts=tuple(
                    change(part) if isinstance(part, MediaPart) else part for part in choice.parts
                ),
            )
            for choice in self.choices
        )
        return replace(self, choices=choices)


UNNAMED_CALL = Warning(
    "content_skipped",
    "a tool call without a name was left out of the answer, since nothing can run it; see "
    "response.raw",
    "tool_call",
)


class ResponseAccumulator:
    """Collects events (`add`), and makes a `Response` of them at any moment (`response`)."""

    def __init__(self) -> None:
        self._slots: dict[tuple[int, int], list[Any]] = {}
        self._part: list[Any] = []
        self._place = (-1, -1)
        self._logprobs: dict[int, list[TokenLogprob]] = {}
        self.finished: Finished | None = None
        self.has_content = False

    def add(self, event: Event) -> None:
        """Add one event. `has_content` becomes true with the first piece of content."""
        if isinstance(event, Finished):
            self.finished = event
            return
        if not self.has_content:
            self.has_content = not (isinstance(event, TextDelta) and not event.text)
        place = (event.choice, event.index)
        if place != self._place:
            self._place, self._part = place, self._slots.setdefault(place, [])
        self._part.append(event)
        if isinstance(event, TextDelta) and event.logprobs:
            self._logprobs.setdefault(event.choice, []).extend(event.logprobs)

    def response(
        self, provider: str, model: str, *, output_type: Any = None, usage: Usage | None = None
    ) -> Response[Any]:
        """The response so far. Without a `Finished` event, every choice is "cancelled", and the
        usage is `usage`."""
        end = self.finished
        count = max((choice for choice, _ in self._slots), default=0) + 1
        no_finish: tuple[Finish, str | None] = ("cancelled", None)
        finishes = end.finishes if end else (no_finish,) * count
        parts: dict[int, list[Part]] = {}
        has_unnamed_call = False
        for choice, index in sorted(self._slots):
            part = _join_deltas(self._slots[choice, index])
            # Deltas without text may have had probabilities; a part without text is left out.
            if isinstance(part, Text) and not part.text:
                continue
            if isinstance(part, ToolCall) and not part.name:
                has_unnamed_call = True
                continue
            parts.setdefault(choice, []).append(part)
        choices = tuple(
            Choice(tuple(parts.get(n, ())), finish, raw, tuple(self._logprobs.get(n, ())))
            for n, (finish, raw) in enumerate(finishes)
        )
        calls = (part for choice in choices for part in choice.parts if isinstance(part, ToolCall))
        malformed_calls = (
            Warning(
                "malformed_arguments",
                f"the arguments of the call of {call.name!r} are no JSON object; see ToolCall.raw",
                call.id,
            )
            for call in calls
            if call.raw is not None
        )
        return Response(
            provider=provider,
            model=model,
            choices=choices,
            served_model=end.served_model if end else None,
            request_id=end.request_id if end else None,
            usage=end.usage if end else usage or NO_USAGE,
            timings=end.timings if end else None,
            warnings=(
                *(end.warnings if end else ()),
                *malformed_calls,
                *((UNNAMED_CALL,) if has_unnamed_call else ()),
            ),
            raw_body=end.raw_body if end else None,
            output_type=output_type,
        )


def _join_deltas(events: list[Any]) -> Part:
    first = events[0]
    if isinstance(first, TextDelta):
        return Text("".join(e.text for e in events), refusal=first.refusal)
    if isinstance(first, ReasoningDelta):
        opaque = next((e.opaque for e in reversed(events) if e.opaque), None)
        provider = next((e.provider for e in events if e.provider), None)
        return Reasoning("".join(e.text for e in events), provider, opaque)
    if isinstance(first, ToolCallDelta):
        return tool_call(
            next((e.id for e in events if e.id), ""),
            next((e.name for e in events if e.name), ""),
            "".join(e.arguments for e in events),
            provider=next((e.provider for e in events if e.provider), None),
            opaque=next((e.opaque for e in reversed(events) if e.opaque), None),
        )
    data = b"".join(e.data for e in events)
    kind = Audio if first.kind == "audio" else Image
    return kind(data, mime_type=first.mime)
