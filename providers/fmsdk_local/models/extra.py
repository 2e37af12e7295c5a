"""Modules that come with the extra `local`, for code that must also answer where it is missing."""

from __future__ import annotations

import importlib
from typing import Any

from fmsdk.errors import MissingExtra

__all__ = ["import_extra"]


def import_extra(module: str) -> Any:
    """The module, imported now.

    Raises:
        MissingExtra: it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingExtra(
            f"local models need {module.partition('.')[0]}: pip install 'fmsdk[local]'",
            extra="local",
        ) from error
