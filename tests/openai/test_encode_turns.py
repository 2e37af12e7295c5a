"""Conversations as they go out: tools over several turns, reasoning, cache marks."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fmsdk.content import (
    Audio,
    Document,
    Image,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
)
from fmsdk.errors import BadRequestError, UnsupportedContent
from fmsdk.request import Message, Request
from fmsdk_openai import OpenAIOptions
from fmsdk_openai.server_dialect import OPENAI, PLAIN_DIALECT, Dialect
from fmsdk_openai.servers import SERVERS
from tests.support.openai.encoding import PNG, body, build_request, chat, codes, encoded, responses

# --- conversations ---

CALLS = [
    ToolCall("c1", "weather", {"city": "Paris"}),
    ToolCall("c2", "weather", {}, raw='{"city":'),
    ToolCall("c3", "now"),
]
TURNS = [
    Message("system", "Be brief."),
    Message("user", "Weather?"),
    Message("assistant", ["Looking.", *CALLS]),
    Message("tool", [ToolResult("c1", "Sunny"), ToolResult("c2", ["a", "b"], is_error=True)]),
    Message("user", [ToolResult("c3", is_error=True), "And now?"]),
]


def test_tools_over_several_turns_on_chat() -> None:
    def call(id: str, name: str, arguments: str) -> dict[str, Any]:
        return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}

    parts = [{"type": "text", "text": "Error: a"}, {"type": "text", "text": "b"}]
    assert chat(build_request(TURNS))["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Weather?"},
        {
            "role": "assistant",
            "content": "Looking.",
            "tool_calls": [
                call("c1", "weather", '{"city":"Paris"}'),
                call("c2", "weather", '{"city":'),
                call("c3", "now", "{}"),
            ],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "Sunny"},
        {"role": "tool", "tool_call_id": "c2", "content": parts},
        {"role": "tool", "tool_call_id": "c3", "content": "Error: "},
        {"role": "user", "content": "And now?"},
    ]


def test_tools_over_several_turns_on_responses() -> None:
    def call(id: str, name: str, arguments: str) -> dict[str, Any]:
        return {"type": "function_call", "call_id": id, "name": name, "arguments": arguments}

    def output(id: str, output: Any) -> dict[str, Any]:
        return {"type": "function_call_output", "call_id": id, "output": output}

    parts = [{"type": "input_text", "text": "Error: a"}, {"type": "input_text", "text": "b"}]
    said = [{"type": "output_text", "text": "Looking."}]
    assert responses(build_request(TURNS))["input"] == [
        {"role": "system", "content": [{"type": "input_text", "text": "Be brief."}]},
        {"role": "user", "content": [{"type": "input_text", "text": "Weather?"}]},
        {"type": "message", "role": "assistant", "content": said},
        call("c1", "weather", '{"city":"Paris"}'),
        call("c2", "weather", '{"city":'),
        call("c3", "now", "{}"),
        output("c1", "Sunny"),
        output("c2", parts),
        output("c3", "Error: "),
        {"role": "user", "content": [{"type": "input_text", "text": "And now?"}]},
    ]


def test_pictures_in_tool_results_go_to_responses() -> None:
    turns = [
        Message("user", "Draw."),
        Message("assistant", ToolCall("c", "draw")),
        Message("tool", ToolResult("c", [Image(PNG)], is_error=True)),
    ]
    output = body(build_request(turns))["input"][-1]["output"]
    assert [piece["type"] for piece in output] == ["input_text", "input_image"]
    with pytest.raises(UnsupportedContent, match="user message after it"):
        encoded(build_request(turns), api="chat", dialect=PLAIN_DIALECT)


TAKES_RESULT_IMAGES = frozenset(
    ["azure", "llamacpp", "lmstudio", "ollama", "openrouter", "sglang", "vllm", "xai"]
)


@pytest.mark.parametrize("name", ["openai", *SERVERS])
def test_pictures_in_tool_results_follow_them_in_chat(name: str) -> None:
    dialect = OPENAI if name == "openai" else SERVERS[name].dialect
    turns = [
        Message("user", "Draw."),
        Message("assistant", [ToolCall("callaaaaa", "draw"), ToolCall("callbbbbb", "draw")]),
        Message("tool", ToolResult("callaaaaa", [Image(PNG)])),
        Message("tool", ToolResult("callbbbbb", ["Done.", Image(PNG)])),
        Message("user", "And now?"),
    ]
    for request in (build_request(turns), build_request(turns[:-1])):
        if name not in TAKES_RESULT_IMAGES | {"openai"}:
            with pytest.raises(UnsupportedContent, match="user message after it"):
                encoded(request, api="chat", dialect=dialect)
            continue
        _, _, first, second, user = chat(request, dialect=dialect)["messages"]
        assert (first["role"], second["role"], user["role"]) == ("tool", "tool", "user")
        assert second["content"] == "Done."
        kinds = ["text", "image_url", "text", "image_url", "text"]
        assert [piece["type"] for piece in user["content"]] == kinds[: len(user["content"])]
        assert "callbbbbb" in user["content"][2]["text"]
        warnings = encoded(request, api="chat", dialect=dialect).warnings
        assert [warning.code for warning in warnings] == ["result_images_moved"]


def test_an_assistants_own_turns() -> None:
    turns = [
        Message("user", "Hello"),
        Message("assistant", [Text("No.", refusal=True)]),
        Message("assistant", []),
        Message("user", "Please"),
    ]
    _, refusal, empty, _ = chat(build_request(turns))["messages"]
    assert refusal["content"] == [{"type": "refusal", "refusal": "No."}]
    assert empty == {"role": "assistant", "content": ""}
    assert chat(build_request(turns), dialect=PLAIN_DIALECT)["messages"][1]["content"] == "No."
    assert responses(build_request(turns))["input"][1]["content"] == [
        {"type": "refusal", "refusal": "No."}
    ]


def test_spoken_answers_go_back_as_their_transcripts() -> None:
    spoken = Message("assistant", ["Hi.", Audio(b"RIFF", mime_type="audio/wav")])
    request = build_request([Message("user", "Hello"), spoken, Message("user", "Again")])
    sent = encoded(request, api="chat")
    assert json.loads(bytes(sent.body))["messages"][1] == {"role": "assistant", "content": "Hi."}
    assert [warning.code for warning in sent.warnings] == ["audio_dropped"]
    assert codes(request, api="responses") == ["audio_dropped"]
    silent = [Message("assistant", Image(PNG)), Message("user", "?")]
    with pytest.raises(UnsupportedContent, match="user message"):
        encoded(build_request(silent))


REASONING = {
    "id": "rs_1",
    "type": "reasoning",
    "summary": [{"type": "summary_text", "text": "Hm."}],
    "encrypted_content": "gAAA…",
}


def reasoned(*parts: Any) -> Request:
    return build_request(
        [Message("user", "?"), Message("assistant", [*parts]), Message("user", "!")]
    )


def test_opaque_reasoning_goes_back_unchanged_before_its_call() -> None:
    thought = Reasoning("Hm.", "openai", json.dumps(REASONING))
    request = reasoned(thought, ToolCall("c", "f"), "Text")
    _, first, second, third, _ = responses(request)["input"]
    assert first == REASONING
    assert (second["type"], third["type"]) == ("function_call", "message")
    assert codes(request) == []


@pytest.mark.parametrize(
    "thought",
    [
        Reasoning("Hm."),
        Reasoning("Hm.", "anthropic", '{"type": "thinking"}'),
        Reasoning("Hm.", "openai", '{"reasoning_content": "Hm."}'),
        Reasoning("Hm.", "openai", json.dumps({**REASONING, "encrypted_content": None})),
    ],
)
def test_reasoning_that_openai_would_not_know_again_stays_behind(thought: Reasoning) -> None:
    request = reasoned(thought, "Text")
    assert [item.get("type") for item in responses(request)["input"]] == [None, "message", None]
    assert codes(request) == ["reasoning_dropped"]
    assert codes(reasoned(thought, thought, "Text"), api="chat") == ["reasoning_dropped"]


def test_stored_reasoning_is_known_by_its_id() -> None:
    item = {"id": "rs_1", "type": "reasoning", "summary": []}
    turns = reasoned(Reasoning("", "openai", json.dumps(item)), "Text").messages
    sent = responses(build_request(list(turns), options=OpenAIOptions(store=True)))
    assert sent["input"][1] == item


def test_the_phase_of_a_message_and_the_vendors_own_tools_go_back() -> None:
    search = {"type": "web_search_call", "id": "ws_1", "status": "completed"}
    request = reasoned(
        Reasoning("", "openai", '{"type":"message","phase":"commentary"}'),
        "Let me see.",
        Reasoning("", "openai", json.dumps(search)),
        "Found.",
    )
    _, first, second, third, _ = responses(request)["input"]
    assert first["phase"] == "commentary"
    assert second == search
    assert "phase" not in third


def test_compatible_reasoning_goes_back_with_its_calls_in_its_own_field() -> None:
    thought = Reasoning("Hm.", "openai", '{"reasoning_content":"Hm."}')
    sent = chat(reasoned(thought, ToolCall("c", "f")), dialect=PLAIN_DIALECT)["messages"][1]
    assert sent["reasoning_content"] == "Hm."
    plain = encoded(reasoned(thought, "Text"), dialect=PLAIN_DIALECT)
    assert "reasoning_content" not in json.loads(bytes(plain.body))["messages"][1]
    assert [warning.code for warning in plain.warnings] == ["reasoning_dropped"]


def test_reasoning_in_several_parts_goes_back_whole() -> None:
    thoughts = [
        Reasoning("", "openai", json.dumps({"reasoning_content": text, "details": [text]}))
        for text in ("A", "B")
    ]
    sent = chat(reasoned(*thoughts, ToolCall("c", "f")), dialect=PLAIN_DIALECT)["messages"][1]
    assert (sent["reasoning_content"], sent["details"]) == ("AB", ["A", "B"])


def test_fields_a_server_wants_back_with_a_call() -> None:
    extra = '{"extra_content":{"google":{"thought_signature":"x"}}}'
    call = ToolCall("c", "f", provider="openai", opaque=extra)
    sent = chat(reasoned(call), dialect=PLAIN_DIALECT)["messages"][1]["tool_calls"][0]
    assert sent["extra_content"] == {"google": {"thought_signature": "x"}}
    foreign = ToolCall("c", "f", provider="google", opaque=extra)
    assert "extra_content" not in chat(reasoned(foreign))["messages"][1]["tool_calls"][0]


def test_an_opaque_item_that_is_no_json() -> None:
    with pytest.raises(BadRequestError, match="opaque"):
        encoded(reasoned(Reasoning("", "openai", "{")))


# --- cache marks ---


def test_cache_marks_reach_the_models_that_know_them() -> None:
    prompt = [Text("Long.", cache=True), Image(PNG, cache="1h"), "?"]
    request = build_request(prompt, model="openai:gpt-5.6-sol")
    mark = {"mode": "explicit"}
    for pieces in (
        responses(request)["input"][0]["content"],
        chat(request)["messages"][0]["content"],
    ):
        assert [piece.get("prompt_cache_breakpoint") for piece in pieces] == [mark, mark, None]
    assert codes(request) == ["cache_lifetime"]


@pytest.mark.parametrize("model", ["gpt-5.5", "gpt-4.1", "o4-mini", "computer-use"])
def test_cache_marks_elsewhere_are_ignored_with_a_warning(model: str) -> None:
    request = build_request(Text("Long.", cache=True), model=f"openai:{model}")
    assert "prompt_cache_breakpoint" not in bytes(encoded(request).body).decode()
    assert codes(request) == ["cache_mark_ignored"]
    new = build_request(Text("Long.", cache=True), model="openai:gpt-6-luna")
    assert codes(new) == []
    assert codes(new, dialect=PLAIN_DIALECT) == ["cache_mark_ignored"]


def test_cache_marks_on_results_and_answers() -> None:
    turns = [
        Message("user", "?"),
        Message("assistant", [Text("Hm.", cache=True), ToolCall("c", "f")]),
        Message("tool", ToolResult("c", "Done", cache=True)),
    ]
    request = build_request(turns, model="openai:gpt-5.6-sol")
    assert "prompt_cache_breakpoint" in responses(request)["input"][-1]["output"][0]
    assert "prompt_cache_breakpoint" in chat(request)["messages"][-1]["content"][0]
    assert codes(request) == ["cache_mark_ignored"]


# --- ids, and what goes with a text alone ---


@pytest.mark.parametrize(("api", "most"), [("chat", 40), ("responses", 64)])
def test_ids_longer_than_openai_takes_go_as_others(api: Any, most: int) -> None:
    ids = ["x" * most, "x" * (most + 1), "y" * (most + 1), ""]

    def sent(dialect: Dialect) -> tuple[list[str], list[str]]:
        calls = Message("assistant", [ToolCall(id, "now") for id in ids])
        results = Message("tool", [ToolResult(id, "nine") for id in ids])
        found = body(build_request([calls, results]), api=api, dialect=dialect)
        if api == "chat":
            called, *answered = found["messages"]
            return (
                [call["id"] for call in called["tool_calls"]],
                [one["tool_call_id"] for one in answered],
            )
        items = [item["call_id"] for item in found["input"]]
        return items[: len(ids)], items[len(ids) :]

    called, answered = sent(OPENAI)
    assert called == answered
    assert called[0] == ids[0]
    assert len(set(called)) == len(ids)
    assert all(0 < len(id) <= most for id in called)
    assert sent(PLAIN_DIALECT) == (ids, ids)
    long = build_request(Message("assistant", ToolCall(ids[1], "now")))
    assert codes(long, api=api) == ["tool_ids_changed"]
    assert codes(long, api=api, dialect=PLAIN_DIALECT) == []


SHELL = Reasoning("", "openai", '{"type":"message","phase":"commentary"}')


@pytest.mark.parametrize("between", [[], [ToolCall("c", "f")], [Reasoning("Hm."), Text("So.")]])
def test_message_metadata_stays_off_other_messages(between: list[Any]) -> None:
    request = build_request([Message("user", "?"), Message("assistant", [SHELL, *between])])
    assert not any("phase" in item for item in responses(request)["input"])
    assert codes(request, api="responses") == ["reasoning_dropped"]


def test_message_metadata_stays_with_its_message() -> None:
    request = build_request(Message("assistant", ["Hi.", SHELL, "So.", "And."]))
    first, second = responses(request)["input"]
    assert "phase" not in first
    assert second["phase"] == "commentary"
    assert [piece["text"] for piece in second["content"]] == ["So.", "And."]
    assert codes(request, api="responses") == []


# --- other servers than OpenAI ---


def test_another_server_gets_no_voice_of_openais() -> None:
    spoken = build_request(modalities=("text", "audio"))
    assert chat(spoken)["audio"] == {"voice": "alloy", "format": "wav"}
    assert chat(spoken, dialect=PLAIN_DIALECT)["audio"] == {"format": "wav"}
    assert codes(spoken, dialect=PLAIN_DIALECT) == ["audio_format"]
    chosen = OpenAIOptions(voice="nova", audio_format="mp3")
    spoken = build_request(modalities=("text", "audio"), options=chosen)
    assert chat(spoken, dialect=PLAIN_DIALECT)["audio"] == {"voice": "nova", "format": "mp3"}
    assert codes(spoken, dialect=PLAIN_DIALECT) == []


def test_documents_that_are_no_pdf_go_to_responses() -> None:
    notes = build_request([Document(b"# Notes", mime_type="text/markdown"), "?"])
    assert encoded(notes).api == "responses"
    part = responses(notes)["input"][0]["content"][0]
    assert part["file_data"].startswith("data:text/markdown;base64,")
    with pytest.raises(UnsupportedContent, match="PDF documents, not text/markdown"):
        chat(notes)
