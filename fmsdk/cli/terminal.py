"""Where the command writes: the answer to standard output, the rest to standard error.

On a terminal, progress (a model loading, a download) is one transient line, cleared before anything
else is written. Elsewhere it is a line for each stage, or nothing.
"""

from __future__ import annotations

import json
import os
import re
import sys
import textwrap
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from time import monotonic
from typing import Any, Self, TextIO

__all__ = [
    "AnswerWriter",
    "ProgressBar",
    "SafeTerminal",
    "escape_controls",
    "help_width",
    "prepare_streams",
    "print_json",
    "print_note",
    "print_row",
    "width_of",
    "wrap_lines",
]

_SECONDS_BETWEEN_DRAWINGS = 0.1
_BAR_WIDTH = 24
_DEFAULT_WIDTH = 80
_MIN_COLUMN = 30
"""Where the last column of a table would be narrower, in characters, each row is a block."""
# All of C0 but tab and line feed, C1, marks and overrides of the direction of text, and tags.
_CONTROLS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff"
    "\ufff9-\ufffb\U000e0000-\U000e007f]"
)


class SafeTerminal:
    """A text stream to a terminal on which control characters are shown escaped: those of an
    answer, a model's name or a file's name could set the title or the clipboard, wipe the screen,
    or turn the order of what follows. Line feeds and tabs stay."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.write_raw = stream.write

    def write(self, text: str) -> int:
        """As a stream's."""
        self._stream.write(escape_controls(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """As a stream's."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def escape_controls(text: str) -> str:
    """The text with every control character written out, as in "\\x1b"."""
    text = text.replace("\r\n", "\n")
    if text.isascii() and text.replace("\n", "").replace("\t", "").isprintable():
        return text
    return _CONTROLS.sub(lambda match: ascii(match[0])[1:-1], text)


@contextmanager
def prepare_streams() -> Generator[None]:
    """Characters that the output's encoding lacks become escapes instead of errors; on a terminal
    control characters do. What a script closed (`>&-`) is written to nowhere."""
    before = sys.stdin, sys.stdout, sys.stderr
    for name in ("stdin", "stdout", "stderr"):  # in this order, they get descriptors 0, 1 and 2
        if getattr(sys, name) is None:
            descriptor = os.open(os.devnull, os.O_RDWR)
            setattr(sys, name, os.fdopen(descriptor, "r" if name == "stdin" else "w"))
    for name in ("stdout", "stderr"):
        stream: Any = getattr(sys, name)
        reconfigure: Any = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")
        if stream.isatty():
            setattr(sys, name, SafeTerminal(stream))
    os.environ.setdefault("NO_COLOR", "1")  # Python's own colours would be escaped, too
    try:
        yield
    finally:
        sys.stdin, sys.stdout, sys.stderr = before


def width_of(stream: TextIO) -> int | None:
    """The columns of the terminal behind a stream, which COLUMNS overrides; None: a pipe or a
    file, whose lines stay whole."""
    if not stream.isatty():
        return None
    columns = os.environ.get("COLUMNS", "")
    if columns.isdecimal() and int(columns):
        return int(columns)
    try:
        return os.get_terminal_size(stream.fileno()).columns or _DEFAULT_WIDTH
    except (OSError, ValueError):
        return _DEFAULT_WIDTH


def help_width(stream: TextIO) -> int:
    """The width of what has one in pipes, too: a help text."""
    return width_of(stream) or _DEFAULT_WIDTH


def wrap_lines(text: str, width: int | None, hanging: int = 4) -> str:
    """The text with each line wrapped between words, where it is longer than `width`. What follows
    a break is indented by `hanging` more than its line. Words such as URLs are never broken."""
    lines: list[str] = []
    for line in text.split("\n"):
        if width is None or len(line) <= width:
            lines.append(line)
            continue
        rest = line.lstrip()
        indent = line[: len(line) - len(rest)]
        lines += textwrap.wrap(
            rest,
            width,
            initial_indent=indent,
            subsequent_indent=indent + " " * hanging,
            break_long_words=False,
            break_on_hyphens=False,
        )
    return "\n".join(lines)


def print_row(cells: Sequence[str], sizes: Sequence[int], *, indent: int = 0) -> None:
    """Print a row of a table on standard output. `sizes` are the widths of all columns but the
    last, which is wrapped. Where too little room is left for that, the row is a block: the last
    cell is below the others, or each cell below the one before."""
    width, margin = width_of(sys.stdout), " " * indent
    head = "".join(f"{cell:{size}}  " for cell, size in zip(cells, sizes, strict=False))
    if width is None or width - indent - len(head) >= _MIN_COLUMN:
        line = f"{margin}{head}{cells[-1]}".rstrip()
        if width is not None and len(line) > width:  # the head's spaces are no place to break
            body = wrap_lines(cells[-1], width - indent - len(head), 0).split("\n")
            line = f"\n{' ' * (indent + len(head))}".join([f"{margin}{head}{body[0]}", *body[1:]])
        print(line)
        return
    if indent + len(head) - 2 <= width:
        cells = (head.rstrip(), cells[-1])
    for number, cell in enumerate(cells):
        if cell:
            line = f"{margin}{'  ' if number else ''}{cell}"
            print(wrap_lines(line, width, 0 if number else 4))


def print_note(text: str) -> None:
    """Print `text` as one line on standard error, without its own line breaks; a terminal gets it
    wrapped between words."""
    line = " ".join(text.split())
    print(wrap_lines(line, width_of(sys.stderr), 2), file=sys.stderr, flush=True)


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
    width = help_width(sys.stderr) - 1
    line = escape_controls(" ".join(text.split()))[:width]
    write_raw: Any = getattr(sys.stderr, "write_raw", sys.stderr.write)
    write_raw(f"\r\x1b[K{line}")
    sys.stderr.flush()
