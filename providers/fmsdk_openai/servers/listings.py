"""What servers say of their models, read into `ModelInfo`. Pure: bytes in, facts by model out.

A listing that cannot be read says nothing, like a field of an unexpected shape.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Annotated, Any, cast

import msgspec

from fmsdk.content import Modality
from fmsdk.hosted.token_counts import parse_count
from fmsdk_openai.model_info import ANY_MODEL, ModelInfo

__all__ = [
    "describe_copilot",
    "describe_fireworks",
    "describe_llamacpp",
    "describe_lmstudio",
    "describe_mistral",
    "describe_ollama",
    "describe_openrouter",
    "describe_sglang",
    "describe_sizes",
    "describe_xai",
]

_MODALITIES: dict[str, Modality] = {
    "text": "text",
    "image": "image",
    "audio": "audio",
    "video": "video",
    "file": "document",
}
# OpenRouter's names of parameters; reasoning has two.
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
_Size = Annotated[int, msgspec.Meta(gt=0)]


class ModelRow(msgspec.Struct):
    """A model in a listing: the fields of all servers together, of which each fills in its own."""

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
    def of(cls, value: object) -> ModelRow:
        """The row that an object is, without the fields of an unexpected shape."""
        try:
            return msgspec.convert(value, cls)
        except msgspec.ValidationError:
            fields = _object(value)
            row = cls()
            for name, field_type in _FIELD_TYPES:
                with suppress(msgspec.ValidationError, KeyError):
                    setattr(row, name, msgspec.convert(fields[name], field_type))
            return row


Facts = Iterator[tuple[str, ModelInfo]]
_FIELD_TYPES = tuple((spec.name, spec.type) for spec in msgspec.structs.fields(ModelRow))
_ANY = msgspec.json.Decoder()
_OBJECT = msgspec.json.Decoder(dict[str, Any])


def _each_row(describe: Callable[[ModelRow], ModelInfo]) -> Callable[[bytes], Facts]:
    """Reads a listing's body, of which `describe` reads one row."""

    def read_rows(body: bytes) -> Facts:
        page: object = _ANY.decode(body)
        rows = _object(page).get("data") or _object(page).get("models") or page
        for value in cast("list[object]", rows) if isinstance(rows, list) else ():
            row = ModelRow.of(value)
            info = describe(row)
            for name in (row.id, *row.aliases):
                yield name, info

    return read_rows


def _modalities(names: object) -> frozenset[Modality] | None:
    if not isinstance(names, list):
        return None
    entries = cast("list[object]", names)
    return frozenset(modality for name, modality in _MODALITIES.items() if name in entries) or None


def _text_and(**flags: object) -> frozenset[Modality] | None:
    """Text, and each modality whose flag is true; None where a flag is no boolean."""
    if not all(isinstance(flag, bool | None) for flag in flags.values()):
        return None
    return frozenset({"text", *cast("list[Modality]", [name for name in flags if flags[name]])})


def _size(value: object) -> int | None:
    return parse_count(value) or None


def _object(value: object) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


@_each_row
def describe_sizes(row: ModelRow) -> ModelInfo:
    """vLLM, SGLang, Groq, Together: only sizes."""
    context = row.context_window or row.context_length or row.max_model_len
    return ModelInfo(context=context, max_output=row.max_completion_tokens)


@_each_row
def describe_openrouter(row: ModelRow) -> ModelInfo:
    """OpenRouter: modalities, parameters, sizes."""
    modalities = _modalities(_object(row.architecture).get("input_modalities"))
    names = row.supported_parameters
    settings = {_PARAMETERS[name] for name in names or () if name in _PARAMETERS}
    return ModelInfo(
        # OpenRouter turns a PDF into text for models that take none.
        input=modalities and frozenset[Modality]({*modalities, "document"}),
        refuses=None if names is None else frozenset({*_PARAMETERS.values()}) - settings,
        tools=None if names is None else "tools" in names,
        structured=None if names is None else "structured_outputs" in names,
        context=row.context_length,
        max_output=_size(_object(row.top_provider).get("max_completion_tokens")),
    )


