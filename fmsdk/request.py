"""A request as a frozen, serialisable value: messages, settings, tools and the output type.

`build` creates one from the arguments of `generate`. Nothing here knows a provider. What a model
accepts is checked in `fmsdk.pipeline.capability_check`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from decimal import Decimal
from typing import Any, Literal, Self, TypeVar, cast, get_args

from fmsdk.content import (
    Audio,
    Document,
    Image,
    LoosePart,
    MediaPart,
    Part,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
    Video,
    is_single,
    join_parts,
    to_part,
)
from fmsdk.errors import BadRequestError
from fmsdk.keyword_hints import keyword_hint
from fmsdk.validation import (
    check_amount,
    check_integer,
    check_json,
    check_list,
    check_number,
    check_pairs,
    check_text,
)

__all__ = [
    "Message",
    "Prompt",
    "ReasoningEffort",
    "Request",
    "Role",
    "Settings",
    "Tool",
    "ToolChoice",
    "build",
    "convert_request",
    "split_model",
]

Role = Literal["system", "user", "assistant", "tool"]
ReasoningEffort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]
ToolChoice = str  # "auto" | "none" | "required" | the name of one tool
OutputModality = Literal["text", "audio", "image"]


@dataclass(frozen=True, slots=True)
class Message:
    """One turn: its role and parts. `Message("user", "Hello")` works as well."""

    role: Role
    parts: tuple[Part, ...]

    def __init__(self, role: Role, parts: LoosePart | Sequence[LoosePart]) -> None:
        if role not in get_args(Role):
            raise BadRequestError(f"a role is one of {', '.join(get_args(Role))}, not {role!r}")
        items = (parts,) if is_single(parts) else cast("Iterable[object]", parts)
        object.__setattr__(self, "role", role)
        object.__setattr__(self, "parts", tuple(to_part(item, _MESSAGE) for item in items))

    @property
    def text(self) -> str:
        """The text parts, joined."""
        return "".join(part.text for part in self.parts if isinstance(part, Text))

    def __str__(self) -> str:
        return f"{self.role}: {join_parts(self.parts)}"


@dataclass(frozen=True, slots=True)
class Tool:
    """A function the model may ask the caller to call. `parameters` is a JSON Schema object."""

    name: str
    description: str = ""
    parameters: Mapping[str, Any] = field(
        default_factory=lambda: {"type": "object", "properties": {}}
    )
    strict: bool = False

    @classmethod
    def from_function(cls, function: Callable[..., Any]) -> Tool:
        """Create a tool from a function, by its name, docstring and type hints.

        Raises:
            BadRequestError: a parameter without a type hint, or of a type without a JSON form.
        """
        from fmsdk.schema.json_schema import function_schema

        if not hasattr(function, "__name__"):
            rule = "a tool is a function or fmsdk.Tool(name, description, parameters)"
            raise BadRequestError(f"{rule}, not {type(function).__name__}")
        return cls(function.__name__, (function.__doc__ or "").strip(), function_schema(function))


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Settings of the answer. None (or empty) is the vendor's default."""

    max_output_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    reasoning: ReasoningEffort | None = None
    logprobs: int | None = None
    choices: int = 1
    modalities: tuple[OutputModality, ...] = ("text",)

    def chosen(self) -> tuple[str, ...]:
        """The names of the settings that differ from their defaults."""
        return tuple(spec.name for spec in fields(self) if getattr(self, spec.name) != spec.default)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """All that one call needs.

    `model` is the name without its provider. `output` is a type or a JSON Schema. `options` are the
    provider's own typed options. `max_cost` is in US dollars. See `GenerateOptions`.
    """

    provider: str
    model: str
    messages: tuple[Message, ...]
    system: str | None = None
    settings: Settings = field(default_factory=Settings)
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice = "auto"
    output: Any = None
    options: Any = None
    tags: tuple[tuple[str, str], ...] = ()
    timeout: float | None = None
    max_cost: Decimal | None = None
    lenient: bool = False
    allow_retired: bool = False

    @property
    def name(self) -> str:
        """The full name, "provider:model"."""
        return f"{self.provider}:{self.model}"

    def __str__(self) -> str:
        system = [] if self.system is None else [f"system: {self.system}"]
        return "\n".join([self.name, *system, *map(str, self.messages)])

    def parts(self) -> Iterator[Part]:
        """Every part of every message, and the parts inside tool results."""
        for message in self.messages:
            for part in message.parts:
                yield part
                if isinstance(part, ToolResult):
                    yield from part.content

    def media(self) -> Iterator[Image | Audio | Video | Document]:
        """Every media part, also inside tool results."""
        for part in self.parts():
            if isinstance(part, MediaPart):
                yield part

    def with_media(self, change: Callable[[MediaPart], MediaPart]) -> Self:
        """The request with every media part, also inside tool results, replaced by the result of
        `change`."""

        def replace_media(part: Part) -> Part:
            if isinstance(part, ToolResult):
                content: list[Any] = [replace_media(inner) for inner in part.content]
                return replace(part, content=tuple(content))
            return change(part) if isinstance(part, MediaPart) else part

        messages = (
            Message(message.role, [replace_media(part) for part in message.parts])
            for message in self.messages
        )
        return replace(self, messages=tuple(messages))


