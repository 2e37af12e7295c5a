"""Tokenizers are written in Rust. A panic there is no `Exception`, and still one typed error."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

import fmsdk
from fmsdk.errors import CheckpointError
from fmsdk_local import LocalProvider, unload
from tests.support.local import tiny_checkpoints

TRUNCATION = {"direction": "Right", "max_length": 2, "strategy": "LongestFirst", "stride": 5}
CHARSMAP = {"type": "Precompiled", "precompiled_charsmap": "AAAA"}
STRIP = {"type": "Strip", "content": "a", "start": 9, "stop": 9}


@pytest.mark.parametrize("streamed", [False, True], ids=["plain", "streamed"])
@pytest.mark.parametrize(
    ("field", "value"),
    [("truncation", TRUNCATION), ("normalizer", CHARSMAP), ("decoder", STRIP)],
    ids=["truncation", "normalizer", "decoder"],
)
def test_panic_is_typed_and_wedges_nothing(
    field: str, value: Any, streamed: bool, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tiny_checkpoints.llama(tmp_path / "llama")
    file = path / "tokenizer.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), field: value}))
    with fmsdk.Client() as client:
        for _ in range(2):  # the engine's thread goes on
            with pytest.raises(CheckpointError, match="tokenizer"):
                if streamed:
                    with client.stream(f"local:{path}", "Hello", timeout=60) as stream:
                        list(stream)
                else:
                    client.generate(f"local:{path}", "Hello", timeout=60)
    unload()
    capfd.readouterr()  # Rust prints its panics


def test_panic_at_a_request_alone_is_typed(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tiny_checkpoints.llama(tmp_path / "llama")
    file = path / "tokenizer.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "decoder": STRIP}))
    provider = LocalProvider(fmsdk.ProviderConfig(name="local"))
    assert asyncio.run(provider.load(str(path))) > 0  # nothing is wrong until a prompt comes
    with fmsdk.Client(providers={"local": provider}) as client:
        for ask in (client.quote, client.generate):
            with pytest.raises(CheckpointError, match="tokenizer"):
                ask(f"local:{path}", "Hello")
    unload()
    capfd.readouterr()
