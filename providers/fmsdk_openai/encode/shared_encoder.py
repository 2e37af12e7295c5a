"""What the encoders of OpenAI's two APIs share."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar, Literal

from fmsdk.content import Audio, Document, Image, MediaPart, Text, ToolResult
from fmsdk.errors import BadRequestError
from fmsdk.hosted.body import Body
from fmsdk.hosted.conversation_encoder import ConversationEncoder
from fmsdk.request import Message, Request, Settings, Tool
from fmsdk_openai.options import OpenAIOptions, options_of
from fmsdk_openai.server_dialect import Api, Dialect

__all__ = ["VIDEO", "OpenAIEncoder"]

_AUDIO_FORMATS = {
    "audio/wav": "wav",
    "audio/x-wav": "wav",
    "audio/wave": "wav",
    "audio/vnd.wave": "wav",
    "audio/mpeg": "mp3",
    "audio/mp3": "mp3",
}
_SPEECH_MIMES = {
    "wav": "audio/wav",
    "mp3": "audio/mpeg",
    "flac": "audio/flac",
    "opus": "audio/ogg",
    "aac": "audio/aac",
    "pcm16": "audio/pcm;rate=24000",
}
_DEFAULTS = Settings()
_DEFAULT_OPTIONS = {"store": False}
"""What a server does that does not have the option."""
_MAX_TAGS, _MAX_TAG_NAME, _MAX_TAG_VALUE = 16, 64, 512
VIDEO = "OpenAI's APIs take no video; send some of its frames as images"
_GENERATION = re.compile(r"gpt-(\d+)(?:\.(\d+))?(?!\w)")
_FIRST_WITH_CACHE_MARKS = (5, 6)
_FIRST_REASONING = (5, 0)


class OpenAIEncoder(ConversationEncoder):
    """Encodes one request for an API of OpenAI's. What the server is known to refuse or to ignore
    is taken out of `request` and `options` at once.

    Raises:
        UnsupportedSetting: the caller has set it, and the request is not lenient.
    """

    api_id: ClassVar[Api]

    def __init__(self, request: Request, *, dialect: Dialect, stream: bool) -> None:
        super().__init__(request, options_of(request), stream=stream)
        self.dialect = dialect
        self.replacement_id_length = dialect.call_id_length or self.replacement_id_length
        self.is_official = dialect.is_openai
        is_thinking = request.settings.reasoning != "none"
        self.unsupported_names = dialect.unsupported_names(
            request.model, thinking=is_thinking, api=self.api_id
        )
        for name, why in self.unsupported_names.items():
            self._drop_unsupported(name, why)

    def _drop_unsupported(self, name: str, why: str) -> None:
        request, options = self.request, self.options
        option = name.removeprefix("options.")
        if option != name:
            if (value := getattr(options, option)) is not None:
                if value != _DEFAULT_OPTIONS.get(option):
                    self.unsupported_settings.drop(name, why)
                self.options: OpenAIOptions = replace(options, **{option: None})
        elif name in request.settings.chosen():
            self.unsupported_settings.drop(name, why)
            default = getattr(_DEFAULTS, name)
            self.request = replace(request, settings=replace(request.settings, **{name: default}))
        elif name == "output" and request.output is not None:
            self.unsupported_settings.drop(name, why)
            self.request = replace(request, output=None)

    def encode_body(self) -> Body:
        """As in `ConversationEncoder`, but that an object of `extra_body` is merged into the
        dialect's own object of that name."""
        fields, extra = self.encode_fields(), self.options.extra_body
        for name in self.dialect.strictly.keys() & fields.keys() & extra.keys():
            if isinstance(extra[name], Mapping):
                all_fields = {**fields[name], **extra[name]}
                self.options = replace(self.options, extra_body={**extra, name: all_fields})
        return self.merge_extra_body(fields)

    def encode_shared_fields(self, *, with_metadata: bool) -> dict[str, Any]:
        """The fields that are the same in both APIs."""
        request, options = self.request, self.options
        fields = {
            "temperature": request.settings.temperature,
            "top_p": request.settings.top_p,
            "service_tier": options.service_tier,
            "prompt_cache_key": options.prompt_cache_key,
            "user": options.user,
            "safety_identifier": options.safety_identifier,
            "parallel_tool_calls": options.parallel_tool_calls,
            "metadata": (self.encode_metadata() or None) if with_metadata else None,
        }
        return {name: value for name, value in fields.items() if value is not None}

    def encode_metadata(self) -> dict[str, str]:
        """The tags that are within OpenAI's limits."""
        metadata: dict[str, str] = {}
        for name, value in self.request.tags:
            is_short = len(name) <= _MAX_TAG_NAME and len(value) <= _MAX_TAG_VALUE
            if is_short and len(metadata) < _MAX_TAGS:
                metadata[name] = value
            else:
                limits = f"{_MAX_TAGS} tags, names of {_MAX_TAG_NAME}, values of {_MAX_TAG_VALUE}"
                self.warn_tag_not_sent(name, f"is more than OpenAI takes ({limits} characters)")
        return metadata

    def encode_output_schema(self) -> dict[str, Any] | None:
        """Name and schema of the output, strict where the schema can be; None without one."""
        if self.request.output is None:
            return None
        from fmsdk.schema.json_schema import output_schema, strict

        name, schema = output_schema(self.request.output)
        try:
            return {"name": name, "schema": strict(schema), "strict": True}
        except BadRequestError as error:
            why = f"the schema is not enforced, the answer is checked only when read: {error}"
            self.warn("schema_not_strict", why, "output")
            return {"name": name, "schema": schema, "strict": False}

    def encode_function(self, tool: Tool) -> dict[str, Any]:
        """A tool's name, description and parameters."""
        parameters: Any = tool.parameters
        if tool.strict:
            from fmsdk.schema.json_schema import strict

            parameters = strict(parameters)
        return {"name": tool.name, "description": tool.description, "parameters": parameters}

    def effective_tool_choice(self) -> str | None:
        """The mode or the tool's name to send; None where it is not sent. Raises BadRequestError,
        UnsupportedSetting."""
        choice = super().effective_tool_choice()
        why = self.unsupported_names.get("tool_choice")
        if choice not in ("none", "required"):
            why = why or self.unsupported_names.get("named_tool")
        if choice is None or why is None:
            return choice
        self.unsupported_settings.drop("tool_choice", why)
        return None

    def accepts_call_id(self, id: str) -> bool:
        """Whether the server takes a tool call's id: some want one length, some have a limit."""
        length = self.dialect.call_id_length
        if length is not None:
            return len(id) == length and id.isascii() and id.isalnum()
        limit = self.dialect.call_id_limits.get(self.api_id)
        return limit is None or 0 < len(id) <= limit

    def split_user_turn(self, message: Message) -> tuple[list[ToolResult], list[Text | MediaPart]]:
        """The tool results of a turn, and its other parts."""
        results = [part for part in message.parts if isinstance(part, ToolResult)]
        return results, [part for part in message.parts if isinstance(part, Text | MediaPart)]

    def result_parts(self, result: ToolResult) -> tuple[Any, ...]:
        """A tool result's parts. OpenAI's APIs have no field for a failure, so that "Error: " in
        front says it."""
        if not result.is_error:
            return result.content
        first, *others = result.content or (Text(""),)
        if isinstance(first, Text):
            return (Text(f"Error: {first.text}", first.cache), *others)
        return (Text("Error:"), first, *others)

    def encode_cache_mark(self, part: Text | MediaPart | ToolResult) -> dict[str, Any]:
        """The field for a part's cache mark: OpenAI's for GPT-5.6 or later, and Anthropic's at
        servers that pass it on."""
        if not part.cache:
            return {}
        if self.dialect.marks_caches(self.request.model) and isinstance(part, Text | ToolResult):
            lifetime = {"ttl": "1h"} if part.cache == "1h" else {}
            return {"cache_control": {"type": "ephemeral", **lifetime}}
        if not self.is_official or _generation(self.request.model) < _FIRST_WITH_CACHE_MARKS:
            self.warn_cache_mark_ignored()
            return {}
        if part.cache == "1h":
            self.warn("cache_lifetime", "OpenAI keeps a marked prefix for 30 minutes or longer")
        return {"prompt_cache_breakpoint": {"mode": "explicit"}}

    def gives_reasoning_items(self) -> bool:
        """Whether the model answers with reasoning items; other models refuse a request for
        them."""
        model, effort = self.request.model, self.request.settings.reasoning
        is_family = _generation(model) >= _FIRST_REASONING and "-chat" not in model
        return is_family or re.match(r"o\d", model) is not None or effort not in (None, "none")

    def image_url(self, image: Image) -> str:
        """An image's own URL, or a URL that holds its bytes."""
        if image.url is not None:
            return image.url
        accepted_types = self.dialect.images
        if accepted_types is not None and image.mime not in accepted_types:
            names = sorted(mime.rpartition("/")[2].upper() for mime in accepted_types)
            names = " or ".join(filter(None, (", ".join(names[:-1]), names[-1])))
            why = f"images must be {names}, not {image.mime}; convert it first"
            raise self.unsupported_content("image", why)
        return self.media.data_url(image)

    def encode_recording(self, audio: Audio) -> dict[str, str]:
        """A recording as base64, with its format."""
        if audio.url is not None or self.file_id(audio) is not None:
            raise self.unsupported_content("audio", "audio is sent only as bytes; give its bytes")
        format = _AUDIO_FORMATS.get(audio.mime or "")
        if format is None:
            why = f"audio must be WAV or MP3, not {audio.mime}; convert it first"
            raise self.unsupported_content("audio", why)
        return {"data": self.media.base64(audio), "format": format}

    def encode_file(self, document: Document, *, accepts_urls: bool) -> dict[str, str]:
        """A document: its id at the server, its URL, or its bytes with a name for the model."""
        if document.name is not None and (document.file or document.url):
            self.warn_name_dropped()
        if file_id := self.file_id(document):
            return {"file_id": file_id}
        if document.url is not None:
            if accepts_urls:
                return {"file_url": document.url}
            why = "Chat Completions takes no document by URL; give its bytes"
            raise self.unsupported_content("document", why)
        subtype = (document.mime or "application/pdf").rpartition("/")[2]
        return {
            "filename": document.name or f"document.{subtype}",
            "file_data": self.media.data_url(document),
        }

    @property
    def audio_format(self) -> Literal["wav", "mp3", "flac", "opus", "aac", "pcm16"]:
        """The format to ask spoken answers in. OpenAI's streams have only PCM."""
        return self.options.audio_format or ("pcm16" if self.stream else "wav")

    @property
    def audio_mime(self) -> str:
        """The media type of spoken answers."""
        return _SPEECH_MIMES[self.audio_format]


def _generation(model: str) -> tuple[int, int]:
    """The version of a GPT model: (5, 6) of "gpt-5.6-sol"; (0, 0) of others."""
    match = _GENERATION.match(model)
    return (int(match[1]), int(match[2] or 0)) if match else (0, 0)
