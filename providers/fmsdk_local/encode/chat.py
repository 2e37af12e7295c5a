"""From a `Request` to what a chat template takes: messages, tools, variables. Pure.

Media stay parts here; `fmsdk_local.encode.prompt` opens them. What a template cannot show the model
raises, or is dropped with a warning where the caller is lenient.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast, get_args

from fmsdk.content import Image, MediaPart, Part, Reasoning, Text, ToolCall, ToolResult
from fmsdk.errors import UnsupportedContent
from fmsdk.provider import UnsupportedSettings
from fmsdk.request import Message, Request, Tool
from fmsdk.response import Warning
from fmsdk_local.options import options_of

__all__ = ["Chat", "encode"]

_MEDIA = get_args(MediaPart)
_EFFORT_NAMES = ("enable_thinking", "thinking", "reasoning_effort")


@dataclass(frozen=True, slots=True)
class Chat:
    """A conversation as chat templates take it. In a multimodal one every content is a list of
    blocks, and media blocks hold the part itself; in a text-only one it is a string."""

    messages: list[dict[str, Any]]
    tools: list[dict[str, Any]]
    variables: dict[str, Any]


def encode(
    request: Request,
    unsupported_settings: UnsupportedSettings,
    *,
    names: frozenset[str],
    multimodal: bool,
) -> Chat:
    """The request for a template whose code uses `names`.

    Raises:
        UnsupportedContent: a part that no template can carry.
        UnsupportedSetting: a setting this template or engine cannot honour (see `Losses`).
    """
    if any(
        isinstance(part, Image) and part.detail not in (None, "auto") for part in request.parts()
    ):
        unsupported_settings.drop("detail", "a local model sees every picture at its own size")
    if any(getattr(part, "cache", False) for part in request.parts()):
        unsupported_settings.warnings.append(
            Warning("cache_mark_ignored", "cache marks do nothing: nothing is kept between calls")
        )
    messages = list(_messages(request, multimodal))
    return Chat(
        messages,
        _tools(request, unsupported_settings, names),
        _variables(request, unsupported_settings, names),
    )


def _messages(request: Request, multimodal: bool) -> Iterator[dict[str, Any]]:
    if request.system is not None:
        yield {"role": "system", "content": _content(request, [Text(request.system)], multimodal)}
    called: dict[str, str] = {}
    for message in request.messages:
        called.update((part.id, part.name) for part in message.parts if isinstance(part, ToolCall))
        for part in message.parts:
            if isinstance(part, ToolResult):
                yield _result(request, part, called, multimodal)
        if any(not isinstance(part, ToolResult) for part in message.parts):
            yield _turn(request, message, multimodal)


def _turn(request: Request, message: Message, multimodal: bool) -> dict[str, Any]:
    shown = [part for part in message.parts if isinstance(part, (Text, *_MEDIA))]
    turn: dict[str, Any] = {
        "role": message.role,
        "content": _content(request, shown, multimodal),
    }
    thought = "".join(part.text for part in message.parts if isinstance(part, Reasoning))
    if thought:
        turn["reasoning_content"] = thought
    calls = [_call(part) for part in message.parts if isinstance(part, ToolCall)]
    if calls:
        turn["tool_calls"] = calls
    return turn


def _content(request: Request, parts: Sequence[Part], multimodal: bool) -> Any:
    if multimodal:
        return [_block(part) for part in parts]
    for part in parts:
        if not isinstance(part, Text):
            kind = cast("MediaPart", part).kind
            raise UnsupportedContent(f"{request.name} takes text, not {kind}", part=kind)
    # Between parts a line break, as vLLM puts it: they were separate for the caller.
    return "\n".join(cast("Text", part).text for part in parts)


def _block(part: Part) -> dict[str, Any]:
    if isinstance(part, Text):
        return {"type": "text", "text": part.text}
    kind = cast("MediaPart", part).kind
    return {"type": kind, kind: part}


def _call(call: ToolCall) -> dict[str, Any]:
    arguments = dict(call.arguments) if call.raw is None else call.raw
    return {
        "type": "function",
        "id": call.id,
        "function": {"name": call.name, "arguments": arguments},
    }


def _result(
    request: Request, result: ToolResult, called: dict[str, str], multimodal: bool
) -> dict[str, Any]:
    parts: tuple[Part, ...] = result.content
    if result.is_error:
        parts = (Text("Error:"), *parts)
    # Templates expect text of a tool, even those that want lists from everybody else.
    in_blocks = multimodal and any(not isinstance(part, Text) for part in parts)
    turn: dict[str, Any] = {
        "role": "tool",
        "tool_call_id": result.call_id,
        "content": _content(request, parts, in_blocks),
    }
    name = result.name or called.get(result.call_id)
    return {**turn, "name": name} if name else turn


def _tools(
    request: Request, unsupported_settings: UnsupportedSettings, names: frozenset[str]
) -> list[dict[str, Any]]:
    if not request.tools or request.tool_choice == "none":
        return []
    if "tools" not in names:
        unsupported_settings.drop("tools", "its chat template has no place for tools")
        return []
    if request.tool_choice != "auto":
        unsupported_settings.drop("tool_choice", "a local model cannot be made to call a tool")
    if any(tool.strict for tool in request.tools):
        unsupported_settings.drop("strict", "a local model cannot be held to a tool's schema")
    return [_tool(tool) for tool in request.tools]


def _tool(tool: Tool) -> dict[str, Any]:
    return {
        "type": "function",
        "function": {
            "name": tool.name,
            "description": tool.description,
            "parameters": dict(tool.parameters),
        },
    }


def _variables(
    request: Request, unsupported_settings: UnsupportedSettings, names: frozenset[str]
) -> dict[str, Any]:
    variables: dict[str, Any] = {}
    effort = request.settings.reasoning
    if effort is not None:
        thinks = effort != "none"
        known = {"enable_thinking": thinks, "thinking": thinks, "reasoning_effort": effort}
        variables = {name: known[name] for name in _EFFORT_NAMES if name in names}
        if not variables:
            unsupported_settings.drop("reasoning", "its chat template has no switch for it")
    given = options_of(request).template or {}
    unknown = sorted(given.keys() - names)
    if unknown:
        unsupported_settings.drop(
            "options.template", f"its chat template has no variable {', '.join(unknown)}"
        )
    return {**variables, **{name: given[name] for name in given if name in names}}
