"""What vendors add to a request, and how they show tools, calls and schemas to the model."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from fmsdk.content import Reasoning, Text, ToolCall, ToolResult
from fmsdk.errors import QuoteUnavailable
from fmsdk.provider import Platform
from fmsdk.quoting import framing
from fmsdk.quoting.estimate import estimate_request
from fmsdk.quoting.tool_text import (
    json_declaration,
    namespace_text,
    response_format_text,
    schema_strings,
    tagged_call,
)
from fmsdk.request import Message, Tool, build
from fmsdk.usage import Range
from fmsdk_anthropic.options import AnthropicOptions

SEARCH = Tool(
    "search",
    "Search the web.\nReturns ten pages.",
    {
        "type": "object",
        "properties": {
            "query": {"type": "string", "description": "What to look for"},
            "limit": {"type": "integer", "default": 10},
            "kind": {"enum": ["news", "any"]},
            "place": {"anyOf": [{"type": "string"}, {"type": "null"}], "title": "Place"},
            "range": {
                "type": "object",
                "description": "The dates",
                "properties": {"days": {"type": ["integer", "null"]}},
            },
            "sites": {"type": "array", "items": {"type": "string"}},
            "other": {},
        },
        "required": ["query"],
    },
)
NOW = Tool("now", "Tell the time.")


def expected(model: str, prompt: Any = "Hi", platform: Platform | None = None, **asked: Any) -> int:
    request = build(model, prompt, **asked)
    return estimate_request(request, platform).input.expected


def test_every_row_says_why() -> None:
    for row in framing._ROWS:
        assert len(row.reason) > 6, row
        assert row.vendor in ("openai", "anthropic", "google", "")


@pytest.mark.parametrize(
    ("model", "one", "three"),  # turns of one token each, as billed in July 2026
    [
        ("openai:gpt-4o", 8, 18),
        ("openai:gpt-5-nano", 7, 19),
        ("openai:o4-mini", 7, 19),
        ("anthropic:claude-3-5-haiku-latest", 8, 16),
        ("anthropic:claude-sonnet-5", 7, 15),
        ("google:gemini-2.0-flash", 1, 3),
        ("google:gemini-2.5-flash", 2, 4),
        ("google:gemini-3-flash-preview", 2, 4),
    ],
)
def test_each_vendor_frames_turns_in_its_own_way(model: str, one: int, three: int) -> None:
    turns = [Message("user", "hi"), Message("assistant", "hi"), Message("user", "hi")]
    assert expected(model, "hi") == one
    assert expected(model, turns) == three


def test_openai_shows_tools_as_typescript() -> None:
    assert (
        namespace_text([SEARCH, NOW])
        == """\
# Tools

## functions

namespace functions {

// Search the web.
// Returns ten pages.
type search = (_: {
// What to look for
query: string,
limit?: number, // default: 10
kind?: "news" | "any",
// Place
//
place?: string | null,
range?: // The dates
{
days?: number | null,
},
sites?: string[],
other?: any,
}) => any;

// Tell the time.
type now = (_: {
}) => any;

} // namespace functions"""
    )


@pytest.mark.parametrize(
    "schema",
    [{}, {"properties": None}, {"type": []}, {"properties": {"a": True}}, {"enum": "no list"},
     {"properties": {"a": {"items": False, "type": "array"}}}, {"anyOf": 3},
     {"properties": {"a": {"$ref": "#/$defs/A"}}, "$defs": ["A"]},
     {"properties": {"a": {"$ref": "#/$defs/A"}}, "$defs": {"A": 3}}],
)  # fmt: skip
@pytest.mark.parametrize(
    "model",
    ["openai:gpt-4o", "anthropic:claude-opus-5", "google:gemini-3-flash", "google:gemini-2.0-flash",
     "google:gemini-2.5-flash", "elsewhere:model"],
)  # fmt: skip
def test_odd_schemas_are_counted(model: str, schema: Any) -> None:
    assert expected(model, tools=[Tool("f", "", schema)]) > expected(model)


