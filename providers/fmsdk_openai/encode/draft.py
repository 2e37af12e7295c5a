"""A request on its way to becoming a body: what both APIs' encoders ask and note on the way."""

from __future__ import annotations

import re
from typing import Any, Literal, get_args

import msgspec

from fmsdk.content import Audio, Document, Image, MediaPart, Reasoning, Text, ToolCall, ToolResult
from fmsdk.errors import BadRequestError, UnsupportedContent
from fmsdk.provider import Losses
from fmsdk.request import Message, Request, Role, Tool
from fmsdk.response import Warning
from fmsdk_openai.options import options_of

__all__ = ["VIDEO", "Draft"]

_AUDIO_FORMATS = {
    "audio/wav": "wav",
    "audio/x-wav": "wav",
    "audio/wave": "wav",
    "audio/vnd.wave": "wav",
    "audio/mpeg": "mp3",
    "audio/mp3": "mp3",
}
_SPOKEN_MIMES = {
    "wav": "audio/wav",
    "mp3": "audio/mpeg",
    "flac": "audio/flac",
    "opus": "audio/ogg",
    "aac": "audio/aac",
    "pcm16": "audio/pcm;rate=24000",
}
_IMAGE_MIMES = frozenset({"image/png", "image/jpeg", "image/webp", "image/gif"})
_HOLDS: dict[Role, tuple[type, ...]] = {
    "system": (Text,),
    "user": (Text, *get_args(MediaPart), ToolResult),
    "assistant": (Text, Reasoning, ToolCall, Audio, Image),
    "tool": (ToolResult,),
}
VIDEO = "OpenAI's wire carries no video; send some of its frames as images"
_GENERATION = re.compile(r"gpt-(\d+)(?:\.(\d+))?(?!\w)")
_CACHE_MARKS_SINCE = (5, 6)
_REASONING_SINCE = (5, 0)


