"""Conversations as bodies of the Messages API: content, turns, reasoning, cache marks."""

from __future__ import annotations

import base64
import json
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fmsdk.content import (
    Audio,
    Document,
    FileRef,
    Image,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
    Video,
)
from fmsdk.errors import BadRequestError, InvalidMedia, UnsupportedContent, UnsupportedSetting
from fmsdk.request import Message
from fmsdk_anthropic import AnthropicOptions
from fmsdk_anthropic.encode.messages import MessagesEncoder
from tests.support.anthropic.encoding import (
    EPHEMERAL,
    PDF,
    PNG,
    REDACTED,
    SEARCH,
    THINKING,
    codes,
    opaque,
    turns,
)
from tests.support.anthropic.provider import body, build_request
from tests.support.media_files import picture

# --- content ---


def block(part: Any, **settings: Any) -> dict[str, Any]:
    return body(build_request([part, "What?"], **settings))["messages"][0]["content"][0]


def test_pictures() -> None:
    data = base64.b64encode(PNG).decode()
    assert block(Image(PNG)) == {
        "type": "image",
        "source": {"type": "base64", "media_type": "image/png", "data": data},
    }
    assert block(Image("https://example.org/a.png", detail="auto"))["source"] == {
        "type": "url",
        "url": "https://example.org/a.png",
    }
    held = block(Image(FileRef("anthropic", "file_1")))
    assert held["source"] == {"type": "file", "file_id": "file_1"}


def test_image_detail_has_no_field() -> None:
    with pytest.raises(UnsupportedSetting, match="detail"):
        block(Image(PNG, detail="high"))
    assert codes(build_request([Image(PNG, detail="low"), "?"], lenient=True)) == [
        "setting_dropped"
    ]


def test_documents(tmp_path: Path) -> None:
    assert block(Document(PDF, name="Report")) == {
        "type": "document",
        "source": {
            "type": "base64",
            "media_type": "application/pdf",
            "data": base64.b64encode(PDF).decode(),
        },
        "title": "Report",
    }
    assert block(Document("https://example.org/a.pdf"))["source"]["type"] == "url"
    assert block(Document(FileRef("anthropic", "f")))["source"] == {"type": "file", "file_id": "f"}
    table = tmp_path / "a.csv"
    table.write_text("a,ä\n")
    assert block(Document(table))["source"] == {
        "type": "text",
        "media_type": "text/plain",
        "data": "a,ä\n",
    }


def test_citations_are_asked_of_every_document() -> None:
    given = AnthropicOptions(citations=True)
    assert block(Document(PDF), options=given)["citations"] == {"enabled": True}


@pytest.mark.parametrize(
    ("part", "kind", "words"),
    [
        (Audio(b"RIFF\0\0\0\0WAVE", mime_type="audio/wav"), "audio", "send its transcript"),
        (Video(b"", mime_type="video/mp4"), "video", "frames as images"),
        (Image(picture("TIFF")), "image", "not image/tiff; convert it first"),
        (Document(b"PK", mime_type="application/zip"), "document", "convert it first"),
        (Document("https://e.org/a", mime_type="text/csv"), "document", "give its bytes"),
        (Image(FileRef("openai", "f")), "image", "a file of openai"),
    ],
)
def test_parts_that_the_wire_cannot_carry_are_named(part: Any, kind: str, words: str) -> None:
    for prompt in ([part], [Message("tool", ToolResult("c", part))]):
        with pytest.raises(UnsupportedContent, match=words) as caught:
            body(build_request(prompt))
        assert caught.value.part == kind


def test_an_invalid_text_file() -> None:
    with pytest.raises(InvalidMedia, match="no UTF-8 text"):
        block(Document(b"\xff\xfe", mime_type="text/plain"))


# --- turns ---


