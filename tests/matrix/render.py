"""docs/reference/support.md, from what the matrix found: `python -m tests.matrix.render`.

Knows no wire; whatever it says was asked over a socket a moment ago.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.matrix.probe import Verdict, lab
from tests.matrix.results import Matrix, Result
from tests.matrix.wires import SERVER_WIRES, WIRES, Wire

__all__ = ["PAGE", "page"]

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "support.md"
_USUAL = next(wire for wire in WIRES if wire.name == "OpenAI-compatible")
_MARKS = {"carried": "✓", "kept": "·", "warned": "⚠", "dropped": "⊘", "refused": "✗"}
_ORDER = (
    "Text",
    "Image",
    "Audio",
    "Video",
    "Document",
    "System prompt",
    "The model's turn",
    "Tool calls",
    "Tool results",
    "Cache marks",
    "Settings",
)
_HEAD = """\
# What each provider carries

Made by `make docs` from the tests in `tests/matrix`, never by hand: every line was asked of every
provider over a socket, plain and streamed, and the body that went out was read back by the
vendor's documentation. A test fails when this page is not what the matrix finds.

- ✓ arrives
- · stays on your side, on the response (`response.tags`)
- ⚠ stays behind, and a warning on the response says so
- ⊘ raises before anything is sent; with `lenient=True` it stays behind, with a warning
- ✗ raises before anything is sent

This is about wires. What of it a model takes, `fmsdk models show NAME` says. A URL that a vendor
does not fetch is fetched for it. "OpenAI-compatible" is any server of that wire
(`Client(providers={"mine": {"wire": "openai", "base_url": …}})`); Vertex was asked for Gemini 3.
"""
_SERVERS_HEAD = """\
## Compatible servers

Where the servers that fmsdk knows by name differ from "OpenAI-compatible", or from one another.
In all else they are as the tables above say.
"""
_REASONS_HEAD = """\
## Why, and the way out

What the error or the warning says, and who says it; named servers only where they differ.
"""


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a table: `values` of what it is about, that have the same marks."""

    group: str
    about: str
    values: tuple[str, ...]
    marks: tuple[str, ...]

    @property
    def label(self) -> str:
        values = ", ".join(self.values)
        return f"{self.about}: {values}" if self.about else values


def page(matrix: Matrix) -> str:
    """The whole page."""
    reasons = "\n".join((_REASONS_HEAD, *_reasons(matrix), ""))
    return "\n".join((_HEAD, *_tables(matrix), *_servers(matrix), *_options(matrix), reasons))


def _tables(matrix: Matrix) -> Iterator[str]:
    rows = _merged(_rows([_shared(matrix, wire) for wire in WIRES]))
    for group in sorted({row.group for row in rows}, key=_ORDER.index):
        yield _table(f"## {group}", WIRES, [row for row in rows if row.group == group])


def _servers(matrix: Matrix) -> Iterator[str]:
    rows = _rows([_shared(matrix, wire) for wire in (_USUAL, *SERVER_WIRES)])
    differing = [
        Row("", f"{row.group}, {row.about}" if row.about else row.group, row.values, row.marks[1:])
        for row in rows
        if len(set(row.marks)) > 1
    ]
    yield _table(_SERVERS_HEAD.rstrip(), SERVER_WIRES, _merged(differing))


def _options(matrix: Matrix) -> Iterator[str]:
    """The providers' own options."""
    yield "## The providers' own options\n"
    for kind in dict.fromkeys(wire.options for wire in WIRES):
        wires = [wire for wire in WIRES if wire.options is kind]
        own = [[r for r in matrix.of(w) if r.cell.group == "Options"] for w in wires]
        yield _table(f"### `{kind.__name__}`", wires, _merged(_rows(own)))


def _shared(matrix: Matrix, wire: Wire) -> list[Result]:
    """The cells that all wires have."""
    return [result for result in matrix.of(wire) if result.cell.group != "Options"]


def _rows(columns: Sequence[Sequence[Result]]) -> list[Row]:
    """A row for each cell."""
    return [
        Row(
            row[0].cell.group,
            row[0].cell.row if row[0].cell.column else "",
            (row[0].cell.column or row[0].cell.row,),
            tuple(_mark(result.plain) for result in row),
        )
        for row in zip(*columns, strict=True)
    ]


def _mark(verdict: Verdict) -> str:
    return _MARKS[verdict.word]


def _merged(rows: Iterable[Row]) -> list[Row]:
    """Rows about the same thing with the same marks, as one."""
    found: dict[tuple[str, str, tuple[str, ...]], list[str]] = {}
    for row in rows:
        found.setdefault((row.group, row.about, row.marks), []).extend(row.values)
    return [Row(group, about, tuple(v), marks) for (group, about, marks), v in found.items()]


def _table(title: str, wires: Sequence[Wire], rows: Sequence[Row]) -> str:
    lines = [
        title,
        "",
        f"| | {' | '.join(wire.name for wire in wires)} |",
        f"|---|{':-:|' * len(wires)}",
        *(f"| {row.label} | {' | '.join(row.marks)} |" for row in rows),
        "",
    ]
    return "\n".join(lines)


def _reasons(matrix: Matrix) -> Iterator[str]:
    """Each reason once, with those who give it."""
    found: dict[tuple[str, str], list[str]] = {}
    for wire in (*WIRES, *SERVER_WIRES):
        for mark, why in dict.fromkeys(_given(matrix, wire)):
            found.setdefault((mark, why), []).append(wire.name)
    servers = {wire.name for wire in SERVER_WIRES}
    for (mark, why), names in found.items():
        shown = [name for name in names if name not in servers or _USUAL.name not in names]
        yield f"- {mark} {why} ({', '.join(shown)})"


def _given(matrix: Matrix, wire: Wire) -> Iterator[tuple[str, str]]:
    name = f"{wire.provider}:{wire.model}"
    for result in matrix.of(wire):
        verdict = result.plain
        for why in verdict.why.split("; and ") if verdict.why else ():
            # Without this test's model, and without what is usable on this machine.
            plain = why.partition("; usable models that do:")[0].removeprefix(f"{name}: ")
            yield _mark(verdict), plain.replace(name, "this wire")


def main() -> None:
    """Write the page."""
    with lab() as running:
        text = page(Matrix(running))
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
