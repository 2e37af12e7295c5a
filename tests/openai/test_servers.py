"""The table of servers: every row whole, asked where it is and as it wants, and what it is known
not to honour said before anything is sent."""

from __future__ import annotations

import asyncio
import os
import tomllib
from datetime import date
from decimal import Decimal
from functools import reduce
from importlib import import_module
from pathlib import Path
from typing import Any, get_args

import openai
import pytest

import fmsdk
from fmsdk.content import Document, Image, Text, ToolCall, ToolResult
from fmsdk.errors import ConfigurationError, MissingKey, UnsupportedContent, UnsupportedSetting
from fmsdk.provider import ALL_SETTINGS, ProviderConfig
from fmsdk.request import Message, Request, Tool, build
from fmsdk_openai import OpenAIOptions, OpenAIProvider
from fmsdk_openai.dialect import Refusal
from fmsdk_openai.servers import SERVERS
from tests.openai.kit import KEY, Answer, chunk, completion, generate, serving, sse, stream
from tests.openai.test_encode import PDF, PNG, WAV

NAMES = sorted(SERVERS)
LOCAL = {"vllm", "sglang", "llamacpp", "ollama", "lmstudio"}
HELLO = Answer(completion())
TOOL = Tool("now", "The time")
ENTRY_POINTS = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8"))[
    "project"
]["entry-points"]["fmsdk.providers"]


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    variables = {name for name in os.environ if name.startswith("OPENAI_")}
    for server in SERVERS.values():
        variables.update(server.key_variables, server.url_variables)
    for name in variables:
        monkeypatch.delenv(name, raising=False)


def made(name: str, *, called: str = "", **options: Any) -> OpenAIProvider:
    return SERVERS[name](ProviderConfig(name=called or name, options=options))


def sent(name: str, request: Request, *, model: str = "m", **options: Any) -> Any:
    """What a request becomes on the wire."""
    with serving(HELLO) as server:
        asked = made(name, **{"base_url": server.url, "api_key": KEY, **options})
        generate(asked, request)
    return server.seen[0]


def ask(name: str, prompt: Any = "Hello", *, model: str = "m", **settings: Any) -> Request:
    return build(f"{name}:{model}", prompt, **settings)


# --- the table ---


def test_every_server_that_was_promised_has_its_row() -> None:
    promised = "vllm sglang llamacpp ollama lmstudio azure openrouter groq mistral deepseek xai "
    assert set(SERVERS) == set((promised + "together fireworks copilot").split())


@pytest.mark.parametrize("name", NAMES)
def test_a_row_is_whole_and_is_its_entry_point(name: str) -> None:
    server = SERVERS[name]
    path, _, extra = ENTRY_POINTS[name].partition(" ")
    module, _, attribute = path.partition(":")
    assert reduce(getattr, attribute.split("."), import_module(module)) is server
    assert extra == "[openai]"
    assert server.name == name
    assert server.title
    assert server.key_variables
    assert server.url_variables
    assert server.source.startswith("https://")
    assert date(2026, 1, 1) < server.checked
    assert server.is_local == (name in LOCAL)
    assert (server.price_id is None) == server.is_local
    assert (server.url is None) == (name == "azure")


@pytest.mark.parametrize("name", NAMES)
def test_the_guide_has_every_row(name: str) -> None:
    guide = (Path(__file__).parents[2] / "docs" / "guide.md").read_text("utf-8")
    (line,) = (line for line in guide.splitlines() if line.startswith(f"| `{name}:` |"))
    server = SERVERS[name]
    assert server.title in line
    assert f"`{server.key_variables[0]}`" in line
    if server.is_local:
        assert f"port {(server.url or '').split(':')[2].split('/')[0]} here" in line


@pytest.mark.parametrize("name", NAMES)
def test_prices_are_those_of_a_vendor_in_the_table(name: str) -> None:
    from genai_prices.data import providers

    assert SERVERS[name].price_id in {None, *(provider.id for provider in providers)}


