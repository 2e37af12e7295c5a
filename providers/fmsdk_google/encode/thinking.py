"""The field `generationConfig.thinkingConfig`, by what the model's generation takes."""

from __future__ import annotations

from typing import Any

from fmsdk.errors import BadRequestError
from fmsdk.provider import UnsupportedSettings
from fmsdk.request import Request
from fmsdk_google.encode.model_path import FIRST_THINKING, FIRST_WITH_LEVELS
from fmsdk_google.options import GoogleOptions

__all__ = ["encode_thinking"]

_LEVELS = ("minimal", "low", "medium", "high", "xhigh")
# As Google itself reads OpenAI's efforts: https://ai.google.dev/gemini-api/docs/openai
_BUDGETS = {"none": 0, "minimal": 1024, "low": 1024, "medium": 8192, "high": 24576}
_MOST = 24576


def encode_thinking(
    request: Request,
    options: GoogleOptions,
    generation: tuple[int, int],
    unsupported_settings: UnsupportedSettings | None,
) -> dict[str, Any]:
    """`thinkingConfig`; empty where nothing is asked for.

    Args:
        unsupported_settings: None on a server that may mean anything by the model's name. Then the
            name chooses between levels and budgets, but no effort is refused for it.

    Raises:
        UnsupportedSetting: what the model does not take, unless the request is lenient.
        BadRequestError: two settings for the same thing.
    """
    effort = request.settings.reasoning
    fields: dict[str, Any] = {}
    if options.include_thoughts is not None:
        fields["includeThoughts"] = options.include_thoughts
    if options.thinking_budget is not None:
        if effort is not None:
            why = "reasoning and GoogleOptions.thinking_budget set the same; use one of them"
            raise BadRequestError(why, provider=request.provider, model=request.model)
        fields["thinkingBudget"] = options.thinking_budget
    elif effort is None:
        pass
    elif generation >= FIRST_WITH_LEVELS and effort in _LEVELS:
        fields["thinkingLevel"] = effort.upper()
    elif unsupported_settings is None:
        fields["thinkingBudget"] = _BUDGETS.get(effort, _MOST)
    elif generation >= FIRST_WITH_LEVELS:
        why = "thinking cannot be turned off in Gemini 3 or later; use 'minimal' to 'xhigh'"
        unsupported_settings.drop("reasoning", why)
    elif generation < FIRST_THINKING:
        if effort != "none":
            unsupported_settings.drop("reasoning", "this model answers without thinking")
    elif effort in _BUDGETS:
        fields["thinkingBudget"] = _BUDGETS[effort]
    else:
        unsupported_settings.drop("reasoning", "Gemini 2.5 thinks up to 'high'")
    return fields
