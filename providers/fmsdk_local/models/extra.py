"""Imports modules of the extra `local`, in code that also runs where it is not installed."""

from __future__ import annotations

import importlib
from typing import Any

from fmsdk.errors import MissingExtra

__all__ = ["import_extra"]


def import_extra(module: str) -> Any:
    """Import a module of the extra `local`.

    Raises:
        MissingExtra: the module is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingExtra(
            f"local models need {module.partition('.')[0]}: pip install 'fmsdk[local]'",
            extra="local",
        ) from error
