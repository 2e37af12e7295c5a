"""Counts of odd shapes in a usage object: none becomes a bill, none takes another one along."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import msgspec
import pytest

from fmsdk.provider import ProviderConfig
from fmsdk.registry import installed_providers
from fmsdk.request import build
from fmsdk.response import Response
from tests.support.hosted.subjects import SUBJECTS, Subject

USED: dict[str, Any] = {
    "openai-chat": {
        "prompt_tokens": 100,
        "completion_tokens": 50,
        "prompt_tokens_details": {"cached_tokens": 60, "cache_write_tokens": 5, "audio_tokens": 10},
        "completion_tokens_details": {"reasoning_tokens": 30, "audio_tokens": 15},
    },
    "openai-responses": {
        "input_tokens": 100,
        "output_tokens": 50,
        "input_tokens_details": {"cached_tokens": 60},
        "output_tokens_details": {"reasoning_tokens": 30},
    },
    "anthropic": {
        "input_tokens": 10,
        "output_tokens": 50,
        "cache_creation_input_tokens": 300,
        "cache_read_input_tokens": 2000,
        "cache_creation": {"ephemeral_1h_input_tokens": 200},
        "output_tokens_details": {"thinking_tokens": 20},
        "server_tool_use": {"web_search_requests": 2},
    },
    "google": {
        "promptTokenCount": 100,
        "candidatesTokenCount": 50,
        "thoughtsTokenCount": 30,
        "cachedContentTokenCount": 60,
        "toolUsePromptTokenCount": 7,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 90}],
        "cacheTokensDetails": [{"modality": "AUDIO", "tokenCount": 10}],
    },
}
ODD = [-5, 1.5, -12.0, "12", True, [12], {"a": 1}, 1e300]
each = pytest.mark.parametrize("subject", SUBJECTS, ids=repr)


def answered(subject: Subject, used: Any) -> Response[Any]:
    """The answer of a body with this usage."""
    options = subject.configured("http://localhost")[subject.provider]
    asked = installed_providers()[subject.provider].load()(
        ProviderConfig(name=subject.provider, options=options)
    )
    request = build(subject.model, "Hello")
    body = subject.wire.body("Hi")
    body["usageMetadata" if subject.name == "google" else "usage"] = used
    encoded = asked.encode(request, stream=False)
    return asked.decode(asked.context(request, encoded, None), msgspec.json.encode(body))


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where in a usage object the counts are."""
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    for key, below in inner:
        if isinstance(below, int):
            yield (*path, key)
        elif not isinstance(below, str):
            yield from places(below, (*path, key))


def put(used: Any, path: tuple[Any, ...], value: Any) -> Any:
    changed = deepcopy(used)
    place = changed
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return changed


def counts(answer: Response[Any]) -> dict[str, Any]:
    usage = answer.usage
    found = {
        f"{side}.{name}": getattr(half, name)
        for side, half in (("in", usage.input), ("out", usage.output))
        for name in half.__dataclass_fields__
    }
    return found | {"tools": dict(usage.server_tools or {})}


@each
def test_an_odd_count_is_unknown_and_affects_no_other(subject: Subject) -> None:
    used = USED[subject.name]
    for path in places(used):
        left_out = counts(answered(subject, put(used, path, None)))
        for odd in ODD:
            got = answered(subject, put(used, path, odd))
            assert counts(got) == left_out, (path, odd)
            assert got.usage.raw == put(used, path, odd)


@each
def test_a_whole_number_may_be_written_as_a_float(subject: Subject) -> None:
    used, usual = USED[subject.name], answered(subject, USED[subject.name])
    for path in places(used):
        place: Any = used
        for key in path:
            place = place[key]
        got = answered(subject, put(used, path, float(place)))
        assert counts(got) == counts(usual), path
        assert got.cost == usual.cost


@each
@pytest.mark.parametrize("used", [None, [], [1], "many", 7, {}, {"x": {"y": []}}])
def test_absent_usage_is_unknown(subject: Subject, used: Any) -> None:
    got = answered(subject, used)
    assert got.usage.source == "unknown"
    assert not any(counts(got).values())
