"""What a finished response says of the whole answer: its finish, the tools that ran, warnings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

from fmsdk.response import Finish, Warning
from fmsdk_openai.decode.responses_types import Item, ResponseObject

__all__ = ["UNFINISHED_STATUSES", "count_charged_tools", "decode_finish", "finish_warnings"]

UNFINISHED_STATUSES = frozenset({"queued", "in_progress"})
_BROKEN_OFF = frozenset({"cancelled", "failed", *UNFINISHED_STATUSES})
_INCOMPLETE: dict[str, Finish] = {
    "max_output_tokens": "length",
    "content_filter": "content_filter",
}
_CHARGED_TOOLS = frozenset({"web_search_call", "file_search_call", "code_interpreter_call"})


def decode_finish(response: ResponseObject, *, has_calls: bool) -> tuple[Finish, str | None]:
    """The normalised finish, and the vendor's: its status, with the reason if incomplete."""
    status = response.status
    if status == "incomplete":
        reason = (response.incomplete_details and response.incomplete_details.reason) or ""
        return _INCOMPLETE.get(reason, "other"), f"incomplete:{reason}"
    if status == "completed":
        return "tool_calls" if has_calls else "stop", status
    return "cancelled" if status in _BROKEN_OFF else "other", status


def count_charged_tools(items: Iterable[Item]) -> dict[str, int]:
    """How often OpenAI ran those of its own tools that it charges for. In a web search, OpenAI
    charges for searching, and not for opening a page."""
    calls: dict[str, int] = {}
    for item in items:
        if item.type not in _CHARGED_TOOLS:
            continue
        action = item.action
        if isinstance(action, dict):
            action_type = cast("dict[str, Any]", action).get("type", "search")
            if action_type != "search":
                continue
        name = item.type.removesuffix("_call")
        calls[name] = calls.get(name, 0) + 1
    return calls


def finish_warnings(items: Iterable[Item], server_tools: Mapping[str, int]) -> list[Warning]:
    """Warnings for a tool whose price nothing in the answer says, and for pieces of messages that
    hold neither a text nor a refusal."""
    warnings: list[Warning] = []
    if "code_interpreter" in server_tools:
        message = "the container of code_interpreter is billed by time, which the cost leaves out"
        warnings.append(Warning("usage_elsewhere", message, "code_interpreter"))
    kinds = {
        piece.type
        for item in items
        for piece in item.content or ()
        if item.type == "message" and piece.text is None and piece.refusal is None
    }
    where = "has no place in fmsdk and was left out; see response.raw"
    warnings += (
        Warning("content_skipped", f"a {kind!r} piece of the answer {where}", kind)
        for kind in sorted(kinds)
    )
    return warnings
