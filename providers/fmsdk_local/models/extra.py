"""Imports modules of the extra `local`, in code that also runs where it is not installed."""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

from fmsdk.errors import MissingExtra

__all__ = ["find_missing_module", "import_extra"]

_ENGINE_MODULES = ("torch", "transformers")


def find_missing_module(*modules: str) -> str | None:
    """The first of the modules that every local model needs, and of `modules`, that is not
    installed. Imports none of them."""
    for module in (*_ENGINE_MODULES, *modules):
        try:
            if importlib.util.find_spec(module) is None:
                return module
        except (ImportError, ValueError):  # a finder that refuses it, a module without a spec
            return module
    return None


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