Q = TypeVar("Q", bound=Request)
Prompt = LoosePart | Message | Sequence[LoosePart | Message] | Request
_PROMPT = "a prompt is text, a part, a list, messages or a Request"
_LIST = "a prompt consists of text, parts and messages"
_MESSAGE = "a message consists of text and parts"


def build(model: str, prompt: Prompt | None, **settings: Any) -> Request:
    """The `Request` for `Client.generate`'s arguments. A `Request` as prompt keeps its messages and
    settings; only its model changes.

    Raises:
        BadRequestError: a model name without provider, an empty prompt, or a setting out of range.
    """
    provider, name = split_model(model)
    if isinstance(prompt, Request):
        default = Request(provider="", model="", messages=())
        own_fields = _split_settings(settings).items()
        clash = [key for key, value in own_fields if value != getattr(default, key)]
        if clash:
            raise BadRequestError(
                f"a Request has its own settings, so {', '.join(clash)} cannot be passed beside "
                "it. Use dataclasses.replace(request, …)"
            )
        return _check_request(replace(prompt, provider=provider, model=name))
    request_fields = _split_settings(settings)
    messages = _collect_messages(prompt)
    return _check_request(
        Request(provider=provider, model=name, messages=messages, **request_fields)
    )


def split_model(model: str) -> tuple[str, str]:
    """The provider and the model of "provider:model". Raises BadRequestError for a bare name."""
    provider, colon, name = model.partition(":") if isinstance(model, str) else ("", "", "")  # pyright: ignore[reportUnnecessaryIsInstance] - not everyone checks types
    if not (provider and colon and name):
        raise BadRequestError(
            f"a model's name is provider:model (openai:gpt-5.6-sol, local:demo-text), not {model!r}"
        )
    return provider, name


def convert_request(request: Request, kind: type[Q], **fields_of_verb: Any) -> Q:
    """The same request for another verb: a `kind`, with `fields_of_verb` in addition."""
    common = {spec.name: getattr(request, spec.name) for spec in fields(Request)}
    return kind(**common, **fields_of_verb)


_SETTING_NAMES = frozenset(spec.name for spec in fields(Settings))
_REQUEST_NAMES = frozenset(spec.name for spec in fields(Request)).difference(
    ("provider", "model", "messages", "settings")
)


def _split_settings(values: dict[str, Any]) -> dict[str, Any]:
    """The fields of a `Request`, with those of `Settings` in its field `settings`."""
    values = {name: value for name, value in values.items() if value is not None}
    unknown = values.keys() - _SETTING_NAMES - _REQUEST_NAMES
    if unknown:
        hint = keyword_hint(min(unknown), sorted({*_SETTING_NAMES, *_REQUEST_NAMES, "prompt"}))
        raise TypeError(f"unexpected keyword argument {min(unknown)!r}{hint}")
    request_fields: dict[str, Any] = {}
    for_settings: dict[str, Any] = {}
    for key, value in values.items():
        (for_settings if key in _SETTING_NAMES else request_fields)[key] = value
    if "stop" in for_settings:
        stop = for_settings["stop"]
        for_settings["stop"] = (stop,) if isinstance(stop, str) else check_list("stop", stop)
    if "modalities" in for_settings:
        for_settings["modalities"] = check_list("modalities", for_settings["modalities"])
    if "tools" in request_fields:
        request_fields["tools"] = tuple(
            tool if isinstance(tool, Tool) else Tool.from_function(tool)
            for tool in check_list("tools", request_fields["tools"])
        )
    if "tags" in request_fields:
        request_fields["tags"] = check_pairs("tags", request_fields["tags"])
    if "max_cost" in request_fields:
        request_fields["max_cost"] = check_amount("max_cost", request_fields["max_cost"])
    request_fields["settings"] = Settings(**for_settings)
    return request_fields


def _collect_messages(prompt: object) -> tuple[Message, ...]:
    """Messages stay. Consecutive strings and parts become one user message."""
    if isinstance(prompt, Message):
        return (prompt,)
    if is_single(prompt):
        return (Message("user", [to_part(prompt, _PROMPT)]),)
    if not isinstance(prompt, Sequence):
        raise BadRequestError(f"{_PROMPT}, not {type(prompt).__name__}: make a list of it")
    items = cast("Sequence[object]", prompt)
    messages: list[Message] = []
    loose: list[Part] = []
    for item in items:
        if isinstance(item, Message):
            if loose:
                messages.append(Message("user", loose))
                loose = []
            messages.append(item)
        else:
            loose.append(to_part(item, _LIST))
    if loose:
        messages.append(Message("user", loose))
    return tuple(messages)


