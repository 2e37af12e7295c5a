"""Settings and options as they go out, and what cannot be honoured."""

from __future__ import annotations

from typing import Any

import pytest

from fmsdk.errors import BadRequestError, UnsupportedSetting
from fmsdk.request import Request
from fmsdk_google import GoogleOptions
from tests.support.google.encoding import (
    NEW,
    OLD,
    City,
    body,
    build_request,
    codes,
    encoded,
    vertex,
)


def config(request: Request) -> Any:
    return body(request).get("generationConfig")


def test_settings() -> None:
    asked = build_request(
        max_output_tokens=64,
        temperature=0.0,
        top_p=0.9,
        stop=["a", "b"],
        seed=0,
        choices=2,
        logprobs=3,
        options=GoogleOptions(top_k=5, presence_penalty=0.5, frequency_penalty=-1.0),
    )
    assert config(asked) == {
        "maxOutputTokens": 64,
        "temperature": 0.0,
        "topP": 0.9,
        "topK": 5,
        "presencePenalty": 0.5,
        "frequencyPenalty": -1.0,
        "stopSequences": ["a", "b"],
        "seed": 0,
        "candidateCount": 2,
        "responseLogprobs": True,
        "logprobs": 3,
    }
    assert config(build_request(logprobs=0)) == {"responseLogprobs": True}


@pytest.mark.parametrize(
    ("model", "effort", "thinking"),
    [
        (NEW, "minimal", {"thinkingLevel": "MINIMAL"}),
        (NEW, "xhigh", {"thinkingLevel": "XHIGH"}),
        ("google:gemini-4-argon", "high", {"thinkingLevel": "HIGH"}),
        ("google:gemini-flash-latest", "low", {"thinkingLevel": "LOW"}),
        (NEW, "none", None),
        (NEW, "max", None),
        (OLD, "none", {"thinkingBudget": 0}),
        (OLD, "medium", {"thinkingBudget": 8192}),
        (OLD, "xhigh", None),
        ("google:gemini-2.0-flash", "low", None),
    ],
)
def test_reasoning(model: str, effort: Any, thinking: Any) -> None:
    if thinking is not None:
        assert config(build_request(model=model, reasoning=effort))["thinkingConfig"] == thinking
        return
    with pytest.raises(UnsupportedSetting) as caught:
        encoded(build_request(model=model, reasoning=effort))
    assert caught.value.setting == "reasoning"
    assert codes(build_request(model=model, reasoning=effort, lenient=True)) == ["setting_dropped"]


def test_thinking_by_options() -> None:
    options = GoogleOptions(include_thoughts=True, thinking_budget=512)
    thinking = {"includeThoughts": True, "thinkingBudget": 512}
    assert config(build_request(options=options))["thinkingConfig"] == thinking
    with pytest.raises(BadRequestError, match="thinking_budget"):
        encoded(build_request(options=options, reasoning="low"))
    assert config(build_request(model="google:gemini-2.0-flash", reasoning="none")) is None


def test_structured_output() -> None:
    sent = config(build_request(output=City))
    assert sent["responseMimeType"] == "application/json"
    assert sent["responseJsonSchema"]["required"] == ["name"]


def test_answers_that_are_no_text() -> None:
    picture = build_request(
        modalities=["text", "image"], options=GoogleOptions(image_config={"aspectRatio": "1:1"})
    )
    assert config(picture) == {
        "imageConfig": {"aspectRatio": "1:1"},
        "responseModalities": ["TEXT", "IMAGE"],
    }
    spoken = config(build_request(modalities=["audio"], options=GoogleOptions(voice="Kore")))
    voice = {"prebuiltVoiceConfig": {"voiceName": "Kore"}}
    assert spoken["speechConfig"] == {"voiceConfig": voice}
    with pytest.raises(UnsupportedSetting, match="voice"):
        encoded(build_request(options=GoogleOptions(voice="Kore")))
    with pytest.raises(BadRequestError, match="speech_config"):
        both = GoogleOptions(voice="Kore", speech_config={})
        encoded(build_request(modalities=["audio"], options=both))


def test_options() -> None:
    options = GoogleOptions(
        safety_settings={"HARM_CATEGORY_HARASSMENT": "BLOCK_NONE"},
        cached_content="cachedContents/1",
        service_tier="flex",
        media_resolution="low",
        labels={"team": "a"},
        extra_body={"generationConfig": {"audioTimestamp": True}, "store": False, "labels": None},
        extra_headers={"X-Mine": "a"},
    )
    request = build_request(temperature=1.0, options=options)
    sent = body(request)
    del sent["contents"]
    assert sent == {
        "generationConfig": {
            "temperature": 1.0,
            "mediaResolution": "MEDIA_RESOLUTION_LOW",
            "audioTimestamp": True,
        },
        "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}],
        "cachedContent": "cachedContents/1",
        "serviceTier": "flex",
        "store": False,
    }
    assert encoded(request).headers == {"X-Mine": "a"}


def test_tags_are_labels_on_vertex() -> None:
    asked = build_request(
        tags={"team": "a", "Customer": "B"}, options=GoogleOptions(labels={"x": "y"})
    )
    assert body(asked)["labels"] == {"x": "y"}
    assert vertex(asked)["labels"] == {"x": "y", "team": "a"}
    assert codes(asked, vertex=True) == ["tag_not_sent"]
    assert codes(asked) == []


def test_another_providers_options() -> None:
    with pytest.raises(BadRequestError, match="GoogleOptions"):
        encoded(build_request(options=object()))
