"""A request as a `generateContent` body, for AI Studio and for Vertex.

Signatures of thoughts have to come back in the part they came with. A part's signature is kept
beside it (see `fmsdk_google.decode.candidate`), and put back here.
"""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Mapping
from typing import Any, ClassVar, assert_never, cast
from urllib.parse import urlsplit

from fmsdk.content import (
    Audio,
    Document,
    Image,
    MediaPart,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
    Video,
)
from fmsdk.hosted.body import Body
from fmsdk.hosted.conversation_encoder import ConversationEncoder
from fmsdk.request import Message, Request
from fmsdk_google.encode.model_path import FIRST_WITH_LEVELS, model_generation
from fmsdk_google.encode.thinking import encode_thinking
from fmsdk_google.options import STUDIO_URL, GoogleOptions, options_of

__all__ = ["GenerateContentEncoder"]

# Gemini 3 refuses a step's first function call without a signature. With this value, documented
# for calls that Gemini did not make, it does not check:
# https://ai.google.dev/gemini-api/docs/thought-signatures
_NO_SIGNATURE_CHECK = "skip_thought_signature_validator"
_SIGNATURE = "thoughtSignature"
_ONLY_SPOKEN = ("options.voice", "options.speech_config")
_ONLY_EMBEDDINGS = ("options.task_type",)
_TOOL_MODES = {"none": "NONE", "required": "ANY"}
_IMAGES = frozenset(
    {f"image/{name}" for name in ("png", "jpeg", "webp", "heic", "heif", "bmp", "gif")}
)
_RESOLUTIONS = {"low": "LOW", "high": "HIGH", "original": "ULTRA_HIGH"}
_MIME_PREFIXES = {
    "image": ("image/",),
    "audio": ("audio/",),
    "video": ("video/",),
    "document": ("application/", "text/"),
}
_YOUTUBE = frozenset({"youtube.com", "www.youtube.com", "m.youtube.com", "youtu.be"})
_LABEL = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_LABEL_VALUE = re.compile(r"[a-z0-9_-]{0,63}")

Fields = dict[str, Any]


