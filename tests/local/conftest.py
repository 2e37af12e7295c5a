"""Tiny checkpoints, each created once in a test run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fmsdk_local import unload
from tests.support.local import tiny_checkpoints

CheckpointFactory = Callable[[str], Path]


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CheckpointFactory]:
    """The checkpoint of `tests.support.local.tiny_checkpoints` with the given name."""
    root = tmp_path_factory.mktemp("tiny")

    def create_checkpoint(name: str) -> Path:
        path = root / name
        return path if path.exists() else getattr(tiny_checkpoints, name)(path)

    yield create_checkpoint
    unload()
