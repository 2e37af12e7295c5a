"""What a server is known not to honour is said before anything is sent; what it charged, after."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any, get_args

import pytest

import fmsdk
from fmsdk.content import Document, Image, Reasoning, Text, ToolCall, ToolResult
from fmsdk.errors import UnsupportedContent, UnsupportedSetting
from fmsdk.provider import ALL_SETTINGS
from fmsdk.request import Message, Request
from fmsdk_openai import OpenAIOptions
from fmsdk_openai.servers import SERVERS
from tests.support.openai.encoding import PDF, PNG, WAV
from tests.support.openai.named_servers import (
    HELLO,
    LOCAL,
    NAMES,
    TOOL,
    build_request,
    create_provider,
    sent,
)
from tests.support.openai.provider import (
    KEY,
    Answer,
    chunk,
    completion,
    generate,
    run_server,
    sse,
    stream,
)

# --- deviations ---

SETTINGS: dict[str, Any] = {
    "logprobs": 2,
    "choices": 2,
    "seed": 7,
    "stop": ".",
    "temperature": 0.5,
    "top_p": 0.5,
    "output": dict[str, int],
    "tool_choice": "required",
    "named_tool": "now",
}
OPTIONS: dict[str, Any] = {"store": True, "verbosity": "high", "parallel_tool_calls": False}
MODELS = {"xai": "grok-4", "deepseek": "deepseek-v4-pro"}
CASES = [
    pytest.param(name, setting, id=f"{name}-{setting}")
    for name in NAMES
    for refusal in SERVERS[name].dialect.refuses
    for setting in refusal.names
]


def _deviating(name: str, setting: str, *, lenient: bool) -> Request:
    model = MODELS.get(name, "m")
    how: dict[str, Any] = {"model": model, "lenient": lenient}
    if setting == "detail":
        return build_request(name, [Image(PNG, detail="high"), "?"], **how)
    if setting.startswith("options."):
        option = setting.removeprefix("options.")
        options = OpenAIOptions(**{option: OPTIONS.get(option, "x")})
        return build_request(name, options=options, **how)
    if setting in ("tool_choice", "named_tool"):
        return build_request(name, tools=[TOOL], tool_choice=SETTINGS[setting], **how)
    return build_request(name, **{setting: SETTINGS[setting]}, **how)


@pytest.mark.parametrize(("name", "setting"), CASES)
def test_unsupported_settings_raise_before_anything_is_sent(name: str, setting: str) -> None:
    with run_server(HELLO) as server:
        asked = create_provider(name, base_url=server.url, api_key=KEY)
        with pytest.raises(UnsupportedSetting) as caught:
            generate(asked, _deviating(name, setting, lenient=False))
        assert not server.seen
    assert caught.value.setting == {"named_tool": "tool_choice"}.get(setting, setting)


@pytest.mark.parametrize(("name", "setting"), CASES)
def test_lenient_request_drops_the_setting_with_a_warning(name: str, setting: str) -> None:
    with run_server(HELLO) as server:
        asked = create_provider(name, base_url=server.url, api_key=KEY)
        answer = generate(asked, _deviating(name, setting, lenient=True))
    dropped = [w.detail for w in answer.warnings if w.code == "setting_dropped"]
    assert dropped == [{"named_tool": "tool_choice"}.get(setting, setting)]
    plain = {"model", "messages", "tools", "provider"}
    assert server.seen[0].body.keys() <= plain
    assert "high" not in str(server.seen[0].body)


@pytest.mark.parametrize(("name", "setting"), CASES)
def test_settings_that_are_never_honoured_are_no_capabilities(name: str, setting: str) -> None:
    capabilities = create_provider(name, base_url="http://127.0.0.1:9").capabilities(
        MODELS.get(name, "m")
    )
    if setting in ALL_SETTINGS and setting not in ("temperature", "top_p"):
        assert setting not in capabilities.settings
    if setting == "output":
        assert not capabilities.structured
    assert capabilities.known == (name == "deepseek")  # whose models are in the catalogue


def test_only_the_models_meant_refuse() -> None:
    asked = create_provider("xai", base_url="http://127.0.0.1:9")
    assert "stop" not in asked.capabilities("grok-4").settings
    assert "stop" in asked.capabilities("grok-4-fast-non-reasoning").settings
    assert sent("xai", build_request("xai", model="grok-4-fast-non-reasoning", stop=".")).body[
        "stop"
    ]


def test_deepseek_thinks_unless_switched_off() -> None:
    body = sent("deepseek", build_request("deepseek", reasoning="none", temperature=0.5)).body
    assert (body["thinking"], body["temperature"]) == ({"type": "disabled"}, 0.5)
    assert "reasoning_effort" not in body
    assert (
        sent("deepseek", build_request("deepseek", reasoning="low")).body["reasoning_effort"]
        == "low"
    )


def test_mistrals_own_names() -> None:
    request = build_request(
        "mistral", seed=7, max_output_tokens=9, tools=[TOOL], tool_choice="required"
    )
    body = sent("mistral", request).body
    assert (body["random_seed"], body["max_tokens"], body["tool_choice"]) == (7, 9, "any")
    assert not {"seed", "max_completion_tokens"} & body.keys()
    with run_server(Answer(pieces=sse(chunk({"content": "Hi"}, "stop")))) as server:
        stream(create_provider("mistral", base_url=server.url), build_request("mistral"))
    assert "stream_options" not in server.seen[0].body


def test_mistrals_own_parts() -> None:
    parts = [Document(PDF), Document("https://x.test/a.pdf"), fmsdk.Audio(WAV), "?"]
    pdf, linked, audio, _ = sent("mistral", build_request("mistral", parts)).body["messages"][0][
        "content"
    ]
    assert pdf["type"] == linked["type"] == "document_url"
    assert pdf["document_url"].startswith("data:application/pdf;base64,JVBER")
    assert linked["document_url"] == "https://x.test/a.pdf"
    assert audio["input_audio"].startswith("UklGR")
    capabilities = create_provider("mistral").capabilities("m")
    assert capabilities.remote == {"image", "document"}


def test_ids_of_calls_made_elsewhere_fit_mistral_and_stay_pairs() -> None:
    turns = [
        Message("user", "When?"),
        Message("assistant", [ToolCall("call_of_another", "now"), ToolCall("qDEcl0n92", "now")]),
        Message("tool", [ToolResult("call_of_another", "9"), ToolResult("qDEcl0n92", "9")]),
    ]
    with run_server(HELLO) as server:
        answer = generate(
            create_provider("mistral", base_url=server.url), build_request("mistral", turns)
        )
    _, assistant, first, second = server.seen[0].body["messages"]
    ids = [call["id"] for call in assistant["tool_calls"]]
    assert ids == [first["tool_call_id"], second["tool_call_id"]]
    assert ids[1] == "qDEcl0n92"
    assert len(ids[0]) == 9
    assert ids[0].isalnum()
    assert [warning.code for warning in answer.warnings] == ["tool_ids_changed"]


@pytest.mark.parametrize("name", NAMES)
def test_long_ids_go_as_they_are_but_where_they_are_refused(name: str) -> None:
    id = "call_" + "x" * 36
    turns = [Message("assistant", ToolCall(id, "now")), Message("tool", ToolResult(id, "nine"))]
    encoded = create_provider(name, base_url="http://127.0.0.1:9", api="chat").encode(
        build_request(name, turns), stream=False
    )
    call, result = json.loads(bytes(encoded.body))["messages"]
    assert call["tool_calls"][0]["id"] == result["tool_call_id"]
    is_kept = result["tool_call_id"] == id
    assert is_kept == (name not in ("azure", "copilot", "mistral"))
    assert ("tool_ids_changed" in [w.code for w in encoded.warnings]) == (not is_kept)


def test_openrouter_refuses_rather_than_ignores_and_passes_cache_marks_on() -> None:
    marked = [Text("Long.", cache="1h"), Text("Short", cache=True), "?"]
    body = sent("openrouter", build_request("openrouter", marked, model="anthropic/claude-x")).body
    first, second, last = body["messages"][0]["content"]
    assert first["cache_control"] == {"type": "ephemeral", "ttl": "1h"}
    assert second["cache_control"] == {"type": "ephemeral"}
    assert "cache_control" not in last
    assert "provider" not in body
    strict = sent("openrouter", build_request("openrouter", temperature=0.5)).body
    assert strict["provider"] == {"require_parameters": True}


@pytest.mark.parametrize(
    ("settings", "options", "provider"),
    [
        ({}, {}, None),
        ({"temperature": 0.5}, {}, {"require_parameters": True}),
        ({"tools": [TOOL]}, {}, {"require_parameters": True}),
        ({}, {"user": "u", "safety_identifier": "s", "prompt_cache_key": "k"}, None),
        ({}, {"verbosity": "low"}, {"require_parameters": True}),
        ({}, {"parallel_tool_calls": False}, {"require_parameters": True}),
        ({}, {"extra_body": {"provider": {"order": ["x"]}}}, {"order": ["x"]}),
        (
            {"temperature": 0.5},
            {"extra_body": {"provider": {"order": ["x"]}}},
            {"require_parameters": True, "order": ["x"]},
        ),
        (
            {"temperature": 0.5},
            {"extra_body": {"provider": {"require_parameters": False, "order": ["x"]}}},
            {"require_parameters": False, "order": ["x"]},
        ),
        ({"temperature": 0.5}, {"extra_body": {"provider": None}}, None),
        ({"temperature": 0.5}, {"extra_body": {"provider": "x"}}, "x"),
    ],
)
def test_openrouters_require_parameters_joins_the_callers_provider_options(
    settings: dict[str, Any], options: dict[str, Any], provider: Any
) -> None:
    request = build_request("openrouter", options=OpenAIOptions(**options), **settings)
    assert sent("openrouter", request).body.get("provider") == provider


@pytest.mark.parametrize(
    ("modalities", "fields"),
    [
        (("text",), {}),
        (("text", "image"), {"modalities": ["text", "image"]}),
        (("image",), {"modalities": ["image"]}),
    ],
)
def test_openrouter_draws_pictures(modalities: Any, fields: dict[str, Any]) -> None:
    request = build_request("openrouter", modalities=modalities)
    body = sent("openrouter", request).body
    assert {name: body[name] for name in ("modalities", "audio") if name in body} == fields
    assert "image" in create_provider("openrouter").capabilities("m").output


@pytest.mark.parametrize("name", NAMES)
def test_citations_go_back_to_openrouter_alone(name: str) -> None:
    cited = [{"type": "file", "file": {"hash": "h", "content": []}}]
    opaque = {"reasoning_content": "Hm.", "annotations": cited}
    for fields in (opaque, {"annotations": cited}):
        shown = Reasoning("Hm." if "reasoning_content" in fields else "", name, json.dumps(fields))
        turns = [Message("user", "?"), Message("assistant", [shown, "Yes."]), Message("user", "?")]
        with run_server(HELLO) as server:
            asked = create_provider(name, base_url=server.url, api_key=KEY, api="chat")
            answer = generate(asked, build_request(name, turns))
        assistant = server.seen[0].body["messages"][1]
        codes = {warning.code for warning in answer.warnings}
        assert assistant.get("annotations") == (cited if name == "openrouter" else None)
        assert ("citations_dropped" in codes) == (name != "openrouter")
        assert ("reasoning_dropped" in codes) == ("reasoning_content" in fields)
        assert "reasoning_content" not in assistant


def test_citations_go_back_beside_calls() -> None:
    cited = [{"type": "file", "file": {"hash": "h"}}]
    shown = Reasoning("Hm.", "openrouter", json.dumps({"reasoning": "Hm.", "annotations": cited}))
    turns = [Message("assistant", [shown, ToolCall("c", "now")]), Message("tool", [_NINE])]
    assistant = sent("openrouter", build_request("openrouter", turns)).body["messages"][0]
    assert (assistant["reasoning"], assistant["annotations"]) == ("Hm.", cited)


_NINE = ToolResult("c", "nine")


@pytest.mark.parametrize("name", sorted(LOCAL))
def test_local_servers_do_not_store_anyway(name: str) -> None:
    with run_server(HELLO) as server:
        asked = create_provider(name, base_url=server.url, api_key=KEY)
        answer = generate(asked, build_request(name, options=OpenAIOptions(store=False)))
    assert "store" not in server.seen[0].body
    assert {warning.code for warning in answer.warnings} <= {"model_unknown"}


@pytest.mark.parametrize("name", ["vllm", "sglang", "lmstudio"])
def test_own_server_stores_responses(name: str) -> None:
    request = build_request(name, options=OpenAIOptions(store=True, verbosity="low"))
    body = json.loads(
        bytes(create_provider(name, api="responses").encode(request, stream=False).body)
    )
    assert (body["store"], body["text"]) == (True, {"verbosity": "low"})


def test_deepseeks_smaller_models_think_with_top_p() -> None:
    small = build_request("deepseek", model="deepseek-flash", top_p=0.96)
    assert sent("deepseek", small).body["top_p"] == 0.96
    still = build_request("deepseek", model="deepseek-v4-pro", top_p=0.9, reasoning="none")
    assert sent("deepseek", still).body["top_p"] == 0.9


BMP = b"BM" + bytes(60)


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("xai", Image(BMP, mime_type="image/bmp")),
        ("ollama", Image(BMP, mime_type="image/bmp")),
        ("openrouter", Document(b"# Hi", mime_type="text/markdown")),
        ("azure", Document(b"# Hi", mime_type="text/markdown")),
    ],
)
def test_media_types_that_a_server_does_not_read(name: str, part: Any) -> None:
    with run_server(HELLO) as server:
        asked = create_provider(name, base_url=server.url, api_key=KEY, api="chat")
        with pytest.raises(UnsupportedContent, match=r"bmp|markdown"):
            generate(asked, build_request(name, [part, "?"]))
        assert not server.seen


@pytest.mark.parametrize("name", NAMES)
def test_content_that_a_wire_has_no_part_for_is_no_capability(name: str) -> None:
    capabilities = create_provider(name, base_url="http://127.0.0.1:9").capabilities("m")
    modalities = {"text", "image", "audio", "document"}
    assert {"text", "image"} <= capabilities.input <= modalities
    assert capabilities.remote <= capabilities.input
    pinned = create_provider(name, base_url="http://127.0.0.1:9", api="responses").capabilities("m")
    assert pinned.input == capabilities.input - {"audio"} | {"document"}
    assert set(get_args(fmsdk.content.Modality)) > modalities


# --- what was charged ---


@pytest.mark.parametrize(
    ("name", "told", "charged"),
    [
        ("openrouter", {"cost": 0.000669}, Decimal("0.000669")),
        ("openrouter", {"cost": 0}, Decimal(0)),
        ("openrouter", {}, None),
        ("openrouter", {"cost": True}, None),
        (
            "openrouter",
            {"cost": 0.1, "is_byok": True, "cost_details": {"upstream_inference_cost": 0.2}},
            Decimal("0.3"),
        ),
        ("openrouter", {"cost": 0.1, "is_byok": True, "cost_details": None}, None),
        ("xai", {"cost_in_usd_ticks": 318319000}, Decimal("0.0318319")),
        ("groq", {"cost": 0.000669}, None),
    ],
)
def test_charge_reported_by_the_server_is_the_cost(
    name: str, told: dict[str, Any], charged: Decimal | None
) -> None:
    usage = {"prompt_tokens": 43, "completion_tokens": 36, **told}
    last = {**chunk({}), "choices": [], "usage": usage}
    streamed = Answer(pieces=sse(chunk({"content": "Hi."}, "stop"), last))
    with run_server(Answer(completion(usage=usage)), streamed) as server:
        asked = create_provider(name, base_url=server.url, api_key=KEY)
        plain = generate(asked, build_request(name))
        _, folded = stream(asked, build_request(name))
    assert plain.usage.charged == folded.usage.charged == charged
    from fmsdk.pricing import price

    cost = price(asked.price_id, "nobody-knows-this-model", plain.usage)
    assert (cost and cost.total) == charged
    if cost is not None:
        assert sum(line.amount for line in cost.lines) == cost.total
        assert cost.price_source.startswith("reported by ")
