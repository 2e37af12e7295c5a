"""Settings, thinking, tools and the output asked for, as fields of the Messages API."""

from __future__ import annotations

from typing import Any

from fmsdk.errors import BadRequestError
from fmsdk.request import ReasoningEffort, Tool
from fmsdk_anthropic.encode.family import output_limit
from fmsdk_anthropic.encode.request_builder import AnthropicRequestBuilder
from fmsdk_anthropic.encode.schema import limited

__all__ = ["sampling", "settings_fields", "thinking_fields", "tool_fields"]

# Our own choice: Anthropic names no budgets for levels of effort. `max` is all that is left.
_BUDGETS: dict[ReasoningEffort, int] = {
    "minimal": 1024,
    "low": 2048,
    "medium": 8192,
    "high": 16_384,
    "xhigh": 32_768,
    "max": 1_000_000,
}
_LEAST_BUDGET = 1024
_LARGEST_SHARE = 0.8
"""Of max_tokens, which thinking and answer share."""


def settings_fields(builder: AnthropicRequestBuilder) -> dict[str, Any]:
    """Fields that settings and options fill as they stand, and `max_tokens`, which must be there:
    where nobody limits the answer, as much as the model can."""
    request, options = builder.request, builder.options
    settings = request.settings
    fields: dict[str, Any] = {
        "max_tokens": settings.max_output_tokens or output_limit(request.model),
        "stop_sequences": list(settings.stop) or None,
        "service_tier": options.service_tier,
        "speed": options.speed,
        "inference_geo": options.inference_geo,
        "container": options.container,
        "metadata": {"user_id": options.user_id} if options.user_id else None,
        "stream": True if builder.stream else None,
    }
    return {name: value for name, value in fields.items() if value is not None}


def sampling(builder: AnthropicRequestBuilder) -> dict[str, Any]:
    """The sampling parameters, which models since Claude 4.7 refuse."""
    settings = builder.request.settings
    chosen = {
        "temperature": settings.temperature,
        "top_p": settings.top_p,
        "top_k": builder.options.top_k,
    }
    fields = {name: value for name, value in chosen.items() if value is not None}
    if fields and not builder.family.takes_sampling:
        for name in fields:
            setting = "options.top_k" if name == "top_k" else name
            builder.unsupported_settings.drop(
                setting, "Claude has no such setting since version 4.7"
            )
        return {}
    return fields


def thinking_fields(builder: AnthropicRequestBuilder) -> dict[str, Any]:
    """The fields `thinking` and `output_config`. Raises UnsupportedSetting."""
    options = builder.options
    effort = builder.request.settings.reasoning
    if effort is not None and (options.thinking is not None or options.effort is not None):
        builder.unsupported_settings.drop(
            "reasoning", "options.thinking or options.effort are set in its place"
        )
        effort = None
    thinking = None if options.thinking is None else dict(options.thinking)
    config: dict[str, Any] = {"effort": options.effort} if options.effort else {}
    if effort is not None:
        thinking = _thinking(builder, effort)
        if builder.family.thinking == "adaptive" and thinking == {"type": "adaptive"}:
            config["effort"] = effort
    if options.thinking_display is not None:
        thinking = _displayed(builder, thinking)
    if schema := _schema(builder):
        config["format"] = {"type": "json_schema", "schema": schema}
    fields = {"thinking": thinking, "output_config": config or None}
    return {name: value for name, value in fields.items() if value is not None}


def _thinking(builder: AnthropicRequestBuilder, effort: ReasoningEffort) -> dict[str, Any] | None:
    family = builder.family
    if effort == "none":
        if family.thinking == "none":
            return None
        if family.thinking_off is None:
            builder.unsupported_settings.drop(
                "reasoning", "this model always thinks; 'low' is the least it does"
            )
            return None
        return {"type": family.thinking_off}
    if family.thinking == "none":
        builder.unsupported_settings.drop("reasoning", "this model does not think")
        return None
    if family.thinking == "budget":
        return _budget(builder, _BUDGETS[effort])
    if effort == "minimal":
        builder.unsupported_settings.drop(
            "reasoning", "this model knows none, low, medium, high, xhigh and max"
        )
        return None
    return {"type": "adaptive"}


def _budget(builder: AnthropicRequestBuilder, wanted: int) -> dict[str, Any] | None:
    limit = builder.request.settings.max_output_tokens or output_limit(builder.request.model)
    if limit <= _LEAST_BUDGET:
        why = f"thinking takes {_LEAST_BUDGET} tokens or more, of max_output_tokens={limit}"
        builder.unsupported_settings.drop("reasoning", why)
        return None
    most = max(_LEAST_BUDGET, int(limit * _LARGEST_SHARE))
    return {"type": "enabled", "budget_tokens": min(wanted, most)}


def _displayed(
    builder: AnthropicRequestBuilder, thinking: dict[str, Any] | None
) -> dict[str, Any] | None:
    """The thinking with its display, which is a field of thinking that is on."""
    if thinking is None and builder.family.thinking == "adaptive":
        thinking = {"type": "adaptive"}
    if thinking is None or thinking.get("type") not in ("adaptive", "enabled"):
        builder.unsupported_settings.drop(
            "options.thinking_display", "thinking is not on; set reasoning"
        )
        return thinking
    return {**thinking, "display": builder.options.thinking_display}


def _schema(builder: AnthropicRequestBuilder) -> dict[str, Any] | None:
    if builder.request.output is None:
        return None
    from fmsdk.schema.json_schema import output_schema, strict

    _, schema = output_schema(builder.request.output)
    try:
        return limited(strict(schema))
    except BadRequestError as error:
        builder.unsupported_settings.drop(
            "output", f"Claude holds to closed schemas alone: {error}"
        )
        return None


def tool_fields(builder: AnthropicRequestBuilder) -> dict[str, Any]:
    """The tools, those that Anthropic runs last, and which of them to use."""
    options = builder.options
    tools = [_tool(tool) for tool in builder.request.tools]
    tools += [dict(tool) for tool in options.server_tools]
    if not tools:
        builder.tool_choice()  # raises where there is nothing to choose from
        for name in ("cache_tools", "disable_parallel_tool_use"):
            if getattr(options, name):
                builder.unsupported_settings.drop(f"options.{name}", "there are no tools")
        return {}
    if options.cache_tools:
        builder.mark_after(tools, options.cache_tools)
    choice = _tool_choice(builder)
    return {"tools": tools, "tool_choice": choice} if choice else {"tools": tools}


def _tool(tool: Tool) -> dict[str, Any]:
    parameters: Any = tool.parameters
    strictness = {}
    if tool.strict:
        from fmsdk.schema.json_schema import strict

        parameters = limited(strict(parameters))
        strictness = {"strict": True}
    described = {"description": tool.description} if tool.description else {}
    return {"name": tool.name, **described, "input_schema": parameters, **strictness}


def _tool_choice(builder: AnthropicRequestBuilder) -> dict[str, Any] | None:
    choice, one_at_a_time = builder.request.tool_choice, builder.options.disable_parallel_tool_use
    if choice == "none":
        return {"type": "none"}
    alone = {"disable_parallel_tool_use": True} if one_at_a_time else {}
    if choice == "auto":
        return {"type": "auto", **alone} if alone else None
    if choice == "required":
        return {"type": "any", **alone}
    return {"type": "tool", "name": choice, **alone}