def test_results_come_first_in_the_turn_after_the_calls() -> None:
    sent = turns(
        Message("user", "Weather?"),
        Message("assistant", ["Let me see.", ToolCall("a", "weather", {"city": "Rome"})]),
        Message("assistant", ToolCall("b", "now")),
        Message("tool", ToolResult("a", "Sunny")),
        Message("user", ["And?", ToolResult("b", ["Nine", Image(PNG)], is_error=True)]),
    )
    assert [turn["role"] for turn in sent] == ["user", "assistant", "user"]
    assert sent[1]["content"] == [
        {"type": "text", "text": "Let me see."},
        {"type": "tool_use", "id": "a", "name": "weather", "input": {"city": "Rome"}},
        {"type": "tool_use", "id": "b", "name": "now", "input": {}},
    ]
    first, second, last = sent[2]["content"]
    assert first == {"type": "tool_result", "tool_use_id": "a", "content": "Sunny"}
    assert (second["tool_use_id"], second["is_error"]) == ("b", True)
    assert [piece["type"] for piece in second["content"]] == ["text", "image"]
    assert last == {"type": "text", "text": "And?"}


def test_a_result_without_content() -> None:
    sent = turns(Message("tool", [ToolResult("a"), ToolResult("b", "")]))
    assert sent[0]["content"] == [
        {"type": "tool_result", "tool_use_id": "a"},
        {"type": "tool_result", "tool_use_id": "b"},
    ]


def test_arguments_that_were_no_json_object_go_back_in_one() -> None:
    sent = turns(Message("assistant", ToolCall("a", "now", {}, '{"cit')), Message("user", "?"))
    assert sent[0]["content"][0]["input"] == {"INVALID_JSON": '{"cit'}


def test_system_messages_that_open_the_conversation() -> None:
    prompt = [Message("system", "One."), Message("system", "Two."), Message("user", "Hi")]
    sent = body(build_request(prompt, system="Zero."))
    assert [block["text"] for block in sent["system"]] == ["Zero.", "One.", "Two."]
    assert len(sent["messages"]) == 1


def test_system_messages_later_on() -> None:
    later = [Message("user", "Hi"), Message("system", "Be brief.")]
    sent = body(build_request(later, model="anthropic:claude-opus-4-8"))
    assert sent["messages"][1] == {
        "role": "system",
        "content": [{"type": "text", "text": "Be brief."}],
    }
    for model in ("claude-opus-4-7", "claude-sonnet-5"):
        with pytest.raises(BadRequestError, match="only at the start of the conversation"):
            body(build_request(later, model=f"anthropic:{model}"))


def test_empty_texts() -> None:
    prompt = [
        Message("user", ["Hi", ""]),
        Message("assistant", [Text(" "), Text("\n", cache=True)]),
        Message("user", ["", "Again"]),
    ]
    assert turns(*prompt) == [
        {"role": "user", "content": [{"type": "text", "text": "Hi"}]},
        {"role": "user", "content": [{"type": "text", "text": "Again"}]},
    ]
    assert codes(build_request(prompt)) == ["blank_text_dropped", "cache_mark_ignored"]
    assert codes(build_request(["Hi", ""])) == []


@pytest.mark.parametrize(
    ("role", "part"),
    [("system", Image(PNG)), ("user", ToolCall("a", "b")), ("assistant", ToolResult("a"))],
)
def test_parts_in_the_wrong_turn(role: Any, part: Any) -> None:
    with pytest.raises(BadRequestError, match=f"the role '{role}' holds no"):
        body(build_request([Message("user", "Hi"), Message(role, part)]))


def test_generated_media() -> None:
    spoken = Audio(b"RIFF\0\0\0\0WAVE", mime_type="audio/wav")
    assert codes(build_request([Message("assistant", ["Hi", spoken]), "?"])) == ["audio_dropped"]
    with pytest.raises(UnsupportedContent, match="carries no image"):
        body(build_request([Message("assistant", ["Hi", Image(PNG)]), "?"]))


# --- reasoning ---


def test_opaque_blocks_go_back_unchanged_and_in_place() -> None:
    parts = [opaque(THINKING, "Hm."), opaque(REDACTED), "Searching.", opaque(SEARCH), "Found."]
    sent = turns(Message("user", "?"), Message("assistant", parts), Message("user", "!"))
    assert sent[1]["content"] == [
        THINKING,
        REDACTED,
        {"type": "text", "text": "Searching."},
        SEARCH,
        {"type": "text", "text": "Found."},
    ]


