"""What a newcomer writes first: values without their class, other SDKs' names, no key, no network.
It is taken, or one message says what to write."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow

import fmsdk
from fmsdk.embedding import build_embed_request
from fmsdk.errors import BadRequestError
from fmsdk.request import build
from fmsdk.testing import FakeProvider
from tests.support.paths import ROOT

MEDIA = ROOT / "examples" / "media"
PICTURE, SPEECH = MEDIA / "blue_circle.png", MEDIA / "two_cities.flac"


def in_prompt(value: Any) -> fmsdk.Part:
    return build("fake:m", value).messages[0].parts[0]


def in_list(value: Any) -> fmsdk.Part:
    return build("fake:m", ["Look:", value]).messages[0].parts[1]


def in_message(value: Any) -> fmsdk.Part:
    return fmsdk.Message("user", value).parts[0]


def in_message_list(value: Any) -> fmsdk.Part:
    return fmsdk.Message("user", ["Look:", value]).parts[1]


def in_tool_result(value: Any) -> fmsdk.Part:
    return fmsdk.ToolResult("1", value).content[0]


def in_tool_result_list(value: Any) -> fmsdk.Part:
    return fmsdk.ToolResult("1", ["Look:", value]).content[1]


PLACES = pytest.mark.parametrize(
    "place",
    [in_prompt, in_list, in_message, in_message_list, in_tool_result, in_tool_result_list],
)
Place = Callable[[Any], fmsdk.Part]


@PLACES
def test_a_pillow_image_is_an_image(place: Place) -> None:
    part = place(Pillow.new("RGB", (4, 3), "red"))
    assert isinstance(part, fmsdk.Image)
    assert part.size == (4, 3)


@PLACES
@pytest.mark.parametrize(
    ("path", "kind"), [(PICTURE, fmsdk.Image), (SPEECH, fmsdk.Audio)], ids=["png", "flac"]
)
def test_a_path_is_what_its_first_bytes_say(
    place: Place, path: Path, kind: type[Any], tmp_path: Path
) -> None:
    assert place(path) == kind(path)
    misnamed = tmp_path / "notes.txt"
    misnamed.write_bytes(path.read_bytes())
    assert place(misnamed) == kind(misnamed)


@PLACES
def test_a_pdf_by_path_is_a_document(place: Place, tmp_path: Path) -> None:
    path = tmp_path / "report"
    path.write_bytes(b"%PDF-1.4\n")
    assert place(path) == fmsdk.Document(path)


@PLACES
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"Hello", "is text: pass its text .path.read_text"),
        (b"\0\1\2", "unknown format: say what it is"),
        (b"PK\3\4" + bytes(40), "is a ZIP archive: say what it is"),
        (None, "no such file"),
    ],
)
def test_a_path_that_tells_no_kind_says_what_to_write(
    place: Place, content: bytes | None, words: str, tmp_path: Path
) -> None:
    path = tmp_path / "file"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(fmsdk.InvalidMedia, match=words):
        place(path)


class Tensor:
    """As torch's, without torch."""

    def __array__(self) -> Any:
        return np.zeros(3)

    def __iter__(self) -> Any:
        return iter([0.0])


@PLACES
@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: np.zeros((4, 4, 3), np.uint8), r"Image\(PIL.Image.fromarray"),
        (lambda: np.zeros(16000), r"Audio\(array, rate="),
        (Tensor, r"Image\(PIL"),
        (lambda: b"\x89PNG", r"fmsdk.Image\(…\)"),
        (lambda: bytearray(b"x"), r"fmsdk.Document\(…\)"),
        (PICTURE.open, r"fmsdk.Image\(…\)"),
        (lambda: fmsdk.FileRef("openai", "file-1"), r"fmsdk.Document\(…\)"),
        (lambda: {"role": "user", "content": "Hi"}, r"fmsdk.Message\('user', …\)"),
        (lambda: {"type": "text", "text": "Hi"}, r"fmsdk.Text\(…\)"),
        (lambda: {"type": "image_url", "image_url": {"url": "x"}}, r"fmsdk.Image\(…\)"),
        (lambda: {"name": "Paris"}, r"json.dumps\(…\)"),
        (lambda: fmsdk.Response[Any](provider="p", model="m", choices=()), "answer.message"),
        (lambda: None, "NoneType"),
        (lambda: 3, "int"),
    ],
)
def test_other_values_say_what_to_write(place: Place, make: Callable[[], Any], words: str) -> None:
    value = make()
    try:
        with pytest.raises(BadRequestError, match=words):
            place(value)
    finally:
        getattr(value, "close", int)()


