"""Recorded requests of three vendors, as they went over the wire, turned into `Request`s.

What a request of fmsdk cannot hold raises `KeyError` or `ValueError`, and so does a medium that
would be left out, so that a row is never scored with a part of it missing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from fmsdk.provider import Platform
from fmsdk.request import Request
from tests.support.recorded_requests.anthropic import request_fields_of_messages
from tests.support.recorded_requests.gemini import request_fields_of_generate_content
from tests.support.recorded_requests.media import JsonObject, MediaFiles, count_markers
from tests.support.recorded_requests.openai import (
    request_fields_of_chat,
    request_fields_of_responses,
)
from tests.support.shared_folder import SHARED

__all__ = [
    "PROVIDER_OPTIONS",
    "billed_rows",
    "platform_of",
    "text_rows",
    "to_request",
    "unscored_rows",
]

_PROVIDERS = {"openai": "openai", "anthropic": "anthropic", "gemini": "google"}
_FIELDS: dict[str, Callable[[JsonObject, MediaFiles], JsonObject]] = {
    "chat": request_fields_of_chat,
    "responses": request_fields_of_responses,
    "messages": request_fields_of_messages,
    "generate_content": request_fields_of_generate_content,
}
PROVIDER_OPTIONS: dict[str, dict[str, Any]] = {
    "chat": {"api": "chat", "api_key": "none"},
    "responses": {"api": "responses", "api_key": "none"},
    "messages": {"api_key": "none"},
    "aistudio": {"vertex": False, "api_key": "none"},
    "vertex": {"vertex": True, "api_key": "none"},
}
"""The provider's options that ask the platform of a recording; no key is ever used."""


def platform_of(row: JsonObject) -> Platform:
    """Where the request went: "chat", "responses", "messages", "aistudio" or "vertex"."""
    return row["platform"] if row["api"] == "generate_content" else row["api"]


def billed_rows() -> Iterator[JsonObject]:
    """Every recording whose bill can be compared."""
    return (row for row in _rows() if not row["exclude"])


def unscored_rows() -> Iterator[JsonObject]:
    """The recordings whose bill holds more than the request does."""
    return (row for row in _rows() if row["exclude"])


def text_rows() -> Iterator[tuple[JsonObject, Request]]:
    """(recording, request) of every recorded text request whose bill can be compared."""
    for row in billed_rows():
        if row["kind"] == "text":
            yield row, to_request(row)


def to_request(row: JsonObject) -> Request:
    """The `Request` that would have been sent as this recording.

    Raises:
        KeyError, ValueError: no `Request` holds what was sent.
    """
    fields = _FIELDS[row["api"]](row["request"], MediaFiles(row))
    request = Request(provider=_PROVIDERS[row["vendor"]], model=row["model"], **fields)
    sent, media = count_markers(row["request"]), sum(1 for _ in request.media())
    if sent > media:
        raise ValueError(f"{sent} media were sent, and the request has {media}")
    return request


def _rows() -> Iterator[JsonObject]:
    with (SHARED / "billing" / "billing_dev.jsonl").open() as lines:
        yield from map(json.loads, lines)