def test_citations_go_back_with_their_text() -> None:
    citations = [{"type": "page_location", "cited_text": "a"}]
    shell = opaque({"type": "text", "citations": citations})
    sent = turns(Message("assistant", [shell, "A.", "B."]), Message("user", "?"))
    assert sent[0]["content"] == [
        {"type": "text", "text": "A.", "citations": citations},
        {"type": "text", "text": "B."},
    ]


def test_fields_a_tool_result_must_return() -> None:
    caller = {"caller": {"type": "code_execution_20260120", "tool_id": "srvtoolu_1"}}
    call = ToolCall("a", "now", {}, None, "anthropic", json.dumps(caller))
    assert turns(Message("assistant", call), Message("user", "?"))[0]["content"][0] == {
        "type": "tool_use",
        "id": "a",
        "name": "now",
        "input": {},
        **caller,
    }


@pytest.mark.parametrize(
    "thought", [Reasoning("Hm."), opaque(THINKING, provider="openai"), opaque({"signature": "x"})]
)
def test_thoughts_that_anthropic_would_not_know_again_stay_behind(thought: Reasoning) -> None:
    prompt = [Message("assistant", [thought, "Hi"]), "?"]
    assert body(build_request(prompt))["messages"][0]["content"] == [{"type": "text", "text": "Hi"}]
    assert codes(build_request(prompt)) == ["reasoning_dropped"]


def test_an_opaque_item_that_is_no_json() -> None:
    broken = Reasoning("", "anthropic", "{")
    with pytest.raises(BadRequestError, match="opaque field of a part cannot be read"):
        body(build_request([Message("assistant", broken), "?"]))


# --- cache marks ---


def test_cache_marks() -> None:
    sent = body(
        build_request(
            [
                Message("user", Document(PDF, cache="1h")),
                Message("assistant", Text("A", cache="5m")),
                Message("tool", ToolResult("c", [Text("B")], cache=True)),
            ],
            system="Be brief.",
            options=AnthropicOptions(cache_system="1h"),
        )
    )
    assert sent["system"][0]["cache_control"] == {"type": "ephemeral", "ttl": "1h"}
    marks = [turn["content"][0]["cache_control"] for turn in sent["messages"]]
    assert marks == [EPHEMERAL | {"ttl": "1h"}, EPHEMERAL | {"ttl": "5m"}, EPHEMERAL]


def test_cache_mark_on_empty_text_moves_to_the_part_before() -> None:
    sent = body(build_request(["Hi", Text("", cache=True)]))
    assert sent["messages"][0]["content"] == [
        {"type": "text", "text": "Hi", "cache_control": EPHEMERAL}
    ]


def test_cache_mark_on_empty_result_content_moves_to_the_result() -> None:
    result = ToolResult("c", [Text("A"), Text("", cache="1h")])
    (block,) = body(build_request(["Hi", Message("tool", result)]))["messages"][-1]["content"][:1]
    assert block["cache_control"] == EPHEMERAL | {"ttl": "1h"}


def test_the_longer_of_two_marks_in_one_place_counts() -> None:
    sent = body(build_request([Text("Hi", cache="5m"), Text("", cache="1h")]))
    assert sent["messages"][0]["content"][0]["cache_control"]["ttl"] == "1h"


def test_no_more_than_four_marks() -> None:
    texts = [Text("a", cache=True)] * 4
    assert body(build_request(texts))
    with pytest.raises(BadRequestError, match="takes 4 cache marks"):
        body(build_request(texts, options=AnthropicOptions(cache=True)))


def test_a_mark_on_a_missing_system_prompt() -> None:
    with pytest.raises(UnsupportedSetting, match="there is no system prompt"):
        body(build_request(options=AnthropicOptions(cache_system=True)))


# --- nothing is lost ---

