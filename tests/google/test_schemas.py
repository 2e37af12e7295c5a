"""Bodies of every feature against Google's own request schemas, AI Studio's and Vertex's."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fmsdk.content import Audio, Document, FileRef, Image, Reasoning, Text, ToolResult, Video
from fmsdk.request import Message, Tool
from fmsdk_google import GoogleOptions
from fmsdk_google.encode import encode
from tests.support.google.encoding import (
    CALL,
    MP4,
    OLD,
    PDF,
    PNG,
    SIGNED,
    WAV,
    WEATHER,
    City,
    build_request,
)
from tests.support.shared_folder import needs_shared, validator

CASES: dict[str, dict[str, Any]] = {
    "text": {"prompt": "Hello"},
    "system": {"system": "Be brief."},
    "media": {"prompt": [Image(PNG), Audio(WAV), Video(MP4), Document(PDF, name="a.pdf"), "?"]},
    "picture by URL": {"prompt": [Image("https://example.org/a.png"), "?"]},
    "closely": {"prompt": [Image(PNG, detail="high"), "?"]},
    "film held": {"prompt": [Video(FileRef("google", "gs://b/film.mp4")), "?"]},
    "conversation": {"prompt": [Message("user", "a"), Message("assistant", "b"), "c"]},
    "tools": {"tools": [WEATHER], "tool_choice": "weather"},
    "tools required": {"tools": [WEATHER], "tool_choice": "required"},
    "strict tools": {"tools": [Tool("now", strict=True)]},
    "tool results": {
        "prompt": [
            Message("user", "?"),
            Message("assistant", [SIGNED]),
            Message("tool", ToolResult("c1", ["Hot.", Image(PNG)], is_error=True)),
        ],
        "tools": [WEATHER],
    },
    "calls of another model": {
        "prompt": [
            Message("user", "?"),
            Message("assistant", [CALL]),
            Message("tool", ToolResult("c1", "Hot.")),
        ],
    },
    "thoughts over turns": {
        "prompt": [
            Message("user", "?"),
            Message(
                "assistant",
                [
                    Reasoning("Hm.", "google", '{"thought":true}'),
                    Text("Yes."),
                    Reasoning("", "google", '{"thoughtSignature":"c2ln"}'),
                ],
            ),
            Message("user", "Why?"),
        ]
    },
    "structured": {"output": City},
    "structured, in other keywords": {
        "output": {
            "type": "object",
            "properties": {"kind": {"const": "a"}, "id": {"type": "string", "pattern": "^a"}},
        }
    },
    "sampling": {
        "temperature": 0.5,
        "top_p": 0.9,
        "max_output_tokens": 64,
        "stop": ["a"],
        "seed": 1,
        "choices": 2,
        "logprobs": 3,
    },
    "budget": {"reasoning": "medium", "model": OLD},
    "pictures": {
        "modalities": ["text", "image"],
        "options": GoogleOptions(image_config={"aspectRatio": "1:1"}),
    },
    "speech": {"modalities": ["audio"], "options": GoogleOptions(voice="Kore")},
    "options": {
        "tags": {"team": "a"},
        "options": GoogleOptions(
            safety_settings={"HARM_CATEGORY_HARASSMENT": "BLOCK_ONLY_HIGH"},
            cached_content="cachedContents/1",
            include_thoughts=True,
            thinking_budget=512,
            top_k=5,
            presence_penalty=0.5,
            frequency_penalty=0.5,
            server_tools=[{"googleSearch": {}}, {"codeExecution": {}}, {"urlContext": {}}],
            media_resolution="low",
            labels={"team": "b"},
        ),
    },
}
ONLY_VERTEX: dict[str, dict[str, Any]] = {
    # AI Studio's schema in the folder is older than thinking in levels.
    "levels": {"reasoning": "high"},
}


@needs_shared
@pytest.mark.parametrize(
    ("dialect", "settings"),
    [
        *(pytest.param("gemini", case, id=f"gemini: {name}") for name, case in CASES.items()),
        *(
            pytest.param("vertex", case, id=f"vertex: {name}")
            for name, case in (CASES | ONLY_VERTEX).items()
        ),
    ],
)
def test_the_vendors_schema_knows_every_field(dialect: str, settings: dict[str, Any]) -> None:
    sent = encode(
        build_request(**settings), vertex=dialect == "vertex", root="/v1beta", stream=False
    )
    body = json.loads(bytes(sent.body))
    assert validator().check(dialect, "generateContent", body) == []
