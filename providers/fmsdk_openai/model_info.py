"""What servers tell of their models, read into one shape. Pure: bytes in, facts out.

A listing that cannot be read tells nothing: facts narrow what is sent, and their lack never
stops a request.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from typing import Annotated, Any, cast

import msgspec

from fmsdk.content import Modality
from fmsdk.hosted.token_counts import parse_count
from fmsdk.provider import Capabilities
from fmsdk_openai.dialect import Api

__all__ = ["ANY", "ModelInfo", "ModelsEndpoint", "narrowed"]

ANY = "*"
"""Stands for every model, where a server runs one alone."""
_MODALITIES: dict[str, Modality] = {
    "text": "text",
    "image": "image",
    "audio": "audio",
    "video": "video",
    "file": "document",
}
# OpenRouter's names of parameters; reasoning is the one of two names.
_PARAMETERS = {
    "max_tokens": "max_output_tokens",
    "temperature": "temperature",
    "top_p": "top_p",
    "stop": "stop",
    "seed": "seed",
    "reasoning": "reasoning",
    "reasoning_effort": "reasoning",
    "top_logprobs": "logprobs",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelInfo:
    """What a server says of a model. None: it does not say, which restricts nothing.

    refuses: `Settings` that the model does not know. api: the only one that it answers on.
    context, max_output: tokens.
    """

    input: frozenset[Modality] | None = None
    refuses: frozenset[str] | None = None
    tools: bool | None = None
    structured: bool | None = None
    context: int | None = None
    max_output: int | None = None
    api: Api | None = None

    def merged(self, other: ModelInfo) -> ModelInfo:
        """This, and where it does not say, what `other` says."""
        changes = {
            spec.name: getattr(other, spec.name)
            for spec in fields(self)
            if getattr(self, spec.name) is None
        }
        return replace(self, **changes)


def narrowed(capabilities: Capabilities, told: ModelInfo | None) -> Capabilities:
    """Of what the wire carries, what the model takes. It is known once its modalities are."""
    if told is None:
        return capabilities
    return replace(
        capabilities,
        input=capabilities.input if told.input is None else capabilities.input & told.input,
        settings=capabilities.settings - (told.refuses or frozenset()),
        tools=capabilities.tools and told.tools is not False,
        structured=capabilities.structured and told.structured is not False,
        context=told.context or capabilities.context,
        max_output=told.max_output or capabilities.max_output,
        known=capabilities.known or told.input is not None,
    )


_Size = Annotated[int, msgspec.Meta(gt=0)]


class _Row(msgspec.Struct):
    """A model in a listing: the fields of all servers together, each of which fills in its own.
    One of an odd shape tells nothing, like one that is not there."""

    id: str = ""
    aliases: list[str] = []
    context_length: _Size | None = None
    context_window: _Size | None = None
    max_model_len: _Size | None = None
    max_context_length: _Size | None = None
    loaded_context_length: _Size | None = None
    max_completion_tokens: _Size | None = None
    type: str = ""
    input_modalities: Any = None
    architecture: Any = None
    supported_parameters: list[str] | None = None
    supported_endpoints: list[str] | None = None
    top_provider: Any = None
    capabilities: Any = None
    supports_image_input: bool | None = None
    supports_tools: bool | None = None

    @classmethod
    def of(cls, told: object) -> _Row:
        """The row that an object is, as far as it can be read."""
        try:
            return msgspec.convert(told, cls)
        except msgspec.ValidationError:
            fields = _object(told)
            row = cls()
            for name, kind in _KINDS:
                with suppress(msgspec.ValidationError, KeyError):
                    setattr(row, name, msgspec.convert(fields[name], kind))
            return row


_KINDS = tuple((spec.name, spec.type) for spec in msgspec.structs.fields(_Row))
_PAGE = msgspec.json.Decoder()
_OBJECT = msgspec.json.Decoder(dict[str, Any])


@dataclass(frozen=True, slots=True)
class ModelsEndpoint:
    """Where a server describes its models, and how to read it.

    path: from the base URL. describe: of the answer's JSON, the facts by model.
    by_model: asked by POST, about one model, whose facts stand under `ANY`.
    """

    path: str
    describe: Callable[[bytes], Iterator[tuple[str, ModelInfo]]]
    by_model: bool = False

    def read(self, body: bytes) -> dict[str, ModelInfo]:
        """The facts by model; none where the answer cannot be read."""
        try:
            return dict(self.describe(body))
        except ValueError:
            return {}


def _rows(
    describe: Callable[[_Row], ModelInfo],
) -> Callable[[bytes], Iterator[tuple[str, ModelInfo]]]:
    def read(body: bytes) -> Iterator[tuple[str, ModelInfo]]:
        page: object = _PAGE.decode(body)
        listed = _object(page).get("data") or _object(page).get("models") or page
        for one in cast("list[object]", listed) if isinstance(listed, list) else ():
            row = _Row.of(one)
            told = describe(row)
            for name in (row.id, *row.aliases):
                yield name, told

    return read


def _modalities(names: object) -> frozenset[Modality] | None:
    if not isinstance(names, list):
        return None
    listed = cast("list[object]", names)
    return frozenset(kind for name, kind in _MODALITIES.items() if name in listed) or None


def _plus(**has: object) -> frozenset[Modality] | None:
    """Text, and each modality that is had; None where something else is said than yes or no."""
    if not all(isinstance(said, bool | None) for said in has.values()):
        return None
    return frozenset({"text", *cast("list[Modality]", [kind for kind in has if has[kind]])})


def _number(value: object) -> int | None:
    return parse_count(value) or None


def _object(value: object) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _sizes(row: _Row) -> ModelInfo:
    context = row.context_window or row.context_length or row.max_model_len
    return ModelInfo(context=context, max_output=row.max_completion_tokens)


def _openrouter(row: _Row) -> ModelInfo:
    taken = _modalities(_object(row.architecture).get("input_modalities"))
    names = row.supported_parameters
    known = {_PARAMETERS[name] for name in names or () if name in _PARAMETERS}
    return ModelInfo(
        # A PDF is turned into text for models that take none.
        input=taken and frozenset[Modality]({*taken, "document"}),
        refuses=None if names is None else frozenset({*_PARAMETERS.values()}) - known,
        tools=None if names is None else "tools" in names,
        structured=None if names is None else "structured_outputs" in names,
        context=row.context_length,
        max_output=_number(_object(row.top_provider).get("max_completion_tokens")),
    )


def _mistral(row: _Row) -> ModelInfo:
    capabilities = _object(row.capabilities)
    # Documents are read for every model, by OCR.
    taken = _plus(image=capabilities.get("vision"), audio=capabilities.get("audio"), document=True)
    return ModelInfo(
        input=taken if capabilities else None,
        tools=capabilities.get("function_calling"),
        context=row.max_context_length,
    )


def _xai(row: _Row) -> ModelInfo:
    return ModelInfo(input=_modalities(row.input_modalities), context=row.context_length)


def _fireworks(row: _Row) -> ModelInfo:
    image = row.supports_image_input
    return ModelInfo(
        input=None if image is None else _plus(image=image),
        tools=row.supports_tools,
        context=row.context_length,
    )


def _lmstudio(row: _Row) -> ModelInfo:
    # Tools work, after a fashion, with models that do not list them, so that they stay allowed.
    return ModelInfo(
        input=_plus(image=row.type == "vlm") if row.type in ("llm", "vlm") else None,
        context=row.loaded_context_length or row.max_context_length,
    )


def _copilot(row: _Row) -> ModelInfo:
    told = _object(row.capabilities)
    supports, limits = _object(told.get("supports")), _object(told.get("limits"))
    endpoints = row.supported_endpoints
    return ModelInfo(
        # Documents, where the model answers on Responses; Chat Completions has no part for them.
        input=_plus(image=supports.get("vision"), document=True) if supports else None,
        tools=supports.get("tool_calls"),
        context=_number(limits.get("max_context_window_tokens")),
        max_output=_number(limits.get("max_output_tokens")),
        api="responses" if endpoints and "/chat/completions" not in endpoints else None,
    )


def _ollama(body: bytes) -> Iterator[tuple[str, ModelInfo]]:
    shown = _OBJECT.decode(body)
    capabilities, info = shown.get("capabilities"), _object(shown.get("model_info"))
    sizes = [value for name, value in info.items() if name.endswith(".context_length")]
    told = ModelInfo(context=_number(sizes[0]) if sizes else None)
    if isinstance(capabilities, list):
        names = cast("list[object]", capabilities)
        told = replace(
            told,
            input=_plus(image="vision" in names, audio="audio" in names),
            tools="tools" in names,
            refuses=frozenset[str]() if "thinking" in names else frozenset({"reasoning"}),
        )
    yield ANY, told


def _llamacpp(body: bytes) -> Iterator[tuple[str, ModelInfo]]:
    props = _OBJECT.decode(body)
    has, settings = _object(props.get("modalities")), props.get("default_generation_settings")
    # What the model's template has no place for, the server leaves out of the prompt unsaid.
    template = _object(props.get("chat_template_caps"))
    is_deaf = template.get("supports_reasoning_effort") is False
    yield (
        ANY,
        ModelInfo(
            input=_plus(image=has.get("vision"), audio=has.get("audio")) if has else None,
            refuses=frozenset({"reasoning"}) if is_deaf else None,
            tools=template.get("supports_tools"),
            context=_number(_object(settings).get("n_ctx")),
        ),
    )


def _sglang(body: bytes) -> Iterator[tuple[str, ModelInfo]]:
    info = _OBJECT.decode(body)
    if "has_image_understanding" in info:
        image, audio = info["has_image_understanding"], info.get("has_audio_understanding")
        yield ANY, ModelInfo(input=_plus(image=image, audio=audio))


SIZES = ModelsEndpoint("models", _rows(_sizes))
OPENROUTER = ModelsEndpoint("models", _rows(_openrouter))
MISTRAL = ModelsEndpoint("models", _rows(_mistral))
XAI = ModelsEndpoint("language-models", _rows(_xai))
FIREWORKS = ModelsEndpoint("models", _rows(_fireworks))
LMSTUDIO = ModelsEndpoint("../api/v0/models", _rows(_lmstudio))
COPILOT = ModelsEndpoint("models", _rows(_copilot))
OLLAMA = ModelsEndpoint("../api/show", _ollama, by_model=True)
LLAMACPP = ModelsEndpoint("../props", _llamacpp)
SGLANG = ModelsEndpoint("../get_model_info", _sglang)