REFUSALS = [
    pytest.param(name, refusal, id=f"{name}-{refusal.names[0]}")
    for name in NAMES
    for refusal in SERVERS[name].dialect.refuses
]


@pytest.mark.parametrize(("name", "refusal"), REFUSALS)
def test_a_deviation_has_a_source_and_names_what_exists(name: str, refusal: Refusal) -> None:
    assert refusal.source
    assert refusal.why
    assert date(2026, 1, 1) < refusal.checked
    known = {*ALL_SETTINGS, "output", "tool_choice", "named_tool", "detail"}
    for setting in refusal.names:
        _, is_option, option = setting.partition("options.")
        assert hasattr(OpenAIOptions(), option) if is_option else setting in known


# --- where requests go, and with what ---


@pytest.mark.parametrize("name", NAMES)
def test_a_server_is_asked_where_it_is_told_with_its_own_key(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-openai")
    monkeypatch.setenv("OPENAI_ORG_ID", "org-openai")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "proj-openai")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Gate: hush\nX-Other: hush")
    server_row = SERVERS[name]
    monkeypatch.setenv(server_row.key_variables[0], "its-own-key")
    with serving(HELLO) as server:
        monkeypatch.setenv(server_row.url_variables[0], server.url)
        options = {} if name != "azure" else {"api": "chat"}
        answer = generate(made(name, **options), ask(name))
    assert answer.text == "Hi."
    (seen,) = server.seen
    assert seen.path == "/v1/chat/completions"
    assert seen.headers.get("authorization", seen.headers.get("api-key")) in (
        "Bearer its-own-key",
        "its-own-key",
    )
    assert not {"openai-organization", "openai-project", "x-gate", "x-other"} & {*seen.headers}
    assert "sk-openai" not in str(seen.headers)


@pytest.mark.parametrize("name", sorted(set(NAMES) - LOCAL - {"azure"}))
def test_a_vendors_own_endpoint_wants_its_key(name: str) -> None:
    asked = made(name)
    assert (asked.price_id, asked.vendor) == (SERVERS[name].price_id,) * 2
    with pytest.raises(MissingKey) as caught:
        generate(asked, ask(name))
    assert caught.value.variable == SERVERS[name].key_variables[0]


@pytest.mark.parametrize("name", NAMES)
def test_elsewhere_a_server_is_not_its_vendors(name: str) -> None:
    gateway = made(name, base_url="http://127.0.0.1:9/v1")
    assert gateway.vendor is None
    assert gateway.price_id == SERVERS[name].price_id
    mine = made(name, called="mine", base_url="http://127.0.0.1:9/v1")
    assert mine.price_id is None


def test_a_wire_under_a_name_of_the_users_own_takes_no_vendors_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GROQ_API_KEY", "gsk")
    monkeypatch.setenv("MINE_API_KEY", "of-mine")
    with serving(HELLO) as server:
        generate(made("groq", called="mine", base_url=server.url), ask("mine"))
    assert server.seen[0].headers["authorization"] == "Bearer of-mine"


