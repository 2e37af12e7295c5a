"""From a model's name to its directory or file on this machine; the network is never asked."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterable
from pathlib import Path

from fmsdk.errors import ModelNotFound
from fmsdk_local.models import hub
from fmsdk_local.models.catalog import named_models
from fmsdk_local.models.directories import models_directory

__all__ = ["is_path", "locate_model", "suggest_names", "unknown_model_error"]

_LOOKS_LIKE_PATH = re.compile(r"[./~\\]|[A-Za-z]:[/\\]")


def locate_model(name: str) -> Path:
    """The checkpoint called `name`: a directory, or a .gguf file.

    A name is one of the catalogue's ("demo-text"), a path ("./x", "/x", "~/x", or relative),
    a directory in the store, or a hub id ("org/name", "org/name@revision") in the hub's cache.

    Raises:
        ModelNotFound: it is not here; the message says how to get it, or what looks alike.
    """
    named = named_models().get(name)
    if named is not None:
        if named.here:
            return named.directory
        raise ModelNotFound(named.how_to_get, model=name)
    if is_path(name):
        return _at_path(name)
    if (kept := models_directory() / name).is_dir() and not name.startswith("."):
        return kept
    if hub.is_hub_id(name):
        return hub.find_snapshot(name)
    raise unknown_model_error(name)


def is_path(name: str) -> bool:
    """Whether `name` means a path: it looks like one, or exists."""
    return (
        _LOOKS_LIKE_PATH.match(name) is not None
        or name.lower().endswith(".gguf")
        or Path(name).exists()
    )


def unknown_model_error(name: str) -> ModelNotFound:
    """The error for a name that is none, with those that look alike."""
    kept = models_directory()
    known = [*named_models(), *(entry.name for entry in _entries(kept)), *hub.list_cached_ids()]
    return ModelNotFound(
        f"there is no local model called {name!r}.{suggest_names(name, known)} `fmsdk models` "
        "lists what is here; a path starts with ./ or /, and a hub id has the form org/name",
        model=name,
    )


def suggest_names(name: str, known: Iterable[str]) -> str:
    """ " Did you mean …?", with the names in `known` that look like `name`, or nothing."""
    alike = difflib.get_close_matches(name, list(known), n=3, cutoff=0.6)
    return f" Did you mean {' or '.join(alike)}?" if alike else ""


def _at_path(name: str) -> Path:
    path = Path(name).expanduser()
    if path.is_dir() or (path.is_file() and path.suffix.lower() == ".gguf"):
        return path
    if path.is_file():
        raise ModelNotFound(
            f"{name} is a file, and no .gguf: give the directory of its checkpoint, which has "
            "the config.json",
            model=name,
        )
    alike = suggest_names(path.name, (entry.name for entry in _entries(path.parent)))
    raise ModelNotFound(f"there is no checkpoint at {name}: no such path.{alike}", model=name)


def _entries(directory: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(directory) as entries:
            return [entry for entry in entries if not entry.name.startswith(".")]
    except OSError:
        return []
