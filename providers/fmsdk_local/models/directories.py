"""The user's store: the directory for fetched and converted models."""

from __future__ import annotations

import os
from pathlib import Path

from fmsdk.files import expand_home

__all__ = ["models_directory", "store_directory"]


def store_directory() -> Path:
    """The store's root: `FMSDK_HOME`, else `fmsdk` in the user's cache directory."""
    if directory := os.environ.get("FMSDK_HOME"):
        return Path(expand_home(directory))
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "fmsdk"


def models_directory() -> Path:
    """The directory in the store with a directory for each model."""
    return store_directory() / "models"