@pytest.mark.parametrize(
    ("name", "variable", "value", "url"),
    [
        ("ollama", "OLLAMA_HOST", "0.0.0.0", "http://127.0.0.1:11434/v1"),
        ("ollama", "OLLAMA_HOST", "box:9000", "http://box:9000/v1"),
        ("ollama", "OLLAMA_HOST", "https://box.example", "https://box.example/v1"),
        ("groq", "GROQ_BASE_URL", "https://api.groq.com", "https://api.groq.com/openai/v1"),
        ("vllm", "VLLM_BASE_URL", "http://gpu:8001/v1", "http://gpu:8001/v1"),
        (
            "azure",
            "AZURE_OPENAI_ENDPOINT",
            "https://mine.openai.azure.com/",
            "https://mine.openai.azure.com/openai/v1",
        ),
    ],
)
def test_what_a_variable_leaves_out_is_as_usual(
    name: str, variable: str, value: str, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    assert SERVERS[name].configured_url() == url


def test_usable_models(monkeypatch: pytest.MonkeyPatch) -> None:
    def line(name: str) -> tuple[bool, str]:
        (found,) = SERVERS[name].usable_models()
        assert found.name == f"{name}:…"
        return found.usable, found.note

    assert line("groq") == (False, "set GROQ_API_KEY")
    assert line("azure") == (False, "set AZURE_OPENAI_API_KEY and AZURE_OPENAI_BASE_URL")
    assert line("vllm") == (False, "where vLLM runs: http://localhost:8000/v1")
    monkeypatch.setenv("GROQ_API_KEY", KEY)
    monkeypatch.setenv("OLLAMA_HOST", "box:1")
    assert line("groq") == (True, "")
    assert line("ollama") == (False, "where Ollama runs: box:1")


# --- Azure, Copilot ---


def test_azure_needs_an_endpoint_and_sends_the_key_its_way() -> None:
    with pytest.raises(ConfigurationError, match="AZURE_OPENAI_ENDPOINT"):
        made("azure")
    seen = sent("azure", ask("azure", stop=".", max_output_tokens=9))
    assert seen.headers["api-key"] == KEY
    assert "authorization" not in seen.headers
    assert seen.body["max_completion_tokens"] == 9


def test_azure_takes_entras_tokens() -> None:
    async def token() -> str:
        return "entra"

    seen = sent("azure", ask("azure", stop="."), api_key=token)
    assert seen.headers["authorization"] == "Bearer entra"
    assert "api-key" not in seen.headers


def test_azure_takes_a_client_for_dated_versions() -> None:
    async def main(url: str) -> None:
        client = openai.AsyncAzureOpenAI(api_key="k", azure_endpoint=url, api_version="2026-01-01")
        await made("azure", client=client, api="chat").generate(ask("azure"))
        await client.close()

    with serving(HELLO) as server:
        asyncio.run(main(server.root))
    assert server.seen[0].path.startswith("/openai/deployments/m/chat/completions?")


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        ({"error": {"code": "content_filter", "message": "no"}}, 400, fmsdk.ContentFiltered),
        ({"error": {"code": "DeploymentNotFound", "message": "no"}}, 404, fmsdk.ModelNotFound),
        ({"error": {"code": "401", "message": "denied"}}, 401, fmsdk.AuthenticationError),
    ],
)
def test_azures_errors(body: dict[str, Any], status: int, kind: type[Exception]) -> None:
    with serving(Answer(body, status)) as server, pytest.raises(kind):
        generate(made("azure", base_url=server.url, api_key=KEY), ask("azure"))


def test_azures_filter_results_do_not_disturb_a_stream() -> None:
    first = {"choices": [], "prompt_filter_results": [{"prompt_index": 0}], "model": "", "id": ""}
    last = chunk({}, "stop") | {"content_filter_results": {"hate": {"filtered": False}}}
    with serving(Answer(pieces=sse(first, chunk({"content": "Hi"}), last))) as server:
        asked = made("azure", base_url=server.url, api_key=KEY, api="chat")
        _, answer = stream(asked, ask("azure"))
    assert (answer.text, answer.served_model) == ("Hi", "m-1")


def test_copilot_hears_who_asks_and_whether_there_are_pictures() -> None:
    plain = sent("copilot", ask("copilot")).headers
    assert plain["openai-intent"] == "conversation-edits"
    assert plain["editor-version"].startswith("fmsdk/")
    assert plain["x-initiator"] == "user"
    assert "copilot-vision-request" not in plain
    call = Message("assistant", ToolCall("c", "now"))
    result = Message("tool", ToolResult("c", "nine"))
    turns = ask("copilot", [Message("user", [Image(PNG), "?"]), call, result])
    later = sent("copilot", turns).headers
    assert (later["x-initiator"], later["copilot-vision-request"]) == ("agent", "true")


# --- deviations ---

