"""Responses answers as they come in."""

from __future__ import annotations

from typing import Any

import pytest

from fmsdk.content import Reasoning, Text, ToolCall
from fmsdk.errors import InvalidResponse
from tests.support.openai.decoding import DELTA, DELTAS, ITEMS, compact, ended, plain, streamed
from tests.support.openai.provider import message, response

# --- Responses ---


@pytest.mark.parametrize(
    ("status", "details", "finish", "raw"),
    [
        ("completed", None, "stop", "completed"),
        ("incomplete", {"reason": "max_output_tokens"}, "length", "incomplete:max_output_tokens"),
        ("incomplete", {"reason": "content_filter"}, "content_filter", "incomplete:content_filter"),
        ("incomplete", None, "other", "incomplete:"),
        ("cancelled", None, "cancelled", "cancelled"),
        (None, None, "stop", None),
    ],
)
def test_statuses(status: str | None, details: Any, finish: str, raw: str | None) -> None:
    fields = {"status": status, "incomplete_details": details}
    said = message({"type": "output_text", "text": "Hi."})
    whole = plain(response(said, **fields), api="responses")
    end = {"type": "response.completed", "response": response(said, **fields)}
    pieces = streamed(DELTA, end, api="responses", done=False)
    if status is None:  # a stream's last event says it by its name
        assert (whole.finish, [w.code for w in whole.warnings]) == ("other", ["finish_missing"])
        assert (pieces.finish, pieces.finish_raw, pieces.warnings) == ("stop", "completed", ())
        return
    for got in (whole, pieces):
        assert (got.finish, got.finish_raw) == (finish, raw)


@pytest.mark.parametrize("status", ["queued", "in_progress"])
def test_a_response_that_is_not_done_is_no_answer(status: str) -> None:
    said = message({"type": "output_text", "text": "Hi."})
    with pytest.raises(InvalidResponse, match=f"still {status}") as caught:
        plain(response(said, status=status), api="responses")
    assert not caught.value.retryable  # asking again would start another
    assert caught.value.partial.text == "Hi."
    assert caught.value.partial.finish == "cancelled"


def expected_parts() -> tuple[Any, ...]:
    return (
        Reasoning("One.\n\nTwo.", "openai", compact(ITEMS[0])),
        Reasoning("", "openai", '{"type":"message","phase":"commentary"}'),
        Text("Let me see."),
        Reasoning("", "openai", compact(ITEMS[2])),
        ToolCall("c1", "f", {"x": 1}),
        Text("A."),
        Text("B.", refusal=True),
    )


@pytest.mark.parametrize("with_deltas", [True, False], ids=["deltas", "whole items alone"])
def test_items_keep_their_order_and_opaque_ones_their_values(with_deltas: bool) -> None:
    payloads: list[dict[str, Any]] = [{"type": "response.created", "response": {"id": "resp_1"}}]
    for n, (item, deltas) in enumerate(zip(ITEMS, DELTAS, strict=True)):
        bare = {k: v for k, v in item.items() if k not in ("content", "summary", "arguments")}
        payloads.append({"type": "response.output_item.added", "output_index": n, "item": bare})
        payloads += [{**delta, "output_index": n} for delta in deltas if with_deltas]
        payloads.append({"type": "response.output_item.done", "output_index": n, "item": item})
    whole = plain(response(*ITEMS), api="responses")
    for got in (whole, ended(*payloads)):
        assert got.parts == expected_parts()
        assert got.finish == "tool_calls"
        assert got.text == "Let me see.A."
        assert got.reasoning == "One.\n\nTwo."


def test_reasoning_in_the_open() -> None:
    said = [{"type": "reasoning_text", "text": "Hm."}]
    item = {"type": "reasoning", "id": "rs", "summary": [], "content": said}
    whole = plain(response(item), api="responses")
    pieces = ended(
        {"type": "response.reasoning_text.delta", "delta": "Hm."},
        {"type": "response.output_item.done", "item": item},
    )
    for got in (whole, pieces):
        assert got.parts == (Reasoning("Hm.", "openai", compact(item)),)


def test_tool_call_delta_without_a_start() -> None:
    item = {"type": "function_call", "call_id": "c", "name": "f", "arguments": ""}
    got = ended({"type": "response.output_item.done", "item": item})
    assert got.tool_calls == (ToolCall("c", "f"),)


def test_logprobs_of_responses() -> None:
    logprobs = [{"token": "Hi.", "logprob": -0.5, "top_logprobs": []}]
    text = {"type": "output_text", "text": "Hi.", "logprobs": logprobs}
    whole = plain(response(message(text)), api="responses")
    for got in (whole, ended({**DELTA, "logprobs": logprobs})):
        assert [(one.token, one.logprob) for one in got.logprobs] == [("Hi.", -0.5)]


def test_usage_of_responses() -> None:
    told = {
        "input_tokens": 100,
        "input_tokens_details": {"cached_tokens": 60, "cache_write_tokens": 7},
        "output_tokens": 50,
        "output_tokens_details": {"reasoning_tokens": 30},
    }
    whole = plain(response(usage=told, service_tier="priority"), api="responses")
    for got in (whole, ended(DELTA, usage=told, service_tier="priority")):
        used = got.usage
        assert (used.source, used.service_tier) == ("measured", "priority")
        assert (used.input.total, used.input.cache_read, used.input.cache_write) == (100, 60, 7)
        assert (used.output.total, used.output.reasoning) == (50, 30)
        assert got.raw["usage"] == told
