"""What one turn or part of a conversation does to the next: ids, citations, cache marks, blanks."""

from __future__ import annotations

from typing import Any

import pytest

from fmsdk.content import Text, ToolCall, ToolResult
from fmsdk.errors import BadRequestError
from fmsdk.request import Message
from fmsdk_anthropic import AnthropicOptions
from tests.support.anthropic.encoding import EPHEMERAL, THINKING, codes, opaque, turns
from tests.support.anthropic.provider import body, build_request


def test_ids_of_other_vendors_stay_pairs() -> None:
    sent = turns(
        Message("assistant", ToolCall("call 1|x", "now")),
        Message("tool", ToolResult("call 1|x", "Nine")),
    )
    id = sent[0]["content"][0]["id"]
    assert id == sent[1]["content"][0]["tool_use_id"]
    assert id.isalnum()


def test_replacement_ids_are_unique_and_warned_about() -> None:
    def sent_ids(*ids: str) -> list[str]:
        calls = Message("assistant", [ToolCall(id, "now") for id in ids])
        results = Message("tool", [ToolResult(id, "Nine") for id in ids])
        called, answered = turns(calls, results)
        sent = [block["id"] for block in called["content"]]
        assert sent == [block["tool_use_id"] for block in answered["content"]]
        return sent

    (made,) = sent_ids("a.b")
    again = sent_ids("a.b", made, "a,b", "")
    assert again[1] == made
    assert len(set(again)) == 4
    assert codes(build_request(Message("assistant", ToolCall("a.b", "now")))) == [
        "tool_ids_changed"
    ]
    assert codes(build_request(Message("assistant", ToolCall("a-b", "now")))) == []


CITED = {"type": "text", "citations": [{"a": 1}]}


@pytest.mark.parametrize(
    ("parts", "texts"),
    [
        ([], []),
        ([ToolCall("c", "now"), Text("Later.")], [{"type": "text", "text": "Later."}]),
        ([Text(" "), Text("Later.")], [{"type": "text", "text": "Later."}]),
        ([opaque(THINKING), Text("Later.")], [{"type": "text", "text": "Later."}]),
        ([opaque(CITED), Text("Later.")], [CITED | {"text": "Later."}]),
    ],
)
def test_citations_stay_off_other_texts(parts: Any, texts: Any) -> None:
    answer = Message("assistant", [opaque(CITED), *parts])
    prompt = [Message("user", "?"), answer, Message("user", "?")]
    sent = body(build_request(prompt))["messages"]
    blocks = [block for turn in sent if turn["role"] == "assistant" for block in turn["content"]]
    assert [block for block in blocks if block["type"] == "text"] == texts
    assert "reasoning_dropped" in codes(build_request(prompt))


def test_citations_stay_with_their_text() -> None:
    answer = Message("assistant", [opaque(CITED), "So.", opaque(CITED), "And so."])
    sent = body(build_request([Message("user", "?"), answer, Message("user", "?")]))["messages"][1]
    assert sent["content"] == [CITED | {"text": "So."}, CITED | {"text": "And so."}]
    assert codes(build_request([Message("user", "?"), answer, Message("user", "?")])) == []


@pytest.mark.parametrize("before", [[], ["Yes."]])
def test_cache_mark_after_thinking_moves_to_the_next_block(before: list[Any]) -> None:
    answer = Message("assistant", [*before, opaque(THINKING), Text("", cache=True)])
    prompt = [Message("user", "?"), answer, Message("user", "?")]
    blocks = body(build_request(prompt))["messages"][1]["content"]
    assert blocks[-1] == THINKING
    assert [block.get("cache_control") for block in blocks[:-1]] == [EPHEMERAL] * len(before)
    assert codes(build_request(prompt)) == ([] if before else ["cache_mark_ignored"])


def test_merged_cache_marks_count_once() -> None:
    marked = [Text(word, cache=True) for word in ("a", "b", "c", "d")]
    last = body(build_request([*marked, Text("", cache="1h")]))["messages"][0]["content"][-1]
    assert last["cache_control"] == {**EPHEMERAL, "ttl": "1h"}
    prompt = [Message("system", Text("Long.", cache=True)), Message("user", marked[:3])]
    sent = body(build_request(prompt, options=AnthropicOptions(cache_system="1h")))
    assert sent["system"][-1]["cache_control"] == {**EPHEMERAL, "ttl": "1h"}
    with pytest.raises(BadRequestError, match="4 cache marks"):
        body(build_request([*marked, "e", Text("", cache=True)]))


@pytest.mark.parametrize("blank", [" ", "\n", ""])
def test_a_conversation_that_opens_with_nothing_is_refused(blank: str) -> None:
    prompt = [Message("user", blank), Message("assistant", "x"), Message("user", "?")]
    with pytest.raises(BadRequestError, match="starts with white space"):
        body(build_request(prompt))
    assert body(build_request([Message("user", blank), Message("user", "?")]))["messages"]
