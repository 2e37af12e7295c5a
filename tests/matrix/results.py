"""The whole matrix, asked once in a test run: every cell over every wire, plain and streamed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tests.matrix.cells import Cell, cells, option_cells, request_of
from tests.matrix.probe import Lab, Verdict
from tests.matrix.wires import WIRES, Wire
from tests.support import tally

__all__ = ["Matrix", "Result"]

_APART = 10  # markers of a cell, which asks for fewer


@dataclass(frozen=True, slots=True)
class Result:
    """A cell's verdicts over one wire; `streamed` is None where streams were not asked."""

    wire: Wire
    cell: Cell
    plain: Verdict
    streamed: Verdict | None

    def verdicts(self) -> Sequence[Verdict]:
        """Those there are."""
        return [v for v in (self.plain, self.streamed) if v is not None]


class Matrix:
    """The results of each wire, asked when they are first wanted."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._results: dict[str, list[Result]] = {}
        tally.count("silent losses", 0)
        tally.count("untyped errors", 0)

    def of(self, wire: Wire) -> list[Result]:
        """Every cell's. Named servers, whose encoder is that of other wires, are asked for plain
        answers alone."""
        if wire.name not in self._results:
            asked = enumerate((*cells(), *option_cells(wire)))
            self._results[wire.name] = [self._ask(wire, cell, n * _APART) for n, cell in asked]
        return self._results[wire.name]

    def _ask(self, wire: Wire, cell: Cell, start: int) -> Result:
        request = request_of(cell, wire, self._lab, start)
        plain = self._lab.judge(wire, request)
        streamed = self._lab.judge(wire, request, stream=True) if wire in WIRES else None
        result = Result(wire, cell, plain, streamed)
        tally.count("cells of the matrix", len(result.verdicts()))
        return result
