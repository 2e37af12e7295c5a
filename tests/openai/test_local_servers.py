"""Servers on this machine in the listing of models: the one that answers is usable."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from importlib.metadata import EntryPoint

import pytest

from fmsdk import registry
from fmsdk.provider import UsableModel
from fmsdk.testing import FakeProvider
from fmsdk_openai.local_server import ANSWER_SECONDS
from fmsdk_openai.servers import SERVERS
from tests.support.openai.named_servers import LOCAL
from tests.support.scripted_server import Answer, Raw, run_server

LISTING = Answer({"object": "list", "data": [{"id": "qwen3"}, {"id": "/models/smol.gguf"}]})


def line(name: str) -> UsableModel:
    (row,) = SERVERS[name].usable_models()
    assert row.name == f"{name}:…"
    return row


def set_url(monkeypatch: pytest.MonkeyPatch, name: str, url: str) -> None:
    monkeypatch.setenv(SERVERS[name].url_variables[0], url)


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that nobody listens at and nobody else gets."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


@pytest.mark.parametrize("name", sorted(LOCAL))
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_server_that_answers_is_usable(
    name: str, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with run_server(LISTING) as server:
        set_url(monkeypatch, name, server.url.replace("127.0.0.1", host))
        row = line(name)
        assert row.usable
        assert row.note.endswith("/v1: qwen3, smol.gguf")
        assert server.seen[0].path == "/v1/models"
        assert "authorization" not in server.seen[0].headers


@pytest.mark.parametrize("name", sorted(LOCAL))
def test_a_server_that_does_not_run_is_named_with_its_address(
    name: str, monkeypatch: pytest.MonkeyPatch, closed_port: int
) -> None:
    set_url(monkeypatch, name, f"http://127.0.0.1:{closed_port}/v1")
    row = line(name)
    assert not row.usable
    title = SERVERS[name].title
    assert row.note == f"{title} is not running at http://127.0.0.1:{closed_port}/v1"


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (Answer({"error": "no such page"}, status=404), "answers 404"),
        (Answer({"error": "Loading model"}, status=503), "answers 503"),
        (Answer(b"<html>", status=200), "answers 200"),
        (Answer({"data": [{"name": "x"}]}), "answers 200"),
        (Answer(["x"]), "answers 200"),
        (Answer(b"[" * 100_000), "answers 200"),
        (Answer(status=401), "wants a key: set VLLM_API_KEY"),
        (Raw(b"SSH-2.0-OpenSSH_9\r\n"), "does not answer"),
        (Raw(b""), "does not answer"),
        (Raw(b"HTTP/1.1 200 OK\r\n\r\n{", then="hang"), "answers 200"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_another_server_at_the_address_is_not_usable(
    answer: Answer, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with run_server(answer) as server:
        set_url(monkeypatch, "vllm", server.url)
        row = line("vllm")
    assert not row.usable
    assert says in row.note


def test_a_server_without_models_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    with run_server(Answer({"object": "list", "data": None})) as server:
        set_url(monkeypatch, "ollama", server.url)
        row = line("ollama")
    assert row.usable
    assert row.note.endswith("without a model")


def test_the_key_goes_along_and_shows_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VLLM_API_KEY", "sk-mine")
    with run_server(LISTING, Answer(status=403)) as server:
        set_url(monkeypatch, "vllm", server.url.replace("//", "//user:pw@") + "?key=hidden")
        rows = [line("vllm"), line("vllm")]
        assert server.seen[0].headers["authorization"] == "Bearer sk-mine"
        assert "@" not in server.seen[0].headers["host"]
    assert [row.usable for row in rows] == [True, False]
    assert "refuses the key of VLLM_API_KEY" in rows[1].note
    for row in rows:
        assert not any(secret in row.note for secret in ("sk-mine", "pw", "hidden"))


@pytest.mark.parametrize("url", ["http://gpu-box.invalid:8000/v1", "http://192.0.2.1/v1"])
def test_another_machine_is_not_asked(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    set_url(monkeypatch, "vllm", url)
    row = line("vllm")
    assert row.usable
    assert row.note == f"at {url}, which was not asked whether it runs"


@pytest.mark.parametrize("url", ["nonsense://x", "http://[::1", "http://127.0.0.1:99999/v1"])
def test_an_address_that_is_none_is_named(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    set_url(monkeypatch, "vllm", url)
    row = line("vllm")
    assert not row.usable
    assert "base_url" in row.note


def test_silent_servers_are_asked_at_the_same_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that sends a byte now and then gets no more time."""

    def drip(connection: socket.socket) -> None:
        with connection:
            try:
                while True:
                    connection.sendall(b"H")
                    time.sleep(0.05)
            except OSError:
                pass

    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            try:
                while True:
                    connection = listener.accept()[0]
                    threading.Thread(target=drip, args=(connection,), daemon=True).start()
            except OSError:
                pass

        thread = threading.Thread(target=accept)
        thread.start()
        for name in LOCAL:
            set_url(monkeypatch, name, f"http://127.0.0.1:{listener.getsockname()[1]}/v1")
        begin = time.monotonic()
        rows = {row.name: row for row in registry.usable_models()}
        elapsed = time.monotonic() - begin
        listener.shutdown(socket.SHUT_RDWR)
    thread.join()
    assert not any(rows[f"{name}:…"].usable for name in LOCAL)
    assert elapsed < len(LOCAL) * ANSWER_SECONDS


def test_a_provider_that_cannot_list_does_not_hide_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    point = EntryPoint("broken", f"{__name__}:Broken", registry.GROUP)
    everything = {**registry.installed_providers(), "broken": point}
    monkeypatch.setattr(registry, "installed_providers", lambda: everything)
    rows = {row.name: row for row in registry.usable_models()}
    assert not rows["broken:…"].usable
    assert "RuntimeError" in rows["broken:…"].note
    assert "openai:…" in rows


class Broken(FakeProvider):
    """Has a bug in its listing."""

    @staticmethod
    def usable_models() -> list[UsableModel]:
        raise RuntimeError("a bug")
