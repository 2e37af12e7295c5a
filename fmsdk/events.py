"""The events of a streamed answer: a closed set, which every provider gives.

`fmsdk.response.ResponseAccumulator` makes the answer of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields
from typing import Literal, cast

from fmsdk.result import NO_USAGE, Finish, Warning
from fmsdk.usage import Timings, Usage

__all__ = [
    "Event",
    "Finished",
    "MediaDelta",
    "ReasoningDelta",
    "TextDelta",
    "TokenLogprob",
    "ToolCallDelta",
]


@dataclass(frozen=True, slots=True)
class TokenLogprob:
    """A token, its natural-log probability, and the likeliest tokens in its place."""

    token: str
    logprob: float
    top: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True, init=False)
class TextDelta:
    """A piece of visible text. `index` is the part's place in its choice."""

    text: str
    index: int
    choice: int
    refusal: bool
    logprobs: tuple[TokenLogprob, ...]

    def __init__(
        self,
        text: str,
        index: int = 0,
        choice: int = 0,
        refusal: bool = False,
        logprobs: tuple[TokenLogprob, ...] = (),
    ) -> None:
        # Called for every token. It costs half of what a frozen dataclass's own __init__ does.
        _set_text(self, text)
        _set_index(self, index)
        _set_choice(self, choice)
        _set_refusal(self, refusal)
        _set_logprobs(self, logprobs)


_set_text, _set_index, _set_choice, _set_refusal, _set_logprobs = cast(
    "Iterator[Callable[[object, object], None]]",
    (getattr(TextDelta, spec.name).__set__ for spec in fields(TextDelta)),
)


@dataclass(frozen=True, slots=True)
class ReasoningDelta:
    """A piece of reasoning; the last of a part may bring `opaque` instead of text."""

    text: str
    index: int = 0
    choice: int = 0
    provider: str | None = None
    opaque: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class ToolCallDelta:
    """A piece of a tool call: `id` and `name` come once, `arguments` as pieces of JSON text."""

    index: int
    id: str = ""
    name: str = ""
    arguments: str = ""
    choice: int = 0
    provider: str | None = None
    opaque: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class MediaDelta:
    """A piece of generated audio, or a whole generated image."""

    kind: Literal["audio", "image"]
    data: bytes = field(repr=False)
    mime: str
    index: int = 0
    choice: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """The last event: how it ended and what it used.

    `finishes` has (finish, raw finish) for each choice, in order.
    """

    finishes: tuple[tuple[Finish, str | None], ...] = (("stop", None),)
    usage: Usage = NO_USAGE
    served_model: str | None = None
    request_id: str | None = None
    timings: Timings | None = None
    warnings: tuple[Warning, ...] = ()
    raw_body: bytes | None = field(default=None, repr=False)

    @property
    def finish(self) -> Finish:
        """Why the first choice ended."""
        return self.finishes[0][0]


Event = TextDelta | ReasoningDelta | ToolCallDelta | MediaDelta | Finished
