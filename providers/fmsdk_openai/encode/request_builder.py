"""A request on its way to becoming a body: what both of OpenAI's APIs ask."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

from fmsdk.content import Audio, Document, Image, MediaPart, Text, ToolResult
from fmsdk.errors import BadRequestError
from fmsdk.hosted.body import Body
from fmsdk.hosted.request_builder import RequestBuilder
from fmsdk.request import Request, Settings, Tool
from fmsdk_openai.dialect import Api, Dialect
from fmsdk_openai.options import OpenAIOptions, options_of

__all__ = ["VIDEO", "OpenAIRequestBuilder"]

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
_PLAIN = Settings()
_UNKNOWN = {"store": False}
"""What a server does that knows no such option."""
_MOST_TAGS, _MOST_TAG_NAME, _MOST_TAG_VALUE = 16, 64, 512
VIDEO = "OpenAI's wire carries no video; send some of its frames as images"
_GENERATION = re.compile(r"gpt-(\d+)(?:\.(\d+))?(?!\w)")
_CACHE_MARKS_SINCE = (5, 6)
_REASONING_SINCE = (5, 0)


class OpenAIRequestBuilder(RequestBuilder):
    """The request, and what OpenAI's two APIs have in common. What the server is known to refuse
    or ignore is already taken out of `request` and `options`, and said.

    Raises:
        UnsupportedSetting: it is set, and the request is not lenient.
    """

    def __init__(
        self, request: Request, *, dialect: Dialect, stream: bool, api: Api | None = None
    ) -> None:
        super().__init__(request, options_of(request), stream=stream)
        self.dialect = dialect
        self.goes_to: Api = api or "chat"
        self.made_id_length = dialect.call_id_length or self.made_id_length
        self.official = dialect.is_openai
        thinking = request.settings.reasoning != "none"
        self.refused = dialect.refused(request.model, thinking=thinking, api=api)
        for name, why in self.refused.items():
            self._leave_out(name, why)

    def _leave_out(self, name: str, why: str) -> None:
        request, options = self.request, self.options
        option = name.removeprefix("options.")
        if option != name:
            if (value := getattr(options, option)) is not None:
                if value != _UNKNOWN.get(option):
                    self.unsupported_settings.drop(name, why)
                self.options: OpenAIOptions = replace(options, **{option: None})
        elif name in request.settings.chosen():
            self.unsupported_settings.drop(name, why)
            usual = getattr(_PLAIN, name)
            self.request = replace(request, settings=replace(request.settings, **{name: usual}))
        elif name == "output" and request.output is not None:
            self.unsupported_settings.drop(name, why)
            self.request = replace(request, output=None)

    def tool_choice(self) -> str | None:
        """The mode or tool name to send; None where it says nothing, or cannot go along."""
        choice = super().tool_choice()
        why = self.refused.get("tool_choice")
        if choice not in ("none", "required"):
            why = why or self.refused.get("named_tool")
        if choice is None or why is None:
            return choice
        self.unsupported_settings.drop("tool_choice", why)
        return None

    def takes_call_id(self, id: str) -> bool:
        """Whether the server takes a tool call's id: some want one length, some have a limit."""
        length = self.dialect.call_id_length
        if length is not None:
            return len(id) == length and id.isascii() and id.isalnum()
        limit = self.dialect.call_id_limits.get(self.goes_to)
        return limit is None or 0 < len(id) <= limit

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
            "metadata": (self._metadata() or None) if metadata else None,
        }
        return {name: value for name, value in fields.items() if value is not None}

    def _metadata(self) -> dict[str, str]:
        """The tags, as far as OpenAI's limits let them go along."""
        sent: dict[str, str] = {}
        for name, value in self.request.tags:
            fits = len(name) <= _MOST_TAG_NAME and len(value) <= _MOST_TAG_VALUE
            if fits and len(sent) < _MOST_TAGS:
                sent[name] = value
            else:
                limits = f"{_MOST_TAGS} tags, names of {_MOST_TAG_NAME}, values of"
                why = f"is more than OpenAI takes ({limits} {_MOST_TAG_VALUE} characters)"
                self.tag_not_sent(name, why)
        return sent

    def body(self, fields: dict[str, Any]) -> Body:
        """As `Draft.body`, but that the dialect's own objects stay beside what `extra_body` has in
        them."""
        extra = self.options.extra_body
        both = {
            name: {**fields[name], **extra[name]}
            for name in self.dialect.strictly.keys() & fields.keys() & extra.keys()
            if isinstance(extra[name], Mapping)
        }
        if both:
            self.options = replace(self.options, extra_body={**extra, **both})
        return super().body(fields)

    def json_schema(self) -> dict[str, Any] | None:
        """Name and schema of the output asked for, strict where the schema can be."""
        if self.request.output is None:
            return None
        from fmsdk.schema.json_schema import output_schema, strict

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
            from fmsdk.schema.json_schema import strict

            parameters = strict(parameters)
        return {"name": tool.name, "description": tool.description, "parameters": parameters}

    def result(self, result: ToolResult) -> tuple[Any, ...]:
        """A tool result's parts. The wire has no field for failure, so that "Error: " says it."""
        if not result.is_error:
            return result.content
        head, *rest = result.content or (Text(""),)
        if isinstance(head, Text):
            return (Text(f"Error: {head.text}", head.cache), *rest)
        return (Text("Error:"), head, *rest)

    def cache_mark(self, part: Text | MediaPart | ToolResult) -> dict[str, Any]:
        """The wire's field for a part's cache mark: of OpenAI for GPT-5.6 or later, and of servers
        that pass on Anthropic's."""
        if not part.cache:
            return {}
        if self.dialect.marks_caches(self.request.model) and isinstance(part, Text | ToolResult):
            lifetime = {"ttl": "1h"} if part.cache == "1h" else {}
            return {"cache_control": {"type": "ephemeral", **lifetime}}
        if not self.official or _generation(self.request.model) < _CACHE_MARKS_SINCE:
            self.cache_ignored()
            return {}
        if part.cache == "1h":
            self.note("cache_lifetime", "OpenAI keeps a marked prefix for 30 minutes or longer")
        return {"prompt_cache_breakpoint": {"mode": "explicit"}}

    def reasons(self) -> bool:
        """Whether the model gives reasoning items, which others refuse to be asked for."""
        model, effort = self.request.model, self.request.settings.reasoning
        family = _generation(model) >= _REASONING_SINCE and "-chat" not in model
        return family or re.match(r"o\d", model) is not None or effort not in (None, "none")

    def image_url(self, image: Image) -> str:
        """An image as a URL: its own, or its bytes in one."""
        if image.url is not None:
            return image.url
        readable = self.dialect.images
        if readable is not None and image.mime not in readable:
            why = f"images must be {_listed(readable)}, not {image.mime}; convert it first"
            raise self.unsupported("image", why)
        return self.media.data_url(image)

    def spoken(self, audio: Audio) -> dict[str, str]:
        """A recording as base64, with its format."""
        if audio.url is not None or self.file_id(audio) is not None:
            raise self.unsupported("audio", "audio goes along as bytes alone; give its bytes")
        format = _AUDIO_FORMATS.get(audio.mime or "")
        if format is None:
            why = f"audio must be WAV or MP3, not {audio.mime}; convert it first"
            raise self.unsupported("audio", why)
        return {"data": self.media.base64(audio), "format": format}

    def name_sent_with_bytes(self, document: Document) -> None:
        """Note that a document's name stays behind, which goes along with its bytes alone."""
        if document.name is not None and (document.file or document.url):
            self.name_dropped()

    def file_data(self, document: Document) -> dict[str, str]:
        """A document's bytes, and the name that the model is told."""
        subtype = (document.mime or "application/pdf").rpartition("/")[2]
        return {
            "filename": document.name or f"document.{subtype}",
            "file_data": self.media.data_url(document),
        }

    @property
    def audio_format(self) -> Literal["wav", "mp3", "flac", "opus", "aac", "pcm16"]:
        """The format to ask spoken answers in; streams know PCM alone."""
        return self.options.audio_format or ("pcm16" if self.stream else "wav")

    @property
    def audio_mime(self) -> str:
        """The media type of spoken answers."""
        return _SPOKEN_MIMES[self.audio_format]


def _listed(mimes: frozenset[str]) -> str:
    names = sorted(mime.rpartition("/")[2].upper() for mime in mimes)
    return " or ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def _generation(model: str) -> tuple[int, int]:
    """The version of a GPT model: (5, 6) of "gpt-5.6-sol"; (0, 0) of others."""
    found = _GENERATION.match(model)
    return (int(found[1]), int(found[2] or 0)) if found else (0, 0)
