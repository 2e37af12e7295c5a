"""Where the command writes: the answer to standard output, the rest to standard error.

On a terminal, progress (a model loading, a download) is one transient line, cleared before anything
else is written. Elsewhere it is a line for each stage, or nothing.
"""

from __future__ import annotations

import json
import shutil
import sys
from time import monotonic
from typing import Any, Self

__all__ = ["AnswerWriter", "ProgressBar", "prepare_streams", "print_json", "print_note"]

_SECONDS_BETWEEN_DRAWINGS = 0.1
_BAR_WIDTH = 24


def prepare_streams() -> None:
    """Characters that the output's encoding lacks become escapes instead of errors."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure: Any = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def print_note(text: str) -> None:
    """Print `text` as one line on standard error, without its own line breaks."""
    print(" ".join(text.split()), file=sys.stderr, flush=True)


def print_json(value: Any) -> None:
    """Print one line of JSON on standard output, in ASCII, which every encoding has."""
    print(json.dumps(value), flush=True)


class AnswerWriter:
    """Writes the answer to standard output, piece by piece. `end_line` finishes the last line."""

    def __init__(self) -> None:
        self._is_within_line = False

    def write(self, text: str) -> None:
        """Write a piece at once."""
        if text:
            sys.stdout.write(text)
            sys.stdout.flush()
            self._is_within_line = not text.endswith("\n")

    def end_line(self) -> None:
        """Begin a new line, unless the last piece ended one."""
        if self._is_within_line:
            self.write("\n")


class ProgressBar:
    """Draws `(stage, done, total)` until `clear`: a bar on a terminal, elsewhere a line for each
    stage, or nothing if `transient`."""

    def __init__(self, name: str, *, transient: bool = False) -> None:
        self._name = name
        self._transient = transient
        self._stage = ""
        self._last_drawing = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.clear()

    def __call__(self, stage: str, done: int | None, total: int | None) -> None:
        """Draw that `stage` has finished `done` of `total` (None: unknown)."""
        begins, self._stage = stage != self._stage, stage
        if not sys.stderr.isatty():
            if begins and not self._transient:
                print_note(f"{self._name}: {stage}")
            return
        ends = done is not None and done == total
        if begins or ends or monotonic() - self._last_drawing > _SECONDS_BETWEEN_DRAWINGS:
            bar = "…"
            if done and total:
                share = min(done / total, 1.0)
                bar = f"[{'#' * round(share * _BAR_WIDTH):.<{_BAR_WIDTH}}] {share:.0%}"
            _draw_line(f"{self._name}: {stage} {bar}")
            self._last_drawing = monotonic()

    def clear(self) -> None:
        """Remove the bar."""
        if self._stage and sys.stderr.isatty():
            _draw_line("")
        self._stage = ""


def _draw_line(text: str) -> None:
    width = shutil.get_terminal_size().columns - 1
    sys.stderr.write(f"\r\x1b[K{' '.join(text.split())[:width]}")
    sys.stderr.flush()
