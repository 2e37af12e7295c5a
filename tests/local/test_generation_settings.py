"""What a checkpoint's generation_config.json sets: the cache, beams, ends."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from fmsdk_local import unload
from tests.local.conftest import CheckpointFactory
from tests.support.local import calls, tiny_checkpoints
from tests.support.local.tiny_checkpoints import END, PAD, TEXT_TEMPLATE, scripted_model

QUESTION = "What is the capital of France?"
TURNS = [{"role": "user", "content": QUESTION}]


def edit(file: Path, **changes: Any) -> None:
    content = json.loads(file.read_text("utf-8")) if file.exists() else {}
    file.write_text(json.dumps({**content, **changes}), "utf-8")


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("llama", "generation_config.json"),
        ("llama", "config.json"),
        ("qwen2_5_vl", "generation_config.json"),
        ("gemma3", "generation_config.json"),
    ],
)
def test_a_cache_that_training_switched_off_changes_no_text(
    tiny_checkpoint: CheckpointFactory, tmp_path: Path, name: str, file: str
) -> None:
    path = Path(shutil.copytree(tiny_checkpoint(name), tmp_path / "model"))
    with_cache = calls.client().generate(f"local:{path}", QUESTION, **calls.GREEDY)
    unload(str(path))
    edit(path / file, use_cache=False)
    without = calls.client().generate(f"local:{path}", QUESTION, **calls.GREEDY)
    unload(str(path))
    assert without.text == with_cache.text
    assert without.warnings == with_cache.warnings == ()


def test_a_model_without_a_cache_says_what_transformers_says(tmp_path: Path) -> None:
    """The first GPT has none: it takes all tokens at each step."""
    from transformers import OpenAIGPTConfig, OpenAIGPTLMHeadModel

    words = tiny_checkpoints.tokenizer()
    words.chat_template = TEXT_TEMPLATE
    config = OpenAIGPTConfig(
        vocab_size=len(words), n_positions=128, n_embd=32, n_layer=2, n_head=4,
        initializer_range=0.5,
    )  # fmt: skip
    model: Any = OpenAIGPTLMHeadModel(config)
    model.save_pretrained(tmp_path)
    words.save_pretrained(tmp_path)
    edit(tmp_path / "generation_config.json", eos_token_id=words.eos_token_id)
    expected = calls.reference(tmp_path, TURNS, do_sample=False, max_new_tokens=24)
    assert calls.client().generate(f"local:{tmp_path}", QUESTION, **calls.GREEDY).text == expected


@pytest.mark.parametrize(
    ("setting", "is_told"),
    [
        ({"num_beams": 4}, True),
        ({"num_beams": 4, "do_sample": True}, True),
        ({"num_beams": 4, "num_beam_groups": 2, "diversity_penalty": 0.5}, True),
        ({"penalty_alpha": 0.6, "top_k": 4}, True),
        ({"num_return_sequences": 3, "do_sample": True}, True),
        ({"token_healing": True}, True),
        ({"max_time": 60.0}, True),
        ({"num_beams": 1}, False),
        ({"prompt_lookup_num_tokens": 3}, False),  # faster, the same text
    ],
)
def test_another_search_has_no_effect_and_is_told(
    tiny_checkpoint: CheckpointFactory, tmp_path: Path, setting: dict[str, Any], is_told: bool
) -> None:
    path = Path(shutil.copytree(tiny_checkpoint("llama"), tmp_path / "model"))
    edit(path / "generation_config.json", **setting)
    model = f"local:{path}"
    answer = calls.client().generate(model, QUESTION, **calls.GREEDY)
    with calls.client().stream(model, QUESTION, **calls.GREEDY) as stream:
        list(stream)
    unload(str(path))
    expected = calls.reference(tiny_checkpoint("llama"), TURNS, do_sample=False, max_new_tokens=24)
    assert answer.text == stream.response.text == expected
    for response in (answer, stream.response):
        assert [warning.code for warning in response.warnings] == ["setting_ignored"] * is_told
        assert all(next(iter(setting)) in warning.message for warning in response.warnings)


@pytest.mark.parametrize(
    ("declared", "tokenizer_end", "written_end"),
    [
        (PAD, END, None),  # generation_config.json lost it (Blaizzy/mlx-vlm#2112)
        ([PAD, "<|other|>"], END, None),
        (None, END, None),
        (END, PAD, None),
        ([PAD, END], PAD, None),
        (PAD, PAD, END),  # only the template has it
        (None, PAD, END),
    ],
)
def test_whatever_names_the_end_ends_the_answer(
    tmp_path: Path, declared: Any, tokenizer_end: str, written_end: str | None
) -> None:
    """The model says "Yes", then its end, then "Yes" again, for ever."""
    template = TEXT_TEMPLATE if written_end else TEXT_TEMPLATE.replace(END, "\n\n")
    path = scripted_model(tmp_path, ["Yes", END], template=template, special=("<|other|>",))
    words = tiny_checkpoints.tokenizer("<|other|>")
    ids = words.convert_tokens_to_ids(declared) if declared else None
    edit(path / "generation_config.json", eos_token_id=ids)
    edit(path / "config.json", eos_token_id=ids)
    edit(path / "tokenizer_config.json", eos_token=tokenizer_end)
    answer = calls.client().generate(f"local:{path}", "Hi", **calls.GREEDY)
    unload(str(path))
    assert (answer.text, answer.finish, answer.finish_raw) == ("Yes", "stop", "eos")


def test_the_least_length_holds_for_every_end(tmp_path: Path) -> None:
    path = scripted_model(tmp_path, ["Yes", END])
    pad = tiny_checkpoints.tokenizer().pad_token_id
    edit(path / "generation_config.json", eos_token_id=pad, min_new_tokens=6)
    answer = calls.client().generate(f"local:{path}", "Hi", **calls.GREEDY)
    unload(str(path))
    assert answer.usage.output.total is not None
    assert answer.usage.output.total > 6


@pytest.mark.parametrize(
    ("stop", "expected"),
    [
        ("<|next|>", "Yes"),
        ("<|next|>No", "Yes"),
        ("s<|next|>", "Ye"),
        ("next", "Yes"),
        ("|>No", "Yes"),
        ("<|next|><|last|>", "YesNo"),
        ("<|never|>", None),
    ],
)
def test_a_stop_string_of_control_tokens_is_seen(
    tmp_path: Path, stop: str, expected: str | None
) -> None:
    """The model writes them, they have no text, and yet they can be met."""
    say = ["Yes", "<|next|>", "No", "<|first|>", "<|last|>"]
    if stop == "<|next|><|last|>":
        say = ["Yes", "No", "<|next|>", "<|last|>"]
    special = ("<|next|>", "<|first|>", "<|last|>")
    model = f"local:{scripted_model(tmp_path, say, special=special)}"
    answer = calls.client().generate(model, "Hi", stop=stop, **calls.GREEDY)
    with calls.client().stream(model, "Hi", stop=[stop], **calls.GREEDY) as stream:
        list(stream)
    unload(str(tmp_path))
    assert answer.text == stream.response.text
    if expected is None:
        assert answer.text.startswith("YesNoYesNo")
        assert answer.finish == "length"
    else:
        assert (answer.text, answer.finish, answer.finish_raw) == (expected, "stop", "stop")