_INTEGERS = {"max_output_tokens": 1, "choices": 1, "logprobs": 0, "seed": None}


def _check_numbers(settings: Settings) -> Settings:
    """The settings, with checked numbers."""
    numbers: dict[str, Any] = {
        "temperature": check_number(
            "temperature", settings.temperature, "not negative", lambda t: t >= 0
        ),
        "top_p": check_number(
            "top_p", settings.top_p, "above 0 and at most 1", lambda p: 0 < p <= 1
        ),
        **{
            name: check_integer(name, getattr(settings, name), least)
            for name, least in _INTEGERS.items()
        },
    }
    changes = {n: value for n, value in numbers.items() if value is not getattr(settings, n)}
    return replace(settings, **changes) if changes else settings


_TYPE_NAMES: dict[type, str] = {str: "text", Mapping: "a mapping"}
_FIELD_TYPES: dict[type, dict[str, type]] = {
    Text: {"text": str},
    Reasoning: {"text": str},
    ToolCall: {"id": str, "name": str, "arguments": Mapping},
    ToolResult: {"call_id": str},
    Tool: {"name": str, "description": str, "parameters": Mapping},
}


def _check_types(value: Part | Tool) -> None:
    for name, kind in _FIELD_TYPES.get(type(value), {}).items():
        content, place = getattr(value, name), f"{type(value).__name__}.{name}"
        if not isinstance(content, kind):
            raise BadRequestError(f"{place} is {_TYPE_NAMES[kind]}, not {type(content).__name__}")
        if kind is str:
            check_text(content, place)


def _check_parts(request: Request) -> None:
    for part in request.parts():
        _check_types(part)
        if getattr(part, "cache", False) not in (False, True, "5m", "1h"):
            raise BadRequestError("cache is True, False, '5m' or '1h'")
        if isinstance(part, ToolCall) and part.arguments:
            check_json(part.arguments, f"the arguments of the call of {part.name!r}")
    for message in request.messages:
        is_answered = message.parts and all(isinstance(p, ToolResult) for p in message.parts)
        if message.role == "tool" and not is_answered:
            raise BadRequestError(
                "a message of the role 'tool' consists of ToolResults, and has at least one"
            )
    for tool in request.tools:
        _check_types(tool)
        check_json(tool.parameters, f"the parameters of the tool {tool.name!r}")


def _check_texts(request: Request) -> None:
    settings = request.settings
    stop = cast("tuple[object, ...]", settings.stop)
    system = cast("object", request.system)
    try:
        request.name.encode()
    except UnicodeEncodeError as error:
        raise BadRequestError(
            f"{request.name!a} is not valid Unicode, and cannot be a model's name"
        ) from error
    if not all(isinstance(text, str) and text for text in stop):
        raise BadRequestError("stop is text, or several texts, and none may be empty")
    if not settings.modalities or not {*settings.modalities} <= {*get_args(OutputModality)}:
        raise BadRequestError(f"modalities are some of {', '.join(get_args(OutputModality))}")
    if not isinstance(system, str | None):
        raise BadRequestError(f"system is text, not {type(system).__name__}")
    check_text(request.system or "", "system")
    if not all(isinstance(text, str) for tag in request.tags for text in cast("Any", tag)):
        raise BadRequestError("the names and values of tags are text")


def _check_request(request: Request) -> Request:
    _check_texts(request)
    _check_parts(request)
    is_asked = any(message.parts for message in request.messages if message.role != "system")
    if not is_asked or not any(not isinstance(p, Text) or p.text.strip() for p in request.parts()):
        why = "" if is_asked or not request.messages else ": it has only system messages"
        raise BadRequestError(
            f"the prompt is empty{why}", provider=request.provider, model=request.model
        )
    settings = _check_numbers(request.settings)
    timeout = check_number("timeout", request.timeout, "above 0", lambda seconds: seconds > 0)
    if settings.reasoning is not None and settings.reasoning not in get_args(ReasoningEffort):
        raise BadRequestError(f"reasoning is one of {', '.join(get_args(ReasoningEffort))}")
    names = {tool.name for tool in request.tools}
    if request.tool_choice not in ("auto", "none", "required") and request.tool_choice not in names:
        raise BadRequestError(
            f"tool_choice is auto, none, required or a tool's name, not {request.tool_choice!r}"
        )
    if settings is request.settings and timeout is request.timeout:
        return request
    return replace(request, settings=settings, timeout=timeout)