SETTINGS: dict[str, Any] = {
    "logprobs": 2,
    "choices": 2,
    "seed": 7,
    "stop": ".",
    "temperature": 0.5,
    "output": dict[str, int],
    "tool_choice": "required",
    "named_tool": "now",
}
MODELS = {"xai": "grok-4"}
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
        return ask(name, [Image(PNG, detail="high"), "?"], **how)
    if setting.startswith("options."):
        options: Any = OpenAIOptions(**{setting.removeprefix("options."): "x"})
        return ask(name, options=options, **how)
    if setting in ("tool_choice", "named_tool"):
        return ask(name, tools=[TOOL], tool_choice=SETTINGS[setting], **how)
    return ask(name, **{setting: SETTINGS[setting]}, **how)


@pytest.mark.parametrize(("name", "setting"), CASES)
def test_what_a_server_does_not_honour_raises_before_anything_is_sent(
    name: str, setting: str
) -> None:
    with serving(HELLO) as server:
        asked = made(name, base_url=server.url, api_key=KEY)
        with pytest.raises(UnsupportedSetting) as caught:
            generate(asked, _deviating(name, setting, lenient=False))
        assert not server.seen
    assert caught.value.setting == {"named_tool": "tool_choice"}.get(setting, setting)


@pytest.mark.parametrize(("name", "setting"), CASES)
def test_or_a_lenient_request_goes_without_and_says_so(name: str, setting: str) -> None:
    with serving(HELLO) as server:
        asked = made(name, base_url=server.url, api_key=KEY)
        answer = generate(asked, _deviating(name, setting, lenient=True))
    dropped = [w.detail for w in answer.warnings if w.code == "setting_dropped"]
    assert dropped == [{"named_tool": "tool_choice"}.get(setting, setting)]
    plain = {"model", "messages", "tools", "provider"}
    assert server.seen[0].body.keys() <= plain
    assert "high" not in str(server.seen[0].body)


@pytest.mark.parametrize(("name", "setting"), CASES)
def test_settings_that_are_never_honoured_are_no_capabilities(name: str, setting: str) -> None:
    can = made(name, base_url="http://127.0.0.1:9").capabilities(MODELS.get(name, "m"))
    if setting in ALL_SETTINGS and setting != "temperature":
        assert setting not in can.settings
    if setting == "output":
        assert not can.structured
    assert not can.known


def test_only_the_models_meant_refuse() -> None:
    asked = made("xai", base_url="http://127.0.0.1:9")
    assert "stop" not in asked.capabilities("grok-4").settings
    assert "stop" in asked.capabilities("grok-4-fast-non-reasoning").settings
    assert sent("xai", ask("xai", model="grok-4-fast-non-reasoning", stop=".")).body["stop"]


def test_deepseek_thinks_unless_told_not_to() -> None:
    body = sent("deepseek", ask("deepseek", reasoning="none", temperature=0.5)).body
    assert (body["thinking"], body["temperature"]) == ({"type": "disabled"}, 0.5)
    assert "reasoning_effort" not in body
    assert sent("deepseek", ask("deepseek", reasoning="low")).body["reasoning_effort"] == "low"


def test_mistrals_own_names() -> None:
    request = ask("mistral", seed=7, max_output_tokens=9, tools=[TOOL], tool_choice="required")
    body = sent("mistral", request).body
    assert (body["random_seed"], body["max_tokens"], body["tool_choice"]) == (7, 9, "any")
    assert not {"seed", "max_completion_tokens"} & body.keys()
    with serving(Answer(pieces=sse(chunk({"content": "Hi"}, "stop")))) as server:
        stream(made("mistral", base_url=server.url), ask("mistral"))
    assert "stream_options" not in server.seen[0].body


