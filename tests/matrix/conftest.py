"""One lab for all of the matrix's tests, and the matrix itself, asked once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.matrix.probe import Lab
from tests.matrix.probe import lab as running_lab
from tests.matrix.results import Matrix


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    with running_lab() as running:
        yield running


@pytest.fixture(scope="session")
def matrix(lab: Lab) -> Matrix:
    return Matrix(lab)
