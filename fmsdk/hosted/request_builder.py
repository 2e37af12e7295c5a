"""A request on its way to becoming a body: what every encoder asks and notes on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from hashlib import sha256
from itertools import count
from typing import Any, ClassVar, get_args

import msgspec

from fmsdk.content import (
    Audio,
    Image,
    MediaPart,
    Part,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
)
from fmsdk.errors import BadRequestError, UnsupportedContent
from fmsdk.hosted.body import Body, BodyWriter
from fmsdk.provider import UnsupportedSettings
from fmsdk.request import Message, Request, Role
from fmsdk.response import Warning
from fmsdk.validation import json_of

__all__ = ["RequestBuilder"]

_HOLDS: dict[Role, tuple[type, ...]] = {
    "system": (Text,),
    "user": (Text, *get_args(MediaPart), ToolResult),
    "assistant": (Text, Reasoning, ToolCall, Audio, Image),
    "tool": (ToolResult,),
}


class RequestBuilder:
    """The request, its options, the media that goes along, and a notebook for what cannot.

    Args:
        request: what to encode.
        options: the provider's own, as `fmsdk.hosted.options.options_of` returned them.
        stream: whether the answer shall come in events.
    """

    api: ClassVar[str] = "this API"
    """What the encoder calls its wire in messages for people."""
    made_id_length: int = 32
    """Of tool call ids that are made for ones that the wire does not take."""

    def __init__(self, request: Request, options: Any, *, stream: bool) -> None:
        self.request = request
        self.options = options
        self.stream = stream
        self.media = BodyWriter()
        self.unsupported_settings = UnsupportedSettings(request)
        self._notes: dict[str, Warning] = {}
        self._made_ids: dict[str, str] = {}

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
        return (*self.unsupported_settings.warnings, *self._notes.values())

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
                self.unsupported_settings.drop(name, f"{api} has no such field")

    def tool_choice(self) -> str | None:
        """The mode or tool name to send; None where it says nothing."""
        choice = self.request.tool_choice
        if not self.request.tools and choice == "required":
            raise BadRequestError("tool_choice='required' needs tools")
        return choice if self.request.tools and choice != "auto" else None

    def arguments(self, call: ToolCall) -> str:
        """A call's arguments as the JSON text they came as."""
        return json_of(call.arguments).decode() if call.raw is None else call.raw

    def takes_call_id(self, id: str) -> bool:
        """Whether the wire takes a tool call's id as it is."""
        return True

    def call_id(self, id: str) -> str:
        """A tool call's id as it goes out, the same in the call and in its result: its own, or
        where the wire does not take that, one made of it which no other call has."""
        if self.takes_call_id(id):
            return id
        if id not in self._made_ids:
            taken = {*self._given_ids(), *self._made_ids.values()}
            made = (_made_id(id, n)[: self.made_id_length] for n in count())
            self._made_ids[id] = next(one for one in made if one not in taken)
        why = "tool call ids that this API does not take went as others, made of them"
        self.note("tool_ids_changed", why, "tool_calls")
        return self._made_ids[id]

    def _given_ids(self) -> set[str]:
        parts = [part for message in self.request.messages for part in message.parts]
        return {part.id for part in parts if isinstance(part, ToolCall)}

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

    def pair_text_metadata(
        self, parts: Iterable[Part], item_of: Callable[[Reasoning], dict[str, Any]], shell_type: str
    ) -> Iterator[tuple[Part, dict[str, Any]]]:
        """The parts of the model's turn: reasoning with its vendor's item, text with the shell
        right before it, if any. A shell is an item of what else a text came with, and goes nowhere
        by itself."""
        shell: dict[str, Any] = {}
        for part in parts:
            if shell and not isinstance(part, Text):
                self.reasoning_dropped()
            fields = item_of(part) if isinstance(part, Reasoning) else {}
            if fields.get("type") == shell_type:
                shell = fields
            else:
                yield part, shell if isinstance(part, Text) else fields
                shell = {}
        if shell:
            self.reasoning_dropped()

    def opaque_dropped(self) -> None:
        """Note that what a vendor wanted back with its tool calls stays behind."""
        why = "what another API wants back with its tool calls was left out of the conversation"
        self.note("opaque_dropped", why, "tool_calls")

    def refusal_as_text(self) -> None:
        """Note that a refusal goes back as any other text, since the wire knows no refusals."""
        why = "a refusal of the model's went back as plain text, which it is here"
        self.note("refusal_as_text", why, "refusal")

    def tag_not_sent(self, name: str, why: str) -> None:
        """Note that a tag stays on the caller's side, where the wire takes others."""
        self.note("tag_not_sent", f"the tag {name!r} {why}; it stays here", "tags")

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

    def require_transcript(self, part: MediaPart, has_transcript: bool) -> None:
        """Note that sound the model made stays behind for its transcript; raise where it has
        none, and for pictures: an assistant's turn is text on the wire."""
        if not (isinstance(part, Audio) and has_transcript):
            why = f"an assistant's turn carries no {part.kind}; put it into a user message"
            raise self.unsupported(part.kind, why)
        self.note("audio_dropped", "spoken answers went back as their transcripts", "audio")


def _made_id(id: str, attempt: int) -> str:
    return sha256(f"{id}{chr(0) * attempt}".encode("utf-8", "surrogatepass")).hexdigest()
