"""The local models that `fmsdk models` lists, by the disk alone and without torch."""

from __future__ import annotations

from fmsdk.content import Modality
from fmsdk.errors import CheckpointError
from fmsdk.provider import UsableModel
from fmsdk_local.models import hub
from fmsdk_local.models.catalog import named_models
from fmsdk_local.models.checkpoint import input_modalities, kind_of, require_safetensors
from fmsdk_local.models.directories import models_directory

__all__ = ["list_usable_models"]

_PREFIX = "local:"
_SERVED_KINDS = ("causal", "multimodal", "whisper", "whisper-ct2")


def list_usable_models() -> list[UsableModel]:
    """The named models, then every checkpoint in the store and in the hub's cache.

    Each that is not usable has a note that says why. Checkpoints of kinds that this provider
    does not serve are left out.
    """
    rows = [
        UsableModel(
            _PREFIX + model.name,
            model.is_local,
            f"{model.description} ({model.licence})" if model.is_local else model.fetch_hint,
            model.input,
            licence=model.licence,
            source=model.source,
            checked=model.checked,
        )
        for model in named_models().values()
    ]
    named_directories = {model.directory for model in named_models().values()}
    entries = sorted(models_directory().glob("[!.]*"))
    for name, path in [*((entry.name, entry) for entry in entries), *hub.list_snapshots()]:
        problem, modalities = "", frozenset[Modality]()
        try:
            kind = kind_of(path)
            if path in named_directories or kind not in _SERVED_KINDS:
                continue
            modalities = input_modalities(path)
            if kind != "whisper-ct2":
                require_safetensors(path)
        except CheckpointError as error:
            problem = error.message
        except Exception as error:  # whatever somebody put there, the other models are listed
            problem = f"{path} cannot be read: {type(error).__name__}"
        rows.append(UsableModel(_PREFIX + name, not problem, problem, modalities))
    return rows