def test_lists_of_openai_messages_say_what_to_write() -> None:
    with pytest.raises(BadRequestError, match=r"fmsdk.Message\('system', …\)"):
        build("fake:m", [{"role": "system", "content": "Be brief."}, {"role": "user"}])


VERBS = ("generate", "stream", "quote")


def ask(client: Any, verb: str, **keywords: Any) -> None:
    result = getattr(client, verb)("fake:any", "Hi", **keywords)
    if asyncio.iscoroutine(result):
        asyncio.run(result)


@pytest.mark.parametrize("client", [fmsdk.Client, fmsdk.AsyncClient])
@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize(
    ("keyword", "way"),
    [
        ("max_tokens", "max_output_tokens="),
        ("max_completion_tokens", "max_output_tokens="),
        ("maxOutputTokens", "max_output_tokens="),
        ("stop_sequences", "stop="),
        ("system_prompt", "system="),
        ("instructions", "system="),
        ("messages", "prompt="),
        ("response_format", "output="),
        ("reasoning_effort", "reasoning="),
        ("n", "choices="),
        ("stream", r"client.stream\(…\)"),
        ("api_key", "providers="),
        ("top_k", "options="),
        ("temprature", "temperature"),
        ("zzz", "known: allow_retired, choices"),
    ],
)
def test_the_names_of_other_sdks_lead_to_ours(
    client: type[Any], verb: str, keyword: str, way: str
) -> None:
    fake = client(providers={"fake": FakeProvider()})
    with pytest.raises(TypeError, match=f"{keyword!r}.*{way}"):
        ask(fake, verb, **{keyword: 1})


@pytest.mark.parametrize("verb", VERBS)
def test_messages_in_place_of_the_prompt_lead_to_it(verb: str) -> None:
    client: Any = fmsdk.Client(providers={"fake": FakeProvider()})
    with pytest.raises(TypeError, match="'messages'; use prompt="):
        getattr(client, verb)(model="fake:any", messages=[{"role": "user", "content": "Hi"}])
    with pytest.raises((BadRequestError, TypeError), match=r"a prompt is text|'prompt'$"):
        getattr(client, verb)("fake:any")


KEYS = {"openai": "gpt-5.6-sol", "anthropic": "claude-sonnet-5", "google": "gemini-3.5-flash"}