def test_mistrals_own_parts() -> None:
    parts = [Document(PDF), Document("https://x.test/a.pdf"), fmsdk.Audio(WAV), "?"]
    pdf, linked, audio, _ = sent("mistral", ask("mistral", parts)).body["messages"][0]["content"]
    assert pdf["type"] == linked["type"] == "document_url"
    assert pdf["document_url"].startswith("data:application/pdf;base64,JVBER")
    assert linked["document_url"] == "https://x.test/a.pdf"
    assert audio["input_audio"].startswith("UklGR")
    can = made("mistral").capabilities("m")
    assert can.remote == {"image", "document"}


def test_ids_of_calls_made_elsewhere_fit_mistral_and_stay_pairs() -> None:
    turns = [
        Message("user", "When?"),
        Message("assistant", [ToolCall("call_of_another", "now"), ToolCall("qDEcl0n92", "now")]),
        Message("tool", [ToolResult("call_of_another", "9"), ToolResult("qDEcl0n92", "9")]),
    ]
    with serving(HELLO) as server:
        answer = generate(made("mistral", base_url=server.url), ask("mistral", turns))
    _, assistant, first, second = server.seen[0].body["messages"]
    ids = [call["id"] for call in assistant["tool_calls"]]
    assert ids == [first["tool_call_id"], second["tool_call_id"]]
    assert ids[1] == "qDEcl0n92"
    assert len(ids[0]) == 9
    assert ids[0].isalnum()
    assert [warning.code for warning in answer.warnings] == ["tool_ids_changed"]


def test_openrouter_refuses_rather_than_ignores_and_passes_cache_marks_on() -> None:
    marked = [Text("Long.", cache="1h"), Text("Short", cache=True), "?"]
    body = sent("openrouter", ask("openrouter", marked, model="anthropic/claude-x")).body
    first, second, last = body["messages"][0]["content"]
    assert first["cache_control"] == {"type": "ephemeral", "ttl": "1h"}
    assert second["cache_control"] == {"type": "ephemeral"}
    assert "cache_control" not in last
    assert "provider" not in body
    strict = sent("openrouter", ask("openrouter", temperature=0.5)).body
    assert strict["provider"] == {"require_parameters": True}
    chosen = OpenAIOptions(extra_body={"provider": {"only": ["x"]}})
    mine = sent("openrouter", ask("openrouter", temperature=0.5, options=chosen)).body
    assert mine["provider"] == {"only": ["x"]}


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
    with serving(HELLO) as server:
        asked = made(name, base_url=server.url, api_key=KEY, api="chat")
        with pytest.raises(UnsupportedContent, match=r"bmp|markdown"):
            generate(asked, ask(name, [part, "?"]))
        assert not server.seen


@pytest.mark.parametrize("name", NAMES)
def test_content_that_a_wire_has_no_part_for_is_no_capability(name: str) -> None:
    can = made(name, base_url="http://127.0.0.1:9").capabilities("m")
    modalities = {"text", "image", "audio", "document"}
    assert {"text", "image"} <= can.input <= modalities
    assert can.remote <= can.input
    pinned = made(name, base_url="http://127.0.0.1:9", api="responses").capabilities("m")
    assert pinned.input == can.input - {"audio"} | {"document"}
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
def test_what_a_server_says_it_charged_is_the_cost(
    name: str, told: dict[str, Any], charged: Decimal | None
) -> None:
    usage = {"prompt_tokens": 43, "completion_tokens": 36, **told}
    last = {**chunk({}), "choices": [], "usage": usage}
    streamed = Answer(pieces=sse(chunk({"content": "Hi."}, "stop"), last))
    with serving(Answer(completion(usage=usage)), streamed) as server:
        asked = made(name, base_url=server.url, api_key=KEY)
        plain = generate(asked, ask(name))
        _, folded = stream(asked, ask(name))
    assert plain.usage.charged == folded.usage.charged == charged
    from fmsdk.pricing import price

    cost = price(asked.price_id, "nobody-knows-this-model", plain.usage)
    assert (cost and cost.total) == charged
    if cost is not None:
        assert sum(line.amount for line in cost.lines) == cost.total
        assert cost.price_source.startswith("reported by ")
