"""What `fmsdk models` says of local models, from the disk alone and without torch."""

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
    """The named models, then every checkpoint in the store and in the hub's cache; those that
    are not usable say why. Files that belong to no model served here are left out."""
    named = named_models().values()
    taken = {model.directory for model in named}
    rows = [_named(model) for model in named]
    for name, path in [*_stored(), *hub.list_snapshots()]:
        if path not in taken and (row := _checkpoint(name, path)) is not None:
            rows.append(row)
    return rows


def _named(model: NamedModel) -> UsableModel:
    note = f"{model.what} ({model.licence})" if model.here else model.how_to_get
    return UsableModel(
        _PREFIX + model.name,
        model.here,
        note,
        model.input,
        licence=model.licence,
        source=model.source,
        checked=model.checked,
    )


def _stored() -> Iterator[tuple[str, Path]]:
    kept = models_directory()
    if kept.is_dir():
        for path in sorted(kept.iterdir()):
            if not path.name.startswith("."):
                yield path.name, path


def _checkpoint(name: str, path: Path) -> UsableModel | None:
    kind = kind_of(path)
    if kind not in ("causal", "multimodal", "whisper", "whisper-ct2"):
        return None
    taken = input_modalities(path)
    try:
        if kind != "whisper-ct2":
            require_safetensors(path)
    except CheckpointError as error:
        return UsableModel(_PREFIX + name, False, error.message, taken)
    return UsableModel(_PREFIX + name, True, "", taken)
