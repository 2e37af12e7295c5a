"""The conversation: turns as the Messages API takes them.

Runs of turns of one speaker become one, the results of tools first in it, since that is where
the API looks for them. Texts without a visible character are refused by the API, and left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from itertools import dropwhile, groupby, takewhile
from typing import Any, Literal

from fmsdk.content import MediaPart, Part, Reasoning, Text, ToolCall, ToolResult
from fmsdk.request import Message
from fmsdk_anthropic.encode.request_builder import AnthropicRequestBuilder

__all__ = ["conversation", "system_prompt"]

Speaker = Literal["system", "user", "assistant"]
INVALID_JSON = "INVALID_JSON"
"""The key that Anthropic's guide gives arguments which are no JSON object, so that they can go
back: https://platform.claude.com/docs/en/agents-and-tools/tool-use/fine-grained-tool-streaming"""


def system_prompt(builder: AnthropicRequestBuilder) -> dict[str, Any]:
    """The field for the system prompt, and for system messages that open the conversation."""
    request, mark = builder.request, builder.options.cache_system
    opening = takewhile(_is_system, request.messages)
    texts = [Text(request.system)] if request.system is not None else []
    texts += [part for message in opening for part in _checked(builder, message)]
    blocks = _blocks(builder, texts)
    if not blocks:
        if mark:
            builder.unsupported_settings.drop("options.cache_system", "there is no system prompt")
        return {}
    if mark:
        builder.mark_after(blocks, mark)
    if len(blocks) == 1 and blocks[0].keys() == {"type", "text"}:
        return {"system": blocks[0]["text"]}
    return {"system": blocks}


def conversation(builder: AnthropicRequestBuilder) -> list[dict[str, Any]]:
    """The turns after the opening. Raises UnsupportedContent, BadRequestError."""
    later = dropwhile(_is_system, builder.request.messages)
    turns: list[dict[str, Any]] = []
    opens_blank = False
    for speaker, run in groupby(later, _speaker):
        parts = [part for message in run for part in _checked(builder, message)]
        if speaker == "assistant":
            content = _answered(builder, parts)
        else:
            content = _said(builder, speaker, parts)
        if content:
            turns.append({"role": speaker, "content": content})
        elif speaker == "user" and not turns:
            opens_blank = True
    if opens_blank and (not turns or turns[0]["role"] == "assistant"):
        why = f"the conversation opens with white space alone, which {builder.api} refuses"
        raise builder.invalid(f"{why}; give its first turn a text")
    return turns


def _is_system(message: Message) -> bool:
    return message.role == "system"


def _speaker(message: Message) -> Speaker:
    return "user" if message.role == "tool" else message.role


def _checked(builder: AnthropicRequestBuilder, message: Message) -> tuple[Any, ...]:
    builder.check_role(message)
    return message.parts


def _said(
    builder: AnthropicRequestBuilder, speaker: Speaker, parts: Sequence[Part]
) -> list[dict[str, Any]]:
    if speaker == "system" and not builder.family.takes_system_turns:
        why = (
            f"{builder.request.name} takes system messages at the start of the conversation alone; "
            "put it there, into system=, or into a user message"
        )
        raise builder.invalid(why)
    results = [builder.result(part) for part in parts if isinstance(part, ToolResult)]
    rest = [part for part in parts if isinstance(part, Text | MediaPart)]
    return results + _blocks(builder, rest, before=results)


def _blocks(
    builder: AnthropicRequestBuilder,
    parts: Iterable[Text | MediaPart],
    before: Sequence[dict[str, Any]] = (),
) -> list[dict[str, Any]]:
    """Blocks of a turn, which come after those of it that are made already."""
    blocks: list[dict[str, Any]] = []
    for part in parts:
        if isinstance(part, Text) and _is_blank(builder, part):
            _move_mark(builder, part, [*before, *blocks])
        else:
            blocks.append(builder.block(part))
    return blocks


def _is_blank(builder: AnthropicRequestBuilder, text: Text) -> bool:
    if text.text.strip():
        return False
    if text.text:
        why = f"text of nothing but white space was left out, which {builder.api} refuses"
        builder.note("blank_text_dropped", why, "text")
    return True


def _move_mark(
    builder: AnthropicRequestBuilder, text: Text, before: Sequence[dict[str, Any]]
) -> None:
    """A cache point after nothing is one after what comes before it."""
    if not text.cache:
        return
    if not builder.mark_after(before, text.cache):
        builder.note("cache_mark_ignored", "a cache mark with no text before it does nothing")


def _answered(builder: AnthropicRequestBuilder, parts: Sequence[Part]) -> list[dict[str, Any]]:
    """The model's own turn, in the blocks it came in and in their order."""
    blocks: list[dict[str, Any]] = []
    has_text = any(isinstance(part, Text) and part.text.strip() for part in parts)
    for part, fields in builder.pair_text_metadata(parts, partial(_opaque, builder), "text"):
        if isinstance(part, Text):
            made = _blocks(builder, [part], before=blocks)
            if fields and not made:
                builder.reasoning_dropped()
            blocks += ({**fields, **block} for block in made)
        elif isinstance(part, ToolCall):
            blocks.append(_call(builder, part))
        elif isinstance(part, Reasoning):
            blocks += [fields] if fields else []
        elif isinstance(part, MediaPart):
            builder.require_transcript(part, has_text)
    return blocks


def _call(builder: AnthropicRequestBuilder, call: ToolCall) -> dict[str, Any]:
    arguments = dict(call.arguments) if call.raw is None else {INVALID_JSON: call.raw}
    return {
        "type": "tool_use",
        "id": builder.call_id(call.id),
        "name": call.name,
        "input": arguments,
        **builder.opaque(call),
    }


def _opaque(builder: AnthropicRequestBuilder, part: Reasoning) -> dict[str, Any]:
    """The vendor's own block, unchanged; what is not from there stays behind, and that is said."""
    item = builder.opaque(part)
    if "type" not in item:
        builder.reasoning_dropped()
        return {}
    return item