class Draft:
    """The request, its options, and a notebook for what cannot go along."""

    def __init__(self, request: Request, *, official: bool, stream: bool) -> None:
        self.request = request
        self.official = official
        self.stream = stream
        self.options = options_of(request)
        self.losses = Losses(request)
        self._notes: dict[str, Warning] = {}

    def note(self, code: str, message: str, detail: str = "") -> None:
        """Warn the caller, once of each kind."""
        self._notes.setdefault(code, Warning(code, message, detail))

    def warnings(self) -> tuple[Warning, ...]:
        """Everything that could not go along."""
        return (*self.losses.warnings, *self._notes.values())

    def unsupported(self, part: str, why: str) -> UnsupportedContent:
        """The error of a part that the wire cannot carry; `why` says the way out, too."""
        request = self.request
        return UnsupportedContent(
            f"{request.name}: {why}", part=part, provider=request.provider, model=request.model
        )

    def check_role(self, message: Message) -> None:
        """Raise BadRequestError for parts that a turn of this role cannot hold."""
        for part in message.parts:
            if not isinstance(part, _HOLDS[message.role]):
                raise BadRequestError(
                    f"a message of the role {message.role!r} holds no {type(part).__name__}",
                    provider=self.request.provider,
                    model=self.request.model,
                )

    def drop_chosen(self, names: tuple[str, ...], api: str) -> None:
        """Leave out those of the settings and options `names` that were set."""
        settings = self.request.settings.chosen()
        for name in names:
            option = name.removeprefix("options.")
            if name in settings or (option != name and getattr(self.options, option) is not None):
                self.losses.drop(name, f"{api} has no such field")

    def shared_fields(self, *, metadata: bool) -> dict[str, Any]:
        """The fields that are the same on both APIs."""
        request, options = self.request, self.options
        fields = {
            "temperature": request.settings.temperature,
            "top_p": request.settings.top_p,
            "service_tier": options.service_tier,
            "prompt_cache_key": options.prompt_cache_key,
            "user": options.user,
            "safety_identifier": options.safety_identifier,
            "parallel_tool_calls": options.parallel_tool_calls,
            "metadata": dict(request.tags) if metadata and request.tags else None,
        }
        return {name: value for name, value in fields.items() if value is not None}

    def json_schema(self) -> dict[str, Any] | None:
        """Name and schema of the output asked for, strict where the schema can be."""
        if self.request.output is None:
            return None
        from fmsdk.schema import output_schema, strict

        name, schema = output_schema(self.request.output)
        try:
            return {"name": name, "schema": strict(schema), "strict": True}
        except BadRequestError as error:
            why = f"the model is not held to the schema, the answer checked only when read: {error}"
            self.note("schema_not_strict", why, "output")
            return {"name": name, "schema": schema, "strict": False}

    def function(self, tool: Tool) -> dict[str, Any]:
        """A tool's name, description and parameters."""
        parameters: Any = tool.parameters
        if tool.strict:
            from fmsdk.schema import strict

            parameters = strict(parameters)
        return {"name": tool.name, "description": tool.description, "parameters": parameters}

    def tool_choice(self) -> str | None:
        """The mode or tool name to send; None where it says nothing."""
        choice = self.request.tool_choice
        if not self.request.tools and choice == "required":
            raise BadRequestError("tool_choice='required' needs tools")
        return choice if self.request.tools and choice != "auto" else None

    def arguments(self, call: ToolCall) -> str:
        """A call's arguments as the JSON text they came as."""
        return msgspec.json.encode(call.arguments).decode() if call.raw is None else call.raw

    def result(self, result: ToolResult) -> tuple[Any, ...]:
        """A tool result's parts. The wire has no field for failure, so that "Error: " says it."""
        if not result.is_error:
            return result.content
        head, *rest = result.content or (Text(""),)
        if isinstance(head, Text):
            return (Text(f"Error: {head.text}", head.cache), *rest)
        return (Text("Error:"), head, *rest)

    def opaque(self, part: Reasoning | ToolCall) -> dict[str, Any]:
        """What this provider wants back with the part; empty where it is not this provider's."""
        if part.opaque is None or part.provider != self.request.provider:
            return {}
        try:
            return msgspec.json.decode(part.opaque, type=dict[str, Any])
        except ValueError as error:
            raise BadRequestError(
                f"the opaque item of a part is not its vendor's: {error}"
            ) from error

    def reasoning_dropped(self) -> None:
        """Note that reasoning stays behind: it is the model's own, not the caller's content."""
        why = "reasoning that this API does not take back was left out of the conversation"
        self.note("reasoning_dropped", why, "reasoning")

    def cache_mark(self, part: Text | MediaPart | ToolResult) -> dict[str, Any]:
        """The wire's field for a part's cache mark: of OpenAI, and of GPT-5.6 or later, alone."""
        if not part.cache:
            return {}
        if not self.official or _generation(self.request.model) < _CACHE_MARKS_SINCE:
            self.cache_ignored()
            return {}
        if part.cache == "1h":
            self.note("cache_lifetime", "OpenAI keeps a marked prefix for 30 minutes or longer")
        return {"prompt_cache_breakpoint": {"mode": "explicit"}}

    def cache_ignored(self) -> None:
        """Note that a cache mark does nothing here."""
        self.note(
            "cache_mark_ignored", "cache marks do nothing here; long prompts are cached anyway"
        )

    def reasons(self) -> bool:
        """Whether the model gives reasoning items, which others refuse to be asked for."""
        model, effort = self.request.model, self.request.settings.reasoning
        family = _generation(model) >= _REASONING_SINCE and "-chat" not in model
        return family or re.match(r"o\d", model) is not None or effort not in (None, "none")

    def file_id(self, part: MediaPart) -> str | None:
        """The id of a file that this provider holds; None for other media."""
        reference = part.file
        if reference is None:
            return None
        if reference.provider != self.request.provider:
            why = f"a file of {reference.provider} is not at hand there; give its bytes instead"
            raise self.unsupported(part.kind, why)
        return reference.id

    def image_url(self, image: Image) -> str:
        """An image as a URL: its own, or its bytes in one."""
        if image.url is not None:
            return image.url
        if self.official and image.mime not in _IMAGE_MIMES:
            why = f"OpenAI reads PNG, JPEG, WebP and GIF, not {image.mime}; convert it first"
            raise self.unsupported("image", why)
        return image.data_url()

    def spoken(self, audio: Audio) -> dict[str, str]:
        """A recording as base64, with its format."""
        if audio.url is not None or self.file_id(audio) is not None:
            raise self.unsupported("audio", "audio goes along as bytes alone; give its bytes")
        format = _AUDIO_FORMATS.get(audio.mime or "")
        if format is None:
            why = f"audio must be WAV or MP3, not {audio.mime}; convert it first"
            raise self.unsupported("audio", why)
        return {"data": audio.base64(), "format": format}

    def spoken_before(self, part: MediaPart, has_transcript: bool) -> None:
        """Note that sound the model made stays behind for its transcript; raise where it has
        none, and for pictures: an assistant's turn is text on the wire."""
        if not (isinstance(part, Audio) and has_transcript):
            why = f"an assistant's turn carries no {part.kind}; put it into a user message"
            raise self.unsupported(part.kind, why)
        self.note("audio_dropped", "spoken answers went back as their transcripts", "audio")

    def file_data(self, document: Document) -> dict[str, str]:
        """A document's bytes, and the name that the model is told."""
        subtype = (document.mime or "application/pdf").rpartition("/")[2]
        return {
            "filename": document.name or f"document.{subtype}",
            "file_data": document.data_url(),
        }

    @property
    def audio_format(self) -> Literal["wav", "mp3", "flac", "opus", "aac", "pcm16"]:
        """The format to ask spoken answers in; streams know PCM alone."""
        return self.options.audio_format or ("pcm16" if self.stream else "wav")

    @property
    def audio_mime(self) -> str:
        """The media type of spoken answers."""
        return _SPOKEN_MIMES[self.audio_format]


def _generation(model: str) -> tuple[int, int]:
    """The version of a GPT model: (5, 6) of "gpt-5.6-sol"; (0, 0) of others."""
    found = _GENERATION.match(model)
    return (int(found[1]), int(found[2] or 0)) if found else (0, 0)
