"""The table of servers: every row whole, asked where it is and as it wants."""

from __future__ import annotations

import asyncio
import base64
import io
from datetime import date
from functools import reduce
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from PIL import Image as PillowImage

import fmsdk
from fmsdk.content import Image, ToolCall, ToolResult
from fmsdk.errors import ConfigurationError, MissingKey
from fmsdk.provider import ALL_SETTINGS
from fmsdk.request import Message
from fmsdk_openai import OpenAIOptions
from fmsdk_openai.server_dialect import Refusal
from fmsdk_openai.servers import SERVERS
from tests.support.lazy_import import openai
from tests.support.media_files import picture
from tests.support.openai.encoding import PNG
from tests.support.openai.named_servers import (
    ENTRY_POINTS,
    HELLO,
    LOCAL,
    NAMES,
    build_request,
    create_provider,
    sent,
)
from tests.support.openai.provider import KEY, Answer, chunk, generate, run_server, sse, stream

# --- the table ---


def test_every_server_that_was_promised_has_its_row() -> None:
    promised = "vllm sglang llamacpp ollama lmstudio azure openrouter groq mistral deepseek xai "
    assert set(SERVERS) == set((promised + "together fireworks copilot").split())


@pytest.mark.parametrize("name", NAMES)
def test_each_row_is_complete_and_matches_its_entry_point(name: str) -> None:
    server = SERVERS[name]
    module, _, attribute = ENTRY_POINTS[name].partition(":")
    assert reduce(getattr, attribute.split("."), import_module(module)) is server
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
        assert f"port {(server.url or '').split(':')[2].split('/')[0]} of this machine" in line


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
def test_each_deviation_has_a_source_and_names_existing_settings(
    name: str, refusal: Refusal
) -> None:
    assert refusal.source
    assert refusal.why
    assert date(2026, 1, 1) < refusal.checked
    known = {*ALL_SETTINGS, "output", "tool_choice", "named_tool", "detail"}
    for setting in refusal.names:
        _, is_option, option = setting.partition("options.")
        assert hasattr(OpenAIOptions(), option) if is_option else setting in known


# --- where requests go, and with what ---


@pytest.mark.parametrize("name", NAMES)
def test_a_server_is_asked_at_its_address_with_its_own_key(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-openai")
    monkeypatch.setenv("OPENAI_ORG_ID", "org-openai")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "proj-openai")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Gate: hush\nX-Other: hush")
    server_row = SERVERS[name]
    monkeypatch.setenv(server_row.key_variables[0], "its-own-key")
    with run_server(HELLO) as server:
        monkeypatch.setenv(server_row.url_variables[0], server.url)
        options = {} if name != "azure" else {"api": "chat"}
        answer = generate(create_provider(name, **options), build_request(name))
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
    asked = create_provider(name)
    assert (asked.price_id, asked.vendor) == (SERVERS[name].price_id,) * 2
    with pytest.raises(MissingKey) as caught:
        generate(asked, build_request(name))
    assert caught.value.variable == SERVERS[name].key_variables[0]


@pytest.mark.parametrize("name", NAMES)
def test_the_vendors_models_go_by_the_name_or_the_host(name: str) -> None:
    gateway = create_provider(name, base_url="http://127.0.0.1:9/v1")
    assert not gateway.is_official
    assert gateway.vendor == gateway.price_id == SERVERS[name].price_id
    mine = create_provider(name, called="mine", base_url="http://127.0.0.1:9/v1")
    assert (mine.vendor, mine.price_id) == (None, None)
    if url := SERVERS[name].url:
        there = create_provider(name, called="mine", base_url=url)
        assert there.vendor == there.price_id == SERVERS[name].price_id


