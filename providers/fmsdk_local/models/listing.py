"""The local models that `fmsdk models` lists, by the disk alone and without torch."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from fmsdk.errors import CheckpointError
from fmsdk.provider import UsableModel
from fmsdk_local.models import hub
from fmsdk_local.models.catalog import NamedModel, named_models
from fmsdk_local.models.checkpoint import input_modalities, kind_of, require_safetensors
from fmsdk_local.models.directories import models_directory

__all__ = ["list_usable_models"]

_PREFIX = "local:"


def list_usable_models() -> list[UsableModel]:
    """The named models, then every checkpoint in the store and in the hub's cache.

    Each that is not usable has a note that says why. Checkpoints of kinds that this provider
    does not serve are left out.
    """
    named = named_models().values()
    named_directories = {model.directory for model in named}
    rows = [_row_of_named(model) for model in named]
    for name, path in [*_list_store(), *hub.list_snapshots()]:
        if path not in named_directories and (row := _row_of_checkpoint(name, path)) is not None:
            rows.append(row)
    return rows


def _row_of_named(model: NamedModel) -> UsableModel:
    note = f"{model.description} ({model.licence})" if model.is_local else model.fetch_hint
    return UsableModel(
        _PREFIX + model.name,
        model.is_local,
        note,
        model.input,
        licence=model.licence,
        source=model.source,
        checked=model.checked,
    )


def _list_store() -> Iterator[tuple[str, Path]]:
    directory = models_directory()
    if directory.is_dir():
        for path in sorted(directory.iterdir()):
            if not path.name.startswith("."):
                yield path.name, path


def _row_of_checkpoint(name: str, path: Path) -> UsableModel | None:
    kind = kind_of(path)
    if kind not in ("causal", "multimodal", "whisper", "whisper-ct2"):
        return None
    modalities = input_modalities(path)
    try:
        if kind != "whisper-ct2":
            require_safetensors(path)
    except CheckpointError as error:
        return UsableModel(_PREFIX + name, False, error.message, modalities)
    return UsableModel(_PREFIX + name, True, "", modalities)