def test_references_are_shown_where_they_are_used() -> None:
    node = {
        "type": "object",
        "properties": {"name": {"const": "x"}, "next": {"$ref": "#/$defs/Node"}},
        "required": ["name", "next"],
    }
    schema = {
        "type": "object",
        "properties": {"head": {"$ref": "#/$defs/Node"}, "gone": {"$ref": "#/$defs/Gone"}},
        "$defs": {"Node": node},
    }
    text = namespace_text([Tool("walk", "", schema)])
    assert 'head?: {\nname: "x",\nnext: any,\n}' in text
    assert "gone?: any,\n" in text


def refer_twice(depth: int) -> dict[str, Any]:
    """A schema of `depth` definitions, each of which refers to the next one twice."""
    nodes: dict[str, Any] = {
        f"N{n}": {
            "type": "object",
            "properties": {side: {"$ref": f"#/$defs/N{n + 1}"} for side in ("left", "right")},
        }
        for n in range(depth)
    }
    nodes[f"N{depth}"] = {"type": "string", "description": "a leaf " * 20}
    return {"type": "object", "properties": {"n": {"$ref": "#/$defs/N0"}}, "$defs": nodes}


def nest(depth: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(depth):
        schema = {"type": "object", "properties": {"inner": schema}}
    return schema


@pytest.mark.parametrize(
    "model", ["openai:gpt-5", "google:gemini-3.5-flash", "google:gemini-2.0-flash"]
)
def test_a_definition_counts_in_each_place_that_refers_to_it(model: str) -> None:
    once, twice, four_times = (
        expected(model, tools=[Tool("f", "", refer_twice(n))]) for n in range(3)
    )
    assert once > 40
    assert twice - once > 40
    assert four_times - twice > 80


@pytest.mark.parametrize("model", ["openai:gpt-5", "google:gemini-3.5-flash"])
@pytest.mark.parametrize("schema", [refer_twice(40), nest(400)], ids=["references", "depth"])
def test_a_schema_that_cannot_be_written_out_is_refused(model: str, schema: Any) -> None:
    with pytest.raises(QuoteUnavailable, match="too deep"):
        expected(model, tools=[Tool("f", "", schema)])


def test_choices_count_where_strings_are_counted() -> None:
    choice = {"type": "object", "properties": {"name": {"type": "string", "description": "who"}}}
    schema = {"properties": {"a": {"anyOf": [choice, {"type": "null"}]}}}
    assert list(schema_strings(schema)) == [
        *("OBJECT", "a", "OBJECT", "name", "who", "string", "null"),
    ]


def test_what_every_strict_schema_has_is_not_shown() -> None:
    schema = {
        "title": "Person",
        "type": "object",
        "properties": {"name": {"type": "string"}},
        "required": ["name"],
        "additionalProperties": False,
    }
    text = response_format_text("Person", schema)
    assert text.startswith("# Response Formats\n\n## Person\n\n")
    assert json.loads(text.rpartition("\n")[2]) == {
        "title": "Person",
        "type": "object",
        "properties": {"name": {"type": "string"}},
    }


def test_claude_sees_json_and_tags() -> None:
    assert json.loads(json_declaration(NOW, with_spaces=True))["name"] == "now"
    assert tagged_call("search", {"query": "tea", "limit": 3}, None) == (
        '<invoke name="search">\n<parameter name="query">tea</parameter>\n'
        '<parameter name="limit">3</parameter>\n</invoke>'
    )


def test_vertex_counts_strings_alone() -> None:
    strings = list(schema_strings(SEARCH.parameters))
    assert strings[:3] == ["OBJECT", "query", "query"]
    assert {"What to look for", "news", "days"} <= set(strings)
    tools = {"tools": [NOW]}
    vertex = expected("google:gemini-2.5-flash", platform="vertex", **tools)
    studio = expected("google:gemini-2.5-flash", platform="aistudio", **tools)
    assert vertex + 10 < studio


@pytest.mark.parametrize("model", ["openai:gpt-5.4", "google:gemini-3-flash-preview"])
def test_thoughts_are_billed_within_a_loop_of_tools_alone(model: str) -> None:
    vendor, _, _ = model.partition(":")
    field = {"openai": "encrypted_content", "google": "thoughtSignature"}[vendor]
    opaque = json.dumps({"type": "reasoning", field: "x" * 2000})
    loop = [
        Message("user", "Hi"),
        Message("assistant", [Reasoning("", vendor, opaque), ToolCall("1", "now", {})]),
        Message("tool", [ToolResult("1", "noon", name="now")]),
    ]
    bare = [loop[0], Message("assistant", [ToolCall("1", "now", {})]), loop[2]]
    running = expected(model, loop) - expected(model, bare)
    assert 150 <= running <= 410
    # What comes with a result belongs to the loop.
    beside = Message("user", [ToolResult("1", "noon", name="now"), "A note."])
    assert expected(model, [*loop[:2], beside]) > expected(model, [*bare[:2], beside]) + 150
    question = Message("user", "And now?")
    assert expected(model, [*loop, question]) == expected(model, [*bare, question])


@pytest.mark.parametrize(
    ("model", "is_kept"),
    [("claude-opus-4-5", True), ("claude-sonnet-4-6", True), ("claude-fable-5", True),
     ("claude-sonnet-4-5", False), ("claude-haiku-5", False)],
)  # fmt: skip
def test_newer_claudes_may_bill_thoughts_of_earlier_turns(model: str, is_kept: bool) -> None:
    text = "I weigh one against the other. " * 50

    def tokens_of(*parts: Any) -> Range[int]:
        turns = [Message("user", "Hi"), Message("assistant", [*parts, "Yes."])]
        request = build(f"anthropic:{model}", [*turns, Message("user", "And now?")])
        return estimate_request(request).input

    thought = Reasoning(text, "anthropic", json.dumps({"thinking": text, "signature": "x" * 100}))
    kept, bare = tokens_of(thought), tokens_of()
    assert (kept.low, kept.expected) == (bare.low, bare.expected)
    assert (kept.high > bare.high + 300) == is_kept
    assert tokens_of(replace(thought, provider="elsewhere")) == bare


def test_reasoning_that_goes_back_as_text_is_counted() -> None:
    text = "I weigh one against the other. " * 50
    thought = Reasoning(text, "openrouter", json.dumps({"reasoning": text}))
    call = ToolCall("1", "now", {})
    loop = [Message("user", "Hi"), Message("assistant", [thought, call]),
            Message("tool", [ToolResult("1", "noon", name="now")])]  # fmt: skip
    bare = [loop[0], Message("assistant", [call]), loop[2]]
    model = "openrouter:deepseek/deepseek-r1"
    assert expected(model, loop) > expected(model, bare) + 300


def test_gemini_2_5_bills_no_signatures() -> None:
    call = ToolCall("1", "now", {}, None, "google", json.dumps({"thoughtSignature": "x" * 2000}))
    bare = ToolCall("1", "now", {})
    signed, unsigned = (
        expected("google:gemini-2.5-flash", [Message("user", "Hi"), Message("assistant", [each])])
        for each in (call, bare)
    )
    assert signed == unsigned


@pytest.mark.parametrize(
    ("model", "asked", "low", "high"),
    [
        ("anthropic:claude-sonnet-4-5", {"tools": [NOW]}, 500, 560),
        ("anthropic:claude-sonnet-4-0", {"tools": [NOW]}, 320, 380),
        ("anthropic:claude-opus-5", {"tools": [NOW]}, 290, 370),
        ("anthropic:claude-sonnet-4-5", {"output": dict[str, int]}, 120, 190),
        ("anthropic:claude-sonnet-4-5", {"options": AnthropicOptions(citations=True)}, 540, 560),
        (
            "anthropic:claude-sonnet-4-5",
            {"options": AnthropicOptions(thinking={"type": "enabled", "budget_tokens": 2000})},
            28, 30,
        ),
        ("anthropic:claude-sonnet-4-5", {"reasoning": "high"}, 28, 30),
        ("anthropic:claude-opus-5", {"reasoning": "high"}, 0, 3),
        ("openai:gpt-5", {"tools": [NOW]}, 25, 40),
        ("openai:gpt-5", {"tools": [NOW, SEARCH]}, 160, 230),
        ("google:gemini-3-flash-preview", {"output": dict[str, int]}, 0, 0),
    ],
)  # fmt: skip
def test_hidden_prompts_are_counted(model: str, asked: dict[str, Any], low: int, high: int) -> None:
    assert low <= expected(model, **asked) - expected(model) <= high


def test_a_required_call_costs_instructions_since_4_5() -> None:
    auto = expected("anthropic:claude-sonnet-4-5", tools=[NOW])
    for choice in ("required", "now"):
        forced = expected("anthropic:claude-sonnet-4-5", tools=[NOW], tool_choice=choice)
        assert 80 <= forced - auto <= 140


def test_calls_at_once_are_one_call_of_another_tool() -> None:
    calls = [ToolCall(str(n), "now", {}) for n in range(2)]
    together = [Message("user", "Hi"), Message("assistant", calls)]
    apart = [Message("user", "Hi"), *(Message("assistant", [call]) for call in calls)]
    results = [Message("tool", [ToolResult(str(n), "noon") for n in range(2)])]
    at_once = expected("openai:gpt-4o", [*together, *results])
    assert at_once == expected("openai:gpt-4o", [*apart, *results])
    one_by_one = [
        Message("user", "Hi"),
        *(m for n in range(2) for m in (
            Message("assistant", [calls[n]]), Message("tool", [ToolResult(str(n), "noon")])
        )),
    ]  # fmt: skip
    assert at_once > expected("openai:gpt-4o", one_by_one)


def test_the_range_of_an_open_model_holds_the_prompt_of_its_template() -> None:
    """SmolLM2's template says who it is: "Hi" are 31 tokens."""
    tokens = estimate_request(build("local:demo-text", "Hi")).input
    assert tokens.expected < 15
    assert tokens.low <= 31 <= tokens.high


def test_a_server_of_its_own_gets_a_wide_guess() -> None:
    known = estimate_request(build("openai:gpt-4o", "word " * 100))
    unknown = estimate_request(build("mine:llama", "word " * 100), vendor="")
    assert known.input.high / known.input.low < 1.1
    assert unknown.input.high / unknown.input.low > 1.8
    assert unknown.basis == {"text": "ratio"}


@pytest.mark.parametrize(
    ("server", "model", "vendor", "name"),
    [
        ("openrouter", "anthropic/claude-sonnet-4.5", "anthropic", "claude-sonnet-4-5"),
        ("openrouter", "openai/gpt-5.4", "openai", "gpt-5.4"),
        ("github-copilot", "gemini-2.5-pro", "google", "gemini-2.5-pro"),
        ("azure", "my-deployment", "openai", "gpt-4o"),
        ("google-vertex", "gemini-2.5-pro", "google", "gemini-2.5-pro"),
        ("", "gpt-oss-120b", "openai", "gpt-oss-120b"),
    ],
)
def test_a_router_counts_as_the_models_vendor(
    server: str, model: str, vendor: str, name: str
) -> None:
    text = "The keeper wrote down the weather every morning. " * 9
    routed = estimate_request(build(f"mine:{model}", text, tools=[NOW]), vendor=server)
    direct = estimate_request(build(f"{vendor}:{name}", text, tools=[NOW]))
    assert routed.input == direct.input
    assert routed.basis == direct.basis


def test_text_in_several_parts_is_one_message() -> None:
    parts = [Text("one"), Text("two")]
    assert expected("openai:gpt-4o", [Message("user", parts)]) == 9