words = st.text("abcäλ \n", min_size=1, max_size=8)
ids = st.sampled_from(["toolu_1", "call 2", "ü"])
arguments = st.dictionaries(words, words | st.integers() | st.none(), max_size=2)
media = st.sampled_from([Image(PNG), Document(PDF), Document(b"text", mime_type="text/plain")])
tagged = st.builds(Text, words) | media
thoughts = st.sampled_from([opaque(THINKING), opaque(REDACTED), opaque(SEARCH), Reasoning("Hm.")])
results = st.builds(ToolResult, ids, st.lists(tagged, max_size=3), is_error=st.booleans())
answers = st.builds(Text, words) | thoughts | st.builds(ToolCall, ids, words, arguments)
conversations = st.lists(
    st.builds(Message, st.just("user"), st.lists(tagged | results, min_size=1, max_size=4))
    | st.builds(Message, st.just("assistant"), st.lists(answers, min_size=1, max_size=4))
    | st.builds(Message, st.just("tool"), st.lists(results, min_size=1, max_size=3)),
    min_size=1,
    max_size=5,
)


def leaves(blocks: Any) -> list[Any]:
    """What a body's blocks hold, as comparable values."""
    found: list[Any] = []
    for block in [{"type": "text", "text": blocks}] if isinstance(blocks, str) else blocks:
        match block["type"]:
            case "text":
                found.append(block["text"])
            case "image" | "document":
                found.append(block["source"]["data"])
            case "tool_use":
                found.append((block["id"], block["name"], block["input"]))
            case "tool_result":
                result = (block["tool_use_id"], block.get("is_error", False))
                found.append((*result, leaves(block.get("content", []))))
            case _:
                found.append(block)
    return found


def held(part: Any, id: Any) -> Any:
    """The same of a part."""
    match part:
        case Text():
            return part.text
        case Image():
            return part.base64()
        case Document():
            is_pdf = part.mime == "application/pdf"
            return part.base64() if is_pdf else part.read().decode()
        case ToolCall():
            return (id(part.id), part.name, part.arguments)
        case ToolResult():
            return (id(part.call_id), part.is_error, [held(inner, id) for inner in part.content])
        case _:
            return json.loads(part.opaque)


def _is_sent(part: Any) -> bool:
    if isinstance(part, Text):
        return bool(part.text.strip())
    return not (isinstance(part, Reasoning) and part.opaque is None)


def _opens_blank(conversation: list[Message]) -> bool:
    """Whether nothing is left of what the user said before the first turn of the model that is
    sent."""
    left_out = list(takewhile(lambda message: not any(map(_is_sent, message.parts)), conversation))
    first = conversation[len(left_out) : len(left_out) + 1]
    has_user = any(message.role != "assistant" for message in left_out)
    return has_user and all(message.role == "assistant" for message in first)


@given(conversations)
@example([Message("assistant", " "), Message("user", " "), Message("assistant", "a")])
@example([Message("user", " "), Message("assistant", " "), Message("user", "a")])
def test_no_part_of_a_conversation_is_lost_without_a_warning(conversation: list[Message]) -> None:
    parts = [part for message in conversation for part in message.parts]
    if all(isinstance(part, Text) and not part.text.strip() for part in parts):
        return  # refused before it comes here
    request = build_request(conversation)
    if _opens_blank(conversation):
        with pytest.raises(BadRequestError, match="starts with white space"):
            body(request)
        return
    noted = codes(request)
    dropped = [part for part in parts if isinstance(part, Reasoning) and part.opaque is None]
    blank = [part for part in parts if isinstance(part, Text) and not part.text.strip()]
    assert ("reasoning_dropped" in noted) == bool(dropped)
    assert ("blank_text_dropped" in noted) == bool(blank)
    sent = body(request)["messages"]
    got = [leaf for turn in sent for leaf in leaves(turn["content"])]
    kept = [part for part in parts if part not in dropped and part not in blank]

    builder = MessagesEncoder(request, stream=False)
    wanted = [held(part, builder.call_id) for part in kept]
    assert sorted(map(repr, got)) == sorted(map(repr, wanted))
    if not any(isinstance(part, ToolResult) for part in parts):
        assert got == wanted  # results alone are moved
