"""The keywords of `generate`, `stream` and `quote`: written once, and shown in the signatures."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from decimal import Decimal
from typing import Any, TypedDict, TypeVar

from fmsdk.request import (
    OutputModality,
    ReasoningEffort,
    Request,
    Settings,
    Tool,
    ToolChoice,
)

__all__ = ["GenerateOptions", "show_keywords"]

F = TypeVar("F", bound=Callable[..., Any])


class GenerateOptions(TypedDict, total=False):
    """The keywords of `generate`, `stream` and `quote`, beside `output`.

    system: the system prompt. modalities: kinds of content in the answer. tools: `Tool`s or plain
    functions. tool_choice: "auto", "none", "required" or a tool's name. stop: strings that end the
    answer. logprobs: how many likely tokens to report for each token. choices: how many answers.
    timeout: seconds for the whole call, with retries, without loading. tags: names and values for
    your records; they are in `response.tags`, and are sent to vendors that keep such. max_cost: the
    most that an attempt may cost in US dollars, by your own word: budgets reserve no more, a
    request that costs more by its quote is not sent, and a bill above it is a warning.
    lenient: drop settings that cannot be honoured, with a warning. allow_retired: ask the model
    although its vendor has switched it off. options: the provider's own, as a mapping or its
    class, such as `OpenAIOptions`.
    """

    system: str | None
    modalities: Iterable[OutputModality]
    tools: Iterable[Tool | Callable[..., Any]]
    tool_choice: ToolChoice
    max_output_tokens: int | None
    temperature: float | None
    top_p: float | None
    stop: str | Iterable[str]
    seed: int | None
    reasoning: ReasoningEffort | None
    logprobs: int | None
    choices: int
    timeout: float | None
    tags: Mapping[str, str] | Iterable[tuple[str, str]]
    max_cost: Decimal | str | float | None
    lenient: bool
    allow_retired: bool
    options: Any


_DEFAULTS = {spec.name: spec.default for kind in (Request, Settings) for spec in fields(kind)}


def show_keywords(verb: F) -> F:
    """Give a verb a signature with each of `GenerateOptions` in place of `**settings`. `help`,
    `inspect.signature` and the completion of notebooks show these keywords."""
    signature = inspect.signature(verb)
    *others, _ = signature.parameters.values()
    # Without a default, Python would miss `prompt` before a keyword such as `messages` is refused.
    others = [
        each.replace(default=each.empty, annotation="Prompt") if each.name == "prompt" else each
        for each in others
    ]
    keywords = [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=_DEFAULTS[name],
            annotation=getattr(hint, "__forward_arg__", hint),
        )
        for name, hint in GenerateOptions.__annotations__.items()
    ]
    shown: Any = verb
    shown.__signature__ = signature.replace(parameters=[*others, *keywords])
    return verb
