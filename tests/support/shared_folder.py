"""Where the recordings and schemas lie that some checkouts have beside them."""

from __future__ import annotations

import importlib.util
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.support.paths import ROOT

SHARED = ROOT.parent / "shared"

needs_shared = pytest.mark.skipif(
    not (SHARED / "recorded").is_dir(),
    reason="needs the recordings and schemas in ../shared, which lie beside a developer's checkout",
)


@cache
def shared_module(path: str) -> Any:
    """A program of that folder, as a module."""
    spec = importlib.util.spec_from_file_location(Path(path).stem, SHARED / path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def validator() -> Any:
    """What checks a request's body against its vendor's schema."""
    return shared_module("specs/validate_request.py")