@pytest.mark.parametrize(
    ("provider", "options", "words"),
    [
        ("openai", {"verbosty": "low"}, "OpenAIOptions has no option 'verbosty'.*verbosity"),
        ("anthropic", {"topk": 3}, "AnthropicOptions has no option 'topk'.*top_k"),
        ("google", {"thinking_buget": 3}, "GoogleOptions has no option.*thinking_budget"),
        ("local", {"top_kk": 3}, "LocalOptions has no option 'top_kk'.*top_k"),
        ("openai", {"verbosity": 3}, "OpenAIOptions.verbosity is str, not int"),
        ("anthropic", {"top_k": "x"}, "AnthropicOptions.top_k is .*not str"),
        ("openai", {1: 2}, "has no option 1"),
        ("anthropic", {"max_tokens": 3}, r"'max_tokens'; use max_output_tokens= of generate\(…"),
        ("google", {"temperature": 1}, r"a keyword of its own: generate\(…, temperature=…\)"),
        ("local", {"temperature": 1}, r"a keyword of its own: generate\(…, temperature=…\)"),
        ("openai", {"top_k": 3}, "'top_k'; known: service_tier"),
        ("openai", ["verbosity"], "from fmsdk_openai import OpenAIOptions.*not list"),
        ("anthropic", 3, "from fmsdk_anthropic import AnthropicOptions.*not int"),
        ("google", "x", "from fmsdk_google import GoogleOptions.*not str"),
        ("local", object(), "from fmsdk_local import LocalOptions.*not object"),
    ],
)
@pytest.mark.parametrize("streamed", [False, True])
def test_wrong_options_are_named(provider: str, options: Any, words: str, streamed: bool) -> None:
    settings = {} if provider == "local" else {provider: {"api_key": "key"}}
    client = fmsdk.Client(providers=settings)
    name = f"{provider}:{KEYS.get(provider, 'demo-text')}"
    with pytest.raises(BadRequestError, match=words):
        if streamed:
            with client.stream(name, "Hi", options=options) as stream:
                list(stream)
        else:
            client.generate(name, "Hi", options=options)


@pytest.mark.parametrize(
    ("like", "options", "field"),
    [
        ("openai:gpt-5.6-sol", {"verbosity": "low"}, "verbosity"),
        ("anthropic:claude-sonnet-5", {"user_id": "u"}, "user_id"),
        ("google:gemini-3.5-flash", {"thinking_budget": 100}, "thinking_budget"),
        ("local:demo-text", {"top_k": 3}, "top_k"),
    ],
)
def test_a_mapping_of_options_becomes_the_providers_class(
    like: str, options: dict[str, Any], field: str
) -> None:
    fake, asked = FakeProvider(like=like), list[fmsdk.Request]()
    client = fmsdk.Client(providers={"fake": fake}, on_request=asked.append)
    client.generate("fake:any", "Hi", options=options)
    with client.stream("fake:any", "Hi", options=options) as stream:
        list(stream)
    for request in (*fake.requests, *asked):
        assert type(request.options) is fake.options_class
        assert getattr(request.options, field) == options[field]


@pytest.mark.parametrize("options", [{"previous_response_id": "r"}, {"extra_body": {"x": 1}}])
def test_a_mapping_of_options_is_bounded_as_the_class_is(options: dict[str, Any]) -> None:
    client = fmsdk.Client(providers={"openai": {"api_key": "key"}})
    quote = client.quote("openai:gpt-5.6-sol", "Hi", options=options, max_output_tokens=9)
    assert quote.ceiling is None


def test_options_of_embeddings_may_be_a_mapping() -> None:
    request = build_embed_request("openai:text-embedding-3-small", "Hi", options={"usr": "u"})
    assert request.options == {"usr": "u"}
    client = fmsdk.Client(providers={"openai": {"api_key": "key"}})
    with pytest.raises(BadRequestError, match=r"'usr'.*user"):
        client.embed("openai:text-embedding-3-small", "Hi", options={"usr": "u"})


