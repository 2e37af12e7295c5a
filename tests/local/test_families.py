"""Tiny checkpoints of the open-weight families say the same as with transformers alone."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from fmsdk_local import unload
from fmsdk_local.models.checkpoint import kind_of
from tests.support.local import calls
from tests.support.shared_folder import SHARED, shared_module
from tests.support.soak import soak_size

PROGRAM = SHARED / "tiny_families.py"
NAMES: list[str] = (
    re.findall(r"^@family\ndef (\w+)", PROGRAM.read_text("utf-8"), re.MULTILINE)
    if PROGRAM.is_file()
    else []
)
QUESTION = "What is the capital of France?"
pytestmark = pytest.mark.skipif(
    not NAMES, reason="needs tiny_families.py in ../shared, which lies beside some checkouts"
)


def create_family(name: str, path: Path) -> Path:
    """A checkpoint of the family that generates text, or a skip that says why there is none."""
    try:
        shared_module("tiny_families.py").MADE[name](path)
    except ImportError as error:
        pytest.skip(f"cannot be created: {error}")
    if kind_of(path) not in ("causal", "multimodal") or not any(path.glob("chat_template*")):
        pytest.skip("generates no text from messages")
    return path


@pytest.mark.parametrize("name", NAMES[:: soak_size(4, 1)])
def test_a_family_says_what_transformers_says(name: str, tmp_path: Path) -> None:
    """float32, greedy, 24 tokens, `apply_chat_template` and `model.generate`."""
    path = create_family(name, tmp_path)
    content: Any = QUESTION
    if kind_of(path) == "multimodal":
        content = [{"type": "text", "text": QUESTION}]
    turns = [{"role": "user", "content": content}]
    try:
        expected = calls.reference(path, turns, piecewise=True, do_sample=False, max_new_tokens=24)
    except (ImportError, TypeError, ValueError) as error:
        pytest.skip(f"transformers alone cannot run it: {type(error).__name__}: {error}")
    answer = calls.client().generate(f"local:{path}", QUESTION, **calls.GREEDY)
    unload(str(path))
    # A template that opens the reasoning has all of its text there.
    assert answer.reasoning + answer.text == expected
