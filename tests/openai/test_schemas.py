"""Bodies of every feature against OpenAI's own request schemas, streamed and plain."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fmsdk.content import Audio, Document, FileRef, Image, Reasoning, Text, ToolCall, ToolResult
from fmsdk.request import Message
from fmsdk_openai import OpenAIOptions
from fmsdk_openai.encode import encode
from fmsdk_openai.server_dialect import OPENAI
from tests.openai.test_encode_turns import REASONING, TURNS
from tests.support.openai.encoding import PDF, PNG, WAV, WEATHER, City, build_request
from tests.support.shared_folder import needs_shared, validator

BOTH: dict[str, dict[str, Any]] = {
    "text": {"prompt": "Hello"},
    "system": {"system": "Be brief."},
    "picture": {"prompt": ["What?", Image(PNG, detail="high")]},
    "picture by URL": {"prompt": [Image("https://example.org/a.png"), "What?"]},
    "document": {"prompt": [Document(PDF), "What?"]},
    "document held by OpenAI": {"prompt": [Document(FileRef("openai", "file-1")), "What?"]},
    "conversation": {"prompt": [Message("user", "a"), Message("assistant", "b"), "c"]},
    "refusal": {
        "prompt": [Message("user", "a"), Message("assistant", Text("No.", refusal=True)), "c"]
    },
    "tools": {"tools": [WEATHER], "tool_choice": "weather"},
    "tools required": {"tools": [WEATHER], "tool_choice": "required"},
    "tool results": {"prompt": TURNS, "tools": [WEATHER]},
    "structured": {"output": City},
    "loosely structured": {"output": dict[str, int]},
    "sampling": {"temperature": 0.5, "top_p": 0.9, "max_output_tokens": 64},
    "reasoning": {"reasoning": "xhigh", "model": "openai:gpt-5.6-sol"},
    "logprobs": {"logprobs": 3},
    "cache marks": {"prompt": [Text("a", cache=True), "b"], "model": "openai:gpt-5.6-sol"},
    "tags": {"tags": {"team": "a"}, "options": OpenAIOptions(store=True)},
    "options": {
        "options": OpenAIOptions(
            service_tier="priority",
            prompt_cache_key="k",
            verbosity="low",
            user="u",
            safety_identifier="s",
            parallel_tool_calls=False,
        ),
        "tools": [WEATHER],
    },
}
CHAT: dict[str, dict[str, Any]] = {
    "recording": {"prompt": ["What is said?", Audio(WAV)]},
    "stop, seed, choices": {"stop": ["a", "b"], "seed": 1, "choices": 2},
    "spoken answer": {"modalities": ["text", "audio"], "options": OpenAIOptions(voice="ash")},
}
RESPONSES: dict[str, dict[str, Any]] = {
    "picture held by OpenAI": {"prompt": [Image(FileRef("openai", "f"), detail="original"), "?"]},
    "document by URL": {"prompt": [Document("https://example.org/a.pdf"), "What?"]},
    "reasoning summary": {"reasoning": "max", "options": OpenAIOptions(reasoning_summary="auto")},
    "stored": {"options": OpenAIOptions(store=True, previous_response_id="resp_1")},
    "reasoning over turns": {
        "prompt": [
            Message("user", "?"),
            Message(
                "assistant",
                [
                    Reasoning("Hm.", "openai", json.dumps(REASONING)),
                    Reasoning("", "openai", '{"type":"message","phase":"commentary"}'),
                    "Looking.",
                    ToolCall("c", "draw"),
                ],
            ),
            Message("tool", ToolResult("c", ["Done", Image(PNG)], is_error=True)),
        ]
    },
}
CASES = [
    pytest.param(api, settings, id=f"{api}: {name}")
    for api, features in (("chat", BOTH | CHAT), ("responses", BOTH | RESPONSES))
    for name, settings in features.items()
]


@needs_shared
@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
@pytest.mark.parametrize(("api", "settings"), CASES)
def test_the_vendors_schema_knows_every_field(
    api: Any, settings: dict[str, Any], stream: bool
) -> None:
    sent = encode(build_request(**settings), dialect=OPENAI, api=api, stream=stream)
    endpoint = {"chat": "chat.completions", "responses": "responses"}[api]
    assert validator().check("openai", endpoint, json.loads(bytes(sent.body))) == []
