"""`fmsdk models` and `fmsdk models get`."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import fmsdk
from fmsdk_openai.servers import SERVERS
from tests.cli.conftest import ROOT, Run
from tests.support.media_files import wav
from tests.support.openai.named_servers import LOCAL
from tests.support.scripted_server import Answer, run_server


def test_usable_models_and_reasons_for_the_rest(fmsdk_command: Run) -> None:
    ran = fmsdk_command("models")
    assert (ran.code, ran.err) == (0, "")
    usable, rest = ran.out.split("not usable yet:\n")
    assert usable.startswith("usable now:\n")
    assert "scripted:echo" in usable
    assert "says what it is told" in usable
    assert "needs a bigger machine" in rest
    assert "pip install 'fmsdk[fancy]'" in rest
    assert "OPENAI_API_KEY" in rest
    (ear,) = (line for line in usable.splitlines() if "scripted:ear" in line)
    assert ear.split() == ["scripted:ear", "audio,", "text"]


def test_the_columns_line_up(fmsdk_command: Run) -> None:
    lines = [line for line in fmsdk_command("models").out.splitlines() if line.startswith("  ")]
    assert len(lines) > 4
    starts = [re.match(r"  \S+ +", line) for line in lines]
    assert len({start and start.end() for start in starts}) == 1


def test_models_as_json(fmsdk_command: Run) -> None:
    listed = json.loads(fmsdk_command("models", "--json").out)
    (big,) = (model for model in listed if model["name"] == "scripted:big")
    assert big == {
        "name": "scripted:big",
        "usable": False,
        "input": ["text"],
        "note": "needs a bigger machine",
    }


def test_a_key_makes_a_vendor_usable(fmsdk_command: Run) -> None:
    listed = json.loads(fmsdk_command("models", "--json", env={"OPENAI_API_KEY": "sk-x"}).out)
    assert [model["usable"] for model in listed if model["name"] == "openai:…"] == [True]


def test_get_reports_each_stage_and_the_path(fmsdk_command: Run) -> None:
    ran = fmsdk_command("models", "get", "scripted:one", "scripted:two")
    assert ran.code == 0
    assert ran.out == "scripted:one is in /models/one\nscripted:two is in /models/two\n"
    assert ran.notes == [
        "one: downloading",
        "one: checking",
        "two: downloading",
        "two: checking",
    ]


def test_one_unavailable_model_does_not_affect_the_others(fmsdk_command: Run) -> None:
    ran = fmsdk_command("models", "get", "scripted:nothing", "plain:x", "nowhere:x", "scripted:one")
    assert (ran.code, ran.out) == (2, "scripted:one is in /models/one\n")
    errors = [note for note in ran.notes if note.startswith("fmsdk: error: ")]
    assert len(errors) == 3
    assert "no model 'nothing'" in errors[0]
    assert "plain has no models to fetch" in errors[1]
    assert "no provider is called 'nowhere'" in errors[2]


def test_models_get_as_json(fmsdk_command: Run) -> None:
    ran = fmsdk_command("models", "get", "scripted:one", "--json")
    assert json.loads(ran.out) == {"name": "scripted:one", "path": "/models/one"}


@pytest.fixture
def closed_servers(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """No server of this machine runs; the root URL at which all are expected."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        root = f"http://127.0.0.1:{bound.getsockname()[1]}"
        for name in LOCAL:
            monkeypatch.setenv(SERVERS[name].url_variables[0], f"{root}/v1")
        yield root


