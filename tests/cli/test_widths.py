"""Lines at the width of the terminal: no word is broken, and a narrow one gets blocks."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from fmsdk.cli import terminal
from tests.cli.conftest import Run
from tests.support.media_files import wav

Terminal = Callable[..., str]
COMMANDS = {
    "models": ["models"],
    "show": ["models", "show", "openai:gpt-4o", "google:gemini-2.5-pro", "local:demo-vision"],
    "quote": [
        *("quote", "hello", "-m", "openai:gpt-5.6-sol", "-m", "local:demo-vision"),
        *("-m", "anthropic:claude-opus-5-5", "-m", "vllm:meta-llama/Llama-3.1-8B-Instruct"),
    ],
    "transcribe": ["transcribe", "--timestamps", "talk.wav", "-m", "scripted:timed"],
    "tco": [
        *("tco", "--rent", "2", "--hours-per-month", "730", "--requests-per-second", "6"),
        *("--device-seconds", "0.04", "--input-tokens", "800", "--output-tokens", "200"),
        *("--api", "openai:gpt-4o"),
    ],
    "wrong": ["models", "show", "gpt-4o", "nowhere:x", "--json", "--no-such-option"],
    "nothing": [],
    "help": ["--help"],
    **{
        f"help-{name}": [name, "--help"] for name in ("ask", "transcribe", "models", "quote", "tco")
    },
}
BAR = re.compile("\r\x1b\\[K[^\r\n]*(?=\r\x1b\\[K)|\r\x1b\\[K")
SECONDS = re.compile(r"\d+\.\d\d s")


@pytest.mark.parametrize("columns", [120, 80, 60, 40, 20])
@pytest.mark.parametrize("name", COMMANDS)
def test_lines_are_wrapped_between_words(
    fmsdk_terminal: Terminal, name: str, columns: int, tmp_path: Path
) -> None:
    (tmp_path / "talk.wav").write_bytes(wav(1.0))
    whole = BAR.sub("", fmsdk_terminal(*COMMANDS[name], columns=1000))
    wrapped = BAR.sub("", fmsdk_terminal(*COMMANDS[name], columns=columns))
    assert whole
    if name != "quote":  # whose table loses a column, and then becomes blocks
        assert SECONDS.sub("", wrapped).split() == SECONDS.sub("", whole).split()
    for line in wrapped.splitlines():
        assert len(line) <= columns or len(line.split()) == 1, line


def test_at_40_columns_each_model_is_a_block(fmsdk_terminal: Terminal) -> None:
    lines = fmsdk_terminal("models", columns=40).splitlines()
    at = lines.index("  azure:…")
    assert lines[at : at + 4] == [
        "  azure:…",
        "    audio, document, image, text",
        "    set AZURE_OPENAI_API_KEY and",
        "    AZURE_OPENAI_BASE_URL",
    ]
    card = fmsdk_terminal("models", "show", "openai:gpt-4o", columns=40)
    assert "  context\n    128,000 tokens [1]\n" in card
    assert "local:demo-vision\n  ~" in fmsdk_terminal(*COMMANDS["quote"], columns=40)


def test_at_80_columns_the_columns_of_cards_and_quotes_stay(fmsdk_terminal: Terminal) -> None:
    card = fmsdk_terminal("models", "show", "openai:gpt-4o", columns=80)
    assert "  context     128,000 tokens [1]\n" in card
    assert re.search(r"\n  prices      input .*\n {14}\S", card)
    quotes = fmsdk_terminal(*COMMANDS["quote"], columns=80)
    assert re.search(r"\nvllm:meta-llama/Llama-3.1-8B-Instruct +\d+ +300 +unknown\n", quotes)
    assert "low to high" not in quotes
    assert "low to high" in fmsdk_terminal(*COMMANDS["quote"], columns=120)


def test_the_variable_overrides_the_terminal(fmsdk_terminal: Terminal) -> None:
    narrow = fmsdk_terminal("models", columns=40)
    assert fmsdk_terminal("models", columns=100, env={"COLUMNS": "40"}) == narrow
    for no_width in ("0", "-5", "wide", ""):
        assert fmsdk_terminal("models", columns=40, env={"COLUMNS": no_width}) == narrow


@pytest.mark.parametrize("name", ["models", "show", "quote"])
def test_pipes_get_whole_lines(fmsdk_command: Run, name: str) -> None:
    piped = fmsdk_command(*COMMANDS[name], env={"COLUMNS": "40"})
    assert piped.out == fmsdk_command(*COMMANDS[name]).out
    assert max(map(len, piped.out.splitlines())) > 80
    assert all(note.startswith("fmsdk: ") for note in piped.notes)


def test_wrapping_keeps_indents_and_long_words() -> None:
    text = "  [1] https://example.org/" + "x" * 30 + " and more\n\n  next"
    assert terminal.wrap_lines(text, 20).split("\n") == [
        "  [1]",
        "      https://example.org/" + "x" * 30,
        "      and more",
        "",
        "  next",
    ]
    assert terminal.wrap_lines(text, None) == text
    assert terminal.wrap_lines("a b", 1, 8).split() == ["a", "b"]
