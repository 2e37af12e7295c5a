"""Arguments of clients and verbs that are none: one message says what to write."""

from __future__ import annotations

import asyncio
import functools
from typing import Any

import pytest

import fmsdk
from fmsdk.errors import BadRequestError
from fmsdk.testing import FakeProvider


def ask(client: Any, verb: str, **keywords: Any) -> None:
    result = getattr(client, verb)("fake:any", "Hi", **keywords)
    if asyncio.iscoroutine(result):
        asyncio.run(result)


VERBS = ("generate", "stream", "quote")


@pytest.mark.parametrize("client", [fmsdk.Client, fmsdk.AsyncClient])
@pytest.mark.parametrize(
    ("keyword", "way"),
    [
        ("api_key", "use Client.providers="),
        ("base_url", "use Client.providers="),
        ("max_retries", "use Client.retries="),
        ("max_tokens", r"use max_output_tokens= of generate\(…\)"),
        ("provider", "did you mean providers"),
        ("zzz", "known: budget, clock, fetch"),
    ],
)
def test_other_keywords_of_a_client_lead_to_ours(client: Any, keyword: str, way: str) -> None:
    with pytest.raises(TypeError, match=f"unexpected keyword argument {keyword!r}; {way}"):
        client(**{keyword: "sk-0123456789"})


@pytest.mark.parametrize("client", [fmsdk.Client, fmsdk.AsyncClient])
@pytest.mark.parametrize(
    ("verb", "keyword", "way"),
    [
        ("transcribe", "file", "known: audio, language"),
        ("embed", "input", "did you mean inputs"),
        ("embed", "dimension", "did you mean dimensions"),
    ],
)
def test_other_keywords_of_other_verbs_lead_to_ours(
    client: Any, verb: str, keyword: str, way: str
) -> None:
    with pytest.raises(TypeError, match=f"unexpected keyword argument {keyword!r}; {way}"):
        ask(client(providers={"fake": FakeProvider()}), verb, **{keyword: "x"})


def dict_tool() -> dict[str, Any]:
    return {"type": "function", "function": {"name": "f", "parameters": {}}}


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize(
    ("setting", "value", "words"),
    [
        ("tools", "weather", "tools is a list, not str"),
        ("tools", len, "tools is a list, not builtin_function"),
        ("tools", fmsdk.Tool("f"), "tools is a list, not Tool"),
        ("tools", dict_tool(), "tools is a list, not dict"),
        ("tools", [dict_tool()], r"fmsdk.Tool\(name, description, parameters\), not dict"),
        ("tools", ["weather"], r"fmsdk.Tool\(name, description, parameters\), not str"),
        ("tools", [functools.partial(len)], "not partial"),
        ("tools", [dict], "dict cannot be read"),
        ("stop", 3, "stop is a list, not int"),
        ("stop", {"a": 1}, "stop is a list, not dict"),
        ("modalities", "text", "modalities is a list, not str"),
        ("tags", "x", "tags are a mapping"),
        ("tags", 3, "tags are a mapping"),
        ("tags", [("a", "b", "c")], "tags are a mapping"),
    ],
)
def test_lists_that_are_none_are_named(verb: str, setting: str, value: Any, words: str) -> None:
    client = fmsdk.Client(providers={"fake": FakeProvider()})
    with pytest.raises(BadRequestError, match=words):
        ask(client, verb, **{setting: value})


@pytest.mark.parametrize("options", ["sk-0123456789", None, 3, ["api_key"]])
def test_a_provider_whose_options_are_no_mapping(options: Any) -> None:
    client = fmsdk.Client(providers={"openai": options})
    with pytest.raises(fmsdk.ConfigurationError, match="options are a mapping") as caught:
        client.generate("openai:gpt-5.6-sol", "Hi")
    assert "sk-0123" not in str(caught.value)


def test_an_option_of_a_provider_that_is_nearly_right() -> None:
    for name in ("openai", "anthropic", "google", "groq"):
        client = fmsdk.Client(providers={name: {"apikey": "sk-0123456789"}})
        with pytest.raises(BadRequestError, match="'apikey'; did you mean api_key"):
            client.generate(f"{name}:any", "Hi")


@pytest.mark.parametrize("provider", ["openai", "anthropic", "google", "local"])
@pytest.mark.parametrize("options", [["verbosity"], "x", 3])
def test_options_of_a_quote_are_checked_as_those_of_a_request(provider: str, options: Any) -> None:
    settings = {} if provider == "local" else {provider: {"api_key": "key"}}
    client = fmsdk.Client(providers=settings)
    with pytest.raises(BadRequestError, match=r"takes a mapping or .*Options"):
        client.quote(f"{provider}:any", "Hi", options=options)
