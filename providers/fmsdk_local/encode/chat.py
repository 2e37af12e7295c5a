"""From a `Request` to the variables of a chat template: messages, tools, settings. Pure.

Media parts are not opened here but in `fmsdk_local.encode.prompt`. What a template cannot show
the model raises, or is dropped with a warning where the caller is lenient.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast, get_args

from fmsdk.content import Image, MediaPart, Part, Reasoning, Text, ToolCall, ToolResult
from fmsdk.errors import UnsupportedContent
from fmsdk.provider import UnsupportedSettings
from fmsdk.request import Message, Request, Tool
from fmsdk.response import Warning
from fmsdk_local.options import options_of

__all__ = ["Chat", "ChatEncoder"]

_MEDIA = get_args(MediaPart)
_REASONING_VARIABLES = ("enable_thinking", "thinking", "reasoning_effort")


@dataclass(frozen=True, slots=True)
class Chat:
    """A conversation as chat templates take it. For a multimodal template, each content is a list
    of blocks, and media blocks hold the part itself; for a text-only one it is a string."""

    messages: list[dict[str, Any]]
    tools: list[dict[str, Any]]
    variables: dict[str, Any]


class ChatEncoder:
    """Encodes one request for a chat template.

    Args:
        request: the request.
        unsupported_settings: collects what is dropped, or raises.
        template_names: the names that the template's code uses.
        multimodal: the template takes lists of blocks.
        reads_calls: tool calls in the template's form can be read.
    """

    def __init__(
        self,
        request: Request,
        unsupported_settings: UnsupportedSettings,
        *,
        template_names: frozenset[str],
        multimodal: bool,
        reads_calls: bool = True,
    ) -> None:
        self.request = request
        self.unsupported_settings = unsupported_settings
        self.template_names = template_names
        self.multimodal = multimodal
        self.reads_calls = reads_calls

    def encode_chat(self) -> Chat:
        """The whole request.

        Raises:
            UnsupportedContent: a part that a template cannot carry.
            UnsupportedSetting: a setting that the template or the engine cannot honour.
        """
        parts = list(self.request.parts())
        if any(isinstance(part, Image) and part.detail not in (None, "auto") for part in parts):
            self.unsupported_settings.drop(
                "detail", "a local model processes every picture at its own size"
            )
        if any(getattr(part, "cache", False) for part in parts):
            self.unsupported_settings.warnings.append(
                Warning(
                    "cache_mark_ignored",
                    "cache marks have no effect: nothing is cached between calls",
                )
            )
        return Chat(
            self.encode_conversation(), self.encode_tools(), self.encode_template_variables()
        )

    def encode_conversation(self) -> list[dict[str, Any]]:
        """The system prompt and all messages."""
        turns: list[dict[str, Any]] = []
        if self.request.system is not None:
            content = self.encode_content([Text(self.request.system)], multimodal=self.multimodal)
            turns.append({"role": "system", "content": content})
        tool_names: dict[str, str] = {}
        for message in self.request.messages:
            calls = [part for part in message.parts if isinstance(part, ToolCall)]
            tool_names.update((call.id, call.name) for call in calls)
            results = [part for part in message.parts if isinstance(part, ToolResult)]
            turns += [self.encode_tool_result(result, tool_names) for result in results]
            if len(results) < len(message.parts):
                turns.append(self.encode_turn(message))
        return turns

    def encode_turn(self, message: Message) -> dict[str, Any]:
        """A message without its tool results: content, reasoning, tool calls."""
        content = [part for part in message.parts if isinstance(part, (Text, *_MEDIA))]
        turn: dict[str, Any] = {
            "role": message.role,
            "content": self.encode_content(content, multimodal=self.multimodal),
        }
        reasoning = "".join(part.text for part in message.parts if isinstance(part, Reasoning))
        if reasoning:
            turn["reasoning_content"] = reasoning
        calls = [part for part in message.parts if isinstance(part, ToolCall)]
        if calls:
            # gpt-oss's template: what it thought before a call, in place of a text.
            if reasoning and not content and "thinking" in self.template_names:
                turn["thinking"] = reasoning
            turn["tool_calls"] = [self.encode_tool_call(call) for call in calls]
        return turn

    def encode_content(self, parts: Sequence[Part], *, multimodal: bool) -> Any:
        """A list of blocks, or a string for a text-only template."""
        if multimodal:
            return [self.encode_part(cast("Text | MediaPart", part)) for part in parts]
        for part in parts:
            if not isinstance(part, Text):
                kind = cast("MediaPart", part).kind
                raise UnsupportedContent(f"{self.request.name} takes text, not {kind}", part=kind)
        # A line break between parts, as vLLM joins them: they were separate for the caller.
        return "\n".join(cast("Text", part).text for part in parts)

    def encode_part(self, part: Text | MediaPart) -> dict[str, Any]:
        """A block of content."""
        if isinstance(part, Text):
            return {"type": "text", "text": part.text}
        return {"type": part.kind, part.kind: part}

    def encode_tool_call(self, call: ToolCall) -> dict[str, Any]:
        """A tool call of an assistant turn."""
        arguments = dict(call.arguments) if call.raw is None else call.raw
        return {
            "type": "function",
            "id": call.id,
            "function": {"name": call.name, "arguments": arguments},
        }

    def encode_tool_result(self, result: ToolResult, tool_names: dict[str, str]) -> dict[str, Any]:
        """A tool result, as a turn of its own. `tool_names` has the tool's name by call id."""
        parts: tuple[Part, ...] = result.content
        if result.is_error:
            parts = (Text("Error:"), *parts)
        # Templates expect a string from a tool, even those that expect lists in all other turns.
        as_blocks = self.multimodal and any(not isinstance(part, Text) for part in parts)
        turn: dict[str, Any] = {
            "role": "tool",
            "tool_call_id": result.call_id,
            "content": self.encode_content(parts, multimodal=as_blocks),
        }
        name = result.name or tool_names.get(result.call_id)
        return {**turn, "name": name} if name else turn

    def encode_tools(self) -> list[dict[str, Any]]:
        """The tools that the model is shown."""
        request = self.request
        if not request.tools or request.tool_choice == "none":
            return []
        if "tools" not in self.template_names:
            self.unsupported_settings.drop("tools", "its chat template has no place for tools")
            return []
        if not self.reads_calls:
            self.unsupported_settings.drop(
                "tools", "its chat template has tool calls in a form that fmsdk does not read"
            )
            return []
        if request.tool_choice != "auto":
            self.unsupported_settings.drop(
                "tool_choice", "a local model cannot be forced to call a tool"
            )
        if any(tool.strict for tool in request.tools):
            self.unsupported_settings.drop(
                "strict", "a local model cannot be constrained to a tool's schema"
            )
        return [self.encode_tool(tool) for tool in request.tools]

    def encode_tool(self, tool: Tool) -> dict[str, Any]:
        """The definition of a tool."""
        return {
            "type": "function",
            "function": {
                "name": tool.name,
                "description": tool.description,
                "parameters": dict(tool.parameters),
            },
        }

    def encode_template_variables(self) -> dict[str, Any]:
        """The variables beside messages and tools: those of `reasoning`, and the caller's own."""
        variables: dict[str, Any] = {}
        effort = self.request.settings.reasoning
        if effort is not None:
            is_enabled = effort != "none"
            values = {
                "enable_thinking": is_enabled,
                "thinking": is_enabled,
                "reasoning_effort": effort,
            }
            variables = {
                name: values[name] for name in _REASONING_VARIABLES if name in self.template_names
            }
            if not variables:
                self.unsupported_settings.drop(
                    "reasoning", "its chat template has no variable for it"
                )
        custom = options_of(self.request).template or {}
        unknown = sorted(custom.keys() - self.template_names)
        if unknown:
            self.unsupported_settings.drop(
                "options.template", f"its chat template has no variable {', '.join(unknown)}"
            )
        variables.update((name, custom[name]) for name in custom if name in self.template_names)
        return variables
