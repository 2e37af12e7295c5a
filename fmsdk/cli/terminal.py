"""Where the command writes: the answer to standard output, the rest to standard error.

On a terminal, what is going on (a model loading, a download) is one passing line, wiped before
anything else is written; elsewhere it is a line for each stage, or nothing.
"""

from __future__ import annotations

import json
import shutil
import sys
from time import monotonic
from typing import Any, Self

__all__ = ["Answer", "Progress", "note", "prepare", "print_json"]

_SECONDS_BETWEEN_DRAWINGS = 0.1
_BAR = 24


def prepare() -> None:
    """A character that the output's encoding lacks becomes an escape instead of an error."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure: Any = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def note(text: str) -> None:
    """One line on standard error, whatever line breaks `text` has."""
    print(" ".join(text.split()), file=sys.stderr, flush=True)


def print_json(value: Any) -> None:
    """One line of JSON on standard output; pure ASCII, so that no encoding can spoil it."""
    print(json.dumps(value), flush=True)


class Answer:
    """The answer on standard output, piece by piece; `end` finishes its last line."""

    def __init__(self) -> None:
        self._open = False

    def write(self, text: str) -> None:
        """Show a piece at once."""
        if text:
            sys.stdout.write(text)
            sys.stdout.flush()
            self._open = not text.endswith("\n")

    def end(self) -> None:
        """Begin a new line, unless one has just begun."""
        if self._open:
            self.write("\n")


class Progress:
    """Draws `(stage, done, total)` until `end`: a bar on a terminal, elsewhere a line for each
    stage, or, where `passing`, nothing."""

    def __init__(self, name: str, *, passing: bool = False) -> None:
        self._name = name
        self._passing = passing
        self._stage = ""
        self._drawn = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def __call__(self, stage: str, done: int | None, total: int | None) -> None:
        """Take in that `stage` has `done` of `total` (None: not known)."""
        begins, self._stage = stage != self._stage, stage
        if not sys.stderr.isatty():
            if begins and not self._passing:
                note(f"{self._name}: {stage}")
            return
        ends = done is not None and done == total
        if begins or ends or monotonic() - self._drawn > _SECONDS_BETWEEN_DRAWINGS:
            _draw(f"{self._name}: {stage} {_bar(done, total)}")
            self._drawn = monotonic()

    def end(self) -> None:
        """Wipe the bar."""
        if self._stage and sys.stderr.isatty():
            _draw("")
        self._stage = ""


def _bar(done: int | None, total: int | None) -> str:
    if not done or not total:
        return "…"
    share = min(done / total, 1.0)
    return f"[{'#' * round(share * _BAR):.<{_BAR}}] {share:.0%}"


def _draw(text: str) -> None:
    width = shutil.get_terminal_size().columns - 1
    sys.stderr.write(f"\r\x1b[K{' '.join(text.split())[:width]}")
    sys.stderr.flush()
