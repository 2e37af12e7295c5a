"""Counting text in a vendor's vocabulary."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmsdk.quoting import vocabulary
from fmsdk.quoting.vocabulary import text_counter

# (text, tokens by o200k, cl100k, Claude to 4.6, Claude since 4.8, Gemini). OpenAI's are exact.
# Claude's were counted with ctok 1.3, Gemini's with the vocabulary of Gemma.
COUNTED = [
    ("The keeper wrote down the weather every morning.", 9, 9, 9, 15, 9),
    ("Смотритель каждое утро записывал погоду, а вечером сравнивал её.", 20, 30, 28, 28, 19),
    ("灯塔看守人每天早晨记录天气，每天傍晚把它和渔民告诉他的风向作比较。", 28, 47, 41, 40, 24),
    ("등대지기는 매일 아침 날씨를 적고, 저녁마다 바람 이야기와 견주어 보았다.", 27, 44, 44, 43, 32),
    ("for value in values:\n    if not value.ready():\n        raise ValueError('late')\n",
     18, 17, 20, 25, 21),
    ('{"city": "Vienna", "high": 21.5, "at": "2026-11-23", "windy": true}', 32, 32, 31, 35, 36),
    ("IMPORTANT: DO NOT CALL THE TOOL TWICE. Answer with the JSON object ONLY.",
     17, 17, 21, 41, 16),
]  # fmt: skip
MODELS = {
    "o200k": ("openai", "gpt-5.6-sol"),
    "cl100k": ("openai", "gpt-4"),
    "claude": ("anthropic", "claude-sonnet-4-5"),
    "newer claude": ("anthropic", "claude-opus-5"),
    "gemini": ("google", "gemini-3.8-flash"),
}


@pytest.fixture
def no_package(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """`bpe-openai` is not installed."""

    def clear() -> None:
        for cached in (vocabulary._counter, vocabulary.text_counter):
            cached.cache_clear()

    monkeypatch.setattr(vocabulary, "_bindings", lambda: None)
    clear()
    yield
    clear()


@pytest.mark.parametrize("row", COUNTED, ids=[row[0][:12] for row in COUNTED])
def test_openai_is_counted_exactly(row: tuple[str, int, int, int, int, int]) -> None:
    text, o200k, cl100k = row[:3]
    assert text_counter(*MODELS["o200k"]).count(text) == o200k
    assert text_counter(*MODELS["cl100k"]).count(text) == cl100k
    assert text_counter(*MODELS["o200k"]).is_exact


@pytest.mark.parametrize("row", COUNTED, ids=[row[0][:12] for row in COUNTED])
@pytest.mark.parametrize(("name", "column"), [("claude", 3), ("newer claude", 4), ("gemini", 5)])
def test_other_vendors_are_scaled(
    name: str, column: int, row: tuple[str, int, int, int, int, int]
) -> None:
    counter = text_counter(*MODELS[name])
    assert not counter.is_exact
    assert counter.count(row[0]) == pytest.approx(row[column], rel=0.2, abs=2)


@pytest.mark.usefixtures("no_package")
@pytest.mark.parametrize("row", COUNTED, ids=[row[0][:12] for row in COUNTED])
def test_without_the_package_text_is_estimated(row: tuple[str, int, int, int, int, int]) -> None:
    counter = text_counter(*MODELS["o200k"])
    assert not counter.is_exact
    assert counter.count(row[0]) == pytest.approx(row[1], rel=0.25)
    low, high = counter.spread
    assert low < 1 < high


@pytest.mark.parametrize(
    ("model", "tokens"),
    [
        ("gpt-3.5-turbo", 30),
        ("gpt-35-turbo", 30),
        ("gpt-4-0613", 30),
        ("gpt-4-turbo", 30),
        ("text-embedding-3-small", 30),
        ("gpt-4o-mini", 20),
        ("gpt-4.1", 20),
        ("o4-mini", 20),
        ("gpt-6-astra", 20),
        ("a-model-of-tomorrow", 20),
    ],
)
def test_the_model_decides_on_the_vocabulary(model: str, tokens: int) -> None:
    assert text_counter("openai", model).count(COUNTED[1][0]) == tokens


@given(st.sampled_from(sorted(MODELS)), st.text(st.characters(), max_size=200))
def test_any_text_has_a_count(name: str, text: str) -> None:
    count = text_counter(*MODELS[name]).count(text)
    assert 0 <= count <= 3 * len(text.encode("utf-8", "surrogatepass")) + 1
    assert bool(count) == bool(text)


def test_half_of_a_surrogate_pair_is_counted() -> None:
    assert text_counter(*MODELS["o200k"]).count("a\ud83db") >= 2


def test_another_release_of_the_package_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text_counter(*MODELS["o200k"]).count("x")  # what is loaded is put back afterwards
    (tmp_path / "bpe_openai").mkdir()
    (tmp_path / "bpe_openai" / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "bpe_openai._bindings", raising=False)
    load = vocabulary._bindings.__wrapped__
    assert load() is None
    (tmp_path / "bpe_openai" / "_bindings.py").write_text("VERSION = 2")
    assert load() is None
    monkeypatch.delitem(sys.modules, "bpe_openai._bindings", raising=False)
    (tmp_path / "bpe_openai" / "_bindings.py").write_text("raise ImportError('no such library')")
    importlib.invalidate_caches()
    assert load() is None


def test_the_vocabulary_is_loaded_at_the_first_quote_alone() -> None:
    program = """
import sys
import fmsdk
from fmsdk.quoting import vocabulary
assert not any(name.startswith("bpe_openai") for name in sys.modules)
assert not vocabulary.is_loaded()
client = fmsdk.Client()
quote = client.quote("openai:gpt-4o", "Explain entropy.", max_output_tokens=5)
assert quote.basis == {"text": "tokenizer"}, quote.basis
assert vocabulary.is_loaded()
assert "bpe_openai" not in sys.modules  # whose tables nobody needs here
import bpe_openai  # the application's own use goes on
assert len(bpe_openai.get_encoding("o200k_base").encode("Explain entropy.")) == 3
"""
    subprocess.run([sys.executable, "-c", program], check=True)
