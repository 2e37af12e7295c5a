"""What to write in place of a keyword, option or value that fmsdk does not take: its own name for
what other SDKs call so, and near matches."""

from __future__ import annotations

import difflib
import functools
import inspect
from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeVar, cast

__all__ = ["keyword_hint", "near_match_hint", "part_hint", "refuse_unknown_keywords"]

_CLOSE = 0.7
F = TypeVar("F", bound=Callable[..., Any])

_OTHER_NAMES: dict[str, tuple[str, ...]] = {
    "max_output_tokens=": (
        *("max_tokens", "max_completion_tokens", "max_new_tokens", "max_tokens_to_sample"),
        *("maxOutputTokens", "num_predict", "n_predict"),
    ),
    "stop=": ("stop_sequences", "stop_words", "stop_strings", "stopSequences"),
    "system=": ("system_prompt", "system_instruction", "system_message", "instructions"),
    "prompt= (text, parts, or fmsdk.Message(…)s)": (
        "messages",
        "input",
        "inputs",
        "contents",
        "content",
        "query",
    ),
    "output=": (
        *("response_format", "response_model", "response_schema", "output_type", "output_schema"),
        *("text_format", "output_format", "json_schema", "schema", "format"),
    ),
    "reasoning=": ("reasoning_effort", "effort", "thinking", "thinking_level"),
    "choices=": ("n", "candidate_count", "num_return_sequences", "best_of"),
    "tool_choice=": ("function_call", "tool_config"),
    "tools=": ("functions",),
    "logprobs=": ("top_logprobs",),
    "modalities=": ("response_modalities",),
    "tags=": ("metadata", "labels"),
    "client.stream(…)": ("stream", "streaming"),
    "Client(retries=…)": ("max_retries", "num_retries", "retries"),
    "Client(providers={'openai': {…}})": (
        *("api_key", "base_url", "api_base", "http_client", "default_headers"),
        *("organization", "project", "region", "endpoint", "azure_endpoint", "host"),
    ),
    "options=, the provider's own options (such as {'top_k': 40}),": (
        *("top_k", "extra_body", "extra_headers", "service_tier", "store", "user", "verbosity"),
        *("previous_response_id", "parallel_tool_calls", "safety_settings", "repetition_penalty"),
    ),
}
_SUGGESTIONS = {name: suggestion for suggestion, names in _OTHER_NAMES.items() for name in names}


def keyword_hint(name: str, known: Collection[str]) -> str:
    """What to write in place of the keyword `name`, as the end of a message."""
    suggestion = _SUGGESTIONS.get(name)
    keyword = "" if suggestion is None else suggestion.partition("=")[0]
    if suggestion and (keyword in known or not keyword.isidentifier()):
        return f"; use {suggestion} here"
    if (
        suggestion
        and keyword != "options"
        and not difflib.get_close_matches(name, known, n=1, cutoff=_CLOSE)
    ):
        return f"; use {keyword}= of generate(…)"
    return near_match_hint(name, known)


def refuse_unknown_keywords(function: F) -> F:
    """The function; a keyword that it does not have raises with a hint."""
    parameters = inspect.signature(function).parameters
    known = sorted(parameters.keys() - {"self"})

    def check(keywords: Mapping[str, Any]) -> None:
        for name in keywords:
            if name not in parameters:
                raise TypeError(f"unexpected keyword argument {name!r}{keyword_hint(name, known)}")

    @functools.wraps(function)
    async def call_later(*args: Any, **keywords: Any) -> Any:
        check(keywords)
        return await function(*args, **keywords)

    @functools.wraps(function)
    def call(*args: Any, **keywords: Any) -> Any:
        check(keywords)
        return function(*args, **keywords)

    return cast("F", call_later if inspect.iscoroutinefunction(function) else call)


def near_match_hint(name: str, known: Collection[str]) -> str:
    """The names that `name` may be meant for, or all there are, as the end of a message."""
    nearest = difflib.get_close_matches(name, known, n=2, cutoff=_CLOSE)
    if nearest:
        return f"; did you mean {' or '.join(nearest)}?"
    return f"; known: {', '.join(known)}"


def part_hint(value: object) -> str:
    """What to write in place of a value that is no part of a message, as the end of a message."""
    if isinstance(value, Mapping):
        fields = cast("Mapping[object, object]", value)
        if "role" in fields:
            return (
                f"; write fmsdk.Message({fields['role']!r:.20}, …) in place of a dict with a role"
            )
        if "type" in fields:
            return "; write fmsdk.Text(…), fmsdk.Image(…), … in place of a dict with a type"
        return "; for JSON write json.dumps(…)"
    if hasattr(value, "__array__") or hasattr(value, "__array_interface__"):
        pixels = "fmsdk.Image(PIL.Image.fromarray(array)) for pixels"
        return f"; write {pixels}, fmsdk.Audio(array, rate=…) for samples"
    if hasattr(value, "choices") and hasattr(value, "message"):
        return "; write answer.message, the turn of an answer"
    is_reference = hasattr(value, "provider") and hasattr(value, "id")
    if isinstance(value, (list, tuple)):
        return "; write its items themselves, or fmsdk.Audio(samples, rate=…) for samples"
    if isinstance(value, (bytes, bytearray, memoryview)) or hasattr(value, "read") or is_reference:
        return "; say what it is: fmsdk.Image(…), fmsdk.Audio(…), fmsdk.Document(…)"
    return ""
