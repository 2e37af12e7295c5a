"""Fails where a file of `fmsdk` or `providers` is over 400 lines, or a function over 60.

Ruff checks the complexity of functions (`max-complexity` in pyproject.toml).
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FILE_LINES = 400
FUNCTION_LINES = 60


def too_long(path: Path) -> Iterator[str]:
    """What is over a limit in a file."""
    text = path.read_text("utf-8")
    place = path.relative_to(ROOT)
    if (lines := text.count("\n")) > FILE_LINES:
        yield f"{place} has {lines} lines, more than {FILE_LINES}"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION_LINES:
                where = f"{place}:{node.lineno} {node.name}"
                yield f"{where} has {lines} lines, more than {FUNCTION_LINES}"


def main() -> int:
    paths = [
        path for name in ("fmsdk", "providers") for path in sorted((ROOT / name).rglob("*.py"))
    ]
    rows = [row for path in paths for row in too_long(path)]
    print("\n".join(rows) or f"{len(paths)} files within {FILE_LINES} and {FUNCTION_LINES} lines")
    return int(bool(rows))


if __name__ == "__main__":
    sys.exit(main())