def test_a_running_server_is_usable_and_others_are_not_running(
    fmsdk_command: Run, closed_servers: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with run_server(Answer({"data": [{"id": "qwen3"}]})) as server:
        monkeypatch.setenv("LLAMACPP_BASE_URL", server.url)
        usable, rest = fmsdk_command("models").out.split("not usable yet:")
        assert re.search(rf"llamacpp:… .* runs at {server.url}: qwen3\n", usable)
        assert f"vLLM is not running at {closed_servers}/v1" in rest
        assert "cannot be asked" not in fmsdk_command("models", "show", "llamacpp:qwen3").out
        card = fmsdk_command("models", "show", "vllm:qwen3").out
        assert f"cannot be asked here: vLLM is not running at {closed_servers}/v1" in card
        with fmsdk.Client() as client, pytest.raises(fmsdk.UnsupportedContent) as caught:
            client.generate("local:demo-vision", [fmsdk.Audio(wav()), "What is said?"])
    assert "llamacpp:…" in caught.value.alternatives
    assert "vllm:…" not in caught.value.alternatives


# As if the extra were not installed: a finder before all others.
HIDE = """
import json, os, sys
class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in os.environ["HIDDEN"].split():
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Hidden())
from fmsdk.cli import main
"""
NO_TORCH = "local needs torch, which is not installed: pip install 'fmsdk[local]'"
NO_WHISPER = "local needs faster_whisper, which is not installed: pip install 'fmsdk[local]'"


@pytest.fixture
def without(tmp_path: Path) -> Callable[..., str]:
    """What a command prints where modules are not installed; the models are on the disk."""
    for name in ("demo-text-0.1.2", "mine"):
        folder = tmp_path / "models" / name
        folder.mkdir(parents=True)
        (folder / "config.json").write_text('{"architectures": ["LlamaForCausalLM"]}')
        (folder / "model.safetensors").write_bytes(b"")

    def run(*args: str, hidden: str, program: str = "sys.exit(main(sys.argv[1:]))") -> str:
        finished = subprocess.run(
            [sys.executable, "-c", HIDE + program, *args],
            capture_output=True,
            text=True,
            cwd=ROOT,
            env={**os.environ, "HIDDEN": hidden, "FMSDK_HOME": str(tmp_path)},
            stdin=subprocess.DEVNULL,
            check=False,
        )
        return finished.stdout + finished.stderr

    return run


@pytest.mark.parametrize("hidden", ["torch", "torch transformers numpy huggingface_hub"])
def test_without_the_extra_no_local_model_is_usable(
    without: Callable[..., str], hidden: str
) -> None:
    rows = {row["name"]: row for row in json.loads(without("models", "--json", hidden=hidden))}
    for name in ("local:demo-text", "local:demo-vision", "local:mine"):
        assert (rows[name]["usable"], rows[name]["note"]) == (False, NO_TORCH), name
    missing = rows["local:demo-audio"]
    assert missing["note"].startswith(f"{NO_TORCH}; then: ")
    assert "fmsdk models get demo-audio" in missing["note"]
    for name in ("demo-text", "local:demo-vision"):
        card = without("models", "show", name, hidden=hidden)
        assert f"cannot be asked here: {NO_TORCH}" in card
        assert "Apache-2.0" in card
    assert NO_TORCH in without("ask", "Hi", hidden=hidden)


def test_without_the_extra_no_local_model_is_an_alternative(without: Callable[..., str]) -> None:
    program = """
from fmsdk import registry
print([row.name for row in registry.usable_models() if row.usable and "local" in row.name])
main(["ask", "What is said?", "examples/media/two_cities.flac"])
"""
    printed = without(hidden="torch", program=program)
    assert printed.startswith("[]\n")
    assert "no demo model takes audio and text together" in printed
    assert "local:" not in printed


def test_without_the_package_for_speech_only_speech_is_not_usable(
    without: Callable[..., str],
) -> None:
    listed = json.loads(without("models", "--json", hidden="faster_whisper"))
    rows = {row["name"]: row for row in listed}
    assert rows["local:demo-text"]["usable"]
    assert rows["local:demo-vision"]["usable"]
    assert rows["local:demo-audio"]["note"].startswith(NO_WHISPER)
    card = without("models", "show", "local:demo-audio", hidden="faster_whisper")
    assert f"cannot be asked here: {NO_WHISPER}" in card
