"""Bodies of every feature against Anthropic's own request schema, streamed and plain."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fmsdk.content import Document, FileRef, Image, Text, ToolCall, ToolResult
from fmsdk.request import Message, Tool
from fmsdk_anthropic import AnthropicOptions
from tests.support.anthropic.encoding import (
    PDF,
    PNG,
    REDACTED,
    SEARCH,
    THINKING,
    WEATHER,
    City,
    opaque,
)
from tests.support.anthropic.provider import body, build_request
from tests.support.shared_folder import needs_shared, validator

STRICT = Tool("count", "", {"type": "object", "properties": {"n": {"type": "integer"}}}, True)
FETCH = {"type": "web_fetch_20250910", "name": "web_fetch", "citations": {"enabled": False}}
CITATION = {
    "type": "page_location",
    "cited_text": "a",
    "document_index": 0,
    "document_title": None,
    "start_page_number": 1,
    "end_page_number": 2,
}
CASES: dict[str, dict[str, Any]] = {
    "text": {"prompt": "Hello"},
    "system": {"system": "Be brief."},
    "picture": {"prompt": ["What?", Image(PNG)]},
    "picture by URL": {"prompt": [Image("https://example.org/a.png"), "What?"]},
    "document": {"prompt": [Document(PDF, name="Report"), "What?"]},
    "document by URL": {"prompt": [Document("https://example.org/a.pdf"), "What?"]},
    "document of text": {"prompt": [Document(b"a,b", mime_type="text/csv"), "What?"]},
    "citations": {
        "prompt": [Document(PDF), "What?"],
        "options": AnthropicOptions(citations=True),
    },
    "conversation": {"prompt": [Message("user", "a"), Message("assistant", "b"), "c"]},
    "tools": {"tools": [WEATHER, STRICT], "tool_choice": "weather"},
    "tools required": {"tools": [WEATHER], "tool_choice": "required"},
    "tools forbidden": {"tools": [WEATHER], "tool_choice": "none"},
    "tools one by one": {
        "tools": [WEATHER],
        "options": AnthropicOptions(disable_parallel_tool_use=True),
    },
    "tool results": {
        "prompt": [
            Message("user", "?"),
            Message("assistant", ["Looking.", ToolCall("a", "weather", {"city": "Rome"})]),
            Message("tool", ToolResult("a", ["Done", Image(PNG), Document(PDF)], is_error=True)),
        ],
        "tools": [WEATHER],
    },
    "tools of the vendor": {"options": AnthropicOptions(server_tools=(FETCH,))},
    "structured": {"output": City},
    "sampling": {"temperature": 0.5, "top_p": 0.9, "stop": ["a"], "max_output_tokens": 64},
    "top k": {"options": AnthropicOptions(top_k=3)},
    "budget": {"reasoning": "xhigh", "model": "anthropic:claude-sonnet-4-5"},
    "effort": {"reasoning": "max", "output": City},
    "no thinking": {"reasoning": "none"},
    "thoughts shown": {"options": AnthropicOptions(thinking_display="summarized")},
    "thoughts go back": {
        "prompt": [
            Message("user", "?"),
            Message(
                "assistant",
                [
                    opaque(THINKING),
                    opaque(REDACTED),
                    opaque(SEARCH),
                    opaque({"type": "text", "citations": [CITATION]}),
                    "Looking.",
                ],
            ),
            Message("user", "!"),
        ]
    },
    "cache marks": {
        "prompt": [Text("a", cache="1h"), Image(PNG, cache=True), "b"],
        "system": "Be brief.",
        "tools": [WEATHER],
        "options": AnthropicOptions(cache_system="1h", cache_tools="1h"),
    },
    "options": {
        "options": AnthropicOptions(
            service_tier="standard_only", inference_geo="us", user_id="u", container="c", cache=True
        ),
    },
}
# What is newer than the schema: the SDK's own types of today know them.
NEWER: dict[str, dict[str, Any]] = {
    "picture held by Anthropic": {"prompt": [Image(FileRef("anthropic", "f")), "What?"]},
    "document held by Anthropic": {"prompt": [Document(FileRef("anthropic", "f")), "What?"]},
    "system message later on": {
        "prompt": [Message("user", "a"), Message("system", "b")],
        "model": "anthropic:claude-opus-5",
    },
    "no thinking before tools": {"reasoning": "none", "model": "anthropic:claude-sonnet-5-5"},
    "speed": {"options": AnthropicOptions(speed="fast")},
}


@needs_shared
@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
@pytest.mark.parametrize("settings", CASES.values(), ids=CASES)
def test_the_vendors_schema_knows_every_field(settings: dict[str, Any], stream: bool) -> None:
    sent = body(build_request(**settings), stream=stream)
    assert validator().check("anthropic", "messages", sent) == []


@pytest.mark.parametrize("settings", (CASES | NEWER).values(), ids=CASES | NEWER)
def test_the_sdks_types_know_every_field(settings: dict[str, Any]) -> None:
    from anthropic.types import message_create_params
    from pydantic import TypeAdapter

    adapter = TypeAdapter(message_create_params.MessageCreateParams)
    sent = body(build_request(**settings))
    without = {"temperature", "top_p", "top_k"}  # of an older version of the API
    adapter.validate_python({name: value for name, value in sent.items() if name not in without})
    known = message_create_params.MessageCreateParamsBase.__annotations__.keys() | without
    assert sent.keys() <= known
    assert json.dumps(sent)
