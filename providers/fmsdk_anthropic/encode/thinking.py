"""The fields `thinking` and `output_config.effort`, by what the model's family takes."""

from __future__ import annotations

from typing import Any

from fmsdk.provider import UnsupportedSettings
from fmsdk.request import ReasoningEffort, Request
from fmsdk_anthropic.encode.model_family import ModelFamily, output_limit
from fmsdk_anthropic.options import AnthropicOptions

__all__ = ["encode_thinking"]

# Our own choice: Anthropic names no budgets for levels of effort. `max` takes all that is left.
_BUDGETS: dict[ReasoningEffort, int] = {
    "minimal": 1024,
    "low": 2048,
    "medium": 8192,
    "high": 16_384,
    "xhigh": 32_768,
    "max": 1_000_000,
}
_MIN_BUDGET = 1024
_MAX_SHARE = 0.8
"""The largest share of max_tokens to think with: thinking and answer share max_tokens."""


def encode_thinking(
    request: Request,
    options: AnthropicOptions,
    family: ModelFamily,
    unsupported_settings: UnsupportedSettings,
) -> tuple[dict[str, Any] | None, str | None]:
    """The field `thinking`, and the effort for `output_config`; None where a field is not sent.

    Raises:
        UnsupportedSetting: what the model does not take, unless the request is lenient.
    """
    effort: ReasoningEffort | None = request.settings.reasoning
    if effort is not None and (options.thinking is not None or options.effort is not None):
        unsupported_settings.drop(
            "reasoning", "options.thinking or options.effort are set in its place"
        )
        effort = None
    thinking = None if options.thinking is None else dict(options.thinking)
    sent_effort: str | None = options.effort
    if effort is not None:
        thinking = _thinking_of_effort(effort, request, family, unsupported_settings)
        if family.thinking == "adaptive" and thinking == {"type": "adaptive"}:
            sent_effort = effort
    if options.thinking_display is None:
        return thinking, sent_effort
    if thinking is None and family.thinking == "adaptive":
        thinking = {"type": "adaptive"}
    if thinking is None or thinking.get("type") not in ("adaptive", "enabled"):
        unsupported_settings.drop("options.thinking_display", "thinking is not on; set reasoning")
        return thinking, sent_effort
    return {**thinking, "display": options.thinking_display}, sent_effort


def _thinking_of_effort(
    effort: ReasoningEffort,
    request: Request,
    family: ModelFamily,
    unsupported_settings: UnsupportedSettings,
) -> dict[str, Any] | None:
    if effort == "none":
        if family.thinking == "none":
            return None
        if family.thinking_off is not None:
            return {"type": family.thinking_off}
        why = "this model always thinks; 'low' is the least it does"
    elif family.thinking == "none":
        why = "this model does not think"
    elif family.thinking == "budget":
        limit = request.settings.max_output_tokens or output_limit(request.model)
        if limit > _MIN_BUDGET:
            largest = max(_MIN_BUDGET, int(limit * _MAX_SHARE))
            return {"type": "enabled", "budget_tokens": min(_BUDGETS[effort], largest)}
        why = f"thinking takes {_MIN_BUDGET} tokens or more, of max_output_tokens={limit}"
    elif effort == "minimal" and family.is_certain:
        why = "this model takes none, low, medium, high, xhigh and max"
    else:
        return {"type": "adaptive"}
    unsupported_settings.drop("reasoning", why)
    return None
