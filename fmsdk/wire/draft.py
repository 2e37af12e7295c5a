"""A request on its way to becoming a body: what every encoder asks and notes on the way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, get_args

import msgspec

from fmsdk.content import (
    Audio,
    Image,
    MediaPart,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
)
from fmsdk.errors import BadRequestError, UnsupportedContent
from fmsdk.provider import Losses
from fmsdk.request import Message, Request, Role
from fmsdk.response import Warning
from fmsdk.wire.body import Body, BodyWriter, json_of

__all__ = ["Draft"]

_HOLDS: dict[Role, tuple[type, ...]] = {
    "system": (Text,),
    "user": (Text, *get_args(MediaPart), ToolResult),
    "assistant": (Text, Reasoning, ToolCall, Audio, Image),
    "tool": (ToolResult,),
}


class Draft:
    """The request, its options, the media that goes along, and a notebook for what cannot.

    Args:
        request: what to encode.
        options: the provider's own, as `fmsdk.wire.options.options_of` returned them.
        stream: whether the answer shall come in events.
    """

    api: ClassVar[str] = "this API"
    """What the encoder calls its wire in messages for people."""

    def __init__(self, request: Request, options: Any, *, stream: bool) -> None:
        self.request = request
        self.options = options
        self.stream = stream
        self.media = BodyWriter()
        self.losses = Losses(request)
        self._notes: dict[str, Warning] = {}

    def note(self, code: str, message: str, detail: str = "") -> None:
        """Warn the caller, once of each kind."""
        self._notes.setdefault(code, Warning(code, message, detail))

    def body(self, fields: dict[str, Any]) -> Body:
        """The body of these fields, and of `extra_body`, which comes last; None takes one out.
        Raises BadRequestError, InvalidMedia."""
        extra: Mapping[str, Any] = self.options.extra_body
        whole = {**fields, **extra}
        out = {name for name, value in extra.items() if value is None}
        return self.media.write({name: value for name, value in whole.items() if name not in out})

    def warnings(self) -> tuple[Warning, ...]:
        """Everything that could not go along."""
        return (*self.losses.warnings, *self._notes.values())

    def unsupported(self, part: str, why: str) -> UnsupportedContent:
        """The error of a part that the wire cannot carry; `why` says the way out, too."""
        request = self.request
        return UnsupportedContent(
            f"{request.name}: {why}", part=part, provider=request.provider, model=request.model
        )

    def invalid(self, why: str) -> BadRequestError:
        """The error of a request that can never work."""
        request = self.request
        return BadRequestError(why, provider=request.provider, model=request.model)

    def check_role(self, message: Message) -> None:
        """Raise BadRequestError for parts that a turn of this role cannot hold."""
        for part in message.parts:
            if not isinstance(part, _HOLDS[message.role]):
                raise self.invalid(
                    f"a message of the role {message.role!r} holds no {type(part).__name__}"
                )

    def drop_chosen(self, names: tuple[str, ...], api: str) -> None:
        """Leave out those of the settings and options `names` that were set."""
        settings = self.request.settings.chosen()
        for name in names:
            option = name.removeprefix("options.")
            if name in settings or (option != name and getattr(self.options, option) is not None):
                self.losses.drop(name, f"{api} has no such field")

    def tool_choice(self) -> str | None:
        """The mode or tool name to send; None where it says nothing."""
        choice = self.request.tool_choice
        if not self.request.tools and choice == "required":
            raise BadRequestError("tool_choice='required' needs tools")
        return choice if self.request.tools and choice != "auto" else None

    def arguments(self, call: ToolCall) -> str:
        """A call's arguments as the JSON text they came as."""
        return json_of(call.arguments).decode() if call.raw is None else call.raw

    def opaque(self, part: Reasoning | ToolCall) -> dict[str, Any]:
        """What this provider wants back with the part; empty where it is not this provider's."""
        if part.opaque is None:
            return {}
        if part.provider != self.request.provider:
            if isinstance(part, ToolCall):
                self.opaque_dropped()
            return {}
        try:
            return msgspec.json.decode(part.opaque, type=dict[str, Any])
        except ValueError as error:
            raise self.invalid(f"the opaque item of a part is not its vendor's: {error}") from error

    def opaque_dropped(self) -> None:
        """Note that what a vendor wanted back with its tool calls stays behind."""
        why = "what another API wants back with its tool calls was left out of the conversation"
        self.note("opaque_dropped", why, "tool_calls")

    def refusal_as_text(self) -> None:
        """Note that a refusal goes back as any other text, since the wire knows no refusals."""
        why = "a refusal of the model's went back as plain text, which it is here"
        self.note("refusal_as_text", why, "refusal")

    def name_dropped(self) -> None:
        """Note that a document's name stays behind, since the wire has it with bytes alone."""
        why = "the name of a document was left out: this API takes it only with bytes, if ever"
        self.note("name_dropped", why, "name")

    def reasoning_dropped(self) -> None:
        """Note that reasoning stays behind: it is the model's own, not the caller's content."""
        why = "reasoning that this API does not take back was left out of the conversation"
        self.note("reasoning_dropped", why, "reasoning")

    def cache_ignored(self) -> None:
        """Note that a cache mark does nothing here."""
        self.note(
            "cache_mark_ignored", "cache marks do nothing here; long prompts are cached anyway"
        )

    def file_id(self, part: MediaPart) -> str | None:
        """The id of a file that this provider holds; None for other media."""
        reference = part.file
        if reference is None:
            return None
        if reference.provider != self.request.provider:
            why = f"a file of {reference.provider} is not at hand there; give its bytes instead"
            raise self.unsupported(part.kind, why)
        return reference.id

    def spoken_before(self, part: MediaPart, has_transcript: bool) -> None:
        """Note that sound the model made stays behind for its transcript; raise where it has
        none, and for pictures: an assistant's turn is text on the wire."""
        if not (isinstance(part, Audio) and has_transcript):
            why = f"an assistant's turn carries no {part.kind}; put it into a user message"
            raise self.unsupported(part.kind, why)
        self.note("audio_dropped", "spoken answers went back as their transcripts", "audio")
