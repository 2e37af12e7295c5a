"""Tokenizers and embeddings that do not fit each other."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from fmsdk.errors import BadRequestError, CheckpointError
from fmsdk_local import unload
from tests.local.conftest import CheckpointFactory
from tests.support.lazy_import import LazyModule, torch, transformers
from tests.support.local import calls, tiny_checkpoints

vocabulary = LazyModule("fmsdk_local.text.vocabulary")


@pytest.fixture
def copy(tiny_checkpoint: CheckpointFactory, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_checkpoint("llama"), tmp_path / "model"))


def add_tokens(path: Path, *, special: bool, template: str = "", **names: str) -> None:
    words: Any = transformers.AutoTokenizer.from_pretrained(path)
    words.add_tokens(["<new>", *names.values()], special_tokens=special)
    for name, token in names.items():
        setattr(words, name, token)
    words.chat_template += template
    words.save_pretrained(path)


@pytest.mark.parametrize(
    "tokens",
    [
        {"special": False},
        {"special": True, "template": "{{ '<new>' }}"},
        {"special": True, "pad_token": "[PAD]"},
        {"special": True, "bos_token": "<bos>"},
        {"special": True, "eos_token": "<eos>"},
    ],
    ids=str,
)
def test_a_tokenizer_larger_than_the_embedding_is_refused(
    copy: Path, tokens: dict[str, Any]
) -> None:
    """huggingface/transformers#24698"""
    add_tokens(copy, **tokens)
    with pytest.raises(CheckpointError, match="resize_token_embeddings") as caught:
        calls.client().generate(f"local:{copy}", "Hi", **calls.GREEDY)
    assert "tokens" in caught.value.message


def test_a_vision_model_is_checked_too(tiny_checkpoint: CheckpointFactory, tmp_path: Path) -> None:
    path = Path(shutil.copytree(tiny_checkpoint("llava"), tmp_path / "model"))
    add_tokens(path, special=False)
    with pytest.raises(CheckpointError, match="<new>"):
        calls.client().generate(f"local:{path}", "Hi", **calls.GREEDY)


def test_a_control_token_that_no_prompt_has_does_no_harm(copy: Path) -> None:
    """Gemma 3's text models have the placeholder of pictures beyond their embedding."""
    expected = calls.client().generate(f"local:{copy}", "Hi", **calls.GREEDY).text
    unload(str(copy))
    add_tokens(copy, special=True)
    assert calls.client().generate(f"local:{copy}", "Hi", **calls.GREEDY).text == expected
    # Written by the user, it is no control token.
    assert calls.client().generate(f"local:{copy}", "Hi <new>", **calls.GREEDY).text
    unload(str(copy))


def test_ids_of_a_prompt_are_checked_before_the_model_sees_them() -> None:
    embedding = vocabulary.Embedding(rows=10, placeholders=frozenset({12}))
    embedding.require_ids(torch.tensor([[0, 9, 12]]), "local:model")
    with pytest.raises(BadRequestError, match="token 11"):
        embedding.require_ids(torch.tensor([[0, 9, 11, 12]]), "local:model")


def test_tokens_that_the_tokenizer_lacks_are_told(tmp_path: Path) -> None:
    """Embeddings are padded to round numbers; a model may choose a row without a token."""
    path = tiny_checkpoints.scripted_model(tmp_path, ["Yes", "<beyond>"])
    file = path / "tokenizer.json"
    content = json.loads(file.read_text("utf-8"))
    tokens = content["added_tokens"]
    content["added_tokens"] = [token for token in tokens if token["content"] != "<beyond>"]
    file.write_text(json.dumps(content), "utf-8")
    model = f"local:{path}"
    answer = calls.client().generate(model, "Hi", **calls.GREEDY)
    with calls.client().stream(model, "Hi", **calls.GREEDY) as stream:
        list(stream)
    unload(str(path))
    for response in (answer, stream.response):
        assert response.text == "Yes" * 12
        assert [warning.code for warning in response.warnings] == ["tokens_without_text"]
        assert "12 tokens" in response.warnings[0].message
