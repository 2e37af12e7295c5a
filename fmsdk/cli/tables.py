"""Tables of figures: columns where there is room, else a block for each row."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from fmsdk.cli import terminal

__all__ = ["print_table"]


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows on standard output. The first column is a name; the others are figures, which
    stand flush right. A terminal that is too narrow gets the name, and the figures below it, each
    after the title of its column."""
    lines = [header, *rows]
    sizes = [max(len(row[place]) for row in lines) for place in range(len(header))]
    width = terminal.width_of(sys.stdout)
    if width is None or sum(sizes) + 2 * (len(sizes) - 1) <= width:
        for name, *figures in lines:
            cells = [f"{cell:>{size}}" for cell, size in zip(figures, sizes[1:], strict=True)]
            print("  ".join([f"{name:{sizes[0]}}", *cells]).rstrip())
        return
    for name, *figures in rows:
        print(terminal.wrap_lines(name, width))
        pairs = [f"{title} {cell}" for title, cell in zip(header[1:], figures, strict=True) if cell]
        print(terminal.wrap_lines(f"  {', '.join(pairs)}", width, 0))