@pytest.mark.parametrize("name", ["mine", "openai", "groq"])
@pytest.mark.parametrize(
    ("wire", "hint"),
    [("opnai", "openai"), ("antropic", "anthropic"), ("zzz", "known: "), (3, "'3'")],
)
def test_an_unknown_wire_is_named(name: str, wire: Any, hint: str) -> None:
    with pytest.raises(fmsdk.UnknownProvider, match=f"{name!r} has an unknown wire.*{hint}"):
        fmsdk.Client(providers={name: {"wire": wire, "base_url": "http://127.0.0.1:9/v1"}})


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("name", [*KEYS, "groq", "mistral", "xai"])
def test_a_missing_key_is_told_before_anything_is_imported(name: str, streamed: bool) -> None:
    model = f"{name}:{KEYS.get(name, 'any')}"
    program = f"""
import os, sys
for variable in [*os.environ]:
    if variable.endswith(("_API_KEY", "_BASE_URL", "_TOKEN")):
        del os.environ[variable]
import fmsdk
client = fmsdk.Client()
try:
    if {streamed}:
        with client.stream({model!r}, "Hi") as stream:
            list(stream)
    else:
        client.generate({model!r}, "Hi")
except fmsdk.MissingKey as error:
    print(error.variable, len(error.attempts))
print(sorted({{"aiohttp", "httpx2", "openai", "anthropic", "google.auth"}} & sys.modules.keys()))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    variable = {"google": "GEMINI"}.get(name, name.upper())
    assert done.stdout == f"{variable}_API_KEY 0\n[]\n"


@pytest.mark.parametrize("own_client", [False, True])
@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(("provider", "model"), KEYS.items())
def test_an_unknown_host_is_no_server_that_is_down(
    provider: str, model: str, streamed: bool, own_client: bool
) -> None:
    import httpx2

    options: dict[str, Any] = {"api_key": "key", "base_url": "http://no-such-host.invalid/v1"}

    async def main() -> None:
        async with httpx2.AsyncClient() as http_client:
            extra = {"http_client": http_client} if own_client else {}
            settings = {"providers": {provider: {**options, **extra}}, "retries": 0}
            async with fmsdk.AsyncClient(**settings) as client:  # type: ignore[arg-type]
                if not streamed:
                    await client.generate(f"{provider}:{model}", "Hi")
                async with client.stream(f"{provider}:{model}", "Hi") as stream:
                    assert [event async for event in stream]

    with pytest.raises(fmsdk.ConnectionFailed, match="is this machine offline") as caught:
        asyncio.run(main())
    assert "is the server running" not in str(caught.value)


def test_a_refused_connection_is_a_server_that_is_down() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    options = {"api_key": "key", "base_url": f"http://127.0.0.1:{port}/v1"}
    with (
        fmsdk.Client(providers={"openai": options}, retries=0) as client,
        pytest.raises(fmsdk.ConnectionFailed, match="is the server running"),
    ):
        client.generate("openai:any", "Hi")


@pytest.mark.parametrize("code", ["ENETUNREACH", "EHOSTUNREACH", "ENETDOWN"])
def test_a_network_without_a_way_there_is_offline(code: str) -> None:
    import errno

    import httpx2

    from fmsdk.http.credentials import Credential
    from fmsdk.http.error_mapper import ErrorMapper
    from fmsdk.http.httpx2_transport import HTTPX2_FAILURES

    error = httpx2.ConnectError("failed")
    error.__cause__ = OSError(getattr(errno, code), "unreachable")
    mapper = ErrorMapper("openai", "OPENAI_API_KEY", Credential("key-text", "openai"), ())
    assert "seems to be offline" in str(mapper.from_exception(error, HTTPX2_FAILURES))


@pytest.mark.parametrize("text", ['{"name": "Par', "", "```json\n{"])
@pytest.mark.parametrize("streamed", [False, True])
def test_a_truncated_output_names_the_token_limit(text: str, streamed: bool) -> None:
    choice = fmsdk.Choice((fmsdk.Text(text),), "length")
    reply = fmsdk.Response[Any](provider="p", model="m", choices=(choice,))
    client = fmsdk.Client(providers={"fake": FakeProvider([reply])})
    if streamed:
        with client.stream("fake:any", "Hi", output=dict[str, str]) as stream:
            list(stream)
        answer = stream.response
    else:
        answer = client.generate("fake:any", "Hi", output=dict[str, str])
    with pytest.raises(fmsdk.InvalidOutput, match="token limit: raise max_output_tokens") as caught:
        _ = answer.output
    assert caught.value.partial is answer
    assert (caught.value.provider, caught.value.model) == ("fake", "any")


def test_another_wrong_output_does_not_name_it() -> None:
    client = fmsdk.Client(providers={"fake": FakeProvider(["no JSON"])})
    with pytest.raises(fmsdk.InvalidOutput) as caught:
        _ = client.generate("fake:any", "Hi", output=dict[str, str]).output
    assert "token limit" not in str(caught.value)