@_each_row
def describe_mistral(row: ModelRow) -> ModelInfo:
    """Mistral: capabilities as flags. It reads documents for every model, by OCR."""
    flags = _object(row.capabilities)
    modalities = _text_and(image=flags.get("vision"), audio=flags.get("audio"), document=True)
    return ModelInfo(
        input=modalities if flags else None,
        tools=flags.get("function_calling"),
        context=row.max_context_length,
    )


@_each_row
def describe_xai(row: ModelRow) -> ModelInfo:
    """xAI: modalities and the context."""
    return ModelInfo(input=_modalities(row.input_modalities), context=row.context_length)


@_each_row
def describe_fireworks(row: ModelRow) -> ModelInfo:
    """Fireworks: images, tools, the context."""
    image = row.supports_image_input
    return ModelInfo(
        input=None if image is None else _text_and(image=image),
        tools=row.supports_tools,
        context=row.context_length,
    )


@_each_row
def describe_lmstudio(row: ModelRow) -> ModelInfo:
    """LM Studio: the kind of model and its context. Tools work, after a fashion, with models that
    do not list them, so that they stay allowed."""
    return ModelInfo(
        input=_text_and(image=row.type == "vlm") if row.type in ("llm", "vlm") else None,
        context=row.loaded_context_length or row.max_context_length,
    )


@_each_row
def describe_copilot(row: ModelRow) -> ModelInfo:
    """GitHub Copilot: what a model supports, its limits, its endpoints."""
    fields = _object(row.capabilities)
    supports, limits = _object(fields.get("supports")), _object(fields.get("limits"))
    endpoints = row.supported_endpoints
    # Documents, where the model answers on Responses; Chat Completions has no part for them.
    modalities = _text_and(image=supports.get("vision"), document=True)
    return ModelInfo(
        input=modalities if supports else None,
        tools=supports.get("tool_calls"),
        context=_size(limits.get("max_context_window_tokens")),
        max_output=_size(limits.get("max_output_tokens")),
        api="responses" if endpoints and "/chat/completions" not in endpoints else None,
    )


def describe_ollama(body: bytes) -> Facts:
    """Ollama: one model's capabilities and context."""
    page = _OBJECT.decode(body)
    capabilities, model = page.get("capabilities"), _object(page.get("model_info"))
    sizes = [value for name, value in model.items() if name.endswith(".context_length")]
    info = ModelInfo(context=_size(sizes[0]) if sizes else None)
    if isinstance(capabilities, list):
        names = cast("list[object]", capabilities)
        info = replace(
            info,
            input=_text_and(image="vision" in names, audio="audio" in names),
            tools="tools" in names,
            refuses=frozenset[str]() if "thinking" in names else frozenset({"reasoning"}),
        )
    yield ANY_MODEL, info


def describe_llamacpp(body: bytes) -> Facts:
    """llama.cpp: the modalities, context and chat template of the one model that it runs."""
    page = _OBJECT.decode(body)
    flags, settings = _object(page.get("modalities")), page.get("default_generation_settings")
    # llama.cpp silently leaves out of the prompt what the model's template has no place for.
    template = _object(page.get("chat_template_caps"))
    ignores_reasoning = template.get("supports_reasoning_effort") is False
    modalities = _text_and(image=flags.get("vision"), audio=flags.get("audio"))
    info = ModelInfo(
        input=modalities if flags else None,
        refuses=frozenset({"reasoning"}) if ignores_reasoning else None,
        tools=template.get("supports_tools"),
        context=_size(_object(settings).get("n_ctx")),
    )
    yield ANY_MODEL, info


def describe_sglang(body: bytes) -> Facts:
    """SGLang: whether the one model that it runs understands images and audio."""
    page = _OBJECT.decode(body)
    if "has_image_understanding" in page:
        image, audio = page["has_image_understanding"], page.get("has_audio_understanding")
        yield ANY_MODEL, ModelInfo(input=_text_and(image=image, audio=audio))
