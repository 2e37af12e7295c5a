"""What a signature shows: each keyword of each verb, with its type and default."""

from __future__ import annotations

import inspect
from dataclasses import fields
from typing import Any

import pytest

import fmsdk
from fmsdk.generate_options import GenerateOptions
from fmsdk.request import build

VERBS = ("generate", "stream", "transcribe", "embed", "quote", "load")
WITH_SETTINGS = ("generate", "stream", "quote")
CLIENTS = (fmsdk.Client, fmsdk.AsyncClient)


@pytest.mark.parametrize("of", ["class", "instance"])
@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("verb", VERBS)
def test_no_keyword_is_hidden(client: type[Any], verb: str, of: str) -> None:
    owner = client if of == "class" else client()
    parameters = inspect.signature(getattr(owner, verb)).parameters.values()
    assert not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters)
    assert all(p.annotation is not p.empty for p in parameters if p.name != "self")


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("verb", WITH_SETTINGS)
def test_the_keywords_are_those_of_a_request_with_their_defaults(
    client: type[Any], verb: str
) -> None:
    parameters = inspect.signature(getattr(client(), verb)).parameters
    names = [spec.name for spec in (*fields(fmsdk.Request), *fields(fmsdk.Settings))]
    fixed = {"provider", "model", "messages", "settings"}
    own = {"verb"} if verb == "quote" else set[str]()
    assert {*parameters} == {*names} - fixed | {"model", "prompt"} | own
    shown = {name: parameters[name].default for name in GenerateOptions.__annotations__}
    assert build("p:m", "Hi", **shown) == build("p:m", "Hi")
    assert parameters["max_output_tokens"].annotation == "int | None"


@pytest.mark.parametrize("client", CLIENTS)
def test_help_shows_the_keywords(client: type[Any]) -> None:
    import pydoc

    text = pydoc.plain(pydoc.render_doc(client().generate))
    assert "max_output_tokens: 'int | None' = None" in text
    assert "**settings" not in text
    assert "idle_timeout" in str(inspect.signature(client))


def test_a_stream_of_each_client_says_what_it_returns() -> None:
    returns = [inspect.signature(client.stream).return_annotation for client in CLIENTS]
    assert returns == ["Stream[Any]", "AsyncStream[Any]"]
