"""Settings, the output wanted, and tools, as Google names them."""

from __future__ import annotations

from typing import Any

from fmsdk_google.encode.request_builder import THINKS, THINKS_IN_LEVELS, GoogleRequestBuilder

__all__ = ["generation_config", "tool_fields"]

_ONLY_SPOKEN = ("options.voice", "options.speech_config")
_LEVELS = ("minimal", "low", "medium", "high", "xhigh")
# As Google itself reads OpenAI's efforts: https://ai.google.dev/gemini-api/docs/openai
_BUDGETS = {"none": 0, "minimal": 1024, "low": 1024, "medium": 8192, "high": 24576}
_MODES = {"none": "NONE", "required": "ANY"}


def generation_config(builder: GoogleRequestBuilder) -> dict[str, Any]:
    """`generationConfig`. Raises UnsupportedSetting, BadRequestError."""
    settings, options = builder.request.settings, builder.options
    fields: dict[str, Any] = {
        "maxOutputTokens": settings.max_output_tokens,
        "temperature": settings.temperature,
        "topP": settings.top_p,
        "topK": options.top_k,
        "presencePenalty": options.presence_penalty,
        "frequencyPenalty": options.frequency_penalty,
        "stopSequences": list(settings.stop) or None,
        "seed": settings.seed,
        "candidateCount": settings.choices if settings.choices > 1 else None,
        "thinkingConfig": _thinking(builder) or None,
        "imageConfig": options.image_config,
        **_spoken(builder),
        **_structured(builder),
    }
    if settings.logprobs is not None:
        fields |= {"responseLogprobs": True, "logprobs": settings.logprobs or None}
    if settings.modalities != ("text",):
        fields["responseModalities"] = [name.upper() for name in settings.modalities]
    if options.media_resolution is not None:
        fields["mediaResolution"] = f"MEDIA_RESOLUTION_{options.media_resolution.upper()}"
    return {name: value for name, value in fields.items() if value is not None}


def _thinking(builder: GoogleRequestBuilder) -> dict[str, Any]:
    options, effort = builder.options, builder.request.settings.reasoning
    fields: dict[str, Any] = {}
    if options.include_thoughts is not None:
        fields["includeThoughts"] = options.include_thoughts
    if options.thinking_budget is not None:
        if effort is not None:
            raise builder.invalid(
                "reasoning and GoogleOptions.thinking_budget say the same; use one"
            )
        fields["thinkingBudget"] = options.thinking_budget
    elif effort is None:
        pass
    elif builder.generation >= THINKS_IN_LEVELS:
        if effort in _LEVELS:
            fields["thinkingLevel"] = effort.upper()
        else:
            why = "Gemini 3 and later think from 'minimal' to 'xhigh'; they cannot be told not to"
            builder.unsupported_settings.drop("reasoning", why)
    elif builder.generation < THINKS:
        if effort != "none":
            builder.unsupported_settings.drop("reasoning", "this model answers without thinking")
    elif effort in _BUDGETS:
        fields["thinkingBudget"] = _BUDGETS[effort]
    else:
        builder.unsupported_settings.drop("reasoning", "Gemini 2.5 thinks up to 'high'")
    return fields


def _spoken(builder: GoogleRequestBuilder) -> dict[str, Any]:
    options = builder.options
    if "audio" not in builder.request.settings.modalities:
        builder.drop_chosen(_ONLY_SPOKEN, "a text answer")
        return {}
    if options.voice is None:
        return {"speechConfig": options.speech_config}
    if options.speech_config is not None:
        raise builder.invalid("GoogleOptions.voice and .speech_config say the same; use one")
    voice = {"prebuiltVoiceConfig": {"voiceName": options.voice}}
    return {"speechConfig": {"voiceConfig": voice}}


def _structured(builder: GoogleRequestBuilder) -> dict[str, Any]:
    if builder.request.output is None:
        return {}
    from fmsdk.schema.json_schema import output_schema

    _, schema = output_schema(builder.request.output)
    return {"responseMimeType": "application/json", "responseJsonSchema": schema}


def tool_fields(builder: GoogleRequestBuilder) -> dict[str, Any]:
    """`tools` and `toolConfig`. Raises BadRequestError."""
    request = builder.request
    tools: list[Any] = []
    if request.tools:
        functions = [
            {
                "name": tool.name,
                "description": tool.description,
                "parametersJsonSchema": tool.parameters,
            }
            for tool in request.tools
        ]
        tools.append({"functionDeclarations": functions})
    calling = _calling(builder)
    return {
        "tools": [*tools, *builder.options.server_tools],
        "toolConfig": {"functionCallingConfig": calling} if calling else None,
    }


def _calling(builder: GoogleRequestBuilder) -> dict[str, Any]:
    choice = builder.tool_choice()
    if choice in _MODES:
        return {"mode": _MODES[choice]}
    if choice is not None:
        return {"mode": "ANY", "allowedFunctionNames": [choice]}
    # Arguments are held to the schema where calls are forced, or in this mode.
    is_strict = any(tool.strict for tool in builder.request.tools)
    return {"mode": "VALIDATED"} if is_strict else {}
