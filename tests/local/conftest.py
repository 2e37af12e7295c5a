"""Tiny checkpoints, each made once in a run of the tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fmsdk_local import unload
from tests.support.local import tiny_checkpoints

Made = Callable[[str], Path]


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    """The checkpoint of `tests.support.local.tiny_checkpoints` with the given name."""
    root = tmp_path_factory.mktemp("tiny")

    def make(name: str) -> Path:
        path = root / name
        return path if path.exists() else getattr(tiny_checkpoints, name)(path)

    yield make
    unload()
