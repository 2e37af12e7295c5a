"""Bodies read back into what they ask: a reader for each wire, written from the vendor's
documentation and not from the encoders, which it is to check.

A reader takes a request as the server saw it and gives an `Asked`. Fields of the body's top level
that it does not know count as the caller's `extra_body`.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

from fmsdk.content import Text, ToolCall, ToolResult
from tests.support.scripted_server import ReceivedRequest

__all__ = ["call_of", "extra_headers", "result_of", "text_or_pieces", "unwrapped"]

_ERROR = "Error: "


def unwrapped(data_url: str) -> tuple[bytes, str]:
    """The bytes of a base64 `data:` URL, and their media type."""
    head, _, body = data_url.partition(",")
    mime = head.removeprefix("data:").removesuffix(";base64")
    return base64.b64decode(body, validate=True), mime


def text_or_pieces(content: Any) -> list[dict[str, Any]]:
    """Content that may be one text instead of a list of pieces, as pieces."""
    return [{"type": "text", "text": content}] if isinstance(content, str) else content or []


def call_of(id: str, name: str, arguments: str) -> ToolCall:
    """A call whose arguments are JSON text, which may be broken."""
    try:
        value = json.loads(arguments)
    except ValueError:
        value = None
    if isinstance(value, dict):
        return ToolCall(id, name, value)
    return ToolCall(id, name, raw=arguments)


def result_of(call_id: str, parts: list[Any]) -> ToolResult:
    """A tool's result on a wire that has no field for failure, where fmsdk's word says it, and
    none for a cache mark after the result, which its last piece has."""
    first = parts[0] if parts and isinstance(parts[0], Text) else Text("")
    failed = first.text == _ERROR.strip() or first.text.startswith(_ERROR)
    if failed:
        said = first.text.removeprefix(_ERROR.strip()).removeprefix(" ")
        parts = [Text(said, first.cache), *parts[1:]]
    return ToolResult(call_id, parts, is_error=failed, cache=bool(parts and parts[-1].cache))


def extra_headers(seen: ReceivedRequest) -> Mapping[str, str]:
    """The headers that a test added, which are named x-matrix-…"""
    return {name: value for name, value in seen.headers.items() if name.startswith("x-matrix-")}
