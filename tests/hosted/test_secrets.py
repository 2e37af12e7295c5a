"""Keys, passwords and headers stand nowhere: not in errors and what led to them, not in logs, not
in tracebacks that show the variables of their frames."""

from __future__ import annotations

import asyncio
import logging
import socket
import traceback
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

import fmsdk
from tests.support.hosted.outcomes import outcome
from tests.support.hosted.subjects import SUBJECTS, Subject
from tests.support.scripted_server import Answer, Raw, ReceivedRequest, run_server

each = pytest.mark.parametrize("subject", SUBJECTS, ids=repr)
both_ways = pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
SECRETS = ("sk-hush-000000", "pass-hush", "query-hush", "header-hush", "extra-hush")


def echo(request: ReceivedRequest) -> Answer:
    """Everything that the server was sent, as a proxy that helps with debugging."""
    text = " ".join([request.path, *(f"{name}={value}" for name, value in request.headers.items())])
    return Answer({"error": {"message": text, "code": text, "type": text}}, 400)


FAULTS: dict[str, Any] = {
    "echo": echo,
    "echo with 200": lambda request: Answer(echo(request).body),
    "echo in a stream": lambda request: Answer(
        pieces=[b"data: " + str(echo(request).body).replace("'", '"').encode() + b"\n\n"]
    ),
    "no HTTP": lambda request: Raw(b"nonsense " + str(request.headers).encode(), then="end"),
    "reset": Answer(pieces=[b"x"], then="reset"),
    "no JSON": Answer(b"{", headers={"content-type": "application/json"}),
    "status 500": Answer({"error": {"message": "x"}}, 500),
    "redirect": Answer(b"", 302, {"location": "http://127.0.0.1/x?key=query-hush"}),
    "location": lambda request: Answer(b"", 401, {"x-request-id": "r", "www-authenticate": "x"}),
}


# Variables with what the server sent.
ANSWER = frozenset(
    {
        "body",
        "chunk",
        "completion",
        "data",
        "error_body",
        "event",
        "events",
        "fields",
        "message",
        "payload",
    }
    | {"payloads", "response", "text"}
)


def shown(error: BaseException) -> Iterator[str]:
    """All that any tool shows of an error: its texts, and the variables of fmsdk's frames and of
    the libraries' below it."""
    seen: set[int] = set()
    pending: list[BaseException | None] = [error]
    while pending:
        one = pending.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        pending += [one.__cause__, one.__context__]
        yield from (str(one), repr(one), repr(vars(one)))
        for frame, _ in traceback.walk_tb(one.__traceback__):
            if "/tests/" not in frame.f_code.co_filename:
                for name in frame.f_locals.keys() - ANSWER:
                    value = frame.f_locals[name]
                    yield f"{frame.f_code.co_qualname}: {name} = {value!r}"


def assert_hidden(error: Any) -> None:
    assert isinstance(error, fmsdk.FmsdkError), repr(error)
    for text in [*shown(error), "".join(traceback.format_exception(error))]:
        for secret in SECRETS:
            assert secret not in text, text[:500]


def configured(subject: Subject, root: str, **options: Any) -> dict[str, Any]:
    address = root.replace("//", "//ann:pass-hush@") if options.pop("password", True) else root
    base = subject.configured(address)[subject.provider]
    url = f"{base['base_url']}?token=query-hush"
    headers = {"X-Team": "header-hush"}
    return {
        subject.provider: {
            **base,
            "base_url": url,
            "api_key": SECRETS[0],
            "default_headers": headers,
            **options,
        }
    }


def ask(subject: Subject, root: str, *, stream: bool, **options: Any) -> Any:
    async def main() -> Any:
        providers = configured(subject, root, **options)
        async with fmsdk.AsyncClient(providers=providers, retries=0, timeout=20) as client:
            return await outcome(client, subject.model, "Hi", stream=stream)

    return asyncio.run(main())


@each
@both_ways
@pytest.mark.parametrize("password", [True, False], ids=["password", "key"])
@pytest.mark.parametrize("fault", FAULTS)
def test_no_fault_shows_a_secret(
    subject: Subject, stream: bool, fault: str, password: bool
) -> None:
    with run_server(FAULTS[fault]) as server:
        assert_hidden(ask(subject, server.root, stream=stream, password=password))
        assert server.seen


@each
@both_ways
def test_no_refused_connection_shows_a_secret(subject: Subject, stream: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    assert_hidden(ask(subject, f"http://127.0.0.1:{port}", stream=stream))


@each
@both_ways
@pytest.mark.parametrize("fault", ["echo", "no HTTP", "reset", "status 500"])
def test_no_client_of_the_callers_shows_or_logs_a_secret(
    subject: Subject, stream: bool, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def main(root: str) -> Any:
        async with httpx2.AsyncClient() as http_client:
            providers = configured(subject, root, http_client=http_client)
            async with fmsdk.AsyncClient(providers=providers, retries=0) as client:
                return await outcome(client, subject.model, "Hi", stream=stream)

    caplog.set_level(logging.INFO)
    with run_server(FAULTS[fault]) as server:
        error = asyncio.run(main(server.root))
        assert "token=query-hush" in server.seen[0].path
    assert_hidden(error)
    for secret in SECRETS:
        assert secret not in caplog.text


@each
@pytest.mark.parametrize("value", ["sk-hush-000000\n", " sk-hush-000000é", b"sk-hush-000000"])
@pytest.mark.parametrize("kind", ["async", "plain"])
def test_no_key_function_shows_what_it_returns(subject: Subject, kind: str, value: Any) -> None:
    async def later() -> Any:
        return value

    with run_server(Answer({})) as server:
        function = later if kind == "async" else lambda: value
        assert_hidden(ask(subject, server.root, stream=False, password=False, api_key=function))
        assert not server.seen


@each
@pytest.mark.parametrize(
    "options",
    [
        {"api_key": "sk-hush-000000\x01"},
        {"base_url": "ftp://ann:pass-hush@host/?token=query-hush"},
        {"default_headers": {"X-Team": "header-hush\n"}},
        {"nonsense": 1},
    ],
    ids=str,
)
def test_no_wrong_option_shows_a_secret(subject: Subject, options: dict[str, Any]) -> None:
    assert_hidden(ask(subject, "http://127.0.0.1:1", stream=False, **options))


@each
def test_the_key_still_arrives(subject: Subject) -> None:
    with run_server(Answer(subject.wire.body("x"))) as server:
        answer = ask(subject, server.root, stream=False, password=False)
        assert answer.text == "x"
        sent = server.seen[0].headers
    assert "sk-hush-000000" in sent.get("authorization", "") + sent.get("x-goog-api-key", "")
    assert sent["x-team"] == "header-hush"