def test_custom_provider_name_gets_no_vendor_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GROQ_API_KEY", "gsk")
    monkeypatch.setenv("MINE_API_KEY", "of-mine")
    with run_server(HELLO) as server:
        generate(create_provider("groq", called="mine", base_url=server.url), build_request("mine"))
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
def test_omitted_variables_keep_their_defaults(
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
    monkeypatch.setenv("GROQ_API_KEY", KEY)
    assert line("groq") == (True, "")


# --- Azure, Copilot ---


def test_azure_needs_an_endpoint_and_sends_the_api_key_header() -> None:
    with pytest.raises(ConfigurationError, match="AZURE_OPENAI_ENDPOINT"):
        create_provider("azure")
    seen = sent("azure", build_request("azure", stop=".", max_output_tokens=9))
    assert seen.headers["api-key"] == KEY
    assert "authorization" not in seen.headers
    assert seen.body["max_completion_tokens"] == 9


@pytest.mark.parametrize(
    ("given", "key", "bearer"),
    [
        ({}, KEY, None),
        ({"x-more": "1"}, KEY, None),
        ({"Authorization": "Bearer mine"}, None, "Bearer mine"),
        ({"authorization": "Basic eDp5"}, None, "Basic eDp5"),
        ({"api-key": "Z"}, "Z", None),
        ({"API-Key": "Z", "Authorization": "Bearer mine"}, "Z", "Bearer mine"),
    ],
)
@pytest.mark.parametrize("of", ["the request", "the client"])
def test_azure_leaves_what_the_caller_puts_into_its_headers(
    given: dict[str, str], key: str | None, bearer: str | None, of: str
) -> None:
    if of == "the client":
        seen = sent("azure", build_request("azure", stop="."), default_headers=given)
    else:
        seen = sent(
            "azure", build_request("azure", stop=".", options=OpenAIOptions(extra_headers=given))
        )
    assert (seen.headers.get("api-key"), seen.headers.get("authorization")) == (key, bearer)


def test_azure_takes_entras_tokens() -> None:
    async def token() -> str:
        return "entra"

    seen = sent("azure", build_request("azure", stop="."), api_key=token)
    assert seen.headers["authorization"] == "Bearer entra"
    assert "api-key" not in seen.headers


def test_azure_takes_a_client_for_dated_versions() -> None:
    async def main(url: str) -> None:
        client = openai.AsyncAzureOpenAI(api_key="k", azure_endpoint=url, api_version="2026-01-01")
        await create_provider("azure", client=client, api="chat").generate(build_request("azure"))
        await client.close()

    with run_server(HELLO) as server:
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
    with run_server(Answer(body, status)) as server, pytest.raises(kind):
        generate(create_provider("azure", base_url=server.url, api_key=KEY), build_request("azure"))


def test_azures_filter_results_do_not_disturb_a_stream() -> None:
    first = {"choices": [], "prompt_filter_results": [{"prompt_index": 0}], "model": "", "id": ""}
    last = chunk({}, "stop") | {"content_filter_results": {"hate": {"filtered": False}}}
    with run_server(Answer(pieces=sse(first, chunk({"content": "Hi"}), last))) as server:
        asked = create_provider("azure", base_url=server.url, api_key=KEY, api="chat")
        _, answer = stream(asked, build_request("azure"))
    assert (answer.text, answer.served_model) == ("Hi", "m-1")


def test_copilot_gets_the_initiator_and_vision_headers() -> None:
    plain = sent("copilot", build_request("copilot")).headers
    assert plain["openai-intent"] == "conversation-edits"
    assert plain["editor-version"].startswith("fmsdk/")
    assert plain["x-initiator"] == "user"
    assert "copilot-vision-request" not in plain
    call = Message("assistant", ToolCall("c", "now"))
    result = Message("tool", ToolResult("c", "nine"))
    turns = build_request("copilot", [Message("user", [Image(PNG), "?"]), call, result])
    later = sent("copilot", turns).headers
    assert (later["x-initiator"], later["copilot-vision-request"]) == ("agent", "true")


@pytest.mark.parametrize("as_path", [True, False], ids=["path", "bytes"])
@pytest.mark.parametrize("name", sorted(LOCAL))
def test_local_servers_get_pictures_upright(name: str, as_path: bool, tmp_path: Path) -> None:
    exif = PillowImage.Exif()
    exif[0x0112] = 6
    photo = picture("JPEG", (60, 20), exif=exif)
    file = tmp_path / "photo.jpg"
    file.write_bytes(photo)
    with (
        run_server(HELLO) as server,
        fmsdk.Client(providers={name: {"base_url": server.url, "api_key": KEY}}) as client,
    ):
        client.generate(f"{name}:m", [Image(file if as_path else photo), "?"])
    (request,) = (seen for seen in server.seen if seen.path.endswith("/completions"))
    url = request.body["messages"][0]["content"][0]["image_url"]["url"]
    sent_picture = PillowImage.open(io.BytesIO(base64.b64decode(url.partition(",")[2])))
    assert sent_picture.size == (20, 60)
    assert 0x0112 not in sent_picture.getexif()
