"""The committed page is what the matrix finds."""

from __future__ import annotations

from tests.matrix.render import PAGE, page
from tests.matrix.results import Matrix


def test_the_page_equals_the_matrix(matrix: Matrix) -> None:
    assert page(matrix) == PAGE.read_text(encoding="utf-8"), "run `make docs`"
