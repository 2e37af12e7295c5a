"""The command and models on this machine: what cannot be loaded or fit is one clear line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fmsdk.provider import UsableModel
from fmsdk_local import LocalProvider, unload
from tests.cli.conftest import Run
from tests.cli.test_failures import one_error
from tests.support.child_process import start_interruptible
from tests.support.local import tiny_checkpoints
from tests.support.media_files import picture

TEXT = "local:demo-text"


def _is_here(name: str) -> bool:
    models: list[UsableModel] = LocalProvider.usable_models()
    return any(model.name == name and model.usable for model in models)


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    yield tiny_checkpoints.llama(tmp_path_factory.mktemp("models") / "llama")
    unload()


def weights(header: object, size: int) -> bytes:
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + bytes(size)


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """A directory that says it is a language model, and has no weights yet."""
    path = tmp_path / "model"
    path.mkdir()
    config = {"model_type": "llama", "architectures": ["LlamaForCausalLM"]}
    (path / "config.json").write_text(json.dumps(config))
    return path


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("config.json", b"{", "config.json"),
        ("pytorch_model.bin", b"PK\3\4", "pickle"),
        ("model.safetensors", b"no such thing", "safetensors"),
        (
            "model.safetensors",
            weights({"x": {"dtype": "F32", "shape": [9], "data_offsets": [0, 36]}}, 8),
            "truncated",
        ),
        ("README.md", b"", "no weights"),
    ],
)
def test_a_checkpoint_that_cannot_be_loaded(
    fmsdk_command: Run, checkpoint: Path, name: str, content: bytes, says: str
) -> None:
    (checkpoint / name).write_bytes(content)
    assert says in one_error(fmsdk_command, "ask", "Hi", "-m", "local:./model")


def test_an_invalid_gguf_file(fmsdk_command: Run, tmp_path: Path) -> None:
    (tmp_path / "model.gguf").write_bytes(b"GGUF but no more")
    assert "model.gguf" in one_error(fmsdk_command, "ask", "Hi", "-m", "local:./model.gguf")


def test_a_model_that_is_too_big_for_the_device(fmsdk_command: Run, checkpoint: Path) -> None:
    size = 2**42
    header = {"x": {"dtype": "F32", "shape": [size // 4], "data_offsets": [0, size]}}
    file = checkpoint / "model.safetensors"
    file.write_bytes(weights(header, 0))
    try:
        os.truncate(file, file.stat().st_size + size)  # sparse: takes no room
    except OSError:
        pytest.skip("this file system has no sparse files of 4 TiB")
    error = one_error(fmsdk_command, "ask", "Hi", "-m", "local:./model")
    assert "GB free" in error


def test_a_part_that_the_model_cannot_take(fmsdk_command: Run, llama: Path, tmp_path: Path) -> None:
    (tmp_path / "red.png").write_bytes(picture("PNG", (8, 8)))
    error = one_error(fmsdk_command, "ask", "What?", "red.png", "-m", f"local:{llama}")
    assert "takes text, not image" in error
    assert "local:demo-vision" in error


def test_a_prompt_that_is_longer_than_the_context(fmsdk_command: Run, llama: Path) -> None:
    error = one_error(fmsdk_command, "ask", "word " * 2000, "-m", f"local:{llama}")
    assert str(tiny_checkpoints.CONTEXT) in error


def test_a_model_that_is_not_there(fmsdk_command: Run) -> None:
    assert "fmsdk models" in one_error(fmsdk_command, "ask", "Hi", "-m", "local:no-such-model")


@pytest.mark.skipif(not _is_here(TEXT), reason="needs `fmsdk models get demo-text`")
class TestDemoText:
    """The answer of real weights."""

    def test_answer_has_usage_and_cost(self, fmsdk_command: Run) -> None:
        ran = fmsdk_command("ask", "What is the capital of France?", "--temperature", "0")
        assert ran.code == 0
        assert "Paris" in ran.out
        note, account = ran.notes
        assert note == f"fmsdk: asking {TEXT} (-m or FMSDK_MODEL choose another)"
        assert account.startswith(f"{TEXT} · 37 tokens in, ")
        assert "(rental equivalent at $" in account
        unload()

    @pytest.mark.skipif(os.name != "posix", reason="SIGINT cannot be sent to one process elsewhere")
    def test_interrupt_keeps_the_text_so_far(self, environment: dict[str, str]) -> None:
        command = [sys.executable, "-m", "fmsdk", "ask", "Tell me a long story.", "-m", TEXT]
        with start_interruptible(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout is not None
            first = process.stdout.read(8)
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=60)
        assert (process.returncode, len(first)) == (130, 8)
        (account,) = err.splitlines()
        assert account.startswith(f"{TEXT} · ~")
        assert account.endswith("interrupted")
