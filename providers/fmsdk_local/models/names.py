"""From a model's name to its directory or file on this machine, without the network."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterable
from pathlib import Path

from fmsdk.errors import ModelNotFound
from fmsdk.files import expand_home
from fmsdk_local.models import hub
from fmsdk_local.models.catalog import named_models
from fmsdk_local.models.directories import models_directory

__all__ = ["is_path", "locate_model", "suggest_names", "unknown_model_error"]

_LOOKS_LIKE_PATH = re.compile(r"[./~\\]|[A-Za-z]:[/\\]")


def locate_model(name: str) -> Path:
    """The path of the checkpoint `name`: a directory, or a .gguf file.

    A name is one of the catalogue's ("demo-text"), a path ("./x", "/x", "~/x", or relative),
    a directory in the store, or a hub id ("org/name", "org/name@revision") in the hub's cache.

    Raises:
        ModelNotFound: it is not on this machine; the message says how to get it, or suggests
            similar names.
    """
    named_model = named_models().get(name)
    if named_model is not None:
        if named_model.is_local:
            return named_model.directory
        raise ModelNotFound(named_model.fetch_hint, model=name)
    if is_path(name):
        path = Path(expand_home(name))
        if path.is_dir() or (path.is_file() and path.suffix.lower() == ".gguf"):
            return path
        if path.is_file():
            raise ModelNotFound(
                f"{name} is a file, but no .gguf file: give the directory of its checkpoint, "
                "which has the config.json",
                model=name,
            )
        hint = suggest_names(path.name, (entry.name for entry in _list_entries(path.parent)))
        raise ModelNotFound(f"there is no checkpoint at {name}: no such path.{hint}", model=name)
    if (directory := models_directory() / name).is_dir() and not name.startswith("."):
        return directory
    if hub.is_hub_id(name):
        return hub.find_snapshot(name)
    raise unknown_model_error(name)


def is_path(name: str) -> bool:
    """Whether `name` is a path: it looks like one, or exists."""
    return (
        _LOOKS_LIKE_PATH.match(name) is not None
        or name.lower().endswith(".gguf")
        or os.path.exists(name)
    )


def unknown_model_error(name: str) -> ModelNotFound:
    """The error for a name of no model, with similar names."""
    stored_names = (entry.name for entry in _list_entries(models_directory()))
    names = [*named_models(), *stored_names, *(name for name, _ in hub.list_snapshots())]
    return ModelNotFound(
        f"there is no local model called {name!r}.{suggest_names(name, names)} `fmsdk models` "
        "lists what is on this machine; a path starts with ./ or /, and a hub id has the form "
        "org/name",
        model=name,
    )


def suggest_names(name: str, names: Iterable[str]) -> str:
    """ " Did you mean …?" with those of `names` that are similar to `name`, or nothing."""
    similar = difflib.get_close_matches(name, list(names), n=3, cutoff=0.6)
    return f" Did you mean {' or '.join(similar)}?" if similar else ""


def _list_entries(directory: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(directory) as entries:
            return [entry for entry in entries if not entry.name.startswith(".")]
    except OSError:
        return []