class GenerateContentEncoder(ConversationEncoder):
    """Encodes one request for `generateContent`."""

    api: ClassVar[str] = "Gemini's API"
    options: GoogleOptions

    def __init__(
        self, request: Request, *, vertex: bool, stream: bool, is_vendors_model: bool = True
    ) -> None:
        super().__init__(request, options_of(request), stream=stream)
        self.vertex = vertex
        self.is_vendors_model = is_vendors_model  # or else nothing is refused for its name
        self.generation = model_generation(request.model)
        self.takes_part_media = not is_vendors_model or self.generation >= FIRST_WITH_LEVELS
        self._tool_names: dict[str, str] = {}

    def encode_body(self) -> Body:
        """As in `ConversationEncoder`, but that an object in `extra_body` is merged into the
        body's own."""
        body = {name: value for name, value in self.encode_fields().items() if value}
        for name, value in self.options.extra_body.items():
            current = body.get(name)
            if value is None:
                body.pop(name, None)
            elif isinstance(value, Mapping) and isinstance(current, dict):
                body[name] = {**current, **cast("Mapping[str, Any]", value)}
            else:
                body[name] = value
        return self.media.write(body)

    def encode_fields(self) -> Fields:
        """The body. Raises UnsupportedContent, UnsupportedSetting, BadRequestError."""
        options = self.options
        return {
            "contents": self.encode_conversation(),
            "systemInstruction": self.encode_system(),
            "generationConfig": self.encode_settings(),
            "safetySettings": [
                {"category": category, "threshold": threshold}
                for category, threshold in options.safety_settings.items()
            ],
            **self.encode_tools(),
            "cachedContent": options.cached_content,
            "labels": self.encode_labels(),
            "serviceTier": options.service_tier,
        }

    def encode_settings(self) -> Fields:
        """`generationConfig`. Raises UnsupportedSetting, BadRequestError."""
        settings, options = self.request.settings, self.options
        self.drop_settings(_ONLY_EMBEDDINGS, "generateContent")
        unsupported_settings = self.unsupported_settings if self.is_vendors_model else None
        thinking = encode_thinking(self.request, options, self.generation, unsupported_settings)
        fields: Fields = {
            "maxOutputTokens": settings.max_output_tokens,
            "temperature": settings.temperature,
            "topP": settings.top_p,
            "topK": options.top_k,
            "presencePenalty": options.presence_penalty,
            "frequencyPenalty": options.frequency_penalty,
            "stopSequences": list(settings.stop) or None,
            "seed": settings.seed,
            "candidateCount": settings.choices if settings.choices > 1 else None,
            "thinkingConfig": thinking or None,
            "imageConfig": options.image_config,
            "speechConfig": self.encode_speech(),
        }
        if self.request.output is not None:
            from fmsdk.schema.json_schema import output_schema

            _, schema = output_schema(self.request.output)
            schema = self.encode_schema(schema, "output")
            fields |= {"responseMimeType": "application/json", "responseJsonSchema": schema}
        if settings.logprobs is not None:
            fields |= {"responseLogprobs": True, "logprobs": settings.logprobs or None}
        if settings.modalities != ("text",):
            fields["responseModalities"] = [name.upper() for name in settings.modalities]
        if options.media_resolution is not None:
            fields["mediaResolution"] = f"MEDIA_RESOLUTION_{options.media_resolution.upper()}"
        return {name: value for name, value in fields.items() if value is not None}

    def encode_speech(self) -> Mapping[str, Any] | None:
        options = self.options
        if "audio" not in self.request.settings.modalities:
            self.drop_settings(_ONLY_SPOKEN, "a text answer")
            return None
        if options.voice is None:
            return options.speech_config
        if options.speech_config is not None:
            why = "GoogleOptions.voice and .speech_config set the same; use one of them"
            raise self.invalid(why)
        return {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": options.voice}}}

    def encode_tools(self) -> Fields:
        """`tools` and `toolConfig`. Raises BadRequestError."""
        tools: list[Any] = []
        if self.request.tools:
            functions = [
                {
                    "name": tool.name,
                    "description": tool.description,
                    "parametersJsonSchema": self.encode_schema(
                        tool.parameters, f"tools.{tool.name}"
                    ),
                }
                for tool in self.request.tools
            ]
            tools.append({"functionDeclarations": functions})
        choice, calling = self.effective_tool_choice(), None
        if choice in _TOOL_MODES:
            calling = {"mode": _TOOL_MODES[choice]}
        elif choice is not None:
            calling = {"mode": "ANY", "allowedFunctionNames": [choice]}
        elif any(tool.strict for tool in self.request.tools):
            # Gemini holds arguments to the schema where calls are forced, or in this mode.
            calling = {"mode": "VALIDATED"}
        return {
            "tools": [*tools, *self.options.server_tools],
            "toolConfig": {"functionCallingConfig": calling} if calling else None,
        }

    def encode_schema(self, schema: Mapping[str, Any], place: str) -> dict[str, Any]:
        """A schema as Gemini reads it; with a warning where it does not say all. Raises
        BadRequestError."""
        from fmsdk_google.encode.schema import adapt_schema

        adapted_schema, unread_keywords = adapt_schema(schema)
        if unread_keywords:
            why = f"Gemini does not enforce {', '.join(unread_keywords)}, which only words describe"
            self.warn("schema_not_strict", why, place)
        return adapted_schema

    def encode_labels(self) -> dict[str, str]:
        """The labels for Google's bills: those of the options and, on Vertex, the tags."""
        labels = dict(self.options.labels)
        for name, value in self.request.tags if self.vertex else ():
            if _LABEL.fullmatch(name) and _LABEL_VALUE.fullmatch(value):
                labels.setdefault(name, value)
            else:
                self.warn_tag_not_sent(name, "is no Google label: labels are lower-case")
        return labels

    def encode_conversation(self) -> list[Fields]:
        """The turns, without system messages. Raises UnsupportedContent, BadRequestError."""
        contents: list[Fields] = []
        for message in self.request.messages:
            self.check_role(message)
            if message.role == "system":
                if contents:
                    why = "Gemini takes system messages only before all others"
                    raise self.invalid(f"{why}; put it first, or in system=")
            elif message.role == "assistant":
                _append_turn(contents, "model", self.encode_assistant_turn(message))
            else:
                _append_turn(contents, "user", self.encode_user_turn(message))
        return contents

    def encode_system(self) -> Fields | None:
        """The system prompt, and the system messages."""
        prompt = self.request.system
        parts = [{"text": prompt}] if prompt is not None else []
        for message in self.request.messages:
            if message.role == "system":
                parts += [self.encode_part(cast("Text", part)) for part in message.parts]
        return {"parts": parts} if parts else None

    def encode_user_turn(self, message: Message) -> list[Fields]:
        """The parts of a turn that is not the model's, with the results of tools first."""
        results = [part for part in message.parts if isinstance(part, ToolResult)]
        others = [part for part in message.parts if isinstance(part, Text | MediaPart)]
        parts = [self.encode_tool_result(result) for result in results]
        return parts + [self.encode_part(part) for part in others]

    def encode_assistant_turn(self, message: Message) -> list[Fields]:
        """The parts of the model's own turn, each as it came."""
        parts: list[Fields] = []
        for part in message.parts:
            match part:
                case Text() | Image() | Audio() | Video() | Document():
                    parts.append(self.encode_part(part))
                case Reasoning():
                    self.encode_reasoning(part, parts)
                case ToolCall():
                    parts.append(self.encode_tool_call(part))
                case ToolResult():  # `check_role` let none through
                    continue
                case _:
                    assert_never(part)
        first_call = next((part for part in parts if "functionCall" in part), None)
        if (
            first_call is not None
            and _SIGNATURE not in first_call
            and self.generation >= FIRST_WITH_LEVELS
        ):
            first_call[_SIGNATURE] = _NO_SIGNATURE_CHECK
            self.warn(
                "thought_signature_missing",
                "calls that Gemini did not make have no thought signatures; Gemini was asked to "
                "accept them without",
                "tool_calls",
            )
        return parts

    def encode_reasoning(self, reasoning: Reasoning, parts: list[Fields]) -> None:
        """Add what Google wants back: a part of its own, or the signature of the part before."""
        fields = self.opaque_fields(reasoning)
        if not fields:
            self.warn_reasoning_dropped()
        elif fields.keys() != {_SIGNATURE}:
            parts.append({"text": reasoning.text, **fields} if reasoning.text else fields)
        elif parts and _SIGNATURE not in parts[-1]:
            parts[-1] |= fields
        else:
            parts.append({"text": "", **fields})

    def encode_part(self, part: Text | MediaPart) -> Fields:
        """A text or a medium, in any turn."""
        if part.cache:
            self.warn_cache_mark_ignored()
        if isinstance(part, Text):
            if part.refusal:
                self.warn_refusal_as_text()
            return {"text": part.text}
        fields = self.encode_media(part)
        if isinstance(part, Image) and part.detail not in (None, "auto"):
            if self.takes_part_media:
                level = f"MEDIA_RESOLUTION_{_RESOLUTIONS[part.detail]}"
                return {**fields, "mediaResolution": {"level": level}}
            why = "before Gemini 3 use GoogleOptions(media_resolution=…), for all media together"
            self.unsupported_settings.drop("detail", why)
        return fields

    def encode_media(self, part: MediaPart) -> Fields:
        """A medium's bytes, or where Google fetches them."""
        name = {"displayName": part.name} if isinstance(part, Document) and part.name else {}
        uri = part.url or self._file_uri(part)
        if uri is not None:
            mime = self._remote_mime(part, uri)
            return {"fileData": {"fileUri": uri, **({"mimeType": mime} if mime else {}), **name}}
        if part.mime is None:
            why = f"the type of {part.describe()} is unknown; pass mime_type="
            raise self.unsupported_content(part.kind, why)
        if isinstance(part, Image) and part.mime not in _IMAGES:
            known = "PNG, JPEG, WebP, GIF, HEIC and BMP"
            why = f"Google reads {known}, not {part.mime}; convert it first"
            raise self.unsupported_content("image", why)
        return {"inlineData": {"mimeType": part.mime, "data": self.media.base64(part), **name}}

    def _file_uri(self, part: MediaPart) -> str | None:
        """The URI of a file that Google stores: "files/…", gs://…, or a URI as it stands."""
        file_id = self.file_id(part)
        if file_id is None or ":" in file_id:
            return file_id
        if self.vertex:
            why = f"Vertex has no file {file_id!r}; give its gs:// URI, or its bytes"
            raise self.unsupported_content(part.kind, why)
        return f"{STUDIO_URL}/v1beta/files/{file_id.removeprefix('files/')}"

    def _remote_mime(self, part: MediaPart, uri: str) -> str | None:
        """The type of a remote medium: its own, or by its path where that type is of the part's
        kind: ".html" is no picture's. Only Vertex needs one."""
        address = urlsplit(uri)
        path_mime = mimetypes.guess_type(address.path)[0] or ""
        if part.mime is not None:
            return part.mime
        if path_mime.startswith(_MIME_PREFIXES[part.kind]):
            return path_mime
        if not self.vertex:
            return None
        if address.hostname in _YOUTUBE:
            return "video/mp4"
        why = f"Vertex needs the type of {part.describe()}; pass mime_type="
        raise self.unsupported_content(part.kind, why)

    def encode_tool_call(self, call: ToolCall) -> Fields:
        """A call that the model made. Remembers its name, which Google wants with the result."""
        self._tool_names[call.id] = call.name
        if call.raw is not None:
            why = f"the arguments of the call of {call.name!r} are no JSON object"
            raise self.invalid(
                f"{why}, as Gemini wants them; leave the call out, or give it arguments"
            )
        function = {"id": call.id, "name": call.name, "args": dict(call.arguments)}
        return {"functionCall": function, **self.opaque_fields(call)}

    def encode_tool_result(self, result: ToolResult) -> Fields:
        """A tool's result."""
        name = result.name or self._tool_names.get(result.call_id)
        if name is None:
            why = f"no call before this result has the id {result.call_id!r}"
            raise self.invalid(f"{why}; give ToolResult a name=")
        if result.cache:
            self.warn_cache_mark_ignored()
        texts: list[str] = []
        media: list[Fields] = []
        for part in result.content:
            if isinstance(part, Text):
                texts.append(cast("str", self.encode_part(part)["text"]))
            else:
                media.append(self.encode_result_media(part))
        text = texts[0] if len(texts) == 1 else texts
        response: Fields = {
            "id": result.call_id,
            "name": name,
            "response": {"error" if result.is_error else "output": text or ""},
        }
        if media:
            response["parts"] = media
        return {"functionResponse": response}

    def encode_result_media(self, part: MediaPart) -> Fields:
        if not self.takes_part_media:
            why = (
                f"before Gemini 3 a tool result is text only; send the {part.kind} in a user "
                "message after it"
            )
            raise self.unsupported_content(part.kind, why)
        if not self.vertex and (part.url or part.file):
            why = f"a tool result takes {part.kind} only as bytes; give its bytes"
            raise self.unsupported_content(part.kind, why)
        if part.cache:
            self.warn_cache_mark_ignored()
        if isinstance(part, Image) and part.detail not in (None, "auto"):
            self.unsupported_settings.drop("detail", "pictures in tool results have none")
        return self.encode_media(part)


def _append_turn(contents: list[Fields], role: str, parts: list[Fields]) -> None:
    """Add a turn. Consecutive turns of tool results become one, as their calls were one turn."""
    if not parts:
        return
    if contents and _are_results(contents[-1]["parts"]) and _are_results(parts):
        contents[-1]["parts"] += parts
    else:
        contents.append({"role": role, "parts": parts})


def _are_results(parts: list[Fields]) -> bool:
    return all("functionResponse" in part for part in parts)
