"""The local models that `fmsdk models` lists, by the disk alone and without torch."""

from __future__ import annotations

from fmsdk.content import Modality
from fmsdk.errors import CheckpointError
from fmsdk.provider import UsableModel
from fmsdk_local.models import hub
from fmsdk_local.models.catalog import named_models
from fmsdk_local.models.checkpoint import input_modalities, kind_of, require_safetensors
from fmsdk_local.models.directories import models_directory
from fmsdk_local.models.extra import find_missing_module

__all__ = ["list_usable_models"]

_PREFIX = "local:"
_SERVED_KINDS = ("causal", "multimodal", "whisper", "whisper-ct2")
# What runs Whisper, besides what every model needs.
_SPEECH_MODULES = ("faster_whisper",)


def list_usable_models() -> list[UsableModel]:
    """The named models, then every checkpoint in the store and in the hub's cache.

    Each that is not usable has a note that says why. Checkpoints of kinds that this provider
    does not serve are left out. Without the packages that run a model, none is usable.
    """
    missing_extra: dict[bool, str] = {}
    for is_speech in (False, True):
        module = find_missing_module(*(_SPEECH_MODULES if is_speech else ()))
        advice = f"local needs {module}, which is not installed: pip install 'fmsdk[local]'"
        missing_extra[is_speech] = advice if module else ""
    rows: list[UsableModel] = []
    for model in named_models().values():
        problem = missing_extra["audio" in model.input]
        if not model.is_local:
            problem = "; then: ".join(filter(None, (problem, model.fetch_hint)))
        note = problem or f"{model.description} ({model.licence})"
        rows.append(
            UsableModel(
                _PREFIX + model.name,
                not problem,
                note,
                model.input,
                licence=model.licence,
                source=model.source,
                checked=model.checked,
            )
        )
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
            problem = missing_extra[kind.startswith("whisper")]
        except CheckpointError as error:
            problem = error.message
        except Exception as error:  # whatever somebody put there, the other models are listed
            problem = f"{path} cannot be read: {type(error).__name__}"
        rows.append(UsableModel(_PREFIX + name, not problem, problem, modalities))
    return rows
